/* The state that the files of core/discovery share. */
#ifndef OKSTRAFS_DISCOVERY_DISCOVERY_PRIVATE_H
#define OKSTRAFS_DISCOVERY_DISCOVERY_PRIVATE_H

#include "discovery/discovery.h"
#include "discovery/watched_dirs.h"
#include "files/watch.h"

struct change_fd;

struct discovery {
    bool watched, once; /* see struct discovery_config */
    const struct file_events *events;
    void *ctx;
    struct root *roots;
    size_t n_roots, roots_room;
    struct watch *watch; /* of the roots' folders; NULL: not available */
    int watch_error;
    struct unchanged *unchanged; /* NULL: no fast path */
    void *folders_by_path;       /* tsearch trees of the folders that are not dead */
    void *folders_by_inode;
    size_t unwatched; /* folders checked with stat(2) */
    struct watched_dirs *dirs;
    struct change_fd *change_fd; /* NULL: not needed yet */
    bool drained;                /* a queue was drained since the last discovery_change_report() */
    uint64_t overflows;
    uint64_t skipped;
    char skipped_path[512];
    int skipped_error;
};

/* folders.c */
void folders_free(struct discovery *d);

/* change_fd.c */
void change_fd_free(struct change_fd *c);

/* watched_dirs.c */
int watched_dirs_new(struct discovery *d); /* -ENOMEM */
void watched_dirs_free(struct discovery *d);
int watched_dirs_fd(const struct discovery *d); /* of their inotify queue; -1: none */
bool watched_dirs_need_polling(const struct discovery *d);

#endif
