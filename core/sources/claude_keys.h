/*
 * The keys of Claude Code's lines, found by a perfect hash of the two bytes in the middle of a key and its
 * length. The factors were searched once, so that also most other keys that clients write next to these find
 * a slot that is empty or of no interest there; the tests try every key.
 */
#ifndef OKSTRAFS_SOURCES_CLAUDE_KEYS_H
#define OKSTRAFS_SOURCES_CLAUDE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scan/json_lex.h"

/* Each key is the slot it has. */
enum claude_key {
    KEY_TYPE = 36,
    KEY_TIMESTAMP = 57,
    KEY_AGENT_NAME = 32,
    KEY_SESSION_ID = 43,
    KEY_UUID = 55,
    KEY_REQUEST_ID = 62,
    KEY_AGENT_ID = 5,
    KEY_CWD = 17,
    KEY_VERSION = 48,
    KEY_SUBTYPE = 41,
    KEY_IS_SIDECHAIN = 12,
    KEY_IS_API_ERROR_MESSAGE = 9,
    KEY_IS_COMPACT_SUMMARY = 23,
    KEY_MESSAGE = 63,
    KEY_COMPACT_METADATA = 4,
    KEY_MICROCOMPACT_METADATA = 59,
    KEY_DATA = 16,
    KEY_ID = 19,
    KEY_MODEL = 53,
    KEY_STOP_REASON = 6,
    KEY_USAGE = 8,
    KEY_CONTENT = 24,
    KEY_INPUT_TOKENS = 15,
    KEY_OUTPUT_TOKENS = 45,
    KEY_CACHE_CREATION_INPUT_TOKENS = 30,
    KEY_CACHE_READ_INPUT_TOKENS = 56,
    KEY_CACHE_CREATION = 11,
    KEY_SERVER_TOOL_USE = 25,
    KEY_SPEED = 39,
    KEY_INFERENCE_GEO = 26,
    KEY_SERVICE_TIER = 1,
    KEY_ITERATIONS = 37,
    KEY_EPHEMERAL_5M_INPUT_TOKENS = 49,
    KEY_EPHEMERAL_1H_INPUT_TOKENS = 40,
    KEY_WEB_SEARCH_REQUESTS = 2,
    KEY_TRIGGER = 13,
    KEY_PRE_TOKENS = 54,
    KEY_NAME = 29,
    KEY_TOOL_USE_ID = 46,
    KEY_TOOL_USE_RESULT = 47,
    KEY_SEARCH_COUNT = 38,
    KEY_GIT_BRANCH = 22,
    KEY_EFFORT = 50,
};

enum { CLAUDE_SLOTS = 64 };

/* A name with its closing quote, so that no key that is longer is the same, and which of the bytes count. */
struct claude_name {
    char text[OKS_KEY_PAD];
    uint8_t mask[OKS_KEY_PAD];
} __attribute__((aligned(32)));

#define BYTE(text, i) (sizeof(text) > (i) ? 0xff : 0)
#define BYTES8(text, i)                                                                        \
    BYTE(text, i), BYTE(text, i + 1), BYTE(text, i + 2), BYTE(text, i + 3), BYTE(text, i + 4), \
        BYTE(text, i + 5), BYTE(text, i + 6), BYTE(text, i + 7)
#define NAME(text)                                                               \
    {                                                                            \
        text "\"",                                                               \
        {                                                                        \
            BYTES8(text, 0), BYTES8(text, 8), BYTES8(text, 16), BYTES8(text, 24) \
        }                                                                        \
    }
static const struct claude_name claude_names[CLAUDE_SLOTS] = {
    [KEY_TYPE] = NAME("type"),
    [KEY_TIMESTAMP] = NAME("timestamp"),
    [KEY_AGENT_NAME] = NAME("agentName"),
    [KEY_SESSION_ID] = NAME("sessionId"),
    [KEY_UUID] = NAME("uuid"),
    [KEY_REQUEST_ID] = NAME("requestId"),
    [KEY_AGENT_ID] = NAME("agentId"),
    [KEY_CWD] = NAME("cwd"),
    [KEY_VERSION] = NAME("version"),
    [KEY_SUBTYPE] = NAME("subtype"),
    [KEY_IS_SIDECHAIN] = NAME("isSidechain"),
    [KEY_IS_API_ERROR_MESSAGE] = NAME("isApiErrorMessage"),
    [KEY_IS_COMPACT_SUMMARY] = NAME("isCompactSummary"),
    [KEY_MESSAGE] = NAME("message"),
    [KEY_COMPACT_METADATA] = NAME("compactMetadata"),
    [KEY_MICROCOMPACT_METADATA] = NAME("microcompactMetadata"),
    [KEY_DATA] = NAME("data"),
    [KEY_ID] = NAME("id"),
    [KEY_MODEL] = NAME("model"),
    [KEY_STOP_REASON] = NAME("stop_reason"),
    [KEY_USAGE] = NAME("usage"),
    [KEY_CONTENT] = NAME("content"),
    [KEY_INPUT_TOKENS] = NAME("input_tokens"),
    [KEY_OUTPUT_TOKENS] = NAME("output_tokens"),
    [KEY_CACHE_CREATION_INPUT_TOKENS] = NAME("cache_creation_input_tokens"),
    [KEY_CACHE_READ_INPUT_TOKENS] = NAME("cache_read_input_tokens"),
    [KEY_CACHE_CREATION] = NAME("cache_creation"),
    [KEY_SERVER_TOOL_USE] = NAME("server_tool_use"),
    [KEY_SPEED] = NAME("speed"),
    [KEY_INFERENCE_GEO] = NAME("inference_geo"),
    [KEY_SERVICE_TIER] = NAME("service_tier"),
    [KEY_ITERATIONS] = NAME("iterations"),
    [KEY_EPHEMERAL_5M_INPUT_TOKENS] = NAME("ephemeral_5m_input_tokens"),
    [KEY_EPHEMERAL_1H_INPUT_TOKENS] = NAME("ephemeral_1h_input_tokens"),
    [KEY_WEB_SEARCH_REQUESTS] = NAME("web_search_requests"),
    [KEY_TRIGGER] = NAME("trigger"),
    [KEY_PRE_TOKENS] = NAME("preTokens"),
    [KEY_NAME] = NAME("name"),
    [KEY_TOOL_USE_ID] = NAME("tool_use_id"),
    [KEY_TOOL_USE_RESULT] = NAME("toolUseResult"),
    [KEY_SEARCH_COUNT] = NAME("searchCount"),
    [KEY_GIT_BRANCH] = NAME("gitBranch"),
    [KEY_EFFORT] = NAME("effort"),
};
#undef BYTE
#undef BYTES8
#undef NAME

/* Of a key of any length; the byte before it is looked at where it has none or one. */
static inline unsigned claude_slot(const char *s, size_t len)
{
    const unsigned char *middle = (const unsigned char *)s + len / 2 - 1;
    uint32_t two = middle[0] | (uint32_t)middle[1] << 8;

    return (two * UINT32_C(982168259) + (uint32_t)len * UINT32_C(237854907)) >> 26;
}

/* Whether the key at s is the one that the slot belongs to: all bytes at once, for a branch that asks for the
 * length is foretold wrongly too often. */
static inline bool claude_is(const char *s, unsigned slot)
{
    const struct claude_name *name = &claude_names[slot];
#ifdef __AVX2__
    __m256i key = _mm256_loadu_si256((const __m256i *)(const void *)s);
    __m256i text = _mm256_load_si256((const __m256i *)(const void *)name->text);
    __m256i mask = _mm256_load_si256((const __m256i *)(const void *)name->mask);

    return _mm256_testz_si256(_mm256_xor_si256(key, text), mask);
#elif defined(__SSE2__)
    const __m128i *at = (const __m128i *)(const void *)s;
    const __m128i *text = (const __m128i *)(const void *)name->text;
    const __m128i *mask = (const __m128i *)(const void *)name->mask;
    __m128i low = _mm_and_si128(_mm_xor_si128(_mm_loadu_si128(at), text[0]), mask[0]);
    __m128i high = _mm_and_si128(_mm_xor_si128(_mm_loadu_si128(at + 1), text[1]), mask[1]);

    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_or_si128(low, high), _mm_setzero_si128())) == 0xffff;
#else
    uint64_t differ = 0, a, b, mask;

    for (size_t i = 0; i < OKS_KEY_PAD; i += sizeof(a)) {
        memcpy(&a, s + i, sizeof(a));
        memcpy(&b, name->text + i, sizeof(b));
        memcpy(&mask, name->mask + i, sizeof(mask));
        differ |= (a ^ b) & mask;
    }
    return differ == 0;
#endif
}

#endif
