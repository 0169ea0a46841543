/*
 * The engine: all transcripts of a machine, kept up to date by what they have gained, and the questions that
 * the mount asks of them.
 *
 * Order of a read: oks_engine_sync() for the target, then any queries. A sync that starts after a write to a
 * transcript has returned sees that write. Queries answer from one state of the data each (they take the
 * engine's lock once) and never touch a transcript. Everything here is thread safe.
 *
 * Names in this interface are file names as the mount shows them (oks_name_escape), NUL-terminated.
 */
#ifndef OKSTRAFS_ENGINE_H
#define OKSTRAFS_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/source.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"

enum oks_revalidate {
    OKS_REVALIDATE_AUTO = 0, /* inotify, and stat for each folder where that is not to be had */
    OKS_REVALIDATE_INOTIFY, /* the same; a folder that cannot be watched is an error in the status document */
    OKS_REVALIDATE_STAT,    /* stat every transcript at every read */
};

#define OKS_CACHE_ROOT "cache/token-usage" /* below the okstra home */

/* Borrowed for the time of oks_engine_new only, but for what says otherwise. */
struct oks_config {
    const char *okstra_home; /* absolute; caches and the user's settings live below it */
    /* By source, NULL-terminated or NULL: configuration folders, or the folders in them that hold transcripts
     */
    const char *const *dirs[OKS_SOURCES];
    const char *const
        *task_roots; /* NULL-terminated or NULL: folders that may hold .okstra/tasks, besides every cwd */
    bool once; /* for programs that answer and end: what the first sync looked at is not looked at again */
    bool no_cache;    /* neither read nor write any cache */
    bool verify_tail; /* also compare a hash of the last bytes before the cursor */
    enum oks_revalidate revalidate;
    enum oks_isa isa;
    size_t memory_max; /* bytes of events to keep in memory, less what is kept of all requests; 0: 64 MiB */
    const struct oks_zone *zone; /* of local days; NULL: UTC. Borrowed until oks_engine_free */
    const atomic_bool
        *stop; /* set from anywhere (a signal handler too): scans end with -ECANCELED; or NULL */
};

struct oks_engine;

/* Looks at nothing yet: the first sync does. -ENOMEM, -ENOTSUP (isa). */
int oks_engine_new(struct oks_engine **out, const struct oks_config *config);
/* Saves nothing; see oks_engine_save. Nobody else may be in a call. */
void oks_engine_free(struct oks_engine *engine);

/* Writes the caches of all transcripts that changed since they were last written; the errors are in the
 * status. */
void oks_engine_save(struct oks_engine *engine);
/* The same from a thread of its own, a moment after a scan has changed something, until oks_engine_free.
 * -EAGAIN. */
int oks_engine_start_saver(struct oks_engine *engine);

/*
 * Forgets a session whose transcripts were all deleted (NULL: every such session): removes its cache files,
 * so that it counts no more, also for other processes. *n: how many were forgotten. -ENOENT; -EBUSY: a
 * transcript of it is there; or what writing the marker gave.
 */
int oks_engine_forget(struct oks_engine *engine, const char *session, size_t *n);

enum oks_kind {
    OKS_ALL = 0, /* everything; also the target of the status document */
    OKS_SESSION,
    OKS_TEAM,
    OKS_PROJECT,
    OKS_MEMBER, /* an agent of a team */
    OKS_RUN,    /* one run of a team */
};

struct oks_target {
    enum oks_kind kind;
    const char *name;   /* session id, team or project; NULL for OKS_ALL */
    const char *member; /* of OKS_MEMBER the agent, of OKS_RUN the run; name is its team */
};

/*
 * Brings everything that the target's answers depend on up to date: finds new and changed transcripts, and
 * scans them all: whose a request is depends on every file that logs it. One bad file never stops the others
 * (it is listed in the status document). With OKS_ALL and `found_only`, only discovery is done: enough to
 * list sessions and projects. 0; -ECANCELED when *cancel (may be NULL) became true; -ENOMEM.
 */
int oks_engine_sync(struct oks_engine *engine, const struct oks_target *target, bool found_only,
                    const atomic_bool *cancel);

/*
 * Checks the files that a person writes, without an engine: calls fn for each that is there, `error` NULL
 * where it is good, else what is wrong in one line. 0, -ENOMEM, or the first non-zero value of fn.
 */
int oks_settings_check(const char *okstra_home, int (*fn)(void *ctx, const char *path, const char *error),
                       void *ctx);

/* How far the scanning has come; cheap, and never waits for a scan. */
struct oks_progress {
    uint64_t files;      /* transcripts found */
    uint64_t files_left; /* of these: not yet looked at since they changed */
    uint64_t bytes;      /* size of all, as far as it is known */
    uint64_t bytes_left; /* of those left */
    uint64_t bytes_read; /* by scans, since the start */
    uint64_t scanning;   /* transcripts being read right now */
};

void oks_engine_progress(struct oks_engine *engine, struct oks_progress *out);

/* True once for every 16 MiB or more that were freed in small pieces: a heap that is full of holes now may be
 * able to return them. */
bool oks_engine_trim_due(struct oks_engine *engine);

/* Makes syncs that wait look at their `cancel` again. */
void oks_engine_wake(struct oks_engine *engine);

/*
 * The version of a target's data: changes whenever an answer about it may have changed, and never repeats.
 * 0: there is no such target (now).
 */
uint64_t oks_engine_version(struct oks_engine *engine, const struct oks_target *target);
/* Changes whenever the names of all sessions, projects or teams do, and never repeats. */
uint64_t oks_engine_names_version(struct oks_engine *engine);

/*
 * The name under which a target is listed. 0: `name` is that name; 1: it is another spelling (a team in other
 * case, a unique prefix of a session id with at least 6 characters) and *canonical is the listed one;
 * -ENOENT.
 */
int oks_engine_resolve(struct oks_engine *engine, enum oks_kind kind, const char *name, char canonical[256]);

/*
 * Tells the engine what time it is (ms since the epoch); cheap. Budgets change with time alone, when a day or
 * a block ends: true where that just happened, and then oks_engine_version(OKS_ALL) is a new one.
 */
bool oks_engine_clock(struct oks_engine *engine, int64_t now_ms);
/* The time at which oks_engine_clock will say so next, as far as anybody has looked; INT64_MAX: never. */
int64_t oks_engine_next_change(struct oks_engine *engine);

/*
 * Calls fn with the names of the budgets, or of those that are exceeded at the time that oks_engine_clock was
 * told, ascending, under the engine's lock. Sync everything first. 0, -ENOMEM, -EIO, or the first non-zero
 * value of fn.
 */
int oks_engine_budgets(struct oks_engine *engine, bool exceeded, int (*fn)(void *ctx, const char *name),
                       void *ctx);

enum oks_stats {
    OKS_STATS_BY_MODEL,
    OKS_STATS_BY_PROJECT, /* the first working directory that a session's records name, else its folder's name
                           */
    OKS_STATS_BY_AGENT,
    OKS_STATS_BY_SOURCE,
    OKS_STATS_BY_DAY,  /* local ones: see oks_config.zone */
    OKS_STATS_BY_HOUR, /* those of the calendar that saw activity */
    OKS_STATS_BLOCKS,  /* of five hours, as ccusage cuts them; the one that is going on depends on now_ms */
};

enum oks_list {
    OKS_LIST_SESSIONS,  /* of OKS_ALL, a team, or a project */
    OKS_LIST_TEAMS,     /* of OKS_ALL or a session */
    OKS_LIST_PROJECTS,  /* of OKS_ALL or a session (one at most) */
    OKS_LIST_MEMBERS,   /* of a team */
    OKS_LIST_RUNS,      /* of a team: those that team-state files tell of */
    OKS_LIST_SUBAGENTS, /* of a session: sessions that it started */
    OKS_LIST_BUDGETS,   /* of OKS_ALL: <name>.json of each; see oks_engine_budgets */
    OKS_LIST_EXCEEDED,  /* of OKS_ALL: <name> of those that are exceeded */
    OKS_LIST_DAYS,      /* of any target: YYYY-MM-DD, UTC, with activity */
};

/*
 * Calls fn with each name, ascending by bytes, each once, under the engine's lock: fn must not call the
 * engine. 0, -ENOENT, -ENOMEM, or the first non-zero value of fn.
 */
int oks_engine_list(struct oks_engine *engine, enum oks_list what, const struct oks_target *of,
                    int (*fn)(void *ctx, const char *name), void *ctx);

/* A rendered document. */
struct oks_document {
    char *bytes; /* malloc'ed, the caller's */
    size_t len;
    int64_t mtime_ns;  /* time of the newest byte counted, ns since the epoch; 0: none */
    uint64_t version;  /* of the data that it shows: see oks_engine_version */
    size_t window_at;  /* the bytes that say which window it shows, */
    size_t window_len; /* which may move while all else stays; 0: none */
};

void oks_document_clear(struct oks_document *document);

/*
 * usage.json of a target; `window` NULL means the target's own (a team's run window, else open). SPEC section
 * 3; ends in a newline. -ENOENT, -ENOMEM.
 */
int oks_document_usage(struct oks_engine *engine, const struct oks_target *target,
                       const struct oks_window *window, struct oks_document *out);
/* The usage document's totalTokens alone, one line. */
int oks_document_total_tokens(struct oks_engine *engine, const struct oks_target *target,
                              struct oks_document *out);
/* The usage document's billed.costUSD alone, one line. */
int oks_document_cost(struct oks_engine *engine, const struct oks_target *target, struct oks_document *out);
/*
 * A document of stats/: {"rows": [{"key", the thirteen keys, "billed"}], "total": {...}}, of all of time
 * (NULL) or of a window.
 */
int oks_document_stats(struct oks_engine *engine, enum oks_stats by, const struct oks_window *window,
                       int64_t now_ms, struct oks_document *out);
/*
 * Says that a document of days, hours or blocks is about to be asked for. Before a first sync that spares
 * reading everything twice.
 */
void oks_engine_prepare_timeline(struct oks_engine *engine);
/*
 * context.json of a session: how full its last request was, of what the model takes, and its compactions; of
 * a member, that of the one of its sessions that asked last. ledger.jsonl: each line of its transcripts that
 * carries usage, and what became of it. -ENOENT, -ENOMEM; the ledger reads the transcripts again: -EIO and
 * the like, -EFBIG.
 */
int oks_document_context(struct oks_engine *engine, const struct oks_target *target,
                         struct oks_document *out);
int oks_document_ledger(struct oks_engine *engine, const struct oks_target *target, struct oks_document *out);
/* pricing.json: the prices in force (see prices.h). Needs no more than a sync that is found_only. */
int oks_document_prices(struct oks_engine *engine, struct oks_document *out);
/*
 * budgets/<name>.json, or budgets/exceeded/<name>: those that are used up, a line each (docs/format.md). Sync
 * everything first. -ENOENT: no such budget, or it is not exceeded; -EIO: a transcript can no longer be read.
 */
int oks_document_budget(struct oks_engine *engine, const char *name, bool exceeded, int64_t now_ms,
                        struct oks_document *out);
/* status.json: what the daemon found, read, refused and could not write. */
int oks_document_status(struct oks_engine *engine, struct oks_document *out);

#endif
