/*
 * Running sums over sessions: of each project, each model, each group, and of all. A change subtracts the old
 * value and adds the new one, so a read does not depend on the number of sessions.
 *
 *     session_sums_new(s); transcript_sums_new(t);        when the catalog creates one
 *     sums_session(sums, s, from, false);                 after each change
 *     sums_transcript(sums, t, false);
 *     sums_posted(sums, s, model, sum, comes);            for each posting of billing
 *     sums_session(sums, s, from, true); ...              when one leaves
 *
 * Not thread safe: the model's lock covers it.
 */
#ifndef OKSTRAFS_SUMS_SUMS_H
#define OKSTRAFS_SUMS_SUMS_H

#include "base/intern.h"
#include "billing/billed.h"
#include "catalog/catalog.h"
#include "sums/aggregate.h"
#include "sums/groups.h"
#include "sums/label_sets.h"
#include "sums/labels.h"
#include "sums/recent.h"
#include "sums/spans.h"

/* Zeroed but for the first two, then sums_init(): empty. */
struct sums {
    struct catalog *catalog;
    struct oks_intern *names;
    void *model_rows;          /* tsearch tree by name */
    struct aggregate all;      /* of all sessions, open window */
    void *groups[GROUP_KINDS]; /* tsearch trees by key */
    struct row_ranks group_ranks[GROUP_KINDS];
    LIST_HEAD(, session_sums) touched; /* whose bill changed */
    struct recent_sessions recent;
    struct label_sums labels;
    struct spans spans;
    struct label_sets label_sets;
};

void sums_init(struct sums *sums, struct catalog *catalog, struct oks_intern *names);
void sums_clear(struct sums *sums);

int session_sums_new(struct session *s); /* -ENOMEM */
/* After its share was subtracted. NULL is fine, also below. */
void session_sums_free(struct session_sums *sums);
int transcript_sums_new(struct transcript *t); /* -ENOMEM */
void transcript_sums_free(struct transcript_sums *sums);
void project_sums_free(struct project_sums *sums);

/* The session changed, moved to another project (`from` is the old one), or is leaving. */
int sums_session(struct sums *sums, struct session *s, struct project *from, bool leaves);
int sums_transcript(struct sums *sums, struct transcript *t, bool leaves);
/*
 * After a file came to the session, or left it: it counts once there, under one of its names.
 */
int sums_twins(struct sums *sums, struct session *s);
/* Whether the file counts under another name in its session. */
bool sums_is_twin(const struct transcript *t);

/* The session's bill grew by `sum`, or (comes is false) shrank. -ENOMEM only for a sum of zero. */
int sums_posted(struct sums *sums, struct session *s, const char *model, const struct billed_sum *sum,
                bool comes);
/* A session whose bill changed since this returned it last; NULL: no more. */
struct session *sums_next_touched(struct sums *sums);
/* The prices changed: all bills lose their costs. */
void sums_forget_costs(struct sums *sums);

/* --- queries --- */

void sums_project(struct sums *sums, struct project *p, struct measure *out);
void sums_all(struct sums *sums, struct measure *out);
/* The sum of what the project's sessions were billed; NULL on ENOMEM. */
const struct billed_bag *sums_project_billed(struct project *p);
/* Calls fn for each model with usage, ascending by name. */
void sums_models(struct sums *sums, void (*fn)(void *ctx, const char *name, const struct measure *m),
                 void *ctx);
/* The same for one transcript, not sorted. */
void sums_transcript_models(const struct transcript *t,
                            void (*fn)(void *ctx, const char *name, const struct measure *m), void *ctx);
/* Whether the session is in the sums: not before its first commit. */
bool sums_has_share(const struct session *s);
/* The session's share; zeroed before its first commit. */
const struct measure *sums_share(const struct session *s);

#endif
