/*
 * What a Codex rollout's complete lines come to, its memo, and the identity of its requests (private to the
 * source).
 *
 * Not thread safe.
 */
#ifndef OKSTRAFS_SOURCES_CODEX_MEMO_H
#define OKSTRAFS_SOURCES_CODEX_MEMO_H

#include "base/words.h"
#include "sources/source.h"

enum {
    CODEX_NAME_MAX = 255,         /* bytes of an id or a model */
    CODEX_MEASURES_MAX = 1 << 16, /* of one rollout, that its later pages can be compared with */
    CODEX_TURNS = 8,              /* the last turns whose model and effort are kept */
    CODEX_LIMITS = 8,             /* limits of the plan that are kept of a rollout */
};

/* What a usage object holds. A request is told by the first five; the total follows from them. */
enum codex_count {
    CODEX_INPUT,
    CODEX_CACHED,
    CODEX_CACHE_WRITE,
    CODEX_OUTPUT,
    CODEX_REASONING,
    CODEX_FIVE,
    CODEX_TOTAL = CODEX_FIVE,
    CODEX_COUNTS,
};

struct codex_name {
    uint8_t len;
    char text[CODEX_NAME_MAX + 1]; /* "": not known */
};

/* One limit of the plan, as its newest line says. */
struct codex_limit {
    struct source_limit_text {
        char text[SOURCE_LIMIT_TEXT]; /* "": not known */
    } id, name, plan, reached, stamp;
    struct source_limit_window window[SOURCE_LIMIT_WINDOWS];
};

struct codex_state {
    struct codex_name session, parent;
    struct codex_name origin; /* of a page: another session that may have the count which it opens with */
    struct codex_name oldest; /* the oldest session that it names; "": it names none */
    struct codex_name
        family; /* what ids of turns are unique in, if no more; "": that session, or the rollout */
    struct codex_name turn, model; /* the current ones */
    uint64_t turn_hash;            /* of the turn's id; 0: not known. What follows from that is in no memo */
    uint64_t turn_key;             /* what keys of its counts begin with; 0: its id is no UUID */
    struct codex_name branch;      /* of git, when the session began */
    struct codex_name effort;      /* of the current turn */
    struct codex_limit limits[CODEX_LIMITS];
    unsigned n_limits;
    struct codex_turn {
        uint64_t turn; /* hash of its id; 0: none */
        struct codex_name model, effort;
    } turns[CODEX_TURNS];
    uint64_t total[CODEX_FIVE];        /* of the last count */
    uint64_t pending;                  /* key of the last count, if a record may still come for it; 0: none */
    uint64_t pending_last[CODEX_FIVE]; /* what it says of its request ... */
    uint64_t pending_tools;            /* ... and the tool calls of that */
    uint64_t
        rollout;     /* hash of its name: another form of it, or an archived copy, has the same; 0: unknown */
    uint64_t record; /* key of the last record */
    uint64_t opening; /* hash of the first count of a page that goes on from another; 0: none */
    uint64_t opened;  /* the key of the request that this count was taken for; 0: for none */
    uint64_t assumed; /* sum of the keys of requests that others own */
    uint64_t tools;   /* tool calls since the last request */
    uint64_t prompt;  /* tokens that the last request sent */
    /* In the memo, each is a bit, in this order. */
    bool own;       /* what comes now is its own */
    bool copies;    /* it has requests that others own */
    bool told;      /* lines were taken for its own before that was certain ... */
    bool dropped;   /* ... or for copies */
    bool nameless;  /* requests were told before a model was known */
    bool base;      /* it goes on from another page */
    bool repeated;  /* its first count repeats that page's last */
    bool counted;   /* there was a count */
    bool recorded;  /* a record came since the last count that advanced */
    bool related;   /* a key is made of the family */
    bool compacted; /* a compaction came since the last request */
};

/* Cut to what fits, and to what is in front of a NUL. */
void codex_name_set(struct codex_name *name, struct oks_slice s);
/* Absent where it is not known. */
static inline struct oks_slice codex_name_slice(const struct codex_name *name)
{
    return name->len ? (struct oks_slice){name->text, name->len} : (struct oks_slice){0};
}

void codex_turn_set(struct codex_state *state, struct oks_slice id);
/* "" where it does not fit. */
void codex_limit_text_set(struct source_limit_text *to, struct oks_slice s);

/* --- keys: the same in all copies of a line; never 0 --- */

/* Of a record: the thread (its hash) and the response that it names, and what that used. */
uint64_t codex_record_key(uint64_t thread, struct oks_slice response, const uint64_t used[CODEX_FIVE]);
uint64_t codex_thread_hash(struct oks_slice thread);
/* Of a record without the id of a response. */
uint64_t codex_turn_key(struct oks_slice thread, struct oks_slice turn, const uint64_t total[CODEX_FIVE]);
/* Of a count. An id of a turn that is no UUID is unique in the family only. */
uint64_t codex_count_key(struct codex_state *state, const uint64_t total[CODEX_FIVE],
                         const uint64_t last[CODEX_FIVE]);
/*
 * The key that a fork gives to the count if it is read while this rollout, which says that the family is an
 * older one, is not there. 0: the same
 */
uint64_t codex_count_alias(const struct codex_state *state, const uint64_t total[CODEX_FIVE],
                           const uint64_t last[CODEX_FIVE]);
/* What tells counts of one session apart. */
uint64_t codex_measure(const uint64_t total[CODEX_FIVE], const uint64_t last[CODEX_FIVE]);
uint64_t codex_text_hash(struct oks_slice text);

/* --- memos --- */

/* `seq`: the measures of its counts, in their order. Zeros where it is no memo of ours. 0 or -ENOMEM. */
int codex_memo_read(const char *memo, struct codex_state *state, struct memo_numbers *seq);
char *codex_memo_text(const struct codex_state *state, const struct memo_numbers *seq); /* NULL on ENOMEM */

/* The measures of the peers, but for copies of this rollout, sorted. 0 or -ENOMEM. */
int codex_peers_read(const char *peers, uint64_t rollout, struct memo_numbers *known);
/* Whether a peer, but for copies of this rollout, is in the turn of `s`, and has the count that it opens
 * with. */
bool codex_peers_in_turn(const char *peers, const struct codex_state *s);
/* The line about the rollout itself (struct source); the keys are sorted. 0 or -ENOMEM */
int codex_self_read(const char *peers, struct codex_name *file, struct codex_name *family,
                    struct memo_numbers *foreign);

/* Of struct source. */
uint64_t codex_assumed(const char *memo);
bool codex_oldest(const char *memo, char *out, size_t size);
bool codex_family(const char *memo, char *out, size_t size);
bool codex_alone(const char *memo);
bool codex_concerns(const char *memo, const char *before, const char *after);
bool codex_agrees(const char *memo, const char *peers);
int codex_amend(const char *memo, const char *peers, char **now, uint64_t *repeated);
bool codex_origin(const char *memo, char *out, size_t size);
bool codex_parent(const char *memo, char *out, size_t size);
bool codex_branch(const char *memo, char *out, size_t size);
int codex_limits(const char *memo, source_limit_fn *fn, void *ctx);

#endif
