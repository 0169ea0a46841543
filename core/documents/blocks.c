/*
 * stats/blocks.json: five-hour blocks (blocks.h), made of the requests that are billed.
 *
 * A block's thirteen counts are those of its lines: what happened from the full hour at which it starts to
 * its end. Because a block is one stretch of time, its durationMs is from the first of these to the last. The
 * block that is going on also says how fast it goes, and where that leads by its end.
 */
#include <stdlib.h>

#include "time/blocks.h"
#include "documents/usage.h"
#include "prices/prices.h"

enum { MINUTE_MS = 60000, MINUTES_PER_HOUR = 60 };

struct drawing {
    struct stats *s;
    struct time_table *table;
    struct block block; /* entries 0: none yet */
    size_t first, end;  /* its rows; the first one keeps its text and sums */
    uint64_t version;   /* the newest of its rows */
    struct measure sum; /* of the block */
    struct billed_bag billed;
    bool known;         /* its first row keeps just these sums */
    size_t next;        /* row to be looked at */
    struct measure all; /* of all blocks */
    struct billed_bag all_billed;
};

static bool put_time(json_object *o, const char *key, int64_t ms)
{
    char text[OKS_STAMP_TEXT];

    oks_time_text(ms, text);
    return put_text(o, key, text);
}

static bool put_bool(json_object *o, const char *key, bool value)
{
    return put(o, key, json_object_new_boolean(value));
}

static bool put_usd(json_object *o, const char *key, unsigned __int128 amount)
{
    return put(o, key, money_object(amount > OKS_MONEY_MAX ? OKS_MONEY_MAX : (oks_money)amount));
}

static uint64_t count_of(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

/* Rates from the first request to the last, and how it ends if it goes on like that. */
static bool put_rates(json_object *o, const struct drawing *d)
{
    const struct block *b = &d->block;
    uint64_t span = (uint64_t)(b->last - b->first),
             left = (uint64_t)(block_end(b) - d->s->now_ms) / MINUTE_MS;
    json_object *rate = json_object_new_object(), *projection = json_object_new_object();
    unsigned __int128 tokens, future;
    struct billed_sum sum;
    bool ok;

    if (span == 0) {
        json_object_put(rate);
        json_object_put(projection);
        return put_text(o, "burnRate", NULL) && put_text(o, "projection", NULL);
    }
    billed_bag_total(&d->billed, &sum);
    tokens = sum.input + sum.output + sum.cache_5m + sum.cache_1h;
    future = (unsigned __int128)left * MINUTE_MS;
    ok = rate && projection && put_count(rate, "tokensPerMinute", count_of(tokens * MINUTE_MS / span)) &&
         put_usd(rate, "costUSDPerHour", sum.cost / span * (MINUTE_MS * MINUTES_PER_HOUR)) &&
         put_count(projection, "totalTokens", count_of(tokens + tokens * future / span)) &&
         put_usd(projection, "costUSD", sum.cost + sum.cost * future / span) &&
         put_count(projection, "remainingMinutes", left);
    if (ok && put(o, "burnRate", rate)) {
        rate = NULL;
        if (put(o, "projection", projection))
            return true;
    }
    json_object_put(rate);
    json_object_put(projection);
    return false;
}

static void add_gap(struct stats *s, int64_t start, int64_t end)
{
    static const struct measure nothing = {
        .totals = {.first = {.key = OKS_STAMP_KEY_NONE}, .last = {.key = OKS_STAMP_KEY_NONE}}};
    json_object *o = json_object_new_object();

    if (o && put_time(o, "key", start) && put_time(o, "endTime", end) && put_bool(o, "isGap", true) &&
        put_bool(o, "isActive", false) && put_row(o, &nothing, &(struct billed_bag){0})) {
        stats_add(s, o);
        return;
    }
    json_object_put(o);
    s->ok = false;
}

/* NULL on ENOMEM. */
static json_object *block_made(const struct drawing *d, bool active)
{
    json_object *o = json_object_new_object();

    if (o && put_time(o, "key", d->block.start) && put_time(o, "endTime", block_end(&d->block)) &&
        put_time(o, "firstRequest", d->block.first) && put_time(o, "lastRequest", d->block.last) &&
        put_bool(o, "isGap", false) && put_bool(o, "isActive", active) && (!active || put_rates(o, d)) &&
        put_row(o, &d->sum, &d->billed))
        return o;
    json_object_put(o);
    return NULL;
}

/* A block that is over stays as it is: the same rows between the same ends. */
static json_object *block_object(struct drawing *d)
{
    struct remembered *text = &d->table->rows[d->first]->text;
    const struct measure_window ends = {.since.key = (uint64_t)d->block.start,
                                        .until.key = (uint64_t)d->block.last};
    bool active = block_is_active(&d->block, d->s->now_ms),
         whole = !active && !d->s->window && !d->s->wanting;
    uint64_t version = priced_version(d->s->e, d->version);

    if (whole && remembered_is(text, version, &ends, STATS_ROW_LEVEL))
        return remembered_part(text);
    if (!whole)
        return block_made(d, active);
    return remembered_keep(text, block_made(d, active), version, &ends, STATS_ROW_LEVEL);
}

/* Where there is no memory for it, the block is added up again the next time. */
static void keep_rows(const struct drawing *d)
{
    struct time_row *first = d->table->rows[d->first];
    struct block_rows *kept = first->block;

    if (d->known || d->s->window || d->s->wanting || block_is_active(&d->block, d->s->now_ms))
        return;
    if (!kept)
        kept = first->block = calloc(1, sizeof(*kept));
    if (!kept)
        return;
    billed_bag_clear(&kept->billed);
    kept->n = billed_bag_add(&kept->billed, &d->billed) == 0 ? d->end - d->first : 0;
    kept->last = d->table->rows[d->end - 1];
    kept->version = time_rows_version(d->s->e, &d->table->rows[d->first], d->end - d->first);
    kept->block = d->block;
    kept->sum = d->sum;
}

/* The block that starts with a row as it was, if none of its rows has changed. What has come behind them may
 * still belong to it. */
static bool take_kept_rows(struct drawing *d)
{
    struct time_row **rows = &d->table->rows[d->first];
    const struct block_rows *kept = rows[0]->block;

    if (d->s->window || !kept || kept->n == 0 || kept->n > d->table->n - d->first ||
        rows[kept->n - 1] != kept->last || time_rows_version(d->s->e, rows, kept->n) != kept->version)
        return false;
    d->block = kept->block;
    d->sum = kept->sum;
    d->version = kept->version;
    d->s->ok &= billed_bag_add(&d->billed, &kept->billed) == 0;
    d->end = d->next = d->first + kept->n;
    d->known = true;
    return true;
}

static void finish_block(struct drawing *d)
{
    if (d->block.entries == 0)
        return;
    if (!d->known)
        d->sum.duration_ms = oks_duration_ms(d->sum.totals.first, d->sum.totals.last);
    keep_rows(d);
    stats_add(d->s, block_object(d));
    measure_add(&d->all, &d->sum);
    d->s->ok &= billed_bag_add(&d->all_billed, &d->billed) == 0;
    billed_bag_clear(&d->billed);
}

/* The requests of the row that the window takes, as a range of its stamps. */
static void stamps_in_window(const struct stats *s, struct time_row *row, size_t *from, size_t *to)
{
    const uint32_t *stamps = time_row_stamps(row);

    *from = 0;
    *to = row->n_stamps;
    for (; s->window && *from < *to; ++*from) {
        int64_t ms = row->start * 1000 + stamps[*from];

        if (oks_stamp_is_none(s->w.since) || (times_key(ms / 1000) | (uint64_t)(ms % 1000)) >= s->w.since.key)
            break;
    }
    for (; s->window && *from < *to; --*to) {
        int64_t ms = row->start * 1000 + stamps[*to - 1];

        if (oks_stamp_is_none(s->w.until) || (times_key(ms / 1000) | (uint64_t)(ms % 1000)) <= s->w.until.key)
            break;
    }
}

static void start_block(struct drawing *d, size_t first)
{
    measure_start(&d->sum);
    d->first = first;
    d->version = 0;
    d->known = false;
}

/* All requests of a half lie in one block: see times.h. */
static void add_half(struct drawing *d, size_t i)
{
    struct time_row *row = d->table->rows[i];
    const struct billed_bag *billed;
    struct billed_bag room = {0};
    struct block before = d->block;
    int64_t gap_start, gap_end;
    struct measure m;
    size_t from, to;

    if (!times_row_in_window(d->s, row, &m, &billed, &room))
        return;
    stamps_in_window(d->s, row, &from, &to);
    if (from < to) {
        const uint32_t *stamps = time_row_stamps(row);
        int64_t first = row->start * 1000 + stamps[from], last = row->start * 1000 + stamps[to - 1];
        struct block next = d->block;

        if (block_add(&next, first)) {
            finish_block(d);
            if (block_gap(&before, first, &gap_start, &gap_end))
                add_gap(d->s, gap_start, gap_end);
            start_block(d, i);
            if (take_kept_rows(d))
                return; /* `room` is empty without a window */
        }
        next.last = last;
        next.entries += to - from - 1;
        d->block = next;
    }
    if (d->block.entries && row->start * 1000 <= block_end(&d->block) &&
        (row->id % 2 == 0 || row->start * 1000 < block_end(&d->block))) {
        m.mtime_ns = 0;
        measure_add(&d->sum, &m);
        d->version = row->version > d->version ? row->version : d->version;
        d->s->ok &= billed_bag_add(&d->billed, billed) == 0;
        d->end = i + 1;
        d->known = false;
    }
    billed_bag_clear(&room);
}

void stats_blocks(struct stats *s)
{
    struct drawing d = {.s = s, .table = &s->e->times.tables[TIMES_HALVES]};

    measure_start(&d.sum);
    measure_start(&d.all);
    for (size_t i = 0; s->ok && i < d.table->n; i = d.next) {
        d.next = i + 1;
        add_half(&d, i);
    }
    if (s->ok)
        finish_block(&d);
    if (s->ok)
        stats_add_rest(s, "outside", &d.all, &d.all_billed);
    billed_bag_clear(&d.billed);
    billed_bag_clear(&d.all_billed);
}
