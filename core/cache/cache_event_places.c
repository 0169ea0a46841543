/*
 * The labels of events in a cache file: their models, tags and tools.
 *
 * The events are in the form of okstra's collector, which has no room for a label, and which the collector
 * may write again. So each label is a list of its own in our key, in the order of the events: runs of a
 * number of events with a count, and their place in the list of that label's names. Nearly all transcripts
 * have one model and one tag, and then the list is empty.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "cache/cache_parts.h"

const char *const oks_cache_event_keys[OKS_LABELS] = {[OKS_LABEL_MODEL] = ",\"eventModels\":[",
                                                      [OKS_LABEL_TAG] = ",\"eventTags\":[",
                                                      [OKS_LABEL_TOOLS] = ",\"eventTools\":["};

/* --- writing --- */

struct putting {
    struct oks_bytes *bytes;
    enum oks_label label;
    uint64_t n; /* of the current run */
    uint8_t place;
};

static void put_run(struct putting *p)
{
    if (p->bytes->ptr && p->bytes->ptr[p->bytes->len - 1] != '[')
        oks_bytes_put(p->bytes, ",", 1);
    oks_bytes_number(p->bytes, p->n);
    oks_bytes_put(p->bytes, ",", 1);
    oks_bytes_number(p->bytes, p->place);
}

static int put_event(void *ctx, const struct oks_event *event)
{
    struct putting *p = ctx;

    if (!oks_event_has_count(event))
        return 0;
    if (p->n && event->place[p->label] != p->place) {
        put_run(p);
        p->n = 0;
    }
    p->place = event->place[p->label];
    p->n++;
    return p->bytes->error;
}

static size_t names_of(const struct oks_state *state, enum oks_label label)
{
    return label == OKS_LABEL_MODEL ? state->models.len
           : label == OKS_LABEL_TAG ? state->tags.len
                                    : state->tools.len;
}

void oks_cache_put_event_places(struct oks_bytes *bytes, const struct oks_state *state, enum oks_label label)
{
    struct putting p = {.bytes = bytes, .label = label};
    size_t start;

    oks_bytes_text(bytes, oks_cache_event_keys[label]);
    start = bytes->len;
    oks_events_each(state->events, put_event, &p);
    if (p.n && (p.place != 0 || bytes->len != start))
        put_run(&p);
    oks_bytes_put(bytes, "]", 1);
}

/* --- reading --- */

int oks_cache_take_event_place(struct oks_event_places *m, bool is_place, uint64_t number)
{
    if (!is_place) {
        if (number == 0)
            return OKS_CACHE_MISS;
        if (!OKS_GROW(m->runs, m->len, m->room))
            return -ENOMEM;
        m->runs[m->len++] = (struct oks_event_run){.n = number};
        return 0;
    }
    if (number >= OKS_PLACES_MAX && number != OKS_PLACE_UNKNOWN)
        return OKS_CACHE_MISS;
    m->runs[m->len - 1].place = (uint8_t)number;
    return 0;
}

static uint8_t next_place(void *ctx)
{
    struct oks_event_places *m = ctx;

    while (m->at < m->len && m->runs[m->at].n == 0)
        m->at++;
    if (m->at == m->len) {
        m->short_of = true;
        return OKS_PLACE_UNKNOWN;
    }
    m->runs[m->at].n--;
    return m->runs[m->at].place;
}

int oks_cache_assign_event_places(struct oks_event_places *m, struct oks_state *state, enum oks_label label)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->len; i++)
        if (m->runs[i].place >= names_of(state, label) && m->runs[i].place != OKS_PLACE_UNKNOWN)
            rc = OKS_CACHE_MISS;
    if (rc == 0 && m->len)
        rc = oks_events_set_places(&state->events, label, next_place, m);
    if (rc == 0 && (m->short_of || (m->len && (m->at + 1 < m->len || m->runs[m->at].n))))
        rc = OKS_CACHE_MISS;
    free(m->runs);
    *m = (struct oks_event_places){0};
    return rc;
}
