/*
 * The engine's own structures, shared by the files engine*.c, registry.c, folders.c, places.c, runs.c and
 * document*.c.
 *
 * Lock order: engine->lock is the only lock of the core besides the cache's own; nothing is called with it
 * held that could wait for it (the scanner and cache writes run outside).
 */
#ifndef OKSTRAFS_ENGINE_ENGINE_PRIVATE_H
#define OKSTRAFS_ENGINE_ENGINE_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "okstrafs/engine.h"
#include "okstrafs/names.h"
#include "sums/aggregate.h"
#include "billing/billing.h"
#include "budgets/budgets.h"
#include "sums/billed_session.h"
#include "sums/groups.h"
#include "discovery/discovery.h"
#include "engine/deleted.h"
#include "settings/settings.h"
#include "streams/stream.h"
#include "teams/runs.h"
#include "sums/timeline.h"
#include "catalog/transcript.h"

struct project {
    char name[OKS_NAME_MAX + 1];
    struct aggregate sum; /* of its sessions, open window */
    LIST_HEAD(, session) sessions;
    struct billed_bag billed; /* of its sessions */
    uint64_t version;
};

struct membership {
    struct session *session;
    struct team *team;
    char *spelling; /* as first written in that session */
    LIST_ENTRY(membership) of_team;
    LIST_ENTRY(membership) of_session;
};

struct session {
    const char *name;        /* the id as a file name; lies behind the struct */
    char *id;                /* the id: stem of the transcript's file name */
    char *parent;            /* the session that started it, as a file name; NULL: a session of its own */
    struct project *project; /* of its first transcript; NULL: none */
    LIST_ENTRY(session) of_project;
    LIST_HEAD(, transcript) transcripts; /* ascending by path */
    LIST_HEAD(, membership) teams;
    uint64_t version;
    bool summed; /* `share` is in its project's sum and in the sum of all */
    struct measure share;
    struct stream stream;
    struct grouping groups[GROUP_KINDS];
    bool timed;          /* its events are in engine->times */
    bool billed_touched; /* in engine->billed_touched */
    LIST_ENTRY(session) of_touched;
};

/* The sum over all transcripts of what one model used. */
struct model_row {
    const char *name; /* interned; "" where records name no model */
    struct aggregate sum;
};

struct team {
    char name[OKS_NAME_MAX + 1]; /* as listed */
    char *key;                   /* its escaped name, folded */
    LIST_HEAD(, membership) members;
    LIST_HEAD(, run) runs; /* newest first */
    uint64_t version;
};

struct oks_engine {
    /* fixed after oks_engine_new */
    struct oks_cache *cache;
    bool verify_tail;
    enum oks_revalidate revalidate;
    bool once;
    enum oks_isa isa;
    const struct oks_zone *zone; /* of local days; NULL: UTC */
    const atomic_bool *stop;

    pthread_mutex_t lock; /* protects all that follows */
    pthread_cond_t idle;  /* a transcript stopped being busy */

    struct discovery *discovery;

    void *transcripts; /* tsearch trees: by path */
    void *sessions;    /* by name */
    void *projects;    /* by name */
    void *teams;       /* by key */
    size_t n_sessions, n_projects, n_teams, n_transcripts;
    size_t n_unplaced; /* transcripts whose session and project are not known before they are scanned */
    LIST_HEAD(, transcript) forks;

    TAILQ_HEAD(dirty_queue, transcript) dirty;
    LIST_HEAD(, transcript) linked;
    struct oks_scanner *idle_scanners[64];
    size_t n_idle_scanners;
    size_t n_scanning; /* transcripts being scanned now */
    uint64_t syncs;

    struct runs *runs;
    struct settings *settings;
    struct budgets budgets;
    atomic_int_least64_t now_ms;            /* as last told by oks_engine_clock */
    atomic_int_least64_t budgets_change_ms; /* when time alone changes a budget; INT64_MAX: never */
    uint64_t prices_version; /* when a price last changed: no answer with money in it is older */
    uint64_t names_version;  /* of the lists of all sessions, projects and teams */

    /* sums.c */
    struct oks_intern names;
    void *model_rows;     /* by name */
    struct aggregate all; /* of all sessions, open window */

    size_t n_retained;
    struct stat forgotten; /* the marker of what was forgotten, as last seen */

    struct billing *billing;
    LIST_HEAD(, session) billed_touched; /* their bill changed since billed_bump() */
    uint64_t priced;                     /* version of the prices in all sums */
    struct stream stream;                /* of all requests */
    uint64_t stream_generations;         /* the last one given out */
    void *groups[GROUP_KINDS];           /* tsearch trees by key */
    struct timeline times;

    struct index *index; /* what the last run left, while the first walk lasts */
    bool index_stale;    /* something of it has changed since it was written */
    bool started;        /* the first walk has been done */

    _Atomic size_t given_up; /* bytes that were freed, since oks_engine_gave_up() said so */

    uint64_t clock;   /* the last version given out */
    uint64_t version; /* of everything */
    uint64_t told;    /* the clock at the end of the last sync */

    /* for the status document */
    uint64_t bytes_read;
    uint64_t cache_hits, cache_misses, cache_writes, cache_errors;
    int cache_error; /* the last one */

    /* the saver */
    pthread_t saver;
    bool saver_runs;
    bool saver_ends;
    pthread_cond_t saver_end; /* CLOCK_MONOTONIC */
    TAILQ_HEAD(unsaved_queue, transcript) unsaved;
    pthread_cond_t save_wanted;
};

/* For tdestroy(3) of a tree whose nodes belong to somebody else. */
static inline void keep_node(void *node)
{
    (void)node;
}

/* catalog.c: sessions, projects and teams as names; all under the lock */
struct session *registry_session(struct oks_engine *e, const char *name);
/* Whose child it is, by that one's id; absent: nobody's, and so where memory is out. */
void registry_set_parent(struct session *s, struct oks_slice id);
struct team *registry_team(struct oks_engine *e, const char *name);
/* The team of a name from inside a file, made if need be; NULL on ENOMEM. */
struct team *registry_team_made(struct oks_engine *e, struct oks_slice raw);
struct transcript *registry_transcript(struct oks_engine *e, const char *path);
/* The session of an id, made if need be; NULL on ENOMEM. It has to get a transcript or be released. */
struct session *registry_session_made(struct oks_engine *e, struct oks_slice id);
/* A new transcript of the session. Takes over the last two names; NULL on ENOMEM. */
struct transcript *registry_transcript_made(struct oks_engine *e, struct session *s, struct root *root,
                                            const char *path, char *cache_folder, char *cache_name);
/* It becomes another session's. */
void registry_move(struct transcript *t, struct session *to);
void registry_mark_dirty(struct oks_engine *e, struct transcript *t, bool touched);
/* Gives up and frees a session of which nothing is left. */
void registry_session_remove(struct oks_engine *e, struct session *s);
/* Gives up a transcript, which the caller frees. */
void registry_transcript_remove(struct oks_engine *e, struct transcript *t);
/* Whether the file has other names: a change under one is then looked for under those that we know. */
void registry_linked(struct oks_engine *e, struct transcript *t, bool linked);
/* Its file left its folder: the next sync of any kind drops it, unless the file is back by then. */
void registry_mark_lost(struct oks_engine *e, struct transcript *t);
/* placement.c: sources whose transcripts say themselves where they belong, and what they repeat */
/* The name of the project that a working directory is, as Claude Code names its folder. */
void project_of_cwd(const char *cwd, char out[OKS_NAME_MAX + 1]);
/* The project that the session's transcripts tell of; false: none yet. */
bool placing_project(const struct session *s, char out[OKS_NAME_MAX + 1]);
void placing_parent(struct session *s);
/* Memos of what the transcript may repeat, one a line; malloc'ed, NULL on ENOMEM. */
char *placing_peers(struct oks_engine *e, const struct transcript *t);
/* After a commit, or when the transcript is leaving: those whose content depends on it are scanned anew where
 * they would then tell something else. */
void placing_changed(struct oks_engine *e, struct transcript *t, bool leaves);

/* session.c */
const struct source *session_source(const struct session *s);
/* As its records call its agent; NULL: they do not. */
const char *session_agent_name(const struct session *s);
/* The same; and where they do not, as the file beside a transcript calls it. NULL: neither. */
const char *session_label(const struct session *s);
const char *session_model(const struct session *s);
/* One file reached by two names (hard links, overlapping roots) counts once in a session. */
bool session_has_twin(const struct session *s, const struct transcript *t);
size_t session_transcripts(const struct session *s);

/* projects.c */
struct project *registry_project(struct oks_engine *e, const char *name);
/* The transcript's path below its root. */
const char *registry_rel(const struct transcript *t);
/* A session's first transcript is another one, or tells more. -ENOMEM */
int registry_place(struct oks_engine *e, struct session *s);
/* A session left the project, which may be gone with it. */
void registry_project_release(struct oks_engine *e, struct project *p);
void registry_projects_free(struct oks_engine *e);

/* teams.c */
/* Removes the team if nothing keeps it. */
void registry_team_release(struct oks_engine *e, struct team *team);
/* Joins the teams that the session's transcripts name now and leaves the others. -ENOMEM */
int registry_session_teams(struct oks_engine *e, struct session *s);
void registry_membership_end(struct oks_engine *e, struct membership *m);
void registry_teams_free(struct oks_engine *e);

/* catalog.c again */
uint64_t engine_tick(struct oks_engine *e);
/* A session, project or team came, went or is called otherwise. A new version, that of the names. */
uint64_t registry_names_changed(struct oks_engine *e);

/* engine.c */
/* What a version of one's own comes to with the prices in force: for everything that shows money. */
static inline uint64_t priced_version(const struct oks_engine *e, uint64_t own)
{
    return own > e->prices_version ? own : e->prices_version;
}

void progress_now(const struct oks_engine *e, struct oks_progress *out); /* under the lock */

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
void registry_drop(struct oks_engine *e, struct transcript *t);
/* Where nothing is left of it: the session ends. */
void registry_session_release(struct oks_engine *e, struct session *s);
void registry_free(struct oks_engine *e);

/* commit.c */
/* After a commit: new versions for all that shows the transcript, and its session's teams anew. -ENOMEM. */
int registry_changed(struct oks_engine *e, struct transcript *t, bool teams_changed);

/* New versions for all that shows the session. */
void registry_bump(struct oks_engine *e, struct session *s);
extern const struct billing_events commit_billing_events; /* ctx is the engine, owners are transcripts */
/* New versions for the sessions whose bill changed. */
void billed_bump(struct oks_engine *e);
/* Moves the outcome into the transcript, the sums, the timeline and the streams. -ENOMEM: the transcript is
 * reset and must be scanned again. */
int transcript_commit(struct oks_engine *e, struct transcript *t, struct scan_outcome *outcome);
/* After settings_refresh(): if the prices changed, all sums get their costs anew. */
void commit_prices(struct oks_engine *e);

/* saver.c */
void saver_want(struct oks_engine *e, struct transcript *t);
void saver_forget(struct oks_engine *e, struct transcript *t);
/* The transcript is at rest: what its cache entry holds as well is given up, and the rest is packed. Under
 * the lock. */
void saver_rest(struct oks_engine *e, struct transcript *t);
void saver_stop(struct oks_engine *e);
/* sums.c: running sums over sessions and models; under the lock */
/* The session's data changed, it moved to another project (`from` is the old one), or it is leaving. */
void sums_session(struct oks_engine *e, struct session *s, struct project *from, bool leaves);
void sums_transcript(struct oks_engine *e, struct transcript *t, bool leaves);
void sums_project(struct oks_engine *e, struct project *p, struct measure *out);
void sums_all(struct oks_engine *e, struct measure *out);
/* Calls fn for each model that was used, ascending by name. */
void sums_models(struct oks_engine *e, void (*fn)(void *ctx, const char *name, const struct measure *m),
                 void *ctx);
void sums_free(struct oks_engine *e);

/* engine_work.c; the lock is held at entry and exit, and free in between. 0, -ECANCELED or another -errno */
/* Scans until nothing is dirty or busy. */
int engine_scan(struct oks_engine *e, bool found_only, const atomic_bool *cancel);
/* Whether there would be nothing to do. */
bool engine_scanned(struct oks_engine *e, bool found_only);

/*
 * index.c: what is shown of every transcript in one file, so that a start does not load every cache. Under
 * the lock.
 */
void index_load(struct oks_engine *e);
/* Fills a new transcript from the index where it has it; true: it did, and the transcript counts as loaded.
 */
bool index_restore(struct oks_engine *e, struct transcript *t);
/* No new transcript is expected: what nobody asked for is forgotten. */
void index_forget(struct oks_engine *e);
/* Writes it where something changed since; the lock is held at entry and exit, and free during the write. */
int index_save(struct oks_engine *e);

/* measure.c: totals of sessions; under the lock */
struct measure_window {
    struct oks_stamp since;
    struct oks_stamp until;
};

/* How the session's events lie in a window, as far as its share tells. */
enum measure_place { MEASURE_OPEN, MEASURE_INSIDE, MEASURE_OUTSIDE, MEASURE_CUT };

enum measure_place measure_place(const struct session *s, const struct measure_window *w);
void measure_session(const struct session *s, const struct measure_window *w, struct measure *out);
/* Over all time, from the transcripts themselves: what becomes the session's share. */
void measure_session_anew(const struct session *s, struct measure *out);

#endif
