/*
 * Hardening: what the daemon gives up once it has mounted, so that a mistake in a parser of other programs'
 * files is worth little to whoever exploits it (docs/security.md).
 *
 *     hardening_apply(&paths, &state);     before the first thread, after everything that needs privileges
 *
 * Each part is given up where the kernel can; `state` says what is in force. Nothing can be taken back.
 */
#ifndef OKSTRAFS_FS_COMMON_HARDENING_H
#define OKSTRAFS_FS_COMMON_HARDENING_H

#include <stdbool.h>
#include <stdint.h>

struct hardening_paths {
    const char *mount;                  /* that of this daemon, which a helper process touches; NULL: none */
    const char *writable;               /* a folder that may be changed; NULL: none */
    const char *const *const *readable; /* lists (NULL: empty) that end in NULL, ... */
    unsigned n_readable;                /* ... so many; all of them answer */
    bool reads_others;                  /* something else may have to be read that is another user's */
};

struct hardening {
    bool tried; /* something was given up, perhaps: this process counts as one that may not unmount */
    bool no_core_dumps;
    bool no_new_privileges;
    uint64_t capabilities; /* effective ones that are left */
    int landlock;          /* version of the kernel's interface; 0: not in force */
    bool seccomp;
    const char *note; /* why something is not in force; NULL: all of it is */
};

/* Gives up nothing, because of `note`. */
void hardening_none(struct hardening *state, const char *note);
void hardening_apply(const struct hardening_paths *paths, struct hardening *state);

/* No memory of this process reaches a file or another process of the user. True: so it is. */
bool hardening_no_core_dumps(void);

/* For the helper process: what unmounting needs. Without effect for who has no capabilities. */
void hardening_keep_unmounting(void);

#endif
