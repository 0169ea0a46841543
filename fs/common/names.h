/* A sorted list of names: what a folder lists. Not thread safe. */
#ifndef OKSTRAFS_FS_COMMON_NAMES_H
#define OKSTRAFS_FS_COMMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
    char **items; /* ascending by bytes, once names_sort was called */
    size_t len, room;
    uint64_t version; /* of the list, when it was made; 0: not known. Who makes it says so */
};

struct names *names_new(void); /* NULL on ENOMEM */
void names_free(struct names *names);
int names_add(struct names *names, const char *name); /* -ENOMEM */
void names_sort(struct names *names);
bool names_have(const struct names *names, const char *name);

#endif
