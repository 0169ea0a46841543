/*
 * report.html.
 *
 * A document that does not exist, because nothing is configured or nothing runs, leaves its section out.
 */
#include "report/page.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/name_list.h"
#include "okstrafs/zone.h"
#include "report/cells.h"
#include "report/chart.h"
#include "report/markup.h"

enum {
    ROWS_SHOWN = 15,
    FUTURE_ROWS = 8, /* behind the present one, as a wrong clock writes them; and what has no time */
    DAYS_SHOWN = 30,
    BLOCKS_SHOWN = 6,
    SESSIONS_SHOWN = 12,
    BUDGETS_SHOWN = 50,
    NAME_SHOWN = 60, /* characters of a name */
    PATH_BYTES = 300,
    BAR_WIDTH = 80,
};

struct page {
    FILE *f;
    const struct report_source *source;
    const struct page_time *time;
    struct cell_marks marks;
};

/* --- the frame --- */

#define COLOURS                                                                                        \
    ":root{color-scheme:light "                                                                        \
    "dark;--ground:#fff;--ink:#1c1f24;--faint:#555b65;--line:#d5d9df;--bar:#2f6fb5;"                   \
    "--alarm:#b3261e}"                                                                                 \
    "@media "                                                                                          \
    "(prefers-color-scheme:dark){:root{--ground:#15181c;--ink:#e8eaed;--faint:#a8afb9;--line:#343a42;" \
    "--bar:#6aa7e8;--alarm:#ff8a80}}"

static const char page_rules[] = COLOURS
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1rem;max-width:68rem;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.5rem;margin:.5rem 0 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    "p{margin:.25rem 0}.note{color:var(--faint);font-size:.875rem}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;padding:0;"
    "margin:1rem 0;list-style:none}"
    ".cards li{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}"
    ".cards strong{display:block;font-size:1.4rem;line-height:1.3}"
    ".wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--bar)}"
    "table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--faint);padding:.25rem 0}"
    "th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th{font-weight:600}th[scope=row]{font-weight:400;white-space:normal;overflow-wrap:anywhere;"
    "min-width:12rem}tfoot "
    "th[scope=row]{font-weight:600}th:first-child,td.text,th.text{text-align:left}tfoot th,tfoot "
    "td{font-weight:600}"
    ".alarm{color:var(--alarm);font-weight:600}svg.chart{width:100%;height:auto;display:block}"
    "svg.share{vertical-align:middle}summary{cursor:pointer;color:var(--faint);font-size:."
    "875rem}" CHART_STYLE;

/* The policy allows this style by its hash, and nothing else. */
static int put_style(const struct page *p)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t hash[OKS_DIGEST_BYTES + 1] = {0}; /* base64 goes by three bytes */
    char base64[(OKS_DIGEST_BYTES + 1) / 3 * 4 + 1];
    size_t n = 0;

    if (oks_digest(page_rules, strlen(page_rules), hash) < 0)
        return -EIO;
    for (size_t i = 0; i < sizeof(hash); i += 3) {
        uint32_t bits = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | hash[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6)
            base64[n++] = digits[bits >> shift & 63];
    }
    base64[n - 1] = '=';
    base64[n] = '\0';
    fprintf(
        p->f,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
        "base-uri 'none'; form-action 'none'\">\n<style>%s</style>\n",
        base64, page_rules);
    return 0;
}

static int begin(const struct page *p)
{
    int rc;

    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<title>Token usage</title>\n",
          p->f);
    rc = put_style(p);
    fputs("</head>\n<body>\n<header>\n<h1>Token usage of coding agents</h1>\n"
          "<p class=\"note\">Each request counts once. Costs are in US dollars.</p>\n</header>\n<main>\n",
          p->f);
    return rc;
}

static void end(const struct page *p)
{
    if (p->marks.at_least)
        fputs("<p class=\"note\">&gt; at least: the real cost may be higher.</p>\n", p->f);
    if (p->marks.unknown)
        fputs("<p class=\"note\">? unknown: no model that was used has a price.</p>\n", p->f);
    fputs("</main>\n</body>\n</html>\n", p->f);
}

static void begin_section(const struct page *p, const char *id, const char *title)
{
    fprintf(p->f, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id, title);
}

static void end_section(const struct page *p)
{
    fputs("</section>\n", p->f);
}

/* A table may be wider than a phone: then it can be scrolled, with the keyboard too. */
static void begin_table(const struct page *p, const char *caption)
{
    fprintf(p->f,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" "
            "aria-label=\"%s\">\n<table>\n<caption>%s</caption>\n"
            "<thead><tr>",
            caption, caption);
}

static void end_table(const struct page *p)
{
    fputs("</table>\n</div>\n", p->f);
}

static void put_cell(const struct page *p, const char *text, bool is_text)
{
    fputs(is_text ? "<td class=\"text\">" : "<td>", p->f);
    markup_text_cut(p->f, text, NAME_SHOWN);
    fputs("</td>", p->f);
}

static void put_row_name(const struct page *p, const char *name)
{
    fputs("<tr><th scope=\"row\">", p->f);
    markup_text_cut(p->f, name, NAME_SHOWN);
    fputs("</th>", p->f);
}

static void put_share(const struct page *p, unsigned thousandths)
{
    fprintf(p->f,
            "<td class=\"text\">%u%% <svg class=\"share\" width=\"%d\" height=\"8\" "
            "aria-hidden=\"true\"><rect class=\"bar\" "
            "width=\"%u\" height=\"8\"/></svg></td>",
            (thousandths + 5) / 10, BAR_WIDTH, thousandths * BAR_WIDTH / 1000);
}

/* --- the present --- */

/* `usage` NULL: nothing was used. */
static void put_card(struct page *p, const char *title, const struct value *usage)
{
    const struct value *in = NULL, *cost = report_member(usage, "billed.costUSD", &in);
    char usd[CELL_BYTES], tokens[CELL_BYTES];

    fprintf(p->f, "<li>%s <strong>", title);
    markup_text(p->f, usage ? cell_usd(cost, in, &p->marks, usd) : "0.00");
    fputs(" USD</strong> <span class=\"note\">", p->f);
    markup_text(p->f, usage ? cell_count(report_member(usage, "billed.totalTokens", NULL), tokens) : "0");
    fputs(" tokens</span></li>\n", p->f);
}

/* Keys of rows, as by-day.json, by-week.json and by-month.json have them. */
struct present {
    char day[16], week[16], month[16];
};

static void find_present(const struct page_time *time, struct present *out)
{
    time_t local = (time_t)(time->now_ms / 1000);
    struct tm tm = {0};

    local += oks_zone_offset(time->zone, local, NULL);
    gmtime_r(&local, &tm);
    strftime(out->day, sizeof(out->day), "%Y-%m-%d", &tm);
    strftime(out->week, sizeof(out->week), "%G-W%V", &tm);
    strftime(out->month, sizeof(out->month), "%Y-%m", &tm);
}

/*
 * The row of that key. These rows are running sums: a window of the same span would measure each session that
 * it cuts.
 */
static int put_present(struct page *p, const char *title, const char *kind, const char *key)
{
    const struct value *usage = NULL;
    struct report_rows rows;
    int rc = report_rows_read(&rows, report_kind_find(kind), p->source, "", FUTURE_ROWS);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (size_t i = 0; i < rows.n; i++)
        if (strcmp(report_row_key(&rows.rows[i]), key) == 0)
            usage = rows.rows[i].tree.root;
    put_card(p, title, usage);
    report_rows_clear(&rows);
    return 0;
}

static int put_cards(struct page *p)
{
    struct report_document all;
    struct present present;
    int rc;

    find_present(p->time, &present);
    fputs("<ul class=\"cards\">\n", p->f);
    rc = put_present(p, "Today", "days", present.day);
    if (rc == 0)
        rc = put_present(p, "This week", "weeks", present.week);
    if (rc == 0)
        rc = put_present(p, "This month", "months", present.month);
    if (rc == 0)
        rc = report_document_read(&all, p->source, "usage.json");
    if (rc == 0) {
        put_card(p, "All of time", all.tree.root);
        report_document_clear(&all);
    }
    fputs("</ul>\n", p->f);
    return rc;
}

/* --- tables of a kind --- */

static void put_rows_head(const struct page *p, const char *title)
{
    fprintf(p->f,
            "<th scope=\"col\">%s</th><th scope=\"col\">Cost</th><th scope=\"col\" class=\"text\">Share</th>"
            "<th scope=\"col\">Requests</th><th scope=\"col\">Input</th><th scope=\"col\">Output</th>"
            "<th scope=\"col\">Cache write</th><th scope=\"col\">Cache read</th></tr></thead>\n<tbody>\n",
            title);
}

static void put_row(struct page *p, const char *name, const struct value *row, const struct value *total)
{
    static const char *const counts[] = {"billed.requests", "billed.inputTokens", "billed.outputTokens",
                                         "billed.cacheCreationTokens", "billed.cacheReadTokens"};
    const struct value *in = NULL, *cost = report_member(row, "billed.costUSD", &in);
    char text[CELL_BYTES];

    put_row_name(p, name);
    put_cell(p, cell_usd(cost, in, &p->marks, text), false);
    if (row == total)
        put_cell(p, "", true);
    else
        put_share(p, cell_share(cost, report_member(total, "billed.costUSD", NULL)));
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        put_cell(p, cell_count(report_member(row, counts[i], NULL), text), false);
    fputs("</tr>\n", p->f);
}

static void put_rows(struct page *p, const struct report_rows *rows, const char *caption)
{
    char key[CELL_BYTES];

    begin_table(p, caption);
    put_rows_head(p, rows->kind->title);
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *row = rows->rows[i].tree.root;

        put_row(p,
                rows->kind->key == CELL_TIME ? cell_time(value_member(row, "key"), p->time->zone, key)
                                             : report_row_key(&rows->rows[i]),
                row, rows->total.root);
    }
    fputs("</tbody>\n", p->f);
    if (rows->total.root) {
        fputs("<tfoot>\n", p->f);
        put_row(p, "Total", rows->total.root, rows->total.root);
        fputs("</tfoot>\n", p->f);
    }
    end_table(p);
}

static int put_kind(struct page *p, const char *name, const char *title)
{
    struct report_rows rows;
    char caption[CELL_BYTES * 2];
    int rc = report_rows_read(&rows, report_kind_find(name), p->source, "", ROWS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    if (rows.n > 0) {
        begin_section(p, name, title);
        snprintf(caption, sizeof(caption), "%s: the %zu that cost most, of %zu", title, rows.n, rows.n_all);
        put_rows(p, &rows, caption);
        end_section(p);
    }
    report_rows_clear(&rows);
    return rc;
}

/* --- days --- */

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
        fputs("<p>There was no activity.</p>\n", p->f);
        return;
    }
    fputs("<h3 class=\"note\">Spend</h3>\n", p->f);
    chart_put(p->f, &cost, false);
    fputs("<h3 class=\"note\">Tokens, without cache reads</h3>\n", p->f);
    chart_put(p->f, &tokens, false);
}

static int put_days(struct page *p)
{
    struct report_rows rows;
    struct days days;
    int rc = report_rows_read(&rows, days_kind(), p->source, "", DAYS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    fill_days(&days, &rows, p->time, &p->marks);
    begin_section(p, "days", "The last 30 days");
    put_day_charts(p, &days);
    if (rows.n > 0) {
        fputs("<details>\n<summary>Numbers of the last days with activity</summary>\n", p->f);
        put_rows(p, &rows, "Days with activity, and the total of all time");
        fputs("</details>\n", p->f);
    }
    end_section(p);
    report_rows_clear(&rows);
    return 0;
}

int page_print_days(FILE *f, const struct report_source *source, const struct page_time *time)
{
    struct cell_marks marks = {0};
    struct report_rows rows;
    struct days days;
    int rc = report_rows_read(&rows, days_kind(), source, "", DAYS_SHOWN);

    if (rc < 0)
        return rc;
    fill_days(&days, &rows, time, &marks);
    chart_put(f, &(struct chart){"days", "Spend by day, US dollars", "$", days.cost, DAYS_SHOWN}, true);
    report_rows_clear(&rows);
    return 0;
}

/* --- blocks --- */

static void put_running(struct page *p, const struct value *block)
{
    const struct value *rate = value_member(block, "burnRate"), *ahead = value_member(block, "projection");
    const struct value *in = NULL;
    char text[CELL_BYTES];

    report_member(block, "billed.costUSD", &in);
    fputs("<p>A block is running until <strong>", p->f);
    markup_text(p->f, cell_time(value_member(block, "endTime"), p->time->zone, text));
    fputs("</strong>", p->f);
    if (value_is(rate, VALUE_OBJECT)) {
        fputs(". It burns ", p->f);
        markup_text(p->f, cell_usd(value_member(rate, "costUSDPerHour"), in, &p->marks, text));
        fputs(" USD an hour", p->f);
    }
    if (value_is(ahead, VALUE_OBJECT)) {
        fputs(" and heads for ", p->f);
        markup_text(p->f, cell_usd(value_member(ahead, "costUSD"), in, &p->marks, text));
        fputs(" USD", p->f);
    }
    fputs(".</p>\n", p->f);
}

static int put_blocks(struct page *p)
{
    struct report_rows rows;
    int rc = report_rows_read(&rows, report_kind_find("blocks"), p->source, "", BLOCKS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    if (rows.n > 0) {
        begin_section(p, "blocks", "Blocks of five hours");
        for (size_t i = 0; i < rows.n; i++)
            if (value_is_true(value_member(rows.rows[i].tree.root, "isActive")))
                put_running(p, rows.rows[i].tree.root);
        put_rows(p, &rows, "The last blocks");
        end_section(p);
    }
    report_rows_clear(&rows);
    return 0;
}

/* --- budgets --- */

static int add_budget(void *ctx, const char *name)
{
    size_t n = strlen(name), suffix = strlen(".json");

    return n > suffix && strcmp(name + n - suffix, ".json") == 0 ? name_list_add(ctx, name) : 0;
}

static void put_budget(struct page *p, const struct value *budget)
{
    const char *state = cell_name(value_member(budget, "state")),
               *unit = cell_name(value_member(budget, "unit"));
    const struct value *ratio = value_member(budget, "ratio");
    const struct value one = {.type = VALUE_NUMBER, .text = "1"};
    bool in_usd = strcmp(unit, "USD") == 0;
    char text[CELL_BYTES];

    put_row_name(p, cell_name(value_member(budget, "name")));
    put_cell(p, cell_name(value_member(budget, "of")), true);
    fprintf(p->f, "<td class=\"text%s\">", strcmp(state, "exceeded") == 0 ? " alarm" : "");
    markup_text(p->f, state);
    fputs("</td>", p->f);
    put_cell(p,
             in_usd ? cell_usd(value_member(budget, "spent"), budget, &p->marks, text)
                    : cell_count(value_member(budget, "spent"), text),
             false);
    put_cell(p,
             in_usd ? cell_usd(value_member(budget, "limit"), NULL, &p->marks, text)
                    : cell_count(value_member(budget, "limit"), text),
             false);
    put_cell(p, unit, true);
    put_share(p, cell_share(ratio, &one));
    fputs("</tr>\n", p->f);
}

static int put_budget_rows(struct page *p, const struct name_list *names)
{
    int rc = 0;

    begin_section(p, "budgets", "Budgets");
    begin_table(p, "What was spent of each budget");
    fputs("<th scope=\"col\">Budget</th><th scope=\"col\" class=\"text\">Of</th><th scope=\"col\" "
          "class=\"text\">"
          "State</th><th scope=\"col\">Spent</th><th scope=\"col\">Limit</th><th scope=\"col\" "
          "class=\"text\">Unit"
          "</th><th scope=\"col\" class=\"text\">Used</th></tr></thead>\n<tbody>\n",
          p->f);
    for (size_t i = 0; rc == 0 && i < names->len && i < BUDGETS_SHOWN; i++) {
        struct report_document document;
        char path[PATH_BYTES];

        snprintf(path, sizeof(path), "budgets/%s", names->items[i]);
        rc = report_document_read(&document, p->source, path);
        if (rc == 0) {
            put_budget(p, document.tree.root);
            report_document_clear(&document);
        } else if (rc == -ENOENT) {
            rc = 0;
        }
    }
    fputs("</tbody>\n", p->f);
    end_table(p);
    end_section(p);
    return rc;
}

static int put_budgets(struct page *p)
{
    struct name_list *names = name_list_new();
    int rc = names ? p->source->list(p->source->ctx, "budgets", add_budget, names) : -ENOMEM;

    if (rc == 0)
        name_list_sort(names);
    if (rc == 0 && names->len > 0)
        rc = put_budget_rows(p, names);
    name_list_free(names);
    return rc;
}

/* --- contexts --- */

static int put_context(void *ctx, const char *session)
{
    struct page *p = ctx;
    struct report_document usage, context;
    const struct value *in = NULL, *cost;
    char path[PATH_BYTES], text[CELL_BYTES];
    int rc;

    snprintf(path, sizeof(path), "sessions/%.255s/context.json", session);
    rc = report_document_read(&context, p->source, path);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    snprintf(path, sizeof(path), "sessions/%.255s/usage.json", session);
    rc = report_document_read(&usage, p->source, path);
    if (rc < 0) {
        report_document_clear(&context);
        return rc == -ENOENT ? 0 : rc;
    }
    cost = report_member(usage.tree.root, "billed.costUSD", &in);
    put_row_name(p, session);
    put_cell(p, cell_name(value_member(context.tree.root, "model")), true);
    put_cell(p, cell_time(value_member(usage.tree.root, "endedAt"), p->time->zone, text), true);
    put_cell(p, cell_usd(cost, in, &p->marks, text), false);
    put_cell(p, cell_count(value_member(context.tree.root, "occupancyTokens"), text), false);
    put_cell(p, cell_count(value_member(context.tree.root, "contextLimit"), text), false);
    if (value_is(value_member(context.tree.root, "ratio"), VALUE_NULL))
        put_cell(p, "", false);
    else
        put_share(p, cell_share(value_member(context.tree.root, "ratio"),
                                &(struct value){.type = VALUE_NUMBER, .text = "1"}));
    fputs("</tr>\n", p->f);
    report_document_clear(&usage);
    report_document_clear(&context);
    return 0;
}

static int put_contexts(struct page *p)
{
    int rc;

    begin_section(p, "sessions", "Sessions and their contexts");
    begin_table(p, "The sessions that were active last");
    fputs("<th scope=\"col\">Session</th><th scope=\"col\" class=\"text\">Model</th><th scope=\"col\" "
          "class=\"text\">"
          "Last activity</th><th scope=\"col\">Cost</th><th scope=\"col\">Context</th><th "
          "scope=\"col\">Limit</th>"
          "<th scope=\"col\" class=\"text\">Full</th></tr></thead>\n<tbody>\n",
          p->f);
    rc = p->source->recent(p->source->ctx, SESSIONS_SHOWN, put_context, p);
    fputs("</tbody>\n", p->f);
    end_table(p);
    end_section(p);
    return rc;
}

int page_print(FILE *f, const struct report_source *source, const struct page_time *time)
{
    static const struct {
        const char *kind, *title;
    } kinds[] = {
        {"models", "Models"},
        {"projects", "Projects"},
        {"teams", "Teams"},
        {"agents", "Agents"},
    };
    struct page p = {f, source, time, {0}};
    int rc;

    rc = begin(&p);
    if (rc == 0)
        rc = put_cards(&p);
    if (rc == 0)
        rc = put_budgets(&p);
    if (rc == 0)
        rc = put_days(&p);
    if (rc == 0)
        rc = put_contexts(&p);
    for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(*kinds); i++)
        rc = put_kind(&p, kinds[i].kind, kinds[i].title);
    if (rc == 0)
        rc = put_blocks(&p);
    end(&p);
    return rc;
}
