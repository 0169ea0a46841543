/*
 * Keeping: what reaches the history store, and when (cache/history_store.h).
 *
 * The store gets what the cache file of a transcript gets, and at the same time: all of it after a first
 * scan, and from then on what each scan has added. So at the first deletion it is there already, whatever
 * became of the caches. Before a scan that finds another content in a file is committed, its last state is
 * put into the store if it is not there, and then shed. What is put counts at once; the saver writes it.
 *
 * An engine without caches writes nothing. What the store has it shows all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/cache_ids.h"
#include "engine/engine_private.h"
#include "files/walk.h"
#include "sources/source.h"

enum { MORE_BYTES_MAX = 1 << 20 }; /* of a transcript; a scan that read more is better written as a whole */

bool keeping_has_content(const struct oks_state *state)
{
    return oks_events_len(state->events) > 0 || requests_whole(state->requests) > 0;
}

/* Whether the store has the transcript's state: the same bytes, and what they say is the same. */
static bool is_stored(struct oks_engine *e, const struct transcript *t, const struct oks_state *state)
{
    return !t->keep_all && history_store_has(e->history, t->path, state);
}

bool keeping_due(struct oks_engine *e, const struct transcript *t)
{
    return e->cache && t->loaded && !t->unsaved && keeping_has_content(&t->state) &&
           !is_stored(e, t, &t->state);
}

/* A state with the ids that the rows no longer have, to be cleared with oks_requests_free(copy). */
int keeping_restore(struct oks_engine *e, const struct transcript *t, struct oks_state *whole,
                    struct oks_requests **copy)
{
    struct request_ids_where where = {.cache = e->cache,
                                      .folder = t->cache_folder,
                                      .name = t->cache_name,
                                      .history = e->history,
                                      .path = t->path,
                                      .fd = -1};
    struct stat st;
    int rc;

    *whole = t->state;
    *copy = NULL;
    if (requests_all_ids(t->state.requests))
        return 0;
    rc = source_scanner_new(&where.scanner, e->isa, t->source->id);
    where.fd = t->retained || t->root->remote ? -1 : oks_open_regular(t->path, &st);
    if (rc == 0)
        rc = request_ids_restore(copy, t->state.requests, &where);
    if (*copy)
        whole->requests = *copy;
    if (where.fd >= 0)
        close(where.fd);
    oks_scanner_free(where.scanner);
    return rc;
}

/* Puts the transcript's state, if it is not there. Without the lock; the transcript is busy. */
static int put_state(struct oks_engine *e, const struct transcript *t)
{
    struct oks_requests *copy;
    struct oks_state whole;
    int rc;

    if (!keeping_has_content(&t->state) || is_stored(e, t, &t->state))
        return 0;
    rc = keeping_restore(e, t, &whole, &copy);
    if (rc == 0)
        rc = history_store_put(e->history, HISTORY_WHOLE, t->path, &whole);
    oks_requests_free(copy);
    return rc;
}

/*
 * The same before the file's state is all that is left. What waits may be an addition to a state in place of
 * which another process has written one since: then it counts for nothing, which shows when it is written.
 */
static int put_last(struct oks_engine *e, const struct transcript *t)
{
    if (e->cache)
        history_store_flush(e->history); /* if it fails, it waits as before */
    return put_state(e, t);
}

/* Whether the store's live part may be an earlier state of the file. */
static bool agrees(const struct history_facts *facts, const struct oks_state *state)
{
    return facts->dev == state->dev && facts->ino == state->ino && facts->offset <= state->offset &&
           (facts->identity.len != state->identity.len ||
            memcmp(facts->identity.sha256, state->identity.sha256, OKS_SHA256_BYTES) == 0);
}

/* Puts the requests of the last state that the outcome lacks, as a lost part. Without the lock. */
static int put_lost(struct oks_engine *e, const struct transcript *t, const struct oks_state *last,
                    struct scan_outcome *out)
{
    struct oks_requests *rows = NULL;
    struct oks_events *none = NULL;
    struct oks_state lost;
    int rc = requests_lost(last->requests, out->gain.requests, &rows);

    if (rc < 0 || !rows)
        return rc;
    rc = oks_events_new(&none);
    lost = (struct oks_state){.events = none,
                              .requests = rows,
                              .session_id = last->session_id,
                              .reader_state = last->reader_state,
                              .teams = last->teams,
                              .cwds = last->cwds};
    if (rc == 0)
        rc = history_store_put(e->history, HISTORY_LOST, t->path, &lost);
    out->sheds = rc == 0;
    oks_events_free(none);
    oks_requests_free(rows);
    return rc;
}

static int compare_with_last(struct oks_engine *e, const struct transcript *t, struct scan_outcome *out)
{
    struct oks_requests *copy;
    struct oks_state last;
    int rc = keeping_restore(e, t, &last, &copy);

    if (rc == 0)
        rc = put_lost(e, t, &last, out);
    oks_requests_free(copy);
    return rc;
}

static int compare_with_store(struct oks_engine *e, const struct transcript *t, struct scan_outcome *out)
{
    struct oks_state last;
    int rc = oks_state_init(&last);

    if (rc < 0)
        return rc;
    rc = history_store_load(e->history, t->path, &last, NULL);
    if (rc == 0)
        rc = put_lost(e, t, &last, out);
    oks_state_clear(&last);
    return rc;
}

/* What is stored of the file, as the outcome of its scan. 1, 0: nothing, or -errno */
static int recall(struct oks_engine *e, const struct transcript *t, const char *path,
                  struct scan_outcome *out)
{
    struct history_facts facts;
    struct oks_state last;
    int rc = oks_state_init(&last);

    if (rc < 0)
        return rc;
    history_store_facts(e->history, t->path, &facts);
    rc = facts.live ? history_store_load(e->history, t->path, &last, NULL)
         : e->cache ? oks_cache_load_kept(e->cache, t->cache_folder, t->cache_name, &last)
                    : OKS_CACHE_MISS;
    if (rc == OKS_CACHE_HIT)
        scan_outcome_recall(out, path, &last);
    oks_state_clear(&last);
    return rc < 0 ? rc : rc == OKS_CACHE_HIT;
}

int keeping_recall(struct oks_engine *e, const struct transcript *t, struct scan_outcome *out)
{
    return recall(e, t, NULL, out);
}

/*
 * The file cannot be read by a process that has not read it before. What is stored of it counts, unless more
 * of it could be read.
 */
static int recall_unreadable(struct oks_engine *e, const struct transcript *t, struct scan_outcome *out)
{
    struct history_facts facts;
    int rc;

    history_store_facts(e->history, t->path, &facts);
    if (out->replace && (!facts.live || agrees(&facts, &out->gain)))
        return 0;
    rc = recall(e, t, t->path, out);
    return rc < 0 ? rc : 0;
}

/*
 * Another process that sees a file lose some of what is stored puts that, as a lost part. So if the store has
 * the new content and no lost part, that was forgotten.
 */
bool keeping_was_forgotten(struct oks_engine *e, const struct transcript *t, const struct oks_state *content)
{
    struct history_facts facts;

    history_store_facts(e->history, t->path, &facts);
    if (facts.lost || !facts.live)
        return !facts.lost;
    return content && facts.identity.len == content->identity.len && agrees(&facts, content) &&
           !is_stored(e, t, &t->state);
}

int keeping_examine(struct oks_engine *e, const struct transcript *t, bool may_forget,
                    struct scan_outcome *out)
{
    struct history_facts facts;
    bool forgotten;

    if (out->error && !out->gone && !t->loaded)
        return recall_unreadable(e, t, out);
    if (!out->gone && !out->replace)
        return 0;
    history_store_facts(e->history, t->path, &facts);
    if (out->error && out->replace && t->loaded)
        return scan_outcome_keep_former(out);
    if (!e->cache && !facts.live)
        return 0;
    forgotten = may_forget && keeping_was_forgotten(e, t, out->gone ? NULL : &out->gain);
    if (out->gone)
        return t->loaded && !forgotten ? put_last(e, t) : 0;
    if (t->loaded)
        return out->rewritten && !forgotten ? compare_with_last(e, t, out) : 0;
    /* Records that depend on other transcripts, or on what comes later, may be fewer in the same file. */
    if (!facts.live ||
        (agrees(&facts, &out->gain) && (out->cache_hit || t->source->agrees || t->source->revises)))
        return 0;
    return compare_with_store(e, t, out);
}

int keeping_shed(struct oks_engine *e, struct transcript *t)
{
    int rc;

    if (requests_whole(t->state.requests) == 0) { /* nothing of it stays */
        keeping_drop(e, t, HISTORY_MOVED);
        return 0;
    }
    rc = put_state(e, t);
    if (rc == 0)
        rc = arrivals_remnant(e, t->session, t->root, t->path);
    if (rc == 0)
        rc = history_store_put(e->history, HISTORY_SHED, t->path, NULL);
    pthread_cond_signal(&e->saver.wanted);
    return rc;
}

/* Whether the file has lost all that it said. What any process has put of it is to be dropped. */
static bool says_nothing_now(struct oks_engine *e, const struct transcript *t, const struct scan_outcome *out)
{
    struct history_facts facts;

    if (!e->cache || !out->replace || keeping_has_content(&out->gain))
        return false;
    history_store_facts(e->history, t->path, &facts);
    return facts.live || keeping_has_content(&t->state);
}

int keeping_commit(struct oks_engine *e, struct transcript *t, const struct scan_outcome *out)
{
    int rc = 0;

    if (t->retained || out->gone || out->error || !out->changed)
        return 0;
    if (out->sheds) {
        rc = arrivals_remnant(e, t->session, t->root, t->path);
        if (rc == 0) /* last: from then on the store no longer says that there is something to compare */
            rc = history_store_put(e->history, HISTORY_MOVED, t->path, NULL);
    } else if (says_nothing_now(e, t, out)) {
        keeping_drop(e, t, HISTORY_MOVED);
    } else if (e->cache && !out->replace && !t->keep_all && out->gain.offset > t->state.offset &&
               out->bytes_read <= MORE_BYTES_MAX) {
        history_store_put_more(e->history, t->path, &t->state,
                               &out->gain); /* else the saver puts all of it */
    }
    return rc;
}

void keeping_drop(struct oks_engine *e, const struct transcript *t, enum history_kind kind)
{
    history_store_put(e->history, kind, transcript_file(t), NULL);
    pthread_cond_signal(&e->saver.wanted);
}

int keeping_save(struct oks_engine *e, struct transcript *t, const struct oks_state *whole, const char *bytes,
                 size_t len)
{
    int rc = history_store_flush(e->history);
    struct history_facts facts;

    if (rc == 0 && t->stored) {
        history_store_facts(e->history, t->path, &facts);
        if (!facts.live)
            return 1;
    }
    if (rc < 0 || t->remnant || !keeping_has_content(whole) ||
        (is_stored(e, t, whole) && !history_store_wants_whole(e->history, t->path)))
        return rc;
    rc = history_store_put_rendered(e->history, t->path, whole, bytes, len);
    if (rc == 0)
        rc = history_store_flush(e->history);
    if (rc == 0)
        t->keep_all = false;
    return rc;
}

/* --- requests that have left --- */

static int put_left(struct oks_engine *e, struct oks_requests *rows)
{
    struct oks_state left;
    struct oks_requests *none;
    int rc = oks_state_init(&left);

    if (rc < 0)
        return rc;
    none = left.requests;
    left.requests = rows;
    rc = history_store_put(e->history, HISTORY_LOST, HISTORY_LEFT, &left);
    left.requests = none;
    oks_state_clear(&left);
    return rc;
}

int keeping_left(struct oks_engine *e)
{
    struct oks_requests *rows;
    int rc = e->cache ? streams_gone_rows(&e->streams, &rows) : 0;

    if (rc < 0 || !e->cache || !rows)
        return rc;
    rc = put_left(e, rows);
    streams_gone_kept(&e->streams, rc == 0);
    oks_requests_free(rows);
    pthread_cond_signal(&e->saver.wanted);
    return rc;
}

int keeping_recall_left(struct oks_engine *e)
{
    struct history_facts facts;
    struct oks_state left;
    int rc;

    e->streams.keeps = e->cache != NULL;
    history_store_facts(e->history, HISTORY_LEFT, &facts);
    if (!facts.lost)
        return 0;
    rc = oks_state_init(&left);
    if (rc < 0)
        return rc;
    rc = history_store_load(e->history, HISTORY_LEFT, NULL, &left);
    if (rc == 0)
        rc = streams_take_gone(&e->streams, left.requests);
    if (rc == 0 && e->cache && requests_len(left.requests) > 2 * STREAM_GONE_MAX) {
        rc = history_store_put(e->history, HISTORY_FORGOTTEN, HISTORY_LEFT, NULL); /* then the newest again */
        streams_gone_kept(&e->streams, false);
    }
    oks_state_clear(&left);
    return rc;
}

/* All caches of deleted transcripts are in the store. Under the lock. */
static bool has_adopted(const struct oks_engine *e)
{
    return e->adopting && TAILQ_EMPTY(&e->model.catalog.dirty) && TAILQ_EMPTY(&e->saver.unsaved) &&
           e->scanning.n_scanning == 0;
}

int keeping_finish(struct oks_engine *e)
{
    int rc;

    if (has_adopted(e)) {
        history_store_put(e->history, HISTORY_ADOPTED, "", NULL);
        e->adopting = false;
    }
    pthread_mutex_unlock(&e->model.lock);
    rc = history_store_flush(e->history);
    if (rc == 0)
        rc = history_store_sync(e->history, false);
    pthread_mutex_lock(&e->model.lock);
    return rc;
}
