/*
 * The log of the history store, and how the index keeps up with it.
 *
 * A record is a head, the path, and the payload. The head has a checksum over itself and the path; the
 * payload is a cache file's content with its own seal. So a start reads heads only, and a torn or damaged
 * record is found when it is read. The search for the next record goes by its mark.
 *
 * Writers take flock(2) on the log. They cut off a torn record at its end, and append what waits. A writer
 * that finds records of another program reads those first. A compaction writes a new log beside the old one
 * and renames it; a program with the old one open sees that it has another inode.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passing.h"
#include "cache/cache_parts.h"
#include "files/read_file.h"

enum {
    PAYLOAD_MAX = OKS_CACHE_BYTES_MAX,
    SEARCH_BYTES = 64 << 10, /* read at once to find the next record */
};

/* The checksum of a head: `head` without its checksum, then the path. */
static int head_hash(const struct record_head *h, const char *path, uint8_t out[OKS_SHA256_BYTES])
{
    size_t n = offsetof(struct record_head, sha256);
    char *bytes = malloc(n + h->path_len);
    int rc;

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, h, n);
    memcpy(bytes + n, path, h->path_len);
    rc = oks_sha256(bytes, n + h->path_len, out);
    free(bytes);
    return rc;
}

/* Reads the head and the path at an offset of a log of `size` bytes. 1: it is whole, 0: it is not. */
static int read_head(int fd, uint64_t at, uint64_t size, struct record_head *h, char path[HISTORY_PATH_MAX])
{
    uint8_t sha256[OKS_SHA256_BYTES];
    int rc;

    if (size - at < sizeof(*h))
        return 0;
    rc = read_file_at(fd, h, sizeof(*h), at);
    if (rc < 0)
        return passing(rc);
    if (memcmp(h->mark, HISTORY_MARK, sizeof(h->mark)) != 0 || h->order != HISTORY_ORDER || h->kind == 0 ||
        h->kind >= HISTORY_KINDS || h->path_len >= HISTORY_PATH_MAX || h->payload_len > PAYLOAD_MAX ||
        h->path_len + h->payload_len > size - at - sizeof(*h))
        return 0;
    rc = read_file_at(fd, path, h->path_len, at + sizeof(*h));
    if (rc < 0)
        return passing(rc);
    path[h->path_len] = '\0';
    if (strlen(path) != h->path_len)
        return 0;
    rc = head_hash(h, path, sha256);
    return rc < 0 ? rc : memcmp(sha256, h->sha256, sizeof(sha256)) == 0;
}

/* *at: the offset of the next mark from there on, or `size`. 0 or a failure that passes */
static int next_mark(int fd, uint64_t *at, uint64_t size)
{
    char *bytes = malloc(SEARCH_BYTES), *found = NULL;
    uint64_t here = *at;
    int rc = bytes ? 0 : -ENOMEM;

    while (rc == 0 && !found && size - here >= HISTORY_MARK_BYTES) {
        size_t n = size - here < SEARCH_BYTES ? (size_t)(size - here) : SEARCH_BYTES;

        rc = read_file_at(fd, bytes, n, here);
        if (rc < 0)
            break;
        found = memmem(bytes, n, HISTORY_MARK, HISTORY_MARK_BYTES);
        here += found ? (size_t)(found - bytes) : n - HISTORY_MARK_BYTES + 1;
    }
    free(bytes);
    *at = found ? here : size;
    return passing(rc);
}

/* Another program has forgotten the path. What waits was said before that, and must not be written behind it.
 */
static void forget_waiting(struct history_store *s, const char *path)
{
    struct waiting *w;

    TAILQ_FOREACH(w, &s->queue, next)
        w->forgotten |= strcmp(w->path, path) == 0;
}

/*
 * Reads the records in [from, size). *end: of the last whole one. What is at `others` or behind it was
 * written by other programs.
 */
static int read_records(struct history_store *s, uint64_t from, uint64_t size, uint64_t others, uint64_t *end)
{
    char *path = malloc(HISTORY_PATH_MAX);
    int rc = path ? 0 : -ENOMEM;

    for (uint64_t at = from; rc == 0 && at < size;) {
        struct record_head h;
        int whole = read_head(s->fd, at, size, &h, path);

        if (whole < 0) {
            rc = whole;
        } else if (whole) {
            struct piece piece = {.at = at + sizeof(h) + h.path_len, .len = h.payload_len};

            struct history_file *f;

            rc = history_apply(s, path, &h, &piece);
            f = history_file_of(s, path);
            if (f)
                f->in_log = true;
            if (h.kind == HISTORY_FORGOTTEN && at >= others)
                forget_waiting(s, path);
            at = piece.at + piece.len;
            if (rc == 0)
                *end = at;
        } else {
            at++;
            rc = next_mark(s->fd, &at, size);
        }
    }
    free(path);
    return rc;
}

int history_open_folder(const struct history_store *s, bool create)
{
    char sub[] = "okstrafs";
    char *const subs[2] = {sub, NULL};

    return oks_cache_folder_open(s->home, subs, "history", create);
}

static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & S_IWOTH);
}

/* Opens the log if another one is in its place than the one that is open. 1: another one is open now. */
int history_open_log(struct history_store *s, int folder, bool create)
{
    struct stat st, open_st;
    bool there = fstatat(folder, HISTORY_LOG, &st, AT_SYMLINK_NOFOLLOW) == 0;
    int flags = (create ? O_RDWR | O_APPEND | O_CREAT : s->writes ? O_RDWR | O_APPEND : O_RDONLY), fd, rc;

    if (!there && !is_absent(-errno))
        return -errno;
    if (there && s->fd >= 0 && fstat(s->fd, &open_st) == 0 && st.st_ino == open_st.st_ino &&
        st.st_dev == open_st.st_dev)
        return 0;
    if (!there && !create) {
        if (s->fd < 0)
            return 0;
        close(s->fd);
        s->fd = -1;
        return 1;
    }
    if (there && !is_ours(&st))
        return -EPERM;
    fd = openat(folder, HISTORY_LOG, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0 && !create && s->writes && (errno == EACCES || errno == EROFS))
        fd = openat(folder, HISTORY_LOG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) < 0 ? -errno : is_ours(&st) ? 0 : -EPERM;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    if (!there)
        fsync(folder); /* its name: fdatasync(2) of the log keeps no more than what is in it */
    if (s->fd >= 0)
        close(s->fd);
    s->fd = fd;
    return 1;
}

/*
 * Whether something was forgotten since the last call, or a failure that passes. A marker that cannot be read
 * for another reason is the one it was.
 */
static int was_forgotten(struct history_store *s)
{
    struct stat st = s->forgotten, *before = &s->forgotten;
    int rc = history_store_marker(s, &st);
    bool replaced;

    if (is_passing(rc))
        return rc;
    replaced = st.st_ino != before->st_ino || st.st_mtim.tv_sec != before->st_mtim.tv_sec ||
               st.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
    s->forgotten = st;
    return replaced;
}

/* Whether the log had a record of the path, of each record that waits. Under `lock`, like the next one. */
static void look_before(struct history_store *s)
{
    struct waiting *w;

    TAILQ_FOREACH(w, &s->queue, next) {
        const struct history_file *f = history_file_of(s, w->path);

        w->in_log = f && f->in_log;
        w->forgotten = false;
    }
}

/* What the new log has no more was forgotten, and with it what waits. */
static void forget_gone(struct history_store *s)
{
    struct waiting *w;

    TAILQ_FOREACH(w, &s->queue, next)
        w->forgotten |= w->in_log && !history_file_of(s, w->path);
}

static void drop_forgotten(struct history_store *s)
{
    struct waiting *w, *next;

    for (w = TAILQ_FIRST(&s->queue); w; w = next) {
        next = TAILQ_NEXT(w, next);
        if (w->forgotten)
            history_waiting_end(s, w);
    }
}

/* The index, and how far into the log it goes. */
struct indexed {
    void *files;
    bool adopted;
    uint64_t used, end;
};

static struct indexed index_taken(struct history_store *s)
{
    struct indexed index = {s->files, s->adopted, s->used, s->end};

    s->files = NULL;
    history_index_clear(s);
    s->end = 0;
    return index;
}

static void index_put_back(struct history_store *s, const struct indexed *index)
{
    history_index_clear(s);
    s->files = index->files;
    s->adopted = index->adopted;
    s->used = index->used;
    s->end = index->end;
}

/*
 * Brings the index up to the log. `reopened`: it is another log, so all of it is read. What waits is applied
 * behind that, except records of files that another program has forgotten meanwhile.
 *
 * If that fails, the index is what it was: an index that lacks files would say that they were forgotten.
 */
int history_catch_up(struct history_store *s, bool reopened)
{
    bool another = reopened || s->another;
    struct stat marker = s->forgotten;
    struct indexed before = {0};
    uint64_t others;
    struct waiting *w;
    struct stat st = {0};
    int rc, forgets;

    if (s->fd >= 0 && fstat(s->fd, &st) < 0)
        return -errno;
    s->another = another;
    reopened |= s->partial || (uint64_t)st.st_size < s->end;
    if (!reopened && (uint64_t)st.st_size == s->end)
        return 0;
    pthread_mutex_lock(&s->lock);
    forgets = another ? was_forgotten(s) : 0;
    if (forgets < 0) {
        pthread_mutex_unlock(&s->lock);
        return forgets;
    }
    others = another ? UINT64_MAX : s->end;
    reopened |= !TAILQ_EMPTY(&s->queue); /* what waits comes behind what others have appended */
    if (reopened) {
        look_before(s);
        before = index_taken(s);
    }
    rc = s->fd >= 0 ? read_records(s, s->end, (uint64_t)st.st_size, others, &s->end) : 0;
    s->bytes = (uint64_t)st.st_size;
    if (rc == 0 && forgets)
        forget_gone(s);
    if (reopened)
        TAILQ_FOREACH(w, &s->queue, next)
            if (rc == 0 && !w->forgotten)
                rc = history_apply_waiting(s, w);
    s->partial = rc < 0;
    s->another = another && rc < 0;
    if (rc < 0)
        s->forgotten = marker;
    if (reopened && rc < 0) {
        index_put_back(s, &before);
    } else if (reopened) {
        history_files_free(before.files);
        drop_forgotten(s); /* the former index may have pointed to them */
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int history_store_read(struct history_store *s)
{
    int folder, rc = 0;

    pthread_mutex_lock(&s->io);
    folder = history_open_folder(s, false);
    if (folder >= 0) {
        rc = history_open_log(s, folder, false);
        close(folder);
        if (rc >= 0)
            rc = history_catch_up(s, rc);
    } else {
        rc = passing(folder);
    }
    pthread_mutex_unlock(&s->io);
    return rc;
}

/* Completes the head with its checksum. */
int history_write_record(int fd, struct record_head *h, const char *path, const char *payload)
{
    int rc = head_hash(h, path, h->sha256);

    if (rc == 0)
        rc = oks_cache_write_all(fd, (const char *)h, sizeof(*h));

    if (rc == 0)
        rc = oks_cache_write_all(fd, path, h->path_len);
    return rc == 0 && h->payload_len ? oks_cache_write_all(fd, payload, h->payload_len) : rc;
}

static int lock_log(int fd)
{
    int rc;

    do
        rc = flock(fd, LOCK_EX);
    while (rc < 0 && errno == EINTR);
    /* A filesystem without locks: two programs at once are rare, and a torn record is noticed. */
    if (rc < 0 && (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
        return 0;
    return rc < 0 ? -errno : 0;
}

/* A torn record at the end would hide what is appended to it. Under flock(2) nobody is writing it. */
static int cut_torn(struct history_store *s)
{
    if (s->bytes == s->end)
        return 0;
    if (ftruncate(s->fd, (off_t)s->end) < 0)
        return -errno;
    pthread_mutex_lock(&s->lock);
    s->bytes = s->end;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Opens and locks the log that is in force, with the index up to it. */
int history_begin_writing(struct history_store *s, int folder)
{
    int rc = history_open_log(s, folder, true);
    bool reopened = rc > 0;

    while (rc >= 0) {
        rc = lock_log(s->fd);
        if (rc == 0)
            rc = history_open_log(s, folder,
                                  true); /* a compaction may have replaced it before it was locked */
        if (rc == 0)
            break;
        reopened |= rc > 0;
    }
    if (rc == 0)
        rc = history_catch_up(s, reopened);
    if (rc == 0)
        rc = cut_torn(s);
    if (rc < 0 && s->fd >= 0)
        flock(s->fd, LOCK_UN);
    return rc;
}
