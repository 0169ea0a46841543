/*
 * Projects: which one a session belongs to, and which session is its parent.
 *
 * Both are those of its first transcript, by path.
 *
 * Invariant: a project without sessions does not exist.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"

static int by_project_name(const void *a, const void *b)
{
    return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

struct project *catalog_project(struct catalog *c, const char *name)
{
    struct project key;
    struct project **found;

    if (strlen(name) > OKS_NAME_MAX)
        return NULL;
    strcpy(key.name, name);
    found = tfind(&key, &c->projects, by_project_name);
    return found ? *found : NULL;
}

static struct project *project_made(struct catalog *c, struct oks_slice raw)
{
    struct project *project = calloc(1, sizeof(*project)), **found;

    if (!project)
        return NULL;
    oks_name_escape(raw, project->name);
    found = tsearch(project, &c->projects, by_project_name);
    if (found && *found == project) {
        c->n_projects++;
        project->version = version_next_names(c->versions);
        return project;
    }
    free(project);
    return found ? *found : NULL;
}

bool catalog_project_release(struct catalog *c, struct project *p)
{
    p->version = version_next(c->versions);
    if (!LIST_EMPTY(&p->sessions))
        return false;
    tdelete(p, &c->projects, by_project_name);
    version_next_names(c->versions);
    c->n_projects--;
    return true;
}

const char *catalog_rel(const struct transcript *t)
{
    const char *rel = transcript_file(t) + strlen(t->root->path);

    return rel + (*rel == '/');
}

/* The project in the path of its first transcript, or the one that its records name. */
static struct project *project_named(struct catalog *c, const struct session *s, int *rc)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);
    struct oks_slice raw = {0};
    char name[OKS_NAME_MAX + 1];
    struct project *p;

    *rc = 0;
    if (t->source->late && placement_project(s, name))
        raw = oks_slice_of(name);
    else if (t->source->project)
        raw = t->source->project(catalog_rel(t));
    if (!raw.ptr)
        return NULL;
    p = project_made(c, raw);
    *rc = p ? 0 : -ENOMEM;
    return p;
}

int catalog_assign_project(struct catalog *c, struct session *s, struct project **from)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);
    struct project *p, *before = s->project;
    struct oks_slice parent = {0};
    int rc;

    if (t->source->parent)
        parent = t->source->parent(catalog_rel(t));
    rc = catalog_set_parent(c, s, parent);
    if (rc < 0)
        return rc;
    p = project_named(c, s, &rc);
    if (rc < 0)
        return rc;
    if (before != p) {
        if (before)
            LIST_REMOVE(s, of_project);
        s->project = p;
        if (p)
            LIST_INSERT_HEAD(&p->sessions, s, of_project);
    }
    if (p)
        p->version = version_next(c->versions);
    *from = before;
    return before != p;
}
