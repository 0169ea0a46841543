/*
 * Lower-casing as Python's str.lower() does, because the collector finds teams by lower-casing whole lines.
 *
 * Nearly everything is a mapping from one character to one (fold_table.h). Two are not: U+0130 becomes two
 * characters, and a capital sigma becomes the final form where a cased letter stands before it and none
 * behind, both looked for across characters that case ignores. U+FFFD, which stands for every invalid part,
 * is neither cased nor ignored.
 *
 * A byte becomes at most three (an invalid one U+FFFD; U+0130, two bytes, three), which bounds the result.
 */
#include "base/fold.h"

#include <errno.h>
#include <stdlib.h>

#include "okstrafs/names.h"
#include "base/utf8.h"

struct lower_range {
    uint32_t first;
    uint32_t last;
    uint32_t step; /* 2: every other code is upper case */
    int32_t delta;
};

struct code_range {
    uint32_t first;
    uint32_t last;
};

#include "base/fold_table.h"

enum {
    GROWTH = 3,
    DOTTED_I = 0x130,
    DOT_ABOVE = 0x307,
    SIGMA = 0x3a3,
    SMALL_SIGMA = 0x3c3,
    FINAL_SIGMA = 0x3c2
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool in_ranges(const struct code_range *ranges, size_t n, uint32_t code)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (ranges[mid].last < code)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && ranges[lo].first <= code;
}

static bool is_cased(uint32_t code)
{
    return in_ranges(cased_ranges, COUNT(cased_ranges), code);
}

static bool is_ignorable(uint32_t code)
{
    return in_ranges(ignorable_ranges, COUNT(ignorable_ranges), code);
}

static uint32_t lower(uint32_t code)
{
    size_t lo = 0, hi = COUNT(lower_ranges);

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (lower_ranges[mid].last < code)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == COUNT(lower_ranges) || lower_ranges[lo].first > code ||
        (code - lower_ranges[lo].first) % lower_ranges[lo].step != 0)
        return code;
    return (uint32_t)((int32_t)code + lower_ranges[lo].delta);
}

/* Whether the first character that case does not ignore is cased. */
static bool cased_follows(struct oks_slice rest)
{
    uint32_t code;

    for (size_t i = 0, len; i < rest.len; i += len) {
        utf8_next(rest.ptr + i, rest.len - i, &code, &len);
        if (!is_ignorable(code))
            return is_cased(code);
    }
    return false;
}

/* Writes the lower-case form of `code`; *cased_before is the context of a sigma. */
static size_t fold_one(uint32_t code, struct oks_slice rest, bool *cased_before, char *out)
{
    size_t n;

    if (code < 0x80) {
        bool upper = code >= 'A' && code <= 'Z', small = code >= 'a' && code <= 'z';

        if (upper || small || !is_ignorable(code))
            *cased_before = upper || small;
        *out = (char)(code | (upper ? 0x20 : 0));
        return 1;
    }
    if (code == SIGMA)
        n = utf8_put(*cased_before && !cased_follows(rest) ? FINAL_SIGMA : SMALL_SIGMA, out);
    else if (code == DOTTED_I)
        n = 1 + utf8_put(DOT_ABOVE, (*out = 'i', out + 1));
    else
        n = utf8_put(lower(code), out);
    if (!is_ignorable(code))
        *cased_before = is_cased(code);
    return n;
}

static size_t fold(struct oks_slice raw, char *out)
{
    bool cased_before = false;
    size_t n = 0, step;

    for (size_t i = 0; i < raw.len; i += step) {
        uint32_t code;

        utf8_next(raw.ptr + i, raw.len - i, &code, &step);
        n += fold_one(code, (struct oks_slice){raw.ptr + i + step, raw.len - i - step}, &cased_before,
                      out + n);
    }
    out[n] = '\0';
    return n;
}

_Static_assert(OKS_NAME_FOLD_MAX == GROWTH * OKS_NAME_MAX, "a folded name fits");

size_t oks_name_fold_to(struct oks_slice raw, char out[OKS_NAME_FOLD_MAX + 1])
{
    return fold(raw, out);
}

char *oks_name_fold(struct oks_slice raw, size_t *len)
{
    size_t n;
    char *out, *fit;

    if (raw.len > SIZE_MAX / GROWTH - 1)
        return NULL;
    out = malloc(raw.len * GROWTH + 1);
    if (!out)
        return NULL;
    n = fold(raw, out);
    fit = realloc(out, n + 1);
    *len = n;
    return fit ? fit : out;
}
