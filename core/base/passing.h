/*
 * Failures that say nothing about the file at hand: the machine is out of memory or descriptors, a call was
 * interrupted, or a disk did not answer. The next try may succeed.
 *
 * Whoever meets one fails, and remembers nothing: neither that a file is absent, nor that it was read.
 */
#ifndef OKSTRAFS_BASE_PASSING_H
#define OKSTRAFS_BASE_PASSING_H

#include <errno.h>
#include <stdbool.h>

/* `rc`: a negative errno, or anything else, which is none. */
static inline bool is_passing(int rc)
{
    return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EIO || rc == -EINTR || rc == -EAGAIN;
}

/* Whether a look at a path has shown that nothing is there. No other failure shows that. */
static inline bool is_absent(int rc)
{
    return rc == -ENOENT || rc == -ENOTDIR;
}

/* The failure if it passes, else 0: for callers that take all other failures as "there is nothing". */
static inline int passing(int rc)
{
    return is_passing(rc) ? rc : 0;
}

#endif
