/*
 * One transcript: its file, its cursor, and what was read before it (private to the engine).
 */
#ifndef OKSTRAFS_CATALOG_TRANSCRIPT_H
#define OKSTRAFS_CATALOG_TRANSCRIPT_H

#include <stddef.h>
#include <sys/queue.h>

#include "billing/billing.h"
#include "discovery/discovery.h"
#include "sources/source.h"

#include "cache/cache.h"
#include "scan/scanner.h"
#include "history/state.h"

struct session;

/* The unfinished last line, where it is a JSON object: it counts now, and is read again next time. */
struct tail {
    struct oks_event
        event;   /* stamp none and no counts where the line is no event; a text stamp points to stamp_text */
    bool counts; /* the line is an event */
    char *stamp_text;
    char *agent_name;
    char *model;                   /* of an assistant record */
    char *line_model;              /* of any record */
    struct oks_requests *requests; /* NULL: it tells of none */
};

/* Which bytes of which file a transcript was last seen with. */
struct file_mark {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
};

struct transcript {
    /* fixed */
    char *path;
    char *cache_folder;
    char *cache_name;
    const struct source *source;
    bool whole; /* one object, scanned from 0 whenever the file changed, and never cached */
    struct root *root;
    struct found_file file; /* in no folder: retained */
    struct session *session;
    LIST_ENTRY(transcript) of_session; /* ascending by path */

    /* protected by the lock */
    TAILQ_ENTRY(transcript) queued; /* in catalog->dirty while `dirty` */
    bool dirty;                     /* may have changed since the last scan began */
    bool busy;                      /* one thread scans or saves it, outside the lock */
    bool scanning;                  /* and that is a scan */
    LIST_ENTRY(transcript) of_linked;
    bool linked;          /* the file has other names: in catalog->linked */
    bool lost;            /* its folder told that the file left */
    bool retained;        /* its file was deleted: retained.c */
    bool gone;            /* the last scan found no file: to be dropped */
    uint64_t size_seen;   /* bytes that a scan would read, as last looked at; for order and progress */
    uint64_t failed_sync; /* the last sync that could not read it */
    bool unsaved;         /* the cache file is older than the state: in engine->unsaved */
    TAILQ_ENTRY(transcript) saved;
    char *origin; /* name of the session whose content this one may repeat, by its reader_state; NULL: none */
    LIST_ENTRY(transcript) of_forks; /* in catalog->forks where there is one */
    bool unplaced;                   /* it was never scanned, and only that will tell where it belongs */
    bool label_due;                  /* what the file beside it calls its agent is to be looked up */
    bool anew;                       /* the next scan begins at 0 whatever is remembered */
    bool touched;                    /* an event told that it was written, so marks prove nothing */

    /* written under the lock, and only by the thread that made it busy; read by that thread or under the
     * lock */
    bool loaded; /* a first scan has been done */
    struct oks_state state;
    struct oks_totals totals; /* of all events; outlives them */
    struct tail *tail;        /* NULL: there is none */
    struct file_mark mark;
    struct billing_part *billed;
    struct transcript_sums *sums; /* of sums/ */
    struct stream_marks *marks;   /* of streams/ */
    int error; /* the last scan's, 0 or negative errno; the totals are the last good ones */
};

static inline struct transcript *transcript_of(struct found_file *file)
{
    return (struct transcript *)((char *)file - offsetof(struct transcript, file));
}

/* Its unfinished last line; one that says nothing where there is none. */
const struct tail *transcript_tail(const struct transcript *t);

/* What a scan found, made outside the lock and put in place by a commit under it. */
struct scan_outcome {
    bool changed; /* anything below differs from before */
    bool replace; /* `gain` is the whole state, not what came on top */
    bool gone;
    bool linked; /* the file has other names */
    bool cache_hit;
    bool cache_miss;
    struct oks_state gain;
    struct tail *tail;
    struct file_mark mark;
    uint64_t bytes_read;
    int error;
    bool labelled; /* `label` was looked up; NULL: none */
    char *label;
    bool worth_saving; /* set by the commit: the cache file is now older than the state */
};

struct scan_options {
    struct oks_cache *cache; /* NULL: none */
    bool verify_tail;
    bool anew;                 /* begin at 0, without the cache */
    const char *peer_states;   /* states of the transcripts that this one may repeat, one a line; "": none */
    bool label;                /* look up what the file beside it calls its agent */
    bool insist;               /* read it even if its marks are those of last time */
    const atomic_bool *cancel; /* or NULL: asked between two buffers */
    const atomic_bool *stop;   /* or NULL: asked at every record */
};

struct stat;

/* Whether its file, which has these attributes, is as it was when it was scanned to its end. */
bool transcript_is_unchanged(const struct transcript *t, const struct stat *st);

/*
 * Reads what the file has gained. The transcript must be busy (this thread's). `outcome` is always filled and
 * must go to a commit or to scan_outcome_clear. 0; -ENOMEM or -ECANCELED, and then nothing is to be
 * committed. A file that cannot be read is no failure of this call: outcome->error tells.
 */
int transcript_scan(const struct transcript *t, struct oks_scanner *scanner,
                    const struct scan_options *options, struct scan_outcome *outcome);
/* Moves the outcome's state into the transcript: in place of the old one, or on top of it. 0 or -ENOMEM */
int transcript_apply(struct transcript *t, struct scan_outcome *outcome);
/* The unfinished line and the marks of the file. */
void transcript_apply_marks(struct transcript *t, struct scan_outcome *outcome);
void scan_outcome_clear(struct scan_outcome *outcome);
/* Takes over the label before the rest of the outcome; true: it is another than before. */
bool transcript_relabel(struct transcript *t, struct scan_outcome *outcome);

/*
 * Totals of the window, the unfinished line included. The stamps borrow from the transcript.
 */
void transcript_window(const struct transcript *t, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out);
const char *transcript_agent_name(const struct transcript *t); /* or NULL */
const char *transcript_label(const struct transcript *t);      /* of the file beside it; or NULL */
const char *transcript_model(const struct transcript *t);

/* Calls fn with each day (YYYY-MM-DD) that saw an event. 0 or what fn returned first. */
int transcript_days(const struct transcript *t, int (*fn)(void *ctx, const char day[11]), void *ctx);

/* Back to never scanned. */
void transcript_forget(struct transcript *t);
void transcript_clear(struct transcript *t);

#endif
