/* The rules of five-hour blocks; see blocks.h. */
#include "time/blocks.h"

enum { HOUR_MS = 3600000 };

static int64_t full_hour(int64_t time)
{
    int64_t rest = time % HOUR_MS;

    return time - rest - (rest < 0 ? HOUR_MS : 0);
}

bool block_add(struct block *block, int64_t time)
{
    bool starts = block->entries == 0 || time - block->start > BLOCK_MS || time - block->last > BLOCK_MS;

    if (starts)
        *block = (struct block){.start = full_hour(time), .first = time};
    block->last = time;
    block->entries++;
    return starts;
}

bool block_gap(const struct block *block, int64_t next, int64_t *start, int64_t *end)
{
    if (block->entries == 0 || next - block->last <= BLOCK_MS)
        return false;
    *start = block->last + BLOCK_MS;
    *end = next;
    return true;
}

bool block_is_active(const struct block *block, int64_t now)
{
    return block->entries > 0 && now < block_end(block) && now - block->last < BLOCK_MS;
}
