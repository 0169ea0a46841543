/*
 * Which project a session is of, and of which session it is a part.
 *
 * Both are those of its first transcript, by path.
 *
 * Invariant: a project without sessions does not exist.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"

static int by_project_name(const void *a, const void *b)
{
    return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

struct project *registry_project(struct oks_engine *e, const char *name)
{
    struct project key;
    struct project **found;

    if (strlen(name) > OKS_NAME_MAX)
        return NULL;
    strcpy(key.name, name);
    found = tfind(&key, &e->projects, by_project_name);
    return found ? *found : NULL;
}

static struct project *project_made(struct oks_engine *e, struct oks_slice raw)
{
    struct project *project = calloc(1, sizeof(*project)), **found;

    if (!project)
        return NULL;
    oks_name_escape(raw, project->name);
    aggregate_reset(&project->sum);
    found = tsearch(project, &e->projects, by_project_name);
    if (found && *found == project) {
        e->n_projects++;
        project->version = registry_names_changed(e);
        return project;
    }
    free(project);
    return found ? *found : NULL;
}

static void project_free(void *node)
{
    struct project *p = node;

    billed_bag_clear(&p->billed);
    free(p);
}

void registry_project_release(struct oks_engine *e, struct project *p)
{
    p->version = engine_tick(e);
    if (!LIST_EMPTY(&p->sessions))
        return;
    tdelete(p, &e->projects, by_project_name);
    registry_names_changed(e);
    e->n_projects--;
    project_free(p);
}

const char *registry_rel(const struct transcript *t)
{
    const char *rel = t->path + strlen(t->root->path);

    return rel + (*rel == '/');
}

/* The project in the path of its first transcript, or the one that its transcripts tell of. */
static struct project *project_named(struct oks_engine *e, const struct session *s, int *rc)
{
    const struct transcript *t = LIST_FIRST(&s->transcripts);
    struct oks_slice raw = {0};
    char name[OKS_NAME_MAX + 1];
    struct project *p;

    *rc = 0;
    if (t->source->late && placing_project(s, name))
        raw = oks_slice_of(name);
    else if (t->source->project)
        raw = t->source->project(registry_rel(t));
    if (!raw.ptr)
        return NULL;
    p = project_made(e, raw);
    *rc = p ? 0 : -ENOMEM;
    return p;
}

int registry_place(struct oks_engine *e, struct session *s)
{
    const struct transcript *t = LIST_FIRST(&s->transcripts);
    struct project *p, *before = s->project;
    struct oks_slice parent = {0};
    int rc;

    p = project_named(e, s, &rc);
    if (rc < 0)
        return rc;
    if (before != p) {
        if (before)
            LIST_REMOVE(s, of_project);
        s->project = p;
        if (p)
            LIST_INSERT_HEAD(&p->sessions, s, of_project);
        sums_session(e, s, before, false);
        billed_session_moved(s, before, p);
    }
    if (p)
        p->version = engine_tick(e);
    if (before && before != p)
        registry_project_release(e, before);
    if (t->source->parent)
        parent = t->source->parent(registry_rel(t));
    registry_set_parent(s, parent);
    return 0;
}

void registry_projects_free(struct oks_engine *e)
{
    tdestroy(e->projects, project_free);
}
