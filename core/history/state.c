/* The life of a transcript's state; what fills it is the engine's business. */
#include "history/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/requests.h"

int oks_state_init(struct oks_state *state)
{
    struct oks_requests *requests;
    struct oks_events *events;
    int rc = oks_events_new(&events);

    if (rc < 0)
        return rc;
    rc = oks_requests_new(&requests);
    if (rc < 0) {
        oks_events_free(events);
        return rc;
    }
    *state = (struct oks_state){.events = events, .requests = requests};
    return 0;
}

void oks_state_clear(struct oks_state *state)
{
    free(state->agent_name);
    free(state->model);
    free(state->session_id);
    free(state->label);
    free(state->label_team);
    free(state->reader_state);
    oks_events_free(state->events);
    oks_strings_clear(&state->teams);
    oks_strings_clear(&state->cwds);
    oks_strings_clear(&state->compactions);
    oks_models_clear(&state->models);
    oks_models_clear(&state->tags);
    oks_tool_sets_clear(&state->tools);
    oks_requests_free(state->requests);
    *state = (struct oks_state){0};
}

int oks_state_reset(struct oks_state *state)
{
    struct oks_state fresh;
    int rc = oks_state_init(&fresh);

    if (rc < 0)
        return rc;
    oks_state_clear(state);
    *state = fresh;
    return 0;
}

/* --- adding what a scan found --- */

struct gaining {
    struct oks_events *to;
    uint8_t places[OKS_LABELS][OKS_PLACES_MAX]; /* of the gain's names in the state's lists */
    size_t n_places[OKS_LABELS];
};

static int append_event(void *ctx, const struct oks_event *event)
{
    const struct gaining *g = ctx;
    struct oks_event own = *event;

    for (int l = 0; l < OKS_LABELS; l++)
        own.place[l] = event->place[l] < g->n_places[l] ? g->places[l][event->place[l]] : OKS_PLACE_UNKNOWN;
    return oks_events_append(g->to, &own);
}

static int merge_tools(struct oks_tool_sets *to, const struct oks_tool_sets *from,
                       uint8_t places[OKS_PLACES_MAX])
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < from->len; i++)
        rc = oks_tool_sets_add(to, oks_slice_of(from->items[i].text), from->items[i].events,
                               from->items[i].calls, &places[i]);
    return rc;
}

static int merge_labels(struct oks_state *to, const struct oks_state *gain, struct gaining *g)
{
    int rc = oks_models_merge(&to->models, &gain->models, g->places[OKS_LABEL_MODEL]);

    if (rc == 0)
        rc = oks_models_merge(&to->tags, &gain->tags, g->places[OKS_LABEL_TAG]);
    if (rc == 0)
        rc = merge_tools(&to->tools, &gain->tools, g->places[OKS_LABEL_TOOLS]);
    g->n_places[OKS_LABEL_MODEL] = gain->models.len;
    g->n_places[OKS_LABEL_TAG] = gain->tags.len;
    g->n_places[OKS_LABEL_TOOLS] = gain->tools.len;
    return rc;
}

/* 0 or -ENOMEM */
static int copy_first(char **to, const char *from)
{
    if (*to || !from)
        return 0;
    *to = strdup(from);
    return *to ? 0 : -ENOMEM;
}

/* 0 or -ENOMEM */
static int copy_last(char **to, const char *from)
{
    char *copy;

    if (*to && from && strcmp(*to, from) == 0)
        return 0;
    copy = from ? strdup(from) : NULL;
    if (from && !copy)
        return -ENOMEM;
    free(*to);
    *to = copy;
    return 0;
}

static int add_strings(struct oks_strings *to, const struct oks_strings *from, size_t max, bool folded)
{
    for (size_t i = 0; i < from->len; i++) {
        struct oks_slice s = {from->items[i].ptr, from->items[i].len};
        int rc = folded ? oks_strings_add_folded(to, s, max) : oks_strings_add(to, s, max);

        if (rc == -ENOMEM)
            return rc;
    }
    return 0;
}

int oks_state_gain(struct oks_state *to, const struct oks_state *gain)
{
    struct gaining gaining = {.to = to->events};
    int rc = merge_labels(to, gain, &gaining);

    if (rc == 0)
        rc = oks_events_each(gain->events, append_event, &gaining);
    if (rc == 0)
        rc = add_strings(&to->teams, &gain->teams, OKS_TEAMS_MAX, true);
    if (rc == 0)
        rc = add_strings(&to->cwds, &gain->cwds, OKS_CWDS_MAX, false);
    if (rc == 0)
        rc = add_strings(&to->compactions, &gain->compactions, OKS_COMPACTIONS_MAX, false);
    if (rc == 0)
        rc = copy_first(&to->agent_name, gain->agent_name);
    if (rc == 0)
        rc = copy_first(&to->model, gain->model);
    if (rc == 0)
        rc = copy_first(&to->session_id, gain->session_id);
    if (rc == 0)
        rc = copy_last(&to->reader_state, gain->reader_state);
    if (rc < 0)
        return rc;
    to->offset = gain->offset;
    to->extra_offset = gain->extra_offset;
    to->identity = gain->identity;
    to->dev = gain->dev;
    to->ino = gain->ino;
    to->tail_len = gain->tail_len;
    memcpy(to->tail_sha256, gain->tail_sha256, sizeof(to->tail_sha256));
    to->lines += gain->lines;
    to->bad += gain->bad;
    to->odd += gain->odd;
    return 0;
}
