/*
 * stats/by-day.json, by-week.json, by-month.json and by-hour.json: rows of local time.
 *
 * The key of a day, a week or a month is the name of its window. That of an hour is its start, with the
 * offset from UTC. So the hour that repeats when clocks are put back has a key of its own, and the key of
 * every hour can be a bound of a window. "outside"
 * is what no transcript can have said at that time (timeline.h), "unknown" what has no time.
 */
#include "documents/by_time.h"

#include <stdlib.h>

#include "documents/document.h"
#include "documents/parts.h"
#include "documents/timeline_window.h"
#include "okstrafs/zone.h"
#include "time/calendar.h"
#include "time/period.h"

enum { DAY_S = 86400, KEY_TEXT = 64 };
enum { KEPT_MAX = 10000 }; /* rows of a table beyond which none keeps its text */

static void key_of(const struct stats *s, const struct time_row *row, enum time_kind kind, char out[KEY_TEXT])
{
    int32_t offset = oks_zone_offset(s->model->zone, row->start, NULL), away = offset < 0 ? -offset : offset;
    int64_t local = row->start + offset, days = local / DAY_S - (local % DAY_S < 0);
    int in_day = (int)(local - days * DAY_S);
    char *end;

    if (kind != TIMELINE_HOURS)
        days = oks_zone_day(s->model->zone, row->start);
    end = kind == TIMELINE_WEEKS    ? week_put(out, days)
          : kind == TIMELINE_MONTHS ? month_put(out, days)
                                    : date_put(out, date_of_days(days));
    if (kind == TIMELINE_HOURS) {
        *end++ = 'T';
        end = clock_put(end, in_day);
        *end++ = offset < 0 ? '-' : offset > 0 ? '+' : 'Z';
        if (offset)
            end = clock_put(end, away);
    }
    *end = '\0';
}

static void put_row(struct stats *s, struct time_row *row, enum time_kind kind, const struct measure *m,
                    const struct billed_bag *billed)
{
    bool whole = billed == &row->billed && s->model->timeline.tables[kind].n <= KEPT_MAX;
    char key[KEY_TEXT];

    if (whole && stats_put_kept(s, &row->text))
        return;
    key_of(s, row, kind, key);
    if (whole)
        stats_put_and_keep(s, &row->text, key, m, billed);
    else
        stats_put_row(s, key, m, billed);
}

struct part {
    struct measure sum;
    struct billed_bag billed;
};

static void add(struct stats *s, struct part *to, const struct measure *m, const struct billed_bag *billed)
{
    measure_add(&to->sum, m);
    json_fail(s->j, billed_bag_add(&to->billed, billed));
}

static void write_by_time(struct stats *s, enum time_kind kind)
{
    struct time_table *table = &s->model->timeline.tables[kind];
    struct part all = {0}, outside = {0};

    measure_start(&all.sum);
    measure_start(&outside.sum);
    for (size_t i = 0; i < table->n && document_goes_on(s->j); i++) {
        const struct billed_bag *billed;
        struct billed_bag room = {0};
        struct measure m;

        if (timeline_row_in_window(s, table->rows[i], &m, &billed, &room) && document_goes_on(s->j)) {
            add(s, &all, &m, billed);
            if (table->rows[i]->outside)
                add(s, &outside, &m, billed);
            else
                put_row(s, table->rows[i], kind, &m, billed);
        }
        billed_bag_clear(&room);
    }
    if (outside.sum.totals.events || !billed_bag_is_zero(&outside.billed))
        stats_put_row(s, "outside", &outside.sum, &outside.billed);
    stats_put_rest(s, "unknown", &all.sum, &all.billed);
    billed_bag_clear(&outside.billed);
    billed_bag_clear(&all.billed);
}

/* A row that its aggregate alone says to be used is not measured. */
static bool is_used(struct stats *s, struct time_row *row)
{
    struct measure m;

    if (!row->sum.stale && row->sum.events > 0)
        return true;
    timeline_row_measure(&s->model->timeline, row, &m);
    return m.totals.events > 0 || !billed_bag_is_zero(&row->billed);
}

static void pick_row(struct stats *s, struct time_row *row, enum time_kind kind)
{
    char key[KEY_TEXT];
    struct measure m;

    if (stats_put_kept(s, &row->text))
        return;
    key_of(s, row, kind, key);
    timeline_row_measure(&s->model->timeline, row, &m);
    stats_put_and_keep(s, &row->text, key, &m, &row->billed);
}

static void add_outside(struct stats *s, struct time_row *row, struct part *outside)
{
    struct measure m;

    timeline_row_measure(&s->model->timeline, row, &m);
    add(s, outside, &m, &row->billed);
}

/* The last rows. Others are only counted, because the sum of all is kept with the table. */
static void pick_by_time(struct stats *s, enum time_kind kind)
{
    const struct time_table *table = &s->model->timeline.tables[kind];
    struct measure all = {.totals = OKS_TOTALS_NONE};
    struct part outside = {0};
    size_t used = 0, first = 0;

    measure_start(&outside.sum);
    for (size_t i = table->n; i-- > 0;) {
        struct time_row *row = table->rows[i];

        if (!is_used(s, row))
            continue;
        if (row->outside)
            add_outside(s, row, &outside);
        else if (used++ < s->picked->most)
            first = i;
    }
    for (size_t i = first; used > 0 && i < table->n; i++)
        if (!table->rows[i]->outside && is_used(s, table->rows[i]))
            pick_row(s, table->rows[i], kind);
    s->picked->n_all = used;
    for (int i = 0; i < OKS_COLUMNS; i++)
        all.totals.count[i] = document_tokens(table->count[i]);
    if (outside.sum.totals.events || !billed_bag_is_zero(&outside.billed))
        stats_put_row(s, "outside", &outside.sum, &outside.billed);
    stats_put_rest(s, "unknown", &all, &table->billed);
    billed_bag_clear(&outside.billed);
}

void stats_put_by_time(struct stats *s, enum time_kind kind)
{
    if (s->picked)
        pick_by_time(s, kind);
    else
        write_by_time(s, kind);
}
