/*
 * A run: events sorted by stamp, equal stamps in the order of arrival. Private to the core (and its tests).
 *
 * All but the newest events lie in sealed blocks; the tail is open, so that an event that arrives a little
 * late still finds its place. At rest the tail is packed, too; the next event opens it again.
 */
#ifndef OKSTRAFS_HISTORY_EVENTS_RUN_H
#define OKSTRAFS_HISTORY_EVENTS_RUN_H

#include "history/events_block.h"

enum {
    RUN_TAIL_MAX = BLOCK_EVENTS + 32, /* after a seal 32 events stay open for latecomers */
    RUN_TAIL_BLOCKS = 2,
};

/* The bytes of text stamps: a row's key is the offset of a length (4 bytes, little-endian) with the text
 * behind it. */
struct texts {
    char *bytes;
    size_t len;
    size_t room;
    size_t last; /* the text added last; SIZE_MAX: none yet */
};

struct run {
    const struct texts *texts; /* NULL: keys are the stamps' own numbers */
    uint8_t *bytes;            /* the blocks, one behind the other, and BLOCK_SPARE bytes */
    size_t n_bytes;            /* of the blocks */
    size_t bytes_room;
    size_t *starts; /* where each block is in `bytes` */
    size_t n_blocks;
    size_t blocks_room;
    size_t n_packed; /* events in blocks */
    struct row *tail;
    size_t n_tail;
    size_t tail_room;
};

/* Blocks looked at by this thread's run_find() and run_range(): what the tests hold against a logarithm. */
extern _Thread_local uint64_t run_blocks_touched;

struct oks_stamp run_stamp(const struct texts *texts, uint64_t key);

void run_init(struct run *run, const struct texts *texts);
void run_clear(struct run *run);
/* Packs the tail and gives back all spare room. What there is no memory for stays as it is. */
void run_trim(struct run *run);
size_t run_len(const struct run *run);
size_t run_bytes(const struct run *run);

/* Makes sure that the tail takes one more row; may seal a block. Changes no answer. 0 or -ENOMEM. */
int run_make_room(struct run *run);
/* Whether the row can still go into the tail: nothing that sorts behind the stamp is sealed. */
bool run_takes(const struct run *run, struct oks_stamp stamp);
/* Puts a row that run_takes() into its place, behind those with an equal stamp. There must be room. */
void run_put(struct run *run, const struct row *row);

/*
 * Packs the first n events of the tail as blocks that follow those of the run. Returns their length; `out`
 * has room for RUN_TAIL_BLOCKS * BLOCK_BYTES_MAX + BLOCK_SPARE.
 */
size_t run_pack_tail(const struct run *run, size_t n, uint8_t *out, size_t starts[RUN_TAIL_BLOCKS]);

/*
 * Fills an empty run with the blocks that were packed from one, `n_bytes` of them. 0, -ENOMEM, or -EINVAL
 * where this is no run: afterwards everything that a run promises is true of it, and nothing read lies
 * outside.
 */
int run_unpack(struct run *run, const uint8_t *bytes, size_t n_bytes, size_t n_blocks);

struct oks_stamp run_top(const struct run *run); /* the largest stamp of a run that is not empty */
void run_row(const struct run *run, size_t pos, struct row *out);
struct oks_stamp run_stamp_at(const struct run *run, size_t pos);

/* How many stamps are < bound, or <= bound where `equal_too`. */
size_t run_find(const struct run *run, struct oks_stamp bound, bool equal_too);
/* Sums over the events [from, to), which may be none. */
void run_range(const struct run *run, size_t from, size_t to, struct sums *out);

/* Some events with a count and one place: their number, the first and the last of them, and their sums. */
struct run_part {
    uint8_t place;
    size_t n, first, last;
    struct sums sums;
};

/* Calls fn with parts, by their place of the label, that together are all events with a count of [from, to).
 */
void run_parts(const struct run *run, enum oks_label label, size_t from, size_t to,
               void (*fn)(void *ctx, const struct run_part *part), void *ctx);

/* Walks over several runs at once, in the order of their stamps; ties: the run named first. */
struct merge_source {
    const struct run *run;
    size_t next; /* the position behind `row` */
    struct oks_stamp stamp;
    struct row row;
};

void merge_source_init(struct merge_source *source, const struct run *run); /* of a run that is not empty */
/* Moves the smallest of *n sources one on, after its row and stamp were stored; false: none left. */
bool merge_next(struct merge_source *sources, size_t *n, struct row *row, struct oks_stamp *stamp);

#endif
