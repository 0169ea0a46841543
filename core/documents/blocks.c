/*
 * stats/blocks.json: blocks of five hours (time/blocks.h), made from billed requests.
 *
 * A block's thirteen counts are those of the events from its full hour to its end. A block is one span of
 * time, so its durationMs is from the first of these events to the last. The current block also has its rate,
 * and a projection to its end.
 *
 * The text of a block is kept with its first half hour until one of its halves changes: the halves from there
 * to the next block say all that it depends on. So that this shows, the others of them get a text without
 * bytes (struct row_text), and a half that was first before loses its own.
 */
#include "documents/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "documents/document.h"
#include "documents/parts.h"
#include "documents/timeline_window.h"
#include "time/blocks.h"

enum { MINUTE_MS = 60000, MINUTES_PER_HOUR = 60 };
enum { KEPT_MAX = 20000 }; /* halves beyond which no block keeps its text */

struct drawing {
    struct stats *s;
    const struct time_table *table;
    struct block block; /* entries 0: none yet */
    size_t first;       /* the half that it starts in */
    struct measure sum; /* of the block, as the next one; not if blocks are picked */
    struct billed_bag billed;
    struct billed_sum bill;   /* the same, if blocks are picked */
    struct kept_blocks *kept; /* if blocks are picked; NULL: ENOMEM */
    struct measure all;       /* of all blocks */
    struct billed_bag all_billed;
};

static void bill_of(const struct drawing *d, struct billed_sum *out)
{
    if (d->s->picked)
        *out = d->bill;
    else
        billed_bag_total(&d->billed, out);
}

/* The rate from the first request to the last, and the projection at that rate. */
struct rates {
    uint64_t tokens_per_minute, tokens_at_end, minutes_left;
    struct billed_sum hour, end; /* of these the costs */
};

/* False: there is one request, and so no rate. */
static bool rates_of(const struct drawing *d, struct rates *out)
{
    const struct block *b = &d->block;
    uint64_t span = (uint64_t)(b->last - b->first),
             left = (uint64_t)(block_end(b) - d->s->now_ms) / MINUTE_MS;
    unsigned __int128 tokens, future = (unsigned __int128)left * MINUTE_MS;
    struct billed_sum sum;

    if (span == 0)
        return false;
    bill_of(d, &sum);
    tokens = sum.input + sum.output + sum.cache_5m + sum.cache_1h;
    *out = (struct rates){document_tokens(tokens * MINUTE_MS / span),
                          document_tokens(tokens + tokens * future / span), left, sum, sum};
    out->hour.cost = sum.cost / span * (MINUTE_MS * MINUTES_PER_HOUR);
    out->end.cost = sum.cost + sum.cost * future / span;
    return true;
}

static void put_rates(const struct drawing *d)
{
    struct json *j = d->s->j;
    struct rates rates;

    if (!rates_of(d, &rates)) {
        json_put_null(j, "burnRate");
        json_put_null(j, "projection");
        return;
    }
    json_open_object(j, "burnRate");
    json_put_count(j, "tokensPerMinute", rates.tokens_per_minute);
    json_put_cost(j, "costUSDPerHour", &rates.hour);
    json_close_object(j);
    json_open_object(j, "projection");
    json_put_count(j, "totalTokens", rates.tokens_at_end);
    json_put_cost(j, "costUSD", &rates.end);
    json_put_count(j, "remainingMinutes", rates.minutes_left);
    json_close_object(j);
}

static void put_gap(struct stats *s, int64_t start, int64_t end)
{
    static const struct measure nothing = {
        .totals = {.first = {.key = OKS_STAMP_KEY_NONE}, .last = {.key = OKS_STAMP_KEY_NONE}}};

    if (s->picked)
        return;
    json_open_object(s->j, NULL);
    json_put_time(s->j, "key", start);
    json_put_time(s->j, "endTime", end);
    json_put_bool(s->j, "isGap", true);
    json_put_bool(s->j, "isActive", false);
    stats_put_counts(s, &nothing, &(struct billed_bag){0});
    json_close_object(s->j);
}

static void pick_block(const struct drawing *d, bool active)
{
    struct oks_row row = {.running = active};
    struct row_sum sum = {.counted = 0};
    char key[OKS_STAMP_TEXT];
    struct rates rates;

    bill_of(d, &sum.bill);
    oks_time_text(d->block.start, key);
    oks_time_text(block_end(&d->block), row.end);
    if (active && rates_of(d, &rates)) {
        row.has_rate = true;
        row.tokens_per_minute = rates.tokens_per_minute;
        row.tokens_at_end = rates.tokens_at_end;
        row.minutes_left = rates.minutes_left;
        document_cost_text(&rates.hour, row.cost_per_hour);
        document_cost_text(&rates.end, row.cost_at_end);
    }
    picked_add(d->s->picked, key, &sum, &row);
}

static void put_block(struct drawing *d)
{
    struct json *j = d->s->j;
    bool active = block_is_active(&d->block, d->s->now_ms);

    if (d->s->picked) {
        pick_block(d, active);
        return;
    }
    d->sum.duration_ms = oks_duration_ms(d->sum.totals.first, d->sum.totals.last);
    json_open_object(j, NULL);
    json_put_time(j, "key", d->block.start);
    json_put_time(j, "endTime", block_end(&d->block));
    json_put_time(j, "firstRequest", d->block.first);
    json_put_time(j, "lastRequest", d->block.last);
    json_put_bool(j, "isGap", false);
    json_put_bool(j, "isActive", active);
    if (active)
        put_rates(d);
    stats_put_counts(d->s, &d->sum, &d->billed);
    json_close_object(j);
}

static bool is_kept(const struct drawing *d)
{
    return !d->s->picked && !d->s->window && d->table->n <= KEPT_MAX &&
           !block_is_active(&d->block, d->s->now_ms);
}

/* Writes the block as it was written last; false: one of its halves has changed since. */
static bool put_kept_block(const struct drawing *d, size_t end)
{
    if (!d->table->rows[d->first]->text.ptr)
        return false;
    for (size_t i = d->first; i < end; i++)
        if (!d->table->rows[i]->text.len)
            return false;
    return stats_put_kept(d->s, &d->table->rows[d->first]->text);
}

static void put_and_keep_block(struct drawing *d, size_t end)
{
    size_t start = d->s->j->text.len;

    put_block(d);
    for (size_t i = d->first; i < end; i++) {
        row_text_clear(&d->table->rows[i]->text);
        d->table->rows[i]->text.len = i != d->first;
    }
    stats_keep(d->s, &d->table->rows[d->first]->text, start);
}

/* What was drawn of the last blocks, so that usually only the running one is drawn again. */
struct kept_blocks {
    uint64_t prices;  /* the version of the prices then */
    unsigned emptied; /* the timeline's */
    struct kept_block {
        struct block block;
        struct billed_sum bill;
    } items[OKS_ROWS_MAX]; /* ascending */
    size_t n;
};

static void keep_block(const struct drawing *d)
{
    struct kept_blocks *k = d->kept;

    if (!k)
        return;
    if (k->n == OKS_ROWS_MAX)
        memmove(k->items, k->items + 1, --k->n * sizeof(*k->items));
    k->items[k->n++] = (struct kept_block){d->block, d->bill};
}

/* `end`: the half behind its last one. */
static void finish_block(struct drawing *d, size_t end)
{
    if (d->block.entries == 0)
        return;
    if (!is_kept(d))
        put_block(d);
    else if (!put_kept_block(d, end))
        put_and_keep_block(d, end);
    keep_block(d);
    if (!d->s->picked) { /* for the rest */
        measure_add(&d->all, &d->sum);
        json_fail(d->s->j, billed_bag_add(&d->all_billed, &d->billed));
    }
    measure_start(&d->sum);
    billed_bag_clear(&d->billed);
    d->bill = (struct billed_sum){0};
}

static const uint32_t *stamps_of(struct time_row *row)
{
    return row->n_sorted == row->n_stamps ? row->stamps : time_row_stamps(row);
}

static int64_t ms_of(struct time_row *row, size_t i)
{
    return row->start * 1000 + stamps_of(row)[i];
}

/* The range of the row's stamps that lie in the window. */
static void stamps_in_window(const struct stats *s, struct time_row *row, size_t *from, size_t *to)
{
    const uint32_t *stamps = stamps_of(row);

    *from = 0;
    *to = row->n_stamps;
    for (; s->window && *from < *to; ++*from) {
        int64_t ms = row->start * 1000 + stamps[*from];

        if (oks_stamp_is_none(s->w.since) ||
            (timeline_key(ms / 1000) | (uint64_t)(ms % 1000)) >= s->w.since.key)
            break;
    }
    for (; s->window && *from < *to; --*to) {
        int64_t ms = row->start * 1000 + stamps[*to - 1];

        if (oks_stamp_is_none(s->w.until) ||
            (timeline_key(ms / 1000) | (uint64_t)(ms % 1000)) <= s->w.until.key)
            break;
    }
}

/* Begins a block with the first of these stamps of a half, or adds them to the one that there is. */
static void add_stamps(struct drawing *d, size_t half, size_t from, size_t to)
{
    struct time_row *row = d->table->rows[half];

    if (from < to) {
        const uint32_t *stamps = stamps_of(row);
        int64_t first = row->start * 1000 + stamps[from], gap_start, gap_end;
        struct block next = d->block;

        if (block_add(&next, first)) {
            finish_block(d, half);
            if (block_gap(&d->block, first, &gap_start, &gap_end))
                put_gap(d->s, gap_start, gap_end);
            d->first = half;
        }
        next.last = row->start * 1000 + stamps[to - 1];
        next.entries += to - from - 1;
        d->block = next;
    }
}

static bool is_behind(const struct drawing *d, const struct time_row *row)
{
    return row->start * 1000 > block_end(&d->block) ||
           (row->id % 2 != 0 && row->start * 1000 == block_end(&d->block));
}

static bool in_block(const struct drawing *d, const struct time_row *row)
{
    return d->block.entries && !is_behind(d, row);
}

/* Of a block that is picked only its bill is shown. */
static void add_half_picked(struct drawing *d, size_t half)
{
    struct time_row *row = d->table->rows[half];
    struct billed_sum sum;

    add_stamps(d, half, 0, row->n_stamps);
    if (!in_block(d, row))
        return;
    billed_bag_total(&row->billed, &sum);
    billed_add(&d->bill, &sum);
}

/* All requests of a half are in one block: see timeline.h. What is outside is left to the last row. */
static void add_half(struct drawing *d, size_t half)
{
    struct time_row *row = d->table->rows[half];
    const struct billed_bag *billed;
    struct billed_bag room = {0};
    struct measure m;
    size_t from, to;

    if (row->outside)
        return;
    if (d->s->picked) {
        add_half_picked(d, half);
        return;
    }
    if (!timeline_row_in_window(d->s, row, &m, &billed, &room))
        return;
    if (!document_goes_on(d->s->j)) {
        billed_bag_clear(&room);
        return;
    }
    stamps_in_window(d->s, row, &from, &to);
    add_stamps(d, half, from, to);
    if (in_block(d, row)) {
        m.mtime_ns = 0;
        measure_add(&d->sum, &m);
        json_fail(d->s->j, billed_bag_add(&d->billed, billed));
    }
    billed_bag_clear(&room);
}

/*
 * Of the last blocks only: where to begin. A request more than five hours behind the one before starts a
 * block, whatever came before, so what is before some of these need not be looked at.
 */
static size_t first_start(const struct time_table *table, size_t most)
{
    size_t starts = 0, at = table->n, next = table->n; /* of the last half with requests */

    while (at-- > 0) {
        struct time_row *row = table->rows[at];

        if (row->outside || row->n_stamps == 0)
            continue;
        if (next < table->n && ms_of(table->rows[next], 0) - ms_of(row, row->n_stamps - 1) > BLOCK_MS &&
            ++starts > most)
            return next;
        next = at;
    }
    return 0;
}

/* The half in which the first of the last blocks starts. */
static size_t first_half(const struct time_table *table, size_t most)
{
    size_t starts[OKS_ROWS_MAX], n = 0;
    struct block block = {0};

    for (size_t i = first_start(table, most); i < table->n && most; i++) {
        struct time_row *row = table->rows[i];

        if (row->outside || row->n_stamps == 0)
            continue;
        if (block_add(&block, ms_of(row, 0)))
            starts[n++ % most] = i;
        block.last = ms_of(row, row->n_stamps - 1);
    }
    return n == 0 ? table->n : n > most ? starts[n % most] : starts[0];
}

/*
 * The blocks that are as they were. A block depends on the requests up to its end, so these are all that end
 * before the first half that has changed. NULL: ENOMEM.
 */
static struct kept_blocks *unchanged_blocks(struct stats *s)
{
    struct timeline *tl = &s->model->timeline;
    struct kept_blocks *k = tl->blocks;

    if (!k)
        k = tl->blocks = calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    if (k->emptied != tl->emptied || k->prices != s->model->versions.prices)
        k->n = 0;
    while (k->n > 0 && block_end(&k->items[k->n - 1].block) / 1000 >= tl->halves_from)
        k->n--;
    k->emptied = tl->emptied;
    k->prices = s->model->versions.prices;
    tl->halves_from = INT64_MAX;
    return k;
}

static void draw_kept(struct drawing *d, const struct kept_block *kept)
{
    d->block = kept->block;
    d->bill = kept->bill;
}

/* Puts kept blocks. The last one of them is being drawn then: what is behind it may belong to it. Returns the
 * first half behind. */
static size_t put_kept(struct drawing *d)
{
    struct kept_blocks *k = d->kept;
    size_t at = d->table->n;

    for (size_t i = k->n - d->s->picked->most; i + 1 < k->n; i++) {
        draw_kept(d, &k->items[i]);
        put_block(d);
    }
    draw_kept(d, &k->items[--k->n]);
    while (at > 0 && is_behind(d, d->table->rows[at - 1]))
        at--;
    return at;
}

/* More blocks than are asked for, so that there are enough when the last ones change. */
static size_t begin_picked(struct drawing *d)
{
    size_t most = d->s->picked->most;

    d->kept = unchanged_blocks(d->s);
    if (d->kept && most > 0 && d->kept->n >= most)
        return put_kept(d);
    if (d->kept)
        d->kept->n = 0;
    return first_half(d->table, d->kept ? OKS_ROWS_MAX : most);
}

void stats_put_blocks(struct stats *s)
{
    const struct time_table *table = &s->model->timeline.tables[TIMELINE_HALVES];
    struct drawing d = {.s = s, .table = table};
    size_t first = s->picked ? begin_picked(&d) : 0;

    measure_start(&d.sum);
    measure_start(&d.all);
    for (size_t i = first; i < table->n && (s->picked || document_goes_on(s->j)); i++)
        add_half(&d, i);
    if (document_goes_on(s->j))
        finish_block(&d, table->n);
    if (!s->picked) /* no block */
        stats_put_rest(s, "outside", &d.all, &d.all_billed);
    billed_bag_clear(&d.billed);
    billed_bag_clear(&d.all_billed);
}
