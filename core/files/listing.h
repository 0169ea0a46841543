/* The folders and wanted files in one folder, and what looks like them, in byte order of their names. Private
 * to the core. */
#ifndef OKS_CORE_LISTING_H
#define OKS_CORE_LISTING_H

#include <stdbool.h>
#include <stddef.h>

enum oks_entry_kind { OKS_ENTRY_FILE, OKS_ENTRY_FOLDER, OKS_ENTRY_LINK, OKS_ENTRY_OTHER };

struct oks_entry {
    char *name;
    enum oks_entry_kind kind;
};

struct oks_listing {
    struct oks_entry *entries;
    size_t len;
    size_t room;
    bool overflow; /* OKS_WALK_FILES_MAX entries were not enough */
};

/*
 * Fills an empty (zeroed) listing from an open folder, which stays open; `others`: with symlinks, and with
 * what has a wanted name and is neither file nor folder. 0 or a negative errno.
 */
int oks_listing_read(struct oks_listing *listing, int fd, bool (*wants)(const char *name), bool others);
void oks_listing_clear(struct oks_listing *listing);

#endif
