/*
 * A sorted listing of one folder: its folders, and those of its files that a walk wants.
 *
 * Kinds come from the folder's own listing (d_type), so that no entry has to be looked up, least of all one
 * that is a mountpoint. Only where a filesystem gives no kinds, statx() does, which may answer from a cache.
 */
#include "files/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/passing.h"
#include "files/walk.h"

/* DT_UNKNOWN: it is gone. */
static int kind_of(int fd, const struct dirent *dirent)
{
    struct statx stx;

    if (dirent->d_type != DT_UNKNOWN)
        return dirent->d_type;
    if (statx(fd, dirent->d_name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
        return is_passing(-errno) ? -errno : DT_UNKNOWN;
    return IFTODT(stx.stx_mode);
}

static int listing_add(struct oks_listing *listing, const char *name, enum oks_entry_kind kind)
{
    char *copy;

    if (!OKS_GROW(listing->entries, listing->len, listing->room))
        return -ENOMEM;
    copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    listing->entries[listing->len++] = (struct oks_entry){copy, kind};
    return 0;
}

static enum oks_entry_kind entry_kind(int type)
{
    return type == DT_DIR   ? OKS_ENTRY_FOLDER
           : type == DT_REG ? OKS_ENTRY_FILE
           : type == DT_LNK ? OKS_ENTRY_LINK
                            : OKS_ENTRY_OTHER;
}

static int consider(int fd, const struct dirent *dirent, struct oks_listing *listing,
                    bool (*wants)(const char *name), bool others)
{
    const char *name = dirent->d_name;
    enum oks_entry_kind kind;
    int type;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    type = kind_of(fd, dirent);
    if (type < 0 || type == DT_UNKNOWN)
        return type < 0 ? type : 0;
    kind = entry_kind(type);
    if ((kind == OKS_ENTRY_FILE || kind == OKS_ENTRY_OTHER) && (!wants || !wants(name)))
        return 0;
    if ((kind == OKS_ENTRY_LINK || kind == OKS_ENTRY_OTHER) && !others)
        return 0;
    if (listing->len >= OKS_WALK_FILES_MAX) {
        listing->overflow = true;
        return 0;
    }
    return listing_add(listing, name, kind);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct oks_entry *)a)->name, ((const struct oks_entry *)b)->name);
}

/* Reads the folder through a descriptor of its own, which closedir() takes with it. */
int oks_listing_read(struct oks_listing *listing, int fd, bool (*wants)(const char *name), bool others)
{
    struct dirent *dirent;
    DIR *dir;
    int r = 0, copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        r = -errno;
        if (copy >= 0)
            close(copy);
        return r;
    }
    while (r == 0) {
        errno = 0;
        dirent = readdir(dir);
        if (!dirent) {
            r = -errno;
            break;
        }
        r = consider(fd, dirent, listing, wants, others);
    }
    closedir(dir);
    if (listing->len > 0)
        qsort(listing->entries, listing->len, sizeof(*listing->entries), by_name);
    return r;
}

void oks_listing_clear(struct oks_listing *listing)
{
    for (size_t i = 0; i < listing->len; i++)
        free(listing->entries[i].name);
    free(listing->entries);
}
