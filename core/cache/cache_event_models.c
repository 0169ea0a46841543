/*
 * The models of events in a cache file.
 *
 * The events are in the form of okstra's collector, which has no place for a model, and which the collector
 * may write again. So the models are a list of their own in our key, in the order of the events: runs of a
 * number of events with a count, and the place of their model in `models`. Nearly all transcripts have one
 * model, and then the list is empty.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "cache/cache_parts.h"

/* --- writing --- */

struct putting {
    struct oks_bytes *bytes;
    uint64_t n; /* of the current run */
    uint8_t model;
};

static void put_run(struct putting *p)
{
    if (p->bytes->ptr && p->bytes->ptr[p->bytes->len - 1] != '[')
        oks_bytes_put(p->bytes, ",", 1);
    oks_bytes_number(p->bytes, p->n);
    oks_bytes_put(p->bytes, ",", 1);
    oks_bytes_number(p->bytes, p->model);
}

static int put_event(void *ctx, const struct oks_event *event)
{
    struct putting *p = ctx;

    if (!oks_event_has_count(event))
        return 0;
    if (p->n && event->model != p->model) {
        put_run(p);
        p->n = 0;
    }
    p->model = event->model;
    p->n++;
    return p->bytes->error;
}

void oks_cache_put_event_models(struct oks_bytes *bytes, const struct oks_state *state)
{
    struct putting p = {.bytes = bytes};
    size_t start;

    oks_bytes_text(bytes, OKS_CACHE_EVENT_MODELS);
    start = bytes->len;
    oks_events_each(state->events, put_event, &p);
    if (p.n && (p.model != 0 || bytes->len != start))
        put_run(&p);
    oks_bytes_put(bytes, "]", 1);
}

/* --- reading --- */

int oks_cache_take_event_model(struct oks_event_models *m, bool is_model, uint64_t number)
{
    if (!is_model) {
        if (number == 0)
            return OKS_CACHE_MISS;
        if (!OKS_GROW(m->runs, m->len, m->room))
            return -ENOMEM;
        m->runs[m->len++] = (struct oks_event_run){.n = number};
        return 0;
    }
    if (number >= OKS_MODELS_MAX && number != OKS_MODEL_UNKNOWN)
        return OKS_CACHE_MISS;
    m->runs[m->len - 1].model = (uint8_t)number;
    return 0;
}

static uint8_t next_model(void *ctx)
{
    struct oks_event_models *m = ctx;

    while (m->at < m->len && m->runs[m->at].n == 0)
        m->at++;
    if (m->at == m->len) {
        m->short_of = true;
        return OKS_MODEL_UNKNOWN;
    }
    m->runs[m->at].n--;
    return m->runs[m->at].model;
}

int oks_cache_assign_event_models(struct oks_event_models *m, struct oks_state *state)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->len; i++)
        if (m->runs[i].model >= state->models.len && m->runs[i].model != OKS_MODEL_UNKNOWN)
            rc = OKS_CACHE_MISS;
    if (rc == 0 && m->len)
        rc = oks_events_set_models(&state->events, next_model, m);
    if (rc == 0 && (m->short_of || (m->len && (m->at + 1 < m->len || m->runs[m->at].n))))
        rc = OKS_CACHE_MISS;
    free(m->runs);
    *m = (struct oks_event_models){0};
    return rc;
}
