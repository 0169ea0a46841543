/*
 * Streams without an engine: over random changes every closed request of a session is told once in a
 * generation, and the stream starts over when that is no longer so; the lines of all, put into a table by id
 * and revision, come to what is so; and ids are looked up where rows have forgotten theirs.
 */
#define MODEL_STREAMS

#include <errno.h>

#include "effort.h"
#include "random_home.h"
#include "scratch.h"

enum { TOLD_MAX = FILES * LINES };

static const struct oks_target all = {.kind = OKS_ALL};
static const struct stream_sources no_cache = {.cache = NULL};

static void setup(void)
{
    scratch_setup();
    root.path = scratch;
    model_begin(NULL);
}

static void teardown(void)
{
    leave_all();
    model_end();
    streams_end(&streams);
    scratch_teardown();
}

static struct oks_target session(const char *name)
{
    return (struct oks_target){.kind = OKS_SESSION, .name = name};
}

/* --- reading --- */

enum { ROWS_MAX = 1 << 15, SLOTS = ROWS_MAX * 2 };

/* A row of a table, as a database has it. */
struct row {
    char id[20], values[160];
    int revision;
    bool counts;
};

struct reader {
    struct oks_target target;
    struct oks_stream_cursor cursor;
    char ids[TOLD_MAX][16]; /* told in this generation */
    size_t n;
    struct row *rows; /* of all: ever told */
    size_t n_rows;
    uint16_t *slots;           /* their numbers from 1, by id: open addressing; 0: free */
    char last[OKS_STAMP_TEXT]; /* time of the last line of this call */
};

/* The member's value, without quotes. */
static char *value_of(const char *line, const char *key, char out[64])
{
    char wanted[32];
    const char *p;

    snprintf(wanted, sizeof(wanted), "\"%s\":", key);
    p = strstr(line, wanted);
    ck_assert_msg(p != NULL, "no %s in %s", key, line);
    p += strlen(wanted);
    p += *p == '"';
    snprintf(out, 64, "%.*s", (int)strcspn(p, "\",}"), p);
    return out;
}

static void find_said(const char *id, int *file, size_t *k)
{
    for (*file = 0; *file < FILES; (*file)++)
        for (*k = 0; *k < n_said[*file]; (*k)++)
            if (strcmp(ids[*file][*k], id) == 0)
                return;
    ck_abort_msg("%s was never said", id);
}

static void check_count(const char *line, const char *key, unsigned want)
{
    char text[64];

    ck_assert_int_eq(atoi(value_of(line, key, text)), (int)want);
}

static struct row *row_of(struct reader *r, const char *id)
{
    uint32_t at = 0;

    if (!r->rows) {
        r->rows = calloc(ROWS_MAX, sizeof(*r->rows));
        r->slots = calloc(SLOTS, sizeof(*r->slots));
    }
    ck_assert(r->rows && r->slots);
    for (const char *p = id; *p; p++)
        at = at * 31 + (unsigned char)*p;
    for (at %= SLOTS; r->slots[at]; at = (at + 1) % SLOTS)
        if (strcmp(r->rows[r->slots[at] - 1].id, id) == 0)
            return &r->rows[r->slots[at] - 1];
    ck_assert_uint_lt(r->n_rows, ROWS_MAX);
    strcpy(r->rows[r->n_rows].id, id);
    r->rows[r->n_rows].revision = -1;
    r->slots[at] = (uint16_t)(r->n_rows + 1);
    return &r->rows[r->n_rows++];
}

static void reader_free(struct reader *r)
{
    free(r->rows);
    free(r->slots);
}

/* Other values have a higher revision, and it never falls. False: the request counts no more. */
static bool put_row(struct reader *r, const char *line)
{
    static const char *const keys[] = {
        "t",        "model",    "inputTokens", "outputTokens", "cacheReadTokens",
        "toolUses", "requests", "costPicoUSD"};
    char text[64], values[160] = "";
    struct row *row = row_of(r, value_of(line, "id", text));
    int revision = atoi(value_of(line, "revision", text));
    bool first = row->revision < 0;

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        strcat(strcat(values, value_of(line, keys[i], text)), " ");
    ck_assert_int_ge(revision, row->revision);
    ck_assert_msg(first || revision > row->revision || strcmp(values, row->values) == 0, "%s: %s, then %s",
                  row->id, row->values, values);
    row->revision = revision;
    strcpy(row->values, values);
    row->counts = strcmp(value_of(line, "requests", text), "1") == 0;
    if (!row->counts)
        ck_assert_ptr_nonnull(strstr(values, " 0 0 0 0 0 0 "));
    row->counts &= strcmp(value_of(line, "open", text), "false") == 0; /* else it goes on */
    return row->counts;
}

static int take_line(void *ctx, const char *bytes, size_t len)
{
    struct reader *r = ctx;
    char line[1024], id[64], text[64];
    const struct said *s;
    int file;
    size_t k;

    snprintf(line, sizeof(line), "%.*s", (int)len, bytes);
    ck_assert(bytes[len - 1] == '\n' && !memchr(bytes, '\n', len - 1));
    value_of(line, "messageId", id);
    if (r->target.kind == OKS_ALL && !put_row(r, line))
        return 0;
    for (size_t i = 0; i < r->n && r->target.kind == OKS_SESSION; i++)
        ck_assert_str_ne(r->ids[i], id);
    if (r->target.kind == OKS_SESSION) {
        ck_assert_uint_lt(r->n, TOLD_MAX);
        strcpy(r->ids[r->n++], id);
    }
    find_said(id, &file, &k);
    s = &said[file][k];
    ck_assert_str_eq(value_of(line, "t", text), s->at);
    ck_assert_str_eq(value_of(line, "model", text), s->model);
    ck_assert_str_eq(value_of(line, "sidechain", text), "false");
    check_count(line, "historyLength", (unsigned)k);
    check_count(line, "outputTokens", s->output);
    check_count(line, "inputTotalTokens", s->input + s->created + s->reads);
    check_count(line, "cacheReadTokens", s->reads);
    check_count(line, "cacheWriteTokens", s->created);
    check_count(line, "toolUses", s->tools);
    if (r->target.kind == OKS_ALL)
        ck_assert_str_eq(value_of(line, "sessionId", text), files[file].session);
    else
        ck_assert_str_eq(files[file].session, r->target.name);
    ck_assert_str_ge(s->at, r->last);
    strcpy(r->last, s->at);
    return 0;
}

static int read_on(struct reader *r)
{
    int64_t newest = 0;
    int rc;

    r->last[0] = '\0';
    rc = streams_next(&streams, &no_cache, &r->target, &r->cursor, take_line, r, &newest);
    if (rc == OKS_STREAM_STARTED_OVER) {
        ck_assert_uint_eq(r->cursor.generation, 0);
        r->n = 0;
    }
    return rc;
}

/* Whether a line tells a request that is closed: it says why it ended, or whole lines follow. */
static bool is_closed(int i, size_t k)
{
    size_t whole = n_said[i] - unfinished[i];

    return k < whole && (!said[i][k].open || k + 1 < whole);
}

static void check_reader(const struct reader *r)
{
    size_t n = 0;

    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; made[i].t && k < n_said[i]; k++)
            n += is_closed(i, k) && (r->target.kind == OKS_ALL || is_of(i, r->target.name));
    if (r->target.kind == OKS_ALL)
        for (size_t i = 0; i < r->n_rows; i++)
            n -= r->rows[i].counts;
    ck_assert_uint_eq(r->n, n);
}

static void read_all(struct reader *r)
{
    int rc = read_on(r);

    if (rc == -ENOENT) { /* the session is gone, and with it what was told */
        ck_assert_ptr_null(catalog_session(&model.catalog, r->target.name));
        r->cursor = (struct oks_stream_cursor){0};
        r->n = 0;
        return;
    }
    if (rc == OKS_STREAM_STARTED_OVER)
        rc = read_on(r);
    ck_assert_int_eq(rc, 0);
    check_reader(r);
}

START_TEST(closed_requests_are_told_once)
{
    struct reader readers[] = {
        {.target = all}, {.target = session("s1")}, {.target = session("s4")}, {.target = all}};

    seed = 1;
    for (unsigned round = 0; round < by_effort(150, 1500, 1500); round++) {
        int k = (int)rnd(12);

        change((int)rnd(FILES));
        if (k < 4)
            read_all(&readers[k]);
        if (k == 4) { /* one who begins afresh disturbs nobody */
            struct reader fresh = {.target = readers[rnd(4)].target};

            read_all(&fresh);
            reader_free(&fresh);
        }
    }
    for (int k = 0; k < 4; k++) {
        read_all(&readers[k]);
        reader_free(&readers[k]);
    }
}
END_TEST

/* --- by itself --- */

static char *text;

static int take_text(void *ctx, const char *bytes, size_t len)
{
    char *longer;

    ck_assert_int_ge(asprintf(&longer, "%s%.*s", text ? text : "", (int)len, bytes), 0);
    free(text);
    text = longer;
    return 0;
}

/* The ids of what comes behind the cursor, each with a blank; NULL: it starts over. */
static const char *next_ids(struct oks_target target, struct oks_stream_cursor *cursor)
{
    static char list[256];
    int64_t newest;
    char id[64];
    int rc;

    free(text);
    text = NULL;
    list[0] = '\0';
    rc = streams_next(&streams, &no_cache, &target, cursor, take_text, NULL, &newest);
    ck_assert_int_ge(rc, 0);
    if (rc == OKS_STREAM_STARTED_OVER)
        return NULL;
    for (char *p = text; p && *p; p = strchr(p, '\n') + 1) {
        strcat(list, value_of(p, "messageId", id));
        strcat(list, " ");
    }
    return list;
}

#define T(minute) "2026-06-10T01:" minute ":00.000Z"

START_TEST(who_says_more_after_a_request_closes_it)
{
    struct oks_stream_cursor cursor = {0};

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01"), .output = 1, .open = true}));
    ck_assert_str_eq(next_ids(all, &cursor), "");
    made_says(&made[0], SAYS({.id = "m1", .at = T("02"), .output = 2, .open = true}));
    ck_assert_str_eq(next_ids(all, &cursor), "");
    made_says(&made[0], SAYS({.at = T("03"), .user = true}));
    ck_assert_str_eq(next_ids(all, &cursor), "m1 ");
    ck_assert_str_eq(next_ids(all, &cursor), "");
}
END_TEST

START_TEST(a_told_line_that_changes_is_told_again)
{
    struct oks_stream_cursor cursor = {0}, other = {0}, own = {0};
    uint64_t generation;

    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01"), .output = 1}));
    made_says(&made[1], SAYS({.id = "m2", .at = T("02"), .output = 1}));
    ck_assert_str_eq(next_ids(all, &cursor), "m1 m2 ");
    ck_assert_str_eq(next_ids(session("s2"), &other), "m2 ");
    ck_assert_str_eq(next_ids(session("s1"), &own), "m1 ");
    generation = cursor.generation;
    made_says(&made[0], SAYS({.id = "m1", .at = T("01"), .output = 9}));
    ck_assert_str_eq(next_ids(session("s2"), &other), ""); /* nothing of it changed */
    ck_assert_ptr_null(next_ids(session("s1"), &own));
    ck_assert_str_eq(next_ids(session("s1"), &own), "m1 ");
    ck_assert_str_eq(next_ids(all, &cursor), "m1 ");
    ck_assert_ptr_nonnull(strstr(text, "\"outputTokens\":9,"));
    ck_assert_ptr_nonnull(strstr(text, "\"revision\":1,"));
    ck_assert_uint_eq(cursor.generation, generation);
    ck_assert_str_eq(next_ids(all, &cursor), "");
    ck_assert_str_eq(next_ids(all, &(struct oks_stream_cursor){0}), "m1 m2 ");
}
END_TEST

/* Whoever owns a request tells it, and nobody else. */
START_TEST(a_request_is_told_where_it_is_counted)
{
    struct oks_stream_cursor one = {0}, two = {0};

    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-b/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01"), .output = 1}));
    made_says(&made[1],
              SAYS({.id = "m1", .at = T("01"), .output = 1}, {.id = "m2", .at = T("02"), .output = 1}));
    ck_assert_str_eq(next_ids(session("s1"), &one), "m1 ");
    ck_assert_str_eq(next_ids(session("s2"), &two), "m2 ");
    leave(0);
    ck_assert_ptr_null(next_ids(session("s2"), &two));
    ck_assert_str_eq(next_ids(session("s2"), &two), "m1 m2 ");
}
END_TEST

START_TEST(lines_without_a_time_come_first)
{
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0],
              SAYS({.id = "m3", .at = T("03"), .output = 1}, {.id = "m1", .output = 1},
                   {.id = "m2", .at = "someday", .output = 1}, {.id = "m4", .at = T("01"), .output = 1}));
    ck_assert_str_eq(next_ids(all, &(struct oks_stream_cursor){0}), "m1 m2 m4 m3 ");
    ck_assert_ptr_nonnull(strstr(text, "{\"t\":null,"));
    ck_assert_ptr_nonnull(strstr(text, "{\"t\":\"someday\","));
}
END_TEST

START_TEST(there_is_no_stream_of_anything_else)
{
    struct oks_stream_cursor cursor = {0};
    int64_t newest;

    ck_assert_int_eq(streams_next(&streams, &no_cache,
                                  &(struct oks_target){.kind = OKS_SESSION, .name = "s1"}, &cursor, take_text,
                                  NULL, &newest),
                     -ENOENT);
    ck_assert_int_eq(streams_next(&streams, &no_cache,
                                  &(struct oks_target){.kind = OKS_PROJECT, .name = "-a"}, &cursor, take_text,
                                  NULL, &newest),
                     -ENOENT);
}
END_TEST

static int refuse(void *ctx, const char *bytes, size_t len)
{
    return -EPIPE;
}

/* Who does not take a line is told it again. */
START_TEST(a_refused_line_leaves_the_cursor)
{
    struct oks_stream_cursor cursor = {0};
    int64_t newest = 7;

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01"), .output = 1}));
    ck_assert_int_eq(streams_next(&streams, &no_cache, &all, &cursor, refuse, NULL, &newest), -EPIPE);
    ck_assert_uint_eq(cursor.generation, 0);
    ck_assert_int_eq(newest, 7);
    ck_assert_int_eq(streams_next(&streams, &no_cache, &all, &cursor, take_text, NULL, &newest), 0);
    ck_assert_int_eq(newest, made[0].t->mark.mtime_ns);
    made_says(&made[0], SAYS({.id = "m2", .at = T("02"), .output = 1}));
    ck_assert_int_eq(streams_next(&streams, &no_cache, &all, &cursor, refuse, NULL, &newest), -EPIPE);
    ck_assert_str_eq(next_ids(all, &cursor), "m2 ");
}
END_TEST

/* --- ids that are looked up --- */

static void write_text(int i)
{
    char rel[64];

    snprintf(rel, sizeof(rel), "%s", files[i].rel);
    *strrchr(rel, '/') = '\0';
    mkdir(at(rel), 0700);
    make_file(files[i].rel, made[i].text, made[i].len);
}

START_TEST(forgotten_ids_are_read_from_the_transcript)
{
    struct oks_stream_cursor cursor = {0};
    int64_t newest;

    made[0] = made_at(files[0].rel);
    made[1] = made_at(files[1].rel);
    made_says(&made[0],
              SAYS({.id = "m1", .at = T("01"), .output = 1}, {.id = "m2", .at = T("04"), .output = 1}));
    made_says(&made[1], SAYS({.id = "m3", .at = T("03"), .output = 1}));
    for (int i = 0; i < 2; i++) {
        write_text(i);
        requests_forget_ids(made[i].t->state.requests);
    }
    made_says(&made[1], SAYS({.id = "m4", .at = T("02"), .output = 1}));
    ck_assert_str_eq(next_ids(all, &cursor), "m1 m4 m3 m2 ");
    ck_assert_ptr_nonnull(strstr(text, "{\"t\":\"" T("01") "\",\"requestId\":null,\"messageId\":\"m1\","));
    ck_assert_str_eq(next_ids(session("s2"), &(struct oks_stream_cursor){0}), "m4 m3 ");
    /* It is another file now: what the rows say is not in it. */
    made[0].text[0] = ' ';
    write_text(0);
    cursor = (struct oks_stream_cursor){0};
    ck_assert_int_eq(streams_next(&streams, &no_cache, &all, &cursor, take_text, NULL, &newest), -ESTALE);
    ck_assert_uint_eq(cursor.generation, 0);
    ck_assert_int_eq(unlink(at(files[0].rel)), 0);
    ck_assert_int_eq(streams_next(&streams, &no_cache, &all, &cursor, take_text, NULL, &newest), -ESTALE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("streams");
    TCase *tcase;

#define STREAM_TEST(function)                          \
    tcase = tcase_create(#function);                   \
    tcase_set_timeout(tcase, 120);                     \
    tcase_add_checked_fixture(tcase, setup, teardown); \
    tcase_add_test(tcase, function);                   \
    suite_add_tcase(suite, tcase)

    STREAM_TEST(closed_requests_are_told_once);
    STREAM_TEST(who_says_more_after_a_request_closes_it);
    STREAM_TEST(a_told_line_that_changes_is_told_again);
    STREAM_TEST(a_request_is_told_where_it_is_counted);
    STREAM_TEST(lines_without_a_time_come_first);
    STREAM_TEST(there_is_no_stream_of_anything_else);
    STREAM_TEST(a_refused_line_leaves_the_cursor);
    STREAM_TEST(forgotten_ids_are_read_from_the_transcript);
    return tap_run(suite);
}
