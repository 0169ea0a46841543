/*
 * The index of the history store: what each record of the log, or of the queue, does to the parts of its
 * file.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct history_file *)a)->path, ((const struct history_file *)b)->path);
}

static void file_free(void *item)
{
    struct history_file *f = item;

    free(f->path);
    free(f->pieces);
    free(f);
}

void history_files_free(void *files)
{
    tdestroy(files, file_free);
}

void history_index_clear(struct history_store *s)
{
    history_files_free(s->files);
    s->files = NULL;
    s->adopted = false;
    s->used = 0;
}

struct history_file *history_file_of(const struct history_store *s, const char *path)
{
    struct history_file key = {.path = (char *)path}, **found = tfind(&key, &s->files, by_path);

    return found ? *found : NULL;
}

static struct history_file *file_made(struct history_store *s, const char *path)
{
    struct history_file *f = history_file_of(s, path);

    if (f)
        return f;
    f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->path = strdup(path);
    if (f->path && tsearch(f, &s->files, by_path))
        return f;
    file_free(f);
    return NULL;
}

static void file_remove(struct history_store *s, struct history_file *f)
{
    tdelete(f, &s->files, by_path);
    file_free(f);
}

/* Removes the pieces from `first` on. */
static void cut_pieces(struct history_store *s, struct history_file *f, size_t first)
{
    while (f->n > first)
        s->used -= f->pieces[--f->n].len;
    f->n_shed = f->n_shed < first ? f->n_shed : first;
}

static void no_live(struct history_file *f)
{
    f->facts = (struct history_facts){.lost = f->n_shed > 0};
}

void history_set_facts(struct history_file *f, const struct record_head *h)
{
    f->facts = (struct history_facts){.live = true,
                                      .lost = f->n_shed > 0,
                                      .offset = h->offset,
                                      .dev = h->dev,
                                      .ino = h->ino,
                                      .identity.len = h->identity_len};
    memcpy(f->facts.identity.sha256, h->identity, sizeof(h->identity));
}

/* A piece before the live ones, or behind them. There is room for it. */
static void add_piece(struct history_store *s, struct history_file *f, const struct piece *piece,
                      enum history_kind kind)
{
    bool lost = kind == HISTORY_LOST, more = kind == HISTORY_MORE;
    size_t i = lost ? f->n_shed : f->n;

    memmove(f->pieces + i + 1, f->pieces + i, (f->n - i) * sizeof(*piece));
    f->pieces[i] = *piece;
    f->pieces[i].more = more;
    f->n++;
    f->n_shed += lost;
    s->used += piece->len;
}

/* What one record does to the file's pieces: all of it, or nothing and -ENOMEM. */
int history_apply_to(struct history_store *s, struct history_file *f, const struct record_head *h,
                     const struct piece *piece)
{
    if ((h->kind == HISTORY_WHOLE || h->kind == HISTORY_MORE || h->kind == HISTORY_LOST) &&
        !OKS_GROW(f->pieces, f->n, f->room)) {
        if (f->n == 0)
            file_remove(s, f);
        return -ENOMEM;
    }
    switch (h->kind) {
    case HISTORY_WHOLE:
        cut_pieces(s, f, f->n_shed);
        add_piece(s, f, piece, h->kind);
        history_set_facts(f, h);
        break;
    case HISTORY_MORE:
        if (!f->facts.live || f->facts.offset != h->from)
            break;
        add_piece(s, f, piece, h->kind);
        history_set_facts(f, h);
        break;
    case HISTORY_SHED:
        f->n_shed = f->n;
        no_live(f);
        break;
    case HISTORY_LOST:
        add_piece(s, f, piece, h->kind);
        f->facts.lost = f->n_shed > 0;
        break;
    case HISTORY_MOVED:
        cut_pieces(s, f, f->n_shed);
        no_live(f);
        break;
    case HISTORY_FORGOTTEN:
        cut_pieces(s, f, 0);
        break;
    default:
        break;
    }
    if (f->n == 0)
        file_remove(s, f);
    return 0;
}

/* What one record does to the index. 0 or -ENOMEM */
int history_apply(struct history_store *s, const char *path, const struct record_head *h,
                  const struct piece *piece)
{
    bool makes = h->kind == HISTORY_WHOLE || h->kind == HISTORY_LOST;
    struct history_file *f = makes ? file_made(s, path) : history_file_of(s, path);

    if (h->kind == HISTORY_ADOPTED)
        s->adopted = true;
    if (!f)
        return makes ? -ENOMEM : 0;
    return history_apply_to(s, f, h, piece);
}

int history_apply_waiting(struct history_store *s, struct waiting *w)
{
    struct piece piece = {.len = w->head.payload_len, .waiting = w};

    return history_apply(s, w->path, &w->head, &piece);
}

bool history_is_state(const struct history_facts *facts, const struct oks_state *state)
{
    return facts->live && facts->offset == state->offset && facts->dev == state->dev &&
           facts->ino == state->ino && facts->identity.len == state->identity.len &&
           memcmp(facts->identity.sha256, state->identity.sha256, OKS_SHA256_BYTES) == 0;
}
