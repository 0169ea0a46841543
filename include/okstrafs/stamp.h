/*
 * A stamp: a time stamp string of a transcript, held in 16 bytes, ordered exactly as the strings are.
 *
 *     struct oks_stamp a = oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00.123Z"));
 *     char buf[OKS_STAMP_TEXT];
 *
 *     if (oks_stamp_cmp(a, b) < 0)
 *         text = oks_stamp_text(a, buf);
 *
 * okstra's collector compares time stamps byte by byte, as strings, so okstrafs must as well. Nearly all look
 * like 2026-06-10T01:00:00.123Z or 2026-06-10T01:00:00Z. Those become a number whose order is that of the
 * strings ('.' sorts before 'Z'). Any other string is kept as it is, and borrowed.
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_STAMP_H
#define OKSTRAFS_STAMP_H

#include <stdint.h>

#include "okstrafs/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OKS_STAMP_TEXT = 25 }; /* bytes that hold any number stamp as text, NUL included */

struct oks_stamp {
    uint64_t key;     /* of a string in one of the two usual forms; or one of the two values below */
    const char *text; /* OKS_STAMP_KEY_TEXT: the string, borrowed, not terminated ... */
    uint32_t len;     /* ... and its length */
};

#define OKS_STAMP_KEY_NONE UINT64_MAX       /* absent */
#define OKS_STAMP_KEY_TEXT (UINT64_MAX - 1) /* any other string */

#ifdef __cplusplus
#define OKS_STAMP_NONE (oks_stamp{OKS_STAMP_KEY_NONE, NULL, 0})
#else
#define OKS_STAMP_NONE ((struct oks_stamp){OKS_STAMP_KEY_NONE, NULL, 0})
#endif

static inline bool oks_stamp_is_none(struct oks_stamp s)
{
    return s.key == OKS_STAMP_KEY_NONE;
}

/* An absent or empty slice gives OKS_STAMP_NONE. A stamp of any other string borrows the slice's bytes. A
 * length over 2^32-1 is cut. */
struct oks_stamp oks_stamp_of(struct oks_slice text);

/* <0, 0, >0 as the strings compare byte-wise. Neither may be none. */
int oks_stamp_cmp(struct oks_stamp a, struct oks_stamp b);

/* Whether the stamp lies in [since, until]. A bound that is none is open; a stamp that is none lies in every
 * window. */
bool oks_stamp_within(struct oks_stamp stamp, struct oks_stamp since, struct oks_stamp until);

/* The string again: borrowed from the stamp, or written to buf and NUL-terminated there. None gives an absent
 * slice. */
struct oks_slice oks_stamp_text(struct oks_stamp s, char buf[OKS_STAMP_TEXT]);

/*
 * The instant in microseconds since 1970-01-01T00:00Z, parsed as Python 3.11's datetime.fromisoformat does
 * after every "Z" is replaced by "+00:00". *aware: the string has an offset from UTC. 0 or -EINVAL.
 */
int oks_stamp_micros(struct oks_stamp s, int64_t *micros, bool *aware);

/*
 * Milliseconds from first to last, at least 0: int((last - first).total_seconds() * 1000) in Python's
 * arithmetic (doubles, cut towards zero: 1.001 s give 1000 ms). 0 if either is none or does not parse, or if
 * only one has an offset from UTC.
 */
int64_t oks_duration_ms(struct oks_stamp first, struct oks_stamp last);

#ifdef __cplusplus
}
#endif

#endif
