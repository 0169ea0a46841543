/*
 * The store of requests against an array of rows, with allocations that fail on demand; and ids that are read
 * back by their place in a transcript.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history/request_ids.h"
#include "sources/source.h"
#include "effort.h"
#include "refused_memory.h"
#include "tap.h"

/* --- memory that runs out --- */

void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
    return refuse() ? NULL : __real_reallocarray(old, n, size);
}

/* Check notes down each assertion, which is too slow for a million. */
#define REQUIRE(condition)            \
    do {                              \
        if (!(condition))             \
            ck_abort_msg(#condition); \
    } while (0)

/* --- the model --- */

enum { MODEL_MAX = 600, TEXT = 300 };

struct model_row {
    struct oks_request request;
    uint64_t history, first, line;
    unsigned model, agent; /* the names are made of them */
    char stamp[TEXT], message_id[TEXT], request_id[TEXT];
    bool forgotten;
};

struct model {
    struct model_row rows[MODEL_MAX], before[MODEL_MAX];
    size_t len, whole;
    bool tail;
    size_t tail_changes;
    size_t touched[REQUESTS_OF_RECORD];
    uint64_t history, after;
};

static uint64_t seed;

static uint64_t any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static uint64_t any_count(void)
{
    return any(4) ? any(3000) : any(8) ? any(UINT64_C(1) << 40) : INT64_MAX;
}

static void any_text(char out[TEXT], const char *start)
{
    size_t n = any(20) ? any(40) : any(TEXT - 1);

    if (any(8) == 0)
        n = 0;
    memset(out, 'a' + (int)any(26), n);
    if (n > strlen(start))
        memcpy(out, start, strlen(start));
    out[n] = '\0';
}

static void any_values(struct model_row *row)
{
    struct oks_request *r = &row->request;

    r->spend = (struct oks_spend){.input = any_count(),
                                  .output = any_count(),
                                  .cache_5m = any_count(),
                                  .cache_1h = any(3) ? 0 : any_count(),
                                  .cache_read = any_count(),
                                  .web_searches = any(5) ? 0 : any_count(),
                                  .context = any(5) ? 0 : any_count(),
                                  .speed = (enum oks_speed)any(2),
                                  .geo = (enum oks_geo)any(2),
                                  .tier = (enum oks_tier)any(4)};
    r->tool_uses = any(3) ? any(3) : any_count();
    r->sidechain = any(2);
    r->settled = any(2);
    r->part =
        any(9) ? OKS_PART_RESPONSE : (enum oks_part)any(OKS_PART_SEARCH); /* the others merge otherwise */
    r->free = any(9) == 0;
    r->doubtful = any(9) == 0;
    r->second_hand = any(9) == 0;
    r->restamped = any(9) == 0;
    r->alias = r->restamped && any(3) == 0;
    row->model = any(3) ? 0 : (unsigned)any(5);
    row->line = row->first + any(2) * any(100000);
    if (any(6) == 0)
        any_text(row->stamp, "about ");
    else
        snprintf(row->stamp, TEXT, "2026-06-%02uT%02u:%02u:00.%03uZ", (unsigned)any(28) + 1,
                 (unsigned)any(24), (unsigned)any(60), (unsigned)any(1000));
}

static void any_row(const struct model *m, struct model_row *row)
{
    *row = (struct model_row){.history = any_count(), .agent = any(3) ? 0 : (unsigned)any(4)};
    row->request.key = m->len * 1000 + any(1000);
    row->first = (m->len + 1) * 1000 + (any(50) ? 0 : any(UINT64_C(1) << 50));
    any_values(row);
    any_text(row->message_id, "msg_");
    any_text(row->request_id, "req_");
}

static struct oks_slice cut_slice(const char *s)
{
    size_t n = strlen(s);

    return (struct oks_slice){s, n < REQUEST_ID_MAX ? n : REQUEST_ID_MAX};
}

static struct oks_slice name_of(const char *start, unsigned i, char out[32])
{
    snprintf(out, 32, "%s-%u", start, i);
    return oks_slice_of(out);
}

static struct request_row given(const struct model_row *row)
{
    struct request_row out = {.request = row->request,
                              .history = row->history,
                              .first = row->first,
                              .line = row->line,
                              .message_id = oks_slice_of(row->message_id),
                              .request_id = oks_slice_of(row->request_id)};

    out.request.stamp = oks_stamp_of(oks_slice_of(row->stamp));
    return out;
}

static void check_slice(struct oks_slice have, const char *want)
{
    if (*want)
        REQUIRE(oks_slice_eq(have, cut_slice(want)));
    else
        REQUIRE(!have.ptr && have.len == 0);
}

static void check_row(const struct oks_requests *q, const struct model_row *want,
                      const struct request_row *have)
{
    struct oks_spend a = want->request.spend, b = have->request.spend;
    char buf[OKS_STAMP_TEXT], name[32];
    struct oks_slice stamp = oks_stamp_text(have->request.stamp, buf);

    REQUIRE(have->request.key == want->request.key);
    REQUIRE(have->history == want->history);
    REQUIRE(have->first == want->first);
    REQUIRE(have->line == want->line);
    REQUIRE(a.input == b.input && a.output == b.output && a.cache_5m == b.cache_5m &&
            a.cache_1h == b.cache_1h && a.cache_read == b.cache_read && a.web_searches == b.web_searches &&
            a.context == b.context && a.speed == b.speed && a.geo == b.geo && a.tier == b.tier);
    REQUIRE(have->request.tool_uses == want->request.tool_uses);
    REQUIRE(have->request.sidechain == want->request.sidechain);
    REQUIRE(have->request.settled == want->request.settled);
    REQUIRE(have->request.part == want->request.part);
    REQUIRE(have->request.free == want->request.free);
    REQUIRE(have->request.doubtful == want->request.doubtful);
    REQUIRE(have->request.second_hand == want->request.second_hand);
    REQUIRE(have->request.alias == want->request.alias);
    REQUIRE(have->request.restamped == want->request.restamped);
    check_slice(stamp, want->stamp);
    REQUIRE(oks_slice_eq(requests_model(q, have->model), name_of("model", want->model, name)));
    if (want->agent)
        REQUIRE(oks_slice_eq(requests_agent(q, have->agent), name_of("agent", want->agent, name)));
    else
        REQUIRE(have->agent == 0);
    REQUIRE(have->ids_forgotten == want->forgotten);
    check_slice(have->message_id, want->forgotten ? "" : want->message_id);
    check_slice(have->request_id, want->forgotten ? "" : want->request_id);
}

struct checking {
    const struct oks_requests *q;
    const struct model_row *rows;
    size_t next;
};

static int check_each(void *ctx, size_t i, const struct request_row *row)
{
    struct checking *c = ctx;

    REQUIRE(i == c->next++);
    check_row(c->q, &c->rows[i], row);
    return 0;
}

/* Rows without an unfinished line have the ids that they have now. */
static void whole_rows(const struct model *m, struct model_row *out)
{
    memcpy(out, m->tail ? m->before : m->rows, m->whole * sizeof(*out));
    for (size_t i = 0; i < m->whole; i++)
        out[i].forgotten = m->rows[i].forgotten;
}

static struct model_row scratch[MODEL_MAX];

static bool is_no_alias(const struct oks_request *request)
{
    return !request->alias;
}

/* Usually the same model again, so that only the last rows are looked at. */
static void check_peak(struct oks_requests *q, const struct model *m)
{
    unsigned model = any(16) ? 1 : (unsigned)any(4);
    uint64_t peak = 0;
    char name[32];

    for (size_t i = 0; i < m->len; i++) {
        const struct oks_request *request = &m->rows[i].request;

        if (m->rows[i].model == model && is_no_alias(request) && request_occupancy(request) > peak)
            peak = request_occupancy(request);
    }
    REQUIRE(requests_peak(q, name_of("model", model, name), is_no_alias) == peak);
}

static void check_store(struct oks_requests *q, const struct model *m)
{
    struct checking all = {q, m->rows, 0}, whole = {q, scratch, 0};
    bool all_ids = true;

    REQUIRE(requests_len(q) == m->len);
    REQUIRE(requests_whole(q) == (m->tail ? m->whole : m->len));
    REQUIRE(requests_each(q, 0, m->len, check_each, &all) == 0);
    REQUIRE(all.next == m->len);
    whole_rows(m, scratch);
    REQUIRE(requests_each_whole(q, check_each, &whole) == 0);
    REQUIRE(whole.next == requests_whole(q));
    for (size_t i = 0; i < m->len; i++) {
        struct request_row row;

        REQUIRE(requests_has_ids(q, i) == !m->rows[i].forgotten);
        all_ids = all_ids && !m->rows[i].forgotten;
        if (any(8))
            continue;
        requests_get(q, i, &row);
        check_row(q, &m->rows[i], &row);
        REQUIRE(requests_key(q, i) == m->rows[i].request.key);
        REQUIRE(requests_find(q, m->rows[i].request.key) == i);
    }
    REQUIRE(requests_all_ids(q) == all_ids);
    REQUIRE(requests_history(q) == m->history);
    REQUIRE(requests_after(q) == m->after);
    check_peak(q, m);
}

/* --- steps --- */

/* Calls what may fail with less memory than it takes first. */
#define WITHOUT_MEMORY(rc, call)        \
    do {                                \
        long allow_ = any(3) ? 100 : 0; \
                                        \
        do {                            \
            allowed = allow_++;         \
            rc = call;                  \
            allowed = -1;               \
        } while (rc == -ENOMEM);        \
        REQUIRE(rc == 0);               \
    } while (0)

static void append(struct oks_requests *q, struct model *m)
{
    struct model_row row;
    struct request_row in;
    char model[32], agent[32];
    struct oks_slice names[2];
    int rc;

    if (m->len == MODEL_MAX || (m->tail && m->len - m->whole == REQUESTS_OF_RECORD))
        return;
    any_row(m, &row);
    in = given(&row);
    names[0] = name_of("model", row.model, model);
    names[1] = row.agent ? name_of("agent", row.agent, agent) : (struct oks_slice){0};
    WITHOUT_MEMORY(rc, requests_append(q, &in, names[0], names[1]));
    m->rows[m->len++] = row;
    m->whole += !m->tail;
}

static bool may_change(struct model *m, size_t i)
{
    if (!m->tail || i >= m->whole)
        return true;
    for (size_t k = 0; k < m->tail_changes; k++)
        if (m->touched[k] == i)
            return true;
    if (m->tail_changes == REQUESTS_OF_RECORD)
        return false;
    m->touched[m->tail_changes++] = i;
    return true;
}

static void set(struct oks_requests *q, struct model *m)
{
    size_t i = m->len ? (any(2) ? m->len - 1 : any(m->len)) : SIZE_MAX;
    struct request_row in, old;
    char model[32];
    int rc;

    if (i == SIZE_MAX || !may_change(m, i))
        return;
    any_values(&m->rows[i]);
    in = given(&m->rows[i]);
    in.request.key = 0;
    requests_get(q, i, &old);
    in.agent = old.agent;
    WITHOUT_MEMORY(rc, requests_set(q, i, &in, name_of("model", m->rows[i].model, model)));
}

static void tail(struct oks_requests *q, struct model *m)
{
    int rc;

    if (m->tail) {
        rc = requests_tail_end(q);
        REQUIRE(rc == 0);
        for (size_t i = 0; i < m->whole; i++) {
            bool forgotten = m->rows[i].forgotten;

            m->rows[i] = m->before[i];
            m->rows[i].forgotten = forgotten;
        }
        m->len = m->whole;
    } else {
        WITHOUT_MEMORY(rc, requests_tail_begin(q));
        memcpy(m->before, m->rows, m->len * sizeof(*m->rows));
        m->tail_changes = 0;
    }
    m->tail = !m->tail;
}

static void trim(struct oks_requests *q)
{
    allowed = any(3) ? -1 : (long)any(6);
    requests_trim(q);
    allowed = -1;
}

static void forget(struct oks_requests *q, struct model *m)
{
    requests_forget_ids(q);
    for (size_t i = 0; i < m->len; i++)
        m->rows[i].forgotten = true;
}

static void put_ids(struct oks_requests *q, struct model *m)
{
    size_t i = m->len ? any(m->len) : 0;
    int rc;

    if (m->len == 0)
        return;
    WITHOUT_MEMORY(
        rc, requests_put_ids(q, i, oks_slice_of(m->rows[i].message_id), oks_slice_of(m->rows[i].request_id)));
    m->rows[i].forgotten = false;
}

/* From a store whose rows are the same in part. */
static void take_ids(struct oks_requests *q, struct model *m)
{
    size_t n = any(m->len + 1), other = any(2) ? any(m->len + 1) : SIZE_MAX;
    struct oks_requests *from;
    int rc;

    REQUIRE(oks_requests_new(&from) == 0);
    for (size_t i = 0; i < n; i++) {
        struct request_row row = given(&m->rows[i]);

        row.request.key += i == other;
        REQUIRE(requests_append(from, &row, OKS_SLICE("x"), (struct oks_slice){0}) == 0);
    }
    if (any(2))
        requests_trim(from);
    WITHOUT_MEMORY(rc, requests_take_ids(q, from));
    for (size_t i = 0; i < n; i++)
        m->rows[i].forgotten = m->rows[i].forgotten && i == other;
    oks_requests_free(from);
}

static void copy(struct oks_requests *q, const struct model *m)
{
    struct oks_requests *to;
    struct checking c;
    int rc;

    WITHOUT_MEMORY(rc, requests_copy_whole(&to, q));
    whole_rows(m, scratch);
    c = (struct checking){to, scratch, 0};
    REQUIRE(requests_len(to) == m->whole);
    REQUIRE(requests_each(to, 0, m->whole, check_each, &c) == 0);
    oks_requests_free(to);
}

/* The store goes on as what its bytes say. */
static struct oks_requests *pack(struct oks_requests *q, struct model *m)
{
    size_t max = requests_pack_max(q), len;
    struct oks_requests *again;
    struct request_runs runs;
    char *bytes, *exact;
    int rc;

    if (m->tail)
        return q;
    bytes = malloc(max);
    requests_edit_runs(q)->items[1].prompt = any(1000); /* what goes on is in it too */
    runs = *requests_runs(q);
    len = requests_pack(q, bytes);
    REQUIRE(len <= max);
    exact = malloc(len);
    memcpy(exact, bytes, len);
    free(bytes);
    WITHOUT_MEMORY(rc, requests_unpack(&again, exact, len));
    for (size_t cut = 0; cut < len; cut += 1 + any(len)) {
        char *less = malloc(cut + !cut);
        struct oks_requests *none;

        memcpy(less, exact, cut);
        REQUIRE(requests_unpack(&none, less, cut) == -EINVAL);
        free(less);
    }
    free(exact);
    REQUIRE(memcmp(requests_runs(again), &runs, sizeof(runs)) == 0);
    oks_requests_free(q);
    for (size_t i = 0; i < m->len; i++)
        m->rows[i].forgotten = true;
    return again;
}

START_TEST(the_store_is_an_array_of_rows)
{
    static struct model m;
    unsigned rounds = by_effort(25, 200, 5000);

    for (unsigned round = 0; round < rounds; round++) {
        struct oks_requests *q;

        seed = 88172645463325252u + round * 7919;
        m.len = m.whole = 0;
        m.tail = false;
        REQUIRE(oks_requests_new(&q) == 0);
        m.history = m.after = 0;
        for (unsigned step = 0; step < 900; step++) {
            unsigned what = (unsigned)any(40);

            if (what < 22)
                append(q, &m);
            else if (what < 30)
                set(q, &m);
            else if (what == 30 || what == 31)
                tail(q, &m);
            else if (what == 32 || what == 33)
                trim(q);
            else if (what == 34 && any(3) == 0)
                forget(q, &m);
            else if (what == 35)
                put_ids(q, &m);
            else if (what == 36)
                take_ids(q, &m);
            else if (what == 37)
                copy(q, &m);
            else if (what == 38 && any(3) == 0)
                q = pack(q, &m);
            else
                requests_set_history(q, m.history = any_count(), m.after = any(100));
            if (any(12) == 0)
                check_store(q, &m);
        }
        requests_trim(q);
        check_store(q, &m);
        oks_requests_free(q);
    }
}
END_TEST

/* --- bytes from outside --- */

static int look_at_row(void *ctx, size_t i, const struct request_row *row)
{
    struct oks_requests *q = ctx;
    char buf[OKS_STAMP_TEXT];

    (void)i;
    REQUIRE(row->model < requests_models(q));
    REQUIRE(row->agent <= requests_agent_names(q)->len);
    oks_stamp_text(row->request.stamp, buf);
    if (row->request.stamp.key == OKS_STAMP_KEY_TEXT)
        REQUIRE(row->request.stamp.text && row->request.stamp.len);
    return 0;
}

START_TEST(changed_bytes_do_no_harm)
{
    static struct model m;
    struct oks_requests *q;
    unsigned taken = 0, refused = 0, rounds = by_effort(4000, 20000, 200000);
    size_t len;
    char *bytes;

    seed = 4711;
    m.len = m.whole = 0;
    m.tail = false;
    REQUIRE(oks_requests_new(&q) == 0);
    while (m.len < 150)
        append(q, &m);
    bytes = malloc(requests_pack_max(q));
    len = requests_pack(q, bytes);
    oks_requests_free(q);
    for (unsigned round = 0; round < rounds; round++) {
        char *changed = malloc(len);
        int rc;

        memcpy(changed, bytes, len);
        for (uint64_t n = 1 + any(8); n > 0; n--)
            changed[any(any(3) ? len : 200)] = (char)any(256);
        rc = requests_unpack(&q, changed, len);
        free(changed);
        REQUIRE(rc == 0 || rc == -EINVAL);
        taken += rc == 0;
        refused += rc != 0;
        if (rc < 0)
            continue;
        REQUIRE(requests_each(q, 0, requests_len(q), look_at_row, q) == 0);
        append(q, &m);
        m.len = m.whole = 150;
        requests_trim(q);
        REQUIRE(requests_each(q, 0, requests_len(q), look_at_row, q) == 0);
        oks_requests_free(q);
    }
    REQUIRE(taken > rounds / 40);
    REQUIRE(refused > rounds / 40);
    free(bytes);
}
END_TEST

/* What a row takes at rest, as docs/performance.md has it. */
START_TEST(a_row_at_rest_is_small)
{
    struct oks_requests *q;
    size_t n = 3200;

    ck_assert_int_eq(oks_requests_new(&q), 0);
    for (size_t i = 0; i < n; i++) {
        char stamp[40], message[40], request[40];
        struct request_row row = {.request = {.key = i * 7919,
                                              .spend = {.input = 4,
                                                        .output = 100 + i % 900,
                                                        .cache_5m = 1500,
                                                        .cache_read = 15000 + i % 100 * 1500},
                                              .tool_uses = i % 2,
                                              .settled = true},
                                  .history = i * 2,
                                  .first = i * 9000,
                                  .line = i * 9000 + i % 3 * 2500};

        snprintf(stamp, sizeof(stamp), "2026-06-10T%02zu:%02zu:%02zu.%03zuZ", i / 240 % 24, i / 4 % 60,
                 i % 4 * 15, i % 1000);
        snprintf(message, sizeof(message), "msg_01%023zu", i);
        snprintf(request, sizeof(request), "req_011C%021zu", i);
        row.request.stamp = oks_stamp_of(oks_slice_of(stamp));
        row.message_id = oks_slice_of(message);
        row.request_id = oks_slice_of(request);
        ck_assert_int_eq(requests_append(q, &row, OKS_SLICE("claude-opus-4-5"), (struct oks_slice){0}), 0);
    }
    requests_trim(q);
    ck_assert_uint_le(requests_bytes(q), n * 82);
    requests_forget_ids(q);
    ck_assert_uint_le(requests_bytes(q), n * 19);
    oks_requests_free(q);
}
END_TEST

/* --- ids by their place in a transcript --- */

struct file {
    FILE *stream;
    struct oks_scanner *scanner;
    struct oks_requests *rows;
};

static const struct oks_slice file_name = {"0f1e.jsonl", 10};

static int add_record(void *ctx, const struct oks_record *record, bool complete)
{
    (void)complete;
    return requests_add_record(ctx, record, file_name);
}

/* The file is written and scanned as a transcript is. */
static struct file file_of(const char *text, size_t len)
{
    struct file f = {.stream = tmpfile()};
    struct oks_scan_result result;
    struct oks_sink sink = {.record = add_record};

    ck_assert_ptr_nonnull(f.stream);
    ck_assert_uint_eq(fwrite(text, 1, len, f.stream), len);
    ck_assert_int_eq(fflush(f.stream), 0);
    ck_assert_int_eq(source_scanner_new(&f.scanner, OKS_ISA_AUTO, OKS_SOURCE_CLAUDE), 0);
    ck_assert_int_eq(oks_requests_new(&f.rows), 0);
    sink.ctx = f.rows;
    ck_assert_int_eq(oks_scanner_scan_fd(f.scanner, fileno(f.stream), 0, &sink, NULL, &result), 0);
    return f;
}

static void file_close(struct file *f)
{
    oks_requests_free(f->rows);
    oks_scanner_free(f->scanner);
    fclose(f->stream);
}

struct seen {
    const struct oks_requests *want; /* with their ids */
    size_t n, stop_at;
};

static int same_ids(void *ctx, size_t i, uint64_t key, struct oks_slice message_id,
                    struct oks_slice request_id)
{
    struct seen *seen = ctx;
    struct request_row row;

    requests_get(seen->want, i, &row);
    ck_assert_uint_eq(row.request.key, key);
    ck_assert(row.message_id.len == message_id.len && !row.message_id.ptr == !message_id.ptr);
    ck_assert(row.request_id.len == request_id.len && !row.request_id.ptr == !request_id.ptr);
    ck_assert(!message_id.len || oks_slice_eq(row.message_id, message_id));
    ck_assert(!request_id.len || oks_slice_eq(row.request_id, request_id));
    return ++seen->n == seen->stop_at ? 77 : 0;
}

/* Forgets all ids and reads them back; returns what the reader did. */
static int read_back(struct file *f, size_t stop_at, size_t *n)
{
    struct request_place *places = NULL;
    struct seen seen = {.stop_at = stop_at};
    size_t n_places;
    int rc;

    ck_assert_int_eq(requests_copy_whole((struct oks_requests **)&seen.want, f->rows), 0);
    requests_forget_ids(f->rows);
    ck_assert_int_eq(request_places(f->rows, 0, requests_len(f->rows), &places, &n_places), 0);
    ck_assert_uint_eq(n_places, requests_len(f->rows));
    rc = request_ids_read(f->scanner, fileno(f->stream), file_name, places, n_places, same_ids, &seen);
    ck_assert_int_eq(requests_take_ids(f->rows, seen.want), 0);
    free(places);
    oks_requests_free((struct oks_requests *)seen.want);
    *n = seen.n;
    return rc;
}

#define USAGE "\"usage\":{\"input_tokens\":3,\"output_tokens\":%u%s}"

static int put_line(char *out, size_t room, unsigned i)
{
    const char *advisor = i % 5 ? ""
                                : ",\"iterations\":[{\"type\":\"advisor_message\",\"model\":\"b\","
                                  "\"output_tokens\":4},{\"type\":\"advisor_message\",\"model\":\"c\"}]";

    switch (i % 7) {
    case 0: /* an escaped id, longer than what is kept */
        return snprintf(out, room,
                        "{\"type\":\"assistant\",\"requestId\":\"req_\\u00e4\\n%u\",\"message\":{\"id\":"
                        "\"msg_\\\"%0300u\",\"model\":\"a\"," USAGE "}}\n",
                        i, i, i, advisor);
    case 1: /* no id, but a uuid */
        return snprintf(out, room,
                        "  {\"type\":\"assistant\",\"uuid\":\"u%u\",\"message\":{\"model\":\"a\"," USAGE
                        "}}\r\n",
                        i, i, advisor);
    case 2: /* neither */
        return snprintf(out, room, "{\"type\":\"assistant\",\"requestId\":\"r\",\"message\":{" USAGE "}}\n",
                        i, advisor);
    case 3: /* a sub-agent's, as its parent logs it */
        return snprintf(
            out, room,
            "{\"type\":\"progress\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"requestId\":"
            "\"nested_%u\",\"message\":{\"id\":\"inner_%u\",\"model\":\"a\"," USAGE "}}}}\n",
            i, i, i, "");
    case 4: /* the same once more, itself */
        return snprintf(
            out, room,
            "{\"type\":\"assistant\",\"requestId\":\"nested_%u\",\"message\":{\"id\":\"inner_%u\","
            "\"model\":\"a\"," USAGE "}}\n",
            i - 1, i - 1, i, advisor);
    case 5:
        return snprintf(out, room, "{\"type\":\"user\",\"text\":\"%0*u\"}\n", i % 3 ? 20 : 90000, i);
    default:
        return snprintf(
            out, room,
            "{\"type\":\"assistant\",\"requestId\":\"req_%u\",\"pad\":\"%0*u\",\"message\":{\"id\":"
            "\"msg_%u\",\"model\":\"a\"," USAGE "}}\n",
            i, i % 4 ? 10 : 200000, i, i, i, advisor);
    }
}

static char *transcript_text(unsigned lines, size_t *len)
{
    size_t room = (size_t)lines * 210000;
    char *text = malloc(room);

    *len = 0;
    for (unsigned i = 0; i < lines; i++)
        *len += (size_t)put_line(text + *len, room - *len, i);
    return text;
}

START_TEST(ids_are_read_by_their_place)
{
    size_t len, n;
    char *text = transcript_text(210, &len);

    for (int unfinished = 0; unfinished < 2; unfinished++) {
        struct file f = file_of(text, len - (size_t)unfinished);

        ck_assert_uint_gt(requests_len(f.rows), 200);
        ck_assert_int_eq(read_back(&f, 0, &n), 0);
        ck_assert_uint_eq(n, requests_len(f.rows));
        requests_trim(f.rows);
        ck_assert_int_eq(read_back(&f, 0, &n), 0);
        ck_assert_uint_eq(n, requests_len(f.rows));
        ck_assert_int_eq(read_back(&f, 50, &n), 77);
        ck_assert_uint_eq(n, 50);
        file_close(&f);
    }
    free(text);
}
END_TEST

START_TEST(another_file_is_stale)
{
    size_t len, n;
    char *text = transcript_text(42, &len), *id;
    struct file f = file_of(text, len);

    /* One byte of one id. */
    id = memmem(text, len, "msg_41", 6);
    ck_assert_ptr_nonnull(id);
    ck_assert_int_eq(fseek(f.stream, id - text, SEEK_SET), 0);
    ck_assert_int_ne(fputc('x', f.stream), EOF);
    ck_assert_int_eq(fflush(f.stream), 0);
    ck_assert_int_eq(read_back(&f, 0, &n), -ESTALE);
    ck_assert_uint_gt(n, 20);
    /* No line there any more. */
    ck_assert_int_eq(ftruncate(fileno(f.stream), (off_t)(len / 2)), 0);
    ck_assert_int_eq(read_back(&f, 0, &n), -ESTALE);
    ck_assert_int_eq(ftruncate(fileno(f.stream), 0), 0);
    ck_assert_int_eq(read_back(&f, 0, &n), -ESTALE);
    ck_assert_uint_eq(n, 0);
    /* Nothing that is JSON. */
    ck_assert_int_eq(ftruncate(fileno(f.stream), (off_t)len), 0);
    ck_assert_int_eq(read_back(&f, 0, &n), -ESTALE);
    file_close(&f);
    free(text);
}
END_TEST

START_TEST(a_place_that_none_can_have_is_stale)
{
    struct file f = file_of("", 0);
    struct request_place place = {.first = UINT64_MAX - 5};

    ck_assert_int_eq(request_ids_read(f.scanner, fileno(f.stream), file_name, &place, 1, same_ids, NULL),
                     -ESTALE);
    place.first = INT64_MAX;
    ck_assert_int_lt(request_ids_read(f.scanner, fileno(f.stream), file_name, &place, 1, same_ids, NULL), 0);
    ck_assert_int_eq(request_ids_read(f.scanner, -1, file_name, &place, 1, same_ids, NULL), -EBADF);
    ck_assert_int_eq(request_ids_read(f.scanner, -1, file_name, NULL, 0, same_ids, NULL), 0);
    file_close(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("requests");

    TEST(suite, the_store_is_an_array_of_rows);
    TEST(suite, changed_bytes_do_no_harm);
    TEST(suite, a_row_at_rest_is_small);
    TEST(suite, ids_are_read_by_their_place);
    TEST(suite, another_file_is_stale);
    TEST(suite, a_place_that_none_can_have_is_stale);
    return tap_run(suite);
}
