/*
 * report.html: its sections in their order. Budgets and sessions are here, the others in files of their own.
 */
#include "report/page.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "report/markup.h"
#include "report/page_parts.h"

enum { SESSIONS_SHOWN = 12, BUDGETS_SHOWN = 50, PAGE_BYTES = 60000 };

/* --- budgets --- */

struct budgets {
    struct page *page;
    bool any;
};

static void begin_budgets(const struct page *p)
{
    static const struct page_column columns[] = {{"Budget", false}, {"State", true},  {"Used", true},
                                                 {"Spent", false},  {"Limit", false}, {"Unit", true},
                                                 {"Scope", true},   {"Of", true},     {0}};

    page_begin_section(p, "budgets", "Budgets");
    page_begin_table(p, "What was spent of each budget");
    page_head(p, columns);
}

static const char *amount(struct page *p, const struct value *budget, const char *key, char text[CELL_BYTES])
{
    const struct value *v = value_member(budget, key);
    bool in_usd = strcmp(cell_name(value_member(budget, "unit")), "USD") == 0;

    return in_usd ? cell_usd(v, strcmp(key, "spent") == 0 ? budget : NULL, &p->marks, text)
                  : cell_count(v, text);
}

static int put_budget(void *ctx, const struct value *budget)
{
    struct budgets *b = ctx;
    struct page *p = b->page;
    const char *state = cell_name(value_member(budget, "state"));
    const struct value *ratio = value_member(budget, "ratio");
    char text[CELL_BYTES];

    if (!b->any)
        begin_budgets(p);
    b->any = true;
    page_row_name(p, cell_name(value_member(budget, "name")));
    markup_format(p->m, "<td class=\"text%s\">", strcmp(state, "exceeded") == 0 ? " alarm" : "");
    markup_text(p->m, state);
    markup_raw(p->m, "</td>");
    page_ratio(p, value_is(ratio, VALUE_NUMBER) ? ratio->text : "");
    page_cell(p, amount(p, budget, "spent", text), false);
    page_cell(p, amount(p, budget, "limit", text), false);
    page_cell(p, cell_name(value_member(budget, "unit")), true);
    page_cell(p, cell_name(value_member(budget, "scope")), true);
    page_cell(p, cell_name(value_member(budget, "of")), true);
    markup_raw(p->m, "</tr>\n");
    return 0;
}

static int put_budgets(struct page *p)
{
    struct budgets b = {p, false};
    size_t n = 0;
    int rc = report_each_budget(p->source, BUDGETS_SHOWN, put_budget, &b, &n);

    if (!b.any)
        return rc;
    markup_raw(p->m, "</tbody>\n");
    page_end_table(p);
    if (n > BUDGETS_SHOWN)
        markup_format(p->m, "<p class=\"note\">and %zu more in <code>budgets/</code></p>\n",
                      n - BUDGETS_SHOWN);
    page_end_section(p);
    return rc;
}

/* --- sessions --- */

struct recent {
    struct page *page;
    bool any;
};

static void begin_sessions(struct page *p)
{
    static const struct page_column columns[] = {
        {"Session", false}, {"Cost", false},         {"Full", true},  {"Context", false},
        {"Limit", false},   {"Last activity", true}, {"Model", true}, {0}};

    static const struct kept_key none = {NULL, 0, NULL, 0};

    kept_part(p->kept, columns);
    if (kept_again(p->kept, &none, p->m, &p->marks))
        return;
    page_begin_section(p, "sessions", "Sessions and their contexts");
    page_begin_table(p, "The sessions that were active last");
    page_head(p, columns);
    kept_end(p->kept, &none, p->m, &p->marks);
}

static void put_session_cells(struct page *p, const struct oks_session_row *row)
{
    const struct oks_bill *bill = &row->bill;
    char text[CELL_BYTES];

    page_row_name(p, row->name);
    page_cell(p, row->billed ? cell_usd_of(bill->cost, bill->lower_bound, &p->marks, text) : "", false);
    if (*row->ratio)
        page_ratio(p, row->ratio);
    else
        page_cell(p, "", true);
    page_count(p, row->asked, row->occupancy_tokens);
    page_count(p, row->context_limit, row->context_limit);
    page_cell(p, row->ended ? cell_time_of(row->ended, p->time->zone, text) : "", true);
    page_cell(p, row->model ? row->model : "", true);
    markup_raw(p->m, "</tr>\n");
}

/* What a session's row is written from, besides its name. */
struct session_numbers {
    uint64_t billed, asked, occupancy_tokens, context_limit;
    struct oks_bill bill;
    char ratio[OKS_RATIO_BYTES], ended[OKS_TIME_BYTES], model[CELL_BYTES];
};

/* False: a text is too long. */
static bool copy_text(char *to, size_t room, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (n < room && n > 0)
        memcpy(to, text, n);
    return n < room;
}

static bool numbers_of_session(const struct oks_session_row *row, struct session_numbers *out)
{
    *out = (struct session_numbers){.billed = row->billed,
                                    .asked = row->asked,
                                    .occupancy_tokens = row->occupancy_tokens,
                                    .context_limit = row->context_limit,
                                    .bill = row->bill};
    return copy_text(out->ratio, sizeof(out->ratio), row->ratio) &&
           copy_text(out->ended, sizeof(out->ended), row->ended) &&
           copy_text(out->model, sizeof(out->model), row->model);
}

static int put_session(void *ctx, const struct oks_session_row *row)
{
    struct recent *r = ctx;
    struct page *p = r->page;
    struct session_numbers numbers;
    struct kept *kept = numbers_of_session(row, &numbers) ? p->kept : NULL;
    const struct kept_key key = {&numbers, sizeof(numbers), row->name, strlen(row->name)};

    if (!r->any)
        begin_sessions(p);
    r->any = true;
    if (kept_again(kept, &key, p->m, &p->marks))
        return 0;
    put_session_cells(p, row);
    kept_end(kept, &key, p->m, &p->marks);
    return 0;
}

static int put_sessions(struct page *p)
{
    struct recent r = {p, false};
    int rc = p->source->recent(p->source->ctx, SESSIONS_SHOWN, put_session, &r);

    if (!r.any) {
        markup_raw(
            p->m,
            "<p>No usage was found yet. <code>okstrafs doctor</code> says where it is looked for.</p>\n");
        return rc;
    }
    markup_raw(p->m, "</tbody>\n");
    page_end_table(p);
    page_end_section(p);
    return rc;
}

static int print(struct markup *m, const struct report_source *source, const struct page_time *time,
                 struct kept *kept)
{
    static const struct {
        const char *kind, *title;
        size_t least; /* rows */
    } kinds[] = {
        {"models", "Models", 1},     {"sources", "Sources", 1}, {"projects", "Projects", 1},
        {"branches", "Branches", 1}, {"teams", "Teams", 1},     {"agents", "Agents", 1},
        {"hosts", "Hosts", 2},       {"tools", "Tools", 1},
    };
    struct page_rows days;
    struct page p = {.m = m, .source = source, .time = time, .kept = kept, .days = &days};
    int rc = page_read_days(source, &days);

    kept_start(kept, time->zone);
    markup_reserve(m, PAGE_BYTES); /* so that it need not be moved while it grows */
    if (rc == 0)
        rc = page_begin(&p);
    if (rc == 0)
        rc = page_cards(&p);
    if (rc == 0)
        rc = put_budgets(&p);
    if (rc == 0)
        page_days(&p);
    if (rc == 0)
        rc = put_sessions(&p);
    for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(*kinds); i++)
        rc = page_kind(&p, kinds[i].kind, kinds[i].title, kinds[i].least);
    if (rc == 0)
        rc = page_blocks(&p);
    page_end(&p);
    return rc;
}

/* Of the last page. Whoever comes while another page is being written does without. */
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept kept;

int page_print(struct markup *m, const struct report_source *source, const struct page_time *time)
{
    bool busy = pthread_mutex_trylock(&kept_lock) != 0;
    int rc = print(m, source, time, busy ? NULL : &kept);

    if (!busy)
        pthread_mutex_unlock(&kept_lock);
    return rc;
}

void page_forget(void)
{
    pthread_mutex_lock(&kept_lock);
    kept_clear(&kept);
    pthread_mutex_unlock(&kept_lock);
}
