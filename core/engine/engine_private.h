/*
 * The engine: drives discovery, scanning, commits, saving and the snapshot over one model (private to
 * core/engine).
 *
 *     oks_engine_new()     makes all parts
 *     oks_engine_sync()    discovery -> dirty queue -> scanning.c -> commit.c
 *     saver.c              a thread that writes cache files
 *     oks_engine_save()    writes what is left, and the snapshot
 *
 * Locks: the model's lock protects the whole engine, except what is fixed. Scans and cache writes run without
 * it, on a transcript that is marked busy.
 */
#ifndef OKSTRAFS_ENGINE_ENGINE_PRIVATE_H
#define OKSTRAFS_ENGINE_ENGINE_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "budgets/budgets.h"
#include "cache/history_store.h"
#include "discovery/discovery.h"
#include "engine/retained.h"
#include "internal/daemon_state.h"
#include "okstrafs/engine.h"
#include "streams/stream.h"
#include "sums/billed_session.h"
#include "sums/model.h"

struct oks_engine {
    /* fixed after oks_engine_new */
    struct oks_cache *cache;
    struct history_store *history;
    bool verify_tail;
    enum oks_revalidate revalidate;
    bool once;
    enum oks_isa isa;
    const atomic_bool *stop;

    struct model model; /* its lock protects all that follows */
    struct streams streams;
    struct budgets budgets;
    struct discovery *discovery;
    LIST_HEAD(, session) postponed; /* commit.c */
    uint64_t priced;                /* version of the prices in all sums */
    uint64_t reported;              /* the last version that change_fd reported */
    bool started;                   /* the first walk is done */
    bool walking;                   /* files are being found, and the lock is released in between */
    unsigned walked;                /* files that were found */
    bool any_hidden;                /* a transcript may be in a folder that cannot be entered */

    /* containers.c */
    struct containers {
        void *by_path; /* tsearch tree */
        TAILQ_HEAD(, container) dirty;
    } containers;

    /* scanning.c */
    struct scanning {
        pthread_cond_t idle; /* a transcript stopped being busy; CLOCK_MONOTONIC */
        struct oks_scanner *scanners[64];
        size_t n_scanners;
        LIST_HEAD(, transcript) current; /* transcripts being scanned */
        size_t n_scanning;
        uint64_t syncs;
        uint64_t sortings; /* of the dirty queue */
        bool sorting;      /* a thread is at it, and releases the lock in between */
        uint64_t bytes_read;
        uint64_t cache_hits, cache_misses;
        pthread_t large; /* the thread for large files */
        bool large_made; /* it is to be joined */
        bool large_runs; /* and has not come to its end */
        int large_rc;    /* how its last scan failed, for the next sync */
    } scanning;

    /* remote.c */
    struct remotes {
        LIST_HEAD(, remote_root) roots;
        pthread_cond_t wanted; /* a round is asked for, or the end */
        atomic_bool ends;
    } remote;

    /* saver.c */
    struct saver {
        pthread_t thread;
        bool runs;
        bool ends;
        bool writing;       /* the thread is at the queue */
        pthread_cond_t end; /* CLOCK_MONOTONIC */
        pthread_cond_t wanted;
        TAILQ_HEAD(unsaved_queue, transcript) unsaved;
        size_t ids_waiting;     /* bytes of ids in the queue's transcripts */
        size_t ids_waiting_max; /* above it whoever scans helps to save */
        bool failing;           /* the last write failed */
        int64_t until_ns;       /* CLOCK_MONOTONIC; from then on only what no file has is saved; 0: no end */
        bool gave_up;           /* that was the case */
        uint64_t writes, errors;
        int error;            /* the last one */
        _Atomic size_t freed; /* bytes freed in small pieces since oks_engine_trim_due() was true */
    } saver;

    /* snapshot.c */
    struct snapshot *snapshot; /* of the last run; NULL after the first walk */
    bool snapshot_stale;       /* it has to be written again */

    /* hosts.c */
    struct engine_hosts {
        char machine[OKS_NAME_MAX + 1]; /* this one's name, where the configuration has no other */
        bool due;                       /* the configuration may have changed */
        bool fresh;                     /* of some root, deleted transcripts are not found yet */
        struct oks_strings awaited;     /* absent folders that would be roots, in discovery too */
    } hosts;

    /* retained.c */
    size_t n_retained;
    bool adopting;         /* caches of deleted transcripts are being taken over into the history store */
    struct stat forgotten; /* the marker file of `okstrafs forget`, as last seen */
    bool forgets;          /* another one was seen since the start */
    bool forget_waits;     /* for a transcript that is busy */

    /* api_documents.c: of oks_engine_set_daemon() */
    void (*daemon)(void *ctx, struct oks_daemon_state *out);
    void *daemon_ctx;
};

/* Lets others have the lock, in the middle of what takes long. */
void engine_pause(struct oks_engine *e);
/* For each file that is found: releases the lock now and then. Nothing is scanned or committed meanwhile. */
void engine_walk_on(struct oks_engine *e);
/* Waits until no other thread finds files. Releases the lock. */
void engine_wait_for_walk(struct oks_engine *e);
/* A transcript is no longer busy: wakes those who wait for it. */
void engine_not_busy(struct oks_engine *e);
void engine_progress(const struct oks_engine *e, struct oks_progress *out); /* under the lock */

/* arrivals.c */
extern const struct file_events arrivals_events; /* ctx is the engine */
/*
 * Adds a transcript that has no file any more; `id` is its session's. The names of its cache may be NULL:
 * those that its path gives. 0 or -ENOMEM
 */
int arrivals_retain(struct oks_engine *e, struct root *root, const char *path, const char *cache_folder,
                    const char *cache_name, const char *id);
/* Adds one whose file exists, or may exist, in a folder that cannot be entered. 0 or -ENOMEM */
int arrivals_hidden(struct oks_engine *e, struct root *root, const char *path, const char *id);
/* The lost part of a path has grown: its remnant is made, and read. The session is that of a transcript, or
 * made by the path. 0 or -ENOMEM */
int arrivals_remnant(struct oks_engine *e, struct session *s, struct root *root, const char *path);
/*
 * Before a transcript's first commit: moves it to the session that its records name. 1: it had been committed
 * under another session, and was dropped and found again, so there is nothing to commit. -ENOMEM
 */
int arrivals_rename(struct oks_engine *e, struct transcript *t, const char *id);
/*
 * The file is gone. The same content may be in a file that discovery reports only in the next sync; without
 * it this sync would show less than was known. It becomes a transcript. 0 or -ENOMEM
 */
int arrivals_other_form(struct oks_engine *e, const struct transcript *t);

/*
 * A member of a container (containers.c) in the folder is there, with this mark: its transcript. 0 or -ENOMEM
 */
int arrivals_member(struct oks_engine *e, struct folder *folder, const char *path,
                    const struct member_mark *mark, struct transcript **out);

/* containers.c */
/* A file in the folder that belongs to a container was found. 0 or -ENOMEM */
int containers_found(struct oks_engine *e, struct folder *folder, const char *path);
/* It was written to. NULL: it belongs to none that is known. What is returned is in no folder. */
struct found_file *containers_changed(struct oks_engine *e, const struct root *root, const char *path);
/* The file, or the member, may be gone. The same */
struct found_file *containers_lost(struct oks_engine *e, const char *path);
/* The transcript, which is a member, may have changed; `all`: it is not known whether anything was written.
 */
void containers_recheck(struct oks_engine *e, struct transcript *t, bool all);
/* The transcript is no member any more. */
void containers_leave(struct transcript *t);
/*
 * Lists what has changed, and takes up what is new in it. Under the lock, which is released in between; the
 * engine is walking. 0, or a failure that passes
 */
int containers_refresh(struct oks_engine *e);
/* Whether there is something to be listed. */
bool containers_due(const struct oks_engine *e);
/* The root is about to end, and none of its transcripts is left. */
void containers_end_root(struct oks_engine *e, const struct root *root);
void containers_free(struct oks_engine *e); /* after all transcripts */

/* roots.c */
/* Takes over the path; NULL: ENOMEM. 0, or what ends the calls */
typedef int root_fn(void *ctx, const struct source *source, char *path);
/*
 * Calls fn for each root of a source in a folder, which is a configuration folder of it, or one of its
 * folders of transcripts. 0, or the first non-zero value of fn
 */
int roots_each(enum oks_source id, const char *dir, root_fn *fn, void *ctx);
/* Whether the folder's last names are these. */
bool roots_end_in(const char *dir, const char *names);

/* hosts.c */
/* The name of this machine; NULL: not known. */
void hosts_begin(struct oks_engine *e, const char *machine);
void hosts_end(struct oks_engine *e);
/*
 * The hosts become those of the configuration. Transcripts of those that left are dropped; they stay in the
 * history store. Under the lock. 1: some are being read, so it has to be called again. 0 or -ENOMEM
 */
int hosts_apply(struct oks_engine *e);

/* departures.c */
/* Removes a transcript that is not busy, or left_behind, and its session if that becomes empty. */
void departures_drop(struct oks_engine *e, struct transcript *t);
/* Frees one that has departed. */
void departures_free(struct transcript *t);
/* Removes the session if it is empty. */
void departures_release_session(struct oks_engine *e, struct session *s);
/* Removes all transcripts. */
void departures_drop_all(struct oks_engine *e);

/* commit.c */
/*
 * After a commit: new versions for everything that shows the transcript; its session joins and leaves teams.
 * 0 or -ENOMEM
 */
int commit_changed(struct oks_engine *e, struct transcript *t, bool teams_changed);
/*
 * After a transcript of the session changed or went: its sums, its teams and its version. In a session of
 * many transcripts they are postponed, because they take a look at all of these: until commit_settle(), or
 * until an eighth of them has changed. 0 or -ENOMEM
 */
int commit_session(struct oks_engine *e, struct session *s, bool teams_changed);
/* Does what was postponed, and again what failed; before the end of each sync. 0 or -ENOMEM */
int commit_settle(struct oks_engine *e);

/* New versions for everything that shows the session. */
void commit_bump(struct oks_engine *e, struct session *s);
extern const struct billing_events commit_billing_events; /* ctx is the engine, owners are transcripts */
/* New versions for the sessions whose bill changed. */
void commit_bump_billed(struct oks_engine *e);
/*
 * Moves the outcome into the transcript, the sums, the timeline and the streams. 0; -ENOMEM: the transcript
 * is empty and must be scanned again.
 */
int commit_outcome(struct oks_engine *e, struct transcript *t, struct scan_outcome *outcome);
/*
 * The session's first transcript is another one, or has changed: the session may move to another project. 0
 * or -ENOMEM
 */
int commit_assign_project(struct oks_engine *e, struct session *s);
/* Before the transcript's state goes: its working directories are watched for it no longer. */
void commit_cwds_left(struct oks_engine *e, struct transcript *t);
/* Sets the session's parent, which the records of its first transcript name. 0 or -ENOMEM */
int commit_parent(struct oks_engine *e, struct session *s);
/* Frees the project if the session was its last one. */
void commit_project_left(struct oks_engine *e, struct project *p);
/* After settings_refresh(): if the prices changed, all costs are computed again. */
void commit_prices(struct oks_engine *e);

/* keeping.c */
/* Whether there is something for the store. */
bool keeping_has_content(const struct oks_state *state);
/* Whether the store lacks the state. Under the lock, like all that follows if nothing else is said. */
bool keeping_due(struct oks_engine *e, const struct transcript *t);
/* Without the lock; the transcript is busy: the state with all ids. Free the copy. */
int keeping_restore(struct oks_engine *e, const struct transcript *t, struct oks_state *whole,
                    struct oks_requests **copy);
/*
 * Of a file whose state the store had: whether `okstrafs forget` has run after the file was deleted, or after
 * it got this content (NULL: it was deleted) in place of its former one.
 */
bool keeping_was_forgotten(struct oks_engine *e, const struct transcript *t, const struct oks_state *content);
/*
 * Without the lock, after the scan of a file: puts the last state into the store if the file is gone or has
 * lost some of it (out->sheds). may_forget: of what the store no longer has nothing is put, see
 * keeping_was_forgotten(). 0 or a negative errno: the scan has failed.
 */
int keeping_examine(struct oks_engine *e, const struct transcript *t, bool may_forget,
                    struct scan_outcome *out);
/* Without the lock; the transcript is busy, and its file is not looked at: what is stored of it. 1, 0:
 * nothing, or -errno */
int keeping_recall(struct oks_engine *e, const struct transcript *t, struct scan_outcome *out);
/* Before the commit of an outcome. 0 or a negative errno */
int keeping_commit(struct oks_engine *e, struct transcript *t, const struct scan_outcome *out);
/* The transcript is about to leave, and its requests stay as a remnant. 0 or a negative errno */
int keeping_shed(struct oks_engine *e, struct transcript *t);
/* Puts a record without a state. */
void keeping_drop(struct oks_engine *e, const struct transcript *t, enum history_kind kind);
/*
 * Without the lock; the transcript is busy. Writes what waits, and the state (rendered) if it is not there.
 * 1: another program has forgotten the transcript, so nothing of it is written. Or a negative errno
 */
int keeping_save(struct oks_engine *e, struct transcript *t, const struct oks_state *whole, const char *bytes,
                 size_t len);
/* Requests that have left since the last call are put into the store. 0 or a negative errno */
int keeping_left(struct oks_engine *e);
/* At the start: those that left before it. 0 or a negative errno */
int keeping_recall_left(struct oks_engine *e);
/* Writes and syncs what waits. Releases the lock in between. */
int keeping_finish(struct oks_engine *e);

/* saver.c */
enum { SAVER_IDS_MAX = 24 << 20 }; /* bytes of ids that may wait for the saver */
void saver_want(struct oks_engine *e, struct transcript *t);
void saver_forget(struct oks_engine *e, struct transcript *t);
/*
 * For whoever scanned: writes cache files while too many ids are waiting, because scans are quicker than the
 * saver. Releases the lock in between.
 */
void saver_help(struct oks_engine *e);
/*
 * After a scan or a save: packs the rows, and frees the ids of requests if the cache file or the transcript
 * has them. A command that answers once keeps them. What waits for the saver is packed if it is_new, because
 * few changes are expected to follow a first scan. Under the lock.
 */
void saver_rest(struct oks_engine *e, struct transcript *t, bool is_new);
/* Whether nothing waits to be written, and nothing is being written. Under the lock. */
bool saver_is_done(const struct oks_engine *e);
void saver_stop(struct oks_engine *e);
/*
 * scanning.c; the lock is held at entry and exit, and released in between. 0, -ECANCELED or another negative
 * errno
 */
/* Scans until no transcript is dirty or busy, except large ones that only may concern the target. */
int engine_scan(struct oks_engine *e, const struct oks_target *target, bool found_only,
                const atomic_bool *cancel);
/*
 * Scans the dirty transcripts of a remote root; they are left out of all other scans. First it takes over
 * what is stored of those that were not read yet: a call to their filesystem may never end.
 */
int engine_scan_root(struct oks_engine *e, const struct root *root, _Atomic int64_t *progress_ns,
                     const atomic_bool *cancel);
/*
 * Sorts the dirty queue of a start. Most transcripts are as the snapshot has them, which one stat(2) shows.
 * Of the others the largest come first, so that at the end no core scans a big file while the rest is idle:
 * by powers of two, which takes no time that grows faster than the queue. Lost ones stay in front. Others
 * have the lock in between, and may scan or add some meanwhile.
 */
void engine_sort_backlog(struct oks_engine *e);
/* Waits for the end of the thread for large files. Without the lock. */
void engine_scan_end(struct oks_engine *e);
/* Whether engine_scan() would do nothing. */
bool engine_scanned(struct oks_engine *e, const struct oks_target *target, bool found_only);

/*
 * remote.c: roots in a remote filesystem. Under the lock, which remote_wait() releases in between.
 */
/* Asks for a round of each; an engine that looks once only does so `again` if it must. 0 or a negative errno
 */
int remote_ask(struct oks_engine *e, bool again);
/*
 * Waits for the rounds that were asked for, or (found_only) for their listings, but not for a root that does
 * not answer. 0, -ECANCELED or another negative errno
 */
int remote_wait(struct oks_engine *e, bool found_only, const atomic_bool *cancel);
/* Ends the threads; without the lock. False: one cannot be ended, and the engine must not be freed. */
bool remote_stop(struct oks_engine *e);

/*
 * snapshot.c: the state of all transcripts in one file, so that a start need not load every cache file. Under
 * the lock.
 */
void snapshot_load(struct oks_engine *e);
/*
 * Fills a new transcript from the snapshot. True: it was there and still valid, so the transcript counts as
 * loaded.
 */
bool snapshot_restore(struct oks_engine *e, struct transcript *t);
/* After the first walk: frees the snapshot. */
void snapshot_forget(struct oks_engine *e);
/* Writes the snapshot if it is stale. The lock is held at entry and exit, and released during the write. */
int snapshot_save(struct oks_engine *e);

#endif
