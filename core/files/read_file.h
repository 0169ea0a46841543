/* Small files, read whole, and parts of large ones (private to the core). */
#ifndef OKSTRAFS_FILES_READ_FILE_H
#define OKSTRAFS_FILES_READ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * A regular file of at most `max` bytes, with a NUL behind it; malloc'ed. Symlinks are followed, but never
 * into a mount of ours. -ENOENT, -EFBIG, -EINVAL (no regular file), -ENOMEM, ...
 */
int read_file_whole(const char *path, size_t max, char **bytes, size_t *len);
/* The same of one that oks_open_regular() opened, which is closed. */
int read_file_opened(int fd, const struct stat *st, size_t max, char **bytes, size_t *len);

/* All n bytes at that offset. 0; -ENODATA: there are fewer; another negative errno: they cannot be read. */
int read_file_at(int fd, void *to, size_t n, uint64_t at);

#endif
