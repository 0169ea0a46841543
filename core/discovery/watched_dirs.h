/*
 * Watched directories: folders of which files of interest lie at a known depth, found again whenever
 * something below changes.
 *
 * Such a folder is a project, or a configuration folder. It need not exist. What was found in it is kept by
 * who added it, in `found`.
 */
#ifndef OKSTRAFS_DISCOVERY_WATCHED_DIRS_H
#define OKSTRAFS_DISCOVERY_WATCHED_DIRS_H

#include <stdbool.h>
#include <sys/queue.h>

struct discovery;
struct interest;
struct watched_dir;

enum { WATCHED_DIR_NAMES_MAX = 2 };

struct watched_dir_kind {
    /* The names that lead from the directory to the folder that is walked; NULL: no more. */
    const char *below[WATCHED_DIR_NAMES_MAX];
    bool (*enters)(const char *rel); /* a folder below that one, by its path; NULL: all of them */
    const char *only;                /* the one name in these that says anything; NULL: any does */
    bool (*wants)(const char *name);
    /* A file that is wanted was found. 0 or -ENOMEM. */
    int (*found)(void *ctx, struct watched_dir *dir, const char *path, const char *rel);
    /* All that was found is to be found anew. */
    void (*empty)(void *ctx, struct watched_dir *dir);
};

struct watched_dir {
    char *path;
    const struct watched_dir_kind *kind;
    void *ctx;
    void *found; /* NULL at first */

    /* watched_dirs.c */
    bool stale;
    bool unwatched;
    unsigned folders; /* visited by the walk in progress */
    LIST_ENTRY(watched_dir) of_all;
    bool waits; /* in dirs->waiting */
    TAILQ_ENTRY(watched_dir) of_waiting;
    LIST_HEAD(, interest) interests;
};

/* `path` is a stranger's word. Further ones than a bound are left out. 0 or -ENOMEM */
int discovery_watch_dir(struct discovery *d, const struct watched_dir_kind *kind, void *ctx,
                        const char *path);
/* Looks again at those in which something changed. 0 or -ENOMEM. */
int discovery_refresh_dirs(struct discovery *d);

#endif
