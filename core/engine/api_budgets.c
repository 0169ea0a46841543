/* The public calls of budgets and of the clock (okstrafs/engine.h). */
#include "engine/engine_private.h"

bool oks_engine_clock(struct oks_engine *e, int64_t now_ms)
{
    struct budgets *b = &e->budgets;
    bool passed;

    atomic_store(&b->now_ms, now_ms);
    if (now_ms < atomic_load(&b->next_change_ms))
        return false;
    pthread_mutex_lock(&e->model.lock);
    passed = now_ms >= atomic_load(&b->next_change_ms);
    if (passed) {
        atomic_store(&b->next_change_ms, INT64_MAX);
        version_next(&e->model.versions);
    }
    pthread_mutex_unlock(&e->model.lock);
    return passed;
}

int64_t oks_engine_next_change(struct oks_engine *e)
{
    return atomic_load(&e->budgets.next_change_ms);
}

int oks_engine_budgets(struct oks_engine *e, bool exceeded, int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct budgets *b = &e->budgets;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = budgets_evaluate(b, atomic_load(&b->now_ms));
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        if (!exceeded || b->results[i].rows[0].state == BUDGET_EXCEEDED)
            rc = fn(ctx, b->results[i].budget->name);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_engine_lost_budgets(struct oks_engine *e,
                            int (*fn)(void *ctx, const char *budget, const char *scope, const char *of),
                            void *ctx)
{
    const struct config *config;
    int rc = 0;

    pthread_mutex_lock(&e->model.lock);
    config = settings_config(e->model.settings);
    for (size_t i = 0; rc == 0 && i < config->n_budgets; i++) {
        const struct budget *b = &config->budgets[i];

        if (!budgets_has_target(&e->model, b))
            rc = fn(ctx, b->name, budget_scope_name(b->scope), b->of);
    }
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}
