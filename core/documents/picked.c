/*
 * Keeping the rows that say most, while all of them come by.
 *
 * Rows by cost are kept sorted, so each new one is compared with the last one first, and most end there.
 */
#include "documents/picked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"
#include "base/text.h"
#include "base/utf8.h"
#include "documents/parts.h"

/* --- bills and texts --- */

void picked_bill(const struct billed_sum *sum, struct oks_bill *out)
{
    unsigned __int128 creation = sum->cache_5m + sum->cache_1h;

    *out = (struct oks_bill){
        .requests = sum->requests,
        .total_tokens = document_tokens(sum->input + sum->output + creation),
        .input_tokens = document_tokens(sum->input),
        .output_tokens = document_tokens(sum->output),
        .cache_creation_tokens = document_tokens(creation),
        .cache_read_tokens = document_tokens(sum->cache_read),
        .lower_bound = billed_is_lower_bound(sum),
    };
    document_cost_text(sum, out->cost);
}

static bool is_ascii(const char *text)
{
    while (*text > 0)
        text++;
    return !*text;
}

char *picked_text(const char *text)
{
    size_t n = strlen(text);
    char *copy, *to;

    if (is_ascii(text) || oks_utf8_valid(oks_slice_of(text)))
        return strdup(text);
    copy = to = malloc(n * UTF8_MAX + 1);
    while (copy && n > 0) {
        uint32_t code;
        size_t len;

        utf8_next(text, n, &code, &len);
        to += utf8_put(code, to);
        text += len;
        n -= len;
    }
    if (copy)
        *to = '\0';
    return copy;
}

/* --- rows --- */

/* The rows are not cleared: there is room for many. */
void picked_start(struct picked *p, bool by_cost, size_t most)
{
    p->by_cost = by_cost;
    p->most = most < OKS_ROWS_MAX ? most : OKS_ROWS_MAX;
    p->n = p->n_all = 0;
    p->keys = NULL;
    p->error = 0;
    for (size_t i = 0; i < OKS_ROWS_MAX; i++)
        p->order[i] = (uint8_t)i;
}

static uint64_t cost_of(const struct row_sum *sum)
{
    if (sum->bill.cost == 0 || billed_cost_is_unknown(&sum->bill))
        return 0;
    return sum->bill.cost < OKS_MONEY_MAX ? (uint64_t)sum->bill.cost : OKS_MONEY_MAX;
}

static unsigned __int128 tokens_of(const struct row_sum *sum)
{
    return document_tokens(sum->bill.input + sum->bill.output + sum->bill.cache_5m + sum->bill.cache_1h);
}

bool row_sum_is_before(const struct row_sum *a, uint64_t a_calls, const char *a_key, const struct row_sum *b,
                       uint64_t b_calls, const char *b_key)
{
    if (cost_of(a) != cost_of(b))
        return cost_of(a) > cost_of(b);
    if (tokens_of(a) != tokens_of(b))
        return tokens_of(a) > tokens_of(b);
    if (a->counted != b->counted)
        return a->counted > b->counted;
    if (a_calls != b_calls)
        return a_calls > b_calls;
    return strcmp(a_key, b_key) < 0;
}

static bool is_before(const struct row_sum *sum, uint64_t cost, uint64_t calls, const char *key,
                      const struct picked_row *than)
{
    if (cost != than->cost)
        return cost > than->cost;
    return row_sum_is_before(sum, calls, key, than->sum, than->row.calls, than->key);
}

static struct picked_row *row_at(struct picked *p, size_t at)
{
    return &p->rows[p->order[at]];
}

/* Moves the place at `from` to `to`, and those between by one. */
static void move_place(struct picked *p, size_t from, size_t to)
{
    uint8_t place = p->order[from];

    if (from < to)
        memmove(p->order + from, p->order + from + 1, to - from);
    else
        memmove(p->order + to + 1, p->order + to, from - to);
    p->order[to] = place;
}

static void drop(struct picked *p, size_t at)
{
    free(row_at(p, at)->own_key);
    move_place(p, at, --p->n);
}

void picked_restart(struct picked *picked)
{
    bool by_cost = picked->by_cost;
    size_t most = picked->most;

    picked_clear(picked);
    picked_start(picked, by_cost, most);
}

/* The row that was added; NULL: it is not kept. */
static struct picked_row *add(struct picked *p, const char *key, const struct row_sum *sum,
                              const struct oks_row *row)
{
    uint64_t cost = cost_of(sum), calls = row ? row->calls : 0;
    struct picked_row *to;
    size_t at = p->n;

    while (p->by_cost && at > 0 && is_before(sum, cost, calls, key, row_at(p, at - 1)))
        at--;
    p->n_all++;
    if (p->error || (p->by_cost && at == p->most) || p->most == 0)
        return NULL;
    if (p->n == p->most)
        drop(p, p->by_cost ? p->n - 1 : 0);
    if (!p->by_cost)
        at = p->n;
    move_place(p, p->n++, at);
    to = row_at(p, at);
    to->own_key = NULL;
    to->key = key;
    to->cost = cost;
    to->row = row ? *row : (struct oks_row){.key = NULL};
    return to;
}

void picked_add(struct picked *p, const char *key, const struct row_sum *sum, const struct oks_row *row)
{
    struct picked_row *to = add(p, key, sum, row);

    if (!to)
        return;
    to->own_key = picked_text(key); /* on ENOMEM the row has none */
    to->key = to->own_key ? to->own_key : "";
    if (!to->own_key)
        p->error = -ENOMEM;
    to->own = *sum;
    to->sum = &to->own;
}

void picked_add_kept(struct picked *p, const char *key, struct row_sum *sum, const struct oks_row *row)
{
    struct picked_row *to = add(p, key, sum, row);

    if (to)
        to->sum = sum;
}

/* Copies the keys that are borrowed. */
static void take_keys(struct picked *p)
{
    size_t bytes = 0;
    char *to;

    for (size_t i = 0; i < p->n; i++)
        bytes += row_at(p, i)->own_key ? 0 : strlen(row_at(p, i)->key) + 1;
    p->keys = to = bytes ? malloc(bytes) : NULL;
    for (size_t i = 0; i < p->n; i++) {
        struct picked_row *row = row_at(p, i);

        if (row->own_key)
            continue;
        row->key = to ? strcpy(to, row->key) : "";
        to += to ? strlen(to) + 1 : 0;
    }
    if (bytes && !p->keys)
        p->error = -ENOMEM;
}

void picked_finish(struct picked *p)
{
    take_keys(p);
    for (size_t i = 0; i < p->n; i++) {
        struct picked_row *row = row_at(p, i);

        if (!row->sum->is_shown)
            picked_bill(&row->sum->bill, &row->sum->shown);
        row->sum->is_shown = true;
        row->row.bill = row->sum->shown;
        row->row.key = row->key;
        row->sum = &row->own; /* the other one may go */
    }
}

int picked_each(const struct picked *p, int (*fn)(void *ctx, const struct oks_row *row), void *ctx)
{
    int rc = p->error;

    for (size_t i = 0; rc == 0 && i < p->n; i++)
        rc = fn(ctx, &p->rows[p->order[i]].row);
    return rc;
}

void picked_clear(struct picked *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(row_at(p, i)->own_key);
    free(p->keys);
    p->keys = NULL;
    p->n = 0;
}
