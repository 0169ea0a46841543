/*
 * Copilot CLI's session-store.db: a row for each request, of the sessions that it knows (private to the
 * source).
 *
 * A session that has rows there has all of its requests there, and exactly. So its events tell no usage then.
 */
#ifndef OKSTRAFS_SOURCES_COPILOT_STORE_H
#define OKSTRAFS_SOURCES_COPILOT_STORE_H

#include <stdbool.h>

#include "base/words.h"
#include "sources/source_text.h"

enum { COPILOT_ROWS_MAX = 1 << 16 }; /* of one session, that are taken up at once */

/* A row as it stands, and nothing of its session. */
struct copilot_row {
    uint64_t number; /* ascends */
    struct source_name id, time, model, agent;
    uint64_t input, output, read, written; /* the input has the two behind it */
};

/*
 * Appends the session's rows behind number `after` to w. *any: there are rows, before or behind it. 0 where
 * there is no such database; -EBUSY: it is locked, or is written all the time; -ENOMEM, -EMFILE and the like.
 */
int copilot_store_rows(const char *database, const char *session, uint64_t after, struct memo_writer *w,
                       bool *any);

/* In front of the rows is a word, so that the words of a session without new ones are not empty. */
enum { COPILOT_ROWS_HEAD = 1 };

/* The next row of what was appended; false: there are no more. */
bool copilot_row_get(struct memo_reader *r, struct copilot_row *row);
void copilot_row_put(struct memo_writer *w, const struct copilot_row *row);

#endif
