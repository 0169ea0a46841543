/*
 * One sorted run: sealed blocks of 64, then an open tail that is kept sorted by insertion.
 *
 * Positions count from the smallest stamp on, so a window is a pair of positions, found by binary search over
 * the blocks' first keys and then inside one block, and its totals are the difference of two prefix sums. The
 * tail is small and is summed by hand.
 *
 * A run at rest is closed: its tail is packed as well, and the last block may hold fewer than 64 events. The
 * next event that may go into the run opens it: the newest events become the tail again. How many, follows
 * from the run's length alone, and is never more than were open before. So a stamp that was once too late for
 * a run stays too late (see events.c), and no answer depends on when a run was closed.
 *
 * Invariants: every block but the last of a closed run holds exactly BLOCK_EVENTS rows; the tail is empty
 * only in a closed run and in one without any event; no stamp in a block is larger than one behind it.
 */
#include "history/events_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Thread_local uint64_t run_blocks_touched;

static uint32_t text_len(const struct texts *texts, uint64_t key)
{
    uint32_t len;

    memcpy(&len, texts->bytes + key, sizeof(len));
    return le32toh(len);
}

struct oks_stamp run_stamp(const struct texts *texts, uint64_t key)
{
    if (!texts)
        return (struct oks_stamp){key, NULL, 0};
    return (struct oks_stamp){OKS_STAMP_KEY_TEXT, texts->bytes + key + sizeof(uint32_t),
                              text_len(texts, key)};
}

void run_init(struct run *run, const struct texts *texts)
{
    *run = (struct run){.texts = texts};
}

void run_clear(struct run *run)
{
    free(run->bytes);
    free(run->starts);
    free(run->tail);
    run_init(run, run->texts);
}

size_t run_len(const struct run *run)
{
    return run->n_packed + run->n_tail;
}

size_t run_bytes(const struct run *run)
{
    return run->bytes_room + run->blocks_room * sizeof(run->starts[0]) +
           run->tail_room * sizeof(run->tail[0]);
}

static const struct block *block_at(const struct run *run, size_t i)
{
    return (const struct block *)(run->bytes + run->starts[i]);
}

/* Sums over the first n events. */
static void run_sums(const struct run *run, size_t n, struct sums *out)
{
    size_t packed = n < run->n_packed ? n : run->n_packed, block = packed / BLOCK_EVENTS;

    *out = (struct sums){{0}};
    if (run->n_blocks > 0) {
        block -= block == run->n_blocks; /* all of a full last block */
        run_blocks_touched++;
        block_sums(block_at(run, block), packed - block * BLOCK_EVENTS, out);
    }
    for (size_t i = 0; i < n - packed; i++)
        sums_add_row(out, &run->tail[i]);
}

/* --- the tail --- */

size_t run_pack_tail(const struct run *run, size_t n, uint8_t *out, size_t starts[RUN_TAIL_BLOCKS])
{
    struct sums before;
    size_t len = 0;

    for (size_t i = 0; i < n; i += BLOCK_EVENTS) {
        size_t rows = n - i < BLOCK_EVENTS ? n - i : BLOCK_EVENTS;

        run_sums(run, run->n_packed + i, &before);
        starts[i / BLOCK_EVENTS] = len;
        len += block_pack(run->tail + i, rows, &before, (struct block *)(out + len));
    }
    return len;
}

/* A run keeps these for good: they grow by less than double, and are trimmed to fit. */
static int resize_tail(struct run *run, size_t room)
{
    struct row *tail;

    if (room > RUN_TAIL_MAX)
        room = RUN_TAIL_MAX;
    tail = realloc(run->tail, room * sizeof(*tail));
    if (!tail)
        return -ENOMEM;
    run->tail = tail;
    run->tail_room = room;
    return 0;
}

static int resize_bytes(struct run *run, size_t room)
{
    uint8_t *bytes = realloc(run->bytes, room);

    if (!bytes)
        return -ENOMEM;
    run->bytes = bytes;
    run->bytes_room = room;
    return 0;
}

static int resize_blocks(struct run *run, size_t room)
{
    size_t *starts = realloc(run->starts, room * sizeof(*starts));

    if (!starts)
        return -ENOMEM;
    run->starts = starts;
    run->blocks_room = room;
    return 0;
}

/* Packs the first n events of the tail as one or two blocks: all of them, or nothing has changed. */
static int seal(struct run *run, size_t n)
{
    uint8_t packed[RUN_TAIL_BLOCKS * BLOCK_BYTES_MAX + BLOCK_SPARE];
    size_t starts[RUN_TAIL_BLOCKS], len = run_pack_tail(run, n, packed, starts), blocks;

    blocks = (n + BLOCK_EVENTS - 1) / BLOCK_EVENTS;
    if (run->blocks_room < run->n_blocks + blocks &&
        resize_blocks(run, run->n_blocks + run->n_blocks / 2 + blocks) < 0)
        return -ENOMEM;
    if (run->bytes_room < run->n_bytes + len + BLOCK_SPARE &&
        resize_bytes(run, run->n_bytes + run->n_bytes / 2 + len + BLOCK_SPARE) < 0)
        return -ENOMEM;
    memcpy(run->bytes + run->n_bytes, packed, len + BLOCK_SPARE);
    for (size_t i = 0; i < blocks; i++)
        run->starts[run->n_blocks++] = run->n_bytes + starts[i];
    run->n_bytes += len;
    run->n_packed += n;
    run->n_tail -= n;
    memmove(run->tail, run->tail + n, run->n_tail * sizeof(run->tail[0]));
    return 0;
}

void run_trim(struct run *run)
{
    if (run->n_tail > 0 && seal(run, run->n_tail) < 0)
        return;
    free(run->tail);
    run->tail = NULL;
    run->tail_room = 0;
    if (run->n_blocks == 0)
        return;
    resize_bytes(run, run->n_bytes + BLOCK_SPARE);
    resize_blocks(run, run->n_blocks);
}

/*
 * The events of a closed run that become the tail: those behind the last full block, and where these are
 * fewer than stay open after a seal, those of that block, too. As many were open before, or 64 more.
 */
static size_t reopened(const struct run *run)
{
    size_t n = run->n_packed % BLOCK_EVENTS;

    return n < RUN_TAIL_MAX - BLOCK_EVENTS && run->n_packed > n ? n + BLOCK_EVENTS : n;
}

static int open_run(struct run *run)
{
    size_t n = reopened(run), from = run->n_packed - n;

    if (resize_tail(run, n + 8) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        run_row(run, from + i, &run->tail[i]);
    run->n_tail = n;
    run->n_packed = from;
    run->n_blocks = from / BLOCK_EVENTS;
    if (n > 0)
        run->n_bytes = run->starts[run->n_blocks];
    return 0;
}

int run_make_room(struct run *run)
{
    if (run->n_tail == 0 && run->n_packed > 0)
        return open_run(run);
    if (run->n_tail < run->tail_room)
        return 0;
    if (run->n_tail < RUN_TAIL_MAX)
        return resize_tail(run, run->tail_room ? run->tail_room * 2 : 4);
    return seal(run, BLOCK_EVENTS);
}

/* The order of a stored key and a stamp: nearly always of two numbers, and then without a call. */
static inline int order(const struct run *run, uint64_t key, struct oks_stamp stamp)
{
    if (!run->texts && stamp.key != OKS_STAMP_KEY_TEXT)
        return (key > stamp.key) - (key < stamp.key);
    return oks_stamp_cmp(run_stamp(run->texts, key), stamp);
}

bool run_takes(const struct run *run, struct oks_stamp stamp)
{
    size_t sealed = run->n_tail > 0 ? run->n_packed : run->n_packed - reopened(run);

    return sealed == 0 ||
           order(run, block_key(block_at(run, sealed / BLOCK_EVENTS - 1), BLOCK_EVENTS - 1), stamp) <= 0;
}

void run_put(struct run *run, const struct row *row)
{
    struct oks_stamp stamp = run_stamp(run->texts, row->key);
    size_t i = run->n_tail;

    while (i > 0 && order(run, run->tail[i - 1].key, stamp) > 0)
        i--;
    memmove(&run->tail[i + 1], &run->tail[i], (run->n_tail - i) * sizeof(run->tail[0]));
    run->tail[i] = *row;
    run->n_tail++;
}

/* --- unpacking --- */

static int take_blocks(struct run *run, size_t n_blocks)
{
    for (size_t i = 0; i < n_blocks; i++) {
        const uint8_t *bytes = run->bytes + run->n_bytes;
        size_t len = block_check(bytes, run->bytes_room - BLOCK_SPARE - run->n_bytes);
        size_t n = len ? ((const struct block *)bytes)->n : 0;

        if (n == 0 || (n < BLOCK_EVENTS && i + 1 < n_blocks))
            return -EINVAL;
        run->starts[run->n_blocks++] = run->n_bytes;
        run->n_bytes += len;
        run->n_packed += n;
    }
    return run->n_bytes == run->bytes_room - BLOCK_SPARE ? 0 : -EINVAL;
}

static const uint64_t key_max = (UINT64_C(99999999999999) << 10) + 1000; /* see stamp.c */

static bool key_is_valid(const struct texts *texts, uint64_t key)
{
    if (!texts)
        return key <= key_max;
    return key <= texts->len && texts->len - key >= sizeof(uint32_t) &&
           text_len(texts, key) <= texts->len - key - sizeof(uint32_t);
}

static int check_keys(const struct run *run)
{
    uint64_t last = 0;

    for (size_t b = 0; b < run->n_blocks; b++) {
        const struct block *block = block_at(run, b);

        for (size_t i = 0; i < block->n; i++) {
            uint64_t key = block_key(block, i);

            if (!key_is_valid(run->texts, key) ||
                ((b > 0 || i > 0) && key != last && order(run, last, run_stamp(run->texts, key)) > 0))
                return -EINVAL;
            last = key;
        }
    }
    return 0;
}

int run_unpack(struct run *run, const uint8_t *bytes, size_t n_bytes, size_t n_blocks)
{
    int rc;

    if (n_blocks == 0 || n_blocks > n_bytes / sizeof(struct block))
        return -EINVAL;
    if (resize_bytes(run, n_bytes + BLOCK_SPARE) < 0 || resize_blocks(run, n_blocks) < 0)
        return -ENOMEM;
    memcpy(run->bytes, bytes, n_bytes);
    memset(run->bytes + n_bytes, 0, BLOCK_SPARE);
    rc = take_blocks(run, n_blocks);
    return rc < 0 ? rc : check_keys(run);
}

/* --- positions --- */

void run_row(const struct run *run, size_t pos, struct row *out)
{
    if (pos < run->n_packed)
        block_row(block_at(run, pos / BLOCK_EVENTS), pos % BLOCK_EVENTS, out);
    else
        *out = run->tail[pos - run->n_packed];
}

struct oks_stamp run_stamp_at(const struct run *run, size_t pos)
{
    if (pos < run->n_packed)
        return run_stamp(run->texts, block_key(block_at(run, pos / BLOCK_EVENTS), pos % BLOCK_EVENTS));
    return run_stamp(run->texts, run->tail[pos - run->n_packed].key);
}

struct oks_stamp run_top(const struct run *run)
{
    return run_stamp_at(run, run_len(run) - 1);
}

struct bound {
    struct oks_stamp stamp;
    bool equal_too;
};

static bool is_before(const struct run *run, uint64_t key, const struct bound *bound)
{
    return order(run, key, bound->stamp) < bound->equal_too;
}

static size_t find_in_tail(const struct run *run, const struct bound *bound)
{
    size_t lo = 0, hi = run->n_tail;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (is_before(run, run->tail[mid].key, bound))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t find_in_block(const struct run *run, const struct block *block, const struct bound *bound)
{
    size_t lo = 0, hi = block->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (is_before(run, block_key(block, mid), bound))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

size_t run_find(const struct run *run, struct oks_stamp stamp, bool equal_too)
{
    const struct bound bound = {stamp, equal_too};
    size_t lo = 0, hi = run->n_blocks, in_tail = find_in_tail(run, &bound);

    if (in_tail > 0)
        return run->n_packed + in_tail;
    while (lo < hi) { /* lo: blocks whose first event is before the bound */
        size_t mid = lo + (hi - lo) / 2;

        run_blocks_touched++;
        if (is_before(run, block_key(block_at(run, mid), 0), &bound))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return 0;
    run_blocks_touched++;
    return (lo - 1) * BLOCK_EVENTS + find_in_block(run, block_at(run, lo - 1), &bound);
}

void run_range(const struct run *run, size_t from, size_t to, struct sums *out)
{
    size_t block = from / BLOCK_EVENTS, start = block * BLOCK_EVENTS;
    struct sums low;

    if (block < run->n_blocks && to <= start + block_at(run, block)->n) {
        run_blocks_touched++;
        block_range(block_at(run, block), from - start, to - start, out);
        return;
    }
    run_sums(run, from, &low);
    run_sums(run, to, out);
    for (int c = 0; c < OKS_COLUMNS; c++)
        out->count[c] -= low.count[c];
}

static void part_of_row(const struct run *run, enum oks_label label, size_t pos,
                        void (*fn)(void *, const struct run_part *), void *ctx)
{
    struct run_part part = {.n = 1, .first = pos, .last = pos};
    struct row row;

    run_row(run, pos, &row);
    if (!row_has_count(&row))
        return;
    part.place = row.place[label];
    sums_add_row(&part.sums, &row);
    fn(ctx, &part);
}

void run_parts(const struct run *run, enum oks_label label, size_t from, size_t to,
               void (*fn)(void *ctx, const struct run_part *part), void *ctx)
{
    while (from < to && from < run->n_packed) {
        const struct block *block = block_at(run, from / BLOCK_EVENTS);
        size_t start = from - from % BLOCK_EVENTS, end = start + block->n < to ? start + block->n : to;
        struct run_part part = {.place = block->label[label].min};

        run_blocks_touched++;
        if (block->label[label].width == 0) {
            part.n = block_counted(block, from - start, end - start, &part.first, &part.last);
            part.first += start;
            part.last += start;
            block_range(block, from - start, end - start, &part.sums);
            if (part.n)
                fn(ctx, &part);
        } else {
            for (size_t pos = from; pos < end; pos++)
                part_of_row(run, label, pos, fn, ctx);
        }
        from = end;
    }
    for (; from < to; from++)
        part_of_row(run, label, from, fn, ctx);
}

void merge_source_init(struct merge_source *source, const struct run *run)
{
    source->run = run;
    source->next = 1;
    run_row(run, 0, &source->row);
    source->stamp = run_stamp(run->texts, source->row.key);
}

static size_t smallest_source(const struct merge_source *sources, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (oks_stamp_cmp(sources[i].stamp, sources[best].stamp) < 0)
            best = i;
    return best;
}

bool merge_next(struct merge_source *sources, size_t *n, struct row *row, struct oks_stamp *stamp)
{
    struct merge_source *source;
    size_t i;

    if (*n == 0)
        return false;
    i = smallest_source(sources, *n);
    source = &sources[i];
    *row = source->row;
    *stamp = source->stamp;
    if (source->next == run_len(source->run)) {
        memmove(source, source + 1, (*n - i - 1) * sizeof(*source));
        --*n;
        return true;
    }
    run_row(source->run, source->next++, &source->row);
    source->stamp = run_stamp(source->run->texts, source->row.key);
    return true;
}
