/*
 * The quick reader: walks the entries that a vector stage 1 (scan_stage1.h) found in a line, and never
 * touches the bytes between them unless a shape wants them. Included by a shape (json_nest.h).
 *
 * Why it cannot accept what json_scalar.h would not: every byte outside strings that is not JSON white space
 * is either an operator with its own entry or part of a number or literal, which are checked to their last
 * byte here; and everything that is wrong inside a string (a control character, a bad escape, bad UTF-8, the
 * end of the line) has an entry of its own, whose byte is none of , : ] }, where one of these must follow. So
 * a string begins at its entry and ends before the next one, and grammar is all that is left to check. Any
 * failure means only "in doubt".
 */
#include "json_lex.h"
#include "json_nest.h"
#include "team_scan.h"

/* The closing quote of the string in front of the entry at `next`: only white space stands between. */
static inline const char *walk_quote(const char *next)
{
    do
        next--;
    while (__builtin_expect(*next != '"', 0));
    return next;
}

/* Reads the key whose entry is *p, and its colon; *teams is set where a team's name may follow. */
static inline bool walk_key(const char *buf, const uint32_t *p, unsigned context, const struct field **field,
                            bool *teams)
{
    const char *key = buf + p[0] + 1, *colon = buf + p[1];
    size_t len;

    if (key[-1] != '"' || *colon != ':')
        return false;
    *teams |= oks_team_before_colon(colon);
    *field = NULL;
    if (context) {
        len = (size_t)(walk_quote(colon) - key);
        *field = shape_key(context, key, len);
        if (!*field && lex_has_backslash(key, len))
            return false; /* it may be a name that we know, in disguise */
    }
    return true;
}

/* A string, number or literal, whose entry is *p and behind which an operator stands. */
static inline int walk_value(struct shape *shape, const struct field *field, const char *buf,
                             const uint32_t *p)
{
    const char *s = buf + p[0], *end;
    enum json_kind kind = JSON_INT;

    if (*s == '"') {
        if (!field)
            return 0;
        end = walk_quote(buf + p[1]);
        return shape_scalar(shape, field, JSON_STRING, s + 1, (size_t)(end - s) - 1);
    }
    end = s + lex_short_int(s);
    if (end == s)
        end = oks_lex_atom(s, &kind);
    if (!end || !lex_is(end, LEX_END))
        return JSON_LINE_DOUBT;
    return field ? shape_scalar(shape, field, kind, s, (size_t)(end - s)) : 0;
}

/* The top-level object whose entry is *p. On success *cursor is the entry behind it. */
static int walk_object(struct shape *shape, const char *buf, const uint32_t *p, const uint32_t **cursor,
                       bool *teams)
{
    struct json_nest nest;
    const struct field *field;
    bool team = false;
    char c, closer = '}';
    int r;

    nest.depth = nest.context = 0;
    nest.array = false;
    nest_enter(&nest, SHAPE_ROOT, false);
    p++;
    for (;;) {
        /* A member, an element, or the end of an empty container. */
        if (buf[*p] == closer)
            goto close;
    member:
        field = NULL;
        if (!nest.array) {
            if (!walk_key(buf, p, nest.context, &field, &team))
                return JSON_LINE_DOUBT;
            p += 2;
        }
        c = buf[*p];
        if (c == '{' || c == '[') {
            if (!nest_enter(&nest, shape_open(shape, nest.context, field, c == '['), c == '['))
                return JSON_LINE_DOUBT;
            closer = c == '[' ? ']' : '}';
            p++;
            continue;
        }
        /* What follows is judged first: a string ends there only if it is an operator. */
        c = buf[p[1]];
        if (c != ',' && c != closer)
            return JSON_LINE_DOUBT;
        if ((r = walk_value(shape, field, buf, p)))
            return r;
        p++;
        for (;;) {
            if (c == ',') {
                p++;
                goto member;
            }
            if (c != closer)
                return JSON_LINE_DOUBT;
        close:
            p++;
            shape_close(shape, nest.context);
            nest_leave(&nest);
            closer = nest.array ? ']' : '}';
            if (nest.depth == 0) {
                *cursor = p;
                *teams = team;
                return JSON_LINE_OBJECT;
            }
            c = buf[*p];
        }
    }
}

/*
 * Judges and collects the line whose entries begin at *cursor; the last of them is its newline, and *cursor
 * is there after any verdict. *teams: whether team names are worth looking for in the line (see
 * scalar_line()).
 */
static int walk_line(struct shape *shape, const char *buf, const uint32_t **cursor, bool *teams)
{
    const uint32_t *p = *cursor;
    int r = JSON_LINE_EMPTY;

    *teams = false;
    if (buf[*p] != '\n')
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
