/*
 * The sections, each from a few documents.
 */
#include "report/sections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal/hidden.h"
#include "report/cells.h"
#include "report/present.h"

enum {
    BUDGETS_SHOWN = 32,
    LINE_BYTES = 256,
};

void section_line(const struct sections *o, enum emphasis emphasis, const char *text)
{
    o->style->line(o->style->ctx, emphasis, text);
}

/* Of a line with what documents say. */
static void put_shown(const struct sections *o, enum emphasis emphasis, char *line)
{
    oks_text_show_hidden(line);
    section_line(o, emphasis, line);
}

int section_table(const struct sections *o, struct table *t, int rc)
{
    if (rc == 0 && table_rows(t) > 0) {
        section_line(o, EMPHASIS_NONE, "");
        rc = table_print(t, o->style);
    }
    table_free(t);
    return rc;
}

/* --- the present --- */

struct present {
    struct sections *o;
    struct table *t;
    const char *title;
};

static const struct report_column present_columns[] = {
    {"Requests", "billed.requests", CELL_COUNT, 4},
    {"Input", "billed.inputTokens", CELL_COUNT, 1},
    {"Output", "billed.outputTokens", CELL_COUNT, 2},
    {"Cache write", "billed.cacheCreationTokens", CELL_COUNT, 3},
    {"Tokens", "billed.totalTokens", CELL_COUNT, 5},
    {"Cost USD", "billed.costUSD", CELL_USD, 6},
    {0}};
static const struct report_kind present_kind = {.title = "", .columns = present_columns};

static void put_present(void *ctx, const struct value *usage)
{
    struct present *p = ctx;

    if (usage)
        cells_row(p->t, &present_kind, p->title, usage, NULL, p->o->style, &p->o->marks);
    else
        cells_nothing(p->t, &present_kind, p->title);
}

int section_present(struct sections *o)
{
    static const struct {
        const char *title;
        enum report_span span;
    } rows[] = {
        {"Today", SPAN_TODAY},      {"Yesterday", SPAN_YESTERDAY}, {"This week", SPAN_WEEK},
        {"This month", SPAN_MONTH}, {"All of time", SPAN_ALL},
    };
    struct present p = {.o = o, .t = table_new(NULL)};
    int rc = p.t ? 0 : -ENOMEM;

    if (p.t)
        cells_columns(p.t, &present_kind);
    for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(*rows); i++) {
        p.title = rows[i].title;
        rc = report_present(o->source, rows[i].span, o->style->zone, o->style->now_ms, put_present, &p);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc == 0)
        rc = table_print(p.t, o->style);
    table_free(p.t);
    return rc;
}

/* --- cuts --- */

static int put_rows(struct sections *o, const struct report_rows *rows)
{
    static const struct report_column columns[] = {{"Requests", "billed.requests", CELL_COUNT, 1},
                                                   {"Tokens", "billed.totalTokens", CELL_COUNT, 3},
                                                   {"Cost USD", "billed.costUSD", CELL_USD, 4},
                                                   {"Share", "billed.costUSD", CELL_SHARE, 2},
                                                   {0}};
    struct report_kind kind = {.title = rows->kind->title, .columns = columns};
    struct table *t = table_new(NULL);

    if (!t)
        return -ENOMEM;
    cells_columns(t, &kind);
    for (size_t i = 0; i < rows->n; i++)
        cells_row(t, &kind, report_row_key(&rows->rows[i]), rows->rows[i].tree.root, rows->total.root,
                  o->style, &o->marks);
    return section_table(o, t, 0);
}

int section_kind(struct sections *o, const char *name, size_t most)
{
    struct report_rows rows;
    char more[LINE_BYTES];
    int rc = report_rows_read(&rows, report_kind_find(name), o->source, "", most);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    rc = put_rows(o, &rows);
    if (rc == 0 && rows.n_all > rows.n) {
        snprintf(more, sizeof(more), "%zu of %zu; okstrafs report %s shows all", rows.n, rows.n_all, name);
        section_line(o, EMPHASIS_FAINT, more);
    }
    report_rows_clear(&rows);
    return rc;
}

/* --- the running block --- */

static void put_block(struct sections *o, const struct value *block)
{
    char from[CELL_BYTES], until[CELL_BYTES], spent[CELL_BYTES], per_hour[CELL_BYTES], ahead[CELL_BYTES],
        left[CELL_BYTES], tokens[CELL_BYTES], per_minute[CELL_BYTES];
    const struct value *in = NULL, *cost = report_member(block, "billed.costUSD", &in);
    const struct value *rate = value_member(block, "burnRate"), *end = value_member(block, "projection");
    char line[LINE_BYTES];

    rate = value_is(rate, VALUE_OBJECT) ? rate : NULL; /* null while there is one request */
    end = value_is(end, VALUE_OBJECT) ? end : NULL;
    cell_count(value_member(end, "remainingMinutes"), left);
    snprintf(line, sizeof(line), "Running block: %s to %s%s%s%s",
             cell_time(value_member(block, "key"), o->style->zone, from),
             cell_time(value_member(block, "endTime"), o->style->zone, until), end ? ", " : "",
             end ? left : "", end ? " minutes left" : "");
    section_line(o, EMPHASIS_NONE, "");
    put_shown(o, EMPHASIS_HEADING, line);
    snprintf(line, sizeof(line), "  so far       %12s tokens  %10s USD",
             cell_count(report_member(block, "billed.totalTokens", NULL), tokens),
             cell_usd(cost, in, &o->marks, spent));
    put_shown(o, EMPHASIS_NONE, line);
    if (rate) {
        snprintf(line, sizeof(line), "  burn rate    %12s a min.  %10s USD an hour",
                 cell_count(value_member(rate, "tokensPerMinute"), per_minute),
                 cell_usd(value_member(rate, "costUSDPerHour"), in, &o->marks, per_hour));
        put_shown(o, EMPHASIS_NONE, line);
    }
    if (end) {
        snprintf(line, sizeof(line), "  heading for  %12s tokens  %10s USD",
                 cell_count(value_member(end, "totalTokens"), tokens),
                 cell_usd(value_member(end, "costUSD"), in, &o->marks, ahead));
        put_shown(o, EMPHASIS_NONE, line);
    }
}

int section_block(struct sections *o)
{
    struct report_rows rows;
    int rc = report_rows_read(&rows, report_kind_find("blocks"), o->source, "", 2);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (size_t i = 0; i < rows.n; i++)
        if (value_is_true(value_member(rows.rows[i].tree.root, "isActive")))
            put_block(o, rows.rows[i].tree.root);
    report_rows_clear(&rows);
    return 0;
}

/* --- budgets --- */

static void put_amount(struct table *t, const struct value *budget, const char *key, bool in_usd,
                       struct cell_marks *marks)
{
    const struct value *v = value_member(budget, key);
    char text[CELL_BYTES];

    table_cell(t, in_usd ? cell_usd(v, strcmp(key, "spent") == 0 ? budget : NULL, marks, text)
                         : cell_count(v, text));
}

struct budgets {
    struct sections *o;
    struct table *t;
};

static int put_budget(void *ctx, const struct value *budget)
{
    struct budgets *b = ctx;
    struct sections *o = b->o;
    struct table *t = b->t;
    const char *state = cell_name(value_member(budget, "state"));
    const struct value *ratio = value_member(budget, "ratio");
    bool in_usd = strcmp(cell_name(value_member(budget, "unit")), "USD") == 0;
    char text[CELL_BYTES];

    if (strcmp(state, "exceeded") == 0)
        table_emphasis(t, EMPHASIS_ALARM);
    table_cell(t, cell_name(value_member(budget, "name")));
    table_cell(t, cell_name(value_member(budget, "scope")));
    table_cell(t, cell_name(value_member(budget, "of")));
    table_cell(t, state);
    put_amount(t, budget, "spent", in_usd, &o->marks);
    put_amount(t, budget, "limit", in_usd, &o->marks);
    table_cell(t, cell_name(value_member(budget, "unit")));
    table_bar(t, cell_percent(ratio, text), cell_ratio(ratio));
    return 0;
}

/* Only while the configuration is wrong: then no budget may be in force. */
static int put_settings_error(struct sections *o)
{
    struct oks_document error;
    int rc = o->source->read(o->source->ctx, "budgets/ERROR", &error);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    section_line(o, EMPHASIS_NONE, "");
    for (char *line = error.bytes, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        end += *end ? (*end = '\0', 1) : 0;
        put_shown(o, EMPHASIS_ALARM, line);
    }
    oks_document_clear(&error);
    return 0;
}

int section_budgets(struct sections *o)
{
    static const struct table_title titles[] = {
        {"Budget", TABLE_LEFT, 0}, {"Scope", TABLE_LEFT, 2},  {"Of", TABLE_LEFT, 1},
        {"State", TABLE_LEFT, 6},  {"Spent", TABLE_RIGHT, 5}, {"Limit", TABLE_RIGHT, 5},
        {"Unit", TABLE_LEFT, 3},   {"Used", TABLE_RIGHT, 4},  {0}};
    struct budgets b = {o, table_new(titles)};
    size_t n = 0;
    int rc = b.t ? report_each_budget(o->source, BUDGETS_SHOWN, put_budget, &b, &n) : -ENOMEM;

    rc = section_table(o, b.t, rc);
    if (rc == 0 && n > BUDGETS_SHOWN)
        section_line(o, EMPHASIS_FAINT, "there are more in budgets/");
    return rc == 0 ? put_settings_error(o) : rc;
}
