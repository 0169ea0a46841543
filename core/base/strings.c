/*
 * Ordered lists of distinct strings, for the few names that a transcript repeats on thousands of lines.
 *
 * The common question is "the same as last time?", which costs one comparison. Otherwise the compared forms
 * (the bytes themselves, or their folding) are gone through; where there are more than a few, a hash table
 * answers, so that a hostile file with thousands of long names costs no more per line than a tame one. Lists
 * of one name are kept by the ten thousand, and have no more than that name: what is needed to find one among
 * several is made with the second.
 *
 * Invariant: where there is an index, keys[i] is the compared form of items[i]; it is the item's own memory
 * or owned here.
 */
#include "base/strings.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/fold.h"

struct key {
    char *ptr;
    size_t len;
    uint64_t hash;
};

enum { FEW = 8 }; /* items that need no table */

struct oks_strings_index {
    struct key *keys; /* as many as strings->room */
    size_t last;      /* the item that was asked for last */
    uint32_t *slots;  /* item + 1, or 0; open addressing; NULL: a few items */
    size_t n_slots;   /* a power of two, at least twice the number of items */
};

static uint64_t hash_of(const char *p, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)p[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->hash == b->hash && a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

/* The slot that holds an equal key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct oks_strings_index *index, const struct key *key)
{
    size_t i = key->hash & (index->n_slots - 1);

    while (index->slots[i] && !same_key(&index->keys[index->slots[i] - 1], key))
        i = (i + 1) & (index->n_slots - 1);
    return &index->slots[i];
}

/* The number of the item with that key, from 1 on; 0: none. A hash is made only for a table. */
static size_t find(const struct oks_strings *strings, struct key *key)
{
    const struct key *keys = strings->index->keys;

    if (strings->index->slots) {
        key->hash = hash_of(key->ptr, key->len);
        return *find_slot(strings->index, key);
    }
    for (size_t i = 0; i < strings->len; i++)
        if (keys[i].len == key->len && memcmp(keys[i].ptr, key->ptr, key->len) == 0)
            return i + 1;
    return 0;
}

static int grow_slots(struct oks_strings_index *index, size_t len)
{
    size_t n_slots = index->n_slots ? index->n_slots * 2 : 4 * FEW;
    uint32_t *slots;

    if (len < FEW || len * 2 < index->n_slots)
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
    size_t keys_room = strings->room;

    /* Both begin with room for one, and grow alike. */
    if (!OKS_GROW(strings->index->keys, strings->len, keys_room) ||
        !OKS_GROW(strings->items, strings->len, strings->room))
        return -ENOMEM;
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

    if (strings->len == 0)
        return false;
    last = &strings->items[strings->index ? strings->index->last : 0];
    return last->len == s.len && (s.len == 0 || memcmp(last->ptr, s.ptr, s.len) == 0);
}

static int add_first(struct oks_strings *strings, struct oks_slice s, size_t max)
{
    char *copy;

    if (max == 0)
        return -ENOSPC;
    if (!OKS_GROW(strings->items, 0, strings->room))
        return -ENOMEM;
    copy = copy_of(s);
    if (!copy)
        return -ENOMEM;
    strings->items[0] = (struct oks_owned){copy, s.len};
    strings->len = 1;
    return 0;
}

/* An index with the key of the only item there is. */
static int make_index(struct oks_strings *strings, bool folds)
{
    struct oks_owned *first = strings->items;
    struct oks_strings_index *index = calloc(1, sizeof(*index));
    struct key *keys = malloc(sizeof(*keys)), key = {first->ptr, first->len, 0};

    if (folds)
        key.ptr = oks_name_fold((struct oks_slice){first->ptr, first->len}, &key.len);
    if (!index || !keys || !key.ptr) {
        if (folds)
            free(key.ptr);
        free(index);
        free(keys);
        return -ENOMEM;
    }
    key.hash = hash_of(key.ptr, key.len);
    keys[0] = key;
    index->keys = keys;
    strings->index = index;
    return 0;
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
    if (index->slots)
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
    size_t item;
    int rc = make_room(strings);

    if (rc < 0)
        return rc;
    item = find(strings, &key);
    if (item) {
        strings->index->last = item - 1;
        return 1;
    }
    if (strings->len >= max)
        return -ENOSPC;
    key.hash = hash_of(key.ptr, key.len);
    key.ptr = folded;
    return append(strings, s, key);
}

int oks_strings_add(struct oks_strings *strings, struct oks_slice s, size_t max)
{
    if (is_last(strings, s))
        return 1;
    if (strings->len == 0)
        return add_first(strings, s, max);
    if (!strings->index && make_index(strings, false) < 0)
        return -ENOMEM;
    return add(strings, s, NULL, 0, max);
}

size_t oks_strings_last(const struct oks_strings *strings)
{
    return strings->index ? strings->index->last : 0;
}

int oks_strings_add_folded(struct oks_strings *strings, struct oks_slice s, size_t max)
{
    size_t len;
    char *folded;
    int rc;

    if (is_last(strings, s))
        return 1;
    if (strings->len == 0)
        return add_first(strings, s, max);
    if (!strings->index && make_index(strings, true) < 0)
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
        if (strings->index && strings->index->keys[i].ptr != strings->items[i].ptr)
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
