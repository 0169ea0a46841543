/*
 * Pieces of pages, kept with their keys.
 *
 * A piece that is too long, or for which there is no memory, is not kept: its `len` is 0.
 */
#include "report/kept.h"

#include <stdlib.h>

void kept_start(struct kept *k)
{
    if (!k)
        return;
    k->part = k->place = 0;
}

static void begin_key(struct kept *k)
{
    memcpy(k->key, &k->what, sizeof(k->what));
    k->key_len = sizeof(k->what);
}

void kept_part(struct kept *k, const void *what)
{
    if (!k)
        return;
    k->part++;
    k->place = 0;
    k->what = what;
    begin_key(k);
}

void kept_key(struct kept *k, const void *bytes, size_t n)
{
    if (!k)
        return;
    if (k->key_len <= KEPT_BYTES && n <= KEPT_BYTES - k->key_len)
        memcpy(k->key + k->key_len, bytes, n);
    else
        n = KEPT_BYTES + 1; /* too long */
    k->key_len += n;
}

void kept_key_text(struct kept *k, const char *text)
{
    kept_key(k, text, strlen(text) + 1);
}

/* NULL: the page has more pieces than are kept. */
static struct kept_piece *piece_at(struct kept *k)
{
    bool within = k->part > 0 && k->part <= KEPT_PARTS && k->place < KEPT_PIECES;

    return within ? &k->pieces[(k->part - 1) * KEPT_PIECES + k->place] : NULL;
}

static void add_marks(struct cell_marks *to, const struct cell_marks *marks)
{
    to->at_least |= marks->at_least;
    to->unknown |= marks->unknown;
}

bool kept_again(struct kept *k, struct markup *m, struct cell_marks *marks)
{
    const struct kept_piece *piece = k ? piece_at(k) : NULL;

    if (piece && piece->len && piece->key == k->key_len && memcmp(piece->bytes, k->key, piece->key) == 0) {
        markup_bytes(m, piece->bytes + piece->key, piece->len);
        add_marks(marks, &piece->marks);
        k->place++;
        begin_key(k);
        return true;
    }
    if (k) {
        k->begin = m->len;
        k->marks = *marks;
        *marks = (struct cell_marks){0};
    }
    return false;
}

static bool reserve(struct kept_piece *piece, size_t n)
{
    char *bytes = n <= piece->room ? piece->bytes : realloc(piece->bytes, n);

    if (!bytes)
        return false;
    piece->bytes = bytes;
    piece->room = n > piece->room ? n : piece->room;
    return true;
}

static void keep(struct kept *k, const struct markup *m, const struct cell_marks *marks)
{
    struct kept_piece *piece = piece_at(k);
    size_t len = m->len - k->begin;

    if (!piece)
        return;
    piece->len = 0;
    if (m->failed || k->key_len + len > KEPT_BYTES || !reserve(piece, k->key_len + len))
        return;
    memcpy(piece->bytes, k->key, k->key_len);
    memcpy(piece->bytes + k->key_len, m->ptr + k->begin, len);
    piece->key = k->key_len;
    piece->len = len;
    piece->marks = *marks;
}

void kept_end(struct kept *k, const struct markup *m, struct cell_marks *marks)
{
    if (!k)
        return;
    keep(k, m, marks);
    add_marks(marks, &k->marks);
    k->place++;
    begin_key(k);
}

void kept_clear(struct kept *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KEPT_PARTS * KEPT_PIECES; i++)
        free(k->pieces[i].bytes);
    memset(k, 0, sizeof(*k));
}
