/*
 * An open-addressing hash map with linear probing, of eight bytes for each row. The keys are not in it: they
 * stay in the rows.
 *
 * A slot holds the transcript, the row, and 16 bits of the key, so other keys are rarely compared. A key that
 * several files log (forks, copies) has one slot for each, one after the other. Keys are already well mixed:
 * their high bits are the home slot, and slots are in the order of keys, which growing keeps.
 *
 * Memory for each request: 8 to 10 bytes of key, 10.7 to 16 bytes of slot (the table is between half and
 * three quarters full).
 *
 * Invariant: between a key's home and each of its slots no slot is empty.
 */
#include "billing/key_map.h"

#include <errno.h>
#include <stdlib.h>

enum { TAG_BITS = 16, ROW_BITS = 26, ROOM_MIN = 64 };

static uint64_t pack(uint64_t key, struct billing_row_ref ref)
{
    return (uint64_t)ref.transcript << (ROW_BITS + TAG_BITS) | (uint64_t)ref.row << TAG_BITS |
           (key & ((1 << TAG_BITS) - 1));
}

static struct billing_row_ref place_of(uint64_t slot)
{
    return (struct billing_row_ref){(uint32_t)(slot >> (ROW_BITS + TAG_BITS)),
                                    (uint32_t)(slot >> TAG_BITS) & (BILLING_ROWS_MAX - 1)};
}

static bool tag_fits(uint64_t slot, uint64_t key)
{
    return ((slot ^ key) & ((1 << TAG_BITS) - 1)) == 0;
}

static size_t home(const struct billing_map *map, uint64_t key)
{
    return (size_t)((unsigned __int128)key * map->room >> 64);
}

static size_t behind(const struct billing_map *map, size_t i)
{
    return i + 1 == map->room ? 0 : i + 1;
}

static uint64_t key_at(const struct billing_map *map, size_t i)
{
    return map->key_of(map->ctx, place_of(map->slots[i]));
}

static void put(struct billing_map *map, uint64_t key, uint64_t slot)
{
    size_t i = home(map, key);

    while (map->slots[i])
        i = behind(map, i);
    map->slots[i] = slot;
}

int billing_map_reserve(struct billing_map *map, size_t n)
{
    struct billing_map bigger = *map;

    if (map->room && map->len + n <= map->room / 4 * 3)
        return 0;
    /* Between half and two thirds full: a fifth more fits before the next growth. */
    bigger.room = (map->len + n) + (map->len + n) / 2;
    if (bigger.room < map->room + map->room / 2)
        bigger.room = map->room + map->room / 2;
    if (bigger.room < ROOM_MIN)
        bigger.room = ROOM_MIN;
    bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i])
            put(&bigger, key_at(map, i), map->slots[i]);
    free(map->slots);
    *map = bigger;
    return 0;
}

void billing_map_expect(const struct billing_map *map, uint64_t key)
{
    __builtin_prefetch(&map->slots[home(map, key)], 1);
}

bool billing_map_add(struct billing_map *map, uint64_t key, struct billing_row_ref ref)
{
    size_t i = home(map, key);
    bool other = false;

    for (; map->slots[i]; i = behind(map, i))
        other |= tag_fits(map->slots[i], key) && key_at(map, i) == key;
    map->slots[i] = pack(key, ref);
    map->len++;
    return other;
}

/* Whether home h is in the cyclic range (hole, i]: then the entry of slot i must not move to the hole. */
static bool stays(size_t hole, size_t h, size_t i)
{
    return hole <= i ? hole < h && h <= i : hole < h || h <= i;
}

void billing_map_remove(struct billing_map *map, uint64_t key, struct billing_row_ref ref)
{
    uint64_t slot = pack(key, ref);
    size_t hole;

    if (map->room == 0)
        return;
    for (hole = home(map, key); map->slots[hole] != slot; hole = behind(map, hole))
        if (!map->slots[hole])
            return;
    for (size_t i = behind(map, hole); map->slots[i]; i = behind(map, i)) {
        if (stays(hole, home(map, key_at(map, i)), i))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = 0;
    map->len--;
}

bool billing_map_next(const struct billing_map *map, uint64_t key, size_t *at, struct billing_row_ref *out)
{
    size_t i;

    if (map->room == 0)
        return false;
    for (; i = (home(map, key) + *at) % map->room, map->slots[i]; ++*at)
        if (tag_fits(map->slots[i], key) && key_at(map, i) == key) {
            *out = place_of(map->slots[i]);
            ++*at;
            return true;
        }
    return false;
}

size_t billing_map_bytes(const struct billing_map *map)
{
    return map->room * sizeof(*map->slots) + map->len * sizeof(uint64_t);
}

void billing_map_clear(struct billing_map *map)
{
    free(map->slots);
    map->slots = NULL;
    map->room = map->len = 0;
}
