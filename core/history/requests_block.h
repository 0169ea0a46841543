/*
 * Packed rows: up to 32 requests as numbers in some twenty bytes each, and their ids apart from them. Private
 * to requests*.c (and their tests).
 */
#ifndef OKSTRAFS_HISTORY_REQUESTS_BLOCK_H
#define OKSTRAFS_HISTORY_REQUESTS_BLOCK_H

#include "history/requests.h"

enum {
    REQUESTS_BLOCK = 32,
    REQUESTS_BLOCK_MAX = 14 * 1024, /* bytes of a block's rows at most */
    REQUESTS_ROW_MIN = 7,           /* bytes of a row at least */
};

struct requests_block {
    uint32_t len;
    uint8_t bytes[];
};

/* At most 32 rows. NULL on ENOMEM. Keys and ids are not in it. */
struct requests_block *requests_block_pack(const struct request_row *rows, size_t n);
/* The same into a buffer; returns how many bytes. */
size_t requests_block_pack_into(const struct request_row *rows, size_t n, uint8_t out[REQUESTS_BLOCK_MAX]);
/* The first n of its rows. Uncommon stamps lie in the block. Keys are 0, ids are absent; models
 * and agents are whatever the bytes say. */
void requests_block_unpack(const struct requests_block *block, struct request_row *rows, size_t n);

/* The ids of at most 32 rows; *out is NULL where all of them are forgotten. -ENOMEM */
int requests_ids_pack(const struct request_row *rows, size_t n, struct requests_block **out);
/* Puts the ids into the rows, where they lie in the block. NULL: they are forgotten. */
void requests_ids_unpack(const struct requests_block *ids, struct request_row *rows, size_t n);

#endif
