/*
 * Keys of requests that a source makes itself (`key` and `alias` of struct oks_record): a hash of what all
 * copies of a line have in common (private to sources/).
 *
 *     uint64_t key = source_key_end(source_key_number(source_key_text(KEYS, id), tokens));
 *
 * KEYS is a number of the source's own. Keys are in caches and in the history store, so a source keeps making
 * the same ones.
 */
#ifndef OKSTRAFS_SOURCES_SOURCE_KEY_H
#define OKSTRAFS_SOURCES_SOURCE_KEY_H

#include <stdint.h>
#include <string.h>

#include "okstrafs/slice.h"

static inline uint64_t source_key_number(uint64_t key, uint64_t number)
{
    unsigned __int128 product =
        (unsigned __int128)(key ^ number ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t source_key_word(const char *s)
{
    uint64_t word;

    memcpy(&word, s, sizeof(word));
    return word;
}

/* The last bytes that are no whole word, as a word with zeros behind them. A copy of so few bytes would be
 * waited for: it is loaded by another width than it was stored. */
static inline uint64_t source_key_tail(struct oks_slice text)
{
    size_t n = text.len % sizeof(uint64_t);
    uint64_t word = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (text.len > sizeof(word))
        return source_key_word(text.ptr + text.len - sizeof(word)) >> 8 * (sizeof(word) - n);
#endif
    memcpy(&word, text.ptr + text.len - n, n);
    return word;
}

/* An absent text differs from an empty one. */
static inline uint64_t source_key_text(uint64_t key, struct oks_slice text)
{
    size_t at = 0;

    key = source_key_number(key, text.ptr ? text.len : UINT64_MAX);
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t))
        key = source_key_number(key, source_key_word(text.ptr + at));
    return at < text.len ? source_key_number(key, source_key_tail(text)) : key;
}

/* Never 0, which is no key. */
static inline uint64_t source_key_end(uint64_t key)
{
    return key ? key : 1;
}

#endif
