/*
 * One request to a model, as it is billed: what all the lines that log it come to.
 *
 * The thirteen keys count every line, as okstra does. `billed` counts every response once: lines with the
 * same key are one request, and the whole line with the greatest output wins (SPEC section 3). This header
 * holds the shape that the sources (core/sources/), the store, the prices and the documents share.
 */
#ifndef OKSTRAFS_REQUEST_H
#define OKSTRAFS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "okstrafs/slice.h"
#include "okstrafs/source.h"
#include "okstrafs/stamp.h"

/* What multiplies a price. Whatever a transcript says that is none of these is the standard rate. */
enum oks_speed { OKS_SPEED_STANDARD = 0, OKS_SPEED_FAST };
enum oks_geo { OKS_GEO_ANY = 0, OKS_GEO_US };
enum oks_tier { OKS_TIER_STANDARD = 0, OKS_TIER_PRIORITY, OKS_TIER_FLEX, OKS_TIER_BATCH };

/* What a row stands for. All but the first belong to a response that has a row of its own. */
enum oks_part {
    OKS_PART_RESPONSE = 0,
    OKS_PART_ADVISOR,    /* another model that was asked within the response */
    OKS_PART_COMPACTION, /* the conversation was summed up before the response */
    OKS_PART_ATTEMPT,    /* another model declined before this one answered */
    OKS_PART_SEARCH,     /* the web searches of one use of a tool of the client: no request */
    OKS_PART_LINK,       /* no request: a second key of one, see history/request_runs.h */
    OKS_PART_REST,       /* no request: tokens of several that were logged apart from them */
    OKS_PARTS,
};

/* Of what was sent (`context`): it is not known, because the numbers are of several requests, or of a part of
 * one. */
#define OKS_PROMPT_UNKNOWN ((uint64_t)INT64_MAX)

/* What one request cost in tokens: each 0 ... 2^63-1. The prompt is all but `output`. */
struct oks_spend {
    uint64_t input; /* neither read from the cache nor written to it */
    uint64_t output;
    uint64_t cache_5m; /* written for five minutes, and what a transcript does not split */
    uint64_t cache_1h;
    uint64_t cache_read;
    uint64_t web_searches; /* requests, not tokens */
    uint64_t context;      /* the prompt of the last pass, where there were several; 0: all of the above */
    enum oks_speed speed;
    enum oks_geo geo;
    enum oks_tier tier;
};

struct oks_request {
    uint64_t key;           /* equal keys are one request everywhere: history/requests_rule.c */
    struct oks_stamp stamp; /* of the winning line; none where it has no time */
    struct oks_slice model; /* borrowed; absent: unknown */
    struct oks_slice tag;   /* the same: branch and effort of the line (history/tags.h) */
    struct oks_spend spend;
    uint64_t tool_uses; /* over all lines of the request: each tool_use stands on one of them */
    bool sidechain;
    bool settled; /* a line of it says why the response ended; else its output is a lower bound. Of a rest: it
                     came */
    bool free;    /* declined without output: it cost nothing */
    bool doubtful; /* its numbers contradict each other: what it cost is a lower bound */
    enum oks_part part;
    bool alias;       /* no request: its key names one that counts under another key, so it is in no sum */
    bool restamped;   /* copies of its line have later time stamps, so the earliest is the original */
    bool second_hand; /* seen only in a parent's progress lines: in no sum, but makes it a lower bound */
};

#endif
