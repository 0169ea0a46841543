/* The usage of a team, and of each of its members. */
#ifndef OKSTRAFS_DOCUMENTS_TEAM_H
#define OKSTRAFS_DOCUMENTS_TEAM_H

#include "documents/json.h"
#include "documents/documents.h"

/* Writes the members of the team's document, as of that run (NULL: there is none). */
void team_document(struct model *model, struct team *team, const struct team_run *run,
                   const struct measure_window *w, struct json *j, int64_t *mtime_ns);

/* These two also add what was billed to *bag (NULL: not needed). 0; -ENOMEM; -ENOENT: no such member. */
int team_measure(struct model *model, const struct team *team, const struct team_run *run,
                 const struct measure_window *w, struct measure *out, struct billed_bag *bag);
int team_member_measure(struct model *model, struct team *team, const char *member,
                        const struct measure_window *w, struct measure *out, struct billed_bag *bag);

#endif
