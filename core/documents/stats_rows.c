/*
 * The rows of a document of stats/.
 *
 * Invariant: the rows add up to the total, in every count.
 */
#include "documents/stats_rows.h"

#include <stdlib.h>
#include <string.h>

#include "documents/parts.h"

void stats_put_counts(struct stats *s, const struct measure *m, const struct billed_bag *billed)
{
    json_put_measure(s->j, m);
    json_put_billed(s->j, billed);
}

static void pick_row(struct stats *s, const char *key, const struct measure *m,
                     const struct billed_bag *billed)
{
    struct row_sum sum = {.counted = oks_totals_tokens(&m->totals)};

    billed_bag_total(billed, &sum.bill);
    picked_add(s->picked, key, &sum, NULL);
}

void stats_put_row(struct stats *s, const char *key, const struct measure *m, const struct billed_bag *billed)
{
    if (s->picked) {
        pick_row(s, key, m, billed);
        return;
    }
    json_open_object(s->j, NULL);
    json_put_text(s->j, "key", key);
    stats_put_counts(s, m, billed);
    json_close_object(s->j);
}

void stats_keep(const struct stats *s, struct row_text *kept, size_t start)
{
    const struct json *j = s->j;
    const char *from = j->text.error ? NULL : memchr(j->text.ptr + start, '{', j->text.len - start);
    size_t len = from ? (size_t)(j->text.ptr + j->text.len - from) : 0;
    char *text = len ? realloc(kept->ptr, len) : NULL;

    if (!text)
        return;
    kept->ptr = memcpy(text, from, len);
    kept->len = len;
}

bool stats_put_kept(struct stats *s, const struct row_text *kept)
{
    if (s->picked) {
        if (kept->has_sum)
            picked_add_kept(s->picked, kept->sum->key, &kept->sum->sum, NULL);
        return kept->has_sum;
    }
    if (kept->len)
        json_put_raw(s->j, NULL, (struct oks_slice){kept->ptr, kept->len});
    return kept->len;
}

static struct kept_sum *sum_made(const char *key)
{
    char *shown = picked_text(key);
    size_t bytes = shown ? strlen(shown) + 1 : 0;
    struct kept_sum *sum = shown ? malloc(sizeof(*sum) + bytes) : NULL;

    if (sum)
        memcpy(sum->key, shown, bytes);
    free(shown);
    return sum;
}

void stats_keep_sum(struct row_text *kept, const char *key, const struct measure *m,
                    const struct billed_bag *billed)
{
    if (!kept->sum)
        kept->sum = sum_made(key);
    if (!kept->sum)
        return;
    kept->sum->sum.counted = oks_totals_tokens(&m->totals);
    kept->sum->sum.is_shown = false;
    kept->sum->calls = kept->sum->sessions = 0;
    billed_bag_total(billed, &kept->sum->sum.bill);
    kept->has_sum = true;
}

void stats_put_and_keep(struct stats *s, struct row_text *kept, const char *key, const struct measure *m,
                        const struct billed_bag *billed)
{
    size_t start = s->j->text.len;

    if (s->picked) {
        stats_keep_sum(kept, key, m, billed);
        if (stats_put_kept(s, kept))
            return;
    }
    stats_put_row(s, key, m, billed);
    if (!s->picked)
        stats_keep(s, kept, start);
}

void stats_put_rest(struct stats *s, const char *key, const struct measure *rows,
                    const struct billed_bag *billed)
{
    struct measure rest = {.totals = OKS_TOTALS_NONE};
    struct billed_bag bag = {0};
    uint64_t any = 0;
    int rc;

    for (int i = 0; i < OKS_COLUMNS; i++) {
        rest.totals.count[i] = s->total.totals.count[i] - rows->totals.count[i];
        any |= rest.totals.count[i];
    }
    rc = billed_bag_add(&bag, &s->total_billed);
    json_fail(s->j, rc);
    if (rc == 0) {
        billed_bag_take(&bag, billed);
        if (any || !billed_bag_is_zero(&bag))
            stats_put_row(s, key, &rest, &bag);
    }
    billed_bag_clear(&bag);
}
