/*
 * stats/by-day.json and stats/by-hour.json: rows of local time.
 *
 * A key says where its row begins: a date, or a time with its distance from UTC, so that the hour that
 * returns when clocks are put back has a key of its own, and every key of hours can be a bound of a window.
 */
#include "documents/by_time.h"

#include <stdio.h>

#include "documents/times_cut.h"
#include "okstrafs/zone.h"
#include "time/calendar.h"

enum { DAY_S = 86400, KEY_TEXT = 64 };

static void key_of(const struct stats *s, const struct time_row *row, enum time_kind kind, char out[KEY_TEXT])
{
    int32_t offset = oks_zone_offset(s->e->zone, row->start, NULL), away = offset < 0 ? -offset : offset;
    int64_t local = row->start + offset, days = local / DAY_S - (local % DAY_S < 0);
    int in_day = (int)(local - days * DAY_S);
    struct date date;
    char zone[16] = "Z";

    if (kind == TIMES_DAYS) {
        days = oks_zone_day(s->e->zone, row->start);
        in_day = 0;
    }
    date = date_of_days(days);
    if (kind == TIMES_DAYS) {
        snprintf(out, KEY_TEXT, "%04d-%02d-%02d", date.year, date.month, date.day);
        return;
    }
    if (offset)
        snprintf(zone, sizeof(zone), "%c%02d:%02d", offset < 0 ? '-' : '+', away / 3600 % 100,
                 away / 60 % 60);
    snprintf(out, KEY_TEXT, "%04d-%02d-%02dT%02d:%02d%s", date.year, date.month, date.day, in_day / 3600,
             in_day / 60 % 60, zone);
}

void stats_put_times(struct stats *s, enum time_kind kind)
{
    struct time_table *table = &s->e->times.tables[kind];
    struct measure sum; /* of the rows */
    struct billed_bag sum_billed = {0};

    measure_start(&sum);
    for (size_t i = 0; i < table->n; i++) {
        const struct billed_bag *billed;
        struct billed_bag room = {0};
        struct measure m;
        char key[KEY_TEXT];

        if (times_row_in_window(s, table->rows[i], &m, &billed, &room)) {
            measure_add(&sum, &m);
            json_fail(s->j, billed_bag_add(&sum_billed, billed));
            key_of(s, table->rows[i], kind, key);
            stats_put_row(s, key, &m, billed);
        }
        billed_bag_clear(&room);
    }
    stats_put_rest(s, "unknown", &sum, &sum_billed);
    billed_bag_clear(&sum_billed);
}
