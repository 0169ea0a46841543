/*
 * Sorted arrays of names. Comparing two shows which names of a directory are new, and which are gone.
 */
#include "common/name_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name_list *name_list_new(void)
{
    return calloc(1, sizeof(struct name_list));
}

void name_list_free(struct name_list *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->len; i++)
        free(n->items[i]);
    free(n->items);
    free(n);
}

int name_list_add(struct name_list *n, const char *name)
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

int name_list_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *n)
{
    if (n->len)
        qsort(n->items, n->len, sizeof(*n->items), name_list_compare);
}

bool name_list_have(const struct name_list *n, const char *name)
{
    return n->len && bsearch(&name, n->items, n->len, sizeof(*n->items), name_list_compare);
}
