/*
 * The content of a zstd file, read as a stream, in bounded memory.
 *
 * A frame that needs a window of more than 8 MiB, is torn or wrong, or holds far more than any text would, is
 * a bad file: -EBADMSG.
 */
#ifndef OKSTRAFS_FILES_UNPACK_H
#define OKSTRAFS_FILES_UNPACK_H

#include <stddef.h>
#include <sys/types.h>

struct unpack;

/* `fd` is borrowed, and read with pread from its start. 0 or -ENOMEM */
int unpack_new(struct unpack **out, int fd);
void unpack_free(struct unpack *unpack); /* NULL is fine */
/* The next bytes, at most `size` (not 0); 0: the end. -EBADMSG, -ENOMEM, or what pread(2) says. */
ssize_t unpack_read(struct unpack *unpack, void *buf, size_t size);

#endif
