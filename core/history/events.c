/*
 * The events of a transcript as a few sorted runs.
 *
 * In nearly every transcript the stamps rise, and then there is one run that only grows. Disorder is handled
 * as patience sorting does: a list of runs whose tops (largest stamps) strictly fall. A new event goes behind
 * the leftmost run whose top is not above it, or, where it comes only a little late, into the open tail of
 * the run before; else it starts a run at the right end. Whenever a run was started, the runs from the
 * leftmost one that is less than twice as long as all behind it together are merged, so there are at most
 * about log n of them and each event is merged about log n times.
 *
 * That keeps equal stamps in the order of arrival, because no run further right ever holds a stamp that is
 * put: their tops are below it, or it would have gone there; and as a tail seals only upwards, a run that has
 * once refused a late stamp refuses it until it is merged, together with all runs to its right. A merge takes
 * the left run first.
 *
 * Canonical and text stamps live in separate lists, because the first are sorted and packed as numbers.
 * Events without a stamp are a run of their own, in the order of arrival: they are in every window.
 */
#include "history/events_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int oks_events_new(struct oks_events **out)
{
    struct oks_events *events = calloc(1, sizeof(*events));

    if (!events)
        return -ENOMEM;
    events->texts.last = SIZE_MAX;
    *out = events;
    return 0;
}

void oks_events_free(struct oks_events *events)
{
    if (!events)
        return;
    for (size_t l = 0; l < LISTS; l++) {
        for (size_t i = 0; i < events->lists[l].n; i++)
            run_clear(&events->lists[l].runs[i]);
        free(events->lists[l].runs);
    }
    if (events->unstamped)
        run_clear(events->unstamped);
    free(events->unstamped);
    free(events->texts.bytes);
    free(events);
}

static void trim_list(struct run_list *list)
{
    struct run *runs = list->n ? realloc(list->runs, list->n * sizeof(*runs)) : NULL;

    if (runs) {
        list->runs = runs;
        list->room = list->n;
    }
    for (size_t i = 0; i < list->n; i++)
        run_trim(&list->runs[i]);
}

/* Text stamps stay where they are: totals borrow them. */
void oks_events_trim(struct oks_events *events)
{
    for (size_t l = 0; l < LISTS; l++)
        trim_list(&events->lists[l]);
    if (events->unstamped)
        run_trim(events->unstamped);
}

/* Drops runs[from ...] and puts `merged` there. */
static void replace_from(struct run_list *list, size_t from, const struct run *merged)
{
    for (size_t i = from; i < list->n; i++)
        run_clear(&list->runs[i]);
    list->runs[from] = *merged;
    list->n = from + 1;
}

static int merge_from(struct run_list *list, size_t from)
{
    struct merge_source sources[RUNS_MAX];
    struct oks_stamp stamp;
    struct run merged;
    struct row row;
    size_t n = 0;

    for (size_t i = from; i < list->n; i++)
        merge_source_init(&sources[n++], &list->runs[i]);
    run_init(&merged, list->runs[from].texts);
    while (merge_next(sources, &n, &row, &stamp)) {
        if (run_make_room(&merged) < 0) {
            run_clear(&merged);
            return -ENOMEM;
        }
        run_put(&merged, &row);
    }
    replace_from(list, from, &merged);
    return 0;
}

/* Merges the runs at the right end that have become too long for what stands before them. */
static int consolidate(struct run_list *list)
{
    size_t from = list->n, behind = 0;

    for (size_t i = list->n; i-- > 0;) {
        size_t len = run_len(&list->runs[i]);

        if (behind > len / 2)
            from = i;
        behind += len;
    }
    return from < list->n ? merge_from(list, from) : 0;
}

static int start_run(struct run_list *list, const struct texts *texts, const struct row *row)
{
    struct run run;

    if (list->n == RUNS_MAX && (consolidate(list) < 0 || list->n == RUNS_MAX))
        return -ENOMEM;
    if (!OKS_GROW(list->runs, list->n, list->room))
        return -ENOMEM;
    run_init(&run, texts);
    if (run_make_room(&run) < 0)
        return -ENOMEM;
    run_put(&run, row);
    list->runs[list->n++] = run;
    consolidate(list); /* without memory the list stays longer: the answers are the same */
    return 0;
}

/* The leftmost run whose top is not above the stamp; the number of runs where there is none. */
static size_t leftmost_below(const struct run_list *list, struct oks_stamp stamp)
{
    size_t lo = 0, hi = list->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (oks_stamp_cmp(run_top(&list->runs[mid]), stamp) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Puts the row into the tail of a run whose top is above it: 1 done, 0 it is too late for that, -ENOMEM. */
static int put_late(struct run *run, const struct row *row, struct oks_stamp stamp)
{
    int rc;

    if (!run_takes(run, stamp))
        return 0;
    rc = run_make_room(run);
    if (rc < 0)
        return rc;
    if (!run_takes(run, stamp)) /* making room sealed what sorts behind it */
        return 0;
    run_put(run, row);
    return 1;
}

static int place(struct run_list *list, const struct texts *texts, const struct row *row)
{
    struct oks_stamp stamp = run_stamp(texts, row->key);
    size_t at = leftmost_below(list, stamp);
    int rc = at > 0 ? put_late(&list->runs[at - 1], row, stamp) : 0;

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (at == list->n)
        return start_run(list, texts, row);
    rc = run_make_room(&list->runs[at]);
    if (rc < 0)
        return rc;
    run_put(&list->runs[at], row);
    return 0;
}

static int texts_reserve(struct texts *texts, size_t more)
{
    return OKS_ROOM(texts->bytes, texts->len + more, texts->room) ? 0 : -ENOMEM;
}

/* Keeps a text stamp's bytes; a text that repeats the last one shares them. */
static int texts_add(struct texts *texts, struct oks_stamp stamp, uint64_t *key)
{
    uint32_t len = htole32(stamp.len);

    if (texts->last != SIZE_MAX && oks_stamp_cmp(run_stamp(texts, texts->last), stamp) == 0) {
        *key = texts->last;
        return 0;
    }
    if (texts_reserve(texts, sizeof(len) + stamp.len) < 0)
        return -ENOMEM;
    memcpy(texts->bytes + texts->len, &len, sizeof(len));
    memcpy(texts->bytes + texts->len + sizeof(len), stamp.text, stamp.len);
    *key = texts->last = texts->len;
    texts->len += sizeof(len) + stamp.len;
    return 0;
}

static int append_text(struct oks_events *events, struct oks_stamp stamp, struct row *row)
{
    size_t len = events->texts.len, last = events->texts.last;
    int rc = texts_add(&events->texts, stamp, &row->key);

    if (rc == 0)
        rc = place(&events->lists[1], &events->texts, row);
    if (rc < 0) {
        events->texts.len = len;
        events->texts.last = last;
    }
    return rc;
}

static int append_unstamped(struct oks_events *events, struct row *row)
{
    if (!events->unstamped)
        events->unstamped = calloc(1, sizeof(*events->unstamped));
    if (!events->unstamped || run_make_room(events->unstamped) < 0)
        return -ENOMEM;
    row->key = 0; /* all equal: the order of arrival stays */
    run_put(events->unstamped, row);
    return 0;
}

int oks_events_append(struct oks_events *events, const struct oks_event *event)
{
    struct row row;

    memcpy(row.count, event->count, sizeof(row.count));
    memset(row.place, 0, sizeof(row.place));
    if (oks_event_has_count(event))
        memcpy(row.place, event->place, sizeof(row.place));
    if (event->stamp.key == OKS_STAMP_KEY_TEXT)
        return append_text(events, event->stamp, &row);
    if (!oks_stamp_is_none(event->stamp)) {
        row.key = event->stamp.key;
        return place(&events->lists[0], NULL, &row);
    }
    return append_unstamped(events, &row);
}

struct setting {
    struct oks_events *to;
    enum oks_label label;
    uint8_t (*fn)(void *ctx); /* NULL: none is known, of any label */
    void *ctx;
};

static int append_with_place(void *ctx, const struct oks_event *event)
{
    const struct setting *s = ctx;
    struct oks_event own = *event;

    if (!s->fn)
        memset(own.place, OKS_PLACE_UNKNOWN, sizeof(own.place));
    else if (oks_event_has_count(event))
        own.place[s->label] = s->fn(s->ctx);
    return oks_events_append(s->to, &own);
}

static int set_places(struct oks_events **events, struct setting *setting)
{
    int rc = oks_events_new(&setting->to);

    if (rc < 0)
        return rc;
    rc = oks_events_each(*events, append_with_place, setting);
    if (rc < 0) {
        oks_events_free(setting->to);
        return rc;
    }
    oks_events_free(*events);
    *events = setting->to;
    return 0;
}

int oks_events_set_places(struct oks_events **events, enum oks_label label, uint8_t (*fn)(void *ctx),
                          void *ctx)
{
    struct setting setting = {.label = label, .fn = fn, .ctx = ctx};

    return set_places(events, &setting);
}

int oks_events_forget_places(struct oks_events **events)
{
    struct setting setting = {0};

    return set_places(events, &setting);
}

const struct run *events_unstamped(const struct oks_events *events)
{
    static const struct run none;

    return events->unstamped ? events->unstamped : &none;
}

const struct run *events_run(const struct oks_events *events, size_t i)
{
    for (size_t l = 0; l < LISTS; l++) {
        if (i < events->lists[l].n)
            return &events->lists[l].runs[i];
        i -= events->lists[l].n;
    }
    return NULL;
}

size_t oks_events_len(const struct oks_events *events)
{
    const struct run *run;
    size_t len = run_len(events_unstamped(events));

    for (size_t i = 0; (run = events_run(events, i)); i++)
        len += run_len(run);
    return len;
}

size_t oks_events_bytes(const struct oks_events *events)
{
    const struct run *run;
    size_t bytes = sizeof(*events) + events->texts.room + run_bytes(events_unstamped(events));

    for (size_t l = 0; l < LISTS; l++)
        bytes += events->lists[l].room * sizeof(struct run);
    for (size_t i = 0; (run = events_run(events, i)); i++)
        bytes += run_bytes(run);
    return bytes;
}
