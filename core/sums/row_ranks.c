/* Which rows of a kind have changed since they were ranked. */
#include "sums/row_ranks.h"

#include "base/array.h"

static void put_changed(struct ranked_row *row)
{
    if (!row->ranks->known || row->queued)
        return;
    row->queued = true;
    LIST_INSERT_HEAD(&row->ranks->changed, row, of_changed);
}

void ranked_row_start(struct ranked_row *row, struct row_ranks *ranks)
{
    row->ranks = ranks;
    put_changed(row);
}

void ranked_row_changed(struct ranked_row *row)
{
    row_text_changed(&row->text);
    put_changed(row);
}

void ranked_row_take(struct ranked_row *row)
{
    struct row_ranks *ranks = row->ranks;

    ranks->n_all -= row->counted;
    row->counted = false;
    if (row->placed)
        oks_array_take_out(ranks->items, &ranks->n, row);
    row->placed = false;
}

void ranked_row_clear(struct ranked_row *row)
{
    if (row->queued)
        LIST_REMOVE(row, of_changed);
    if (row->ranks)
        ranked_row_take(row);
    row_text_clear(&row->text);
    *row = (struct ranked_row){.ranks = NULL};
}
