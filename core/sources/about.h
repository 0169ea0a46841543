/*
 * What a transcript's path, and the files beside it, say of it: for sources whose lines do not (private to
 * the core).
 *
 * The source reads it (`about` of struct source) before each scan. It reaches the reader as a line in front
 * of the memos of the peers.
 */
#ifndef OKSTRAFS_SOURCES_ABOUT_H
#define OKSTRAFS_SOURCES_ABOUT_H

#include "sources/source_text.h"

struct source;

/* "": it does not say. */
struct source_about {
    struct source_name self; /* what tells it from all transcripts of the source, wherever it was copied to */
    struct source_name parent; /* the session that started this one */
    struct source_name agent, model, branch;
    char cwd[MEMO_TEXT_MAX + 1];
    bool sidechain; /* it is a sub-agent's */

    char *more;       /* words that only the source understands, malloc'ed; NULL: none */
    const char *rest; /* the same as about_read() finds them; "": none */
};

/* `peers` with the line in front, malloc'ed; NULL where the source has none. 0, -ENOMEM, or why a file that
 * is there could not be read. */
int about_peers(const struct source *source, const char *path, const char *memo, const char *peers,
                char **out);
/* Returns the memos behind the line. Without one, *about is empty. */
const char *about_read(const char *peers, struct source_about *about);

#endif
