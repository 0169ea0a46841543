/*
 * The letters of a cache file: strings, numbers and digests, there and back.
 *
 * Strings that okstra's collector knows (agentName, model, t, needles) are plain JSON, spelt as Python spells
 * them, so that a file that it rewrites differs in nothing but what it changed. Bytes of strangers that must
 * come back exactly (team names, folders) are percent-encoded before, because JSON cannot hold invalid UTF-8
 * and a lone surrogate, Python's own way out, would make the collector's next save fail.
 *
 * Invariant: a byte string grows by doubling and never past OKS_CACHE_BYTES_MAX; the first error sticks, and
 * callers look at it once, at the end.
 */
#include "cache_parts.h"

#include <errno.h>
#include <stdlib.h>

static const char upper[] = "0123456789ABCDEF";

static bool grow(struct oks_bytes *bytes, size_t n)
{
    size_t room = bytes->room ? bytes->room : 4096;
    char *ptr;

    if (bytes->error)
        return false;
    if (n > OKS_CACHE_BYTES_MAX - bytes->len) {
        bytes->error = -EFBIG;
        return false;
    }
    while (room < bytes->len + n)
        room *= 2;
    ptr = realloc(bytes->ptr, room);
    if (!ptr) {
        bytes->error = -ENOMEM;
        return false;
    }
    bytes->ptr = ptr;
    bytes->room = room;
    return true;
}

void oks_bytes_put(struct oks_bytes *bytes, const char *p, size_t n)
{
    if (n == 0 || (n > bytes->room - bytes->len && !grow(bytes, n)))
        return;
    memcpy(bytes->ptr + bytes->len, p, n);
    bytes->len += n;
}

void oks_bytes_text(struct oks_bytes *bytes, const char *text)
{
    oks_bytes_put(bytes, text, strlen(text));
}

void oks_bytes_number(struct oks_bytes *bytes, uint64_t value)
{
    char digits[20], *p = digits + sizeof(digits);

    do
        *--p = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    oks_bytes_put(bytes, p, (size_t)(digits + sizeof(digits) - p));
}

/* ---- UTF-8 ---- */

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Table 3-7 of the Unicode standard: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t oks_utf8_char(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned char c = s[0];

    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4 || n < 2 || !continues(s[1]))
        return 0;
    if (c < 0xe0)
        return 2;
    if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) ||
        (c == 0xf4 && s[1] > 0x8f) || n < 3 || !continues(s[2]))
        return 0;
    if (c < 0xf0)
        return 3;
    return n >= 4 && continues(s[3]) ? 4 : 0;
}

bool oks_utf8_valid(struct oks_slice s)
{
    size_t n, i;

    for (i = 0; i < s.len; i += n) {
        n = oks_utf8_char(s.ptr + i, s.len - i);
        if (n == 0)
            return false;
    }
    return true;
}

/* ---- strings ---- */

static bool plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
}

static void put_control(struct oks_bytes *bytes, unsigned char c)
{
    static const char names[] = "\bb\tt\nn\ff\rr";
    char code[] = "\\u0000";

    for (size_t i = 0; i + 1 < sizeof(names) - 1; i += 2)
        if ((unsigned char)names[i] == c) {
            oks_bytes_put(bytes, (char[]){'\\', names[i + 1]}, 2);
            return;
        }
    code[4] = upper[c >> 4];
    code[5] = (char)(c % 16 < 10 ? '0' + c % 16 : 'a' + c % 16 - 10);
    oks_bytes_put(bytes, code, 6);
}

static void put_invalid(struct oks_bytes *bytes, unsigned char c, bool raw)
{
    if (raw)
        oks_bytes_put(bytes, (char[]){'%', upper[c >> 4], upper[c & 15]}, 3);
    else
        oks_bytes_put(bytes, "\xef\xbf\xbd", 3);
}

static void put_string(struct oks_bytes *bytes, struct oks_slice s, bool raw)
{
    size_t i = 0, n;

    while (i < s.len) {
        const char *p = s.ptr + i;
        unsigned char c = (unsigned char)*p;

        for (n = 0; i + n < s.len && plain(p[n]); n++)
            ;
        if (n == 0 && (n = oks_utf8_char(p, s.len - i)) == 0) {
            put_invalid(bytes, c, raw);
            n = 1;
        } else if (c == '"' || c == '\\') {
            oks_bytes_put(bytes, (char[]){'\\', (char)c}, 2);
        } else if (c < 0x20) {
            put_control(bytes, c);
        } else if (c == '%' && raw) {
            put_invalid(bytes, c, true);
        } else {
            oks_bytes_put(bytes, p, n);
        }
        i += n;
    }
}

void oks_bytes_json(struct oks_bytes *bytes, struct oks_slice s)
{
    put_string(bytes, s, false);
}

void oks_bytes_raw(struct oks_bytes *bytes, struct oks_slice s)
{
    put_string(bytes, s, true);
}

/* ---- back ---- */

static int nibble(char c, char letter)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= letter && c < letter + 6 ? c - letter + 10 : -1;
}

int oks_unraw(char *p, size_t *len)
{
    size_t to = 0;

    for (size_t i = 0; i < *len; i++) {
        char c = p[i];

        if (c == '%') {
            int high = i + 2 < *len ? nibble(p[i + 1], 'A') : -1;
            int low = high >= 0 ? nibble(p[i + 2], 'A') : -1;

            if (low < 0)
                return -EINVAL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        p[to++] = c;
    }
    *len = to;
    return 0;
}

size_t oks_digits(const char *p, size_t n, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(p[i] - '0');

        if (value > (max - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (i == 0 || (i > 1 && p[0] == '0'))
        return 0;
    *out = value;
    return i;
}

bool oks_unhex(const char *digits, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = nibble(digits[2 * i], 'a');
        int low = high >= 0 ? nibble(digits[2 * i + 1], 'a') : -1;

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
