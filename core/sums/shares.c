/* What sums/ keeps of a session, a project and a transcript: made and freed. */
#include "sums/shares.h"

#include <errno.h>
#include <stdlib.h>

int session_sums_new(struct session *s)
{
    s->sums = calloc(1, sizeof(*s->sums));
    if (!s->sums)
        return -ENOMEM;
    s->sums->session = s;
    return 0;
}

void session_sums_free(struct session_sums *sums)
{
    if (sums && sums->touched)
        LIST_REMOVE(sums, of_touched);
    if (sums && sums->labels_due)
        LIST_REMOVE(sums, of_labels_due);
    if (sums && sums->span_due)
        LIST_REMOVE(sums, of_span_due);
    for (int kind = 0; sums && kind < LABEL_KINDS; kind++)
        label_shares_free(&sums->labels[kind]);
    free(sums);
}

int transcript_sums_new(struct transcript *t)
{
    t->sums = calloc(1, sizeof(*t->sums));
    return t->sums ? 0 : -ENOMEM;
}

void transcript_sums_free(struct transcript_sums *sums)
{
    if (!sums)
        return;
    free(sums->shares);
    tag_bills_clear(&sums->bills);
    free(sums);
}

struct project_sums *project_sums_made(struct project *p)
{
    if (!p->sums) {
        p->sums = calloc(1, sizeof(*p->sums));
        if (p->sums) {
            aggregate_reset(&p->sums->sum);
            p->sums->sum.stale = p->sums->billed_stale = true;
        }
    }
    return p->sums;
}

void project_sums_free(struct project_sums *sums)
{
    if (sums)
        billed_bag_clear(&sums->billed);
    free(sums);
}
