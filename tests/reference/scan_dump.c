/*
 * Prints what the scanner says about a file, one compact JSON line per record, so that diff_scanner.py can
 * compare it with what Python's json makes of the same bytes.
 *
 *   scan_dump [--isa NAME] [--line-max BYTES] [--bytes] FILE
 *   scan_dump --list                the instruction sets that this CPU has, best last
 *
 * Fields at their default (absent, 0, false) are left out, on both sides of the comparison. Strings of
 * records are UTF-8 and go out as they are; team names are raw bytes, so every byte of theirs above 0x7e is
 * written as \u00XX.
 * --bytes scans the file from memory instead of from its descriptor. Exit 77: this CPU lacks the instruction
 * set.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/scanner.h"
#include "sources/source.h"

enum { EXIT_SKIP = 77 };

struct options {
    enum oks_isa isa;
    uint64_t line_max;
    bool from_bytes;
    const char *path;
};

static void put_char(unsigned char c, bool raw)
{
    if (c == '"' || c == '\\')
        printf("\\%c", c);
    else if (c < 0x20 || (raw && c > 0x7e))
        printf("\\u%04x", c);
    else
        putchar(c);
}

static void put_quoted(struct oks_slice s, bool raw)
{
    putchar('"');
    for (size_t i = 0; i < s.len; i++)
        put_char((unsigned char)s.ptr[i], raw);
    putchar('"');
}

/* A comma is due after every pair but the first; an object always opens with a pair, or with '{' just before.
 */
struct writer {
    bool comma;
};

static void put_key(struct writer *w, const char *key)
{
    printf("%s\"%s\":", w->comma ? "," : "", key);
    w->comma = true;
}

static void put_slice(struct writer *w, const char *key, struct oks_slice s)
{
    if (!s.ptr)
        return;
    put_key(w, key);
    put_quoted(s, false);
}

static void put_number(struct writer *w, const char *key, uint64_t n)
{
    if (!n)
        return;
    put_key(w, key);
    printf("%" PRIu64, n);
}

static void put_flag(struct writer *w, const char *key, bool flag)
{
    if (!flag)
        return;
    put_key(w, key);
    fputs("true", stdout);
}

static void open_object(struct writer *w, const char *key)
{
    put_key(w, key);
    putchar('{');
    w->comma = false;
}

static void close_object(struct writer *w)
{
    putchar('}');
    w->comma = true;
}

static void put_usage(struct writer *w, const struct oks_usage *usage)
{
    open_object(w, "usage");
    put_flag(w, "present", usage->present);
    put_number(w, "input", usage->input);
    put_number(w, "output", usage->output);
    put_number(w, "creation", usage->cache_creation);
    put_number(w, "creation_5m", usage->cache_creation_5m);
    put_number(w, "creation_1h", usage->cache_creation_1h);
    put_number(w, "read", usage->cache_read);
    put_number(w, "searches", usage->web_search_requests);
    put_slice(w, "speed", usage->speed);
    put_slice(w, "geo", usage->inference_geo);
    put_slice(w, "tier", usage->service_tier);
    close_object(w);
}

static void put_message(struct writer *w, const char *key, const struct oks_message *message)
{
    open_object(w, key);
    put_slice(w, "id", message->id);
    put_flag(w, "foreign_id", message->foreign_id);
    put_slice(w, "model", message->model);
    put_slice(w, "stop_reason", message->stop_reason);
    put_usage(w, &message->usage);
    close_object(w);
}

static const char *const step_names[] = {
    [OKS_STEP_MESSAGE] = "message",
    [OKS_STEP_FALLBACK] = "fallback_message",
    [OKS_STEP_ADVISOR] = "advisor_message",
    [OKS_STEP_COMPACTION] = "compaction",
};

static void put_steps(struct writer *w, const struct oks_record *record)
{
    if (record->n_steps) {
        put_key(w, "steps");
        putchar('[');
        for (unsigned i = 0; i < record->n_steps; i++) {
            fputs(i ? ",{" : "{", stdout);
            w->comma = false;
            put_slice(w, "type", oks_slice_of(step_names[record->steps[i].type]));
            put_slice(w, "model", record->steps[i].model);
            put_usage(w, &record->steps[i].usage);
            close_object(w);
        }
        putchar(']');
    }
    put_number(w, "steps_dropped", record->steps_dropped);
}

static void put_searches(struct writer *w, const struct oks_record *record)
{
    if (record->n_searches) {
        put_key(w, "searches");
        putchar('[');
        for (unsigned i = 0; i < record->n_searches; i++) {
            fputs(i ? "," : "", stdout);
            put_quoted(record->searches[i], false);
        }
        putchar(']');
    }
    put_flag(w, "is_tool_result", record->is_tool_result);
    put_slice(w, "result_of", record->result_of);
    put_number(w, "search_count", record->search_count);
}

static void put_tools(struct writer *w, const struct oks_record *record)
{
    if (record->n_tools == 0)
        return;
    put_key(w, "tools");
    putchar('[');
    for (unsigned i = 0; i < record->n_tools; i++) {
        fputs(i ? "," : "", stdout);
        put_quoted(record->tools[i].ptr ? record->tools[i] : OKS_SLICE(""), false);
    }
    putchar(']');
}

static const char *const type_names[] = {
    [OKS_RECORD_OTHER] = "other",       [OKS_RECORD_ASSISTANT] = "assistant",
    [OKS_RECORD_USER] = "user",         [OKS_RECORD_SYSTEM] = "system",
    [OKS_RECORD_PROGRESS] = "progress", [OKS_RECORD_ATTACHMENT] = "attachment",
    [OKS_RECORD_SUMMARY] = "summary",
};

static void put_envelope(struct writer *w, const struct oks_record *record)
{
    char stamp[OKS_STAMP_TEXT];

    put_key(w, "type");
    put_quoted(oks_slice_of(type_names[record->type]), false);
    put_slice(w, "timestamp",
              record->time ? oks_stamp_text(oks_record_stamp(record), stamp) : record->timestamp);
    put_slice(w, "agent_name", record->agent_name);
    put_slice(w, "session_id", record->session_id);
    put_slice(w, "uuid", record->uuid);
    put_slice(w, "request_id", record->request_id);
    put_slice(w, "agent_id", record->agent_id);
    put_slice(w, "cwd", record->cwd);
    put_slice(w, "version", record->version);
    put_slice(w, "subtype", record->subtype);
    put_slice(w, "branch", record->branch);
    put_slice(w, "effort", record->effort);
    put_flag(w, "is_sidechain", record->is_sidechain);
    put_flag(w, "is_api_error", record->is_api_error);
    put_flag(w, "is_compact_summary", record->is_compact_summary);
}

static void put_nested(struct writer *w, const struct oks_record *record)
{
    put_flag(w, "nested_present", record->nested_present);
    put_message(w, "nested", &record->nested);
    put_slice(w, "nested_uuid", record->nested_uuid);
    put_slice(w, "nested_request_id", record->nested_request_id);
    put_slice(w, "nested_timestamp", record->nested_timestamp);
}

static int on_record(void *ctx, const struct oks_record *record, bool complete)
{
    struct writer w = {.comma = true};

    printf("{\"at\":%" PRIu64 ",\"length\":%" PRIu64, record->offset, record->length);
    put_flag(&w, "unfinished", !complete);
    put_envelope(&w, record);
    put_message(&w, "message", &record->message);
    put_number(&w, "tool_uses", record->tool_uses);
    put_steps(&w, record);
    put_searches(&w, record);
    put_tools(&w, record);
    put_slice(&w, "compact_trigger", record->compact_trigger);
    put_number(&w, "compact_pre_tokens", record->compact_pre_tokens);
    put_nested(&w, record);
    put_number(&w, "odd", record->odd);
    puts("}");
    return 0;
}

static int on_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    printf("{\"at\":%" PRIu64 ",\"team\":", offset);
    put_quoted(name, true);
    puts("}");
    return 0;
}

static int scan_bytes(struct oks_scanner *scanner, int fd, const struct oks_sink *sink,
                      struct oks_scan_result *result)
{
    struct stat st;
    char *bytes;
    ssize_t n;
    int r;

    if (fstat(fd, &st) < 0)
        return -errno;
    /* Exactly as long as the content, so that a sanitizer sees one byte too many being read. */
    bytes = malloc(st.st_size ? (size_t)st.st_size : 1);
    if (!bytes)
        return -ENOMEM;
    n = pread(fd, bytes, (size_t)st.st_size, 0);
    r = n == st.st_size ? oks_scanner_scan_bytes(scanner, bytes, (size_t)n, 0, sink, result) : -EIO;
    free(bytes);
    return r;
}

static int dump(const struct options *options)
{
    const struct oks_sink sink = {.record = on_record, .team = on_team};
    struct oks_scan_result result = {0};
    struct oks_scanner *scanner;
    int fd, r;

    r = source_scanner_new(&scanner, options->isa, OKS_SOURCE_CLAUDE);
    if (r < 0)
        return r;
    if (options->line_max)
        oks_scanner_set_line_max(scanner, options->line_max);
    fd = open(options->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        r = -errno;
    else if (options->from_bytes)
        r = scan_bytes(scanner, fd, &sink, &result);
    else
        r = oks_scanner_scan_fd(scanner, fd, 0, &sink, NULL, &result);
    if (r == 0)
        printf("{\"isa\":\"%s\",\"cursor\":%" PRIu64 ",\"end\":%" PRIu64 ",\"bytes_read\":%" PRIu64
               ",\"lines\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"odd\":%" PRIu64 "}\n",
               oks_isa_name(oks_scanner_isa(scanner)), result.cursor, result.end, result.bytes_read,
               result.lines, result.bad, result.odd);
    if (fd >= 0)
        close(fd);
    oks_scanner_free(scanner);
    return r;
}

static int list(void)
{
    for (enum oks_isa isa = OKS_ISA_SCALAR; isa <= OKS_ISA_AVX512; isa++) {
        struct oks_scanner *scanner;

        if (source_scanner_new(&scanner, isa, OKS_SOURCE_CLAUDE) < 0)
            continue;
        puts(oks_isa_name(isa));
        oks_scanner_free(scanner);
    }
    return EXIT_SUCCESS;
}

static int usage(void)
{
    fputs("usage: scan_dump [--isa NAME] [--line-max BYTES] [--bytes] FILE | scan_dump --list\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct options options = {.isa = OKS_ISA_AUTO};
    int r;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list();
        if (strcmp(argv[i], "--bytes") == 0)
            options.from_bytes = true;
        else if (strcmp(argv[i], "--isa") == 0 && i + 1 < argc &&
                 oks_isa_parse(argv[i + 1], &options.isa) == 0)
            i++;
        else if (strcmp(argv[i], "--line-max") == 0 && i + 1 < argc)
            options.line_max = strtoull(argv[++i], NULL, 10);
        else if (argv[i][0] != '-')
            options.path = argv[i];
        else
            return usage();
    }
    if (!options.path)
        return usage();
    r = dump(&options);
    if (r == -ENOTSUP)
        return EXIT_SKIP;
    if (r < 0)
        fprintf(stderr, "scan_dump: %s: %s\n", options.path, strerror(-r));
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
