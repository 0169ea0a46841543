/* Which rows of a kind have changed since they were ranked. */
#include "sums/row_ranks.h"

#include <string.h>

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
    size_t at = 0;

    ranks->n_all -= row->counted;
    row->counted = false;
    if (!row->placed)
        return;
    while (ranks->items[at] != row)
        at++;
    memmove(ranks->items + at, ranks->items + at + 1, (--ranks->n - at) * sizeof(*ranks->items));
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
