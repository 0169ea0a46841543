/*
 * Ordered lists of distinct strings, for the few names that a transcript repeats on thousands of lines.
 *
 * The common question is "the same as last time?", which costs one comparison. Otherwise a small hash table
 * over the compared forms (the bytes themselves, or their folding) answers, so that a hostile file with
 * thousands of long names costs no more per line than a tame one.
 *
 * Invariant: keys[i] is the compared form of items[i]; it is the item's own memory or owned here.
 */
#include <errno.h>
#include <stdlib.h>

#include "okstrafs/names.h"
#include "okstrafs/state.h"

struct key {
    char *ptr;
    size_t len;
    uint64_t hash;
};

struct oks_strings_index {
    struct key *keys; /* as many as strings->room */
    size_t last;      /* the item that was asked for last */
    uint32_t *slots;  /* item + 1, or 0; open addressing */
    size_t n_slots;   /* a power of two, at least twice the number of items */
};

static uint64_t hash_of(const char *p, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)p[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* The slot that holds an equal key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct oks_strings_index *index, const struct key *key)
{
    size_t i = key->hash & (index->n_slots - 1);

    for (; index->slots[i]; i = (i + 1) & (index->n_slots - 1)) {
        const struct key *other = &index->keys[index->slots[i] - 1];

        if (other->hash == key->hash && other->len == key->len && memcmp(other->ptr, key->ptr, key->len) == 0)
            break;
    }
    return &index->slots[i];
}

static int grow_slots(struct oks_strings_index *index, size_t len)
{
    size_t n_slots = index->n_slots ? index->n_slots * 2 : 8;
    uint32_t *slots;

    if (len * 2 < index->n_slots)
        return 0;
    slots = calloc(n_slots, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(index->slots);
    index->slots = slots;
    index->n_slots = n_slots;
    for (size_t i = 0; i < len; i++)
        *find_slot(index, &index->keys[i]) = (uint32_t)i + 1;
    return 0;
}

static int grow_items(struct oks_strings *strings)
{
    size_t room = strings->room ? strings->room * 2 : 2;
    struct oks_owned *items;
    struct key *keys;

    if (strings->len < strings->room)
        return 0;
    keys = realloc(strings->index->keys, room * sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    strings->index->keys = keys;
    items = realloc(strings->items, room * sizeof(*items));
    if (!items)
        return -ENOMEM;
    strings->items = items;
    strings->room = room;
    return 0;
}

static int make_room(struct oks_strings *strings)
{
    int rc = grow_items(strings);

    return rc < 0 ? rc : grow_slots(strings->index, strings->len);
}

static char *copy_of(struct oks_slice s)
{
    char *copy = malloc(s.len + 1);

    if (copy) {
        if (s.len)
            memcpy(copy, s.ptr, s.len);
        copy[s.len] = '\0';
    }
    return copy;
}

static bool is_last(const struct oks_strings *strings, struct oks_slice s)
{
    const struct oks_owned *last;

    if (!strings->index || strings->len == 0)
        return false;
    last = &strings->items[strings->index->last];
    return last->len == s.len && (s.len == 0 || memcmp(last->ptr, s.ptr, s.len) == 0);
}

static int ensure_index(struct oks_strings *strings)
{
    if (!strings->index)
        strings->index = calloc(1, sizeof(*strings->index));
    return strings->index ? 0 : -ENOMEM;
}

/* Appends a copy of `s` under the key; key->ptr NULL means that the copy is its own key. */
static int append(struct oks_strings *strings, struct oks_slice s, struct key key)
{
    struct oks_strings_index *index = strings->index;
    char *copy = copy_of(s);

    if (!copy)
        return -ENOMEM;
    if (!key.ptr)
        key.ptr = copy;
    *find_slot(index, &key) = (uint32_t)strings->len + 1;
    index->keys[strings->len] = key;
    index->last = strings->len;
    strings->items[strings->len++] = (struct oks_owned){copy, s.len};
    return 0;
}

/* The same for both kinds. `folded` is the key's own memory and is taken over only where 0 is returned. */
static int add(struct oks_strings *strings, struct oks_slice s, char *folded, size_t folded_len, size_t max)
{
    struct key key = {folded ? folded : (char *)(uintptr_t)s.ptr, folded ? folded_len : s.len, 0};
    uint32_t item;
    int rc = make_room(strings);

    if (rc < 0)
        return rc;
    key.hash = hash_of(key.ptr, key.len);
    item = *find_slot(strings->index, &key);
    if (item) {
        strings->index->last = item - 1;
        return 1;
    }
    if (strings->len >= max)
        return -ENOSPC;
    key.ptr = folded;
    return append(strings, s, key);
}

int oks_strings_add(struct oks_strings *strings, struct oks_slice s, size_t max)
{
    if (is_last(strings, s))
        return 1;
    if (ensure_index(strings) < 0)
        return -ENOMEM;
    return add(strings, s, NULL, 0, max);
}

int oks_strings_add_folded(struct oks_strings *strings, struct oks_slice s, size_t max)
{
    size_t len;
    char *folded;
    int rc;

    if (is_last(strings, s))
        return 1;
    if (ensure_index(strings) < 0)
        return -ENOMEM;
    folded = oks_name_fold(s, &len);
    if (!folded)
        return -ENOMEM;
    rc = add(strings, s, folded, len, max);
    if (rc != 0)
        free(folded);
    return rc;
}

void oks_strings_clear(struct oks_strings *strings)
{
    for (size_t i = 0; i < strings->len; i++) {
        if (strings->index->keys[i].ptr != strings->items[i].ptr)
            free(strings->index->keys[i].ptr);
        free(strings->items[i].ptr);
    }
    if (strings->index) {
        free(strings->index->keys);
        free(strings->index->slots);
        free(strings->index);
    }
    free(strings->items);
    *strings = (struct oks_strings){0};
}
