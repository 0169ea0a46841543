/*
 * A transcript of a source that remembers, as it grows: what its scans have told so far, added up.
 *
 * Complete lines are added for good and the unfinished one on top of them, a request told again replaces what
 * it was, and a scan that says -ESTALE is followed by one from the start: what an engine makes of a
 * transcript. Two feeds that came to the same bytes by different cuts must say the same.
 */
#ifndef OKSTRAFS_TESTS_SOURCE_FEED_H
#define OKSTRAFS_TESTS_SOURCE_FEED_H

#include <stdarg.h>

#include "effort.h"
#include "scan_text.h"

#include "sources/source.h"
#include "catalog/transcript_scan.h"

enum { TOLD_REQUESTS_MAX = 64, TOLD_NAME = 128, TOLD_TEXT = 16384 };

/* What one record says. */
struct told_line {
    struct oks_event event;
    bool measured, side;
    bool lacks, rests; /* `rest` of struct oks_record: it comes later; this is it */
    uint64_t context;
    struct oks_usage usage; /* numbers only */
    char stamp[TOLD_NAME], id[TOLD_NAME], alias[TOLD_NAME], rest[TOLD_NAME], model[TOLD_NAME],
        session[TOLD_NAME], agent[TOLD_NAME], cwd[TOLD_NAME];
};

struct told {
    uint64_t count[OKS_COLUMNS];
    bool side;
    char first[TOLD_NAME], last[TOLD_NAME], session[TOLD_NAME], agent[TOLD_NAME], cwd[TOLD_NAME];
    struct told_line requests[TOLD_REQUESTS_MAX];
    size_t n_requests;
    struct told_line rests[TOLD_REQUESTS_MAX]; /* by key; what still lacks is all zero */
    size_t n_rests;
};

struct feed {
    enum oks_source source;
    struct oks_scanner *scanner;
    const char *peers;
    char *memo;
    uint64_t cursor, odd;
    unsigned anew; /* how often a scan was -ESTALE */
    struct told told;
    bool unfinished;
    struct told_line tail;
};

static inline void told_copy(char to[TOLD_NAME], struct oks_slice s)
{
    snprintf(to, TOLD_NAME, "%.*s", (int)s.len, s.ptr ? s.ptr : "");
}

static inline void told_key(char to[TOLD_NAME], uint64_t key)
{
    snprintf(to, TOLD_NAME, "%016" PRIx64, key);
}

static inline void told_of_record(const struct oks_record *r, struct told_line *line)
{
    char stamp[OKS_STAMP_TEXT];

    memset(line, 0, sizeof(*line));
    transcript_record_event(r, &line->event);
    line->measured = r->message.usage.present && !r->copied && (r->key || !r->alias);
    line->rests = r->is_rest;
    line->lacks = r->rest && !r->is_rest;
    line->context = r->context;
    line->side = r->is_sidechain;
    line->usage = r->message.usage;
    if (!r->copied)
        told_copy(line->stamp, oks_stamp_text(oks_record_stamp(r), stamp));
    told_copy(line->id, r->message.id);
    if (r->key)
        told_key(line->id, r->key);
    if (r->rest)
        told_key(line->rest, r->rest);
    if (r->alias)
        told_key(line->alias, r->alias);
    told_copy(line->model, r->message.model);
    told_copy(line->session, r->session_id);
    told_copy(line->agent, r->agent_name);
    told_copy(line->cwd, r->cwd);
}

static inline void told_first(char to[TOLD_NAME], const char *name)
{
    if (!*to)
        strcpy(to, name);
}

static inline void told_request(struct told *told, const struct told_line *line)
{
    size_t i = 0;

    while (i < told->n_requests && (!*line->id || strcmp(told->requests[i].id, line->id) != 0))
        i++;
    ck_assert_uint_lt(i, TOLD_REQUESTS_MAX);
    told->requests[i] = *line;
    told->n_requests += i == told->n_requests;
}

static inline void told_rest(struct told *told, const struct told_line *line)
{
    size_t i = 0;

    while (i < told->n_rests && strcmp(told->rests[i].rest, line->rest) != 0)
        i++;
    ck_assert_uint_lt(i, TOLD_REQUESTS_MAX);
    if (i < told->n_rests && !line->rests)
        return; /* it is known already */
    told->rests[i] = *line;
    if (!line->rests)
        told->rests[i].usage = (struct oks_usage){0};
    told->n_rests += i == told->n_rests;
}

/* What has the key is no request. */
static inline void told_alias(struct told *told, const char *key)
{
    size_t kept = 0;

    for (size_t i = 0; i < told->n_requests; i++)
        if (strcmp(told->requests[i].id, key) != 0)
            told->requests[kept++] = told->requests[i];
    told->n_requests = kept;
}

static inline void told_add(struct told *told, const struct told_line *line)
{
    for (int i = 0; i < OKS_COLUMNS; i++)
        told->count[i] = oks_tokens_add(told->count[i], line->event.count[i]);
    if (*line->stamp && (!*told->first || strcmp(line->stamp, told->first) < 0))
        strcpy(told->first, line->stamp);
    if (strcmp(line->stamp, told->last) > 0)
        strcpy(told->last, line->stamp);
    told_first(told->session, line->session);
    told_first(told->agent, line->agent);
    told_first(told->cwd, line->cwd);
    told->side |= line->side;
    if (*line->alias)
        told_alias(told, line->alias);
    if (line->measured && !line->rests)
        told_request(told, line);
    if (*line->rest)
        told_rest(told, line);
}

static inline int feed_record(void *ctx, const struct oks_record *r, bool complete)
{
    struct feed *feed = ctx;
    struct told_line line;

    told_of_record(r, &line);
    if (complete) {
        told_add(&feed->told, &line);
    } else {
        feed->tail = line;
        feed->unfinished = true;
    }
    return 0;
}

static inline int feed_scan(struct feed *feed, const char *bytes, size_t len, struct oks_scan_result *result)
{
    struct oks_sink sink = {.ctx = feed, .record = feed_record, .team = NULL};

    feed->unfinished = false;
    ck_assert_int_eq(source_scanner_set(feed->scanner, feed->source, feed->memo ? feed->memo : "",
                                        feed->peers ? feed->peers : ""),
                     0);
    return oks_scanner_scan_bytes(feed->scanner, bytes + feed->cursor, len - feed->cursor, feed->cursor,
                                  &sink, result);
}

static inline void feed_forget(struct feed *feed)
{
    memset(&feed->told, 0, sizeof(feed->told));
    free(feed->memo);
    feed->memo = NULL;
    feed->cursor = feed->odd = 0;
}

/* The transcript has these bytes now, of which those that were there before are the same. */
static inline void feed_to(struct feed *feed, const char *bytes, size_t len)
{
    struct oks_scan_result result;
    int r = feed_scan(feed, bytes, len, &result);

    if (r == -ESTALE) {
        feed->anew++;
        feed_forget(feed);
        r = feed_scan(feed, bytes, len, &result);
    }
    ck_assert_int_eq(r, 0);
    free(feed->memo);
    ck_assert_int_eq(oks_scanner_memo(feed->scanner, &feed->memo), 0);
    feed->cursor = result.cursor;
    feed->odd += result.odd;
}

static inline struct feed feed_new(enum oks_source source, enum oks_isa isa, const char *peers)
{
    return (struct feed){.source = source, .scanner = text_scanner(isa), .peers = peers};
}

static inline void feed_free(struct feed *feed)
{
    feed_forget(feed);
    oks_scanner_free(feed->scanner);
}

/* --- what a feed says --- */

static inline struct told feed_now(const struct feed *feed)
{
    struct told now = feed->told;

    if (feed->unfinished)
        told_add(&now, &feed->tail);
    return now;
}

/* One of a few texts that may be in use at once. */
static inline char *feed_text_room(void)
{
    static char ring[8][TOLD_TEXT];
    static unsigned turn;

    return ring[turn++ % 8];
}

/* "i=30 o=5 w=10 r=60 u=2" */
static inline const char *feed_counts(const struct feed *feed)
{
    struct told now = feed_now(feed);
    const uint64_t *n = now.count;
    char *text = feed_text_room();

    ck_assert_uint_eq(n[OKS_CACHE_CREATION], n[OKS_CACHE_CREATION_5M]);
    ck_assert_uint_eq(n[OKS_CACHE_CREATION_1H], 0);
    sprintf(text, "i=%" PRIu64 " o=%" PRIu64 " w=%" PRIu64 " r=%" PRIu64 " u=%" PRIu64, n[OKS_INPUT],
            n[OKS_OUTPUT], n[OKS_CACHE_CREATION], n[OKS_CACHE_READ], n[OKS_TOOL_USES]);
    return text;
}

static inline int told_by_id(const void *a, const void *b)
{
    return strcmp(((const struct told_line *)a)->id, ((const struct told_line *)b)->id);
}

/* "<id> <model> <input>/<write>/<read>/<output>", one a line, by id. */
static inline const char *feed_requests(const struct feed *feed)
{
    struct told now = feed_now(feed);
    char *text = feed_text_room(), *p = text;

    qsort(now.requests, now.n_requests, sizeof(*now.requests), told_by_id);
    *p = '\0';
    for (size_t i = 0; i < now.n_requests; i++) {
        const struct told_line *r = &now.requests[i];

        p += sprintf(p, "%s %s %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64 "\n", r->id, r->model,
                     r->usage.input, r->usage.cache_creation, r->usage.cache_read, r->usage.output);
    }
    return text;
}

static inline int told_by_rest(const void *a, const void *b)
{
    return strcmp(((const struct told_line *)a)->rest, ((const struct told_line *)b)->rest);
}

/* "<model> <input>/<write>/<read>/<output>", one a line, by key; "lacks" where it did not come. */
static inline const char *feed_rests(const struct feed *feed)
{
    struct told now = feed_now(feed);
    char *text = feed_text_room(), *p = text;

    qsort(now.rests, now.n_rests, sizeof(*now.rests), told_by_rest);
    *p = '\0';
    for (size_t i = 0; i < now.n_rests; i++) {
        const struct told_line *r = &now.rests[i];

        p += sprintf(p, "%s %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64 "%s\n", r->model, r->usage.input,
                     r->usage.cache_creation, r->usage.cache_read, r->usage.output, r->lacks ? " lacks" : "");
    }
    return text;
}

/* All of it. */
static inline const char *feed_text(const struct feed *feed)
{
    struct told now = feed_now(feed);
    char *text = feed_text_room();

    sprintf(text, "%s %s..%s session <%s> agent <%s> cwd <%s>%s\n%s%s", feed_counts(feed), now.first,
            now.last, now.session, now.agent, now.cwd, now.side ? " side" : "", feed_requests(feed),
            feed_rests(feed));
    return text;
}

static inline void feed_same(const struct feed *feed, const struct feed *want, size_t at)
{
    const char *text = feed_text(feed), *wanted = feed_text(want);

    ck_assert_msg(strcmp(text, wanted) == 0, "at %zu: %s\nwanted: %s", at, text, wanted);
}

/* Byte by byte, and in two pieces for each cut (every 23rd where a tool makes all of them slow): each time
 * what one scan of all there is comes to. */
static inline void feed_every_cut(enum oks_source source, const char *bytes, size_t len, const char *peers)
{
    struct feed growing = feed_new(source, OKS_ISA_AUTO, peers), all = feed_new(source, OKS_ISA_AUTO, peers);

    feed_to(&all, bytes, len);
    for (size_t cut = 1; cut <= len; cut += by_effort(23, 1, 1)) {
        struct feed two = feed_new(source, OKS_ISA_AUTO, peers);

        feed_to(&two, bytes, cut);
        feed_to(&growing, bytes, cut);
        feed_same(&growing, &two, cut);
        feed_to(&two, bytes, len);
        feed_same(&two, &all, cut);
        feed_free(&two);
    }
    feed_free(&growing);
    feed_free(&all);
}

/* What the transcript leaves to be remembered; malloc'ed. */
static inline char *feed_memo(enum oks_source source, const char *bytes, size_t len, const char *peers)
{
    struct feed feed = feed_new(source, OKS_ISA_AUTO, peers);
    char *memo;

    feed_to(&feed, bytes, len);
    memo = feed.memo;
    feed.memo = NULL;
    feed_free(&feed);
    return memo;
}

/* --- tool calls --- */

static inline int feed_note(void *ctx, const struct oks_tool_note *note)
{
    static const char *const steps[] = {"call", "done", "outcome", "result", "response", "over"};
    static const char *const outcomes[] = {"", " ok", " failed"};
    char *text = ctx;

    sprintf(text + strlen(text), "%.*s %s %.*s %.*s%s\n", (int)note->timestamp.len,
            note->timestamp.ptr ? note->timestamp.ptr : "", steps[note->step], (int)note->id.len,
            note->id.ptr ? note->id.ptr : "", (int)note->name.len, note->name.ptr ? note->name.ptr : "",
            outcomes[note->outcome]);
    return 0;
}

/* "<time> <step> <id> <name>[ ok| failed]", one a line. */
static inline const char *feed_tools(enum oks_source source, const char *bytes, size_t len)
{
    struct oks_scanner *scanner = text_scanner(OKS_ISA_AUTO);
    char *text = feed_text_room();
    struct oks_sink sink = {.ctx = text, .tool = feed_note};
    struct oks_scan_result result;

    *text = '\0';
    ck_assert_int_eq(source_scanner_set_tools(scanner, source), 0);
    ck_assert_int_eq(oks_scanner_scan_bytes(scanner, bytes, len, 0, &sink, &result), 0);
    oks_scanner_free(scanner);
    return text;
}

/* --- transcripts made by a test --- */

/* Bytes that grow line by line; all of them live as long as the program. */
struct lines {
    char *bytes;
    size_t len;
};

/* As realloc; what is not freed stays reachable, for those who look for leaks. */
static inline char *lines_grown(char *old, size_t size)
{
    static char *all[512];
    size_t i = 0;

    while (all[i] != old)
        ck_assert_uint_lt(++i, sizeof(all) / sizeof(*all));
    all[i] = realloc(old, size);
    ck_assert_ptr_nonnull(all[i]);
    return all[i];
}

__attribute__((format(printf, 2, 3))) static inline void put(struct lines *to, const char *format, ...)
{
    va_list args;
    char *line;
    int n;

    va_start(args, format);
    n = vasprintf(&line, format, args);
    va_end(args);
    ck_assert_int_ge(n, 0);
    to->bytes = lines_grown(to->bytes, to->len + (size_t)n + 2);
    memcpy(to->bytes + to->len, line, (size_t)n);
    to->len += (size_t)n;
    to->bytes[to->len++] = '\n';
    to->bytes[to->len] = '\0';
    free(line);
}

static inline void put_all(struct lines *to, const struct lines *from)
{
    put(to, "%.*s", (int)(from->len - 1), from->bytes);
}

#endif
