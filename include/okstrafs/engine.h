/*
 * The engine: token usage of all agents on this machine, computed from their transcripts and kept up to date.
 *
 *     const char *const claude[] = {"/home/me/.claude", NULL};
 *     struct oks_config config = {.okstra_home = "/home/me/.okstra", .dirs = {[OKS_SOURCE_CLAUDE] = claude}};
 *     struct oks_target all = {.kind = OKS_ALL};
 *     struct oks_document doc = {0};
 *     struct oks_engine *engine = NULL;
 *
 *     rc = oks_engine_new(&engine, &config);
 *     if (rc == 0)
 *         rc = oks_engine_sync(engine, &all, false, NULL);         finds and reads what changed
 *     if (rc == 0)
 *         rc = oks_document_usage(engine, &all, NULL, &doc);       answers from memory
 *     if (rc == 0) {
 *         fwrite(doc.bytes, 1, doc.len, stdout);
 *         rc = oks_engine_save(engine);                            writes the caches
 *     }
 *     oks_document_clear(&doc);
 *     oks_engine_free(engine);
 *
 * Order of calls: oks_engine_sync() for the target, then any number of queries about it. A sync that starts
 * after a write to a transcript has returned includes that write. A query never opens a transcript, except
 * oks_document_ledger().
 *
 * Threads: every call may be made from any thread, except oks_engine_new() and oks_engine_free(). A query
 * takes the engine's lock once, so its answer shows one state of the data. Callbacks run under that lock,
 * unless their comment says otherwise: they must not call the engine. The engine has threads of its own, so a
 * child made by fork(2) must not use it. Two engines are independent of each other.
 *
 * Ownership: strings and structs that are passed in stay the caller's, and are not used after the call
 * returns unless their comment says so. A document's bytes are the caller's: oks_document_clear().
 *
 * Errors: 0 or a negative errno. An output parameter is written on success only. Nothing is printed.
 *
 * Time: the library reads no clock. `now_ms` is in ms since the epoch. Nor does it read the environment.
 *
 * Names are file names as the mount shows them (okstrafs/names.h), NUL-terminated.
 */
#ifndef OKSTRAFS_ENGINE_H
#define OKSTRAFS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/source.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"

#ifdef __cplusplus
#include <atomic>
typedef std::atomic_bool oks_atomic_bool; /* of the same layout in gcc and clang */
extern "C" {
#else
#include <stdatomic.h>
typedef atomic_bool oks_atomic_bool;
#endif

enum oks_revalidate {
    OKS_REVALIDATE_AUTO = 0, /* inotify; stat(2) for each folder that inotify cannot watch */
    OKS_REVALIDATE_INOTIFY,  /* the same; the status document lists a folder without a watch as an error */
    OKS_REVALIDATE_STAT,     /* stat(2) of every transcript at every sync */
};

#define OKS_CACHE_ROOT   "cache/token-usage" /* below the okstra home */
#define OKS_HISTORY_ROOT "okstrafs/history"

/* Zeroed but for okstra_home: the defaults. Borrowed during oks_engine_new() only, unless a field says more.
 */
struct oks_config {
    const char *okstra_home; /* absolute; caches and the user's settings live below it */
    /* For each source a NULL-terminated list, or NULL: configuration folders, or their transcript folders. */
    const char *const *dirs[OKS_SOURCES];
    /* NULL-terminated, or NULL: folders to search for .okstra/tasks, besides the cwd of each transcript. */
    const char *const *task_roots;
    bool once;        /* for a program that answers and exits: only the first sync reads anything */
    bool no_cache;    /* neither read nor write cache files; only read the history store */
    bool verify_tail; /* before reading on, compare a hash of the last bytes read before */
    enum oks_revalidate revalidate;
    enum oks_isa isa;
    const char *host;            /* the name of this machine; NULL: "localhost" */
    const struct oks_zone *zone; /* of local days; NULL: UTC. Borrowed until oks_engine_free() */
    /* NULL, or borrowed until oks_engine_free(): once it is true, scans end with -ECANCELED. A signal handler
     * may set it. */
    const oks_atomic_bool *stop;
};

struct oks_engine;

/* The zone of local days, as configured; NULL: UTC, as without an engine (NULL). */
const struct oks_zone *oks_engine_zone(const struct oks_engine *engine);

/* Opens no transcript: the first sync does. 0, -ENOMEM, or -ENOTSUP: this CPU lacks config->isa. */
int oks_engine_new(struct oks_engine **out, const struct oks_config *config);
/* Does not save: call oks_engine_save() before. No other call may be running. NULL is fine. */
void oks_engine_free(struct oks_engine *engine);

/* Writes what the history store lacks, and the cache file of each transcript that changed since it was last
 * written. 0, or the errno of the last that could not be written; errors are in the status document too. */
int oks_engine_save(struct oks_engine *engine);
/*
 * The last save of a program that has to end soon: what is not written after so many milliseconds is given up
 * if the transcript is still there as it was read. The next start reads it again.
 */
void oks_engine_save_within(struct oks_engine *engine, int ms);
/* Starts a thread that does the same a second after a change, until oks_engine_free(). 0 or -EAGAIN: no
 * thread. */
int oks_engine_start_saver(struct oks_engine *engine);

/*
 * Forgets what no file has any more of a session (NULL: of all): deleted transcripts, and requests that a
 * file has lost. It is removed from the history store and from the cache, so it no longer counts, in other
 * processes too. *n: sessions concerned. 0; -ENOENT: no such session; -EBUSY: its transcripts exist and have
 * lost nothing; another negative errno: the store or its marker file could not be written.
 */
int oks_engine_forget(struct oks_engine *engine, const char *session, size_t *n);

enum oks_kind {
    OKS_ALL = 0, /* everything; also the target of the status document */
    OKS_SESSION,
    OKS_TEAM,
    OKS_PROJECT,
    OKS_MEMBER, /* one agent of a team */
    OKS_RUN,    /* one run of a team */
    OKS_HOST,   /* a machine: this one, or one of "hosts" in okstrafs.json */
};

struct oks_target {
    enum oks_kind kind;
    const char *name;   /* session id, team, project or host; NULL for OKS_ALL */
    const char *member; /* OKS_MEMBER: the agent, OKS_RUN: the run; `name` is then its team */
};

/*
 * Brings the target's answers up to date: finds new and changed transcripts, and reads what they gained. All
 * of them are read, because which transcript a request counts in depends on every file that logs it. For the
 * rest of a large file of others, a session or project waits no longer than a second. A file that cannot be
 * read does not stop the others: it is listed in the status document. With OKS_ALL and
 * `found_only` transcripts are found and not read, which is enough to list sessions and projects.
 *
 * 0; -ECANCELED: *cancel (may be NULL) became true, see oks_engine_wake(); -ENOMEM; -EMFILE.
 */
int oks_engine_sync(struct oks_engine *engine, const struct oks_target *target, bool found_only,
                    const oks_atomic_bool *cancel);

/*
 * Checks the user's files (okstrafs.json, prices.json) without an engine. Calls fn for each that exists:
 * `error` is NULL if the file is valid, else one line that says what is wrong. `doubt` is NULL, or what is
 * most likely a mistake in a valid file. 0, -ENOMEM, or the first non-zero value of fn.
 */
int oks_settings_check(const char *okstra_home,
                       int (*fn)(void *ctx, const char *path, const char *error, const char *doubt),
                       void *ctx);

/* How far scanning has come. */
struct oks_progress {
    uint64_t files;      /* transcripts found */
    uint64_t files_left; /* of these: changed, and not read since */
    uint64_t bytes;      /* bytes_read + bytes_left */
    uint64_t bytes_left; /* to be read of the files left, as far as it is known */
    uint64_t bytes_read; /* since oks_engine_new() */
    uint64_t scanning;   /* transcripts being read right now */
};

/* Never waits for a scan. */
void oks_engine_progress(struct oks_engine *engine, struct oks_progress *out);

/* True once after at least 16 MiB were freed in small pieces: malloc_trim() can then give memory back to the
 * system. */
bool oks_engine_trim_due(struct oks_engine *engine);

/* Wakes syncs that wait, so that they test their `cancel` again. */
void oks_engine_wake(struct oks_engine *engine);

/*
 * The version of a target's data. It changes whenever an answer about the target may have changed, and never
 * repeats: equal versions mean equal answers. 0: no such target.
 */
uint64_t oks_engine_version(struct oks_engine *engine, const struct oks_target *target);
/* The same for the lists of all sessions, projects, teams and hosts. */
uint64_t oks_engine_names_version(struct oks_engine *engine);
/* The same for the prices in force. */
uint64_t oks_engine_prices_version(struct oks_engine *engine);

/*
 * The name under which a target is listed. 0: `name` is that name. 1: `name` is another spelling of it (a
 * team in another case, a unique prefix of a session id of at least 6 characters); the listed one is in
 * `canonical`. -ENOENT: neither.
 */
int oks_engine_resolve(struct oks_engine *engine, enum oks_kind kind, const char *name, char canonical[256]);

/*
 * Sets the engine's clock (ms since the epoch); the engine reads none itself. Budgets change with time alone,
 * when a day or a block ends. True: that just happened, and the version of OKS_ALL is a new one.
 */
bool oks_engine_clock(struct oks_engine *engine, int64_t now_ms);
/* The time at which oks_engine_clock() returns true next, for the budgets evaluated last; INT64_MAX: never.
 */
int64_t oks_engine_next_change(struct oks_engine *engine);

/*
 * Calls fn with the name of each budget, or of each that is exceeded at the time of oks_engine_clock(),
 * ascending. Sync OKS_ALL first. 0, -ENOMEM, -EIO, or the first non-zero value of fn.
 */
int oks_engine_budgets(struct oks_engine *engine, bool exceeded, int (*fn)(void *ctx, const char *name),
                       void *ctx);

/*
 * Calls fn for each budget whose "of" names nothing that was found, as after a typo: it never applies. Sync
 * OKS_ALL first. `fn` must not call the engine. 0 or the first non-zero value of fn.
 */
int oks_engine_lost_budgets(struct oks_engine *engine,
                            int (*fn)(void *ctx, const char *budget, const char *scope, const char *of),
                            void *ctx);

enum oks_stats {
    OKS_STATS_BY_MODEL,
    OKS_STATS_BY_PROJECT, /* the first working directory in a session's records, else its folder's name */
    OKS_STATS_BY_AGENT,
    OKS_STATS_BY_SOURCE,
    OKS_STATS_BY_BRANCH, /* a project with the git branch that its lines name */
    OKS_STATS_BY_EFFORT, /* of reasoning */
    OKS_STATS_BY_TOOL,   /* tool calls: a row has these and the sessions with some, and no tokens */
    OKS_STATS_BY_DAY,    /* local days with activity: see oks_config.zone */
    OKS_STATS_BY_WEEK,   /* ISO weeks of local days */
    OKS_STATS_BY_MONTH,
    OKS_STATS_BY_HOUR, /* local hours with activity */
    OKS_STATS_BLOCKS,  /* five hours each, as ccusage defines them; the current one depends on now_ms */
    OKS_STATS_BY_HOST,
};

enum oks_list {
    OKS_LIST_SESSIONS,  /* of OKS_ALL, a team, a project, or a host */
    OKS_LIST_TEAMS,     /* of OKS_ALL or a session */
    OKS_LIST_PROJECTS,  /* of OKS_ALL or a session (one at most) */
    OKS_LIST_MEMBERS,   /* of a team */
    OKS_LIST_RUNS,      /* of a team: its runs that have a team-state file */
    OKS_LIST_SUBAGENTS, /* of a session: the sessions that it started */
    OKS_LIST_BUDGETS,   /* of OKS_ALL: <name>.json of each budget (see oks_engine_budgets()), and
                           OKS_SETTINGS_ERROR while one of the user's files is wrong */
    OKS_LIST_EXCEEDED,  /* of OKS_ALL: <name> of each exceeded budget */
    OKS_LIST_CURRENT,   /* of a project: the session whose request, or whose sub-agent's, is the latest;
                           nothing if there is no request */
    OKS_LIST_MONTHS,    /* of OKS_ALL: the files of events/ (okstrafs/stream.h) */
    OKS_LIST_DAYS,      /* of any target: local days with activity of the years 2020 to 2039, YYYY-MM-DD */
    OKS_LIST_HOSTS,     /* of OKS_ALL: this machine, and those that are configured */
};

/* Calls fn with each name, once, ascending by bytes. 0, -ENOENT, -ENOMEM, or the first non-zero value of fn.
 */
int oks_engine_list(struct oks_engine *engine, enum oks_list what, const struct oks_target *of,
                    int (*fn)(void *ctx, const char *name), void *ctx);
/* Whether a name is in that list, without making the list. 1, 0, -ENOENT or -ENOMEM */
int oks_engine_has(struct oks_engine *engine, enum oks_list what, const struct oks_target *of,
                   const char *name);

/*
 * Calls fn with each session, team, project or host whose version is greater than `since`: an answer about it
 * may have changed. `fn` must not call the engine. Returns the first non-zero value of fn, or 0.
 */
int oks_engine_changed(struct oks_engine *engine, enum oks_kind kind, uint64_t since,
                       int (*fn)(void *ctx, const char *name), void *ctx);

/* A rendered document. Zeroed: none. */
struct oks_document {
    char *bytes; /* malloc'ed; NUL-terminated behind len */
    size_t len;
    int64_t mtime_ns;  /* time of the newest byte counted, ns since the epoch; 0: none */
    uint64_t version;  /* of the data shown: see oks_engine_version() */
    size_t window_at;  /* offset and length of the "window" member, */
    size_t window_len; /* whose bounds may move while all else stays; 0: there is none */
};

/* Frees the bytes. A cleared or zeroed document is fine. */
void oks_document_clear(struct oks_document *document);

/*
 * The documents. docs/reference.md describes their contents. Each ends in a newline. Sync the target first.
 * 0, -ENOENT: no such target, or -ENOMEM; more where a comment says so.
 */

/* usage.json, of everything too. `window` NULL: the target's own, which is that of a team's run, else all of
 * time. */
int oks_document_usage(struct oks_engine *engine, const struct oks_target *target,
                       const struct oks_window *window, struct oks_document *out);
/* total_tokens: one number of the usage document, on a line. */
int oks_document_total_tokens(struct oks_engine *engine, const struct oks_target *target,
                              const struct oks_window *window, struct oks_document *out);
/* cost_usd: billed.costUSD of the usage document, on a line. */
int oks_document_cost(struct oks_engine *engine, const struct oks_target *target,
                      const struct oks_window *window, struct oks_document *out);
/* cache_hit_ratio: of the input that was billed, the part that was read from the cache, on a line; "unknown":
 * there was no input. */
int oks_document_hit_ratio(struct oks_engine *engine, const struct oks_target *target,
                           const struct oks_window *window, struct oks_document *out);
/* stats/<by>.json, of everything, in a window or (NULL) all of time. */
int oks_document_stats(struct oks_engine *engine, enum oks_stats by, const struct oks_window *window,
                       int64_t now_ms, struct oks_document *out);
/* Announces a stats document with rows of time. Called before the first sync, it saves reading everything
 * twice. */
void oks_engine_prepare_timeline(struct oks_engine *engine, enum oks_stats by);
/* What a session belongs to, a name a line: OKS_LIST_TEAMS or OKS_LIST_PROJECTS. */
int oks_document_names(struct oks_engine *engine, enum oks_list what, const struct oks_target *session,
                       struct oks_document *out);
/*
 * context.json of a session: the prompt of its last request against the model's context window, and its
 * compactions. Of a member: that of its session with the latest request.
 */
int oks_document_context(struct oks_engine *engine, const struct oks_target *target,
                         struct oks_document *out);
/* ledger.jsonl of a session: each line with usage, and what became of it. Reads the transcripts again: -EIO,
 * -EFBIG and the like. */
int oks_document_ledger(struct oks_engine *engine, const struct oks_target *target, struct oks_document *out);
/* projection.json of a team: what its earlier runs cost, and what the one that goes on heads for. */
int oks_document_projection(struct oks_engine *engine, const struct oks_target *team,
                            struct oks_document *out);
/* limits/<source>.json: what the agent last said about the limits of the user's plan, as of now_ms. */
int oks_document_limits(struct oks_engine *engine, enum oks_source source, int64_t now_ms,
                        struct oks_document *out);
/* pricing.json: the prices in force. A sync with found_only is enough. */
int oks_document_prices(struct oks_engine *engine, struct oks_document *out);
/*
 * budgets/<name>.json, or (`exceeded`) budgets/exceeded/<name>. Sync OKS_ALL first. -ENOENT: no such budget,
 * or it is not exceeded; -EIO: a transcript can no longer be read.
 */
int oks_document_budget(struct oks_engine *engine, const char *name, bool exceeded, int64_t now_ms,
                        struct oks_document *out);
/* The file in budgets/ that exists only while okstrafs.json or prices.json is wrong. */
#define OKS_SETTINGS_ERROR "ERROR"
/* Its content: a line for each such file, with its path and what is wrong. -ENOENT: none is wrong. */
int oks_document_settings_error(struct oks_engine *engine, struct oks_document *out);
/* status.json: what was found, read, refused, and could not be written. */
int oks_document_status(struct oks_engine *engine, struct oks_document *out);
/* status.json of a host: its folders, and whether they are there. Sync OKS_ALL first. */
int oks_document_host(struct oks_engine *engine, const struct oks_target *host, struct oks_document *out);
/* metrics.prom: counters and states for Prometheus. Sync OKS_ALL first. */
int oks_document_metrics(struct oks_engine *engine, int64_t now_ms, struct oks_document *out);

/*
 * Calls fn for each transcript that could not be read (`unread`), and for each path that discovery passed
 * over: symlinks, folders that cannot be entered, what is no regular file. Sync OKS_ALL first. `fn` must not
 * call the engine. *more: paths that were passed over and are not named. 0, -ENOMEM, or the first non-zero
 * value of fn.
 */
int oks_engine_left_out(struct oks_engine *engine,
                        int (*fn)(void *ctx, const char *path, const char *reason, bool unread), void *ctx,
                        uint64_t *more);

#ifdef __cplusplus
}
#endif

#endif
