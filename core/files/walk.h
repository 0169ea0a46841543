/*
 * Finding transcripts, and opening files that strangers control.
 */
#ifndef OKSTRAFS_FILES_WALK_H
#define OKSTRAFS_FILES_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    OKS_WALK_DEPTH_MAX = 32,
    OKS_WALK_FILES_MAX = 1000000, /* of one root; the rest is left out and -E2BIG returned */
};

struct oks_walker {
    void *ctx;
    /*
     * A folder is about to be listed: place a watch now, so that nothing falls between. `rel` is its path
     * below the root
     * ("" for the root itself). 0: list it; 1: skip it; negative: stop.
     */
    int (*enter)(void *ctx, const char *path, const char *rel);
    /* Which regular files are of interest, by their names alone. */
    bool (*wants)(const char *name);
    /* One of those. Return non-zero to stop. */
    int (*file)(void *ctx, const char *path, const char *rel);
    /*
     * Something was left out; `error` is a negative errno: -EACCES and the like for a folder that cannot be
     * read, -ELOOP too deep, -ENAMETOOLONG a path over PATH_MAX, -EXDEV a remote filesystem (files/mounts.h)
     * or one whose type could not be learnt. What merely vanished meanwhile is not reported. For the status
     * document; may be NULL.
     */
    void (*skipped)(void *ctx, const char *path, int error);
    /*
     * A symlink; or something that is neither folder nor regular file, and has a wanted name. May be NULL.
     * Return non-zero to stop.
     */
    int (*other)(void *ctx, const char *path, const char *rel, bool is_link);
    bool linked;        /* the first name of the way to the start folder is a symlink, and is followed */
    uint64_t files_max; /* for tests: a smaller bound than OKS_WALK_FILES_MAX; 0: that one */
};

/*
 * Walks `top`, the root (resolved once: it may itself be a symlink) without following any symlink below it
 * (but see `linked`),
 * each folder once (device and inode), and never enters a mount point of a remote filesystem (any request to
 * it can hang for ever). `start` is the path below the root to begin at ("" for
 * all). Folders come before their content; entries in byte order of their names. 0, a negative errno for the
 * start folder itself, one of any folder if it passes (base/passing.h), or what a callback returned. A root
 * that does not exist is -ENOENT.
 */
int oks_walk(const char *top, const char *start, const struct oks_walker *walker);

/* Whether a file of this name is a transcript: it ends in ".jsonl" and is not journal.jsonl. */
bool oks_is_transcript(const char *name);

/*
 * realpath() for a path that a stranger names: never asks a mount of okstrafs anything, however the path or a
 * symlink on its way leads there (asked from inside the daemon, it would wait for itself). -ELOOP for such a
 * path or too many symlinks, -ENOENT, -ENOTDIR, ...
 */
int oks_resolve(const char *path, char out[PATH_MAX]);
/*
 * The same, and no remote filesystem (files/mounts.h) is entered, because one that does not answer would hold
 * up the caller for ever: -EXDEV. Only the mount of "/" is excepted. This is decided by the kernel's tables
 * alone, without a request to such a filesystem.
 */
int oks_resolve_local(const char *path, char out[PATH_MAX]);
/*
 * The same for many paths, one after the other: folders that two in a row have in common are gone into once.
 * They stay open until the next path or the end, so a trail is for paths that are looked at in one go.
 * oks_trail_go: 0: the path exists as it is, without a symlink on the way; -ENOENT or -ENOTDIR: the last step
 * is as far as it exists; another negative errno: oks_resolve_local() has to say.
 */
enum { OKS_TRAIL_MAX = 32 };
struct oks_trail {
    char text[PATH_MAX]; /* of the last path */
    size_t n;
    long local; /* a mount that is not remote; 0: none */
    struct oks_trail_step {
        int fd;
        size_t len; /* of its path */
        long mount;
    } at[OKS_TRAIL_MAX];
};
int oks_trail_go(struct oks_trail *trail, const char *path); /* zeroed at first */
void oks_trail_end(struct oks_trail *trail);
/* The same for a symlink below `top`; the mount of `top` is excepted as well. */
int oks_resolve_link(const char *top, const char *path, char out[PATH_MAX]);

/*
 * Opens `path` for reading if it is a regular file, without ever blocking on a FIFO, acting on a device or
 * following a symlink in the last component: O_PATH|O_NOFOLLOW first, fstat, then reopen. Fills *st from the
 * opened descriptor. Returns a descriptor (O_CLOEXEC) or -ENOENT, -EACCES, -ELOOP, ..., -EINVAL where it is
 * no regular file.
 */
int oks_open_regular(const char *path, struct stat *st);

#endif
