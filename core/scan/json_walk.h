/*
 * The quick reader: walks the entries that a vector stage 1 (scan_stage1.h) found in a line, and never
 * touches the bytes between them unless a shape wants them. Included by a shape (json_shape.h).
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
#include "scan/json_forms.h"
#include "scan/json_lex.h"
#include "scan/json_shape.h"
#include "scan/team_scan.h"

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
    s = walk_over_space(s);
    return *s == c ? s : NULL;
}

/* The quote in front of a colon or comma, c, in front of s; or NULL. */
static __attribute__((noinline)) const char *walk_wide_quote(const char *s, char c)
{
    s = walk_before(s, c);
    return s ? walk_before(s, '"') : NULL;
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

static inline bool walk_space(const char *s, const char *to)
{
    return __builtin_expect(s == to, 1) || walk_wide_gap(s, to, false);
}

static inline bool walk_pair(const char *s, const char *pair)
{
    return __builtin_expect(memcmp(s, pair, 2) == 0, 1);
}

/* The closing quote of the key in front of the entry at next, and its colon; NULL where it is none. */
static inline const char *walk_key_end(const char *key, const char *next)
{
    const char *end = walk_pair(next - 2, "\":") ? next - 2 : walk_wide_quote(next, ':');

    return key[-1] == '"' && end >= key ? end : NULL;
}

/* What stands behind a value. */
enum walk_end { WALK_COMMA, WALK_CLOSE, WALK_WRONG };

/* Behind a number, literal or bracket that ends at s; next is the entry behind it. */
static inline enum walk_end walk_end(const char *s, const char *next, char closer)
{
    if (s + 1 == next && *s == ',')
        return WALK_COMMA;
    if (s == next && *s == closer)
        return WALK_CLOSE;
    if (!walk_wide_gap(s, next, *next != closer))
        return WALK_WRONG;
    return *next == closer ? WALK_CLOSE : WALK_COMMA;
}

/* Behind the string that begins at the quote s; *end is its last quote. */
static inline enum walk_end walk_string(const char *s, const char *next, char closer, const char **end)
{
    enum walk_end found = WALK_COMMA;

    if (walk_pair(next - 2, "\",")) {
        *end = next - 2;
    } else {
        found = *next == closer ? WALK_CLOSE : WALK_COMMA;
        if (found == WALK_CLOSE && next[-1] == '"')
            *end = next - 1;
        else
            *end = found == WALK_CLOSE ? walk_before(next, '"') : walk_wide_quote(next, ',');
    }
    return *end > s ? found : WALK_WRONG;
}

/* Any number or literal at s, and what stands behind it. */
static __attribute__((noinline)) enum walk_end walk_any_atom(const char *s, const char *next, char closer,
                                                             enum json_kind *kind, const char **end)
{
    *end = oks_lex_atom(s, kind);
    return *end ? walk_end(*end, next, closer) : WALK_WRONG;
}

/* The same, by the quick way where it is a short integer. What seems to be one may be the start of 12.5. */
static inline enum walk_end walk_atom(const char *s, const char *next, char closer, enum json_kind *kind,
                                      const char **end)
{
    unsigned digits = lex_short_int(s);
    enum walk_end found;

    *kind = JSON_INT;
    *end = s + digits;
    if (digits && (found = walk_end(*end, next, closer)) != WALK_WRONG)
        return found;
    return walk_any_atom(s, next, closer, kind, end);
}

/*
 * The top-level object whose entry is *p. On success *cursor is the entry behind it.
 *
 * A comma is believed before it is known that something follows it: what follows is no key and no value where
 * it is the end of the container.
 *
 * If `draft` is not NULL, what the shape is told goes into it as well.
 */
static inline __attribute__((always_inline)) int walk_object(struct shape *shape, const char *buf,
                                                             const uint32_t *p, const uint32_t **cursor,
                                                             bool *teams, struct form_draft *draft)
{
    uint8_t outer[OKS_DEPTH_MAX]; /* of the containers around, but for the first: their context, and array */
    const char *s, *next, *end;
    const struct field *field;
    unsigned depth = 0, context = SHAPE_ROOT;
    enum walk_end found;
    enum json_kind kind;
    bool team = false, array;
    char closer = '}';
    int r;

open:
    s = buf + *p++;
    next = buf + *p;
    if (!walk_space(s + 1, next))
        return JSON_LINE_DOUBT;
    if (*next == closer)
        goto close;
    if (closer == ']')
        goto element;
member:
    s = buf + *p++ + 1;
    next = buf + *p;
    if (!(end = walk_key_end(s, next)))
        return JSON_LINE_DOUBT;
    team |= oks_team_may_end(end);
    field = NULL;
    if (context) {
        field = shape_key(shape, context, s, (size_t)(end - s));
        if (SHAPE_MAY_ESCAPE(field) && lex_key_has_backslash(s, (size_t)(end - s)))
            return JSON_LINE_DOUBT; /* it may be a name that we know, in disguise */
        if (draft && SHAPE_IS_ANY(field))
            draft_call(draft, CALL_KEY, NULL, context, s, (size_t)(end - s));
    }
value:
    s = buf + *p++;
    next = buf + *p;
    if (*s == '"') {
        if ((found = walk_string(s, next, closer, &end)) == WALK_WRONG)
            return JSON_LINE_DOUBT;
        if (field && (r = shape_scalar(shape, field, JSON_STRING, s + 1, (size_t)(end - s) - 1)))
            return r;
        if (draft)
            draft_value(draft, JSON_STRING, field, p - 1, end);
    } else if (*s == '{' || *s == '[') {
        if (++depth == OKS_DEPTH_MAX)
            return JSON_LINE_DOUBT;
        array = *s == '[';
        outer[depth] = (uint8_t)(context << 1 | (closer == ']'));
        if (draft && (field || (context && SHAPE_HAS_ELEMENTS)))
            draft_call(draft, array ? CALL_ARRAY : CALL_OBJECT, field, context, NULL, 0);
        context = shape_open(shape, context, field, array);
        closer = array ? ']' : '}';
        p--;
        goto open;
    } else {
        if ((found = walk_atom(s, next, closer, &kind, &end)) == WALK_WRONG)
            return JSON_LINE_DOUBT;
        if (field && (r = shape_scalar(shape, field, kind, s, (size_t)(end - s))))
            return r;
        if (draft)
            draft_value(draft, kind, field, p - 1, end);
    }
    for (;;) {
        if (found == WALK_COMMA) {
            if (closer == '}')
                goto member;
        element:
            field = NULL;
            goto value;
        }
    close:
        s = buf + *p++;
        next = buf + *p;
        shape_close(shape, context);
        if (draft && context && SHAPE_HAS_ELEMENTS)
            draft_call(draft, CALL_CLOSE, NULL, context, NULL, 0);
        if (depth == 0) {
            *cursor = p;
            *teams = team;
            return walk_space(s + 1, next) ? JSON_LINE_OBJECT : JSON_LINE_DOUBT;
        }
        context = outer[depth] >> 1;
        closer = outer[depth--] & 1 ? ']' : '}';
        if ((found = walk_end(s + 1, next, closer)) == WALK_WRONG)
            return JSON_LINE_DOUBT;
    }
}

#ifdef SHAPE_FORMS
#include "scan/json_forms_find.h"

/* The object whose entry is at p, of a line whose form is not known. */
static __attribute__((noinline)) int walk_new(struct shape *shape, const char *buf, size_t from,
                                              const uint32_t *p, const uint32_t **cursor, bool *teams)
{
    struct json_forms **forms = SHAPE_FORMS(shape);
    struct form_draft draft;
    int r;

    if (!forms_may_keep(*forms))
        return walk_object(shape, buf, p, cursor, teams, NULL);
    draft_begin(&draft, buf, p);
    r = walk_object(shape, buf, p, cursor, teams, &draft);
    if (r == JSON_LINE_OBJECT && buf[**cursor] == '\n' && !*teams)
        json_forms_keep(forms, &draft, from, *cursor);
    return r;
}

/* The object whose entry is at p, of a line that begins at buf[from] and has `length` bytes at most. */
static inline int walk_top(struct shape *shape, const char *buf, size_t from, size_t length,
                           const uint32_t *p, const uint32_t **cursor, bool *teams)
{
    struct json_forms *forms = *SHAPE_FORMS(shape);
    int r;

    *cursor = p;
    if (forms) {
        r = forms_line(shape, forms, buf, from, cursor);
        if (r != JSON_LINE_DOUBT)
            return r;
        shape_begin(shape, length);
    }
    return walk_new(shape, buf, from, p, cursor, teams);
}
#else
static int walk_top(struct shape *shape, const char *buf, size_t from, size_t length, const uint32_t *p,
                    const uint32_t **cursor, bool *teams)
{
    (void)from;
    (void)length;
    return walk_object(shape, buf, p, cursor, teams, NULL);
}
#endif

/*
 * Judges and collects the line that begins at buf[from], ends at buf[to] at the latest, and whose entries
 * begin at *cursor; the last of them is its newline, and *cursor is there after any verdict. *teams: whether
 * team names are worth looking for in the line (see scalar_line()).
 */
static int walk_line(struct shape *shape, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                     bool *teams)
{
    const uint32_t *p = *cursor;
    int r = JSON_LINE_EMPTY;

    *teams = false;
    shape_begin(shape, to - from);
    if (!walk_space(buf + from, buf + *p))
        r = JSON_LINE_DOUBT;
    else if (buf[*p] != '\n')
        r = buf[*p] == '{' ? walk_top(shape, buf, from, to - from, p, &p, teams) : JSON_LINE_DOUBT;
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
