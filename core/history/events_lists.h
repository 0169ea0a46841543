/* The inside of struct oks_events, for events.c (which builds it) and events_query.c (which reads it). */
#ifndef OKSTRAFS_HISTORY_EVENTS_LISTS_H
#define OKSTRAFS_HISTORY_EVENTS_LISTS_H

#include "history/events_run.h"
#include "history/events.h"

enum {
    LISTS = 2,     /* canonical, text */
    RUNS_MAX = 48, /* merging keeps a list below 42 even for 2^64 events; more is memory that ran out */
};

struct run_list {
    struct run *runs; /* tops strictly falling */
    size_t n;
    size_t room;
};

struct oks_events {
    struct run_list lists[LISTS];
    struct texts texts;    /* of all runs in lists[1] */
    struct run *unstamped; /* NULL in nearly all of them */
};

/* Events without a stamp. */
const struct run *events_unstamped(const struct oks_events *events);

/* The i-th of all runs with stamps, canonical ones first; NULL behind the last. */
const struct run *events_run(const struct oks_events *events, size_t i);

#endif
