/*
 * A sorted array of names, such as a listing of a directory. Call name_list_add() for each, then sort it
 * once. Not thread safe.
 */
#ifndef OKSTRAFS_FS_COMMON_NAME_LIST_H
#define OKSTRAFS_FS_COMMON_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_list {
    char **items; /* ascending by bytes after name_list_sort() */
    size_t len, room;
    uint64_t version; /* of the list, set by the caller; 0: unknown */
};

struct name_list *name_list_new(void); /* NULL on ENOMEM */
void name_list_free(struct name_list *names);
int name_list_add(struct name_list *names, const char *name); /* -ENOMEM */
void name_list_sort(struct name_list *names);
int name_list_compare(const void *a, const void *b); /* of two items, for qsort and bsearch */
bool name_list_have(const struct name_list *names, const char *name);

#endif
