/*
 * metrics.prom while it is written (private to metrics.c and metrics_billed.c).
 */
#ifndef OKSTRAFS_DOCUMENTS_METRICS_H
#define OKSTRAFS_DOCUMENTS_METRICS_H

#include "documents/exposition.h"
#include "sums/model.h"

#define METRICS_UNKNOWN "unknown"

struct metrics {
    struct model *model;
    struct oks_bytes text;
    struct oks_bytes labels; /* of one sample */
    int error;               /* the first one */
};

void metrics_fails(struct metrics *m, int error); /* 0: it does not */
/* Labels as metric_put() takes them, until the next call. */
struct oks_slice metrics_labels(struct metrics *m, const struct metric_label *labels, size_t n);
uint64_t metrics_tokens(unsigned __int128 n);

/* metrics_billed.c: what was billed; `most` label sets. */
void metrics_put_billed(struct metrics *m, size_t most);
/* By the names of Claude Code's own telemetry. */
void metrics_put_claude(struct metrics *m, size_t most);
/* By host, if there are others. */
void metrics_put_hosts(struct metrics *m);

#endif
