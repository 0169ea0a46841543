/*
 * One transcript: its file, its cursor, the state of all lines before the cursor, and its scan.
 */
#ifndef OKSTRAFS_CATALOG_TRANSCRIPT_H
#define OKSTRAFS_CATALOG_TRANSCRIPT_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/queue.h>

#include "billing/billing.h"
#include "discovery/discovery.h"
#include "sources/labels.h"
#include "sources/source.h"

#include "cache/cache.h"
#include "cache/history_store.h"
#include "scan/scanner.h"
#include "history/state.h"

struct session;
struct container;

/* The unfinished last line, if it is a JSON object. It counts now, and is read again by the next scan. */
struct tail {
    struct oks_event
        event;   /* none, and no counts, if the line is no event; a text stamp points to stamp_text */
    bool counts; /* the line is an event */
    char *stamp_text;
    char *agent_name;
    char *model;                   /* of an assistant record */
    char *line_model;              /* of any record; as the next two NULL: "" */
    char *line_tag, *line_tools;   /* history/tags.h, history/tools.h */
    struct oks_requests *requests; /* NULL: none */
    struct oks_strings teams;      /* that the line names, also if it is no JSON */
};

/* The file as a scan saw it last: if it is the same now, its bytes are. */
struct file_mark {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
};

/*
 * How far the line at the cursor is known to be bad, and to have no newline. It is not read again from its
 * start. Like the cursor itself, this is checked by bytes of the file.
 */
struct passed_line {
    uint64_t end;                     /* 0: not known */
    uint8_t sha256[OKS_SHA256_BYTES]; /* of the line's first bytes, and of the last ones before `end` */
};

/* Sums over files that exist. */
struct file_counts {
    uint64_t bytes, lines, bad_lines, odd_values, unreadable;
};

struct transcript {
    /* fixed */
    char *path;
    char *cache_folder;
    char *cache_name;
    const struct source *source;
    bool whole; /* one JSON object, scanned from 0 after each change, and never cached */
    bool
        packed; /* compressed, or a member: scanned from 0 after each change; its cursor is the file's size */
    struct root *root;
    struct found_file file; /* retained: in no folder */
    struct session *session;
    TAILQ_ENTRY(transcript) of_session; /* ascending by path */

    /* protected by the lock */
    TAILQ_ENTRY(transcript) queued; /* in catalog->dirty while `dirty` */
    struct container *container;    /* that it is a member of (sources/members.h); NULL: none, or retained */
    struct member_mark member;      /* as it was listed last */
    bool member_gone;               /* it was listed as gone */
    bool dirty;                     /* it may have changed since the last scan began */
    bool busy;                      /* a thread scans or saves it, outside the lock */
    bool scanning;                  /* it is busy with a scan: in the engine's list of these */
    bool left_behind;               /* by the thread of a remote root, which may never end it */
    bool departed;                  /* removed during that scan: its thread frees it */
    bool recall_tried;              /* of a remote root: the store was asked for it */
    LIST_ENTRY(transcript) of_current;
    LIST_ENTRY(transcript) of_inode; /* see by_inode.c */
    enum { INODE_NONE, INODE_UNSEEN, INODE_KNOWN } inode;
    uint64_t known_ino;
    bool known_retained;
    LIST_ENTRY(transcript) of_linked;
    bool linked;          /* the file has other names: in catalog->linked */
    bool lost;            /* the file left its folder */
    atomic_bool retained; /* the file was deleted: engine/retained.c; read without the lock while busy */
    bool stored;          /* retained: the history store has had all of it */
    bool remnant;         /* no file, but requests that the file of its path no longer has; `retained` too */
    bool keep_all;        /* the history store needs all of its state again */
    bool gone;            /* the last scan found no file: to be dropped */
    uint64_t size_seen;   /* bytes to be read, as last seen; for order and progress */
    uint64_t sized;       /* the last sorting of the dirty queue that has set it */
    uint64_t failed_sync; /* the last sync that could not read it */
    bool unsaved;         /* the cache file is older than the state: in the saver's queue */
    TAILQ_ENTRY(transcript) saved;
    size_t ids_waiting; /* bytes of ids in the state that wait for being saved, as the saver counts them */
    const char *origin; /* the session that this one may repeat, by the reader state; NULL: none */
    char *memo_before;  /* its reader state before the commit; NULL: not known (placement.c) */
    struct origin *fork_of; /* what `origin` belongs to */
    LIST_ENTRY(transcript) of_forks;
    char *oldest; /* the oldest session that it names, by the reader state; NULL: none */
    LIST_ENTRY(transcript) of_related;
    bool related; /* in catalog->related */
    LIST_ENTRY(transcript) of_suspects;
    bool suspect;    /* in catalog->suspects */
    bool unplaced;   /* session and project are known only after the first scan */
    bool label_due;  /* the file that names the agent is to be read */
    bool anew;       /* the next scan begins at 0 in any case */
    bool touched;    /* inotify reported a write, so an equal mark proves nothing */
    bool behind;     /* the last scan ended before the end of the file */
    bool large;      /* its scan is left to the engine's thread for large files */
    int64_t scan_ns; /* when the current scan began; CLOCK_MONOTONIC */

    /*
     * written under the lock, and only by the thread that made it busy; read by that thread, or under the
     * lock
     */
    bool loaded; /* the first scan is done */
    struct oks_state state;
    size_t cwds_watched;      /* so many of its working directories are: engine/commit.c */
    struct oks_totals totals; /* of all events; outlives them */
    struct tail *tail;        /* NULL: none */
    struct passed_line passed;
    struct file_mark mark;
    bool twin; /* its file is in the session under an earlier name */
    bool copy; /* another machine has more of it, and that counts */
    struct billing_part *billed;
    struct transcript_sums *sums; /* of sums/ */
    struct stream_marks *marks;   /* of streams/ */
    struct file_counts counted;   /* what the catalog's sums have of it */
    int error; /* of the last scan, 0 or negative errno; the totals are the last good ones */
};

static inline struct transcript *transcript_of(struct found_file *file)
{
    return (struct transcript *)((char *)file - offsetof(struct transcript, file));
}

/*
 * The path of its file in the history store. The path of a remnant is that of its file behind a word that no
 * absolute path begins with, and that sorts behind all of them: in a tie the file counts.
 */
#define REMNANT_PREFIX "lost:"

static inline const char *transcript_file(const struct transcript *t)
{
    return t->path + (t->remnant ? sizeof(REMNANT_PREFIX) - 1 : 0);
}

/* Whether its file is in a folder that cannot be entered: discovery hears nothing of it. */
static inline bool transcript_is_hidden(const struct transcript *t)
{
    return !t->retained && (!t->file.folder || t->file.folder->dead);
}

/* Whether its file is in a remote filesystem: no call is made to it under the lock. */
static inline bool transcript_is_remote(const struct transcript *t)
{
    return t->root->remote && !t->retained;
}

/* The unfinished last line; an empty one if there is none. */
const struct tail *transcript_tail(const struct transcript *t);
/* The i-th team that a line names, as it was first written; absent: there are no more. */
struct oks_slice transcript_team(const struct transcript *t, size_t i);

/* The result of a scan, made outside the lock, and merged by a commit under it. */
struct scan_outcome {
    bool changed; /* something below differs from the transcript */
    bool replace; /* `gain` is the whole state, not an addition */
    bool gone;
    bool rewritten; /* the file is read from 0, and may have lost what was counted */
    bool sheds;     /* and requests that were counted are not in it */
    bool adopted;   /* it is retained, and came from a cache */
    bool recalled;  /* `gain` is what is stored of the file, which was not read */
    bool linked;    /* the file has other names */
    bool cache_hit;
    bool cache_miss;
    struct oks_state gain;
    struct tail *tail;
    struct passed_line passed;
    struct file_mark mark;
    uint64_t bytes_read;
    bool more;      /* the scan stopped before the end of the file: it is to be scanned again */
    bool bad_start; /* bytes came, and the first line of them is no JSON object */
    int error;
    bool labelled; /* `label` was looked up */
    struct label label;
    bool worth_saving; /* set by the commit: the cache file is now older than the state */
};

struct scan_options {
    struct oks_cache *cache; /* NULL: none */
    struct history_store *history;
    bool verify_tail;
    uint64_t whole_max;   /* -EFBIG: more bytes than that are to be read, and not in slices; 0: read them */
    uint64_t slice;       /* stop after so many bytes, if a part of the file may be committed; 0: never */
    uint64_t slice_lines; /* or so many lines */
    bool anew;            /* begin at 0, without the cache */
    bool retained; /* as the lock showed it: its file may come back at any time, and is not looked at */
    const char
        *peer_states; /* reader states of the transcripts that this one may repeat, one a line; "": none */
    bool label;       /* read the file that names the agent */
    struct member_mark member;
    bool member_gone;             /* see struct transcript */
    bool insist;                  /* read it even if its mark has not changed */
    const atomic_bool *cancel;    /* or NULL: tested between two buffers */
    _Atomic int64_t *progress_ns; /* or NULL: set at every record; CLOCK_MONOTONIC */
    const atomic_bool *stop;      /* or NULL: tested at every record */
};

struct stat;

/* Whether the state is worth being kept when the file is deleted. */
bool transcript_says_something(const struct transcript *t, const struct oks_state *state);
/* Whether the file, which has these attributes, is as it was when it was scanned to its end. */
/* What stands for the file of a retained transcript: the time is that of its last event. */
struct file_mark transcript_retained_mark(const struct oks_state *state);
bool transcript_is_unchanged(const struct transcript *t, const struct stat *st);
/*
 * Whether the file at `path` is the one that the state was read from: the same inode, with the same bytes at
 * its start and before the cursor. A filesystem gives the inode of a deleted file to a new one. 1 or 0, or a
 * failure that passes
 */
int transcript_state_is_of(const struct oks_state *state, const char *path);

/*
 * Reads what the file has gained. The transcript must be busy, by this thread. *outcome is always filled, and
 * must be committed or cleared. 0; -ENOMEM, -ECANCELED or -EFBIG: then do not commit it. If the file cannot
 * be read, the call succeeds: see outcome->error.
 */
int transcript_scan(const struct transcript *t, struct oks_scanner *scanner,
                    const struct scan_options *options, struct scan_outcome *outcome);
/* Merges the outcome's state into the transcript, or replaces it. 0 or -ENOMEM */
int transcript_apply(struct transcript *t, struct scan_outcome *outcome);
/* Merges the unfinished line and the mark of the file. */
void transcript_apply_marks(struct transcript *t, struct scan_outcome *outcome);
void scan_outcome_clear(struct scan_outcome *outcome);
/* Drops what was read: the former state stays until the file can be read again. 0 or -ENOMEM */
int scan_outcome_keep_former(struct scan_outcome *outcome);
/*
 * Takes over a state that was stored of the file, in place of what was read. `path`: the file exists, and has
 * the attributes that it has now; NULL: it is not looked at
 */
void scan_outcome_recall(struct scan_outcome *outcome, const char *path, struct oks_state *state);
/* Merges the label, before the rest of the outcome. True: it changed; *team: the team in it did. */
bool transcript_relabel(struct transcript *t, struct scan_outcome *outcome, bool *team);

/*
 * Totals of the window, with the unfinished line. The stamps borrow from the transcript.
 */
void transcript_window(const struct transcript *t, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out);
/* Number and first and last stamp of its events, with the unfinished line. */
struct oks_totals transcript_span(const struct transcript *t);

enum transcript_overlap { TRANSCRIPT_OUTSIDE, TRANSCRIPT_CUT, TRANSCRIPT_INSIDE };

/* Whether a window includes none, some or all of its events. */
enum transcript_overlap transcript_overlap(const struct transcript *t, struct oks_stamp since,
                                           struct oks_stamp until);
/*
 * Calls fn once for each name of a label with an event with a count in the window, with the unfinished line.
 * The name
 * "" stands for records without one, and for events of which it is not known.
 */
void transcript_window_by(const struct transcript *t, enum oks_label label, struct oks_stamp since,
                          struct oks_stamp until,
                          void (*fn)(void *ctx, const char *name, const struct oks_totals *totals),
                          void *ctx);
/* The same over all events, from the sums that are kept; of a tool only its calls are known, and `first` and
 * `last` are none. */
void transcript_by(const struct transcript *t, enum oks_label label,
                   void (*fn)(void *ctx, const char *name, const struct oks_totals *totals), void *ctx);
const char *transcript_agent_name(const struct transcript *t); /* or NULL */
const char *transcript_label(const struct transcript *t);      /* from the file beside it; or NULL */
const char *transcript_model(const struct transcript *t);

/* Calls fn with each of the local days [first, end) with an event. 0 or the first non-zero value of fn. */
int transcript_days(const struct transcript *t, const struct oks_zone *zone, int64_t first, int64_t end,
                    int (*fn)(void *ctx, int64_t day), void *ctx);

/* Resets it to never scanned. */
void transcript_forget(struct transcript *t);
void transcript_clear(struct transcript *t);

#endif
