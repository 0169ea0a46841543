/* The public calls for names (okstrafs/engine.h): what readdir shows and what lookup resolves. */
#include <stdio.h>

#include "documents/documents.h"
#include "engine/engine_private.h"

struct budget_names {
    int (*fn)(void *ctx, const char *name);
    void *ctx;
    const char *suffix;
};

static int emit_budget(void *ctx, const char *name)
{
    const struct budget_names *b = ctx;
    char file[OKS_NAME_MAX + 1];

    snprintf(file, sizeof(file), "%s%s", name, b->suffix);
    return b->fn(b->ctx, file);
}

int oks_engine_list(struct oks_engine *e, enum oks_list what, const struct oks_target *of,
                    int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct budget_names budgets = {fn, ctx, what == OKS_LIST_BUDGETS ? ".json" : ""};
    int rc;

    if (what == OKS_LIST_BUDGETS || what == OKS_LIST_EXCEEDED)
        return oks_engine_budgets(e, what == OKS_LIST_EXCEEDED, emit_budget, &budgets);
    pthread_mutex_lock(&e->model.lock);
    rc = names_list(&e->model, what, of, fn, ctx);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_engine_resolve(struct oks_engine *e, enum oks_kind kind, const char *name, char canonical[256])
{
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = names_resolve(&e->model, kind, name, canonical);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

uint64_t oks_engine_names_version(struct oks_engine *e)
{
    uint64_t version;

    pthread_mutex_lock(&e->model.lock);
    version = e->model.versions.names;
    pthread_mutex_unlock(&e->model.lock);
    return version;
}
