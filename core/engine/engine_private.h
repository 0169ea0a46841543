/*
 * The engine: what drives discovery, scanning, commits, saving and the snapshot over one model (private to
 * core/engine).
 *
 * Locks: the model's covers all of the engine but for what is fixed. A scan and a cache write run without it
 * on a transcript that is marked busy.
 */
#ifndef OKSTRAFS_ENGINE_ENGINE_PRIVATE_H
#define OKSTRAFS_ENGINE_ENGINE_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "budgets/budgets.h"
#include "discovery/discovery.h"
#include "engine/retained.h"
#include "okstrafs/engine.h"
#include "streams/stream.h"
#include "sums/billed_session.h"
#include "sums/model.h"

struct oks_engine {
    /* fixed after oks_engine_new */
    struct oks_cache *cache;
    bool verify_tail;
    enum oks_revalidate revalidate;
    bool once;
    enum oks_isa isa;
    const atomic_bool *stop;

    struct model model; /* its lock protects all that follows */
    struct streams streams;
    struct budgets budgets;
    struct discovery *discovery;
    uint64_t priced;   /* version of the prices in all sums */
    uint64_t reported; /* the last version at the end of the last sync */
    bool started;      /* the first walk has been done */

    /* scanning.c */
    struct scanning {
        pthread_cond_t idle; /* a transcript stopped being busy */
        struct oks_scanner *scanners[64];
        size_t n_scanners;
        size_t n_scanning; /* transcripts being scanned now */
        uint64_t syncs;
        uint64_t bytes_read;
        uint64_t cache_hits, cache_misses;
    } scanning;

    /* saver.c */
    struct saver {
        pthread_t thread;
        bool runs;
        bool ends;
        pthread_cond_t end; /* CLOCK_MONOTONIC */
        pthread_cond_t wanted;
        TAILQ_HEAD(unsaved_queue, transcript) unsaved;
        uint64_t writes, errors;
        int error;            /* the last one */
        _Atomic size_t freed; /* bytes that were freed, since oks_engine_trim_due() said so */
    } saver;

    /* snapshot.c */
    struct snapshot *snapshot; /* what the last run left, while the first walk lasts */
    bool snapshot_stale;       /* something of it has changed since it was written */

    /* retained.c */
    size_t n_retained;
    struct stat forgotten; /* the marker of what was forgotten, as last seen */
};

void engine_progress(const struct oks_engine *e, struct oks_progress *out); /* under the lock */

/* arrivals.c */
extern const struct file_events arrivals_events; /* ctx is the engine */
/* A transcript that is only left in the cache; `id` is its session's. -ENOMEM. */
int arrivals_retain(struct oks_engine *e, struct root *root, const char *path, const char *cache_folder,
                    const char *cache_name, const char *id);
/* Before a transcript's first commit: it moves to the session that its records name. 1: it had been committed
 * as another's, and was taken up anew: there is nothing to commit. -ENOMEM. */
int arrivals_rename(struct oks_engine *e, struct transcript *t, const char *id);

/* departures.c */
/* Forgets a transcript that is not busy. */
void departures_drop(struct oks_engine *e, struct transcript *t);
/* Where nothing is left of it: the session ends. */
void departures_release_session(struct oks_engine *e, struct session *s);
/* All of them. */
void departures_drop_all(struct oks_engine *e);

/* commit.c */
/* After a commit: new versions for all that shows the transcript, and its session's teams anew. -ENOMEM. */
int commit_changed(struct oks_engine *e, struct transcript *t, bool teams_changed);

/* New versions for all that shows the session. */
void commit_bump(struct oks_engine *e, struct session *s);
extern const struct billing_events commit_billing_events; /* ctx is the engine, owners are transcripts */
/* New versions for the sessions whose bill changed. */
void commit_bump_billed(struct oks_engine *e);
/* Moves the outcome into the transcript, the sums, the timeline and the streams. -ENOMEM: the transcript is
 * reset and must be scanned again. */
int commit_outcome(struct oks_engine *e, struct transcript *t, struct scan_outcome *outcome);
/* Its first transcript is another one, or tells more: the session may move to another project. -ENOMEM */
int commit_assign_project(struct oks_engine *e, struct session *s);
/* A project that a session left, and that may be gone with it. */
void commit_project_left(struct oks_engine *e, struct project *p);
/* After settings_refresh(): if the prices changed, all sums get their costs anew. */
void commit_prices(struct oks_engine *e);

/* saver.c */
void saver_want(struct oks_engine *e, struct transcript *t);
void saver_forget(struct oks_engine *e, struct transcript *t);
/* The transcript is at rest: what its cache entry holds as well is given up, and the rest is packed. Under
 * the lock. */
void saver_rest(struct oks_engine *e, struct transcript *t);
void saver_stop(struct oks_engine *e);
/* engine_work.c; the lock is held at entry and exit, and free in between. 0, -ECANCELED or another -errno */
/* Scans until nothing is dirty or busy. */
int engine_scan(struct oks_engine *e, bool found_only, const atomic_bool *cancel);
/* Whether there would be nothing to do. */
bool engine_scanned(struct oks_engine *e, bool found_only);

/*
 * index.c: what is shown of every transcript in one file, so that a start does not load every cache. Under
 * the lock.
 */
void snapshot_load(struct oks_engine *e);
/* Fills a new transcript from the index where it has it; true: it did, and the transcript counts as loaded.
 */
bool snapshot_restore(struct oks_engine *e, struct transcript *t);
/* No new transcript is expected: what nobody asked for is forgotten. */
void snapshot_forget(struct oks_engine *e);
/* Writes it where something changed since; the lock is held at entry and exit, and free during the write. */
int snapshot_save(struct oks_engine *e);

#endif
