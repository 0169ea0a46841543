/*
 * Keys that are one request, by the links of all transcripts (private to core/billing). A link is a row
 * (history/request_runs.h): its key, and the key that it holds, belong together. Only ids that no vendor made
 * need any.
 */
#ifndef OKSTRAFS_BILLING_KEY_LINKS_H
#define OKSTRAFS_BILLING_KEY_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKED_MAX = 4096 }; /* keys of one request; what would join more is left apart */

/* Keys that belong together: two or more. Most of them are in links alone. */
struct linked {
    uint64_t *keys;
    size_t n, room;
    uint64_t *homes; /* of the keys, those with rows that are no links, or that had such rows */
    size_t n_homes, homes_room;
    struct linked *next; /* for the caller of key_links_part() */
};

struct key_links {
    void *members; /* tsearch tree by key */
};

/* The keys that belong together with this one, itself included; NULL: it stands alone. */
const struct linked *key_links_of(const struct key_links *links, uint64_t key);
/* Joins the keys of both. 1: they were apart; 0; -ENOMEM. A new key has to be made a home if it is one. */
int key_links_join(struct key_links *links, uint64_t a, uint64_t b);
/* The key has rows that are no links. 0 or -ENOMEM; nothing where it stands alone. */
int key_links_home(struct key_links *links, uint64_t key);
/* Takes all keys that belong together with this one apart. The caller frees what is returned; NULL: none. */
struct linked *key_links_part(struct key_links *links, uint64_t key);
void linked_free(struct linked *linked);
void key_links_clear(struct key_links *links);

#endif
