/*
 * The roots of transcripts in a folder that a variable, or the configuration, names for a source.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"

/* The folder of transcripts in a configuration folder, or that folder itself if the entry names it. */
static char *root_path(const char *dir, const char *folder)
{
    size_t n = strlen(dir), m = strlen(folder);
    char *path;

    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (m == 0 || (n > m && dir[n - m - 1] == '/' && strncmp(dir + n - m, folder, m) == 0))
        return strndup(dir, n);
    return asprintf(&path, "%.*s/%s", (int)n, dir, folder) < 0 ? NULL : path;
}

bool roots_end_in(const char *dir, const char *folder)
{
    size_t n = strlen(dir), m = strlen(folder);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    return m > 0 && n > m && dir[n - m - 1] == '/' && strncmp(dir + n - m, folder, m) == 0;
}

/* Whether the entry names one of the source's folders, such as "<dir>/sessions". */
static bool names_folder_of(const struct source *source, const char *dir)
{
    for (int i = 0; i < SOURCE_FOLDERS_MAX && source->folders[i]; i++)
        if (roots_end_in(dir, source->folders[i]))
            return true;
    return false;
}

/* Whether it names one of the source's folders, or of other places of the source. Then only that is meant. */
static bool names_some_folder(const struct source *source, const char *dir)
{
    bool named = names_folder_of(source, dir);

    for (int i = 0; i < SOURCE_PLACES; i++)
        named |= oks_source_places[i]->id == source->id && names_folder_of(oks_source_places[i], dir);
    return named;
}

static int each_of(const struct source *source, const char *dir, bool named, root_fn *fn, void *ctx)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < SOURCE_FOLDERS_MAX && source->folders[i]; i++)
        if (named ? roots_end_in(dir, source->folders[i]) : !source->named_only)
            rc = fn(ctx, source, root_path(dir, source->folders[i]));
    return rc;
}

int roots_each(enum oks_source id, const char *dir, root_fn *fn, void *ctx)
{
    bool named = names_some_folder(oks_sources[id], dir);
    int rc = each_of(oks_sources[id], dir, named, fn, ctx);

    for (int i = 0; rc == 0 && i < SOURCE_PLACES; i++)
        if (oks_source_places[i]->id == id)
            rc = each_of(oks_source_places[i], dir, named, fn, ctx);
    return rc;
}
