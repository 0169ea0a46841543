/*
 * Discovery: finds the files below the roots once, and from then on what changed. It reports both through a
 * table of events, and keeps a list of files for each folder, nothing else.
 *
 *     discovery_new(&d, &config); discovery_add_root(d, source, path); discovery_add_path(d, path, kind); ...
 *     each sync:  if (discovery_is_unchanged(d)) return;
 *                 same = discovery_begin(d);
 *                 rc = discovery_refresh(d, same);     -> found, changed, lost, recheck, label_changed
 *                 if (rc < 0) discovery_break(d);
 *                 discovery_change_report(d, ...);
 *
 * Add paths before the first sync; roots and watched directories may be added at any time. Not thread safe:
 * the model's lock covers it. Events are called under that lock.
 */
#ifndef OKSTRAFS_DISCOVERY_DISCOVERY_H
#define OKSTRAFS_DISCOVERY_DISCOVERY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "discovery/unchanged.h"
#include "sources/source.h"

struct discovery;

struct host;

/* A root of transcripts: <config>/projects and the like. */
struct root {
    const struct source *source;
    char *path;
    unsigned index;
    struct host *host; /* catalog/hosts.h: whose transcripts these are; NULL: this machine's own */
    LIST_ENTRY(root) of_host;
    size_t host_folder;          /* in which of the host's folders it is */
    unsigned rank;               /* of a folder in several roots the lowest counts, of equal ones the first */
    bool configured;             /* it is named in okstrafs.json, and may leave again ... */
    bool leaves;                 /* ... as it does now */
    bool fresh;                  /* the history store was not searched for its transcripts yet */
    bool ended;                  /* it is a root no more, and has no folders */
    bool found;                  /* it existed at the last check ... */
    uint64_t dev, ino;           /* ... as this folder */
    int error;                   /* why it could not be listed; 0: it was, or it does not exist */
    uint64_t refreshes;          /* with the present one */
    atomic_bool remote;          /* in a remote filesystem: see discovery_remote_list(); also read without
                                    the lock */
    bool silent;                 /* and that does not answer; set by the caller */
    bool begun;                  /* a thread may use it outside the lock, so it is kept to the end */
    LIST_HEAD(, folder) folders; /* all of them, with the root's own */
    LIST_HEAD(, link) links;     /* the symlinks directly below it */
};

/* A folder below a root. */
struct folder {
    char *path;
    char *rel; /* below the root, "" for the root itself */
    struct root *root;
    uint64_t dev;
    uint64_t ino;
    int watch_id;     /* -1: not watched, checked with stat(2) */
    int64_t ctime_ns; /* at the last listing; if it is not watched */
    int64_t seen_ns;  /* CLOCK_MONOTONIC when ctime_ns was first seen; 0: long enough ago (file_time.h) */
    bool dead;        /* it is gone; freed with its last file */
    bool linked;      /* it is reached through a symlink */
    bool listed;      /* in the listing of a remote root that is being taken up */
    LIST_ENTRY(folder) of_root;
    LIST_HEAD(, found_file) files;
    size_t n_files;
    LIST_HEAD(, passed_over) passed_over;
};

/* A file in a folder's list. Part of a bigger struct, whose owner adds it and removes it. */
struct found_file {
    const char *path;      /* the owner's */
    struct folder *folder; /* NULL: in none */
    uint64_t came;         /* the last refresh in which its name appeared */
    LIST_ENTRY(found_file) of_folder;
};

struct file_events {
    /* A file that belongs to the source exists; `rel` is its path below the root. 0 or -ENOMEM */
    int (*found)(void *ctx, struct folder *folder, const char *path, const char *rel);
    /* The file was written, or its attributes changed. NULL: no such file is known in this folder. */
    struct found_file *(*changed)(void *ctx, const struct folder *folder, const char *path);
    /* The file left its folder. NULL: no such file is known. */
    struct found_file *(*lost)(void *ctx, const char *path);
    /* A change of the file may have been missed. `all`: also one of the file that names its agent. */
    void (*recheck)(void *ctx, struct found_file *file, bool all);
    /* The file that names the agent of the file at the path changed. */
    void (*label_changed)(void *ctx, const char *path);
};

struct discovery_config {
    bool watched;          /* with inotify, if it is available; else with stat(2) */
    bool once;             /* nothing is checked twice */
    pthread_mutex_t *lock; /* the caller's, held at each call; see discovery_refresh_dirs(). NULL: none */
    const struct file_events *events;
    void *ctx;
};

int discovery_new(struct discovery **out, const struct discovery_config *config); /* -ENOMEM */
/* Frees all folders: no found_file may be in one. NULL is fine. */
void discovery_free(struct discovery *d);

/*
 * Takes over the path, also on failure. A root that is known is ignored. A folder in several roots counts in
 * the one whose path is the longest. *out (or NULL): the new root; else it is not written. 0 or -ENOMEM
 */
int discovery_add_root(struct discovery *d, const struct source *source, char *path, struct root **out);
/* The root is one no more. None of its files is in a folder. */
void discovery_end_root(struct discovery *d, struct root *root);
/* Those that have not ended, in the order in which they came. */
struct root *const *discovery_roots(const struct discovery *d, size_t *n);
/* A path whose changes end the fast path, and make discovery_begin() return false. 0 or -ENOMEM */
int discovery_add_path(struct discovery *d, const char *path, enum watched_path kind);
void discovery_remove_path(struct discovery *d, const char *path);
/* Whether a path that was added as PATH_AWAITED existed at the last discovery_begin(). */
bool discovery_has_arrived(const struct discovery *d);

/* Names a file of a folder as passed over, for the status, or (0) no longer. */
void discovery_pass_over(struct discovery *d, const char *path, int error);

/* The known folder at the path, or the one that has the path in it; NULL: none. */
struct folder *discovery_folder(const struct discovery *d, const char *path);

void folder_add(struct folder *folder, struct found_file *file);
/* A NULL folder is fine. A dead folder is freed with its last file. */
void folder_remove(struct found_file *file);

/* --- a sync --- */

/* True: the calls below would find nothing new. One epoll_wait. */
bool discovery_is_unchanged(struct discovery *d);
/*
 * Begins a check. True: roots and added paths are the same as at the last one, so only the queues have to be
 * drained.
 */
bool discovery_begin(struct discovery *d);
/* The check did not finish: the next one must check everything. */
void discovery_break(struct discovery *d);
/*
 * Finds new files and changes. `same_paths` is what discovery_begin() returned. 0, or a failure that passes
 * (base/passing.h): then something may be missing, and the next refresh checks everything.
 */
int discovery_refresh(struct discovery *d, bool same_paths);

/* --- roots in a remote filesystem --- */

/*
 * discovery_refresh() leaves these roots alone. Their files are listed without the lock, by a thread that may
 * wait for ever, and reported when the listing is taken up under the lock. *progress_ns is set to the time of
 * each sign of life (CLOCK_MONOTONIC).
 */
struct remote_listing;

bool discovery_has_remote(const struct discovery *d);
/* Under the lock, before discovery_remote_list(), which takes it over: the paths of all roots. NULL: ENOMEM
 */
struct root_paths;
struct root_paths *discovery_root_paths(const struct discovery *d);
int discovery_remote_list(const struct root *root, struct root_paths *paths, _Atomic int64_t *progress_ns,
                          struct remote_listing **out); /* -ENOMEM */
int discovery_remote_apply(struct discovery *d, struct root *root,
                           struct remote_listing *listing); /* the same */
void discovery_remote_free(struct remote_listing *listing);
/* Whether a watched directory may be there that discovery_remote_dirs() has not seen yet. */
bool discovery_remote_due(const struct discovery *d);
/* Walks the watched directories in the root's filesystem. Releases the lock in between. 0 or -ENOMEM */
int discovery_remote_dirs(struct discovery *d, const struct root *root, _Atomic int64_t *progress_ns);

/* --- polling for changes --- */

/*
 * Readable while changes wait for a sync, or after discovery_change_report(). A negative errno: not
 * available.
 */
int discovery_change_fd(struct discovery *d);
/* Call it before the sync. */
void discovery_change_seen(struct discovery *d);
/* Call it at the end of a sync; `changed`: the data changed. It also reports if a queue was drained. */
void discovery_change_report(struct discovery *d, bool changed);
/* Whether some changes do not make the descriptor readable. */
bool discovery_needs_polling(const struct discovery *d);

/* --- for the status --- */

struct discovery_state {
    bool watched;
    int watch_error;         /* why a folder has no watch; 0: all have one, or none was wanted */
    size_t unwatched;        /* folders checked with stat(2) */
    uint64_t overflows;      /* of the queue of changes */
    const char *passed_path; /* passed over at last; NULL: nothing is */
    int passed_error;
};

struct discovery_state discovery_state(const struct discovery *d);

/*
 * What is passed over: folders that cannot be read or entered, symlinks that are not followed, and what has a
 * transcript's name and is no regular file.
 */
struct passed_path {
    char *path;
    int error; /* negative errno; -EMLINK: a symlink; -EINVAL: no regular file */
};

enum { PASSED_OVER_MAX = 1000 }; /* so many are named; further ones are only counted */

/* Their number; *out: malloc'ed, with *n of them ascending by path. NULL: only the number. -ENOMEM */
int64_t discovery_passed_over(const struct discovery *d, struct passed_path **out, size_t *n);
void discovery_passed_free(struct passed_path *list, size_t n);
/* The reason, in a few words. */
const char *discovery_passed_reason(int error);

#endif
