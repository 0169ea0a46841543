/*
 * Finding values in a JSON file without parsing it whole.
 *
 * A tree of a whole cache takes some 500 bytes per event. So this skimmer, which knows no more than strings
 * and brackets, finds where the members of the outer objects and lists lie, and the parser gets them one by
 * one: the largest tree is one event, or one value of a key that we do not know.
 *
 * Invariant: the skimmer only ever narrows a slice of the file. It may pass over what is no JSON, but every
 * value that it hands out is parsed by somebody, and what it hands to nobody it has checked.
 */
#include "cache/cache_skim.h"

#include <errno.h>
#include <string.h>

#include "cache/cache.h"

enum { DEPTH_MAX = 32, VALUE_MAX = 256 * 1024 }; /* bytes of a value that is parsed */

/* --- skimming --- */

struct oks_skim {
    const char *p;
    const char *end;
};

static void blank(struct oks_skim *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* Passes over one given character, and white space on both sides of it. */
static bool next(struct oks_skim *s, char c)
{
    blank(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    blank(s);
    return true;
}

static bool skip_string(struct oks_skim *s)
{
    for (s->p++; s->p < s->end; s->p++) {
        if (*s->p == '"') {
            s->p++;
            return true;
        }
        if (*s->p == '\\')
            s->p++;
    }
    return false;
}

static bool skip_nested(struct oks_skim *s)
{
    size_t depth = 0;

    while (s->p < s->end) {
        char c = *s->p;

        if (c == '"') {
            if (!skip_string(s))
                return false;
            continue;
        }
        s->p++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(struct oks_skim *s, struct oks_slice *out)
{
    const char *start = s->p;
    bool ok;

    if (s->p == s->end)
        return false;
    if (*s->p == '"') {
        ok = skip_string(s);
    } else if (*s->p == '{' || *s->p == '[') {
        ok = skip_nested(s);
    } else {
        while (s->p < s->end && !memchr(",:]} \t\n\r\"{[", *s->p, 12))
            s->p++;
        ok = s->p > start;
    }
    if (ok)
        *out = (struct oks_slice){start, (size_t)(s->p - start)};
    return ok && s->p <= s->end;
}

int oks_skim_parse(struct json_tree *out, struct oks_slice value)
{
    static const struct json_rules rules = {.depth = DEPTH_MAX};
    struct json_fault fault;
    int rc = value.len > VALUE_MAX ? -EINVAL : json_tree_parse(out, value, &rules, &fault);

    return rc == -EINVAL ? OKS_CACHE_MISS : rc;
}

bool oks_skim_is_null(struct oks_slice value)
{
    return oks_slice_eq(value, OKS_SLICE("null"));
}

/* Is it any JSON value at all? 0, OKS_CACHE_MISS or -ENOMEM */
static int check(struct oks_slice value)
{
    struct json_tree tree;
    int rc = oks_skim_parse(&tree, value);

    if (rc == 0)
        json_tree_clear(&tree);
    return rc;
}

/* --- objects and lists --- */

/* Enters an object or a list; *more tells whether there is anything in it. */
static bool begin(struct oks_slice value, char open, char close, struct oks_skim *in, bool *more)
{
    if (!value.ptr)
        return false;
    *in = (struct oks_skim){value.ptr, value.ptr + value.len};
    if (!next(in, open))
        return false;
    *more = in->p < in->end && *in->p != close;
    return true;
}

static struct oks_field *find(struct oks_field *fields, size_t n, struct oks_slice key)
{
    for (size_t i = 0; i < n; i++)
        if (key.len == strlen(fields[i].key) + 2 && memcmp(key.ptr + 1, fields[i].key, key.len - 2) == 0)
            return &fields[i];
    return NULL;
}

/* Finds the values of the named keys of an object, the last of each; the rest must be JSON. */
int oks_skim_object(struct oks_slice value, struct oks_field *fields, size_t n)
{
    struct oks_skim in;
    bool more;

    if (!begin(value, '{', '}', &in, &more))
        return OKS_CACHE_MISS;
    while (more) {
        struct oks_slice key, member;
        struct oks_field *field;
        int rc;

        if (in.p == in.end || *in.p != '"' || !skip_value(&in, &key) || !next(&in, ':') ||
            !skip_value(&in, &member))
            return OKS_CACHE_MISS;
        field = find(fields, n, key);
        if (field)
            field->value = member;
        rc = check(key);
        if (rc == 0 && !field)
            rc = check(member);
        if (rc != 0)
            return rc;
        more = next(&in, ',');
    }
    return next(&in, '}') && in.p == in.end ? 0 : OKS_CACHE_MISS;
}

int oks_skim_each(struct oks_slice value, oks_element_fn *fn, void *ctx)
{
    struct oks_skim in;
    bool more;

    if (!begin(value, '[', ']', &in, &more))
        return OKS_CACHE_MISS;
    while (more) {
        struct oks_slice element;
        int r = skip_value(&in, &element) ? fn(element, ctx) : OKS_CACHE_MISS;

        if (r != 0)
            return r;
        more = next(&in, ',');
    }
    return next(&in, ']') && in.p == in.end ? 0 : OKS_CACHE_MISS;
}
