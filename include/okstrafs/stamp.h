/*
 * A stamp is a timestamp string of a transcript, held in 16 bytes and compared exactly as the strings
 * compare.
 *
 * The collector's contract compares timestamps byte-wise, as strings. Nearly all of them look like
 * 2026-06-10T01:00:00.123Z or 2026-06-10T01:00:00Z, and those become a number whose order is the order of the
 * strings ('.' sorts before 'Z'); any other string is kept as it is.
 */
#ifndef OKSTRAFS_STAMP_H
#define OKSTRAFS_STAMP_H

#include <stdint.h>

#include "okstrafs/slice.h"

enum { OKS_STAMP_TEXT = 25 }; /* bytes that hold any number stamp as text, NUL included */

struct oks_stamp {
    uint64_t key;     /* of a canonical string; OKS_STAMP_KEY_NONE: absent; OKS_STAMP_KEY_TEXT: see text */
    const char *text; /* borrowed: an uncommon string, not terminated ... */
    uint32_t len;     /* ... and its length */
};

#define OKS_STAMP_KEY_NONE UINT64_MAX
#define OKS_STAMP_KEY_TEXT (UINT64_MAX - 1)
#define OKS_STAMP_NONE     ((struct oks_stamp){OKS_STAMP_KEY_NONE, NULL, 0})

static inline bool oks_stamp_is_none(struct oks_stamp s)
{
    return s.key == OKS_STAMP_KEY_NONE;
}

/* An absent or empty slice gives OKS_STAMP_NONE. A text stamp borrows the slice's bytes. Lengths over 2^32-1
 * are cut. */
struct oks_stamp oks_stamp_of(struct oks_slice text);

/* <0, 0, >0 as the strings compare byte-wise. Neither may be none. */
int oks_stamp_cmp(struct oks_stamp a, struct oks_stamp b);

/* Whether a stamp lies in the window [since, until], of which none is open. A stamp that is none lies in all. */
bool oks_stamp_within(struct oks_stamp stamp, struct oks_stamp since, struct oks_stamp until);

/* The string again: either borrowed from the stamp or written to buf (NUL-terminated there). None gives an
 * absent slice. */
struct oks_slice oks_stamp_text(struct oks_stamp s, char buf[OKS_STAMP_TEXT]);

/*
 * The instant in microseconds since 1970-01-01T00:00Z as Python 3.11's datetime.fromisoformat reads it after
 * every "Z" became "+00:00". `*aware` tells whether it carries an offset. 0 or -EINVAL.
 */
int oks_stamp_micros(struct oks_stamp s, int64_t *micros, bool *aware);

/*
 * max(0, int((last - first).total_seconds() * 1000)) with Python's arithmetic (true division and product in
 * double, cut towards zero: 1.001 s are 1000 ms); 0 when either is none, does not parse, or only one is
 * aware.
 */
int64_t oks_duration_ms(struct oks_stamp first, struct oks_stamp last);

#endif
