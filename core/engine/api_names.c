/* The public calls for names (okstrafs/engine.h): what readdir shows and what lookup resolves. */
#include <stdio.h>
#include <string.h>

#include "documents/documents.h"
#include "engine/engine_private.h"

struct budget_names {
    int (*fn)(void *ctx, const char *name);
    void *ctx;
    const char *suffix;
    bool wrong; /* OKS_SETTINGS_ERROR is still to be listed */
};

/* In its place among the names. */
static int emit_wrong(struct budget_names *b, const char *next)
{
    if (!b->wrong || (next && strcmp(next, OKS_SETTINGS_ERROR) < 0))
        return 0;
    b->wrong = false;
    return b->fn(b->ctx, OKS_SETTINGS_ERROR);
}

static int emit_budget(void *ctx, const char *name)
{
    struct budget_names *b = ctx;
    char file[OKS_NAME_MAX + 1];
    int rc;

    snprintf(file, sizeof(file), "%s%s", name, b->suffix);
    rc = emit_wrong(b, file);
    return rc ? rc : b->fn(b->ctx, file);
}

static int list_budgets(struct oks_engine *e, int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct budget_names budgets = {fn, ctx, ".json", false};
    int rc;

    pthread_mutex_lock(&e->model.lock);
    budgets.wrong = settings_are_wrong(e->model.settings);
    pthread_mutex_unlock(&e->model.lock);
    rc = oks_engine_budgets(e, false, emit_budget, &budgets);
    return rc ? rc : emit_wrong(&budgets, NULL);
}

static int list_months(struct oks_engine *e, int (*fn)(void *ctx, const char *name), void *ctx)
{
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = streams_months(&e->streams, fn, ctx);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_engine_list(struct oks_engine *e, enum oks_list what, const struct oks_target *of,
                    int (*fn)(void *ctx, const char *name), void *ctx)
{
    if (what == OKS_LIST_BUDGETS)
        return list_budgets(e, fn, ctx);
    if (what == OKS_LIST_EXCEEDED)
        return oks_engine_budgets(e, true, fn, ctx);
    if (what == OKS_LIST_MONTHS)
        return list_months(e, fn, ctx);
    return names_list(&e->model, what, of, fn, ctx);
}

int oks_engine_has(struct oks_engine *e, enum oks_list what, const struct oks_target *of, const char *name)
{
    int rc;

    if (what == OKS_LIST_BUDGETS || what == OKS_LIST_EXCEEDED || what == OKS_LIST_MONTHS)
        return oks_engine_list(e, what, of, names_match, (void *)name);
    pthread_mutex_lock(&e->model.lock);
    rc = names_has(&e->model, what, of, name);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_engine_changed(struct oks_engine *e, enum oks_kind kind, uint64_t since,
                       int (*fn)(void *ctx, const char *name), void *ctx)
{
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = names_changed(&e->model, kind, since, fn, ctx);
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

uint64_t oks_engine_prices_version(struct oks_engine *e)
{
    uint64_t version;

    pthread_mutex_lock(&e->model.lock);
    version = version_priced(&e->model.versions, 1); /* 0 would mean: not known */
    pthread_mutex_unlock(&e->model.lock);
    return version;
}
