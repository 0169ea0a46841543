/*
 * What a Codex rollout's complete lines come to, and the memo that it makes (private to the source).
 *
 * Rollouts that repeat another's events are told by its memo: it says which cumulative counts that one had.
 * Not thread safe.
 */
#ifndef OKSTRAFS_SOURCES_CODEX_MEMO_H
#define OKSTRAFS_SOURCES_CODEX_MEMO_H

#include "base/words.h"

enum {
    CODEX_NAME_MAX = 255,         /* bytes of an id or a model */
    CODEX_MEASURES_MAX = 1 << 16, /* of one rollout whose cumulative counts are remembered */
};

enum codex_count {
    CODEX_INPUT,
    CODEX_CACHED,
    CODEX_CACHE_WRITE,
    CODEX_OUTPUT,
    CODEX_REASONING,
    CODEX_TOTAL,
    CODEX_COUNTS,
};

struct codex_name {
    char text[CODEX_NAME_MAX + 1]; /* "": not known */
};

struct codex_state {
    struct codex_name session, origin, parent, model;
    uint64_t total[CODEX_COUNTS]; /* the last cumulative counts */
    uint64_t measures;            /* so far, replayed ones included */
    uint64_t replayed;            /* of these */
    uint64_t tools;               /* tool calls since the last measurement */
    bool own;                     /* what comes now is its own */
    bool twin;                    /* another file of this session comes before it */
    bool flushed;                 /* lines were taken for its own before that was certain */
};

/* Cut to what fits. */
void codex_name_set(struct codex_name *name, struct oks_slice s);

/* What tells cumulative counts apart. */
uint64_t codex_hash(const uint64_t total[CODEX_COUNTS]);

/* `seq`: the hashes of its measurements, in their order. Zeros where it is no memo of ours. 0 or -ENOMEM. */
int codex_memo_read(const char *memo, struct codex_state *state, struct memo_numbers *seq);
char *codex_memo_text(const struct codex_state *state, const struct memo_numbers *seq); /* NULL on ENOMEM */

/*
 * The hashes of the peers, in order. Of two that name each other as their origin, only the one with the
 * greater id has the other for a peer: else both would take all that they share for the other's. *twin: one
 * of them is of the same session. 0 or -ENOMEM.
 */
int codex_peers_read(const char *peers, const char *session, struct memo_numbers *known, bool *twin);

/* Of struct source. */
bool codex_agrees(const char *memo, const char *peers);
bool codex_origin(const char *memo, char *out, size_t size);
bool codex_parent(const char *memo, char *out, size_t size);

#endif
