/* The rows of a timeline (private to times*.c; under the engine's lock). */
#ifndef OKSTRAFS_SUMS_TIME_ROWS_H
#define OKSTRAFS_SUMS_TIME_ROWS_H

#include "sums/timeline.h"

enum { SECONDS_PER_DAY = 86400 };

#define KEY_END OKS_STAMP_KEY_TEXT /* behind all keys */

/* The row of a key, made where there is none; NULL: none, or out of memory. */
struct time_row *time_row_made(struct timeline *tl, enum time_kind kind, uint64_t key);
/* To the bounds of the rows that the ends are in. */
void time_rows_widen(const struct timeline *tl, enum time_kind kind, uint64_t *lo, uint64_t *hi);
/* Gives back room for what may come: after many came at once. */
void time_rows_trim(struct timeline *tl);
void time_rows_free(struct timeline *tl);

/* Milliseconds behind the row's start. */
uint32_t time_row_ms(const struct time_row *row, uint64_t key);
int time_row_stamp_comes(struct time_row *row, uint32_t ms); /* -ENOMEM */
void time_row_stamp_leaves(struct time_row *row, uint32_t ms);

#endif
