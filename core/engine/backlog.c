/*
 * The backlog: the dirty transcripts before a scan of many, the largest first.
 *
 * Each is asked for its size with one stat(2), which also finds those of which there is nothing to read.
 * Whoever scans one of the largest last would scan alone for a while.
 */
#include <sys/stat.h>

#include "engine/engine_private.h"

static bool has_label_file(const struct transcript *t)
{
    char path[8192];

    return t->source->label && t->source->label(t->path, path, sizeof(path));
}

/* Whether a scan would find nothing new, and nothing else is due. */
static bool needs_no_scan(const struct transcript *t, const struct stat *st)
{
    return !t->touched && !t->anew && !t->retained && !t->unplaced && st->st_nlink == 1 && !t->linked &&
           transcript_is_unchanged(t, st) && !(t->label_due && has_label_file(t));
}

/* The next one of the dirty queue of which this sorting does not know how much is to be read. Lost ones are
 * in front. */
static struct transcript *next_unsized(const struct oks_engine *e)
{
    struct transcript *t;

    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued)
        if (!t->lost)
            return t->sized == e->scanning.sortings ? NULL : t;
    return NULL;
}

/* Takes it out of the queue if one stat(2) shows that there is nothing to read, else moves it to the end. */
static void size_one(struct oks_engine *e, struct transcript *t)
{
    struct stat st;
    bool is_file;

    t->sized = e->scanning.sortings;
    if (t->busy || t->large || transcript_is_remote(t)) {
        catalog_dirty_last(&e->model.catalog, t);
        return;
    }
    is_file = lstat(t->path, &st) == 0 && S_ISREG(st.st_mode);
    if (is_file && needs_no_scan(t, &st)) {
        catalog_mark_clean(&e->model.catalog, t);
        t->label_due = false;
        return;
    }
    t->size_seen = is_file ? (uint64_t)st.st_size : 0;
    if (t->loaded)
        t->size_seen = t->size_seen > t->state.offset ? t->size_seen - t->state.offset : 0;
    catalog_dirty_last(&e->model.catalog, t);
}

enum { SIZE_CLASSES = 65, SIZED_AT_ONCE = 256 };

/* The number of bits of its size; lost ones are above all. */
static int size_class(const struct transcript *t)
{
    return t->lost ? SIZE_CLASSES : t->size_seen ? 64 - __builtin_clzll(t->size_seen) : 0;
}

static void sort_by_size(struct oks_engine *e)
{
    TAILQ_HEAD(, transcript) classes[SIZE_CLASSES + 1];
    struct transcript *t;

    for (int i = 0; i <= SIZE_CLASSES; i++)
        TAILQ_INIT(&classes[i]);
    while ((t = TAILQ_FIRST(&e->model.catalog.dirty))) {
        TAILQ_REMOVE(&e->model.catalog.dirty, t, queued);
        TAILQ_INSERT_TAIL(&classes[size_class(t)], t, queued);
    }
    for (int i = SIZE_CLASSES; i >= 0; i--)
        TAILQ_CONCAT(&e->model.catalog.dirty, &classes[i], queued);
}

void engine_sort_backlog(struct oks_engine *e)
{
    struct transcript *t;
    unsigned n = 0;

    if (e->scanning.sorting)
        return;
    e->scanning.sorting = true;
    e->scanning.sortings++;
    while ((t = next_unsized(e))) {
        size_one(e, t);
        if (++n % SIZED_AT_ONCE == 0)
            engine_pause(e);
    }
    sort_by_size(e);
    e->scanning.sorting = false;
}
