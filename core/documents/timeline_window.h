/* Rows of time in a window. */
#ifndef OKSTRAFS_DOCUMENTS_TIMELINE_WINDOW_H
#define OKSTRAFS_DOCUMENTS_TIMELINE_WINDOW_H

#include "documents/stats_rows.h"

/* The row's sums in the window. *billed may point to the row's own or to `room`. False: nothing. */
bool timeline_row_in_window(struct stats *s, struct time_row *row, struct measure *m,
                            const struct billed_bag **billed, struct billed_bag *room);

#endif
