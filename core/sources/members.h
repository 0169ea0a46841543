/*
 * Members: transcripts that are not files of their own, but are inside of one, as the sessions of a database.
 *
 * What holds them is a container: a file, or a folder of many small files. Discovery finds containers and
 * reports their changes. The engine then has the members listed, and each is a transcript whose path is that
 * of its container, a '/' and its name. A listing reports what is new since the one before it: members whose
 * mark is another one, and those that are gone. A member is read as a whole, as JSON lines that the source's
 * reader takes like those of a file, and is cached under its mark.
 */
#ifndef OKSTRAFS_SOURCES_MEMBERS_H
#define OKSTRAFS_SOURCES_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The state of a member: equal marks mean that nothing has changed. */
struct member_mark {
    int64_t time_ms; /* of its last change, as far as it is known; since the epoch */
    uint64_t digest;
};

/* What a listing reports. A callback that returns non-zero ends it. */
struct member_sink {
    void *ctx;
    int (*seen)(void *ctx, const char *name, const struct member_mark *mark);
    int (*gone)(void *ctx, const char *name);
};

enum { MEMBERS_AGAIN = 1 };

struct source_members {
    /* The container that a file belongs to, by paths below the root. False: none. */
    bool (*container)(const char *rel, char *out, size_t size);
    /*
     * Lists the members of the container at `path`; `*known` is what the listing before has left (NULL at
     * first), and is not to be used after a failure. `touched`: something in it was written to. 0;
     * MEMBERS_AGAIN: all is listed that is likely to have changed, and the rest is to be looked at later,
     * even if nothing more is written; -ENOENT: there is no container any more; another negative errno
     */
    int (*list)(const char *path, bool touched, void **known, const struct member_sink *sink);
    void (*forget)(void *known);

    /* Opens the member with the path. -ENOENT: it is gone; another negative errno */
    int (*open)(const char *path, void **reader);
    /* The next bytes, at most `size`; 0: the end. -ESTALE: it has changed meanwhile, and is to be read anew.
     */
    ssize_t (*read)(void *reader, void *to, size_t size);
    void (*close)(void *reader); /* NULL is fine */
};

#endif
