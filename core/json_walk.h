/*
 * The quick reader: walks the entries that a vector stage 1 (scan_stage1.h) found in a line, and never
 * touches the bytes between them unless a shape wants them. Included by a shape (json_nest.h).
 *
 * Why it cannot accept what json_scalar.h would not. Entries leave out, of what stands outside strings, only
 * white space, colons, commas and the inside of numbers and literals. So between two entries that follow each
 * other, an operator or string leaves nothing to check but that exactly one comma, one colon or neither is
 * there: each gap is looked at from its end, white space skipped, up to the quote, bracket or literal in
 * front of it. Numbers and literals are checked to their last byte. Whatever is wrong inside a string (a
 * control character, a bad escape, bad UTF-8, the end of the line) has an entry of its own, whose byte begins
 * no value, ends no container and is no key: it fails where it is read as one of these, at the latest as the
 * next member. Until then, what was taken for the end of its string may be a quote inside of it, even the one
 * at its start; so a shape may be told of a string that is none, but never of one that ends before it begins.
 * Any failure means only "in doubt".
 */
#include "json_lex.h"
#include "json_nest.h"
#include "team_scan.h"

static __attribute__((noinline)) const char *walk_over_space(const char *s)
{
    do
        s--;
    while (lex_is(s, LEX_SPACE));
    return s;
}

/* The byte c in front of s, with only white space between, or NULL. */
static inline const char *walk_before(const char *s, char c)
{
    if (__builtin_expect(s[-1] == c, 1))
        return s - 1;
    s = walk_over_space(s);
    return *s == c ? s : NULL;
}

/* The first byte of `pair` in front of the second one in front of s: the two are compared at once. */
static inline const char *walk_before_pair(const char *s, const char *pair)
{
    if (__builtin_expect(memcmp(s - 2, pair, 2) == 0, 1))
        return s - 2;
    s = walk_over_space(s);
    return *s == pair[1] ? walk_before(s, pair[0]) : NULL;
}

/* Whether only white space, and a comma where one is wanted, stands from s to `to`. */
static __attribute__((noinline)) bool walk_wide_gap(const char *s, const char *to, bool comma)
{
    while (lex_is(s, LEX_SPACE))
        s++;
    if (comma && *s++ != ',')
        return false;
    while (lex_is(s, LEX_SPACE))
        s++;
    return s == to;
}

static inline bool walk_gap(const char *s, const char *to, bool comma)
{
    return __builtin_expect(s + comma == to && to[-1] == ',', 1) || (s == to && !comma) ||
           walk_wide_gap(s, to, comma);
}

/* The key whose entry is *p, and its colon; *teams is set where a team's name may follow. */
static inline bool walk_key(const char *buf, const uint32_t *p, unsigned context, const struct field **field,
                            bool *teams)
{
    const char *key = buf + p[0] + 1, *end;
    size_t len;

    if (key[-1] != '"')
        return false;
    end = walk_before_pair(buf + p[1], "\":");
    if (!end || end < key)
        return false;
    *teams |= oks_team_before_colon(end + 1);
    *field = NULL;
    if (context) {
        len = (size_t)(end - key);
        *field = shape_key(context, key, len);
        if (!*field && lex_key_has_backslash(key, len))
            return false; /* it may be a name that we know, in disguise */
    }
    return true;
}

/* A string, number or literal, whose entry is *p, and a comma where one is wanted before the next entry. */
static inline int walk_value(struct shape *shape, const struct field *field, const char *buf,
                             const uint32_t *p, bool comma)
{
    const char *s = buf + p[0], *next = buf + p[1], *end;
    enum json_kind kind = JSON_INT;

    if (*s == '"') {
        end = comma ? walk_before_pair(next, "\",") : walk_before(next, '"');
        if (!end || end == s)
            return JSON_LINE_DOUBT;
        return field ? shape_scalar(shape, field, JSON_STRING, s + 1, (size_t)(end - s) - 1) : 0;
    }
    end = s + lex_short_int(s);
    if (end == s)
        end = oks_lex_atom(s, &kind);
    if (!end || !walk_gap(end, next, comma))
        return JSON_LINE_DOUBT;
    return field ? shape_scalar(shape, field, kind, s, (size_t)(end - s)) : 0;
}

/* The top-level object whose entry is *p. On success *cursor is the entry behind it. */
static int walk_object(struct shape *shape, const char *buf, const uint32_t *p, const uint32_t **cursor,
                       bool *teams)
{
    struct json_nest nest;
    const struct field *field;
    bool team = false, comma;
    char c, closer = '}';
    int r;

    nest.depth = nest.context = 0;
    nest.array = false;
    nest_enter(&nest, SHAPE_ROOT, false);
    for (;;) {
        /* Behind an opening bracket: its pair, or the first of what it holds. */
        p++;
        if (!walk_before(buf + *p, closer == ']' ? '[' : '{'))
            return JSON_LINE_DOUBT;
        if (buf[*p] == closer)
            goto close;
    member:
        field = NULL;
        if (closer == '}') {
            if (!walk_key(buf, p, nest.context, &field, &team))
                return JSON_LINE_DOUBT;
            p++;
        }
        c = buf[*p];
        if (c == '{' || c == '[') {
            if (!nest_enter(&nest, shape_open(shape, nest.context, field, c == '['), c == '['))
                return JSON_LINE_DOUBT;
            closer = c == '[' ? ']' : '}';
            continue;
        }
        comma = buf[p[1]] != closer;
        if ((r = walk_value(shape, field, buf, p, comma)))
            return r;
        p++;
        if (comma)
            goto member;
    close:
        c = closer;
        p++;
        shape_close(shape, nest.context);
        nest_leave(&nest);
        if (nest.depth == 0) {
            *cursor = p;
            *teams = team;
            return walk_before(buf + *p, '}') ? JSON_LINE_OBJECT : JSON_LINE_DOUBT;
        }
        closer = nest.array ? ']' : '}';
        comma = buf[*p] != closer;
        if (!(comma ? walk_before_pair(buf + *p, c == '}' ? "}," : "],") : walk_before(buf + *p, c)))
            return JSON_LINE_DOUBT;
        if (comma)
            goto member;
        goto close;
    }
}

/*
 * Judges and collects the line that begins at buf[from] and whose entries begin at *cursor; the last of them
 * is its newline, and *cursor is there after any verdict. *teams: whether team names are worth looking for in
 * the line (see scalar_line()).
 */
static int walk_line(struct shape *shape, const char *buf, size_t from, const uint32_t **cursor, bool *teams)
{
    const uint32_t *p = *cursor;
    int r = JSON_LINE_EMPTY;

    *teams = false;
    if (!walk_gap(buf + from, buf + *p, false))
        r = JSON_LINE_DOUBT;
    else if (buf[*p] != '\n')
        r = buf[*p] == '{' ? walk_object(shape, buf, p, &p, teams) : JSON_LINE_DOUBT;
    if (buf[*p] != '\n') {
        if (r == JSON_LINE_OBJECT)
            r = JSON_LINE_DOUBT;
        do
            p++;
        while (buf[*p] != '\n');
    }
    *cursor = p;
    return r;
}
