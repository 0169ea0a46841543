/*
 * The sets of keys that are one request: a tree from each key to the set that it is in. Of two sets the
 * smaller one moves into the larger, so that no key moves often.
 */
#include "billing/key_links.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct member {
    uint64_t key;
    struct linked *set;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

static struct member *member_of(const struct key_links *links, uint64_t key)
{
    struct member wanted = {.key = key}, **found;

    found = links->members ? tfind(&wanted, &links->members, by_key) : NULL;
    return found ? *found : NULL;
}

const struct linked *key_links_of(const struct key_links *links, uint64_t key)
{
    const struct member *member = member_of(links, key);

    return member ? member->set : NULL;
}

void linked_free(struct linked *set)
{
    if (set) {
        free(set->keys);
        free(set->homes);
    }
    free(set);
}

static void forget(struct key_links *links, struct member *member)
{
    tdelete(member, &links->members, by_key);
    free(member);
}

/* A set of this key alone, which is in none yet. */
static struct member *alone(struct key_links *links, uint64_t key)
{
    struct member *member = calloc(1, sizeof(*member));
    struct linked *set = calloc(1, sizeof(*set));

    if (member && set && OKS_GROW(set->keys, set->n, set->room)) {
        set->keys[set->n++] = key;
        *member = (struct member){key, set};
        if (tsearch(member, &links->members, by_key))
            return member;
    }
    linked_free(set);
    free(member);
    return NULL;
}

static int merge(struct key_links *links, struct linked *to, struct linked *from)
{
    if (!OKS_ROOM(to->keys, to->n + from->n, to->room) ||
        !OKS_ROOM(to->homes, to->n_homes + from->n_homes, to->homes_room))
        return -ENOMEM;
    for (size_t i = 0; i < from->n_homes; i++)
        to->homes[to->n_homes++] = from->homes[i];
    for (size_t i = 0; i < from->n; i++) {
        member_of(links, from->keys[i])->set = to;
        to->keys[to->n++] = from->keys[i];
    }
    linked_free(from);
    return 1;
}

int key_links_join(struct key_links *links, uint64_t key_a, uint64_t key_b)
{
    struct member *a = member_of(links, key_a), *b = member_of(links, key_b);
    size_t n = (a ? a->set->n : 1) + (b ? b->set->n : 1);
    bool new_a = !a;
    int rc;

    if (key_a == key_b || (a && b && a->set == b->set) || n > LINKED_MAX)
        return 0;
    a = a ? a : alone(links, key_a);
    if (!a)
        return -ENOMEM;
    b = b ? b : alone(links, key_b);
    rc = !b ? -ENOMEM : a->set->n < b->set->n ? merge(links, b->set, a->set) : merge(links, a->set, b->set);
    if (rc < 0 && new_a) /* a set of one is none */
        linked_free(key_links_part(links, key_a));
    if (rc < 0 && b && b->set->n == 1)
        linked_free(key_links_part(links, key_b));
    return rc;
}

int key_links_home(struct key_links *links, uint64_t key)
{
    struct member *member = member_of(links, key);
    struct linked *set = member ? member->set : NULL;

    if (!set)
        return 0;
    for (size_t i = 0; i < set->n_homes; i++)
        if (set->homes[i] == key)
            return 0;
    if (!OKS_GROW(set->homes, set->n_homes, set->homes_room))
        return -ENOMEM;
    set->homes[set->n_homes++] = key;
    return 0;
}

struct linked *key_links_part(struct key_links *links, uint64_t key)
{
    struct member *member = member_of(links, key);
    struct linked *set = member ? member->set : NULL;

    for (size_t i = 0; set && i < set->n; i++)
        forget(links, member_of(links, set->keys[i]));
    return set;
}

static void free_member(void *item)
{
    struct member *member = item;

    if (--member->set->n == 0)
        linked_free(member->set);
    free(member);
}

void key_links_clear(struct key_links *links)
{
    tdestroy(links->members, free_member);
    links->members = NULL;
}
