/*
 * The spool: the bytes of all append-only files, in one unnamed file: looking up ten thousand streams takes
 * neither ten thousand descriptors nor their size in memory. Thread safe, as far as each spooled file is used
 * by one thread at a time for appending and freeing.
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

/* 0 or -errno; on failure the file is as before. */
int spool_append(struct spool *spool, struct spooled *file, const char *bytes, size_t len);
/* What lies before `len`, which the caller knows to be there; bytes read or -errno. */
ssize_t spool_read(struct spool *spool, const struct spooled *file, size_t offset, char *buf, size_t len);
/* Gives its bytes back. */
void spool_drop(struct spool *spool, struct spooled *file);

#endif
