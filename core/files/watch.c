/*
 * A queue of changes in watched folders: inotify, reduced to which name changed in which folder.
 *
 * One watch per folder, never one per file: the cost of a drain is the number of changes, not of transcripts.
 * Filesystems on which others can write without this kernel knowing (network, FUSE) accept a watch and then
 * stay silent, so they are refused by type, and the caller falls back to stat.
 */
#include "files/watch.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { EVENT_BUFFER = 64 << 10 };

#define FOLDER_EVENTS                                                                               \
    (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

struct owner {
    int id;
    void *owner;
};

struct watch {
    int fd;
    void *owners; /* tsearch tree of struct owner, by id */
    uint64_t strays;
    char *buffer;
};

static int by_id(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

int watch_new(struct watch **out)
{
    struct watch *w = calloc(1, sizeof(*w));
    int rc;

    if (!w)
        return -ENOMEM;
    w->fd = -1;
    w->buffer = malloc(EVENT_BUFFER);
    if (!w->buffer) {
        watch_free(w);
        return -ENOMEM;
    }
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) {
        rc = -errno;
        watch_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    tdestroy(w->owners, free);
    free(w->buffer);
    free(w);
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

/* Magic numbers of statfs(2) that are not in every libc's headers. */
bool watch_reports(const char *path)
{
    static const unsigned long silent[] = {
        0x6969,     /* NFS */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x517b,     /* SMB */
        0x65735546, /* FUSE */
        0x01021997, /* 9P */
        0x5346414f, /* AFS */
        0x73757245, /* Coda */
        0x00c36400, /* Ceph */
        0x786f4256, /* VirtualBox shared folders */
        0xbacbacbc, /* VMware HGFS */
    };
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return true; /* the watch itself will tell what is wrong */
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
        if (((unsigned long)fs.f_type & 0xffffffff) == silent[i])
            return false;
    return true;
}

int watch_place(const struct watch *w, const char *path)
{
    int wd = watch_reports(path) ? inotify_add_watch(w->fd, path, FOLDER_EVENTS) : -ENOTSUP;

    return wd == -1 ? -errno : wd;
}

int watch_own(struct watch *w, int id, void *owner)
{
    struct owner *o = malloc(sizeof(*o)), **found;

    if (!o)
        return -ENOMEM;
    *o = (struct owner){id, owner};
    found = tsearch(o, &w->owners, by_id);
    if (!found) {
        free(o);
        return -ENOMEM;
    }
    if (*found != o) {
        (*found)->owner = owner;
        free(o);
    }
    return 0;
}

int watch_add(struct watch *w, const char *path, void *owner, int *id)
{
    int wd = watch_place(w, path), rc = wd < 0 ? wd : watch_own(w, wd, owner);

    if (rc == 0)
        *id = wd;
    else if (wd >= 0)
        inotify_rm_watch(w->fd, wd);
    return rc;
}

void watch_displace(const struct watch *w, int id)
{
    struct owner key = {.id = id};

    if (id >= 0 && !tfind(&key, &w->owners, by_id))
        inotify_rm_watch(w->fd, id);
}

uint64_t watch_strays(const struct watch *w)
{
    return w->strays;
}

static void forget(struct watch *w, int id)
{
    struct owner key = {.id = id};
    struct owner **found = tfind(&key, &w->owners, by_id);
    struct owner *o;

    if (!found)
        return;
    o = *found;
    tdelete(&key, &w->owners, by_id);
    free(o);
}

void watch_remove(struct watch *w, int id)
{
    inotify_rm_watch(w->fd, id);
    forget(w, id);
}

static void deliver(struct watch *w, const struct inotify_event *e,
                    void (*fn)(void *, void *, enum watch_change, const char *), void *ctx)
{
    struct owner key = {.id = e->wd};
    struct owner **found = tfind(&key, &w->owners, by_id);
    void *owner;

    if (!found) {
        w->strays += !(e->mask & IN_IGNORED); /* that is the end of a watch which was removed */
        return;
    }
    owner = (*found)->owner;
    if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
        if (e->mask & IN_MOVE_SELF)
            inotify_rm_watch(w->fd, e->wd);
        forget(w, e->wd);
        fn(ctx, owner, WATCH_ENDED, NULL);
        return;
    }
    if (e->len == 0)
        return;
    if (e->mask & (IN_DELETE | IN_MOVED_FROM))
        fn(ctx, owner, WATCH_LOST, e->name);
    else if (!(e->mask & IN_ISDIR))
        fn(ctx, owner,
           e->mask & (IN_MODIFY | IN_CLOSE_WRITE) ? WATCH_WRITTEN
           : e->mask & IN_ATTRIB                  ? WATCH_ATTRIBUTES
                                                  : WATCH_FILE,
           e->name);
    else if (e->mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB))
        fn(ctx, owner, WATCH_FOLDER, e->name);
}

int watch_drain(struct watch *w,
                void (*fn)(void *ctx, void *owner, enum watch_change change, const char *name), void *ctx)
{
    int overflow = 0;

    for (;;) {
        ssize_t n = read(w->fd, w->buffer, EVENT_BUFFER);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? overflow : -errno;
        for (char *p = w->buffer; p < w->buffer + n;) {
            const struct inotify_event *e = (const void *)p;

            if (e->mask & IN_Q_OVERFLOW)
                overflow = 1;
            else
                deliver(w, e, fn, ctx);
            p += sizeof(*e) + e->len;
        }
    }
}
