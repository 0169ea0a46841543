/* The search for `"teamname":"<name>"` in bytes of any kind. */
#ifndef OKSTRAFS_CORE_TEAM_SCAN_H
#define OKSTRAFS_CORE_TEAM_SCAN_H

#include <stdint.h>
#include <string.h>

#include "okstrafs/slice.h"

enum { OKS_TEAM_KEY_LEN = 12 }; /* "teamname":" with its three quotes and the colon */

/* Whether the key of `len` raw bytes in front of the quote at `end` may complete a `"teamname":"`. */
static inline bool oks_team_ends_key(const char *end, size_t len)
{
    return len >= OKS_TEAM_KEY_LEN - 4 && end[1] == ':' && end[2] == '"' && (end[-1] | 0x20) == 'e' &&
           (end[-4] | 0x20) == 'n';
}

/* Whether the colon at `colon`, of a key in valid JSON, is the one of a `"teamname":"`; a few more may be. No
 * branch, because it is asked of every key. */
static inline bool oks_team_before_colon(const char *colon)
{
    uint64_t name, key;

    memcpy(&name, colon - 9, sizeof(name));
    memcpy(&key, "teamname", sizeof(key));
    return ((name | UINT64_C(0x2020202020202020)) == key) & (colon[1] == '"');
}

/* What oks_team_name() found behind a key. */
enum oks_team_end {
    OKS_TEAM_FOUND,
    OKS_TEAM_NONE, /* the line ends first, or the name is too long */
    OKS_TEAM_OPEN, /* the bytes end first */
};

/* The name that begins at `from`, in s[0 .. len). */
enum oks_team_end oks_team_name(const char *s, size_t len, size_t from, struct oks_slice *name);

/*
 * Calls found(ctx, name) for each one that is whole in s[0 .. len); a non-zero return stops the search and is
 * returned. Else *rest (may be NULL) says from where on to look again when more bytes have come.
 */
int oks_team_scan(const char *s, size_t len, int (*found)(void *ctx, struct oks_slice name), void *ctx,
                  size_t *rest);

#endif
