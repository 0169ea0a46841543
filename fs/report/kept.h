/*
 * Rows and bars of a page, kept with what they were made from. One request changes a few of them, and nearly
 * all others would be written again letter by letter.
 *
 *     kept_part(kept, kind);                     a table or a chart
 *     for each row:
 *         kept_key(kept, &numbers, sizeof(numbers));
 *         kept_key_text(kept, name);
 *         if (kept_again(kept, m, marks))
 *             continue;
 *         markup_raw(m, ...);
 *         kept_end(kept, m, marks);
 *
 * The n-th piece of a part is compared with that of the page before. The key has all that the piece is made
 * from, so what is kept can be dropped at any time. A page of any engine may use it; one at a time.
 *
 * Bound: KEPT_PARTS * KEPT_PIECES pieces of KEPT_BYTES, which is 1 MiB; usually 100 KiB.
 */
#ifndef OKSTRAFS_FS_REPORT_KEPT_H
#define OKSTRAFS_FS_REPORT_KEPT_H

#include "report/cells.h"
#include "report/markup.h"

enum { KEPT_PARTS = 16, KEPT_PIECES = 32, KEPT_BYTES = 2048 };

/* Zeroed: nothing is kept. */
struct kept {
    struct kept_piece {
        char *bytes; /* malloc'ed: the key, and the text behind it */
        size_t key, len, room;
        struct cell_marks marks;
    } pieces[KEPT_PARTS * KEPT_PIECES];
    const void *what;   /* the part is */
    size_t part, place; /* of the next piece; part 0: kept_part() comes next */
    char key[KEPT_BYTES];
    size_t key_len;
    size_t begin;            /* of the piece that is being written */
    struct cell_marks marks; /* from before it */
};

/* All functions accept NULL, which keeps nothing. */

/* A page begins. */
void kept_start(struct kept *kept);
/* `what` is the address of something that no other kind of part has: its key begins with it. */
void kept_part(struct kept *kept, const void *what);
/* No padding in it: it is compared byte by byte. */
void kept_key(struct kept *kept, const void *bytes, size_t n);
void kept_key_text(struct kept *kept, const char *text);
/* Writes the piece, and adds the marks of its cells, if it was made from the same key; else the caller does.
 */
bool kept_again(struct kept *kept, struct markup *m, struct cell_marks *marks);
void kept_end(struct kept *kept, const struct markup *m, struct cell_marks *marks);
void kept_clear(struct kept *kept);

#endif
