/*
 * Lists of names, to tell what came and what went between two looks at a folder.
 */
#include "common/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct names *names_new(void)
{
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->len; i++)
        free(n->items[i]);
    free(n->items);
    free(n);
}

int names_add(struct names *n, const char *name)
{
    if (n->len == n->room) {
        size_t room = n->room ? n->room * 2 : 8;
        char **items = reallocarray(n->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        n->items = items;
        n->room = room;
    }
    n->items[n->len] = strdup(name);
    if (!n->items[n->len])
        return -ENOMEM;
    n->len++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *n)
{
    if (n->len)
        qsort(n->items, n->len, sizeof(*n->items), by_bytes);
}

bool names_have(const struct names *n, const char *name)
{
    return n->len && bsearch(&name, n->items, n->len, sizeof(*n->items), by_bytes);
}
