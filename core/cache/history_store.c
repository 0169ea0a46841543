/*
 * The history store: its life, and the questions that its index answers.
 *
 * history_log.c has the file, history_index.c what is known of it, history_queue.c what is not in it yet,
 * history_pieces.c the states that it holds, history_compact.c its rewriting.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tree.h"
#include "cache/cache_parts.h"

static const char marker_name[] = HISTORY_MARKER;

enum { MORES_MAX = 32 }; /* additions that are always worth appending */

int history_store_new(struct history_store **out, const char *okstra_home, bool writes)
{
    struct history_store *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->home = strdup(okstra_home);
    if (!s->home) {
        free(s);
        return -ENOMEM;
    }
    s->writes = writes;
    s->fd = -1;
    TAILQ_INIT(&s->queue);
    pthread_mutex_init(&s->io, NULL);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return 0;
}

void history_gathered_free(struct waiting *w)
{
    if (w->gathered)
        oks_state_clear(w->gathered);
    free(w->gathered);
    w->gathered = NULL;
}

void history_waiting_free(struct waiting *w)
{
    history_gathered_free(w);
    free(w->path);
    free(w->payload);
    free(w);
}

void history_waiting_end(struct history_store *s, struct waiting *w)
{
    TAILQ_REMOVE(&s->queue, w, next);
    s->queued_bytes -= w->queued;
    history_waiting_free(w);
}

void history_store_free(struct history_store *s)
{
    struct waiting *w;

    if (!s)
        return;
    history_index_clear(s);
    while ((w = TAILQ_FIRST(&s->queue)))
        history_waiting_end(s, w);
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->io);
    pthread_mutex_destroy(&s->lock);
    free(s->home);
    free(s);
}

void history_store_facts(struct history_store *s, const char *path, struct history_facts *out)
{
    const struct history_file *f;

    pthread_mutex_lock(&s->lock);
    f = history_file_of(s, path);
    *out = f ? f->facts : (struct history_facts){0};
    pthread_mutex_unlock(&s->lock);
}

bool history_store_has(struct history_store *s, const char *path, const struct oks_state *state)
{
    struct history_facts facts;

    history_store_facts(s, path, &facts);
    return history_is_state(&facts, state);
}

bool history_store_wants_whole(struct history_store *s, const char *path)
{
    const struct history_file *f;
    uint64_t more = 0;
    bool wants;

    pthread_mutex_lock(&s->lock);
    f = history_file_of(s, path);
    for (size_t i = f ? f->n_shed + 1 : 0; f && i < f->n; i++)
        more += f->pieces[i].len;
    wants = f && f->n - f->n_shed > MORES_MAX && more > f->pieces[f->n_shed].len / 2;
    pthread_mutex_unlock(&s->lock);
    return wants;
}

struct visiting {
    int (*fn)(void *ctx, const char *path, const struct history_facts *facts);
    void *ctx;
};

static int visit_file(void *ctx, void *item)
{
    const struct visiting *v = ctx;
    const struct history_file *f = item;

    return v->fn(v->ctx, f->path, &f->facts);
}

int history_store_each(struct history_store *s,
                       int (*fn)(void *ctx, const char *path, const struct history_facts *facts), void *ctx)
{
    struct visiting v = {fn, ctx};
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = oks_tree_until(s->files, visit_file, &v);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool history_store_adopted(struct history_store *s)
{
    bool adopted;

    pthread_mutex_lock(&s->lock);
    adopted = s->adopted;
    pthread_mutex_unlock(&s->lock);
    return adopted;
}

uint64_t history_store_bytes(struct history_store *s)
{
    uint64_t bytes;

    pthread_mutex_lock(&s->lock);
    bytes = s->bytes;
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

int history_store_marker(struct history_store *s, struct stat *st)
{
    int folder = history_open_folder(s, false), rc;

    if (folder < 0)
        return folder;
    rc = fstatat(folder, marker_name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    close(folder);
    return rc;
}

int history_store_mark(struct history_store *s)
{
    int folder = history_open_folder(s, true), rc;
    int64_t now;

    if (folder < 0)
        return folder;
    rc = oks_cache_replace(folder, marker_name, "forgotten\n", strlen("forgotten\n"), &now);
    close(folder);
    return rc;
}
