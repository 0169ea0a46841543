/*
 * The letters of a cache file: strings, numbers and digests, there and back.
 *
 * Strings that okstra's collector knows (agentName, model, t, needles) are plain JSON, spelt as Python spells
 * them, so that a file that it rewrites differs in nothing but what it changed. Bytes of strangers that must
 * come back exactly (team names, folders) are percent-encoded before, because JSON cannot hold invalid UTF-8
 * and a lone surrogate, Python's own way out, would make the collector's next save fail.
 *
 * Invariant: a byte string grows by doubling and never past OKS_BYTES_MAX; the first error sticks, and
 * callers look at it once, at the end.
 */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/utf8.h"

static const char upper[] = "0123456789ABCDEF";

enum { LEAST = 4096 }; /* bytes of room */

bool oks_bytes_grow(struct oks_bytes *bytes, size_t n)
{
    size_t need = bytes->len + n;

    if (n > OKS_BYTES_MAX - bytes->len) {
        bytes->error = -EFBIG;
        return false;
    }
    if (!OKS_ROOM(bytes->ptr, need < LEAST ? LEAST : need, bytes->room))
        bytes->error = -ENOMEM;
    return !bytes->error;
}

void oks_bytes_put(struct oks_bytes *bytes, const void *p, size_t n)
{
    char *to = n ? oks_bytes_reserve(bytes, n) : NULL;

    if (!to)
        return;
    memcpy(to, p, n);
    bytes->len += n;
}

char *oks_slice_copy(struct oks_slice s)
{
    size_t n = s.len ? strnlen(s.ptr, s.len) : 0;
    char *copy = malloc(n + 1);

    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s.ptr, n);
    copy[n] = '\0';
    return copy;
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

/* --- strings --- */

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

static void put_percent(struct oks_bytes *bytes, unsigned char c)
{
    oks_bytes_put(bytes, (char[]){'%', upper[c >> 4], upper[c & 15]}, 3);
}

/* One character outside the plain run: more than one byte, or special in JSON or in the raw form, or invalid.
 */
static size_t put_special(struct oks_bytes *bytes, const char *p, size_t n, bool raw)
{
    unsigned char c = (unsigned char)*p;
    uint32_t code;
    size_t len;
    bool valid = utf8_next(p, n, &code, &len);

    if (!valid && !raw)
        oks_bytes_put(bytes, "\xef\xbf\xbd", 3);
    else if (!valid || (c == '%' && raw))
        for (size_t i = 0; i < len; i++)
            put_percent(bytes, (unsigned char)p[i]);
    else if (c == '"' || c == '\\')
        oks_bytes_put(bytes, (char[]){'\\', (char)c}, 2);
    else if (c < 0x20)
        put_control(bytes, c);
    else
        oks_bytes_put(bytes, p, len);
    return len;
}

static void put_string(struct oks_bytes *bytes, struct oks_slice s, bool raw)
{
    size_t i = 0, n;

    while (i < s.len) {
        for (n = 0; i + n < s.len && plain(s.ptr[i + n]); n++)
            ;
        oks_bytes_put(bytes, s.ptr + i, n);
        i += n;
        if (i < s.len)
            i += put_special(bytes, s.ptr + i, s.len - i, raw);
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

/* --- back --- */

bool oks_utf8_valid(struct oks_slice s)
{
    uint32_t code;
    size_t len;

    for (size_t i = 0; i < s.len; i += len)
        if (!utf8_next(s.ptr + i, s.len - i, &code, &len))
            return false;
    return true;
}

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
