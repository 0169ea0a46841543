// simdjson as its users would use it for transcripts: a DOM per line, and out of it either two counts of
// message.usage or all that our scanner extracts. The only C++ of the project, built for the benchmark alone
// and only where the library is installed.

#include <algorithm>
#include <cstring>
#include <string>

#include "bench.h"
#include "bench_simdjson.h"

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

// One for each kernel: a parser stays with the kernel that it began with. Kept between calls, as the
// documentation asks: its buffers are reused.
simdjson::dom::parser best_parser, named_parser;

const simdjson::implementation *find(const char *kernel)
{
    const simdjson::implementation *found =
        kernel ? simdjson::get_available_implementations()[kernel]
               : simdjson::get_available_implementations().detect_best_supported();

    return found && found->supported_by_runtime_system() ? found : nullptr;
}

// The parser of the kernel, which becomes the active one; NULL where the CPU has not got it.
simdjson::dom::parser *choose(const char *kernel)
{
    const simdjson::implementation *found = find(kernel);

    if (!found)
        return nullptr;
    simdjson::get_active_implementation() = found;
    return kernel ? &named_parser : &best_parser;
}

} // namespace

extern "C" size_t simdjson_padding(void)
{
    return simdjson::SIMDJSON_PADDING;
}

extern "C" const char *simdjson_kernel(const char *kernel)
{
    static std::string names[2];
    const simdjson::implementation *found = find(kernel);

    names[kernel != nullptr] = found ? found->name() : "none";
    return names[kernel != nullptr].c_str();
}

extern "C" int simdjson_dom(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum)
{
    simdjson::dom::parser *parser = choose(kernel);

    if (!parser)
        return -1;
    for (size_t at = 0; at < len;) {
        const void *end = std::memchr(bytes + at, '\n', len - at);
        size_t stop = end ? static_cast<const char *>(end) - bytes : len;
        simdjson::dom::element record;

        if (stop > at && !parser->parse(bytes + at, stop - at, false).get(record))
            count(record, sum);
        at = stop + 1;
    }
    sum->bytes += len;
    return 0;
}

extern "C" int simdjson_record(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum)
{
    simdjson::dom::parser *parser = choose(kernel);
    static oks_record record;

    if (!parser)
        return -1;
    for (size_t at = 0; at < len;) {
        const void *end = std::memchr(bytes + at, '\n', len - at);
        size_t stop = end ? static_cast<const char *>(end) - bytes : len;
        simdjson::dom::element line;

        if (stop > at && !parser->parse(bytes + at, stop - at, false).get(line) &&
            simdjson_fields(line, &record))
            bench_record(sum, &record);
        at = stop + 1;
    }
    sum->bytes += len;
    return 0;
}

extern "C" int simdjson_many(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum)
{
    simdjson::dom::parser *parser = choose(kernel);
    simdjson::dom::document_stream stream;

    if (!parser)
        return -1;
#ifdef SIMDJSON_THREADS_ENABLED
    parser->threaded = false; // one thread against one thread
#endif
    // A batch has to hold the longest line: it holds all of them.
    if (parser->parse_many(bytes, len, std::max(len, size_t{1} << 20)).get(stream))
        return -1;
    for (auto record : stream)
        if (!record.error())
            count(record.value_unsafe(), sum);
    sum->bytes += len;
    return 0;
}
