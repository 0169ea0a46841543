/*
 * What is remembered of one transcript: the cursor and all that was read before it.
 *
 * This is the content of a cache file. It holds events from before any window is applied, so a window may
 * shrink between two reads. A state is derived data: dropping it costs a scan and never changes an answer.
 */
#ifndef OKSTRAFS_HISTORY_STATE_H
#define OKSTRAFS_HISTORY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/strings.h"
#include "history/events.h"
#include "history/tools.h"

enum { OKS_IDENTITY_PREFIX = 256 };

/* SHA-256 of the first `len` (at most OKS_IDENTITY_PREFIX) bytes of the transcript. */
struct oks_identity {
    uint32_t len;
    uint8_t sha256[OKS_SHA256_BYTES];
};

enum {
    OKS_COMPACTIONS_MAX = 1024, /* kept of one transcript: the first ones */
    OKS_TEAMS_MAX = 4096,       /* team names kept of one transcript */
    OKS_CWDS_MAX = 64,          /* working directories kept of one transcript */
};

/* What one model (or tag) used: a running sum over the events of its records. The span knows canonical stamps
 * only. */
struct oks_models {
    struct oks_model {
        char *name; /* "": records that name no model */
        struct oks_totals totals;
    } * items;
    size_t len;
};

/* Adds to the model's sum; an absent name is "". *place, if not NULL: where it is in the list. 0 or -ENOMEM.
 */
int oks_models_add(struct oks_models *models, struct oks_slice name, const struct oks_totals *totals,
                   uint8_t *place);
/* places[i]: where the i-th of `from` is in `to`. 0 or -ENOMEM */
int oks_models_merge(struct oks_models *to, const struct oks_models *from, uint8_t places[OKS_PLACES_MAX]);
void oks_models_clear(struct oks_models *models);

struct oks_requests; /* what was asked of models, once each: history/requests.h */

struct oks_state {
    uint64_t offset; /* the cursor: bytes before it are not read again */
    struct oks_identity identity;
    char *agent_name; /* UTF-8, NUL-terminated (cut at a NUL); NULL: none yet */
    char *model;
    struct oks_events *events; /* never NULL */

    /* What okstra's own collector does not keep: complete up to `extra_offset`. */
    uint64_t extra_offset;
    uint64_t dev; /* of the transcript; ino 0: not known */
    uint64_t ino;
    uint32_t tail_len; /* bytes before the cursor that tail_sha256 covers; 0: not known */
    uint8_t tail_sha256[OKS_SHA256_BYTES];
    uint64_t lines;
    uint64_t bad;
    uint64_t odd;
    char *session_id;               /* the first sessionId in the records; NULL: none */
    struct oks_strings teams;       /* raw names, first spelling, distinct under oks_name_fold */
    struct oks_strings cwds;        /* distinct, in order of appearance */
    struct oks_strings compactions; /* "<offset> <tokens before> <c or m> <time or -> <trigger>" */
    struct oks_models models;       /* of the events with any count: the lists of their labels */
    struct oks_models tags;         /* by tag_text() (history/tags.h) */
    struct oks_tool_sets tools;
    struct oks_requests *requests; /* never NULL */
    char *label;                   /* what a file beside the transcript calls its agent; NULL: none */
    char *label_team;   /* the team of the agent by that file; "": one that it does not name; NULL: none */
    char *reader_state; /* the state of the source's reader (scan/scanner.h), one line; NULL: none */
};

int oks_state_init(struct oks_state *state);   /* empty; -ENOMEM */
void oks_state_clear(struct oks_state *state); /* frees what it holds; a zeroed state is fine */
int oks_state_reset(struct oks_state *state);  /* clear and init */
/*
 * Adds what was found behind the cursor, all but requests (requests_gain() of requests.h). -ENOMEM: a part is
 * added.
 */
int oks_state_gain(struct oks_state *to, const struct oks_state *gain);

#endif
