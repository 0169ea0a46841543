/*
 * The sections of report.html that are rows of a kind: cards, tables, blocks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report/markup.h"
#include "report/page_parts.h"
#include "report/present.h"

enum {
    ROWS_SHOWN = 15,
    BLOCKS_SHOWN = 6,
    CAPTION_BYTES = 128,
};

/* --- the present --- */

/* `usage` NULL: nothing was used. */
static void put_card(struct page *p, const char *title, const struct value *usage)
{
    const struct value *in = NULL, *cost = report_member(usage, "billed.costUSD", &in);
    char usd[CELL_BYTES], tokens[CELL_BYTES];

    markup_format(p->m, "<li>%s <strong>", title);
    markup_text(p->m, usage ? cell_usd(cost, in, &p->marks, usd) : "0.00");
    markup_raw(p->m, " USD</strong> <span class=\"note\">");
    markup_text(p->m, usage ? cell_count(report_member(usage, "billed.totalTokens", NULL), tokens) : "0");
    markup_raw(p->m, " tokens</span></li>\n");
}

struct card {
    struct page *page;
    const char *title;
};

static void put_present(void *ctx, const struct value *usage)
{
    const struct card *card = ctx;

    put_card(card->page, card->title, usage);
}

int page_cards(struct page *p)
{
    static const struct {
        const char *title;
        enum report_span span;
    } cards[] = {{"Today", SPAN_TODAY},
                 {"This week", SPAN_WEEK},
                 {"This month", SPAN_MONTH},
                 {"All of time", SPAN_ALL}};
    int rc = 0;

    markup_raw(p->m, "<ul class=\"cards\">\n");
    for (size_t i = 0; rc == 0 && i < sizeof(cards) / sizeof(*cards); i++) {
        struct card card = {p, cards[i].title};

        rc = report_present(p->source, cards[i].span, p->time->zone, p->time->now_ms, put_present, &card);
    }
    markup_raw(p->m, "</ul>\n");
    return rc;
}

/* --- tables of a kind --- */

static void put_head(const struct page *p, const struct report_kind *kind)
{
    static const struct page_column of_costs[] = {
        {"Cost", false},   {"Share", true},        {"Requests", false},   {"Input", false},
        {"Output", false}, {"Cache write", false}, {"Cache read", false}, {0}};
    static const struct page_column of_calls[] = {
        {"Calls", false}, {"Share", true}, {"Sessions", false}, {0}};

    markup_format(p->m, "<th scope=\"col\">%s</th>", kind->title);
    page_head(p, kind->of_calls ? of_calls : of_costs);
}

/* `total` is the row itself where that is the total. */
static void put_row_share(struct page *p, const struct value *row, const struct value *total, const char *key)
{
    if (row == total)
        page_cell(p, "", true);
    else
        page_share(p, cell_share(value_member(row, key), value_member(total, key)));
}

static void put_counts(struct page *p, const struct value *in, const char *const *keys)
{
    char text[CELL_BYTES];

    for (; *keys; keys++)
        page_cell(p, cell_count(value_member(in, *keys), text), false);
}

static void put_calls(struct page *p, const struct value *row, const struct value *total)
{
    static const char *const calls[] = {"calls", NULL}, *const sessions[] = {"sessions", NULL};

    put_counts(p, row, calls);
    put_row_share(p, row, total, "calls");
    put_counts(p, row == total ? NULL : row, sessions);
}

static void put_billed(struct page *p, const struct value *billed, const struct value *total)
{
    static const char *const counts[] = {
        "requests", "inputTokens", "outputTokens", "cacheCreationTokens", "cacheReadTokens", NULL};
    char text[CELL_BYTES];

    page_cell(p, cell_usd(value_member(billed, "costUSD"), billed, &p->marks, text), false);
    put_row_share(p, billed, total, "costUSD");
    put_counts(p, billed, counts);
}

static void put_row(struct page *p, const struct report_kind *kind, const char *name, const struct value *row,
                    const struct value *total)
{
    page_row_name(p, name);
    if (kind->of_calls)
        put_calls(p, row, total);
    else
        put_billed(p, value_member(row, "billed"), value_member(total, "billed"));
    markup_raw(p->m, "</tr>\n");
}

void page_rows(struct page *p, const struct report_rows *rows, const char *caption)
{
    char key[CELL_BYTES];

    page_begin_table(p, caption);
    put_head(p, rows->kind);
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *row = rows->rows[i].tree.root;

        put_row(p, rows->kind,
                rows->kind->key == CELL_TIME ? cell_time(value_member(row, "key"), p->time->zone, key)
                                             : report_row_key(&rows->rows[i]),
                row, rows->total.root);
    }
    markup_raw(p->m, "</tbody>\n");
    if (rows->total.root) {
        markup_raw(p->m, "<tfoot>\n");
        put_row(p, rows->kind, rows->kind->folder ? "All sessions" : "Total", rows->total.root,
                rows->total.root);
        markup_raw(p->m, "</tfoot>\n");
    }
    page_end_table(p);
}

static void put_more(const struct page *p, const struct report_rows *rows)
{
    if (rows->n_all > rows->n)
        markup_format(p->m, "<p class=\"note\">and %zu more: <code>okstrafs report %s</code> shows all</p>\n",
                      rows->n_all - rows->n, rows->kind->name);
}

static void put_caption(char caption[CAPTION_BYTES], const char *title, const struct report_rows *rows)
{
    const char *by = rows->kind->of_calls ? "calls" : "cost";

    if (rows->n == rows->n_all)
        snprintf(caption, CAPTION_BYTES, "%s by %s", title, by);
    else
        snprintf(caption, CAPTION_BYTES, "%s by %s: the first %zu of %zu", title, by, rows->n, rows->n_all);
}

int page_kind(struct page *p, const char *name, const char *title)
{
    struct report_rows rows;
    char caption[CAPTION_BYTES];
    int rc = report_rows_read(&rows, report_kind_find(name), p->source, "", ROWS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    if (rows.n > 0) {
        page_begin_section(p, name, title);
        put_caption(caption, title, &rows);
        page_rows(p, &rows, caption);
        put_more(p, &rows);
        page_end_section(p);
    }
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
    markup_raw(p->m, "<p>A block is running until <strong>");
    markup_text(p->m, cell_time(value_member(block, "endTime"), p->time->zone, text));
    markup_raw(p->m, "</strong>");
    if (value_is(rate, VALUE_OBJECT)) {
        markup_raw(p->m, ". It burns ");
        markup_text(p->m, cell_usd(value_member(rate, "costUSDPerHour"), in, &p->marks, text));
        markup_raw(p->m, " USD an hour");
    }
    if (value_is(ahead, VALUE_OBJECT)) {
        markup_raw(p->m, " and heads for ");
        markup_text(p->m, cell_usd(value_member(ahead, "costUSD"), in, &p->marks, text));
        markup_raw(p->m, " USD");
    }
    markup_raw(p->m, ".</p>\n");
}

int page_blocks(struct page *p)
{
    struct report_rows rows;
    int rc = report_rows_read(&rows, report_kind_find("blocks"), p->source, "", BLOCKS_SHOWN);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    if (rows.n > 0) {
        page_begin_section(p, "blocks", "Blocks of five hours");
        for (size_t i = 0; i < rows.n; i++)
            if (value_is_true(value_member(rows.rows[i].tree.root, "isActive")))
                put_running(p, rows.rows[i].tree.root);
        page_rows(p, &rows, "The last blocks");
        page_end_section(p);
    }
    report_rows_clear(&rows);
    return 0;
}
