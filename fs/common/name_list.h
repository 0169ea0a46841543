/* A sorted array of names: what a directory lists. Not thread safe. Fill it by name_list_add, then sort it
 * once. */
#ifndef OKSTRAFS_FS_COMMON_NAME_LIST_H
#define OKSTRAFS_FS_COMMON_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_list {
    char **items; /* ascending by bytes, once name_list_sort was called */
    size_t len, room;
    uint64_t version; /* of the list, when it was made; 0: not known. Who makes it says so */
};

struct name_list *name_list_new(void); /* NULL on ENOMEM */
void name_list_free(struct name_list *names);
int name_list_add(struct name_list *names, const char *name); /* -ENOMEM */
void name_list_sort(struct name_list *names);
bool name_list_have(const struct name_list *names, const char *name);

#endif
