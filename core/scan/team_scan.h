/* The search for `"teamname":"<name>"` in bytes of any kind. */
#ifndef OKSTRAFS_SCAN_TEAM_SCAN_H
#define OKSTRAFS_SCAN_TEAM_SCAN_H

#include <stdint.h>
#include <string.h>

#include "okstrafs/slice.h"

enum { OKS_TEAM_KEY_LEN = 12 }; /* "teamname":" with its three quotes and the colon */

/*
 * Whether the key of valid JSON whose closing quote is at `quote` may be the end of a `"teamname":"`: not all
 * that may be are, but lines with such a key are rare. One comparison, because it is asked of every key. 8
 * bytes must be readable before the quote.
 */
static inline bool oks_team_may_end(const char *quote)
{
    uint32_t start, team;

    memcpy(&start, quote - 8, sizeof(start));
    memcpy(&team, "team", sizeof(team));
    return (start | UINT32_C(0x20202020)) == team;
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
