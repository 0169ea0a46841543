/*
 * The bytes of one generation of a document: in memory, in the spool if they are many, or given up.
 *
 * Content that no program has open may be given up. Its length and digest stay, so that the document can be
 * rendered again and compared.
 *
 *     content_init(&content, spool, bytes, len);           takes over bytes
 *     n = content_read(&content, spool, offset, buf, size);
 *     content_give_up(&content, spool);
 *     if (content_equal(&content, &other)) ...             whatever became of the bytes
 *
 * Not thread safe, except that several threads may read, and that `len` never changes: attributes are read
 * without a lock.
 */
#ifndef OKSTRAFS_FS_INODES_CONTENT_H
#define OKSTRAFS_FS_INODES_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "inodes/spool.h"
#include "internal/digest.h"
#include "okstrafs/engine.h"

enum { CONTENT_MEMORY_MAX = 256 << 10 }; /* longer content goes into the spool */

/* Zeroed: empty, in memory. */
struct content {
    size_t len;
    char *bytes; /* NULL: in the spool, or given up */
    struct spooled spooled;
    bool given_up;
    bool has_digest;
    uint8_t digest[OKS_DIGEST_BYTES];
};

/* Takes over bytes (malloc'ed). `spool` may be NULL: then everything is in memory. */
void content_init(struct content *content, struct spool *spool, char *bytes, size_t len);
void content_clear(struct content *content, struct spool *spool);
void content_give_up(struct content *content, struct spool *spool);
/* Takes the bytes of equal content over, into one that was given up. */
void content_take(struct content *content, struct content *from);
bool content_equal(const struct content *a, const struct content *b);
/* At most size bytes, of content that was not given up. Bytes read (0: the end) or a negative errno. */
ssize_t content_read(const struct content *content, struct spool *spool, size_t offset, char *buf,
                     size_t size);

#endif
