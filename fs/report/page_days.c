/*
 * The last days: charts and rows in report.html, and by-day.svg.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "okstrafs/zone.h"
#include "report/chart.h"
#include "report/dates.h"
#include "report/page_parts.h"

enum { DAYS_SHOWN = PAGE_ROWS_MAX };

static int64_t day_of_key(const char *key)
{
    int64_t day;

    return date_read(key, &day) && !key[DATE_LEN] ? day : INT64_MIN;
}

struct days {
    struct chart_bar cost[DAYS_SHOWN], tokens[DAYS_SHOWN];
};

static void put_amount(char out[CHART_TEXT_BYTES], const char *number, const char *unit)
{
    size_t n = strnlen(number, CHART_TEXT_BYTES - sizeof(" tokens"));

    memcpy(out, number, n);
    strcpy(out + n, unit);
}

/* The last days up to now, those without activity too: a gap is seen as one. */
static void fill_days(struct days *d, const struct page_rows *rows, const struct page_time *time,
                      struct cell_marks *marks)
{
    int64_t first = oks_zone_day(time->zone, time->now_ms / 1000) - DAYS_SHOWN + 1;

    for (int i = 0; i < DAYS_SHOWN; i++) {
        d->cost[i] = (struct chart_bar){.text = "0.00 USD"};
        d->tokens[i] = (struct chart_bar){.text = "0 tokens"};
        date_text(first + i, d->cost[i].label);
        strcpy(d->tokens[i].label, d->cost[i].label);
    }
    for (size_t i = 0; i < rows->n; i++) {
        const struct oks_bill *bill = &rows->items[i].row.bill;
        int64_t day = day_of_key(rows->items[i].key);
        char text[CELL_BYTES];

        if (day < first || day >= first + DAYS_SHOWN)
            continue;
        d->cost[day - first].value = strtod(bill->cost, NULL);
        d->tokens[day - first].value = (double)bill->total_tokens;
        put_amount(d->cost[day - first].text, cell_usd_of(bill->cost, bill->lower_bound, marks, text),
                   " USD");
        put_amount(d->tokens[day - first].text, cell_count_of(bill->total_tokens, text), " tokens");
    }
}

static const struct report_kind *days_kind(void)
{
    return report_kind_find("days");
}

int page_read_days(const struct report_source *source, struct page_rows *out)
{
    out->n = 0;
    return source->rows(source->ctx, days_kind(), DAYS_SHOWN, page_take_row, out, &out->total);
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
    const struct chart cost = {"chart-cost", "Spend by day, US dollars", "$", d->cost, DAYS_SHOWN, p->kept};
    const struct chart tokens = {
        "chart-tokens", "Billed tokens by day, without cache reads", "", d->tokens, DAYS_SHOWN, p->kept};

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

void page_days(struct page *p)
{
    const struct page_rows *rows = p->days;
    struct days days;

    fill_days(&days, rows, p->time, &p->marks);
    page_begin_section(p, "days", "The last 30 days");
    put_day_charts(p, &days);
    if (rows->n > 0) {
        markup_raw(p->m, "<details>\n<summary>Numbers of the last days with activity</summary>\n");
        page_put_rows(p, days_kind(), rows, "Days with activity, and the total of all time");
        markup_raw(p->m, "</details>\n");
    }
    page_end_section(p);
}

int page_print_days(struct markup *m, const struct report_source *source, const struct page_time *time)
{
    struct cell_marks marks = {0};
    struct page_rows rows;
    struct days days;
    int rc = page_read_days(source, &rows);

    if (rc < 0)
        return rc;
    fill_days(&days, &rows, time, &marks);
    chart_put(m, &(struct chart){"days", "Spend by day, US dollars", "$", days.cost, DAYS_SHOWN, NULL}, true);
    return 0;
}
