/* stats/blocks.json (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_BLOCKS_H
#define OKSTRAFS_DOCUMENTS_BLOCKS_H

#include "documents/stats_rows.h"

void stats_put_blocks(struct stats *s);

#endif
