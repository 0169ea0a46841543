/* The folders and wanted files in one folder, in byte order of their names. Private to the core. */
#ifndef OKS_CORE_LISTING_H
#define OKS_CORE_LISTING_H

#include <stdbool.h>
#include <stddef.h>

struct oks_entry {
    char *name;
    bool is_folder;
};

struct oks_listing {
    struct oks_entry *entries;
    size_t len;
    size_t room;
    bool overflow; /* OKS_WALK_FILES_MAX entries were not enough */
};

/* Fills an empty (zeroed) listing from an open folder, which stays open. 0 or a negative errno. */
int oks_listing_read(struct oks_listing *listing, int fd, bool (*wants)(const char *name));
void oks_listing_clear(struct oks_listing *listing);

#endif
