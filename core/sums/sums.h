/*
 * Running sums over sessions: of each project, of each model, of groups, of all. What changes is taken out
 * and put in again, so that a read does not depend on how many sessions there are.
 *
 * Order of calls: session_sums_new and transcript_sums_new when the catalog makes one; sums_session and
 * sums_transcript after each change; sums_posted for what billing posts; the reverse when one leaves.
 *
 * Not thread safe: the owner locks.
 */
#ifndef OKSTRAFS_SUMS_SUMS_H
#define OKSTRAFS_SUMS_SUMS_H

#include "base/intern.h"
#include "billing/billed.h"
#include "catalog/catalog.h"
#include "sums/aggregate.h"
#include "sums/groups.h"

/* Zeroed but for the first two, and sums_init(): empty. */
struct sums {
    struct catalog *catalog;
    struct oks_intern *names;
    void *model_rows;                  /* tsearch tree by name */
    struct aggregate all;              /* of all sessions, open window */
    void *groups[GROUP_KINDS];         /* tsearch trees by key */
    LIST_HEAD(, session_sums) touched; /* their bill changed */
};

void sums_init(struct sums *sums, struct catalog *catalog, struct oks_intern *names);
void sums_clear(struct sums *sums);

int session_sums_new(struct session *s); /* -ENOMEM */
/* Of a session whose share has left. NULL is fine, also below. */
void session_sums_free(struct session_sums *sums);
int transcript_sums_new(struct transcript *t); /* -ENOMEM */
void transcript_sums_free(struct transcript_sums *sums);
void project_sums_free(struct project_sums *sums);

/* The session's data changed, it moved to another project (`from` is the old one), or it is leaving. */
void sums_session(struct sums *sums, struct session *s, struct project *from, bool leaves);
void sums_transcript(struct sums *sums, struct transcript *t, bool leaves);

/* The bill of the session changed by `sum`, which comes or goes. -ENOMEM only for a sum of nothing. */
int sums_posted(struct sums *sums, struct session *s, const char *model, const struct billed_sum *sum,
                bool comes);
/* A session whose bill changed since it was last returned; NULL: no more. */
struct session *sums_next_touched(struct sums *sums);
/* The prices changed: all bills lose their costs. */
void sums_forget_costs(struct sums *sums);

/* --- questions --- */

void sums_project(struct sums *sums, struct project *p, struct measure *out);
void sums_all(struct sums *sums, struct measure *out);
/* What the project's sessions were billed. */
const struct billed_bag *sums_project_billed(const struct project *p);
/* Calls fn for each model that was used, ascending by name. */
void sums_models(struct sums *sums, void (*fn)(void *ctx, const char *name, const struct measure *m),
                 void *ctx);
/* The same for those of one transcript, in no order. */
void sums_transcript_models(const struct transcript *t,
                            void (*fn)(void *ctx, const char *name, const struct measure *m), void *ctx);
/* What the session has put into the sums; nothing before its first commit. */
const struct measure *sums_share(const struct session *s);

#endif
