/*
 * A hash map from the key of a request to its rows in all transcripts (private to core/billing).
 */
#ifndef OKSTRAFS_BILLING_KEY_MAP_H
#define OKSTRAFS_BILLING_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BILLING_TRANSCRIPTS_MAX = (1 << 22) - 1,
    BILLING_ROWS_MAX = 1 << 26, /* of one transcript */
};

struct billing_row_ref {
    uint32_t transcript; /* 1 ... BILLING_TRANSCRIPTS_MAX */
    uint32_t row;
};

struct billing_map {
    uint64_t *slots; /* open addressing; 0: empty */
    size_t room, len;
    uint64_t (*key_of)(const void *ctx, struct billing_row_ref ref); /* the keys of the rows in the map */
    const void *ctx;
};

/* Room for n more. 0 or -ENOMEM. */
int billing_map_reserve(struct billing_map *map, size_t n);
/* Prefetches the slot of a key: the memory of a big map is slow. There must be room. */
void billing_map_expect(const struct billing_map *map, uint64_t key);
/* There must be room. True: another row has the same key. */
bool billing_map_add(struct billing_map *map, uint64_t key, struct billing_row_ref ref);
void billing_map_remove(struct billing_map *map, uint64_t key, struct billing_row_ref ref);
/* Iterates over the rows of a key: *at is 0 at first. False: no more. The map must not change meanwhile. */
bool billing_map_next(const struct billing_map *map, uint64_t key, size_t *at, struct billing_row_ref *out);
/* Bytes of memory for the rows in the map, with their keys. */
size_t billing_map_bytes(const struct billing_map *map);
void billing_map_clear(struct billing_map *map);

#endif
