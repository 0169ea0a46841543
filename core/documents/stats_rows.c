/*
 * The rows of a document of stats/.
 *
 * Invariant: the rows add up to the total, in every count.
 */
#include "documents/stats_rows.h"

#include "documents/parts.h"

void stats_put_counts(struct stats *s, const struct measure *m, const struct billed_bag *billed)
{
    json_put_measure(s->j, m);
    json_put_billed(s->j, billed);
}

void stats_put_row(struct stats *s, const char *key, const struct measure *m, const struct billed_bag *billed)
{
    json_open_object(s->j, NULL);
    json_put_text(s->j, "key", key);
    stats_put_counts(s, m, billed);
    json_close_object(s->j);
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
