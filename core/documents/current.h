/* The current session of a project (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_CURRENT_H
#define OKSTRAFS_DOCUMENTS_CURRENT_H

#include "sums/model.h"

/* NULL: none of its sessions has asked anything at a known time. Under the lock. */
const struct session *project_current(struct catalog *catalog, const struct project *p);

#endif
