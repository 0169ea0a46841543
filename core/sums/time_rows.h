/* The rows of a timeline (private to core/sums; under the model's lock). */
#ifndef OKSTRAFS_SUMS_TIME_ROWS_H
#define OKSTRAFS_SUMS_TIME_ROWS_H

#include "sums/timeline.h"

enum { SECONDS_PER_DAY = 86400 };

#define KEY_END OKS_STAMP_KEY_TEXT /* after all keys */

/* The row of a key, created if there is none; NULL: no such row, or ENOMEM. */
struct time_row *time_row_made(struct timeline *tl, enum time_kind kind, uint64_t key);
/* Widens lo and hi to the bounds of the rows that they are in. */
void time_rows_widen(const struct timeline *tl, enum time_kind kind, uint64_t *lo, uint64_t *hi);
/* Frees spare room, after many rows were added. */
void time_rows_trim(struct timeline *tl);
void time_rows_free(struct timeline *tl);

/* Milliseconds behind the row's start. */
uint32_t time_row_ms(const struct time_row *row, uint64_t key);
int time_row_stamp_comes(struct time_row *row, uint32_t ms); /* -ENOMEM */
void time_row_stamp_leaves(struct time_row *row, uint32_t ms);

#endif
