/*
 * The queue of the history store: records that are not in the log yet, and how they get there.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache/cache_parts.h"
#include "history/requests.h"

enum {
    WAITING_MAX = 64 << 20, /* bytes of payload that may wait to be written */
    /* After so many those who read have the log in between. */
    FLUSH_RECORDS = 512,
    FLUSH_BYTES = 1 << 20,
};

static void head_describe(struct record_head *h, const struct oks_state *state)
{
    h->offset = state->offset;
    h->dev = state->dev;
    h->ino = state->ino;
    h->identity_len = state->identity.len;
    memcpy(h->identity, state->identity.sha256, sizeof(h->identity));
}

void history_head_fill(struct record_head *h, enum history_kind kind, const char *path,
                       const struct oks_state *state, size_t payload_len)
{
    memset(h, 0, sizeof(*h));
    memcpy(h->mark, HISTORY_MARK, sizeof(h->mark));
    h->order = HISTORY_ORDER;
    h->kind = kind;
    h->path_len = (uint32_t)strlen(path);
    h->payload_len = payload_len;
    if (state)
        head_describe(h, state);
}

/* Takes over the payload. NULL: -ENOMEM or -ENAMETOOLONG, in *rc. */
static struct waiting *waiting_new(enum history_kind kind, const char *path, const struct oks_state *state,
                                   char *payload, size_t len, int *rc)
{
    struct waiting *w = calloc(1, sizeof(*w));

    *rc = strlen(path) >= HISTORY_PATH_MAX ? -ENAMETOOLONG : w && (w->path = strdup(path)) ? 0 : -ENOMEM;
    if (*rc < 0) {
        free(payload);
        free(w);
        return NULL;
    }
    w->payload = payload;
    w->queued = len;
    history_head_fill(&w->head, kind, path, state, len);
    return w;
}

static bool must_wait(const struct history_store *s, uint64_t bytes)
{
    return bytes && s->queued_bytes && s->queued_bytes + bytes > WAITING_MAX;
}

/* Takes over the record. `f`: its file, where that is known. Under `lock`. */
static int enqueue(struct history_store *s, struct history_file *f, struct waiting *w)
{
    struct piece piece = {.len = w->head.payload_len, .waiting = w};
    int rc = must_wait(s, w->queued) ? -ENOSPC : 0;

    if (rc == 0)
        rc = f ? history_apply_to(s, f, &w->head, &piece) : history_apply_waiting(s, w);
    if (rc < 0) {
        history_waiting_free(w);
        return rc;
    }
    TAILQ_INSERT_TAIL(&s->queue, w, next);
    s->queued_bytes += w->queued;
    return 0;
}

static int put_payload(struct history_store *s, enum history_kind kind, const char *path,
                       const struct oks_state *state, char *payload, size_t len)
{
    int rc;
    struct waiting *w = waiting_new(kind, path, state, payload, len, &rc);

    if (!w)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = enqueue(s, NULL, w);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int history_store_put(struct history_store *s, enum history_kind kind, const char *path,
                      const struct oks_state *state)
{
    char *payload = NULL;
    size_t len = 0;
    int rc = state ? oks_cache_render(state, &payload, &len) : 0;

    return rc < 0 ? rc : put_payload(s, kind, path, state, payload, len);
}

int history_store_put_rendered(struct history_store *s, const char *path, const struct oks_state *state,
                               const char *bytes, size_t len)
{
    char *payload = malloc(len);

    if (!payload)
        return -ENOMEM;
    memcpy(payload, bytes, len);
    return put_payload(s, HISTORY_WHOLE, path, state, payload, len);
}

/* A record in which additions to the file are gathered, in the queue. NULL: *rc says why. Under `lock`. */
static struct waiting *begin_gathering(struct history_store *s, struct history_file *f,
                                       const struct oks_state *before, int *rc)
{
    struct waiting *w = waiting_new(HISTORY_MORE, f->path, before, NULL, 0, rc);

    if (!w)
        return NULL;
    w->head.from = before->offset;
    w->gathered = calloc(1, sizeof(*w->gathered));
    *rc = w->gathered ? oks_state_init(w->gathered) : -ENOMEM;
    if (*rc < 0) {
        free(w->gathered);
        w->gathered = NULL;
        history_waiting_free(w);
        return NULL;
    }
    *rc = enqueue(s, f, w);
    return *rc < 0 ? NULL : w;
}

/* Adds to what is gathered. After a failure the file's facts are as before, and the saver writes all of it.
 */
static int gather(struct history_store *s, struct history_file *f, struct waiting *w,
                  const struct oks_state *gain, uint64_t bytes)
{
    int rc = must_wait(s, bytes) ? -ENOSPC : requests_gain(w->gathered->requests, gain->requests);

    if (rc == 0)
        rc = oks_state_gain(w->gathered, gain);
    if (rc < 0)
        return rc;
    head_describe(&w->head, gain);
    history_set_facts(f, &w->head);
    s->queued_bytes += bytes;
    w->queued += bytes;
    return 0;
}

/* This is done after each record that a transcript gains: one lookup, and no text is made. */
int history_store_put_more(struct history_store *s, const char *path, const struct oks_state *before,
                           const struct oks_state *gain)
{
    struct history_file *f;
    int rc = -ESTALE;

    pthread_mutex_lock(&s->lock);
    f = history_file_of(s, path);
    if (f && history_is_state(&f->facts, before)) {
        const struct piece *piece = history_gathering(f);
        struct waiting *w = piece ? piece->waiting : begin_gathering(s, f, before, &rc);

        if (w)
            rc = gather(s, f, w, gain, gain->offset - before->offset);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool history_store_waits(struct history_store *s)
{
    bool waits;

    pthread_mutex_lock(&s->lock);
    waits = s->writes && !TAILQ_EMPTY(&s->queue);
    pthread_mutex_unlock(&s->lock);
    return waits;
}

/* The piece of a record that waits; NULL: it has none any more. */
static struct piece *piece_of(struct history_file *f, const struct waiting *w)
{
    size_t low = f->n_shed, high = f->n;

    while (low < high) { /* a live part, which may have many pieces, is written in the order of the list */
        size_t mid = low + (high - low) / 2;

        if (f->pieces[mid].waiting)
            high = mid;
        else
            low = mid + 1;
    }
    if (low < f->n && f->pieces[low].waiting == w)
        return &f->pieces[low];
    for (size_t i = 0; i < f->n; i++)
        if (f->pieces[i].waiting == w)
            return &f->pieces[i];
    return NULL;
}

static struct piece *piece_waiting(const struct history_store *s, const struct waiting *w)
{
    struct history_file *f = history_file_of(s, w->path);

    return f ? piece_of(f, w) : NULL;
}

/* It is in the log now. Under `lock`. */
static void was_written(struct history_store *s, struct waiting *w, uint64_t at)
{
    struct piece *piece = w->payload ? piece_waiting(s, w) : NULL;

    struct history_file *f = history_file_of(s, w->path);

    if (piece) {
        piece->waiting = NULL;
        piece->at = at + sizeof(w->head) + w->head.path_len;
    }
    if (f)
        f->in_log = true;
    s->bytes += sizeof(w->head) + w->head.path_len + w->head.payload_len;
    history_waiting_end(s, w);
}

int history_write_queue(struct history_store *s, bool all)
{
    uint64_t from = s->end;
    int rc = 0;

    for (int n = 0; rc == 0 && (all || (n < FLUSH_RECORDS && s->end - from < FLUSH_BYTES)); n++) {
        struct waiting *w;

        pthread_mutex_lock(&s->lock);
        w = TAILQ_FIRST(&s->queue);
        if (w && w->gathered)
            rc = history_render(s, w, piece_waiting(s, w));
        pthread_mutex_unlock(&s->lock);
        if (!w || rc < 0)
            break;
        rc = history_write_record(s->fd, &w->head, w->path, w->payload);
        if (rc < 0) {
            if (ftruncate(s->fd, (off_t)s->end) < 0) /* else the next writer does it */
                rc = -errno;
            break;
        }
        pthread_mutex_lock(&s->lock);
        was_written(s, w, s->end);
        s->end = s->bytes;
        pthread_mutex_unlock(&s->lock);
        s->unsynced = true;
    }
    return rc;
}

static int flush_some(struct history_store *s)
{
    int folder, rc;

    pthread_mutex_lock(&s->io);
    folder = history_open_folder(s, true);
    rc = folder < 0 ? folder : history_begin_writing(s, folder);
    if (rc == 0) {
        rc = history_write_queue(s, false);
        flock(s->fd, LOCK_UN);
    }
    if (folder >= 0)
        close(folder);
    pthread_mutex_unlock(&s->io);
    return rc;
}

int history_store_flush(struct history_store *s)
{
    int rc = 0;

    while (rc == 0 && history_store_waits(s))
        rc = flush_some(s);
    return rc;
}
