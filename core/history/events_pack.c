/*
 * The serialization of events: a header of numbers, the bytes of text stamps, then each run as its blocks.
 *
 * Layout: the number of runs with canonical stamps, of runs with text stamps, and of bytes of texts; the
 * texts; the run of the unstamped, which may be empty; the other runs. A run is the number of its blocks, the
 * number of their bytes, and the blocks.
 *
 * Blocks are the same bytes in memory and here (events_block.h), so both ways are little more than a copy; an
 * open tail is packed on the way and stays open. Numbers are little-endian, 8 bytes each. The bytes may come
 * from a damaged file: after an unpack every invariant of the runs that memory safety or order depends on has
 * been checked.
 */
#include <errno.h>
#include <stdlib.h>

#include "history/events_lists.h"

/* --- packing --- */

struct sink {
    int (*put)(void *ctx, const void *bytes, size_t n);
    void *ctx;
    int rc;
};

static void put_bytes(struct sink *sink, const void *bytes, size_t n)
{
    if (sink->rc == 0 && n > 0)
        sink->rc = sink->put(sink->ctx, bytes, n);
}

static void put_number(struct sink *sink, uint64_t value)
{
    uint8_t bytes[8];

    packed_put(bytes, value);
    put_bytes(sink, bytes, sizeof(bytes));
}

static void put_run(struct sink *sink, const struct run *run)
{
    uint8_t tail[RUN_TAIL_BLOCKS * BLOCK_BYTES_MAX + BLOCK_SPARE];
    size_t starts[RUN_TAIL_BLOCKS], n = run_pack_tail(run, run->n_tail, tail, starts);

    put_number(sink, run->n_blocks + (run->n_tail + BLOCK_EVENTS - 1) / BLOCK_EVENTS);
    put_number(sink, run->n_bytes + n);
    put_bytes(sink, run->bytes, run->n_bytes);
    put_bytes(sink, tail, n);
}

int oks_events_pack(const struct oks_events *events, int (*put)(void *ctx, const void *bytes, size_t n),
                    void *ctx)
{
    struct sink sink = {put, ctx, 0};
    const struct run *run;

    for (size_t l = 0; l < LISTS; l++)
        put_number(&sink, events->lists[l].n);
    put_number(&sink, events->texts.len);
    put_bytes(&sink, events->texts.bytes, events->texts.len);
    put_run(&sink, events_unstamped(events));
    for (size_t i = 0; (run = events_run(events, i)); i++)
        put_run(&sink, run);
    return sink.rc;
}

/* --- unpacking --- */

struct source {
    const uint8_t *p;
    size_t len; /* left */
    int rc;     /* sticky */
};

/* The next n bytes, which may be none; NULL: there are not as many. */
static const uint8_t *get_bytes(struct source *source, size_t n)
{
    const uint8_t *p = source->p;

    if (source->rc == 0 && n > source->len)
        source->rc = -EINVAL;
    if (source->rc < 0)
        return NULL;
    source->p += n;
    source->len -= n;
    return p;
}

static size_t get_number(struct source *source, size_t max)
{
    const uint8_t *p = get_bytes(source, 8);
    uint64_t value = p ? packed_get(p) : 0;

    if (value <= max)
        return (size_t)value;
    source->rc = -EINVAL;
    return 0;
}

/* `run` is empty, and can be cleared whatever comes of it. */
static void get_run(struct source *source, struct run *run, bool may_be_empty)
{
    size_t n_blocks = get_number(source, SIZE_MAX), n_bytes = get_number(source, SIZE_MAX);
    const uint8_t *bytes = get_bytes(source, n_bytes);

    if (source->rc == 0 && !(may_be_empty && n_blocks == 0 && n_bytes == 0))
        source->rc = run_unpack(run, bytes, n_bytes, n_blocks);
}

static void get_texts(struct source *source, struct texts *texts)
{
    size_t n = get_number(source, SIZE_MAX);
    const uint8_t *bytes = get_bytes(source, n);

    if (!bytes || n == 0)
        return;
    texts->bytes = malloc(n);
    if (!texts->bytes) {
        source->rc = -ENOMEM;
        return;
    }
    memcpy(texts->bytes, bytes, n);
    texts->len = texts->room = n;
}

static void get_unstamped(struct source *source, struct oks_events *events)
{
    struct run run;

    run_init(&run, NULL);
    get_run(source, &run, true);
    if (source->rc == 0 && run_len(&run) > 0) {
        events->unstamped = malloc(sizeof(run));
        if (events->unstamped) {
            *events->unstamped = run;
            return;
        }
        source->rc = -ENOMEM;
    }
    run_clear(&run);
}

static void get_list(struct source *source, struct run_list *list, size_t n, const struct texts *texts)
{
    if (n == 0 || source->rc < 0)
        return;
    list->runs = calloc(n, sizeof(*list->runs));
    if (!list->runs) {
        source->rc = -ENOMEM;
        return;
    }
    list->room = n;
    while (list->n < n && source->rc == 0) {
        struct run *run = &list->runs[list->n++];

        run_init(run, texts);
        get_run(source, run, false);
        if (source->rc == 0 && list->n > 1 && oks_stamp_cmp(run_top(run - 1), run_top(run)) <= 0)
            source->rc = -EINVAL;
    }
}

int oks_events_unpack(struct oks_events **out, const void *bytes, size_t len)
{
    struct source source = {.p = bytes, .len = len};
    struct oks_events *events;
    size_t n[LISTS];
    int rc = oks_events_new(&events);

    if (rc < 0)
        return rc;
    for (size_t l = 0; l < LISTS; l++)
        n[l] = get_number(&source, RUNS_MAX);
    get_texts(&source, &events->texts);
    get_unstamped(&source, events);
    for (size_t l = 0; l < LISTS; l++)
        get_list(&source, &events->lists[l], n[l], l == 0 ? NULL : &events->texts);
    if (source.rc == 0 && source.len > 0)
        source.rc = -EINVAL;
    if (source.rc < 0)
        oks_events_free(events);
    else
        *out = events;
    return source.rc;
}
