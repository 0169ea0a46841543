/* The state that the files of core/discovery share. */
#ifndef OKSTRAFS_DISCOVERY_DISCOVERY_PRIVATE_H
#define OKSTRAFS_DISCOVERY_DISCOVERY_PRIVATE_H

#include <sys/stat.h>

#include "discovery/discovery.h"
#include "discovery/watched_dirs.h"
#include "files/watch.h"

struct change_fd;

struct discovery {
    bool watched, once; /* see struct discovery_config */
    pthread_mutex_t *lock;
    const struct file_events *events;
    void *ctx;
    struct root **roots;
    size_t n_roots, roots_room;
    unsigned n_indexes;  /* roots that were ever added */
    size_t n_nested;     /* roots that are in others */
    struct root **ended; /* those that a thread may still use */
    size_t n_ended, ended_room;
    struct watch *watch; /* of the roots' folders; NULL: not available */
    int watch_error;
    struct unchanged *unchanged; /* NULL: no fast path */
    void *folders_by_path;       /* tsearch trees of the folders that are not dead */
    void *folders_by_inode;
    size_t unwatched; /* folders checked with stat(2) */
    struct watched_dirs *dirs;
    struct change_fd *change_fd; /* NULL: not needed yet */
    bool incomplete;             /* the last check did not finish: everything is checked again */
    bool name_went;              /* a name came, and went before it was seen: see check_names() */
    bool drained;                /* a queue was drained since the last discovery_change_report() */
    uint64_t overflows;
    size_t n_remote;       /* roots in a remote filesystem */
    size_t n_links;        /* in all roots */
    size_t n_passed;       /* in the folders' lists, and of those ... */
    size_t n_unnamed;      /* ... this many are not named */
    char passed_path[512]; /* the last one */
    int passed_error;
};

/* discovery.c */
void root_free(struct root *root);

/* folders.c */
void folders_free(struct discovery *d);
struct folder *folders_at(const struct discovery *d, const char *path); /* NULL: none is known */
/* Whether the path is that of another root, which is walked by itself. */
bool folders_is_root(const struct discovery *d, const struct root *root, const char *path);
/* Removes the folder at the path and all below it. */
void folders_end(struct discovery *d, struct root *root, const char *path);
/* Walks from a folder of the root. 0 or a failure that passes: what is below may not have been found */
int folders_walk(struct discovery *d, struct root *root, const char *start);
/* Names that may be a transcript's in some source. */
bool folders_any_name(const char *name);
/* A folder of a remote root exists. 0 or -ENOMEM */
int folders_listed(struct discovery *d, struct root *root, const char *path, const char *rel, bool linked,
                   const struct stat *st);
/* A file that the source wants. 0 or -ENOMEM */
int folders_found(struct discovery *d, struct root *root, const char *path, const char *rel);

/* Copies: a thread may look at them without the lock, while roots come and go. */
struct root_paths {
    size_t n;
    char *items[];
};

void root_paths_free(struct root_paths *paths);

/* links.c */
/* A symlink directly below the root. 0 or -ENOMEM */
int links_add(struct discovery *d, struct root *root, const char *name);
/* False: there is none of that name. */
bool links_remove(struct discovery *d, struct root *root, const char *name);
void links_clear(struct discovery *d, struct root *root);
/* Whether the path's first name is one. */
bool links_begin(const struct root *root, const char *rel);
/* After the root was listed: removes the folders behind links that are gone. */
void links_prune(struct discovery *d, struct root *root);
/*
 * Follows those that now lead elsewhere. `walk_all`: the root was listed again, and so are the folders behind
 * links that are followed already. 0 or a failure that passes
 */
int links_check(struct discovery *d, struct root *root, bool walk_all);

/*
 * What to do with a link at the path; `f` is the folder behind it, if it was walked. 0: nothing; 1: walk it;
 * 2: it is read under its own name; or why it is passed over. Makes calls to the filesystems on the way, and
 * may be called without the lock.
 */
int links_judge(const struct root_paths *paths, const struct root *root, const char *path,
                const struct folder *f);

/* remote.c */
/* Finds out which roots are remote. */
void remote_check(struct discovery *d);

/* passed_over.c */
/* By the path of what is passed over. Its folder must be known, or it is a root. On ENOMEM it has no name. */
void passed_over_add(struct discovery *d, const char *path, int error);
void passed_over_remove(struct discovery *d, const char *path);
void passed_over_clear(struct discovery *d, struct folder *f);

/* change_fd.c */
void change_fd_free(struct change_fd *c);

/* watched_dirs.c */
int watched_dirs_new(struct discovery *d); /* -ENOMEM */
void watched_dirs_free(struct discovery *d);
int watched_dirs_fd(const struct discovery *d); /* of their inotify queue; -1: none */
bool watched_dirs_need_polling(const struct discovery *d);
void watched_dirs_remounted(struct discovery *d);
/* Those that are not entered. On ENOMEM one is missing. */
size_t watched_dirs_passed(const struct discovery *d, struct passed_path *list, size_t max);
size_t watched_dirs_n_passed(const struct discovery *d);

#endif
