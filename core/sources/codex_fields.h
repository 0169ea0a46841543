/*
 * What of a Codex line is collected, and where it goes. Only scan_codex.c includes this, in front of the
 * readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_CODEX_FIELDS_H
#define OKSTRAFS_SOURCES_CODEX_FIELDS_H

#include "sources/codex_memo.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PAYLOAD,
    CTX_SOURCE,
    CTX_SUBAGENT,
    CTX_SPAWN,
    CTX_INFO,
    CTX_TOTAL,
    CTX_LAST,
    CTX_USED,
    CTX_THREAD_USED,
    CTX_BASE,
    CTX_GIT,
    CTX_LIMITS,
    CTX_PRIMARY,
    CTX_SECONDARY,
    SHAPE_ROOT = CTX_TOP,
};

#define SHAPE_BEGINS_EMPTY true
#include "scan/json_fields.h"
#include "sources/codex_limits.h"

struct usage {
    bool present;
    struct count count[CODEX_COUNTS];
};

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type;
    struct payload {
        bool present;
        struct oks_slice type, id, session_id, cwd, model, version, role, nickname, agent_role;
        struct oks_slice forked_from, parent_thread;
        struct oks_slice turn, thread, response;
        struct oks_slice name, effort;  /* of a tool; of reasoning */
        struct usage used, thread_used; /* of a token_usage_record; this and what follows has few lines */
        struct base {
            bool present;
            struct oks_slice thread;
        } base; /* the page that this one goes on from */
        struct git {
            bool present;
            struct oks_slice branch;
        } git;
        struct codex_limits_line limits;
        struct agent_source {
            bool present;
            struct subagent {
                bool present;
                struct spawn {
                    bool present;
                    struct oks_slice parent_thread, nickname, role;
                } spawn;
            } subagent;
        } source;
        struct info {
            bool present;
            struct usage total, last;
        } info;
    } payload;
};

#define USAGE_FIELDS(usage)                                                       \
    FIELD("input_tokens", COUNT, usage.count[CODEX_INPUT]),                       \
        FIELD("cached_input_tokens", COUNT, usage.count[CODEX_CACHED]),           \
        FIELD("cache_write_input_tokens", COUNT, usage.count[CODEX_CACHE_WRITE]), \
        FIELD("output_tokens", COUNT, usage.count[CODEX_OUTPUT]),                 \
        FIELD("reasoning_output_tokens", COUNT, usage.count[CODEX_REASONING]),    \
        FIELD("total_tokens", COUNT, usage.count[CODEX_TOTAL]), FIELDS_END

#define WINDOW_FIELDS(window)                                                                             \
    FIELD("used_percent", NUMBER, window.used), FIELD("window_minutes", COUNT, window.minutes),           \
        FIELD("resets_at", COUNT, window.resets_at), FIELD("resets_in_seconds", COUNT, window.resets_in), \
        FIELDS_END

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                                       FIELD_INTO("payload", OBJECT, CTX_PAYLOAD, payload), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){FIELD("type", TEXT, payload.type),
                               FIELD("id", TEXT, payload.id),
                               FIELD("session_id", TEXT, payload.session_id),
                               FIELD("cwd", TEXT, payload.cwd),
                               FIELD("model", TEXT, payload.model),
                               FIELD("cli_version", TEXT, payload.version),
                               FIELD("name", TEXT, payload.name),
                               FIELD("effort", TEXT, payload.effort),
                               FIELD("role", TEXT, payload.role),
                               FIELD("agent_nickname", TEXT, payload.nickname),
                               FIELD("agent_role", TEXT, payload.agent_role),
                               FIELD("forked_from_id", TEXT, payload.forked_from),
                               FIELD("parent_thread_id", TEXT, payload.parent_thread),
                               FIELD("turn_id", TEXT, payload.turn),
                               FIELD("thread_id", TEXT, payload.thread),
                               FIELD("response_id", TEXT, payload.response),
                               FIELD_INTO("usage", OBJECT, CTX_USED, payload.used),
                               FIELD_INTO("thread_token_usage", OBJECT, CTX_THREAD_USED, payload.thread_used),
                               FIELD_INTO("history_base", OBJECT, CTX_BASE, payload.base),
                               FIELD_INTO("git", OBJECT, CTX_GIT, payload.git),
                               FIELD_INTO("rate_limits", OBJECT, CTX_LIMITS, payload.limits),
                               FIELD_INTO("source", OBJECT, CTX_SOURCE, payload.source),
                               FIELD_INTO("info", OBJECT, CTX_INFO, payload.info),
                               FIELDS_END},
    [CTX_SOURCE] =
        (const struct field[]){FIELD_INTO("subagent", OBJECT, CTX_SUBAGENT, payload.source.subagent),
                               FIELDS_END},
    [CTX_SUBAGENT] =
        (const struct field[]){FIELD_INTO("thread_spawn", OBJECT, CTX_SPAWN, payload.source.subagent.spawn),
                               FIELDS_END},
    [CTX_SPAWN] =
        (const struct field[]){FIELD("parent_thread_id", TEXT, payload.source.subagent.spawn.parent_thread),
                               FIELD("agent_nickname", TEXT, payload.source.subagent.spawn.nickname),
                               FIELD("agent_role", TEXT, payload.source.subagent.spawn.role), FIELDS_END},
    [CTX_INFO] =
        (const struct field[]){FIELD_INTO("total_token_usage", OBJECT, CTX_TOTAL, payload.info.total),
                               FIELD_INTO("last_token_usage", OBJECT, CTX_LAST, payload.info.last),
                               FIELDS_END},
    [CTX_TOTAL] = (const struct field[]){USAGE_FIELDS(payload.info.total)},
    [CTX_LAST] = (const struct field[]){USAGE_FIELDS(payload.info.last)},
    [CTX_USED] = (const struct field[]){USAGE_FIELDS(payload.used)},
    [CTX_THREAD_USED] = (const struct field[]){USAGE_FIELDS(payload.thread_used)},
    [CTX_BASE] = (const struct field[]){FIELD("thread_id", TEXT, payload.base.thread), FIELDS_END},
    [CTX_GIT] = (const struct field[]){FIELD("branch", TEXT, payload.git.branch), FIELDS_END},
    [CTX_LIMITS] =
        (const struct field[]){
            FIELD("limit_id", TEXT, payload.limits.id), FIELD("limit_name", TEXT, payload.limits.name),
            FIELD("plan_type", TEXT, payload.limits.plan),
            FIELD("rate_limit_reached_type", TEXT, payload.limits.reached),
            FIELD_INTO("primary", OBJECT, CTX_PRIMARY, payload.limits.window[0]),
            FIELD_INTO("secondary", OBJECT, CTX_SECONDARY, payload.limits.window[1]), FIELDS_END},
    [CTX_PRIMARY] = (const struct field[]){WINDOW_FIELDS(payload.limits.window[0])},
    [CTX_SECONDARY] = (const struct field[]){WINDOW_FIELDS(payload.limits.window[1])},
};

#include "scan/json_objects.h"

#endif
