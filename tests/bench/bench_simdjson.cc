// simdjson as its users would use it for transcripts: a DOM per line, and the counts taken out of
// message.usage. The only C++ of the project, built for the benchmark alone and only where the library is
// installed.

#include <cstring>
#include <simdjson.h>

#include "bench.h"

namespace
{

void count(simdjson::dom::element record, bench_sum *sum)
{
    simdjson::dom::element usage;
    uint64_t tokens;

    sum->lines++;
    if (record["message"]["usage"].get(usage))
        return;
    if (!usage["input_tokens"].get(tokens))
        sum->tokens += tokens;
    if (!usage["output_tokens"].get(tokens))
        sum->tokens += tokens;
}

bool choose(const char *kernel)
{
    const simdjson::implementation *chosen = nullptr;

    if (!kernel)
        chosen = simdjson::get_available_implementations().detect_best_supported();
    else
        chosen = simdjson::get_available_implementations()[kernel];
    if (!chosen || !chosen->supported_by_runtime_system())
        return false;
    simdjson::get_active_implementation() = chosen;
    return true;
}

} // namespace

extern "C" size_t simdjson_padding(void)
{
    return simdjson::SIMDJSON_PADDING;
}

extern "C" int simdjson_dom(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum)
{
    if (!choose(kernel))
        return -1;
    simdjson::dom::parser parser;
    for (size_t at = 0; at < len;) {
        const void *end = std::memchr(bytes + at, '\n', len - at);
        size_t stop = end ? static_cast<const char *>(end) - bytes : len;
        simdjson::dom::element record;

        if (stop > at && !parser.parse(bytes + at, stop - at, false).get(record))
            count(record, sum);
        at = stop + 1;
    }
    sum->bytes = len;
    return 0;
}

extern "C" int simdjson_many(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum)
{
    if (!choose(kernel))
        return -1;
    simdjson::dom::parser parser;
    simdjson::dom::document_stream stream;

#ifdef SIMDJSON_THREADS_ENABLED
    parser.threaded = false; // one thread against one thread
#endif
    // A batch has to hold the longest line.
    if (parser.parse_many(bytes, len, size_t{4} << 20).get(stream))
        return -1;
    for (auto record : stream)
        if (!record.error())
            count(record.value_unsafe(), sum);
    sum->bytes = len;
    return 0;
}
