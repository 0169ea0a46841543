/*
 * The limits of the user's plan: `rate_limits` of a Codex line (private to the source).
 */
#ifndef OKSTRAFS_SOURCES_CODEX_LIMITS_H
#define OKSTRAFS_SOURCES_CODEX_LIMITS_H

#include "scan/json_fields.h"
#include "sources/codex_memo.h"

/* As it stands in the line. */
struct codex_limits_line {
    bool present;
    struct oks_slice id, name, plan, reached;
    struct codex_window_line {
        bool present;
        struct oks_slice used; /* percent, a number */
        struct count minutes, resets_at, resets_in;
    } window[SOURCE_LIMIT_WINDOWS];
};

/* Notes them, with the time of the line, unless it was copied from another session. */
void codex_limits_note(struct codex_state *s, const struct codex_limits_line *l, struct oks_slice timestamp);

#endif
