/*
 * Discovery: finds the files below the roots once, and from then on what changed. It reports both through a
 * table of events and keeps no record of the files but a list for each folder.
 *
 *     discovery_new(&d, &config); discovery_add_root(d, source, path); discovery_add_path(d, path, kind); ...
 *     each sync:  if (discovery_is_unchanged(d)) return;
 *                 same = discovery_begin(d);
 *                 rc = discovery_refresh(d, same);     -> found, changed, lost, recheck, label_changed
 *                 if (rc < 0) discovery_break(d);
 *                 discovery_change_report(d, ...);
 *
 * Everything is added before the first sync, but for directories. Not thread safe: the engine's lock covers
 * it, and the events are called under it.
 */
#ifndef OKSTRAFS_DISCOVERY_DISCOVERY_H
#define OKSTRAFS_DISCOVERY_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "discovery/unchanged.h"
#include "sources/source.h"

struct discovery;

/* A root of transcripts: <config>/projects and the like. */
struct root {
    const struct source *source;
    char *path;
    unsigned index;
    bool found;                  /* it was there at the last look ... */
    uint64_t dev, ino;           /* ... as this folder */
    LIST_HEAD(, folder) folders; /* all of them, the root's own included */
};

/* A folder below a root. */
struct folder {
    char *path;
    char *rel; /* below the root, "" for the root itself */
    struct root *root;
    uint64_t dev;
    uint64_t ino;
    int watch_id;     /* -1: not watched, so looked at with stat */
    int64_t ctime_ns; /* at the last listing; for folders that are not watched */
    int64_t seen_ns;  /* CLOCK_MONOTONIC when that was first seen; 0: long enough ago (file_time.h) */
    bool dead;        /* it is gone; kept until its last file is */
    LIST_ENTRY(folder) of_root;
    LIST_HEAD(, found_file) files;
};

/* What a folder keeps of a file; part of a bigger struct, whose owner puts it in and takes it out. */
struct found_file {
    const char *path;      /* the owner's */
    struct folder *folder; /* NULL: in none */
    LIST_ENTRY(found_file) of_folder;
};

struct file_events {
    /* A file that its source wants is there; `rel` is its path below the root. 0 or -ENOMEM. */
    int (*found)(void *ctx, struct folder *folder, const char *path, const char *rel);
    /* The file at the path was written, or its attributes changed. False: none is known in this folder. */
    bool (*changed)(void *ctx, const struct folder *folder, const char *path);
    /* The file left its folder. False: none is known by this path. */
    bool (*lost)(void *ctx, const char *path);
    /* A change of the file may have gone unnoticed; `all`: also one of the file that names its agent. */
    void (*recheck)(void *ctx, struct found_file *file, bool all);
    /* The file that names the agent of the file at the path changed. */
    void (*label_changed)(void *ctx, const char *path);
};

struct discovery_config {
    bool watched; /* with inotify, where it is to be had; else with stat */
    bool once;    /* nothing that was found is looked at again */
    const struct file_events *events;
    void *ctx;
};

int discovery_new(struct discovery **out, const struct discovery_config *config); /* -ENOMEM */
/* Gives up all folders: no found_file may be in one. NULL is fine. */
void discovery_free(struct discovery *d);

/* Takes over the path, also on failure; one that is known is left out. -ENOMEM */
int discovery_add_root(struct discovery *d, const struct source *source, char *path);
struct root *discovery_roots(const struct discovery *d, size_t *n);
/* A path whose changes end the fast path and make discovery_begin() return false. -ENOMEM */
int discovery_add_path(struct discovery *d, const char *path, enum watched_path kind);

void folder_add(struct folder *folder, struct found_file *file);
/* NULL folder is fine. A dead folder goes with its last file. */
void folder_remove(struct found_file *file);

/* --- a sync --- */

/* True: all that follows would find what it found last time. One epoll_wait. */
bool discovery_is_unchanged(struct discovery *d);
/* A look begins. True: roots and added paths are as they were, so only the queue has to be looked at. */
bool discovery_begin(struct discovery *d);
/* The look that goes on did not finish: the next one has to look at everything. */
void discovery_break(struct discovery *d);
/* Finds what is new and what changed. `same_paths` as discovery_begin() said. 0 or -ENOMEM. */
int discovery_refresh(struct discovery *d, bool same_paths);

/* --- who waits for changes --- */

/* Readable while changes wait for a sync, or since discovery_change_report(). -errno: not to be had. */
int discovery_change_fd(struct discovery *d);
/* To be called before the sync that looks. */
void discovery_change_seen(struct discovery *d);
/* A sync ends; `changed`: it changed something. So it does where it took something out of a queue. */
void discovery_change_report(struct discovery *d, bool changed);
/* Whether changes are possible that the descriptor does not tell of. */
bool discovery_needs_polling(const struct discovery *d);

/* --- for the status --- */

struct discovery_state {
    bool watched;
    int watch_error;    /* why something is not; 0: all is, or nothing was to be */
    size_t unwatched;   /* folders that are looked at with stat */
    uint64_t overflows; /* of the queue of changes */
    uint64_t skipped;   /* what walks left out, and of that the last: */
    const char *skipped_path;
    int skipped_error;
};

struct discovery_state discovery_state(const struct discovery *d);

#endif
