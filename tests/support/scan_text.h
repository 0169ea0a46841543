/* What a scan delivers, as text: two scans that give the same text have said the same in every field. */
#ifndef OKSTRAFS_TESTS_SCAN_TEXT_H
#define OKSTRAFS_TESTS_SCAN_TEXT_H

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/scanner.h"
#include "sources/source.h"
#include "tap.h"

static const enum oks_isa text_isas[] = {OKS_ISA_SCALAR, OKS_ISA_SSE2, OKS_ISA_AVX2, OKS_ISA_AVX512};

/* For each instruction set that this CPU has; `scanner` is freed at the end of each round. */
#define EACH_ISA(scanner)                                                                  \
    for (size_t isa_ = 0; isa_ < sizeof(text_isas) / sizeof(text_isas[0]); isa_++)         \
        for (struct oks_scanner *scanner = text_scanner(text_isas[isa_]); scanner != NULL; \
             oks_scanner_free(scanner), scanner = NULL)

static inline struct oks_scanner *text_scanner(enum oks_isa isa)
{
    struct oks_scanner *scanner = NULL;
    int r = source_scanner_new(&scanner, isa, OKS_SOURCE_CLAUDE);

    ck_assert_msg(r == 0 || (r == -ENOTSUP && isa != OKS_ISA_SCALAR), "%s: %d", oks_isa_name(isa), r);
    return r ? NULL : scanner;
}

static inline void text_slice(FILE *f, const char *name, struct oks_slice s)
{
    if (!s.ptr)
        return;
    fprintf(f, " %s=<", name);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= ' ' && s.ptr[i] <= '~' && s.ptr[i] != '>')
            fputc(s.ptr[i], f);
        else
            fprintf(f, "%%%02x", (unsigned char)s.ptr[i]);
    }
    fputc('>', f);
}

static inline void text_number(FILE *f, const char *name, uint64_t n)
{
    if (n)
        fprintf(f, " %s=%" PRIu64, name, n);
}

static inline void text_usage(FILE *f, const struct oks_usage *u)
{
    if (!u->present)
        return;
    fprintf(f, " usage{");
    text_number(f, "i", u->input);
    text_number(f, "o", u->output);
    text_number(f, "c", u->cache_creation);
    text_number(f, "c5", u->cache_creation_5m);
    text_number(f, "c1", u->cache_creation_1h);
    text_number(f, "r", u->cache_read);
    text_number(f, "web", u->web_search_requests);
    text_slice(f, "speed", u->speed);
    text_slice(f, "geo", u->inference_geo);
    text_slice(f, "tier", u->service_tier);
    fprintf(f, " }");
}

static inline void text_message(FILE *f, const struct oks_message *m)
{
    text_slice(f, "id", m->id);
    fprintf(f, "%s", m->foreign_id ? " foreign" : "");
    text_slice(f, "model", m->model);
    text_slice(f, "stop", m->stop_reason);
    text_usage(f, &m->usage);
}

static inline void text_nested(FILE *f, const struct oks_record *r)
{
    if (!r->nested_present)
        return;
    fprintf(f, " nested{");
    text_slice(f, "uuid", r->nested_uuid);
    text_slice(f, "request", r->nested_request_id);
    text_slice(f, "t", r->nested_timestamp);
    text_message(f, &r->nested);
    fprintf(f, " }");
}

static const char *const text_steps[] = {"message", "fallback", "advisor", "compaction"};

static inline int text_record(void *ctx, const struct oks_record *r, bool complete)
{
    char stamp[OKS_STAMP_TEXT];
    FILE *f = ctx;

    fprintf(f, "%" PRIu64 "+%" PRIu64 "%s type=%d", r->offset, r->length, complete ? "" : " (tail)", r->type);
    text_slice(f, "t", oks_stamp_text(oks_record_stamp(r), stamp));
    text_slice(f, "agent", r->agent_name);
    text_slice(f, "session", r->session_id);
    text_slice(f, "uuid", r->uuid);
    text_slice(f, "request", r->request_id);
    text_slice(f, "agentid", r->agent_id);
    text_slice(f, "cwd", r->cwd);
    text_slice(f, "version", r->version);
    text_slice(f, "subtype", r->subtype);
    text_slice(f, "branch", r->branch);
    text_slice(f, "effort", r->effort);
    fprintf(f, "%s%s%s", r->is_sidechain ? " side" : "", r->is_api_error ? " error" : "",
            r->is_compact_summary ? " summary" : "");
    text_message(f, &r->message);
    text_number(f, "tools", r->tool_uses);
    for (unsigned i = 0; i < r->n_tools; i++)
        text_slice(f, "tool", r->tools[i]);
    for (unsigned i = 0; i < r->n_steps; i++) {
        fprintf(f, " %s", text_steps[r->steps[i].type]);
        text_slice(f, "model", r->steps[i].model);
        text_usage(f, &r->steps[i].usage);
    }
    text_number(f, "dropped", r->steps_dropped);
    for (unsigned i = 0; i < r->n_searches; i++)
        text_slice(f, "search", r->searches[i]);
    fprintf(f, "%s", r->is_tool_result ? " result" : "");
    text_slice(f, "of", r->result_of);
    text_number(f, "searched", r->search_count);
    text_slice(f, "trigger", r->compact_trigger);
    text_number(f, "pre", r->compact_pre_tokens);
    text_nested(f, r);
    text_number(f, "rest", r->rest);
    fprintf(f, "%s", r->is_rest ? " (it)" : "");
    text_number(f, "context", r->context);
    text_number(f, "odd", r->odd);
    fputc('\n', f);
    return 0;
}

static inline int text_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    fprintf(ctx, "team %" PRIu64, offset);
    text_slice(ctx, "name", name);
    fputc('\n', ctx);
    return 0;
}

/* The text of these bytes; the caller frees it. */
static inline char *text_of(struct oks_scanner *scanner, const char *bytes, size_t len,
                            struct oks_scan_result *result)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    struct oks_sink sink = {.ctx = f, .record = text_record, .team = text_team};

    ck_assert_int_eq(oks_scanner_scan_bytes(scanner, bytes, len, 0, &sink, result), 0);
    fclose(f);
    return text;
}

#endif
