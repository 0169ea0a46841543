/*
 * Interned strings: one copy of each, so that equal names have equal addresses.
 *
 *     const char *model = oks_intern(&names, "claude-opus-4-7");
 *
 * A string stays until the table is cleared. Not thread safe: the owner locks.
 */
#ifndef OKSTRAFS_BASE_INTERN_H
#define OKSTRAFS_BASE_INTERN_H

/* Zeroed is empty. */
struct oks_intern {
    void *tree;
};

/* The copy of `text`; NULL of NULL, and on ENOMEM. */
const char *oks_intern(struct oks_intern *names, const char *text);
void oks_intern_clear(struct oks_intern *names);

#endif
