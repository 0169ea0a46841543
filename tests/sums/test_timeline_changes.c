/*
 * A timeline over random changes, in several zones, against rows made anew from the lines. Which row a line
 * is in is asked of the C library.
 */
#include <time.h>

#include "effort.h"
#include "random_home.h"
#include "sums/time_rows.h"

static int rounds; /* of random changes */

enum { ROWS_MAX = FILES * LINES };

/* --- rows by the C library --- */

struct expected {
    char key[40];
    uint64_t count[OKS_COLUMNS], requests;
    uint64_t first, last;
    uint32_t ms_sum, ms_least, ms_most; /* behind the full hour */
};

static time_t second_of(const char *stamp)
{
    struct tm tm = {0};

    ck_assert_ptr_nonnull(strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm));
    return timegm(&tm);
}

/* Of a stamp with a fraction of three digits, or none. */
static uint32_t ms_in_hour(const char *stamp)
{
    const char *dot = strchr(stamp, '.');
    int64_t in_hour = ((int64_t)second_of(stamp) % 3600 + 3600) % 3600;

    return (uint32_t)in_hour * 1000 + (uint32_t)(dot ? atoi(dot + 1) : 0);
}

/* What tells the row from all others of its kind. */
static void row_key(const char *stamp, int kind, char out[40])
{
    time_t t = second_of(stamp);
    bool on_the_hour = strcmp(stamp + strlen("2026-06-10T01:"), "00:00.000Z") == 0;
    struct tm tm;

    if (t < TIMELINE_FIRST || t >= TIMELINE_END)
        strcpy(out, t < TIMELINE_FIRST ? "before" : "after");
    else if (kind == TIMELINE_HALVES)
        snprintf(out, 40, "%ld %d", ((long)t - ((long)t % 3600 + 3600) % 3600) / 3600, !on_the_hour);
    else if (strftime(out, 40,
                      kind == TIMELINE_DAYS     ? "%Y-%m-%d"
                      : kind == TIMELINE_WEEKS  ? "%G-W%V"
                      : kind == TIMELINE_MONTHS ? "%Y-%m"
                                                : "%Y-%m-%dT%H %z",
                      localtime_r(&t, &tm)) == 0)
        ck_abort();
}

/* Lines of a time that no row has: none, or one of another form. */
static bool has_row(const struct said *line)
{
    return line->at && line->at[0] != 's'; /* someday */
}

static int by_first(const void *a, const void *b)
{
    const struct expected *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static struct expected *expected_at(struct expected *rows, size_t *n, const char *key)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    rows[*n] = (struct expected){.first = UINT64_MAX, .ms_least = UINT32_MAX};
    strcpy(rows[*n].key, key);
    return &rows[(*n)++];
}

static size_t expect(struct expected *rows, int kind)
{
    size_t n = 0;
    char key[40];

    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; made[i].t && k < n_said[i]; k++) {
            const struct said *line = &said[i][k];
            uint64_t at = line->at ? oks_stamp_of(oks_slice_of(line->at)).key : 0;
            struct expected *row;

            if (!has_row(line))
                continue;
            row_key(line->at, kind, key);
            row = expected_at(rows, &n, key);
            row->count[OKS_INPUT] += line->input;
            row->count[OKS_OUTPUT] += line->output;
            row->count[OKS_CACHE_CREATION] += line->created;
            row->count[OKS_CACHE_CREATION_5M] += line->created;
            row->count[OKS_CACHE_READ] += line->reads;
            row->count[OKS_TOOL_USES] += line->tools;
            row->requests++;
            row->ms_sum += ms_in_hour(line->at);
            row->ms_least = ms_in_hour(line->at) < row->ms_least ? ms_in_hour(line->at) : row->ms_least;
            row->ms_most = ms_in_hour(line->at) > row->ms_most ? ms_in_hour(line->at) : row->ms_most;
            row->first = at < row->first ? at : row->first;
            row->last = at > row->last ? at : row->last;
        }
    qsort(rows, n, sizeof(*rows), by_first);
    return n;
}

/* --- the comparison --- */

/* The sessions with a line in the row, and how long they took in it. */
static void expect_sessions(const struct time_row *row, struct measure *out)
{
    measure_start(out);
    for (int i = 0; i < FILES; i++) {
        uint64_t first = UINT64_MAX, last = 0;
        bool is_first = made[i].t != NULL;

        for (int k = 0; k < i; k++)
            is_first &= !is_of(k, files[i].session);
        for (int f = i; is_first && f < FILES; f++)
            for (size_t k = 0; is_of(f, files[i].session) && k < n_said[f]; k++) {
                uint64_t at = has_row(&said[f][k]) ? oks_stamp_of(oks_slice_of(said[f][k].at)).key : 0;

                if (at < row->lo || at > row->hi)
                    continue;
                first = at < first ? at : first;
                last = at > last ? at : last;
            }
        if (first == UINT64_MAX)
            continue;
        out->sessions++;
        out->duration_ms +=
            oks_duration_ms((struct oks_stamp){.key = first}, (struct oks_stamp){.key = last});
    }
}

static void check_row(struct time_row *row, const struct expected *want)
{
    struct billed_sum billed;
    struct measure m, sessions;

    timeline_row_measure(&model.timeline, row, &m);
    for (int i = 0; i < OKS_COLUMNS; i++)
        ck_assert_uint_eq(m.totals.count[i], want->count[i]);
    ck_assert_uint_eq(m.totals.events, want->requests);
    ck_assert_uint_eq(m.totals.first.key, want->first);
    ck_assert_uint_eq(m.totals.last.key, want->last);
    expect_sessions(row, &sessions);
    ck_assert_uint_eq(m.sessions, sessions.sessions);
    ck_assert_int_eq(m.duration_ms, sessions.duration_ms);
    billed_bag_total(&row->billed, &billed);
    ck_assert_uint_eq(billed.requests, want->requests);
    ck_assert_uint_eq((uint64_t)billed.input, want->count[OKS_INPUT]);
    ck_assert_uint_eq((uint64_t)billed.output, want->count[OKS_OUTPUT]);
    ck_assert_uint_eq(billed.tool_uses, want->count[OKS_TOOL_USES]);
}

/* Of a half: the milliseconds of its requests, ascending. */
static void check_stamps(struct time_row *row, const struct expected *want)
{
    const uint32_t *ms = time_row_stamps(row);
    uint32_t sum = 0;

    if (row->outside) {
        ck_assert_uint_eq(row->n_stamps, 0);
        return;
    }
    ck_assert_uint_eq(row->n_stamps, want->requests);
    for (size_t i = 0; i < row->n_stamps; i++) {
        ck_assert(i == 0 || ms[i - 1] <= ms[i]);
        sum += ms[i];
    }
    ck_assert_uint_eq(sum, want->ms_sum);
    ck_assert_uint_eq(ms[0], want->ms_least);
    ck_assert_uint_eq(ms[row->n_stamps - 1], want->ms_most);
}

static void check_table(int kind)
{
    static struct expected rows[ROWS_MAX];
    const struct time_table *table = &model.timeline.tables[kind];
    size_t n = expect(rows, kind), next = 0;

    for (size_t i = 0; i < table->n; i++) {
        struct time_row *row = table->rows[i];
        struct measure m;

        ck_assert(i == 0 || table->rows[i - 1]->hi < row->lo);
        ck_assert_int_lt(row->start, row->end);
        timeline_row_measure(&model.timeline, row, &m);
        if (m.totals.events == 0) {
            ck_assert(billed_bag_is_zero(&row->billed));
            ck_assert_uint_eq(row->n_stamps, 0);
            continue;
        }
        ck_assert_uint_lt(next, n);
        check_row(row, &rows[next]);
        if (kind == TIMELINE_HALVES)
            check_stamps(row, &rows[next]);
        next++;
    }
    ck_assert_uint_eq(next, n);
}

static void check_rows(void)
{
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    for (int kind = 0; kind < TIME_KINDS; kind++)
        check_table(kind);
}

/* --- random changes --- */

static int64_t around; /* a second: three days of stamps begin there */

static void stamp_around(char out[OKS_STAMP_TEXT])
{
    static const char *const fractions[] = {".000", ".000", ".001", ".999", ""};
    unsigned minutes = rnd(4) ? rnd(3 * 24 * 60) : rnd(3 * 24) * 60;
    time_t t = (time_t)(around + minutes * 60 + (minutes % 60 && rnd(2) ? rnd(60) : 0));
    char text[24];
    struct tm tm;

    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));
    snprintf(out, OKS_STAMP_TEXT, "%s%sZ", text, fractions[rnd(5)]);
    if (rnd(40) == 0)
        strcpy(out, "someday");
}

/* Rows are added by slices, so changes meet sessions and transcripts of which a part was added. */
static void add_some(void)
{
    model.timeline.slice = 8 + rnd(16);
    if (rnd(8) == 0)
        timeline_want(&model.timeline, TIMELINE_MONTHS);
    if (rnd(8) == 0)
        timeline_reset(&model.timeline);
    for (unsigned n = model.timeline.kinds ? rnd(4) : 0; n > 0; n--)
        ck_assert_int_ge(timeline_complete_some(&model.timeline, TIMELINE_DAYS), 0);
}

static void random_rows(const char *zone_name, const char *first_day, uint64_t start)
{
    struct oks_zone *zone;

    seed = start;
    setenv("TZ", zone_name, 1);
    tzset();
    ck_assert_int_eq(oks_zone_new(&zone, zone_name, NULL), 0);
    around = second_of(first_day);
    make_stamp = stamp_around;
    model_begin(zone);
    for (int round = 0; round < rounds; round++) {
        change((int)rnd(FILES));
        if (round >= rounds / 4 && rnd(4) == 0) /* until then nobody has asked */
            check_rows();
        if (rnd(100) == 0)
            timeline_reset(&model.timeline);
        if (round >= rounds / 4)
            add_some();
    }
    check_rows();
    leave_all();
    check_rows();
    model_end();
    oks_zone_free(zone);
}

START_TEST(rows_of_utc)
{
    random_rows("UTC0", "2026-06-10T00:00:00", 1);
    random_rows("UTC0", "2019-12-30T12:00:00", 2);
}
END_TEST

START_TEST(rows_at_both_ends)
{
    random_rows("XXX-5:30", "2019-12-30T12:00:00", 8);
    random_rows("EST5EDT,M3.2.0,M11.1.0", "2019-12-30T12:00:00", 9);
    random_rows("XXX-5:30", "2039-12-30T12:00:00", 10);
    random_rows("EST5EDT,M3.2.0,M11.1.0", "2039-12-30T12:00:00", 11);
}
END_TEST

START_TEST(rows_where_clocks_are_put_on_and_back)
{
    random_rows("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-28T00:00:00", 3);
    random_rows("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-24T00:00:00", 4);
    random_rows("EST5EDT,M3.2.0,M11.1.0", "2026-10-31T00:00:00", 5);
}
END_TEST

/* By half an hour; and where days begin at half past. */
START_TEST(rows_where_hours_are_divided)
{
    random_rows("LHST-10:30LHDT-11,M10.1.0,M4.1.0", "2026-04-03T12:00:00", 6);
    random_rows("LHST-10:30LHDT-11,M10.1.0,M4.1.0", "2026-10-02T12:00:00", 7);
    random_rows("IST-5:30", "2026-06-10T00:00:00", 8);
}
END_TEST

/* --- by itself --- */

START_TEST(nothing_is_kept_before_somebody_asks)
{
    struct made a;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00.000Z", .output = 5}));
    ck_assert_uint_eq(model.timeline.tables[TIMELINE_DAYS].n, 0);
    timeline_want(&model.timeline, TIMELINE_MONTHS);
    ck_assert_uint_eq(model.timeline.tables[TIMELINE_DAYS].n, 0);
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    ck_assert_uint_eq(model.timeline.tables[TIMELINE_DAYS].n, 1);
    ck_assert(!model.timeline.pending);
    made_leaves(&a);
    model_end();
}
END_TEST

/* A transcript that got its rows without a commit is taken in by the next complete. */
START_TEST(a_restored_transcript_is_taken_in)
{
    struct time_row *row;
    struct made a;
    struct measure m;

    model_begin(NULL);
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    a = made_at("-a/s1.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00.000Z", .output = 5}));
    row = model.timeline.tables[TIMELINE_DAYS].rows[0];
    timeline_row_measure(&model.timeline, row, &m);
    ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 5);
    timeline_reset(&model.timeline);
    timeline_restored(&model.timeline, a.t);
    ck_assert(model.timeline.pending);
    ck_assert(!a.t->sums->timed && !a.t->session->sums->timed);
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    timeline_row_measure(&model.timeline, model.timeline.tables[TIMELINE_DAYS].rows[0], &m);
    ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 5);
    made_leaves(&a);
    model_end();
}
END_TEST

/* An agent's name that comes late shows in all rows of its session. */
START_TEST(a_name_shows_in_all_rows)
{
    struct made a;
    struct measure m;

    model_begin(NULL);
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    a = made_at("-a/s1.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00.000Z", .output = 5}));
    made_says(&a, SAYS({.id = "m2", .at = "2026-06-11T01:00:00.000Z", .output = 5, .agent = "scout"}));
    for (size_t i = 0; i < 2; i++) {
        timeline_row_measure(&model.timeline, model.timeline.tables[TIMELINE_DAYS].rows[i], &m);
        ck_assert_pstr_eq(m.agent_name, "scout");
        ck_assert_pstr_eq(m.model, "claude-opus-4-7");
    }
    made_leaves(&a);
    model_end();
}
END_TEST

/* What has changed in a row is told by the text that it loses. */
START_TEST(a_changed_row_loses_its_text)
{
    struct time_table *days = &model.timeline.tables[TIMELINE_DAYS];
    struct made a;

    model_begin(NULL);
    ck_assert_int_eq(timeline_complete(&model.timeline, TIMELINE_MONTHS), 0);
    a = made_at("-a/s1.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00.000Z", .output = 5},
                       {.id = "m2", .at = "2026-06-11T01:00:00.000Z", .output = 5}));
    days->rows[0]->text.len = days->rows[1]->text.len = 1;
    made_says(&a, SAYS({.id = "m3", .at = "2026-06-11T02:00:00.000Z", .output = 5}));
    ck_assert_uint_eq(days->rows[0]->text.len, 1);
    ck_assert_uint_eq(days->rows[1]->text.len, 0);
    days->rows[1]->text.len = 1;
    made_says(&a, SAYS({.at = "2026-06-10T03:00:00.000Z", .user = true})); /* an event, but no request */
    ck_assert_uint_eq(days->rows[0]->text.len, 0);
    ck_assert_uint_eq(days->rows[1]->text.len, 1);
    days->rows[0]->text.len = 1;
    made_says(&a, SAYS({.id = "m1", .output = 6, .at = "2026-06-10T01:00:00.000Z"}));
    ck_assert_uint_eq(days->rows[0]->text.len, 0);
    days->rows[0]->text.len = days->rows[1]->text.len = 0;
    made_leaves(&a);
    model_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timeline_changes");

    rounds = (int)by_effort(62, 500, 10000);
    TEST(suite, rows_of_utc);
    TEST(suite, rows_at_both_ends);
    TEST(suite, rows_where_clocks_are_put_on_and_back);
    TEST(suite, rows_where_hours_are_divided);
    TEST(suite, nothing_is_kept_before_somebody_asks);
    TEST(suite, a_restored_transcript_is_taken_in);
    TEST(suite, a_name_shows_in_all_rows);
    TEST(suite, a_changed_row_loses_its_text);
    return tap_run(suite);
}
