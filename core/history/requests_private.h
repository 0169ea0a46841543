/* The store of requests as its own files see it (private to requests*.c). */
#ifndef OKSTRAFS_HISTORY_REQUESTS_PRIVATE_H
#define OKSTRAFS_HISTORY_REQUESTS_PRIVATE_H

#include "history/requests_block.h"

struct oks_requests {
    size_t len;
    uint64_t *keys;
    size_t keys_room;
    struct requests_block **blocks;
    size_t n_blocks, blocks_room;
    size_t blocks_bytes;
    struct request_row *open; /* room for OPEN_MAX, from the first row on */
    size_t open_room;
    char *text;
    size_t text_len, text_room;
    struct oks_strings models, agents;
    uint64_t history, after;
    bool dropped;
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
    size_t indexed; /* rows in it */
};

/* requests_tail.c */
/* Remembers how row i is without the unfinished line. -ENOMEM */
int requests_tail_remember(struct oks_requests *requests, size_t i);
void requests_tail_free(struct oks_requests *requests);

/* requests.c: row numbers changed: the index is made anew */
void requests_forget_index(struct oks_requests *requests);

#endif
