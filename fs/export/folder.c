/*
 * A folder of an export, and its manifest.
 *
 * The manifest begins with a line that says what it is; then there is one name a line. Names of the tree have
 * no line feed in them.
 */
#include "export/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 16, /* of folders that are removed; the tree has fewer */
    CHUNK = 1 << 16,
    OPEN_TRIES = 2,
    READABLE = 0444,
    PERMISSIONS = 0777,
};

static const char heading[] = "okstrafs export 1\n";

/* --- rights --- */

static mode_t folder_mode(const struct export_rights *rights)
{
    return rights->mode | (rights->mode & READABLE) >> 2;
}

static int set_rights(int fd, const struct export_rights *rights, mode_t mode)
{
    if (rights->has_group && fchown(fd, (uid_t)-1, rights->group) < 0)
        return -errno;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

static bool has_rights(const struct stat *st, const struct export_rights *rights, mode_t mode)
{
    return (st->st_mode & PERMISSIONS) == mode && (!rights->has_group || st->st_gid == rights->group);
}

bool export_has_rights(const struct stat *st, const struct export_rights *rights)
{
    return has_rights(st, rights, rights->mode);
}

/* --- files --- */

int export_write(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int export_folder_begin(const struct export_folder *f)
{
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        int fd = openat(f->fd, EXPORT_TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd >= 0 || errno != EEXIST)
            return fd < 0 ? -errno : fd;
        unlinkat(f->fd, EXPORT_TEMPORARY, 0); /* of a process that was killed */
    }
    return -EEXIST;
}

void export_folder_drop(const struct export_folder *f, int fd)
{
    close(fd);
    unlinkat(f->fd, EXPORT_TEMPORARY, 0);
}

int export_folder_keep(const struct export_folder *f, int fd, const char *name)
{
    int rc = set_rights(fd, f->rights, f->rights->mode);

    if (rc == 0 && renameat(f->fd, EXPORT_TEMPORARY, f->fd, name) < 0)
        rc = -errno;
    if (rc < 0)
        export_folder_drop(f, fd);
    else
        close(fd);
    return rc;
}

static bool has_bytes(int fd, const char *bytes, size_t len)
{
    char chunk[CHUNK];

    while (len > 0) {
        ssize_t n = read(fd, chunk, len < sizeof(chunk) ? len : sizeof(chunk));

        if (n <= 0 || memcmp(chunk, bytes, (size_t)n) != 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Whether the file is there with this content. Its rights are set, if they are others. */
static bool is_there(const struct export_folder *f, const char *name, const void *bytes, size_t len)
{
    int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    bool same;

    if (fd < 0)
        return false;
    same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == len &&
           has_bytes(fd, bytes, len) &&
           (has_rights(&st, f->rights, f->rights->mode) || set_rights(fd, f->rights, f->rights->mode) == 0);
    close(fd);
    return same;
}

int export_folder_file(struct export_folder *f, const char *name, const void *bytes, size_t len)
{
    int fd, rc;

    if (is_there(f, name, bytes, len))
        return 0;
    fd = export_folder_begin(f);
    if (fd < 0)
        return fd;
    rc = export_write(fd, bytes, len);
    if (rc < 0) {
        export_folder_drop(f, fd);
        return rc;
    }
    rc = export_folder_keep(f, fd, name);
    return rc < 0 ? rc : 1;
}

int export_folder_link(struct export_folder *f, const char *name, const char *target)
{
    size_t len = strlen(target);
    char *is = malloc(len + 2);
    ssize_t n = is ? readlinkat(f->fd, name, is, len + 1) : -1;
    bool same = n == (ssize_t)len && memcmp(is, target, len) == 0;

    free(is);
    if (!is)
        return -ENOMEM;
    if (same)
        return 0;
    unlinkat(f->fd, EXPORT_TEMPORARY, 0);
    if (symlinkat(target, f->fd, EXPORT_TEMPORARY) < 0)
        return -errno;
    if (renameat(f->fd, EXPORT_TEMPORARY, f->fd, name) < 0) {
        int rc = -errno;

        unlinkat(f->fd, EXPORT_TEMPORARY, 0);
        return rc;
    }
    return 1;
}

/* --- the manifest --- */

/* 0; -ENOENT; -EINVAL: it is something else. */
static int read_manifest(int dir, struct name_list *out)
{
    int fd = openat(dir, EXPORT_MANIFEST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    if (!file) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    n = getline(&line, &room, file);
    rc = n <= 0 && !feof(file) ? -EIO : n > 0 && strcmp(line, heading) == 0 ? 0 : -EINVAL;
    while (rc == 0 && (n = getline(&line, &room, file)) > 0)
        if (line[n - 1] == '\n') {
            line[n - 1] = '\0';
            rc = *line && !strchr(line, '/') && strcmp(line, ".") != 0 && strcmp(line, "..") != 0
                     ? name_list_add(out, line)
                     : 0;
        }
    if (rc == 0 && !feof(file)) /* a list that ends early has names that others seem to have made */
        rc = -EIO;
    free(line);
    fclose(file);
    name_list_sort(out);
    return rc;
}

static int write_manifest(struct export_folder *f, const struct name_list *names)
{
    size_t room = sizeof(heading);
    char *text, *end;
    int rc;

    for (size_t i = 0; i < names->len; i++)
        room += strlen(names->items[i]) + 1;
    text = malloc(room);
    if (!text)
        return -ENOMEM;
    end = stpcpy(text, heading);
    for (size_t i = 0; i < names->len; i++)
        end = stpcpy(stpcpy(end, names->items[i]), "\n");
    rc = export_folder_file(f, EXPORT_MANIFEST, text, (size_t)(end - text));
    free(text);
    return rc < 0 ? rc : 0;
}

/* --- opening --- */

int export_folder_load(struct export_folder *f)
{
    struct name_list *names;
    int rc;

    if (f->written)
        return 0;
    names = name_list_new();
    rc = names ? read_manifest(f->fd, names) : -ENOMEM;
    if (rc < 0 && rc != -ENOENT && (rc != -EINVAL || f->is_top)) {
        name_list_free(names);
        return rc;
    }
    f->written = names;
    return f->is_top ? rc : 0;
}

static int is_empty(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int rc = 1;

    if (!entries) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (errno = 0, rc == 1 && (entry = readdir(entries)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, EXPORT_TEMPORARY) != 0)
            rc = 0;
    rc = rc == 1 && errno ? -errno : rc;
    closedir(entries);
    return rc;
}

/* A new folder gets the rights; one that was there keeps its own. */
static int open_folder(int at, const char *name, int flags, const struct export_rights *rights)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags), rc;
    bool made = fd < 0 && errno == ENOENT && mkdirat(at, name, 0700) == 0;

    if (made)
        fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (fd < 0)
        return -errno;
    rc = made ? set_rights(fd, rights, folder_mode(rights)) : 0;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

int export_folder_open_top(struct export_folder *out, const char *path, const struct export_rights *rights)
{
    struct export_folder f = {.fd = open_folder(AT_FDCWD, path, 0, rights), .is_top = true, .rights = rights};
    int rc;

    if (f.fd < 0)
        return f.fd;
    rc = flock(f.fd, LOCK_EX | LOCK_NB) < 0 ? -errno : export_folder_load(&f);
    if (rc == -ENOENT) { /* no manifest */
        rc = is_empty(f.fd);
        rc = rc == 1 ? write_manifest(&f, f.written) : rc == 0 ? -ENOTEMPTY : rc;
    }
    if (rc < 0) {
        export_folder_close(&f);
        return rc == -EINVAL ? -ENOTEMPTY : rc;
    }
    unlinkat(f.fd, EXPORT_TEMPORARY, 0); /* of a process that was killed */
    *out = f;
    return 0;
}

int export_folder_open(struct export_folder *out, const struct export_folder *parent, const char *name)
{
    int fd = open_folder(parent->fd, name, O_NOFOLLOW, parent->rights), rc = 0;
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) == 0 && !has_rights(&st, parent->rights, folder_mode(parent->rights)))
        rc = set_rights(fd, parent->rights, folder_mode(parent->rights));
    if (rc < 0) {
        close(fd);
        return rc;
    }
    if (!parent->swept)
        unlinkat(fd, EXPORT_TEMPORARY, 0); /* of a process that was killed */
    *out = (struct export_folder){.fd = fd, .swept = parent->swept, .rights = parent->rights};
    return 0;
}

void export_folder_close(struct export_folder *f)
{
    close(f->fd);
    name_list_free(f->written);
    *f = (struct export_folder){.fd = -1};
}

/* --- what is in it --- */

static void take_off(struct name_list *names, size_t i)
{
    free(names->items[i]);
    memmove(names->items + i, names->items + i + 1, (names->len - i - 1) * sizeof(*names->items));
    names->len--;
}

/* 1, 0 or a negative errno */
static int exists(const struct export_folder *f, const char *name)
{
    struct stat st;

    if (fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

int export_folder_claim(struct export_folder *f, struct name_list *names,
                        void (*foreign)(void *ctx, const char *name), void *ctx)
{
    int rc = export_folder_load(f);
    size_t before = rc == 0 ? f->written->len : 0;

    for (size_t i = 0; rc == 0 && i < names->len;) {
        const char *name = names->items[i];
        bool known = before && bsearch(&name, f->written->items, before, sizeof(name), name_list_compare);

        rc = known ? 0 : exists(f, name);
        if (rc > 0) {
            foreign(ctx, name);
            take_off(names, i);
            rc = 0;
            continue;
        }
        if (rc == 0 && !known)
            rc = name_list_add(f->written, name);
        i++;
    }
    if (rc == 0 && f->written->len > before)
        rc = write_manifest(f, f->written);
    if (f->written)
        name_list_sort(f->written);
    return rc;
}

bool export_folder_has_folder(const struct export_folder *f, const char *name)
{
    char path[NAME_MAX + sizeof("/" EXPORT_MANIFEST)];
    int n = snprintf(path, sizeof(path), "%s/" EXPORT_MANIFEST, name);

    return n > 0 && (size_t)n < sizeof(path) && exists(f, path) > 0;
}

static int remove_entry(int dir, const char *name, int depth);

/* What its manifest lists, the manifest, and the folder if nothing else is in it. */
static int remove_folder(int dir, const char *name, int depth)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
    struct name_list *written = fd < 0 ? NULL : name_list_new();

    if (!written) {
        rc = fd < 0 ? -errno : -ENOMEM;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    rc = read_manifest(fd, written);
    for (size_t i = 0; rc == 0 && i < written->len; i++)
        rc = remove_entry(fd, written->items[i], depth + 1);
    name_list_free(written);
    if (rc == 0) {
        unlinkat(fd, EXPORT_TEMPORARY, 0);
        unlinkat(fd, EXPORT_MANIFEST, 0);
    }
    close(fd);
    if (rc == -ENOENT || rc == -EINVAL) /* no manifest: nothing in it was written by an export */
        rc = 0;
    return rc == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : rc;
}

/* What is gone, or not empty because of others, is no error. */
static int remove_entry(int dir, const char *name, int depth)
{
    struct stat st;
    int rc;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(st.st_mode))
        rc = depth < DEPTH_MAX ? remove_folder(dir, name, depth) : -ELOOP;
    else
        rc = unlinkat(dir, name, 0) < 0 ? -errno : 0;
    return rc == -ENOENT || rc == -ENOTEMPTY || rc == -EEXIST ? 0 : rc;
}

static bool is_same_list(const struct name_list *a, const struct name_list *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

int export_folder_settle(struct export_folder *f, const struct name_list *names)
{
    struct name_list *now;
    int rc = export_folder_load(f), added = 0;

    if (rc < 0)
        return rc;
    if (is_same_list(f->written, names) &&
        ((!f->is_top && names->len) || exists(f, EXPORT_MANIFEST))) /* it was read from there just now */
        return 0;
    for (size_t i = 0; rc == 0 && i < f->written->len; i++)
        if (!name_list_have(names, f->written->items[i]))
            rc = remove_entry(f->fd, f->written->items[i], 0);
    if (rc < 0)
        return rc;
    rc = write_manifest(f, names);
    now = rc == 0 ? name_list_new() : NULL;
    for (size_t i = 0; now && added == 0 && i < names->len; i++)
        added = name_list_add(now, names->items[i]);
    if (!now || added < 0) {
        name_list_free(now);
        return rc < 0 ? rc : -ENOMEM;
    }
    name_list_free(f->written);
    f->written = now;
    return 0;
}
