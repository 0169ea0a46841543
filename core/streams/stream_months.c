/*
 * The months of events/: which there are, and of which a request is.
 *
 * A month is one of UTC, so that a line stays in its file when the machine is taken to another time zone. As
 * for rows of time, only the years 2020 to 2039 have months. Requests of other times, and those without a
 * time, are in one file together, so that nobody can make millions of files.
 *
 * Each transcript has a bit for each month with a request. Another transcript may own all of them, so a file
 * may be empty.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/tree.h"
#include "streams/stream_private.h"
#include "time/calendar.h"

enum { FIRST_YEAR = 2020, YEARS = 20, MONTHS_OF_YEAR = 12, OTHER = YEARS * MONTHS_OF_YEAR };

_Static_assert(OTHER + 1 == STREAM_MONTHS && STREAM_MONTHS <= STREAM_MONTH_WORDS * 64, "a bit each");

static const char suffix[] = ".jsonl", other[] = "other";

unsigned stream_month_of(struct oks_stamp stamp)
{
    int64_t micros, day;
    struct date date;
    bool aware;

    if (oks_stamp_is_none(stamp) || oks_stamp_micros(stamp, &micros, &aware) < 0)
        return OTHER;
    day = floor_div(micros, INT64_C(86400000000));
    if (day < CALENDAR_FIRST_DAY || day > CALENDAR_LAST_DAY)
        return OTHER;
    date = date_of_days(day);
    if (date.year < FIRST_YEAR || date.year >= FIRST_YEAR + YEARS)
        return OTHER;
    return (unsigned)((date.year - FIRST_YEAR) * MONTHS_OF_YEAR + date.month - 1);
}

static int see_month(void *ctx, size_t i, const struct request_row *row)
{
    struct stream_marks *marks = ctx;
    unsigned month = stream_month_of(row->request.stamp);

    (void)i;
    if (row->request.part == OKS_PART_LINK || row->request.alias) /* no request */
        return 0;
    month_set_add(&marks->months, month);
    return 0;
}

void stream_months_forget(struct transcript *t)
{
    t->marks->months = (struct month_set){0};
    t->marks->months_of = 0;
}

/* What an unfinished line changes is taken back without notice. */
static const struct month_set *months_of(struct transcript *t)
{
    struct stream_marks *marks = t->marks;
    size_t n = requests_len(t->state.requests);

    if (transcript_tail(t)->requests || marks->months_of > n)
        stream_months_forget(t);
    requests_each(t->state.requests, marks->months_of, n, see_month, marks);
    marks->months_of = transcript_tail(t)->requests ? SIZE_MAX : n;
    return &marks->months;
}

bool stream_may_have_month(struct transcript *t, unsigned month)
{
    return billing_has_substitutes(t->billed) || month_set_has(months_of(t), month);
}

static void name_of(unsigned month, char name[OKS_NAME_MAX + 1])
{
    if (month == OTHER)
        snprintf(name, OKS_NAME_MAX + 1, "%s%s", other, suffix);
    else
        snprintf(name, OKS_NAME_MAX + 1, "%04u-%02u%s", FIRST_YEAR + month / MONTHS_OF_YEAR,
                 month % MONTHS_OF_YEAR + 1, suffix);
}

static void see_transcript(void *ctx, void *item)
{
    const struct month_set *months = months_of(item);
    struct month_set *all = ctx;

    for (unsigned i = 0; i < STREAM_MONTH_WORDS; i++)
        all->words[i] |= months->words[i];
}

int streams_months(struct streams *streams, int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct month_set months = {0};
    char name[OKS_NAME_MAX + 1];
    int rc = 0;

    oks_tree_each(streams->model->catalog.transcripts, see_transcript, &months);
    for (unsigned month = 0; rc == 0 && month < STREAM_MONTHS; month++) {
        if (!month_set_has(&months, month))
            continue;
        name_of(month, name);
        rc = fn(ctx, name);
    }
    return rc;
}

int oks_stream_month(const char *name)
{
    char listed[OKS_NAME_MAX + 1];

    for (unsigned month = 0; month < STREAM_MONTHS; month++) {
        name_of(month, listed);
        if (strcmp(listed, name) == 0)
            return (int)month;
    }
    return -ENOENT;
}
