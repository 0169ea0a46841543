/*
 * Numbers of documents as text for people. Decimal digits are moved, not computed with, so that a large count
 * and an exact amount stay what they are.
 */
#include "report/cells.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "okstrafs/stamp.h"
#include "okstrafs/zone.h"
#include "report/dates.h"
#include "report/rows.h"

static bool is_number(const struct value *v)
{
    return value_is(v, VALUE_NUMBER);
}

/* Groups the digits of a whole number; `room` is that of `out`. */
static void group(const char *digits, size_t n, char *out, size_t room)
{
    size_t to = 0;

    for (size_t i = 0; i < n && to + 2 < room; i++) {
        if (i > 0 && (n - i) % 3 == 0 && isdigit((unsigned char)digits[i - 1]))
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
}

const char *cell_count(const struct value *v, char out[CELL_BYTES])
{
    size_t whole;

    if (!is_number(v))
        return "";
    whole = strspn(v->text, "-0123456789");
    if (strlen(v->text) >= CELL_BYTES / 2)
        return v->text;
    group(v->text, whole, out, CELL_BYTES);
    strcat(out, v->text + whole);
    return out;
}

char *cell_count_before(uint64_t count, char *end)
{
    char *to = end;

    for (; count >= 1000; count /= 1000) {
        unsigned three = (unsigned)(count % 1000);

        to -= 4;
        to[0] = ',';
        to[1] = (char)('0' + three / 100);
        to[2] = (char)('0' + three / 10 % 10);
        to[3] = (char)('0' + three % 10);
    }
    do
        *--to = (char)('0' + count % 10);
    while (count /= 10);
    return to;
}

const char *cell_count_of(uint64_t count, char out[CELL_BYTES])
{
    out[CELL_BYTES - 1] = '\0';
    return cell_count_before(count, out + CELL_BYTES - 1);
}

/* Adds one to a decimal number: digits, without a sign. `out` has room for one digit more. */
static void add_one(char *digits)
{
    size_t i = strlen(digits);

    while (i > 0 && digits[i - 1] == '9')
        digits[--i] = '0';
    if (i > 0) {
        digits[i - 1]++;
        return;
    }
    memmove(digits + 1, digits, strlen(digits) + 1);
    digits[0] = '1';
}

/* Cents, rounded half up, of a decimal number without exponent. */
static void cents_of(const char *text, char out[CELL_BYTES])
{
    size_t whole = strspn(text, "0123456789");
    const char *fraction = text[whole] == '.' ? text + whole + 1 : "";
    size_t n = strspn(fraction, "0123456789");

    memcpy(out, text, whole);
    for (size_t i = 0; i < 2; i++)
        out[whole + i] = i < n ? fraction[i] : '0';
    out[whole + 2] = '\0';
    if (n > 2 && fraction[2] >= '5')
        add_one(out);
}

static bool is_zero(const char *digits)
{
    return digits[strspn(digits, "0.")] == '\0';
}

const char *cell_usd_of(const char *cost, bool at_least, struct cell_marks *marks, char out[CELL_BYTES])
{
    char cents[CELL_BYTES];
    size_t n;

    if (!*cost) {
        marks->unknown = true;
        return "?";
    }
    if (strlen(cost) >= CELL_BYTES / 2 || cost[strspn(cost, "0123456789.")])
        return cost;
    cents_of(cost, cents);
    marks->at_least |= at_least;
    if (is_zero(cents) && !is_zero(cost) && !at_least)
        return "<0.01";
    /* At most half of `out`, as the text is: see above. */
    n = strlen(cents) - 2;
    group(cents, n, out + at_least, CELL_BYTES - at_least);
    if (at_least)
        *out = '>';
    strcat(strcat(out, "."), cents + n);
    return out;
}

const char *cell_usd(const struct value *v, const struct value *in, struct cell_marks *marks,
                     char out[CELL_BYTES])
{
    if (!is_number(v) && !value_is(v, VALUE_NULL))
        return "";
    return cell_usd_of(is_number(v) ? v->text : "", value_is_true(value_member(in, "lowerBound")), marks,
                       out);
}

/* Any time stamp. */
static const char *any_time(const char *stamp, const struct oks_zone *zone, char out[CELL_BYTES])
{
    int64_t micros;
    bool aware;
    time_t local;
    struct tm tm;

    if (oks_stamp_micros(oks_stamp_of(oks_slice_of(stamp)), &micros, &aware) < 0)
        return stamp;
    local = (time_t)(micros / 1000000);
    local += oks_zone_offset(zone, local, NULL);
    if (!gmtime_r(&local, &tm) || strftime(out, CELL_BYTES, "%Y-%m-%d %H:%M", &tm) == 0)
        return stamp;
    return out;
}

/* The second since 1970 of "2026-06-10T14:05:31.123Z", with or without
 * milliseconds; false: another form. */
static bool second_of(const char *stamp, int64_t *second)
{
    static const char form[] = "T00:00:00", highest[] = "T23:59:59";
    const char *clock = stamp + DATE_LEN, *p;
    int64_t day;

    if (!date_read(stamp, &day))
        return false;
    for (size_t i = 0; form[i]; i++)
        if (isdigit((unsigned char)form[i]) ? !isdigit((unsigned char)clock[i]) : clock[i] != form[i])
            return false;
    if (memcmp(clock + 1, highest + 1, 2) > 0 || clock[4] > highest[4] || clock[7] > highest[7])
        return false;
    p = clock + strlen(form);
    p += *p == '.' && strspn(p + 1, "0123456789") == 3 ? strlen(".123") : 0;
    *second = day * 86400 + ((clock[1] - '0') * 10 + clock[2] - '0') * 3600 +
              ((clock[4] - '0') * 10 + clock[5] - '0') * 60 + (clock[7] - '0') * 10 + clock[8] - '0';
    return p[0] == 'Z' && !p[1];
}

/* "2026-06-10 14:05" of a second in those days that date_text() has a text for. */
static const char *minute_text(int64_t second, char out[CELL_BYTES])
{
    int minute = (int)(second % 86400 / 60);
    char clock[] = " 00:00";

    date_text(second / 86400, out);
    clock[1] = (char)('0' + minute / 600);
    clock[2] = (char)('0' + minute / 60 % 10);
    clock[4] = (char)('0' + minute % 60 / 10);
    clock[5] = (char)('0' + minute % 10);
    return *out ? strcat(out, clock) : NULL;
}

const char *cell_time_of(const char *stamp, const struct oks_zone *zone, char out[CELL_BYTES])
{
    int64_t second;

    if (second_of(stamp, &second)) {
        second += oks_zone_offset(zone, second, NULL);
        if (second >= 0 && minute_text(second, out))
            return out;
    }
    return any_time(stamp, zone, out);
}

const char *cell_time(const struct value *v, const struct oks_zone *zone, char out[CELL_BYTES])
{
    return value_is(v, VALUE_STRING) ? cell_time_of(v->text, zone, out) : "";
}

const char *cell_percent_of(const char *ratio, char out[CELL_BYTES])
{
    double percent = strtod(ratio, NULL) * 100;

    if (!*ratio)
        return "";
    /* cut, so that it is below 100 until the limit is reached */
    snprintf(out, CELL_BYTES, "%d%%", (int)(percent < 1e9 ? percent + 1e-9 : 1e9));
    return out;
}

const char *cell_percent(const struct value *v, char out[CELL_BYTES])
{
    return cell_percent_of(is_number(v) ? v->text : "", out);
}

const char *cell_name(const struct value *v)
{
    return value_is(v, VALUE_STRING) ? v->text : "";
}

/*
 * As strtod(), which takes longer than the rest of a cell. A quotient of two numbers that a double has
 * exactly is rounded correctly.
 */
static double number_of(const char *text)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    const uint64_t exact = UINT64_C(1) << 53;
    const size_t most = sizeof(powers) / sizeof(*powers);
    size_t behind_point = 0;
    bool point = false;
    uint64_t digits = 0;
    const char *p;

    for (p = text; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*p - '0');
        behind_point += point;
        if (digits > exact || behind_point == most)
            return strtod(text, NULL);
    }
    return *p ? strtod(text, NULL) : (double)digits / powers[behind_point];
}

static unsigned share_of(double part, double whole)
{
    double share = whole > 0 ? part / whole : 0;

    return share >= 1 ? 1000 : (unsigned)(share * 1000 + 0.5);
}

double cell_number(const char *text)
{
    return *text ? number_of(text) : 0;
}

unsigned cell_share_of_number(const char *part, double whole)
{
    return share_of(cell_number(part), whole);
}

unsigned cell_share_of(const char *part, const char *whole)
{
    return share_of(cell_number(part), cell_number(whole));
}

unsigned cell_share_of_counts(uint64_t part, uint64_t whole)
{
    return share_of((double)part, (double)whole);
}

unsigned cell_ratio_of(const char *ratio)
{
    return cell_share_of(ratio, "1");
}

static const char *digits_of(const struct value *v)
{
    return is_number(v) ? v->text : "";
}

unsigned cell_share(const struct value *part, const struct value *whole)
{
    return cell_share_of(digits_of(part), digits_of(whole));
}

unsigned cell_ratio(const struct value *ratio)
{
    return cell_ratio_of(digits_of(ratio));
}

/* --- rows --- */

void cells_columns(struct table *t, const struct report_kind *kind)
{
    table_column(t, kind->title, TABLE_LEFT, 0);
    for (const struct report_column *c = kind->columns; c->title; c++)
        table_column(t, c->title,
                     c->type == CELL_NAME || c->type == CELL_TIME || c->type == CELL_FLAG ? TABLE_LEFT
                                                                                          : TABLE_RIGHT,
                     c->keep);
}

static void put_share(struct table *t, const struct report_column *c, const struct value *row,
                      const struct value *total)
{
    const char *path = c->path;
    char text[CELL_BYTES];
    unsigned share;

    if (!total || row == total) {
        table_cell(t, "");
        return;
    }
    if (!is_number(report_member(total, path, NULL)) || is_zero(report_member(total, path, NULL)->text))
        path = "billed.totalTokens";
    share = cell_share(report_member(row, path, NULL), report_member(total, path, NULL));
    snprintf(text, sizeof(text), "%u%%", (share + 5) / 10);
    table_bar(t, text, share);
}

static const char *flag(const struct report_column *c, const struct value *v, char out[CELL_BYTES])
{
    if (!value_is_true(v))
        return "";
    snprintf(out, CELL_BYTES, "%s", c->title);
    out[0] = (char)tolower((unsigned char)out[0]);
    return out;
}

void cells_row(struct table *t, const struct report_kind *kind, const char *key, const struct value *row,
               const struct value *total, const struct report_style *style, struct cell_marks *marks)
{
    char text[CELL_BYTES];

    table_cell(t, key);
    for (const struct report_column *c = kind->columns; c->title; c++) {
        const struct value *in = NULL, *v = report_member(row, c->path, &in);

        switch (c->type) {
        case CELL_NAME:
            table_cell(t, cell_name(v));
            break;
        case CELL_COUNT:
            table_cell(t, cell_count(v, text));
            break;
        case CELL_USD:
            table_cell(t, cell_usd(v, in, marks, text));
            break;
        case CELL_TIME:
            table_cell(t, cell_time(v, style->zone, text));
            break;
        case CELL_PERCENT:
            table_cell(t, cell_percent(v, text));
            break;
        case CELL_FLAG:
            table_cell(t, flag(c, v, text));
            break;
        case CELL_SHARE:
            put_share(t, c, row, total);
            break;
        }
    }
}

void cells_nothing(struct table *t, const struct report_kind *kind, const char *key)
{
    table_cell(t, key);
    for (const struct report_column *c = kind->columns; c->title; c++)
        table_cell(t, c->type == CELL_COUNT ? "0" : c->type == CELL_USD ? "0.00" : "");
}

void cells_explain(const struct cell_marks *marks, const struct report_style *style)
{
    if (marks->at_least || marks->unknown)
        style->line(style->ctx, EMPHASIS_NONE, "");
    if (marks->at_least)
        style->line(style->ctx, EMPHASIS_FAINT, "> at least (lowerBound)");
    if (marks->unknown)
        style->line(style->ctx, EMPHASIS_FAINT, "? no price known (unpriced)");
}
