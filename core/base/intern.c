/* Interned strings: a binary tree of copies. */
#include "base/intern.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

const char *oks_intern(struct oks_intern *names, const char *text)
{
    char *copy, **found;

    if (!text)
        return NULL;
    found = tfind(text, &names->tree, by_text);
    if (found)
        return *found;
    copy = strdup(text);
    found = copy ? tsearch(copy, &names->tree, by_text) : NULL;
    if (!found)
        free(copy);
    return found ? *found : NULL;
}

void oks_intern_clear(struct oks_intern *names)
{
    tdestroy(names->tree, free);
    names->tree = NULL;
}
