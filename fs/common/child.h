/*
 * Asks in a child process what a filesystem may never answer.
 *
 *     static int say(const void *ctx)
 *     {
 *         return puts(ctx) < 0 || fflush(stdout) ? 1 : 0; // stdout and stderr are the text
 *     }
 *     status = child_ask(say, "hello", 2000, text, sizeof(text), &len);
 *
 * A child that waits in a filesystem cannot always be killed. So it is left behind, and it must have none of
 * this process's descriptors: whoever reads our output waits until the last process has closed it.
 */
#ifndef OKSTRAFS_FS_COMMON_CHILD_H
#define OKSTRAFS_FS_COMMON_CHILD_H

#include <stddef.h>

/*
 * Runs `ask` in a child. What it prints is put in `text`, without a terminator. Its result, 0 to 255;
 * -ETIMEDOUT: it had not ended after `ms` milliseconds; -EFBIG: it printed more than `size` bytes; -EIO: a
 * signal ended it; or another negative errno, of starting it. `len` is set when the result is not negative.
 */
int child_ask(int (*ask)(const void *ctx), const void *ctx, int ms, char *text, size_t size, size_t *len);

#endif
