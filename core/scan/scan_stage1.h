/*
 * Stage 1: from bytes to the few positions that a reader of JSON lines needs to look at.
 *
 * Entries, in ascending order:
 *   - every '\n';
 *   - outside strings: each of { } [ ], and the first byte of each run of anything else but white space, ':'
 *     and ',' (what stands between two entries shows whether these are where they belong);
 *   - the opening quote of each string;
 *   - inside strings, whatever is wrong: a control character, the backslash of a bad escape, bytes at bad
 * UTF-8. Such an entry's byte is never one of { } [ ] " and begins no number or literal, so a reader that
 * expects one of these trips over it. A string ends at a '\n' at the latest: one bad line does not spoil the
 * next. Entries may come twice.
 *
 * Nothing here knows what the lines say, so that every source of transcripts shares it.
 */
#ifndef OKSTRAFS_SCAN_SCAN_STAGE1_H
#define OKSTRAFS_SCAN_SCAN_STAGE1_H

#include <stddef.h>
#include <stdint.h>

struct oks_index {
    uint32_t *entries;
    size_t n, cap;
};

/*
 * Bytes are indexed in batches. One gives at most an entry per byte and one for the byte before, and writes
 * up to 64 more; `cap` counts that room in.
 */
enum {
    OKS_BATCH_BYTES = 4096,
    OKS_ENTRIES_PER_BATCH = OKS_BATCH_BYTES + 1 + 64,
};

/*
 * Indexes buf[from .. to), of which `from` begins a line and the last byte is a '\n'. Stops early where the
 * index is full; what it holds then is right as far as it goes. One entry more stands behind them, of any
 * byte, so that a reader may look one ahead. OKS_PAD bytes around the buffer must be readable.
 */
typedef void oks_stage1(const char *buf, size_t from, size_t to, struct oks_index *index);

#ifdef __x86_64__
oks_stage1 oks_stage1_sse2, oks_stage1_avx2, oks_stage1_avx512;
#endif

#endif
