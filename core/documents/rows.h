/*
 * Rows of teams and of sessions (internal/rows.h).
 *
 * What is shown of a team or a session is kept in it until its version changes, because in a page usually one
 * of them has changed.
 */
#ifndef OKSTRAFS_DOCUMENTS_ROWS_H
#define OKSTRAFS_DOCUMENTS_ROWS_H

#include "documents/documents.h"
#include "documents/picked.h"

/* The teams that cost most; *picked is set in any case, and to be cleared. 0 or -ENOMEM */
int document_team_rows(struct model *model, size_t most, struct picked *picked, struct oks_rows_total *total);

/* A copy of what is shown of a session. */
struct shown_session {
    struct oks_session_row row;
    char *texts; /* malloc'ed: those of the row */
};

/* At most so many of the latest sessions. *n: how many there are in `out`, also on failure; each is to be
 * cleared. 0 or -ENOMEM */
int document_recent_rows(struct model *model, size_t most, struct shown_session *out, size_t *n);
void shown_session_clear(struct shown_session *shown);

#endif
