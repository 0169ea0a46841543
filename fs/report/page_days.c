/*
 * The last days: charts and rows in report.html, and by-day.svg.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "okstrafs/zone.h"
#include "report/chart.h"
#include "report/page_parts.h"

enum { DAYS_SHOWN = 30 };

static int64_t day_of_key(const char *key)
{
    struct tm tm = {0};
    int year, month, day, n = 0;

    if (sscanf(key, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != (int)strlen("2026-06-10") ||
        key[n])
        return INT64_MIN;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    return timegm(&tm) / 86400;
}

static void day_label(int64_t day, char out[CHART_LABEL_BYTES])
{
    time_t time = (time_t)day * 86400;
    struct tm tm;

    if (!gmtime_r(&time, &tm) || strftime(out, CHART_LABEL_BYTES, "%Y-%m-%d", &tm) == 0)
        out[0] = '\0';
}

struct days {
    struct chart_bar cost[DAYS_SHOWN], tokens[DAYS_SHOWN];
};

/* The last days up to now, those without activity too: a gap is seen as one. */
static void fill_days(struct days *d, const struct report_rows *rows, const struct page_time *time,
                      struct cell_marks *marks)
{
    int64_t first = oks_zone_day(time->zone, time->now_ms / 1000) - DAYS_SHOWN + 1;

    for (int i = 0; i < DAYS_SHOWN; i++) {
        d->cost[i] = (struct chart_bar){.text = "0.00 USD"};
        d->tokens[i] = (struct chart_bar){.text = "0 tokens"};
        day_label(first + i, d->cost[i].label);
        day_label(first + i, d->tokens[i].label);
    }
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *row = rows->rows[i].tree.root, *in = NULL;
        const struct value *cost = report_member(row, "billed.costUSD", &in);
        const struct value *tokens = report_member(row, "billed.totalTokens", NULL);
        int64_t day = day_of_key(report_row_key(&rows->rows[i]));
        char text[CELL_BYTES];

        if (day < first || day >= first + DAYS_SHOWN)
            continue;
        d->cost[day - first].value = value_is(cost, VALUE_NULL) || !cost ? 0 : strtod(cost->text, NULL);
        d->tokens[day - first].value = tokens ? strtod(tokens->text, NULL) : 0;
        snprintf(d->cost[day - first].text, CHART_TEXT_BYTES, "%.50s USD", cell_usd(cost, in, marks, text));
        snprintf(d->tokens[day - first].text, CHART_TEXT_BYTES, "%.50s tokens", cell_count(tokens, text));
    }
}

static const struct report_kind *days_kind(void)
{
    return report_kind_find("days");
}

static bool any_activity(const struct days *d)
{
    for (int i = 0; i < DAYS_SHOWN; i++)
        if (d->cost[i].value > 0 || d->tokens[i].value > 0)
            return true;
    return false;
}

static void put_day_charts(const struct page *p, const struct days *d)
{
    const struct chart cost = {"chart-cost", "Spend by day, US dollars", "$", d->cost, DAYS_SHOWN};
    const struct chart tokens = {"chart-tokens", "Billed tokens by day, without cache reads", "", d->tokens,
                                 DAYS_SHOWN};

    if (!any_activity(d)) {
        markup_raw(p->m, "<p>There was no activity in these days.</p>\n");
        return;
    }
    markup_raw(p->m, "<div class=\"charts\">\n<div>\n<h3 class=\"note\">Spend</h3>\n");
    chart_put(p->m, &cost, false);
    markup_raw(p->m, "</div>\n<div>\n<h3 class=\"note\">Tokens, without cache reads</h3>\n");
    chart_put(p->m, &tokens, false);
    markup_raw(p->m, "</div>\n</div>\n");
}

int page_days(struct page *p)
{
    struct report_rows rows;
    struct days days;
    int rc = report_rows_read(&rows, days_kind(), p->source, "", DAYS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    fill_days(&days, &rows, p->time, &p->marks);
    page_begin_section(p, "days", "The last 30 days");
    put_day_charts(p, &days);
    if (rows.n > 0) {
        markup_raw(p->m, "<details>\n<summary>Numbers of the last days with activity</summary>\n");
        page_rows(p, &rows, "Days with activity, and the total of all time");
        markup_raw(p->m, "</details>\n");
    }
    page_end_section(p);
    report_rows_clear(&rows);
    return 0;
}

int page_print_days(struct markup *m, const struct report_source *source, const struct page_time *time)
{
    struct cell_marks marks = {0};
    struct report_rows rows;
    struct days days;
    int rc = report_rows_read(&rows, days_kind(), source, "", DAYS_SHOWN);

    if (rc < 0)
        return rc;
    fill_days(&days, &rows, time, &marks);
    chart_put(m, &(struct chart){"days", "Spend by day, US dollars", "$", days.cost, DAYS_SHOWN}, true);
    report_rows_clear(&rows);
    return 0;
}
