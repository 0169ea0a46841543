/* Thirty-two requests in a few dozen bytes each. Private to requests.c (and its tests). */
#ifndef OKSTRAFS_HISTORY_REQUESTS_BLOCK_H
#define OKSTRAFS_HISTORY_REQUESTS_BLOCK_H

#include "history/requests.h"

enum { REQUESTS_BLOCK = 32 };

struct requests_block {
    uint32_t len;
    uint8_t bytes[];
};

/* NULL on ENOMEM. Keys are not in it. */
struct requests_block *requests_block_pack(const struct request_row rows[REQUESTS_BLOCK]);
/* The rows' strings lie in the block. Keys are 0. */
void requests_block_unpack(const struct requests_block *block, struct request_row rows[REQUESTS_BLOCK]);

#endif
