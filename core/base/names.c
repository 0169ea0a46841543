/*
 * File names from bytes that anybody may have written.
 *
 * Escaping is injective: '%' itself is escaped, so each file name spells one raw name. What would be too long
 * is cut and ends in a hash of the raw name; and a short name that looks like such a result is treated as
 * one, so that it cannot pose as another's.
 */
#include "okstrafs/names.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "internal/hidden.h"

enum {
    MARK_BYTES = 8,                   /* of the hash */
    MARK = 1 + 2 * MARK_BYTES,        /* "~" and the digits */
    CUT = OKS_NAME_MAX - MARK,        /* what is kept before the mark ... */
    CUT_LEAST = CUT - (UTF8_MAX - 1), /* ... and at least, as no character is cut through */
};

bool oks_char_is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     /* C0, DEL, C1 */
        {0xad, 0xad},     {0x061c, 0x061c}, /* the soft hyphen, the Arabic letter mark */
        {0x180e, 0x180e}, {0x200b, 0x200f}, /* zero-width, and marks of direction */
        {0x2028, 0x202e},                   /* separators of lines and paragraphs, embeddings, overrides */
        {0x2060, 0x206f},                   /* invisible operators, isolates */
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };

    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    return false;
}

static bool is_plain(char c)
{
    return c >= ' ' && c < 0x7f;
}

/* Nearly all texts are of plain characters alone. */
void oks_text_show_hidden(char *text)
{
    const char *end = text + strlen(text);
    uint32_t code;
    size_t len;
    char *to;

    while (is_plain(*text))
        text++;
    to = text;
    for (const char *from = text; *from; from += len) {
        if (!utf8_next(from, (size_t)(end - from), &code, &len) || oks_char_is_hidden(code)) {
            *to++ = '?';
            continue;
        }
        memmove(to, from, len);
        to += len;
    }
    *to = '\0';
}

static size_t escape_byte(unsigned char c, char *out)
{
    static const char digit[] = "0123456789ABCDEF";

    out[0] = '%';
    out[1] = digit[c >> 4];
    out[2] = digit[c & 15];
    return 3;
}

/* The next character, or the next byte of what is none, as it stands in a file name. Moves *raw on. */
static size_t next_piece(struct oks_slice *raw, bool first, char out[UTF8_MAX])
{
    unsigned char c = (unsigned char)*raw->ptr;
    uint32_t code;
    size_t len;

    /* Of a hidden character the other bytes follow as what is no character. */
    if (!utf8_next(raw->ptr, raw->len, &code, &len) || oks_char_is_hidden(code) || c == '/' || c == '%' ||
        (first && c == '.')) {
        raw->ptr++;
        raw->len--;
        return escape_byte(c, out);
    }
    memcpy(out, raw->ptr, len);
    raw->ptr += len;
    raw->len -= len;
    return len;
}

static bool looks_cut(const char *name, size_t len)
{
    if (len < CUT_LEAST + MARK || name[len - MARK] != '~')
        return false;
    for (size_t i = len - MARK + 1; i < len; i++)
        if (!memchr("0123456789abcdef", name[i], 16))
            return false;
    return true;
}

/* Puts the mark behind the first `cut` bytes; 0 where the hash fails. */
static size_t mark(struct oks_slice raw, size_t cut, char out[OKS_NAME_MAX + 1])
{
    uint8_t sha256[OKS_SHA256_BYTES];

    if (oks_sha256(raw.ptr, raw.len, sha256) < 0) {
        out[0] = '\0';
        return 0;
    }
    out[cut] = '~';
    oks_hex(sha256, MARK_BYTES, out + cut + 1);
    return cut + MARK;
}

size_t oks_name_escape(struct oks_slice raw, char out[OKS_NAME_MAX + 1])
{
    struct oks_slice rest = raw;
    size_t len = 0, cut = 0;

    while (rest.len > 0) {
        char piece[UTF8_MAX];
        size_t n = next_piece(&rest, rest.len == raw.len, piece);

        if (len + n > OKS_NAME_MAX)
            return mark(raw, cut, out);
        memcpy(out + len, piece, n);
        len += n;
        if (len <= CUT)
            cut = len;
    }
    if (looks_cut(out, len))
        return mark(raw, cut, out);
    if (len == 0)
        out[len++] = '%';
    out[len] = '\0';
    return len;
}
