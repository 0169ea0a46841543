/*
 * Stage 1: from bytes to the few positions that a reader of JSON lines needs to look at.
 *
 * Entries, in ascending order:
 *   - every '\n';
 *   - outside strings: each of { } [ ] : , and the first byte of each run of anything else but white space;
 *   - the opening quote of each string;
 *   - inside strings, whatever is wrong: a control character, the backslash of a bad escape, bytes at bad
 * UTF-8. Such an entry's byte is never one of { } [ ] : , " so a reader that expects one of these trips over
 * it. A string ends at a '\n' at the latest: one bad line does not spoil the next. Entries may come twice.
 *
 * Nothing here knows what the lines say, so that every source of transcripts shares it. Beside the entries,
 * it notes where team names begin (team_scan.h), since the quotes are at hand: each position directly behind
 * a
 * `"teamname":"`.
 */
#ifndef OKSTRAFS_CORE_SCAN_STAGE1_H
#define OKSTRAFS_CORE_SCAN_STAGE1_H

#include <stddef.h>
#include <stdint.h>

struct oks_index {
    uint32_t *entries;
    size_t n, cap;
    uint32_t *teams;
    size_t n_teams, teams_cap;
};

/* A block gives at most so many; `cap` counts that room in. */
enum { OKS_ENTRIES_PER_BLOCK = 64 + 2 + 16, OKS_TEAMS_PER_BLOCK = 64 };

/*
 * Indexes buf[from .. to), of which `from` begins a line and the last byte is a '\n'. Stops early where the
 * index is full; what it holds then is right as far as it goes. OKS_PAD bytes around the buffer must be
 * readable.
 */
typedef void oks_stage1(const char *buf, size_t from, size_t to, struct oks_index *index);

#ifdef __x86_64__
oks_stage1 oks_stage1_sse2, oks_stage1_avx2, oks_stage1_avx512;
#endif

#endif
