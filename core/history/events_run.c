/*
 * One sorted run: sealed blocks of 64, then an open tail that is kept sorted by insertion.
 *
 * Positions count from the smallest stamp on, so a window is a pair of positions, found by binary search over
 * the blocks' first keys and then inside one block, and its totals are the difference of two prefix sums. The
 * tail is small and is summed by hand.
 *
 * Invariants: every block holds exactly BLOCK_EVENTS rows; the tail is empty only in a run without any event;
 * no stamp in a block is larger than one behind it.
 */
#include "history/events_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Thread_local uint64_t run_blocks_touched;

struct oks_stamp run_stamp(const struct texts *texts, uint64_t key)
{
    uint32_t len;

    if (!texts)
        return (struct oks_stamp){key, NULL, 0};
    memcpy(&len, texts->bytes + key, sizeof(len));
    return (struct oks_stamp){OKS_STAMP_KEY_TEXT, texts->bytes + key + sizeof(len), len};
}

void run_init(struct run *run, const struct texts *texts)
{
    *run = (struct run){.texts = texts};
}

void run_clear(struct run *run)
{
    for (size_t i = 0; i < run->n_blocks; i++)
        free(run->blocks[i]);
    free(run->blocks);
    free(run->tail);
    run_init(run, run->texts);
}

size_t run_len(const struct run *run)
{
    return run->n_blocks * BLOCK_EVENTS + run->n_tail;
}

size_t run_bytes(const struct run *run)
{
    return run->packed_bytes + run->blocks_room * sizeof(run->blocks[0]) +
           run->tail_room * sizeof(run->tail[0]);
}

static int grow_tail(struct run *run)
{
    size_t room = run->tail_room ? run->tail_room * 2 : 4;
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

/* What cannot be had smaller stays as it is. */
void run_trim(struct run *run)
{
    struct row *tail = run->n_tail ? realloc(run->tail, run->n_tail * sizeof(*tail)) : NULL;

    if (tail) {
        run->tail = tail;
        run->tail_room = run->n_tail;
    }
}

static int grow_blocks(struct run *run)
{
    size_t room = run->blocks_room + run->blocks_room / 2 + 4;
    struct block **blocks = realloc(run->blocks, room * sizeof(*blocks));

    if (!blocks)
        return -ENOMEM;
    run->blocks = blocks;
    run->blocks_room = room;
    return 0;
}

static int seal(struct run *run)
{
    struct block *block;

    if (run->n_blocks == run->blocks_room && grow_blocks(run) < 0)
        return -ENOMEM;
    block = block_pack(run->tail, &run->sealed);
    if (!block)
        return -ENOMEM;
    block_sums(block, BLOCK_EVENTS, &run->sealed);
    run->packed_bytes += block_bytes(block);
    run->blocks[run->n_blocks++] = block;
    run->n_tail -= BLOCK_EVENTS;
    memmove(run->tail, run->tail + BLOCK_EVENTS, run->n_tail * sizeof(run->tail[0]));
    return 0;
}

int run_make_room(struct run *run)
{
    if (run->n_tail < run->tail_room)
        return 0;
    return run->n_tail < RUN_TAIL_MAX ? grow_tail(run) : seal(run);
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
    if (run->n_blocks == 0)
        return true;
    return order(run, block_key(run->blocks[run->n_blocks - 1], BLOCK_EVENTS - 1), stamp) <= 0;
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

struct oks_stamp run_top(const struct run *run)
{
    return run_stamp(run->texts, run->tail[run->n_tail - 1].key);
}

void run_row(const struct run *run, size_t pos, struct row *out)
{
    size_t block = pos / BLOCK_EVENTS;

    if (block < run->n_blocks)
        block_row(run->blocks[block], pos % BLOCK_EVENTS, out);
    else
        *out = run->tail[pos - run->n_blocks * BLOCK_EVENTS];
}

struct oks_stamp run_stamp_at(const struct run *run, size_t pos)
{
    size_t block = pos / BLOCK_EVENTS;

    if (block < run->n_blocks)
        return run_stamp(run->texts, block_key(run->blocks[block], pos % BLOCK_EVENTS));
    return run_stamp(run->texts, run->tail[pos - run->n_blocks * BLOCK_EVENTS].key);
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
    size_t lo = 0, hi = BLOCK_EVENTS;

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
        return run->n_blocks * BLOCK_EVENTS + in_tail;
    while (lo < hi) { /* lo: blocks whose first event is before the bound */
        size_t mid = lo + (hi - lo) / 2;

        run_blocks_touched++;
        if (is_before(run, block_key(run->blocks[mid], 0), &bound))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return 0;
    run_blocks_touched++;
    return (lo - 1) * BLOCK_EVENTS + find_in_block(run, run->blocks[lo - 1], &bound);
}

void run_sums(const struct run *run, size_t n, struct sums *out)
{
    size_t block = n / BLOCK_EVENTS;

    if (block < run->n_blocks) {
        run_blocks_touched++;
        block_sums(run->blocks[block], n % BLOCK_EVENTS, out);
        return;
    }
    *out = run->sealed;
    for (size_t i = 0; i < n - run->n_blocks * BLOCK_EVENTS; i++)
        sums_add_row(out, &run->tail[i]);
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
