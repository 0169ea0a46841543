/*
 * The rows of a timeline: which row a stamp belongs to, and tables of rows.
 *
 * A stamp belongs to the last second whose string is not greater, so that bounds compare as strings, like
 * those of windows; "2026-02-30" is late on the 28th. A stamp that is absent or of another form is in no row.
 *
 * Invariants: the rows of a table ascend, and no two share a stamp; the first n_sorted `stamps` ascend.
 */
#include "sums/time_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "time/calendar.h"
#include "time/period.h"
#include "sums/shares.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"

enum {
    SECONDS_PER_HOUR = 3600,
    KEY_SHIFT = 10, /* see stamp.c */
    NO_FRACTION = 1000,
    SHIFT_MAX = 64, /* positions that a new stamp moves at most to be sorted at once */
};

/* --- seconds and keys --- */

uint64_t timeline_key(int64_t second)
{
    int64_t days = floor_div(second, SECONDS_PER_DAY), s = second - days * SECONDS_PER_DAY;
    struct date date;
    uint64_t number;

    if (days < CALENDAR_FIRST_DAY || days > CALENDAR_LAST_DAY) {
        char text[OKS_STAMP_TEXT];

        oks_time_text(second * 1000, text);
        return oks_stamp_of(oks_slice_of(text)).key;
    }
    date = date_of_days(days);
    number = ((uint64_t)date.year * 100 + (uint64_t)date.month) * 100 + (uint64_t)date.day;
    number =
        ((number * 100 + (uint64_t)(s / 3600)) * 100 + (uint64_t)(s / 60 % 60)) * 100 + (uint64_t)(s % 60);
    return number << KEY_SHIFT; /* the string that ends in .000Z */
}

/* The last day not after year-month-day, if that is no date; *late: it lies after all of that day. */
static int64_t day_of(int year, int month, int day, bool *late)
{
    struct date date = {year, month, day};

    *late = !date_valid(date);
    if (month == 0)
        return date_to_days((struct date){year, 1, 1}) - 1;
    if (month > 12)
        return date_to_days((struct date){year, 12, 31});
    if (day == 0)
        return date_to_days((struct date){year, month, 1}) - 1;
    while (!date_valid(date))
        date.day--;
    return date_to_days(date);
}

bool timeline_second(uint64_t key, int64_t *second)
{
    uint64_t number = key >> KEY_SHIFT;
    int s = (int)(number % 100), m = (int)(number / 100 % 100), h = (int)(number / 10000 % 100);
    int day = (int)(number / 1000000 % 100), month = (int)(number / 100000000 % 100);
    int year = (int)(number / UINT64_C(10000000000));
    int64_t days;
    bool late;

    if (year < 1)
        return false;
    days = day_of(year, month, day, &late);
    if (days < CALENDAR_FIRST_DAY)
        return false;
    late |= h > 23;
    if (late)
        h = 23;
    late |= m > 59;
    if (late)
        m = 59;
    if (late || s > 59)
        s = 59;
    *second = days * SECONDS_PER_DAY + h * SECONDS_PER_HOUR + m * 60 + s;
    return true;
}

/* --- rows --- */

/* If the clocks change within an hour, each part is a row. */
static void bounds_of_hour(const struct oks_zone *zone, int64_t t, int64_t *start, int64_t *end)
{
    int64_t until, local = t + oks_zone_offset(zone, t, &until);
    int64_t hour = t - (local - floor_div(local, SECONDS_PER_HOUR) * SECONDS_PER_HOUR), change;

    *start = hour;
    *end = hour + SECONDS_PER_HOUR < until ? hour + SECONDS_PER_HOUR : until;
    for (oks_zone_offset(zone, *start, &change); change <= t; oks_zone_offset(zone, *start, &change))
        *start = change;
}

/* The row of what is outside of the years that have rows of their own. */
static struct time_row row_outside(int64_t t)
{
    struct time_row row = {.outside = true};

    if (t < TIMELINE_FIRST) {
        row.id = INT64_MIN;
        row.start = CALENDAR_FIRST_DAY * (int64_t)SECONDS_PER_DAY;
        row.end = TIMELINE_FIRST;
        row.lo = timeline_key(row.start);
        row.hi = timeline_key(TIMELINE_FIRST) - 1;
    } else {
        row.id = INT64_MAX;
        row.start = TIMELINE_END;
        row.end = (CALENDAR_LAST_DAY + 1) * (int64_t)SECONDS_PER_DAY;
        row.lo = timeline_key(TIMELINE_END);
        row.hi = KEY_END - 1;
    }
    return row;
}

/* Keeps the row between the two that are outside. */
static void clamp(struct time_row *row)
{
    row->start = row->start > TIMELINE_FIRST ? row->start : TIMELINE_FIRST;
    row->end = row->end < TIMELINE_END ? row->end : TIMELINE_END;
}

/* The row of a key, without its sums; false: none. */
static bool row_of_key(const struct timeline *tl, enum time_kind kind, uint64_t key, struct time_row *row)
{
    int64_t t, hour;

    if (!timeline_second(key, &t))
        return false;
    if (t < TIMELINE_FIRST || t >= TIMELINE_END) {
        *row = row_outside(t);
        return true;
    }
    *row = (struct time_row){0};
    if (kind == TIMELINE_DAYS || kind == TIMELINE_WEEKS || kind == TIMELINE_MONTHS) {
        int64_t day = oks_zone_day(tl->zone, t);
        struct period period = kind == TIMELINE_DAYS    ? period_of_day(day)
                               : kind == TIMELINE_WEEKS ? period_of_week(day)
                                                        : period_of_month(day);

        row->id = row->start = oks_zone_day_start(tl->zone, period.first);
        row->end = oks_zone_day_start(tl->zone, period.end);
    } else if (kind == TIMELINE_HOURS) {
        bounds_of_hour(tl->zone, t, &row->start, &row->end);
        row->id = row->start;
    } else {
        hour = floor_div(t, SECONDS_PER_HOUR);
        row->start = hour * SECONDS_PER_HOUR;
        row->end = row->start + SECONDS_PER_HOUR;
        row->id = hour * 2 + (key != timeline_key(row->start));
    }
    clamp(row);
    row->lo = timeline_key(row->start);
    row->hi = timeline_key(row->end) - 1;
    if (kind == TIMELINE_HALVES) {
        row->hi = row->id % 2 ? row->hi : row->lo;
        row->lo += row->id % 2 ? 1 : 0;
    }
    return true;
}

static size_t place_of(const struct time_table *table, int64_t id)
{
    size_t low = 0, high = table->n;

    /* New keys are usually in the last row. */
    if (high && table->rows[high - 1]->id <= id)
        return table->rows[high - 1]->id == id ? high - 1 : high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (table->rows[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The existing row of a key, by binary search: their bounds ascend. */
static struct time_row *row_with(const struct time_table *table, uint64_t key)
{
    size_t low = 0, high = table->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (table->rows[mid]->hi < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low < table->n && table->rows[low]->lo <= key ? table->rows[low] : NULL;
}

struct time_row *time_row_made(struct timeline *tl, enum time_kind kind, uint64_t key)
{
    struct time_table *table = &tl->tables[kind];
    struct time_row like, *row = table->last;
    size_t at;

    if (row && key >= row->lo && key <= row->hi)
        return row;
    row = row_with(table, key); /* faster than the calendar */
    if (row)
        return table->last = row;
    if (!row_of_key(tl, kind, key, &like))
        return NULL;
    at = place_of(table, like.id);
    if (at < table->n && table->rows[at]->id == like.id)
        return table->last = table->rows[at];
    if (!OKS_GROW(table->rows, table->n, table->room))
        return NULL;
    row = malloc(sizeof(*row));
    if (!row)
        return NULL;
    *row = like;
    aggregate_reset(&row->sum);
    memmove(&table->rows[at + 1], &table->rows[at], (table->n - at) * sizeof(*table->rows));
    table->rows[at] = row;
    table->n++;
    return table->last = row;
}

void time_rows_widen(const struct timeline *tl, enum time_kind kind, uint64_t *lo, uint64_t *hi)
{
    struct time_row row;

    if (row_of_key(tl, kind, *lo, &row))
        *lo = row.lo;
    if (*hi < KEY_END && row_of_key(tl, kind, *hi, &row))
        *hi = row.hi;
}

/* --- the stamps of a row --- */

/*
 * Stamps usually come in order. Those of many sessions, added one after the other, do not: they are sorted
 * when they are used. The room grows by half, not by double: each request has a stamp here.
 */
int time_row_stamp_comes(struct time_row *row, uint32_t ms)
{
    size_t at = row->n_stamps, least;

    if (row->n_stamps == row->stamps_room) {
        size_t room = row->stamps_room + row->stamps_room / 2 + 8;
        uint32_t *stamps = reallocarray(row->stamps, room, sizeof(*stamps));

        if (!stamps)
            return -ENOMEM;
        row->stamps = stamps;
        row->stamps_room = room;
    }
    row->n_stamps++;
    row->stamps[at] = ms;
    if (row->n_sorted < at)
        return 0;
    least = at > SHIFT_MAX ? at - SHIFT_MAX : 0;
    while (at > least && row->stamps[at - 1] > ms)
        at--;
    if (at > 0 && row->stamps[at - 1] > ms)
        return 0; /* too far */
    memmove(&row->stamps[at + 1], &row->stamps[at], (row->n_sorted - at) * sizeof(*row->stamps));
    row->stamps[at] = ms;
    row->n_sorted++;
    return 0;
}

void time_rows_trim(struct timeline *tl)
{
    struct time_table *table = &tl->tables[TIMELINE_HALVES];

    for (size_t i = 0; i < table->n; i++) {
        struct time_row *row = table->rows[i];
        uint32_t *stamps = row->n_stamps ? reallocarray(row->stamps, row->n_stamps, sizeof(*stamps)) : NULL;

        if (!stamps)
            continue;
        row->stamps = stamps;
        row->stamps_room = row->n_stamps;
    }
}

static int by_ms(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Merges the last n, sorted, into those before them. */
static void merge_last(struct time_row *row, const uint32_t *last, size_t n)
{
    size_t a = row->n_sorted, to = row->n_stamps;

    while (n > 0)
        row->stamps[--to] = a > 0 && row->stamps[a - 1] > last[n - 1] ? row->stamps[--a] : last[--n];
}

const uint32_t *time_row_stamps(struct time_row *row)
{
    size_t n = row->n_stamps - row->n_sorted;
    uint32_t *last = n && n < row->n_sorted ? malloc(n * sizeof(*last)) : NULL;

    if (last) {
        memcpy(last, &row->stamps[row->n_sorted], n * sizeof(*last));
        qsort(last, n, sizeof(*last), by_ms);
        merge_last(row, last, n);
        free(last);
    } else if (n) {
        qsort(row->stamps, row->n_stamps, sizeof(*row->stamps), by_ms);
    }
    row->n_sorted = row->n_stamps;
    return row->stamps;
}

void time_row_stamp_leaves(struct time_row *row, uint32_t ms)
{
    const uint32_t *stamps = time_row_stamps(row);
    const uint32_t *found = stamps ? bsearch(&ms, stamps, row->n_stamps, sizeof(*stamps), by_ms) : NULL;
    size_t at;

    if (!found)
        return;
    at = (size_t)(found - stamps);
    row->n_sorted = --row->n_stamps;
    memmove(&row->stamps[at], &row->stamps[at + 1], (row->n_stamps - at) * sizeof(*row->stamps));
}

uint32_t time_row_ms(const struct time_row *row, uint64_t key)
{
    uint64_t ms = key & ((1u << KEY_SHIFT) - 1);
    int64_t second = row->start;

    timeline_second(key, &second);
    return (uint32_t)((second - row->start) * 1000) + (uint32_t)(ms >= NO_FRACTION ? 0 : ms);
}

/* --- life --- */

void time_rows_free(struct timeline *tl)
{
    tl->emptied++;
    for (int k = 0; k < TIME_KINDS; k++) {
        struct time_table *table = &tl->tables[k];

        for (size_t i = 0; i < table->n; i++) {
            billed_bag_clear(&table->rows[i]->billed);
            row_text_clear(&table->rows[i]->text);
            free(table->rows[i]->stamps);
            free(table->rows[i]);
        }
        free(table->rows);
        billed_bag_clear(&table->billed);
        *table = (struct time_table){0};
    }
}
