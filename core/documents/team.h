/* What a team used, and each of its members (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_TEAM_H
#define OKSTRAFS_DOCUMENTS_TEAM_H

#include "documents/json.h"
#include "documents/documents.h"

/* The members of the team's document, as of that run (NULL: it has none). */
void team_document(struct model *model, struct team *team, const struct team_run *run,
                   const struct measure_window *w, struct json *j, int64_t *mtime_ns);

/* These two also add what was billed to *bag; NULL: it is not asked for. -ENOMEM; -ENOENT: nobody is that
 * member. */
int team_measure(struct model *model, const struct team *team, const struct team_run *run,
                 const struct measure_window *w, struct measure *out, struct billed_bag *bag);
int team_member_measure(struct model *model, const struct team *team, const char *member,
                        const struct measure_window *w, struct measure *out, struct billed_bag *bag);

#endif
