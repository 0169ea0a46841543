/*
 * Strings, numbers and literals of JSON, judged as CPython's json module judges them: NaN, Infinity and
 * -Infinity are numbers, an integer literal has at most 4300 digits (a float any number of them), a lone
 * surrogate escape is a character. Raw bytes must be strict UTF-8 and no control characters.
 *
 * The text stands in front of a '\n' (see json_lex.h), which no token may contain: it ends every loop.
 */
#include "scan/json_lex.h"

#include "scan/scanner.h"

#define SP (LEX_SPACE | LEX_STRIP | LEX_END)

const uint8_t oks_lex_class[256] = {
    [' '] = SP,
    ['\t'] = SP,
    ['\r'] = SP,
    ['\n'] = LEX_END,
    ['\v'] = LEX_STRIP,
    ['\f'] = LEX_STRIP,
    [','] = LEX_END,
    [']'] = LEX_END,
    ['}'] = LEX_END,
    ['"'] = LEX_ESCAPE,
    ['\\'] = LEX_ESCAPE,
    ['/'] = LEX_ESCAPE | LEX_WORD,
    ['-'] = LEX_NUMBER | LEX_WORD,
    ['.'] = LEX_WORD,
    ['_'] = LEX_WORD,
    ['0' ... '9'] = LEX_NUMBER,
    ['A' ... 'Z'] = LEX_WORD,
    ['a'] = LEX_WORD,
    ['b'] = LEX_ESCAPE | LEX_WORD,
    ['c' ... 'e'] = LEX_WORD,
    ['f'] = LEX_ESCAPE | LEX_WORD,
    ['g' ... 'm'] = LEX_WORD,
    ['n'] = LEX_ESCAPE | LEX_WORD,
    ['o' ... 'q'] = LEX_WORD,
    ['r'] = LEX_ESCAPE | LEX_WORD,
    ['s'] = LEX_WORD,
    ['t' ... 'u'] = LEX_ESCAPE | LEX_WORD,
    ['v' ... 'z'] = LEX_WORD,
};

#undef SP

/*
 * Marks (in its high bit) each byte that is not plain text in a string: quote, backslash, control character,
 * or
 * >= 0x80. Flipping bit 1 puts the quote directly behind the control characters, so that one subtraction
 * finds both. Exact for the lowest byte marked; those above it may be there because of a borrow.
 */
static inline uint64_t uneasy(uint64_t w)
{
    uint64_t low = (w ^ LEX_ONES * 2) - LEX_ONES * 0x21;
    uint64_t backslash = (w ^ LEX_ONES * '\\') - LEX_ONES;

    return (low | backslash | w) & LEX_HIGH;
}

bool oks_lex_has_backslash(const char *s, size_t len)
{
    return memchr(s, '\\', len) != NULL;
}

const char *oks_lex_string(const char *s, bool *escaped)
{
    uint64_t stop;
    unsigned n;

    *escaped = false;
    for (;;) {
        while (!(stop = uneasy(lex_load(s))))
            s += 8;
        s += __builtin_ctzll(stop) >> 3;
        if (*s == '"')
            return s;
        if (*s == '\\') {
            n = lex_escape(s);
            *escaped = true;
        } else {
            n = lex_utf8(s); /* 0 for a control character */
        }
        if (!n)
            return NULL;
        s += n;
    }
}

static const char *number(const char *s, enum json_kind *kind)
{
    const char *first, *end;

    s += *s == '-';
    first = s;
    s = lex_digits(s);
    if (s == first || (*first == '0' && s != first + 1))
        return NULL;
    end = s;
    if (*s == '.') {
        s = lex_digits(s + 1);
        if (s == end + 1)
            return NULL;
    }
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        first = s;
        s = lex_digits(s);
        if (s == first)
            return NULL;
    }
    *kind = s == end ? JSON_INT : JSON_FLOAT;
    return s == end && s - first > OKS_INT_DIGITS_MAX ? NULL : s;
}

static inline const char *word(const char *s, const char *text, size_t len)
{
    return memcmp(s, text, len) == 0 ? s + len : NULL;
}

const char *oks_lex_atom(const char *s, enum json_kind *kind)
{
    switch (*s) {
    case 't':
        *kind = JSON_TRUE;
        return word(s, "true", 4);
    case 'f':
        *kind = JSON_FALSE;
        return word(s, "false", 5);
    case 'n':
        *kind = JSON_NULL;
        return word(s, "null", 4);
    case 'N':
        *kind = JSON_FLOAT;
        return word(s, "NaN", 3);
    case 'I':
        *kind = JSON_FLOAT;
        return word(s, "Infinity", 8);
    case '-':
        if (s[1] == 'I') {
            *kind = JSON_FLOAT;
            return word(s, "-Infinity", 9);
        }
        return number(s, kind);
    default:
        return number(s, kind);
    }
}

static unsigned hex4(const char *s)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 4 | (s[i] <= '9' ? (unsigned)(s[i] - '0') : (unsigned)((s[i] | 0x20) - 'a' + 10));
    return v;
}

static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* The character of the \u escape at s, two of them where they are a surrogate pair; moves s behind it. */
static unsigned unicode_escape(const char **s, const char *end)
{
    unsigned c = hex4(*s + 2), low;

    *s += 6;
    if ((c & 0xf800) != 0xd800)
        return c;
    if (c < 0xdc00 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u') {
        low = hex4(*s + 2);
        if ((low & 0xfc00) == 0xdc00) {
            *s += 6;
            return 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return 0xfffd;
}

static char plain_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c; /* quote, slash, backslash */
    }
}

size_t oks_lex_unescape(const char *raw, size_t len, char *out)
{
    const char *s = raw, *end = raw + len;
    char *o = out;

    while (s < end) {
        if (*s != '\\') {
            *o++ = *s++;
        } else if (s[1] == 'u') {
            o = put_utf8(o, unicode_escape(&s, end));
        } else {
            *o++ = plain_escape(s[1]);
            s += 2;
        }
    }
    return (size_t)(o - out);
}

bool oks_lex_count(const char *s, size_t len, uint64_t *out)
{
    size_t first = len % 8;
    uint64_t v;

    if (len > 8 && len <= 16 && s[0] != '-') { /* a time, mostly */
        *out = lex_value(s, len);
        return true;
    }
    if (lex_short_int(s) == len) {
        *out = lex_short_value(s, len);
        return true;
    }
    if (len == 2 && s[0] == '-' && s[1] == '0') {
        *out = 0;
        return true;
    }
    if (len > 19 || s[0] == '-')
        return false;
    v = first ? lex_short_value(s, first) : 0;
    for (size_t i = first; i < len; i += 8)
        v = v * 100000000 + lex_short_value(s + i, 8);
    if (v > INT64_MAX)
        return false;
    *out = v;
    return true;
}
