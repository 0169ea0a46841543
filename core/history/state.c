/* The life of a transcript's state; what fills it is the engine's business. */
#include "history/state.h"

#include <stdlib.h>

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
