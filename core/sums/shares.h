/*
 * Shares: what each session, project and transcript has added to the running sums (private to core/sums).
 */
#ifndef OKSTRAFS_SUMS_SHARES_H
#define OKSTRAFS_SUMS_SHARES_H

#include "catalog/catalog.h"
#include "sums/aggregate.h"
#include "sums/groups.h"
#include "sums/measure.h"
#include "sums/sums.h"
#include "sums/tag_bills.h"

struct session_sums {
    struct session *session;
    bool summed; /* `share` is included in the sums of its project and of all sessions */
    struct measure share;
    struct grouping groups[GROUP_KINDS];
    bool timed;   /* its events are in the timeline */
    bool touched; /* in sums->touched */
    LIST_ENTRY(session_sums) of_touched;
    struct label_shares labels[LABEL_KINDS];
    bool labels_due; /* in sums->labels.due */
    LIST_ENTRY(session_sums) of_labels_due;
    bool has_span;
    size_t span;   /* then its place in sums->spans */
    bool span_due; /* in sums->spans.due */
    LIST_ENTRY(session_sums) of_span_due;
    struct label_set *label_set; /* NULL: in none yet */
    LIST_ENTRY(session_sums) of_label_set;
    uint64_t label_set_first; /* the key of its first stamp that the set has */
    bool label_set_due;       /* in sums->label_sets.due */
    LIST_ENTRY(session_sums) of_label_set_due;
};

struct project_sums {
    struct aggregate sum; /* of its sessions, open window */
    struct billed_bag billed;
    bool billed_stale; /* `billed` is computed from its sessions when it is next used */
};

struct transcript_sums {
    struct model_share {
        const char *name; /* interned */
        struct measure measure;
    } * shares; /* what it has added to the sums by model */
    size_t n_shares;
    struct tag_bills bills;
    bool twin;  /* its file counts under another name in its session, so it has added nothing */
    bool timed; /* its requests are in the timeline */
};

/* The sum over all transcripts for one model. */
struct model_row {
    const char *name; /* interned; "" where records name no model */
    struct aggregate sum;
};

/* The project's sums, created if there are none; NULL on ENOMEM. */
struct project_sums *project_sums_made(struct project *p);

#endif
