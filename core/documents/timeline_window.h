/* Rows of time in a window (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_TIMELINE_WINDOW_H
#define OKSTRAFS_DOCUMENTS_TIMELINE_WINDOW_H

#include "documents/stats_rows.h"

/* What a row of time comes to in the window; *billed may be the row's own or `room`. False: nothing. */
bool timeline_row_in_window(struct stats *s, struct time_row *row, struct measure *m,
                            const struct billed_bag **billed, struct billed_bag *room);

#endif
