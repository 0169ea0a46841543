/*
 * Pieces of a page, kept with what they were made from. One request changes a few rows and bars, and all
 * others would be written again letter by letter: of a page after one request that is half of the work.
 *
 *     kept_part(kept, kind);                     a table or a chart
 *     for each row:
 *         key = (struct kept_key){&numbers, sizeof(numbers), name, strlen(name)};
 *         if (kept_again(kept, &key, m, marks))
 *             continue;
 *         markup_raw(m, ...);
 *         kept_end(kept, &key, m, marks);
 *
 * The n-th piece of a part is compared with that of the page before. The key has all that the piece is made
 * from, so what is kept can be dropped at any time. A page of any engine may use it; one at a time.
 *
 * Bound: KEPT_BYTES, usually 80 KiB, so it is not part of memory=, as the page that is being written is not.
 */
#ifndef OKSTRAFS_FS_REPORT_KEPT_H
#define OKSTRAFS_FS_REPORT_KEPT_H

#include "report/cells.h"
#include "report/markup.h"

enum { KEPT_PARTS = 16, KEPT_PIECES = 32, KEPT_BYTES = 256 << 10 };

/* Zeroed: nothing is kept. */
struct kept {
    struct kept_piece {
        char *bytes;      /* malloc'ed: the key, and the text behind it */
        const void *what; /* its part is */
        size_t key, len, room;
        struct cell_marks marks;
    } pieces[KEPT_PARTS * KEPT_PIECES];
    size_t bytes;            /* of all pieces */
    const void *of;          /* all pieces are */
    const void *what;        /* the part is */
    size_t part, place;      /* of the next piece; part 0: kept_part() comes next */
    size_t begin;            /* of the piece that is being written */
    struct cell_marks marks; /* from before it */
};

/* Both are compared byte by byte: what pads a struct, and is not always the same, only makes it be written
 * again. */
struct kept_key {
    const void *numbers;
    size_t n_numbers;
    const void *text;
    size_t n_text;
};

/* All functions accept NULL, which keeps nothing. */

/* A page begins. `of` is what all pieces depend on besides their keys: if it is another one, nothing is kept.
 */
void kept_start(struct kept *kept, const void *of);
/* `what` is the address of something that no other kind of part has. */
void kept_part(struct kept *kept, const void *what);
/* Writes the piece, and adds the marks of its cells, if it was made from the same key; else the caller does.
 */
bool kept_again(struct kept *kept, const struct kept_key *key, struct markup *m, struct cell_marks *marks);
void kept_end(struct kept *kept, const struct kept_key *key, const struct markup *m,
              struct cell_marks *marks);
void kept_clear(struct kept *kept);

#endif
