/*
 * The exact reader: one line, byte by byte, without any instruction that a CPU might lack.
 *
 * It is the reader where no vector stage 1 exists, and the judge of every line in which json_walk.h saw
 * anything unusual: an error, an escaped key, white space that is none in JSON. Included by a shape
 * (json_shape.h).
 */
#include "scan/json_lex.h"
#include "scan/json_shape.h"
#include "scan/team_scan.h"

/* The stack of open containers. */
struct json_nest {
    unsigned depth;
    unsigned context;
    bool array;
    uint8_t outer[OKS_DEPTH_MAX]; /* context and array of the containers around */
};

static inline bool nest_enter(struct json_nest *nest, unsigned context, bool array)
{
    if (nest->depth == OKS_DEPTH_MAX)
        return false;
    nest->outer[nest->depth++] = (uint8_t)(nest->context << 1 | nest->array);
    nest->context = context;
    nest->array = array;
    return true;
}

static inline void nest_leave(struct json_nest *nest)
{
    unsigned outer = nest->outer[--nest->depth];

    nest->context = outer >> 1;
    nest->array = outer & 1;
}

static inline const char *scalar_space(const char *s)
{
    while (lex_is(s, LEX_SPACE))
        s++;
    return s;
}

/* Past the white space that is stripped at an end of the line; stops at the newline. */
static inline const char *scalar_strip(const char *s)
{
    while (lex_is(s, LEX_STRIP))
        s++;
    return s;
}

enum { SCALAR_KEY_MAX = 32, SCALAR_RAW_KEY_MAX = 6 * SCALAR_KEY_MAX };

/* A key and its colon. Returns what follows, or NULL; *teams is set where a team's name may follow. */
static inline const char *scalar_key(struct shape *shape, const char *s, unsigned context,
                                     const struct field **field, bool *teams)
{
    char plain[1 + SCALAR_RAW_KEY_MAX + OKS_KEY_PAD];
    const char *end;
    bool escaped;
    size_t len;

    if (*s != '"' || !(end = oks_lex_string(s + 1, &escaped)))
        return NULL;
    len = (size_t)(end - s) - 1;
    *teams |= oks_team_may_end(end);
    *field = NULL;
    if (context && !escaped) {
        *field = shape_key(shape, context, s + 1, len);
    } else if (context && len <= SCALAR_RAW_KEY_MAX) {
        len = oks_lex_unescape(s + 1, len, plain + 1);
        memset(plain + 1 + len, 0, OKS_KEY_PAD);
        plain[0] = plain[len + 1] = '"';
        *field = shape_key(shape, context, plain + 1, len);
    }
    s = scalar_space(end + 1);
    return *s == ':' ? s + 1 : NULL;
}

/* A string, number or literal. Returns what follows, or NULL; *err is set on -ENOMEM. */
static inline const char *scalar_value(struct shape *shape, const struct field *field, const char *s,
                                       int *err)
{
    enum json_kind kind = JSON_STRING;
    const char *end;
    bool escaped;

    if (*s == '"') {
        s++;
        end = oks_lex_string(s, &escaped);
    } else {
        end = oks_lex_atom(s, &kind);
    }
    if (!end)
        return NULL;
    if (field && (*err = shape_scalar(shape, field, kind, s, (size_t)(end - s))))
        return NULL;
    return kind == JSON_STRING ? end + 1 : end;
}

/* The top-level object at s. Returns what follows, or NULL. */
static const char *scalar_object(struct shape *shape, const char *s, bool *teams, int *err)
{
    struct json_nest nest = {.depth = 0};
    const struct field *field = NULL;
    bool array;

    nest_enter(&nest, SHAPE_ROOT, false);
    s = scalar_space(s + 1);
    for (;;) {
        /* A member, an element, or the end of an empty container. */
        if (*s == (nest.array ? ']' : '}'))
            goto close;
    member:
        field = NULL;
        if (!nest.array) {
            if (!(s = scalar_key(shape, s, nest.context, &field, teams)))
                return NULL;
            s = scalar_space(s);
        }
        if (*s == '{' || *s == '[') {
            array = *s == '[';
            if (!nest_enter(&nest, shape_open(shape, nest.context, field, array), array))
                return NULL;
            s = scalar_space(s + 1);
            continue;
        }
        if (!(s = scalar_value(shape, field, s, err)))
            return NULL;
        for (;;) {
            s = scalar_space(s);
            if (*s == ',') {
                s = scalar_space(s + 1);
                goto member;
            }
            if (*s != (nest.array ? ']' : '}'))
                return NULL;
        close:
            s++;
            shape_close(shape, nest.context);
            nest_leave(&nest);
            if (nest.depth == 0)
                return s;
        }
    }
}

/*
 * Judges and collects the line from s to the '\n' at end. *teams: whether team names are worth looking for in
 * it. In a line that is valid as far as it goes, a `"teamname":"` can only be the end of a key and what
 * follows it.
 */
static int scalar_line(struct shape *shape, const char *s, const char *end, bool *teams)
{
    int err = 0;

    *teams = false;
    shape_begin(shape, (size_t)(end - s));
    s = scalar_strip(s);
    if (s == end)
        return JSON_LINE_EMPTY;
    if (*s == '{' && (s = scalar_object(shape, s, teams, &err)) && scalar_strip(s) == end)
        return JSON_LINE_OBJECT;
    *teams = true;
    return err ? err : JSON_LINE_BAD;
}
