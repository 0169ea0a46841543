/* The line about a transcript: see about.h. */
#include "sources/about.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources/source.h"

static const char magic[] = "about";

static char *line_of(const struct source_about *a)
{
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(magic));
    source_name_put(&w, &a->self);
    source_name_put(&w, &a->parent);
    source_name_put(&w, &a->agent);
    source_name_put(&w, &a->model);
    source_name_put(&w, &a->branch);
    memo_put_text(&w, oks_slice_of(a->cwd));
    memo_put(&w, a->sidechain);
    return memo_take(&w);
}

int about_peers(const struct source *source, const char *path, const char *memo, const char *peers,
                char **out)
{
    struct source_about about = {0};
    char *line;
    int rc;

    *out = NULL;
    if (!source->about)
        return 0;
    rc = source->about(path, memo, &about);
    if (rc < 0)
        return rc;
    line = line_of(&about);
    if (!line || asprintf(out, "%s %s\n%s", line, about.more ? about.more : "", peers) < 0) {
        *out = NULL;
        rc = -ENOMEM;
    }
    free(about.more);
    free(line);
    return rc;
}

const char *about_read(const char *peers, struct source_about *a)
{
    struct memo_reader r = {peers};
    char text[MEMO_TEXT_MAX + 1];
    const char *next;

    *a = (struct source_about){.rest = ""};
    memo_get_text(&r, text);
    if (strcmp(text, magic) != 0)
        return peers;
    source_name_get(&r, &a->self);
    source_name_get(&r, &a->parent);
    source_name_get(&r, &a->agent);
    source_name_get(&r, &a->model);
    source_name_get(&r, &a->branch);
    memo_get_text(&r, a->cwd);
    a->sidechain = memo_get(&r);
    a->rest = r.p;
    next = memo_next(peers);
    return next ? next : "";
}
