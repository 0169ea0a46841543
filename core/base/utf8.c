/*
 * UTF-8 as Unicode's table 3-7 has it: no surrogates, nothing above U+10FFFF, no longer form than needed. All
 * of these are excluded by the range of the second byte alone.
 */
#include "base/utf8.h"

struct lead {
    size_t len; /* 0: no byte to begin with */
    unsigned char second_min;
    unsigned char second_max;
};

static struct lead lead_of(unsigned char c)
{
    if (c < 0x80)
        return (struct lead){1, 0, 0};
    if (c < 0xc2 || c > 0xf4)
        return (struct lead){0, 0, 0};
    if (c < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (c < 0xf0)
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
}

bool utf8_next(const char *p, size_t n, uint32_t *code, size_t *len)
{
    struct lead lead = lead_of((unsigned char)*p);
    uint32_t value = lead.len == 1 ? (unsigned char)*p : (unsigned char)*p & (0xffu >> (lead.len + 1));
    size_t i = 1;

    for (; i < lead.len && i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        if (c < (i == 1 ? lead.second_min : 0x80) || c > (i == 1 ? lead.second_max : 0xbf))
            break;
        value = value << 6 | (c & 0x3f);
    }
    *code = i == lead.len ? value : UTF8_REPLACEMENT;
    *len = i;
    return i == lead.len;
}

size_t utf8_put(uint32_t code, char out[UTF8_MAX])
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (len == 1) {
        out[0] = (char)code;
        return 1;
    }
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00u >> len) | code);
    return len;
}
