/* stats/by-branch.json, by-effort.json and by-tool.json. */
#ifndef OKSTRAFS_DOCUMENTS_BY_LABEL_H
#define OKSTRAFS_DOCUMENTS_BY_LABEL_H

#include "documents/stats_rows.h"

/* Before the document, without the lock: adds up what is needed of all requests. 0 or -ENOMEM */
int stats_prepare_labels(struct stats *s);
/* The rows of s->by. */
void stats_put_by_label(struct stats *s);

#endif
