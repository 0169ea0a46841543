/*
 * The keys of Claude Code's lines, found by a perfect hash over four things that cost nothing: the first, the
 * last and the middle byte of a key, and its length. The slots were searched once; the tests try every key.
 */
#ifndef OKSTRAFS_CORE_CLAUDE_KEYS_H
#define OKSTRAFS_CORE_CLAUDE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json_lex.h"

enum claude_key {
    KEY_NONE,
    KEY_TYPE,
    KEY_TIMESTAMP,
    KEY_AGENT_NAME,
    KEY_SESSION_ID,
    KEY_UUID,
    KEY_REQUEST_ID,
    KEY_AGENT_ID,
    KEY_CWD,
    KEY_VERSION,
    KEY_SUBTYPE,
    KEY_IS_SIDECHAIN,
    KEY_IS_API_ERROR_MESSAGE,
    KEY_IS_COMPACT_SUMMARY,
    KEY_MESSAGE,
    KEY_COMPACT_METADATA,
    KEY_MICROCOMPACT_METADATA,
    KEY_DATA,
    KEY_ID,
    KEY_MODEL,
    KEY_STOP_REASON,
    KEY_USAGE,
    KEY_CONTENT,
    KEY_INPUT_TOKENS,
    KEY_OUTPUT_TOKENS,
    KEY_CACHE_CREATION_INPUT_TOKENS,
    KEY_CACHE_READ_INPUT_TOKENS,
    KEY_CACHE_CREATION,
    KEY_SERVER_TOOL_USE,
    KEY_SPEED,
    KEY_INFERENCE_GEO,
    KEY_SERVICE_TIER,
    KEY_ITERATIONS,
    KEY_EPHEMERAL_5M_INPUT_TOKENS,
    KEY_EPHEMERAL_1H_INPUT_TOKENS,
    KEY_WEB_SEARCH_REQUESTS,
    KEY_TRIGGER,
    KEY_PRE_TOKENS,
    KEY_COUNT,
};

enum { CLAUDE_KEY_MIN = 2, CLAUDE_KEY_MAX = 27, CLAUDE_ROOM = 30, CLAUDE_SLOTS = 128 };

struct claude_name {
    char text[CLAUDE_ROOM];
    uint8_t len;
    uint8_t key;
};

#define NAME(text, key)             \
    {                               \
        text, sizeof(text) - 1, key \
    }
static const struct claude_name claude_names[CLAUDE_SLOTS] = {
    [4] = NAME("message", KEY_MESSAGE),
    [6] = NAME("server_tool_use", KEY_SERVER_TOOL_USE),
    [11] = NAME("subtype", KEY_SUBTYPE),
    [14] = NAME("service_tier", KEY_SERVICE_TIER),
    [15] = NAME("isApiErrorMessage", KEY_IS_API_ERROR_MESSAGE),
    [21] = NAME("agentId", KEY_AGENT_ID),
    [22] = NAME("usage", KEY_USAGE),
    [24] = NAME("cache_creation_input_tokens", KEY_CACHE_CREATION_INPUT_TOKENS),
    [28] = NAME("type", KEY_TYPE),
    [29] = NAME("cwd", KEY_CWD),
    [40] = NAME("uuid", KEY_UUID),
    [41] = NAME("input_tokens", KEY_INPUT_TOKENS),
    [49] = NAME("iterations", KEY_ITERATIONS),
    [50] = NAME("preTokens", KEY_PRE_TOKENS),
    [51] = NAME("stop_reason", KEY_STOP_REASON),
    [58] = NAME("inference_geo", KEY_INFERENCE_GEO),
    [59] = NAME("ephemeral_1h_input_tokens", KEY_EPHEMERAL_1H_INPUT_TOKENS),
    [60] = NAME("cache_read_input_tokens", KEY_CACHE_READ_INPUT_TOKENS),
    [61] = NAME("compactMetadata", KEY_COMPACT_METADATA),
    [63] = NAME("sessionId", KEY_SESSION_ID),
    [64] = NAME("web_search_requests", KEY_WEB_SEARCH_REQUESTS),
    [73] = NAME("model", KEY_MODEL),
    [82] = NAME("id", KEY_ID),
    [84] = NAME("isSidechain", KEY_IS_SIDECHAIN),
    [86] = NAME("ephemeral_5m_input_tokens", KEY_EPHEMERAL_5M_INPUT_TOKENS),
    [90] = NAME("trigger", KEY_TRIGGER),
    [95] = NAME("version", KEY_VERSION),
    [96] = NAME("data", KEY_DATA),
    [100] = NAME("requestId", KEY_REQUEST_ID),
    [101] = NAME("output_tokens", KEY_OUTPUT_TOKENS),
    [110] = NAME("content", KEY_CONTENT),
    [112] = NAME("cache_creation", KEY_CACHE_CREATION),
    [113] = NAME("microcompactMetadata", KEY_MICROCOMPACT_METADATA),
    [114] = NAME("timestamp", KEY_TIMESTAMP),
    [115] = NAME("agentName", KEY_AGENT_NAME),
    [118] = NAME("speed", KEY_SPEED),
    [119] = NAME("isCompactSummary", KEY_IS_COMPACT_SUMMARY),
};
#undef NAME

static inline unsigned claude_slot(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;

    return (u[0] * 25u + u[len - 1] * 17u + u[len / 2 - 1] * 31u + (unsigned)len * 27u) % CLAUDE_SLOTS;
}

#ifdef __SSE2__
/* Whether the first len bytes (less than 32) are a name's: compared all at once, for a branch that asks for
 * the length is foretold wrongly too often. 32 bytes must be readable at s. */
static inline bool claude_same(const char *s, const struct claude_name *name, size_t len)
{
    return (~lex_same32(s, (const char *)name) & ~(~UINT64_C(0) << len)) == 0;
}
#else
/* Whether the 8 bytes at a and b differ. */
static inline uint64_t claude_differ(const char *a, const char *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(x ^ y);
#else
    return x ^ y;
#endif
}

/*
 * In words that overlap, for a call of memcmp or a loop over bytes costs more than all else that is done for
 * a key. 8 readable bytes must stand at both, also where there is less to compare.
 */
static inline bool claude_same(const char *s, const struct claude_name *name, size_t len)
{
    const char *text = name->text;
    uint64_t differ = claude_differ(s, text);

    if (len < 8)
        return differ << (64 - 8 * len) == 0;
    differ |= claude_differ(s + len - 8, text + len - 8);
    if (len > 16)
        differ |= claude_differ(s + 8, text + 8) | claude_differ(s + len - 16, text + len - 16);
    return differ == 0;
}
#endif

static inline enum claude_key claude_key(const char *s, size_t len)
{
    const struct claude_name *name;

    if (len < CLAUDE_KEY_MIN || len > CLAUDE_KEY_MAX)
        return KEY_NONE;
    name = &claude_names[claude_slot(s, len)];
    return (enum claude_key)(name->key * ((name->len == len) & claude_same(s, name, len)));
}

#endif
