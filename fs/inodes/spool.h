/*
 * The spool: the bytes of all append-only files, in one unnamed file. So ten thousand streams need neither
 * ten thousand descriptors nor their size in memory.
 *
 *     struct spooled file = {0};
 *
 *     rc = spool_append(spool, &file, bytes, len);
 *     n = spool_read(spool, &file, offset, buf, size);
 *     spool_drop(spool, &file);
 *
 * Thread safe, if each file is appended to and freed by one thread at a time.
 */
#ifndef OKSTRAFS_FS_INODES_SPOOL_H
#define OKSTRAFS_FS_INODES_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spool;

/* `folder`: where it is kept; NULL, or where that cannot be: in memory. Opened when first used. */
struct spool *spool_new(const char *folder); /* NULL on ENOMEM */
void spool_free(struct spool *spool);

/* Zeroed: empty. */
struct spooled {
    struct extent *extents;
    size_t n_extents;
    size_t room; /* bytes in all extents */
    size_t len;
};

/* 0 or a negative errno; on failure the file is unchanged. */
int spool_append(struct spool *spool, struct spooled *file, const char *bytes, size_t len);
/* Reads what is before `len`, which must exist. Bytes read, or a negative errno. */
ssize_t spool_read(struct spool *spool, const struct spooled *file, size_t offset, char *buf, size_t len);
/* Frees its bytes. */
void spool_drop(struct spool *spool, struct spooled *file);

#endif
