/*
 * What is asked of the events: windows, all of them in order, and the days with activity.
 *
 * Every run answers a window by itself: two positions and the exact sums between them. Only the
 * sum over all runs saturates.
 */
#include <string.h>

#include "history/events_lists.h"
#include "time/local_day.h"

struct window_sum {
    struct oks_stamp since;
    struct oks_stamp until;
    struct sums sums;
    struct oks_totals totals; /* all but the counts */
};

/* Adds the run's events [from, to), of which there are some. */
static void add_range(struct window_sum *window, const struct run *run, size_t from, size_t to)
{
    struct oks_totals part = OKS_TOTALS_NONE;
    struct sums sums;

    run_range(run, from, to, &sums);
    for (int c = 0; c < OKS_COLUMNS; c++)
        window->sums.count[c] += sums.count[c];
    part.events = part.stamped = to - from;
    part.first = run_stamp_at(run, from);
    part.last = run_stamp_at(run, to - 1);
    oks_totals_add(&window->totals, &part);
}

static void add_run(struct window_sum *window, const struct run *run)
{
    size_t from = oks_stamp_is_none(window->since) ? 0 : run_find(run, window->since, false);
    size_t to = oks_stamp_is_none(window->until) ? run_len(run) : run_find(run, window->until, true);

    if (from < to)
        add_range(window, run, from, to);
}

static uint64_t saturated(unsigned __int128 sum)
{
    return sum > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)sum;
}

static void window_totals(struct window_sum *window, struct oks_totals *out)
{
    for (int c = 0; c < OKS_COLUMNS; c++)
        window->totals.count[c] = saturated(window->sums.count[c]);
    *out = window->totals;
}

void oks_events_window(const struct oks_events *events, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out)
{
    const struct run *run;
    struct window_sum window = {since, until, {{0}}, OKS_TOTALS_NONE};

    window.totals.events = run_len(events_unstamped(events));
    run_range(events_unstamped(events), 0, window.totals.events, &window.sums);
    for (size_t i = 0; (run = events_run(events, i)); i++)
        add_run(&window, run);
    window_totals(&window, out);
}

struct window_places {
    const struct run *run;
    unsigned __int128 count[OKS_PLACES_MAX + 1][OKS_COLUMNS];
    struct oks_totals *out; /* all but the counts */
};

static struct oks_stamp canonical_at(const struct run *run, size_t pos, bool stamped)
{
    return stamped && !run->texts ? run_stamp_at(run, pos) : OKS_STAMP_NONE;
}

static void add_part(struct window_places *window, const struct run_part *part, bool stamped)
{
    size_t m = part->place < OKS_PLACES_MAX ? part->place : OKS_PLACES_MAX;
    struct oks_totals totals = {.events = part->n, .stamped = stamped ? part->n : 0};

    totals.first = canonical_at(window->run, part->first, stamped);
    totals.last = canonical_at(window->run, part->last, stamped);
    oks_totals_add(&window->out[m], &totals);
    for (int c = 0; c < OKS_COLUMNS; c++)
        window->count[m][c] += part->sums.count[c];
}

static void add_unstamped_part(void *ctx, const struct run_part *part)
{
    add_part(ctx, part, false);
}

static void add_stamped_part(void *ctx, const struct run_part *part)
{
    add_part(ctx, part, true);
}

void oks_events_by(const struct oks_events *events, enum oks_label label, struct oks_stamp since,
                   struct oks_stamp until, struct oks_totals out[OKS_PLACES_MAX + 1])
{
    struct window_places window = {.run = events_unstamped(events), .out = out};

    for (size_t m = 0; m <= OKS_PLACES_MAX; m++)
        out[m] = OKS_TOTALS_NONE;
    run_parts(window.run, label, 0, run_len(window.run), add_unstamped_part, &window);
    for (size_t i = 0; (window.run = events_run(events, i)); i++) {
        size_t from = oks_stamp_is_none(since) ? 0 : run_find(window.run, since, false);
        size_t to = oks_stamp_is_none(until) ? run_len(window.run) : run_find(window.run, until, true);

        run_parts(window.run, label, from, to, add_stamped_part, &window);
    }
    for (size_t m = 0; m <= OKS_PLACES_MAX; m++)
        for (int c = 0; c < OKS_COLUMNS; c++)
            out[m].count[c] = saturated(window.count[m][c]);
}

void oks_events_span(const struct oks_events *events, uint64_t from, uint64_t to, struct oks_totals *out)
{
    const struct run_list *list = &events->lists[0];
    struct window_sum window = {{.key = from}, {.key = to}, {{0}}, OKS_TOTALS_NONE};

    for (size_t i = 0; i < list->n; i++)
        add_run(&window, &list->runs[i]);
    window_totals(&window, out);
}

bool oks_events_next(const struct oks_events *events, uint64_t from, uint64_t *key)
{
    const struct run_list *list = &events->lists[0];
    bool found = false;

    for (size_t i = 0; i < list->n; i++) {
        size_t pos = run_find(&list->runs[i], (struct oks_stamp){.key = from}, false);
        uint64_t at;

        if (pos == run_len(&list->runs[i]))
            continue;
        at = run_stamp_at(&list->runs[i], pos).key;
        if (!found || at < *key)
            *key = at;
        found = true;
    }
    return found;
}

static int each_unstamped(const struct run *run, int (*fn)(void *, const struct oks_event *), void *ctx)
{
    struct oks_event event = {.stamp = OKS_STAMP_NONE};
    struct row row;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < run_len(run); i++) {
        run_row(run, i, &row);
        memcpy(event.count, row.count, sizeof(event.count));
        memcpy(event.place, row.place, sizeof(event.place));
        rc = fn(ctx, &event);
    }
    return rc;
}

int oks_events_each(const struct oks_events *events, int (*fn)(void *ctx, const struct oks_event *event),
                    void *ctx)
{
    const struct run *run;
    struct merge_source sources[LISTS * RUNS_MAX];
    struct oks_event event;
    struct row row;
    size_t n = 0;
    int rc = each_unstamped(events_unstamped(events), fn, ctx);

    for (size_t i = 0; (run = events_run(events, i)); i++)
        merge_source_init(&sources[n++], run);
    while (rc == 0 && merge_next(sources, &n, &row, &event.stamp)) {
        memcpy(event.count, row.count, sizeof(event.count));
        memcpy(event.place, row.place, sizeof(event.place));
        rc = fn(ctx, &event);
    }
    return rc;
}

/* The smallest of all stamps that are > bound, or >= bound where `equal_too`; none where there is none. */
static struct oks_stamp next_stamp(const struct oks_events *events, struct oks_stamp bound, bool equal_too)
{
    struct oks_stamp best = OKS_STAMP_NONE;
    const struct run *run;

    for (size_t i = 0; (run = events_run(events, i)); i++) {
        size_t pos = run_find(run, bound, !equal_too);
        struct oks_stamp stamp;

        if (pos == run_len(run))
            continue;
        stamp = run_stamp_at(run, pos);
        if (oks_stamp_is_none(best) || oks_stamp_cmp(stamp, best) < 0)
            best = stamp;
    }
    return best;
}

int oks_events_days(const struct oks_events *events, const struct oks_zone *zone, int64_t first, int64_t end,
                    int (*fn)(void *ctx, int64_t day), void *ctx)
{
    int rc = 0;

    for (int64_t day = first; rc == 0 && day < end;) {
        struct oks_stamp stamp = next_stamp(events, day_first_stamp(zone, day), true);

        if (oks_stamp_is_none(stamp))
            break;
        day = day_reaching(zone, stamp, day, end);
        if (day < end && oks_stamp_cmp(stamp, day_first_stamp(zone, day)) >= 0)
            rc = fn(ctx, day++);
    }
    return rc;
}
