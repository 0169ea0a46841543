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

/* What one request cost in tokens: each 0 ... 2^63-1. The prompt is all but `output`. */
struct oks_spend {
    uint64_t input; /* neither read from the cache nor written to it */
    uint64_t output;
    uint64_t cache_5m; /* written for five minutes, and what a transcript does not split */
    uint64_t cache_1h;
    uint64_t cache_read;
    uint64_t web_searches; /* requests, not tokens */
    enum oks_speed speed;
    enum oks_geo geo;
    enum oks_tier tier;
};

struct oks_request {
    uint64_t key; /* of message.id, else uuid, else file and line: equal keys are one request everywhere */
    struct oks_stamp stamp; /* of the winning line; none where it has no time */
    struct oks_slice model; /* borrowed; absent: unknown */
    struct oks_spend spend;
    uint64_t tool_uses; /* over all lines of the request: each tool_use stands on one of them */
    bool sidechain;
    bool settled;     /* a line of it says why the response ended; else its output is a lower bound */
    bool advisor;     /* an advisor's share of another request */
    bool alias;       /* no request: its key names one that counts under another key, so it is in no sum */
    bool restamped;   /* copies of its line have later time stamps, so the earliest is the original */
    bool second_hand; /* seen only in a parent's progress lines: in no sum, but makes it a lower bound */
};

#endif
