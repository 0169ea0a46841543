/*
 * The compaction of the history store: the log is written anew without what no longer counts. Under `io`,
 * with the log locked.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/array.h"
#include "base/tree.h"
#include "cache/cache_parts.h"
#include "files/read_file.h"

enum {
    COMPACT_MIN = 4 << 20, /* a smaller log is left as it is */
    COMPACT_TIMES = 3,     /* the log is this many times what still counts */
};

/* The files of the index as they are when the queue is empty: all of their pieces are in the log. */
struct listed {
    struct history_file *files;
    size_t n, room;
};

static int list_file(void *ctx, void *item)
{
    const struct history_file *f = item;
    struct listed *l = ctx;
    struct history_file copy = {.n = f->n, .n_shed = f->n_shed, .facts = f->facts};

    if (!OKS_GROW(l->files, l->n, l->room))
        return -ENOMEM;
    copy.path = strdup(f->path);
    copy.pieces = malloc(f->n * sizeof(*f->pieces));
    if (!copy.path || !copy.pieces) {
        free(copy.path);
        free(copy.pieces);
        return -ENOMEM;
    }
    memcpy(copy.pieces, f->pieces, f->n * sizeof(*f->pieces));
    l->files[l->n++] = copy;
    return 0;
}

static void listed_clear(struct listed *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->files[i].path);
        free(l->files[i].pieces);
    }
    free(l->files);
}

/* `facts` and `payload` may be NULL. */
static int put_record(int fd, enum history_kind kind, const char *path, const struct history_facts *facts,
                      const char *payload, size_t len)
{
    struct oks_state state = {0};
    struct record_head h;

    if (facts) {
        state.offset = facts->offset;
        state.dev = facts->dev;
        state.ino = facts->ino;
        state.identity = facts->identity;
    }
    history_head_fill(&h, kind, path, &state, len);
    return history_write_record(fd, &h, path, payload);
}

static int put_state(int fd, enum history_kind kind, const struct history_file *f,
                     const struct oks_state *state)
{
    char *payload = NULL;
    size_t len;
    int rc = oks_cache_render(state, &payload, &len);

    if (rc == 0)
        rc = put_record(fd, kind, f->path, &f->facts, payload, len);
    free(payload);
    return rc;
}

/* Copies a live part of one piece as it is. 1: it cannot be read. */
static int copy_live(struct history_store *s, int fd, const struct history_file *f)
{
    const struct piece *piece = &f->pieces[f->n_shed];
    char *payload = malloc(piece->len + 1);
    int rc = payload ? read_file_at(s->fd, payload, piece->len, piece->at) : -ENOMEM;

    if (rc == 0)
        rc = put_record(fd, HISTORY_WHOLE, f->path, &f->facts, payload, piece->len);
    free(payload);
    return rc == -ENODATA ? 1 : rc;
}

/* Writes one record for the lost part, and one for the live part. */
static int compact_file(struct history_store *s, int fd, const struct history_file *f)
{
    struct oks_state live, lost;
    int rc = oks_state_init(&live);

    if (rc < 0)
        return rc;
    rc = oks_state_init(&lost);
    if (rc == 0)
        rc = history_read_lost(s, f->pieces, f->n_shed, &lost);
    if (rc == 0 && f->n_shed)
        rc = put_state(fd, HISTORY_LOST, f, &lost);
    if (rc == 0 && f->n == f->n_shed + 1) {
        rc = copy_live(s, fd, f);
    } else if (rc == 0 && f->n > f->n_shed) {
        rc = history_read_live(s, f->pieces + f->n_shed, f->n - f->n_shed, &live);
        if (rc == 0)
            rc = put_state(fd, HISTORY_WHOLE, f, &live);
    }
    oks_state_clear(&live);
    oks_state_clear(&lost);
    return rc < 0 ? rc : 0;
}

/* Writes a new log with the same parts. */
static int write_compacted(struct history_store *s, int folder, const struct listed *l, bool adopted)
{
    int fd, rc = 0;

    unlinkat(folder, HISTORY_NEW_LOG, 0);
    fd = openat(folder, HISTORY_NEW_LOG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        rc = compact_file(s, fd, &l->files[i]);
    if (rc == 0 && adopted)
        rc = put_record(fd, HISTORY_ADOPTED, "", NULL, NULL, 0);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && renameat(folder, HISTORY_NEW_LOG, folder, HISTORY_LOG) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(folder, HISTORY_NEW_LOG, 0);
    else
        fsync(folder);
    return rc;
}

static int compact(struct history_store *s, int folder)
{
    struct listed l = {0};
    bool adopted, empty = false;
    int rc = history_begin_writing(s, folder);

    if (rc < 0)
        return rc;
    rc = history_write_queue(s, true);
    pthread_mutex_lock(&s->lock);
    adopted = s->adopted;
    if (rc == 0) {
        empty = TAILQ_EMPTY(&s->queue);
        rc = empty ? oks_tree_until(s->files, list_file, &l) : 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && empty)
        rc = write_compacted(s, folder, &l, adopted);
    listed_clear(&l);
    flock(s->fd, LOCK_UN);
    if (rc == 0)
        rc = history_open_log(s, folder, false);
    return rc < 0 ? rc : history_catch_up(s, rc);
}

int history_store_sync(struct history_store *s, bool always)
{
    int folder, rc = 0;
    bool due;

    pthread_mutex_lock(&s->io);
    if (s->unsynced && s->fd >= 0) {
        rc = fdatasync(s->fd) < 0 ? -errno : 0;
        s->unsynced = rc < 0;
    }
    pthread_mutex_lock(&s->lock);
    due = always || (s->bytes > COMPACT_MIN && s->bytes / COMPACT_TIMES > s->used);
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && due && s->writes) {
        folder = history_open_folder(s, always);
        rc = folder < 0 ? folder : compact(s, folder);
        if (folder >= 0)
            close(folder);
    }
    pthread_mutex_unlock(&s->io);
    return rc;
}
