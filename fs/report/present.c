/* The rows of the present. */
#include "report/present.h"

#include <string.h>
#include <time.h>

#include "okstrafs/zone.h"

static const char *const kinds[] = {[SPAN_TODAY] = "days",
                                    [SPAN_YESTERDAY] = "days",
                                    [SPAN_WEEK] = "weeks",
                                    [SPAN_MONTH] = "months",
                                    [SPAN_ALL] = "months"};

/* The key of the row, as by-day.json, by-week.json and by-month.json have it; "": none. */
static void key_of(enum report_span span, int64_t day, char out[REPORT_PRESENT_BYTES])
{
    time_t midnight = (time_t)day * 86400;
    struct tm tm = {0};

    out[0] = '\0';
    if (!gmtime_r(&midnight, &tm))
        return;
    if (span == SPAN_WEEK)
        strftime(out, REPORT_PRESENT_BYTES, "%G-W%V", &tm);
    else if (span == SPAN_MONTH)
        strftime(out, REPORT_PRESENT_BYTES, "%Y-%m", &tm);
    else
        strftime(out, REPORT_PRESENT_BYTES, "%Y-%m-%d", &tm);
}

static const struct value *row_of(const struct report_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(report_row_key(&rows->rows[i]), key) == 0)
            return rows->rows[i].tree.root;
    return NULL;
}

const struct report_kind *report_present_kind(enum report_span span)
{
    return report_kind_find(kinds[span]);
}

void report_present_key(enum report_span span, const struct oks_zone *zone, int64_t now_ms,
                        char out[REPORT_PRESENT_BYTES])
{
    int64_t day = oks_zone_day(zone, now_ms / 1000);

    if (span == SPAN_YESTERDAY) /* not the number before: a zone may have skipped that day */
        day = oks_zone_day(zone, oks_zone_day_start(zone, day) - 1);
    key_of(span, day, out);
}

int report_present(const struct report_source *source, enum report_span span, const struct oks_zone *zone,
                   int64_t now_ms, void (*fn)(void *ctx, const struct value *usage), void *ctx)
{
    struct report_rows rows;
    char key[REPORT_PRESENT_BYTES];
    int rc = report_rows_read(&rows, report_present_kind(span), source, "", REPORT_PRESENT_ROWS);

    if (rc < 0)
        return rc;
    report_present_key(span, zone, now_ms, key);
    fn(ctx, span == SPAN_ALL ? rows.total.root : row_of(&rows, key));
    report_rows_clear(&rows);
    return 0;
}
