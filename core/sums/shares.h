/*
 * What a session, a project and a transcript have put into the sums (private to core/sums).
 */
#ifndef OKSTRAFS_SUMS_SHARES_H
#define OKSTRAFS_SUMS_SHARES_H

#include "catalog/catalog.h"
#include "sums/aggregate.h"
#include "sums/groups.h"
#include "sums/measure.h"
#include "sums/sums.h"

struct session_sums {
    struct session *session;
    bool summed; /* `share` is in its project's sum and in the sum of all */
    struct measure share;
    struct grouping groups[GROUP_KINDS];
    bool timed;   /* its events are in the timeline */
    bool touched; /* in sums->touched */
    LIST_ENTRY(session_sums) of_touched;
};

struct project_sums {
    struct aggregate sum; /* of its sessions, open window */
    struct billed_bag billed;
};

struct transcript_sums {
    struct model_share {
        const char *name; /* interned */
        struct measure measure;
    } * shares; /* what it has put into the sums by model */
    size_t n_shares;
    bool timed; /* the requests that it owns are in the timeline */
};

/* The sum over all transcripts of what one model used. */
struct model_row {
    const char *name; /* interned; "" where records name no model */
    struct aggregate sum;
};

/* The project's, made where there are none; NULL on ENOMEM. */
struct project_sums *project_sums_made(struct project *p);

#endif
