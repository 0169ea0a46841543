/*
 * Pieces of pages, kept with their keys.
 *
 * A piece for which there is no room or no memory is not kept: its `len` is 0.
 */
#include "report/kept.h"

#include <stdlib.h>

void kept_start(struct kept *k, const void *of)
{
    if (!k)
        return;
    if (k->of != of)
        kept_clear(k);
    k->of = of;
    k->part = k->place = 0;
}

void kept_part(struct kept *k, const void *what)
{
    if (!k)
        return;
    k->part++;
    k->place = 0;
    k->what = what;
}

/* NULL: the page has more pieces than are kept. */
static struct kept_piece *piece_at(struct kept *k)
{
    bool within = k->part > 0 && k->part <= KEPT_PARTS && k->place < KEPT_PIECES;

    return within ? &k->pieces[(k->part - 1) * KEPT_PIECES + k->place] : NULL;
}

static bool same(const void *a, const void *b, size_t n)
{
    return n == 0 || memcmp(a, b, n) == 0;
}

static bool is_of(const struct kept_piece *piece, const void *what, const struct kept_key *key)
{
    return piece->len && piece->what == what && piece->key == key->n_numbers + key->n_text &&
           same(piece->bytes, key->numbers, key->n_numbers) &&
           same(piece->bytes + key->n_numbers, key->text, key->n_text);
}

static void add_marks(struct cell_marks *to, const struct cell_marks *marks)
{
    to->at_least |= marks->at_least;
    to->unknown |= marks->unknown;
}

bool kept_again(struct kept *k, const struct kept_key *key, struct markup *m, struct cell_marks *marks)
{
    const struct kept_piece *piece = k ? piece_at(k) : NULL;

    if (piece && is_of(piece, k->what, key)) {
        markup_bytes(m, piece->bytes + piece->key, piece->len);
        add_marks(marks, &piece->marks);
        k->place++;
        return true;
    }
    if (k) {
        k->begin = m->len;
        k->marks = *marks;
        *marks = (struct cell_marks){0};
    }
    return false;
}

static bool reserve(struct kept *k, struct kept_piece *piece, size_t n)
{
    char *bytes;

    if (n <= piece->room)
        return true;
    if (n - piece->room > KEPT_BYTES - k->bytes)
        return false;
    bytes = realloc(piece->bytes, n);
    if (!bytes)
        return false;
    k->bytes += n - piece->room;
    piece->bytes = bytes;
    piece->room = n;
    return true;
}

static char *put(char *to, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(to, bytes, n);
    return to + n;
}

static void keep(struct kept *k, const struct kept_key *key, const struct markup *m,
                 const struct cell_marks *marks)
{
    struct kept_piece *piece = piece_at(k);
    size_t len = m->len - k->begin;
    char *to;

    if (!piece)
        return;
    piece->len = 0;
    piece->key = key->n_numbers + key->n_text;
    if (m->failed || !reserve(k, piece, piece->key + len))
        return;
    to = put(piece->bytes, key->numbers, key->n_numbers);
    to = put(to, key->text, key->n_text);
    put(to, m->ptr + k->begin, len);
    piece->what = k->what;
    piece->len = len;
    piece->marks = *marks;
}

void kept_end(struct kept *k, const struct kept_key *key, const struct markup *m, struct cell_marks *marks)
{
    if (!k)
        return;
    keep(k, key, m, marks);
    add_marks(marks, &k->marks);
    k->place++;
}

void kept_clear(struct kept *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KEPT_PARTS * KEPT_PIECES; i++)
        free(k->pieces[i].bytes);
    memset(k, 0, sizeof(*k));
}
