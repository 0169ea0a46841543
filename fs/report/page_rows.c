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

/* `bill` NULL: nothing was used. */
static void put_card(struct page *p, const char *title, const struct oks_bill *bill)
{
    char text[CELL_BYTES];

    markup_raw(p->m, "<li>");
    markup_raw(p->m, title);
    markup_raw(p->m, " <strong>");
    markup_text(p->m, bill ? cell_usd_of(bill->cost, bill->lower_bound, &p->marks, text) : "0.00");
    markup_raw(p->m, " USD</strong> <span class=\"note\">");
    markup_text(p->m, bill ? cell_count_of(bill->total_tokens, text) : "0");
    markup_raw(p->m, " tokens</span></li>\n");
}

struct present {
    const char *key;
    struct oks_bill bill;
    bool found;
};

static int take_present(void *ctx, const struct oks_row *row)
{
    struct present *present = ctx;

    if (strcmp(row->key, present->key) != 0)
        return 0;
    present->bill = row->bill;
    present->found = true;
    return 0;
}

static int find_present(const struct page *p, enum report_span span, struct present *present)
{
    struct oks_rows_total total;
    int rc = 0;

    if (span != SPAN_TODAY)
        return p->source->rows(p->source->ctx, report_present_kind(span), REPORT_PRESENT_ROWS, take_present,
                               present, &total);
    for (size_t i = 0; rc == 0 && i < p->days->n; i++)
        rc = take_present(present, &p->days->items[i].row);
    return rc;
}

/* The card of the present row of a span. */
static int put_present(struct page *p, enum report_span span, const char *title)
{
    char key[REPORT_PRESENT_BYTES];
    struct present present = {.key = key};
    int rc;

    report_present_key(span, p->time->zone, p->time->now_ms, key);
    rc = find_present(p, span, &present);
    if (rc == 0)
        put_card(p, title, present.found ? &present.bill : NULL);
    return rc;
}

int page_cards(struct page *p)
{
    static const struct {
        const char *title;
        enum report_span span;
    } cards[] = {{"Today", SPAN_TODAY}, {"This week", SPAN_WEEK}, {"This month", SPAN_MONTH}};
    int rc = 0;

    markup_raw(p->m, "<ul class=\"cards\">\n");
    for (size_t i = 0; rc == 0 && i < sizeof(cards) / sizeof(*cards); i++)
        rc = put_present(p, cards[i].span, cards[i].title);
    if (rc == 0)
        put_card(p, "All of time", &p->days->total.bill);
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

    markup_raw(p->m, "<th scope=\"col\">");
    markup_raw(p->m, kind->title);
    markup_raw(p->m, "</th>");
    page_head(p, kind->of_calls ? of_calls : of_costs);
}

/* `row` NULL: this is the total. */
static void put_calls(struct page *p, const struct oks_row *row, unsigned share,
                      const struct oks_rows_total *total)
{
    page_count(p, true, row ? row->calls : total->calls);
    if (row)
        page_share(p, share);
    else
        page_cell(p, "", true);
    if (row)
        page_count(p, true, row->sessions);
    else
        page_cell(p, "", false);
}

static void put_billed(struct page *p, const struct oks_bill *bill, unsigned share,
                       const struct oks_bill *total)
{
    char text[CELL_BYTES];

    page_cell(p, cell_usd_of(bill->cost, bill->lower_bound, &p->marks, text), false);
    if (bill == total)
        page_cell(p, "", true);
    else
        page_share(p, share);
    page_count(p, true, bill->requests);
    page_count(p, true, bill->input_tokens);
    page_count(p, true, bill->output_tokens);
    page_count(p, true, bill->cache_creation_tokens);
    page_count(p, true, bill->cache_read_tokens);
}

static void begin_rows(struct page *p, const struct report_kind *kind, const char *caption)
{
    page_begin_table(p, caption);
    put_head(p, kind);
}

static void put_cells(struct page *p, const struct report_kind *kind, const char *name,
                      const struct oks_row *row, unsigned share, const struct oks_rows_total *total)
{
    page_row_name(p, name);
    if (kind->of_calls)
        put_calls(p, row, share, total);
    else
        put_billed(p, &row->bill, share, &total->bill);
    markup_raw(p->m, "</tr>\n");
}

/* What a row is written from, besides its key. */
struct row_numbers {
    uint64_t share, calls, sessions;
    struct oks_bill bill;
};

static void put_row(struct page *p, const struct report_kind *kind, const struct oks_row *row,
                    const struct oks_rows_total *total)
{
    unsigned share = kind->of_calls ? cell_share_of_counts(row->calls, total->calls)
                                    : cell_share_of_number(row->bill.cost, p->whole);
    const struct row_numbers numbers = {share, row->calls, row->sessions, row->bill};
    const struct kept_key key = {&numbers, sizeof(numbers), row->key, strlen(row->key)};
    const char *name = row->key;
    char time[CELL_BYTES];

    if (kept_again(p->kept, &key, p->m, &p->marks))
        return;
    if (kind->key == CELL_TIME)
        name = cell_time_of(row->key, p->time->zone, time);
    put_cells(p, kind, name, row, share, total);
    kept_end(p->kept, &key, p->m, &p->marks);
}

/* Nearly all tables have the same total. */
static void put_total_bill(struct page *p, const struct oks_bill *bill)
{
    struct markup *m = p->m;
    size_t at = m->len;

    if (p->total_len && memcmp(&p->total, bill, sizeof(*bill)) == 0 && m->room - m->len > p->total_len) {
        markup_bytes(m, m->ptr + p->total_at, p->total_len);
        return;
    }
    put_billed(p, bill, 0, bill);
    p->total = *bill;
    p->total_at = at;
    p->total_len = m->failed ? 0 : m->len - at;
}

static void end_rows(struct page *p, const struct report_kind *kind, const struct oks_rows_total *total)
{
    markup_raw(p->m, "</tbody>\n<tfoot>\n");
    page_row_name(p, kind->folder ? "All sessions" : "Total");
    if (kind->of_calls)
        put_calls(p, NULL, 0, total);
    else
        put_total_bill(p, &total->bill);
    markup_raw(p->m, "</tr>\n");
    markup_raw(p->m, "</tfoot>\n");
    page_end_table(p);
}

/* A section in the making: it is written while its rows come. */
struct kind_section {
    struct page *page;
    const struct report_kind *kind;
    const char *title;
    struct oks_rows_total total; /* set before the first row comes */
    size_t least;
    bool begun;
};

static void put_begin(const struct kind_section *s)
{
    const char *by = s->kind->of_calls ? "calls" : "cost";
    char caption[CAPTION_BYTES];

    page_begin_section(s->page, s->kind->name, s->title);
    if (s->total.n <= ROWS_SHOWN)
        snprintf(caption, CAPTION_BYTES, "%s by %s", s->title, by);
    else
        snprintf(caption, CAPTION_BYTES, "%s by %s: the first %d of %zu", s->title, by, ROWS_SHOWN,
                 s->total.n);
    begin_rows(s->page, s->kind, caption);
}

static void begin_kind(struct kind_section *s)
{
    const struct kept_key key = {&s->total.n, sizeof(s->total.n), NULL, 0};
    struct page *p = s->page;

    p->whole = cell_number(s->total.bill.cost);
    s->begun = true;
    kept_part(p->kept, s->kind);
    if (kept_again(p->kept, &key, p->m, &p->marks))
        return;
    put_begin(s);
    kept_end(p->kept, &key, p->m, &p->marks);
}

static int put_kind_row(void *ctx, const struct oks_row *row)
{
    struct kind_section *s = ctx;

    if (s->total.n < s->least)
        return 0;
    if (!s->begun)
        begin_kind(s);
    put_row(s->page, s->kind, row, &s->total);
    return 0;
}

int page_kind(struct page *p, const char *name, const char *title, size_t least)
{
    struct kind_section s = {.page = p, .kind = report_kind_find(name), .title = title, .least = least};
    int rc = p->source->rows(p->source->ctx, s.kind, ROWS_SHOWN, put_kind_row, &s, &s.total);

    if (rc < 0 || !s.begun)
        return rc == -ENOENT ? 0 : rc;
    end_rows(p, s.kind, &s.total);
    if (s.total.n > ROWS_SHOWN)
        markup_format(p->m, "<p class=\"note\">and %zu more: <code>okstrafs report %s</code> shows all</p>\n",
                      s.total.n - ROWS_SHOWN, s.kind->name);
    page_end_section(p);
    return 0;
}

/* --- blocks --- */

static void put_running(struct page *p, const struct oks_row *block)
{
    bool at_least = block->bill.lower_bound;
    char text[CELL_BYTES];

    markup_raw(p->m, "<p>A block is running until <strong>");
    markup_text(p->m, cell_time_of(block->end, p->time->zone, text));
    markup_raw(p->m, "</strong>");
    if (block->has_rate) {
        markup_raw(p->m, ". It burns ");
        markup_text(p->m, cell_usd_of(block->cost_per_hour, at_least, &p->marks, text));
        markup_raw(p->m, " USD an hour and heads for ");
        markup_text(p->m, cell_usd_of(block->cost_at_end, at_least, &p->marks, text));
        markup_raw(p->m, " USD");
    }
    markup_raw(p->m, ".</p>\n");
}

int page_take_row(void *ctx, const struct oks_row *row)
{
    struct page_rows *rows = ctx;
    struct page_kept_row *kept = &rows->items[rows->n++];

    kept->row = *row;
    snprintf(kept->key, sizeof(kept->key), "%s", row->key);
    kept->row.key = kept->key;
    return 0;
}

int page_blocks(struct page *p)
{
    const struct report_kind *kind = report_kind_find("blocks");
    struct page_rows rows;
    int rc;

    rows.n = 0;
    rc = p->source->rows(p->source->ctx, kind, BLOCKS_SHOWN, page_take_row, &rows, &rows.total);
    if (rc < 0 || rows.n == 0)
        return rc == -ENOENT ? 0 : rc;
    page_begin_section(p, "blocks", "Blocks of five hours");
    for (size_t i = 0; i < rows.n; i++)
        if (rows.items[i].row.running)
            put_running(p, &rows.items[i].row);
    page_put_rows(p, kind, &rows, "The last blocks");
    page_end_section(p);
    return 0;
}

void page_put_rows(struct page *p, const struct report_kind *kind, const struct page_rows *rows,
                   const char *caption)
{
    const struct kept_key none = {NULL, 0, NULL, 0};

    p->whole = cell_number(rows->total.bill.cost);
    kept_part(p->kept, kind);
    if (!kept_again(p->kept, &none, p->m, &p->marks)) {
        begin_rows(p, kind, caption);
        kept_end(p->kept, &none, p->m, &p->marks);
    }
    for (size_t i = 0; i < rows->n; i++)
        put_row(p, kind, &rows->items[i].row, &rows->total);
    end_rows(p, kind, &rows->total);
}
