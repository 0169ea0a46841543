/*
 * A depth-first walk of a directory tree that strangers write into.
 *
 * Three things must not happen: leaving the tree (symlinks), going round in it (bind mounts), and sending a
 * request to a remote filesystem. The last is the subtle one: when the tree holds our own mountpoint, even
 * stat() of it waits for an answer that we ourselves would have to give. So names are judged by the d_type of
 * their parent's listing, and a folder is opened with openat2(RESOLVE_NO_XDEV), which refuses a mountpoint
 * without touching it; only then is the mount's type looked up (mounts.c), by an O_PATH descriptor that sends
 * no request.
 *
 * Where openat2 is missing (before Linux 5.6, or a seccomp filter), every folder goes that slower way.
 *
 * Invariants: one descriptor is open per level, at most OKS_WALK_DEPTH_MAX + 1; a folder's listing is read in
 * whole, after its callback, and sorted before the first entry is delivered; nothing below the root is
 * reached through a symlink, but for the first name of the way to the start folder if the walker says so; no
 * folder is entered twice in one walk.
 */
#include "files/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/passing.h"
#include "base/text_end.h"
#include "files/listing.h"
#include "files/mounts.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, OPENAT2_TRIES = 16 };

struct folder_id {
    uint64_t dev;
    uint64_t ino;
};

struct walk {
    const struct oks_walker *walker;
    uint64_t files_left;
    uint64_t folders_left;
    bool overflow;
    size_t root_len; /* of path, up to where rel starts */
    size_t path_len;
    char path[PATH_MAX];
    struct folder_id *seen; /* open addressing; ino 0 is free */
    size_t n_seen;
    size_t seen_room; /* a power of two */
};

static void skipped(const struct walk *walk, int error)
{
    if (!is_absent(error) && walk->walker->skipped)
        walk->walker->skipped(walk->walker->ctx, walk->path, error);
}

/* --- the set of folders that were entered --- */

static size_t seen_slot(const struct folder_id *table, size_t room, struct folder_id id)
{
    size_t slot = (size_t)((id.ino * UINT64_C(0x9e3779b97f4a7c15)) ^ id.dev) & (room - 1);

    while (table[slot].ino != 0 && (table[slot].ino != id.ino || table[slot].dev != id.dev))
        slot = (slot + 1) & (room - 1);
    return slot;
}

static int seen_grow(struct walk *walk)
{
    size_t room = walk->seen_room ? walk->seen_room * 2 : 64;
    struct folder_id *table = calloc(room, sizeof(*table));

    if (!table)
        return -ENOMEM;
    for (size_t i = 0; i < walk->seen_room; i++)
        if (walk->seen[i].ino != 0)
            table[seen_slot(table, room, walk->seen[i])] = walk->seen[i];
    free(walk->seen);
    walk->seen = table;
    walk->seen_room = room;
    return 0;
}

/* 0: new; 1: entered before; or a negative errno. */
static int enter_once(struct walk *walk, int fd)
{
    struct folder_id id;
    struct stat st;
    size_t slot;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_ino == 0) /* no file system gives it to a folder; it would read as a free slot */
        return -EIO;
    if (walk->n_seen * 2 >= walk->seen_room && seen_grow(walk) < 0)
        return -ENOMEM;
    id = (struct folder_id){st.st_dev, st.st_ino};
    slot = seen_slot(walk->seen, walk->seen_room, id);
    if (walk->seen[slot].ino != 0)
        return 1;
    walk->seen[slot] = id;
    walk->n_seen++;
    return 0;
}

/* --- opening a folder --- */

/* Enters a folder that may be a mountpoint, once its mount proved to be no remote filesystem. */
static int open_across(int parent, const char *name)
{
    int handle, fd, r;

    handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0)
        return -errno;
    r = oks_mount_crossing(parent, handle);
    if (r >= 0) {
        fd = openat(handle, ".", FOLDER_FLAGS);
        r = fd < 0 ? -errno : fd;
    }
    close(handle);
    return r;
}

static atomic_bool no_openat2; /* a fact about this process, learnt once */

static int open_folder(int parent, const char *name)
{
    struct open_how how = {
        .flags = FOLDER_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd = -1;

    for (int i = 0; i < OPENAT2_TRIES && !atomic_load(&no_openat2); i++) {
        fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM)
            atomic_store(&no_openat2, true);
        else if (errno != EAGAIN && errno != EINTR)
            break; /* EAGAIN: a rename somewhere on this machine disturbed the check */
    }
    if (atomic_load(&no_openat2) || errno == EXDEV)
        return open_across(parent, name);
    return -errno;
}

/* --- walking --- */

static const char *rel_of(const struct walk *walk)
{
    return walk->path_len > walk->root_len ? walk->path + walk->root_len : "";
}

static int path_push(struct walk *walk, const char *name)
{
    size_t len = strlen(name);
    bool slash = walk->path_len > 0 && walk->path[walk->path_len - 1] != '/';

    if (walk->path_len + slash + len >= sizeof(walk->path))
        return -ENAMETOOLONG;
    if (slash)
        walk->path[walk->path_len++] = '/';
    memcpy(walk->path + walk->path_len, name, len + 1);
    walk->path_len += len;
    return 0;
}

static void path_pop(struct walk *walk, size_t len)
{
    walk->path_len = len;
    walk->path[len] = '\0';
}

static int deliver_file(struct walk *walk)
{
    if (walk->files_left == 0) {
        walk->overflow = true;
        return 0;
    }
    walk->files_left--;
    if (!walk->walker->file)
        return 0;
    return walk->walker->file(walk->walker->ctx, walk->path, rel_of(walk));
}

static int walk_folder(struct walk *walk, int fd, unsigned depth, bool start);

/* A failure of a folder below the start ends the walk if it passes; else the folder is left out. */
static int walk_child(struct walk *walk, int parent, const char *name, unsigned depth)
{
    int fd, r;

    if (depth > OKS_WALK_DEPTH_MAX) {
        skipped(walk, -ELOOP);
        return 0;
    }
    if (walk->folders_left == 0) {
        walk->overflow = true;
        return 0;
    }
    walk->folders_left--;
    fd = open_folder(parent, name);
    if (is_passing(fd))
        return fd;
    if (fd < 0) {
        skipped(walk, fd);
        return 0;
    }
    r = walk_folder(walk, fd, depth, false);
    close(fd);
    return r;
}

static int walk_entry(struct walk *walk, int fd, const struct oks_entry *entry, unsigned depth)
{
    const struct oks_walker *walker = walk->walker;

    if (entry->kind == OKS_ENTRY_FOLDER)
        return walk_child(walk, fd, entry->name, depth + 1);
    if (entry->kind == OKS_ENTRY_FILE)
        return deliver_file(walk);
    return walker->other(walker->ctx, walk->path, rel_of(walk), entry->kind == OKS_ENTRY_LINK);
}

static int walk_entries(struct walk *walk, int fd, const struct oks_listing *listing, unsigned depth)
{
    size_t len = walk->path_len;
    int r = 0;

    for (size_t i = 0; r == 0 && i < listing->len; i++) {
        const struct oks_entry *entry = &listing->entries[i];

        if (path_push(walk, entry->name) < 0)
            skipped(walk, -ENAMETOOLONG); /* reported with its folder's path */
        else
            r = walk_entry(walk, fd, entry, depth);
        path_pop(walk, len);
    }
    return r;
}

static int walk_folder(struct walk *walk, int fd, unsigned depth, bool start)
{
    struct oks_listing listing = {0};
    int r;

    r = enter_once(walk, fd);
    if (r > 0)
        return 0;
    if (r == 0 && walk->walker->enter) {
        r = walk->walker->enter(walk->walker->ctx, walk->path, rel_of(walk));
        if (r != 0)
            return r < 0 ? r : 0;
    }
    if (r == 0)
        r = oks_listing_read(&listing, fd, walk->walker->wants, walk->walker->other != NULL);
    if (r < 0) {
        if (!is_passing(r))
            skipped(walk, r);
        r = start ? r : passing(r);
    } else {
        walk->overflow |= listing.overflow;
        r = walk_entries(walk, fd, &listing, depth);
    }
    oks_listing_clear(&listing);
    return r;
}

/* Opens the folder behind the symlink at the walk's path. */
static int open_linked(const struct walk *walk)
{
    char top[PATH_MAX], real[PATH_MAX];
    int fd, r;

    memcpy(top, walk->path, walk->root_len);
    top[walk->root_len] = '\0';
    r = oks_resolve_link(top, walk->path, real);
    if (r < 0)
        return r;
    fd = open(real, FOLDER_FLAGS);
    return fd < 0 ? -errno : fd;
}

/* One step of the way from the root to the start folder. Takes *fd and replaces it. */
static int step(struct walk *walk, int *fd, const char *name, bool linked)
{
    int next, r;

    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    r = enter_once(walk, *fd);
    if (r < 0)
        return r;
    r = path_push(walk, name);
    if (r < 0)
        return r;
    next = linked ? open_linked(walk) : open_folder(*fd, name);
    if (next < 0)
        return next;
    close(*fd);
    *fd = next;
    return 0;
}

static int go_to_start(struct walk *walk, int *fd, const char *start, unsigned *depth)
{
    char name[NAME_MAX + 1];
    int r = 0;

    while (r == 0 && *start) {
        size_t len = strcspn(start, "/");

        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        if (++*depth > OKS_WALK_DEPTH_MAX)
            return -ELOOP;
        memcpy(name, start, len);
        name[len] = '\0';
        r = step(walk, fd, name, walk->walker->linked && *depth == 1);
        start += len + (start[len] == '/');
    }
    return r;
}

/* The root may be a symlink, and on whatever file system the user says, but not inside a mount of ours. */
static int open_root(const char *top)
{
    long other = 0;
    int handle, fd, r;

    handle = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0)
        return -errno;
    r = oks_mount_is_ours(handle, &other);
    if (r != 0) {
        close(handle);
        return r < 0 ? r : -ELOOP;
    }
    fd = openat(handle, ".", FOLDER_FLAGS);
    r = fd < 0 ? -errno : fd;
    close(handle);
    return r;
}

static int walk_from(struct walk *walk, const char *top, const char *start)
{
    unsigned depth = 0;
    int fd, r;

    r = path_push(walk, top);
    if (r < 0)
        return r;
    while (walk->path_len > 1 && walk->path[walk->path_len - 1] == '/')
        path_pop(walk, walk->path_len - 1);
    walk->root_len = walk->path_len + (walk->path[walk->path_len - 1] != '/');
    fd = open_root(top);
    if (fd < 0)
        return fd;
    r = go_to_start(walk, &fd, start, &depth);
    if (r == 0)
        r = walk_folder(walk, fd, depth, true);
    close(fd);
    return r == 0 && walk->overflow ? -E2BIG : r;
}

bool oks_is_transcript(const char *name)
{
    return text_ends_with(name, ".jsonl") && strcmp(name, "journal.jsonl") != 0;
}

int oks_walk(const char *top, const char *start, const struct oks_walker *walker)
{
    struct walk *walk;
    int r;

    if (top[0] == '\0')
        return -ENOENT;
    walk = calloc(1, sizeof(*walk));
    if (!walk)
        return -ENOMEM;
    walk->walker = walker;
    walk->files_left = walker->files_max ? walker->files_max : OKS_WALK_FILES_MAX;
    walk->folders_left = OKS_WALK_FILES_MAX;
    r = walk_from(walk, top, start);
    free(walk->seen);
    free(walk);
    return r;
}
