/*
 * What Claude Code says of the limits of the user's plan, as it hands it to a status line, and the file that
 * keeps it.
 *
 *     struct oks_claude_status status;
 *
 *     if (oks_claude_status_read(text, now_ms, &status) == 0) {
 *         rc = oks_plan_limits_keep(okstra_home, &status.limits, now_ms);
 *         ...
 *     }
 *
 * No transcript has these figures, and okstrafs asks no server. Functions without shared state: thread safe.
 */
#ifndef OKSTRAFS_INTERNAL_PLAN_LIMITS_H
#define OKSTRAFS_INTERNAL_PLAN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "okstrafs/names.h"
#include "okstrafs/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum oks_plan_span { OKS_PLAN_FIVE_HOURS, OKS_PLAN_SEVEN_DAYS, OKS_PLAN_SPANS };

struct oks_plan_limits {
    struct oks_plan_window {
        bool given;
        uint32_t used;     /* hundredths of a percent */
        int64_t resets_at; /* seconds since the epoch; 0: not told */
        int64_t as_of_ms;  /* when it was told */
    } window[OKS_PLAN_SPANS];
};

/* What is used of Claude Code's JSON. Texts are empty, and numbers negative, where they are not given. */
enum { OKS_STATUS_TEXT = 128, OKS_STATUS_BYTES_MAX = 1 << 20 };
struct oks_claude_status {
    char session[OKS_NAME_MAX + 1]; /* its id, as sessions/ has it */
    char model[OKS_STATUS_TEXT];    /* for people; hidden characters are '?' */
    char cost[OKS_STATUS_TEXT]; /* of the session, in USD, as Claude Code computes it: digits and a point */
    int64_t context_percent;    /* of the context that is used */
    struct oks_plan_limits limits;
};

/* 0; -EINVAL: it is no JSON object; -ENOMEM. Members that are not as expected are left out. */
int oks_claude_status_read(struct oks_slice text, int64_t now_ms, struct oks_claude_status *out);

/*
 * Brings $OKSTRA_HOME/okstrafs/limits/claude.json up to the limits, and writes nothing where that says as
 * much: of two windows the later one counts, and of the same window the greater share, since sessions that
 * rest repeat what they heard last. *limits: what counts now. 0 or a negative errno; then *limits is what was
 * given.
 */
#define OKS_PLAN_LIMITS_FILE "okstrafs/limits/claude.json"
int oks_plan_limits_keep(const char *okstra_home, struct oks_plan_limits *limits, int64_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
