/*
 * Watched directories: folders with files of interest at a known depth, found again after any change below.
 *
 * Such a directory is a project, or a configuration folder. It need not exist.
 *
 *     static const struct watched_dir_kind kind = {.below = {".okstra", "tasks"}, .wants = is_state_file,
 *                                                  .load = load_file, .unload = free_file,
 *                                                  .found = found_file, .empty = forget_all};
 *
 *     discovery_watch_dir(d, &kind, ctx, "/home/me/project");
 *     each sync: discovery_refresh_dirs(d);                  -> empty, then found for each file
 *
 * The callbacks keep what they found in `found`.
 */
#ifndef OKSTRAFS_DISCOVERY_WATCHED_DIRS_H
#define OKSTRAFS_DISCOVERY_WATCHED_DIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct discovery;
struct interest;
struct watched_dir;

enum { WATCHED_DIR_NAMES_MAX = 2 };

struct watched_dir_kind {
    /* The names from the directory to the folder that is walked; NULL: no more. */
    const char *below[WATCHED_DIR_NAMES_MAX];
    bool (*enters)(const char *rel); /* which folders below that one to enter, by path; NULL: all */
    const char *only;                /* the one name in these that matters; NULL: all do */
    bool (*wants)(const char *name);
    /*
     * Reads a wanted file, without any lock; `rel` is its path below that folder. *out stays NULL if it is to
     * be ignored. 0 or -ENOMEM. NULL: nothing is read.
     */
    int (*load)(const char *path, const char *rel, void **out);
    void (*unload)(void *loaded);
    /* The file exists. Takes over what was loaded. 0 or -ENOMEM */
    int (*found)(void *ctx, struct watched_dir *dir, const char *path, void *loaded);
    /* Forget all files: they are reported again. */
    void (*empty)(void *ctx, struct watched_dir *dir);
};

struct watched_dir {
    char *path;
    const struct watched_dir_kind *kind;
    void *ctx;
    void *found; /* NULL at first */

    /* watched_dirs.c */
    size_t users; /* calls of discovery_watch_dir(); 0: it goes with the next refresh */
    bool held;    /* a thread looks at it without the lock */
    bool stale;
    bool unwatched;
    int passed;                /* why it is not entered: a negative errno; 0: it is, or it does not exist */
    const struct root *remote; /* whose thread walks it; NULL: none's */
    LIST_ENTRY(watched_dir) of_all;
    bool waits; /* it is in dirs->waiting */
    TAILQ_ENTRY(watched_dir) of_waiting;
    LIST_HEAD(interests, interest) interests;
};

/* The path is untrusted. 0; 1: ignored, because there are too many; -ENOMEM */
int discovery_watch_dir(struct discovery *d, const struct watched_dir_kind *kind, void *ctx,
                        const char *path);
/* Takes back one such call. The last one ends the directory: the next refresh empties it. */
void discovery_unwatch_dir(struct discovery *d, const struct watched_dir_kind *kind, const char *path);
/*
 * Walks those that changed. Releases the lock (struct discovery_config) while files are read; if another
 * thread already does so and makes no progress, what is known stays. 0 or a failure that passes: those are
 * walked again by the next call
 */
int discovery_refresh_dirs(struct discovery *d);

#endif
