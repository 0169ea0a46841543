/*
 * Patterns: which entries of the tree are exported.
 *
 * Invariant: no `rest` is empty, begins with a slash or has an empty component.
 */
#include "export/patterns.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "okstrafs/names.h"

static const char wildcards[] = "*?[\\";

/* Slashes, and components that are ".". */
static const char *skip_nothing(const char *path)
{
    for (;;) {
        if (path[0] == '/')
            path++;
        else if (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
            path++;
        else
            return path;
    }
}

static bool has_parent(const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && strncmp(path, "..", 2) == 0)
            return true;
        path += n + (path[n] == '/');
    }
    return false;
}

static bool add_rest(struct patterns *p, const char *rest)
{
    rest = skip_nothing(rest);
    if (!*rest)
        p->whole = true;
    else if (p->n == PATTERNS_MAX)
        return false;
    else
        p->rest[p->n++] = rest;
    return true;
}

int patterns_add(struct patterns *p, const char *path)
{
    if (has_parent(path))
        return -EINVAL;
    return add_rest(p, path) ? 0 : -E2BIG;
}

/* The first component. False: it is longer than a name. */
static bool first_of(const char *rest, char out[OKS_NAME_MAX + 1])
{
    size_t n = strcspn(rest, "/");

    if (n > OKS_NAME_MAX)
        return false;
    snprintf(out, OKS_NAME_MAX + 1, "%.*s", (int)n, rest);
    return true;
}

static bool has_wildcards(const char *component)
{
    return strpbrk(component, wildcards) != NULL;
}

static bool matches(const char *rest, const char *name, bool named_only)
{
    char component[OKS_NAME_MAX + 1];

    if (!first_of(rest, component))
        return false;
    if (!has_wildcards(component))
        return strcmp(component, name) == 0;
    return !named_only && fnmatch(component, name, 0) == 0;
}

bool patterns_enter(const struct patterns *p, const char *name, bool named_only, struct patterns *below)
{
    *below = (struct patterns){.whole = p->whole && !named_only};
    for (size_t i = 0; i < p->n; i++)
        if (matches(p->rest[i], name, named_only))
            add_rest(below, p->rest[i] + strcspn(p->rest[i], "/"));
    return below->whole || below->n > 0;
}

bool patterns_need_list(const struct patterns *p)
{
    char component[OKS_NAME_MAX + 1];

    if (p->whole)
        return true;
    for (size_t i = 0; i < p->n; i++)
        if (first_of(p->rest[i], component) && has_wildcards(component))
            return true;
    return false;
}

const char *patterns_whole_of(const struct patterns *top, const char *rest)
{
    for (size_t i = 0; i < top->n; i++) {
        const char *begin = top->rest[i], *end = begin + strlen(begin);

        if (rest < begin || rest >= end)
            continue;
        for (const char *at = begin; at < rest; at++)
            if (strchr(wildcards, *at))
                return NULL;
        return begin;
    }
    return NULL;
}

bool patterns_name(const struct patterns *p, size_t i, char out[OKS_NAME_MAX + 1])
{
    return first_of(p->rest[i], out) && !has_wildcards(out);
}
