/* The store of requests as its own files see it (private to requests*.c). */
#ifndef OKSTRAFS_HISTORY_REQUESTS_PRIVATE_H
#define OKSTRAFS_HISTORY_REQUESTS_PRIVATE_H

#include "history/requests_block.h"

struct oks_requests {
    size_t len;
    uint64_t *keys;
    size_t keys_room;
    struct packed {
        struct requests_block *rows, *ids; /* ids NULL: forgotten */
    } * blocks;
    size_t n_blocks, blocks_room;
    size_t rows_bytes, ids_bytes; /* of the blocks */
    size_t packed;                /* rows in blocks */
    struct request_row *open;     /* those behind them */
    size_t open_room;
    char *text;
    size_t text_len, text_room;
    struct oks_strings models, agents, tags;
    uint64_t history, after;
    struct request_runs runs;
    struct unfinished {
        size_t whole; /* rows before it */
        size_t n_changed;
        struct changed {
            size_t i;
            struct request_row before; /* without ids: those stay */
            char *stamp_text;
        } changed[REQUESTS_OF_RECORD];
    } * tail;        /* NULL: there is none */
    uint32_t *slots; /* row + 1 by key, open addressing; only where somebody searches */
    size_t n_slots;
    size_t indexed;   /* rows in it */
    uint64_t highest; /* no occupancy of the first `n_measured` rows is above it */
    size_t n_measured;
    struct peak {
        size_t n; /* the first n rows are looked at */
        unsigned model;
        uint64_t occupancy; /* the highest of that model among these */
    } peak;
};

/* requests_unfinished.c */
/* Row i is about to change: keeps *row, which it is now, the first time. -ENOMEM */
int requests_unfinished_keep(struct oks_requests *requests, size_t i, const struct request_row *row);
void requests_unfinished_free(struct oks_requests *requests);

/* requests.c: row numbers changed: the index is made anew */
void requests_forget_index(struct oks_requests *requests);

/* The rows of block b, or the open ones that belong into it, into rows[]; returns how many. Keys are not set.
 */
size_t requests_block_rows(const struct oks_requests *requests, size_t b,
                           struct request_row rows[REQUESTS_BLOCK]);
/* Gives row i, which is open, its ids. -ENOMEM */
int requests_open_ids(struct oks_requests *requests, size_t i, struct oks_slice message_id,
                      struct oks_slice request_id);

#endif
