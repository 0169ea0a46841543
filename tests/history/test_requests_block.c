/* Packed rows and ids at their limits: what is packed comes back, and fits. */
#include <stdlib.h>
#include <string.h>

#include "history/requests_block.h"
#include "tap.h"

static char longest[REQUEST_ID_MAX + 1];

static void same(const struct request_row *a, const struct request_row *b)
{
    const struct oks_request *p = &a->request, *q = &b->request;

    ck_assert_uint_eq(p->spend.input, q->spend.input);
    ck_assert_uint_eq(p->spend.output, q->spend.output);
    ck_assert_uint_eq(p->spend.cache_5m, q->spend.cache_5m);
    ck_assert_uint_eq(p->spend.cache_1h, q->spend.cache_1h);
    ck_assert_uint_eq(p->spend.cache_read, q->spend.cache_read);
    ck_assert_uint_eq(p->spend.web_searches, q->spend.web_searches);
    ck_assert_uint_eq(p->spend.context, q->spend.context);
    ck_assert_int_eq(p->spend.speed, q->spend.speed);
    ck_assert_int_eq(p->spend.geo, q->spend.geo);
    ck_assert_int_eq(p->spend.tier, q->spend.tier);
    ck_assert_uint_eq(p->tool_uses, q->tool_uses);
    ck_assert_int_eq(p->sidechain, q->sidechain);
    ck_assert_int_eq(p->settled, q->settled);
    ck_assert_int_eq(p->part, q->part);
    ck_assert_int_eq(p->free, q->free);
    ck_assert_int_eq(p->doubtful, q->doubtful);
    ck_assert_int_eq(p->second_hand, q->second_hand);
    ck_assert_int_eq(p->alias, q->alias);
    ck_assert_int_eq(p->restamped, q->restamped);
    ck_assert_int_eq(oks_stamp_cmp(p->stamp, q->stamp), 0);
    ck_assert_uint_eq(a->history, b->history);
    ck_assert_uint_eq(a->first, b->first);
    ck_assert_uint_eq(a->line, b->line);
    ck_assert_uint_eq(a->model, b->model);
    ck_assert_uint_eq(a->agent, b->agent);
}

static size_t there_and_back(const struct request_row *rows, size_t n)
{
    struct requests_block *block = requests_block_pack(rows, n);
    struct request_row back[REQUESTS_BLOCK];
    uint8_t *bytes = malloc(REQUESTS_BLOCK_MAX);
    size_t len = requests_block_pack_into(rows, n, bytes);

    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(block->len, len);
    ck_assert_uint_le(len, REQUESTS_BLOCK_MAX);
    ck_assert_uint_ge(len, n * REQUESTS_ROW_MIN);
    ck_assert_mem_eq(block->bytes, bytes, len);
    free(bytes);
    memset(back, 0x5a, sizeof(back));
    requests_block_unpack(block, back, n);
    for (size_t i = 0; i < n; i++) {
        same(&rows[i], &back[i]);
        ck_assert_ptr_null(back[i].message_id.ptr);
    }
    free(block);
    return len;
}

/* The most that a row can say; every other one far from the one before. */
static struct request_row greatest(size_t i)
{
    uint64_t far = i % 2 ? 0 : UINT64_MAX;

    return (struct request_row){
        .request = {.stamp = {OKS_STAMP_KEY_TEXT, longest, REQUEST_ID_MAX},
                    .spend = {.input = UINT64_MAX,
                              .output = UINT64_MAX,
                              .cache_5m = UINT64_MAX,
                              .cache_1h = UINT64_MAX,
                              .cache_read = UINT64_MAX,
                              .web_searches = UINT64_MAX,
                              .context = UINT64_MAX,
                              .speed = OKS_SPEED_FAST,
                              .geo = OKS_GEO_US,
                              .tier = OKS_TIER_BATCH},
                    .tool_uses = UINT64_MAX,
                    .sidechain = true,
                    .settled = true,
                    .part = OKS_PARTS - 1,
                    .free = true,
                    .doubtful = true,
                    .second_hand = true},
        .history = far,
        .first = far,
        .line = ~far,
        .model = (unsigned)(i % 2 ? UINT32_MAX : 0),
        .agent = (unsigned)(i % 2 ? UINT32_MAX : 0),
    };
}

START_TEST(the_greatest_rows_fit)
{
    struct request_row rows[REQUESTS_BLOCK];

    memset(longest, 's', REQUEST_ID_MAX);
    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        rows[i] = greatest(i);
    there_and_back(rows, REQUESTS_BLOCK);
}
END_TEST

START_TEST(the_least_rows_are_small)
{
    struct request_row rows[REQUESTS_BLOCK] = {0};
    size_t len;

    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        rows[i].request.tool_uses = 1;
    len = there_and_back(rows, REQUESTS_BLOCK);
    ck_assert_uint_le(len, REQUESTS_BLOCK * 10);
    ck_assert_uint_eq(there_and_back(rows, 0), 0);
}
END_TEST

static void set_member(struct request_row *row, unsigned which, uint64_t value)
{
    struct oks_request *r = &row->request;
    uint64_t *const numbers[] = {&r->spend.input,    &r->spend.output,     &r->spend.cache_5m,
                                 &r->spend.cache_1h, &r->spend.cache_read, &r->spend.web_searches,
                                 &r->tool_uses,      &row->history,        &row->first,
                                 &row->line};
    bool *const flags[] = {&r->sidechain,   &r->settled, &r->doubtful,
                           &r->second_hand, &r->alias,   &r->restamped};

    if (which < 10)
        *numbers[which] = value;
    else if (which < 16)
        *flags[which - 10] = true;
    else if (which == 16)
        r->stamp = oks_stamp_of(OKS_SLICE("2026-06-10T01:02:03.004Z"));
    else if (which == 17)
        r->stamp = oks_stamp_of(OKS_SLICE("10 June"));
    else if (which == 18)
        row->model = (unsigned)value;
    else if (which == 19)
        row->agent = (unsigned)value;
    else if (which == 20)
        r->spend.speed = OKS_SPEED_FAST;
    else if (which == 21)
        r->spend.geo = OKS_GEO_US;
    else if (which < 26)
        r->spend.tier = (enum oks_tier)(which - 22);
    else if (which == 26)
        r->spend.context = value;
    else if (which == 27)
        r->free = true;
    else
        r->part = (enum oks_part)(which - 28);
}

/* One member after the other, alone: nothing of it is in the next row. */
START_TEST(each_member_comes_back_alone)
{
    for (unsigned which = 0; which < 28 + OKS_PARTS; which++)
        for (unsigned shift = 0; shift < 64; shift += 7) {
            uint64_t value = UINT64_C(1) << shift;
            struct request_row rows[3];

            for (size_t i = 0; i < 3; i++)
                rows[i] = (struct request_row){.request = {.tool_uses = 1, .stamp = OKS_STAMP_NONE}};
            set_member(&rows[1], which, value);
            there_and_back(rows, 3);
        }
}
END_TEST

START_TEST(ids_of_every_length)
{
    char text[REQUEST_ID_MAX];
    struct requests_block *ids;

    memset(text, 'i', sizeof(text));
    for (size_t from = 0; from <= REQUEST_ID_MAX; from++) {
        struct request_row rows[REQUESTS_BLOCK] = {0}, back[REQUESTS_BLOCK];

        for (size_t i = 0; i < REQUESTS_BLOCK; i++) {
            size_t len = from + i < REQUEST_ID_MAX ? from + i : REQUEST_ID_MAX;

            rows[i].message_id = (struct oks_slice){text, len};
            rows[i].request_id = (struct oks_slice){text, REQUEST_ID_MAX - len / 2};
        }
        rows[from % REQUESTS_BLOCK].ids_forgotten = true;
        ck_assert_int_eq(requests_ids_pack(rows, REQUESTS_BLOCK, &ids), 0);
        requests_ids_unpack(ids, back, REQUESTS_BLOCK);
        for (size_t i = 0; i < REQUESTS_BLOCK; i++) {
            ck_assert_int_eq(back[i].ids_forgotten, rows[i].ids_forgotten);
            if (rows[i].ids_forgotten) {
                ck_assert_ptr_null(back[i].message_id.ptr);
                continue;
            }
            ck_assert_uint_eq(back[i].message_id.len, rows[i].message_id.len);
            ck_assert_uint_eq(back[i].request_id.len, rows[i].request_id.len);
            if (rows[i].message_id.len)
                ck_assert_mem_eq(back[i].message_id.ptr, text, rows[i].message_id.len);
            ck_assert_mem_eq(back[i].request_id.ptr, text, rows[i].request_id.len);
        }
        free(ids);
    }
}
END_TEST

START_TEST(the_longest_ids_fit)
{
    struct request_row rows[REQUESTS_BLOCK] = {0};
    char text[REQUEST_ID_MAX];
    struct requests_block *ids;

    memset(text, 'i', sizeof(text));
    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        rows[i].message_id = rows[i].request_id = (struct oks_slice){text, sizeof(text)};
    ck_assert_int_eq(requests_ids_pack(rows, REQUESTS_BLOCK, &ids), 0);
    ck_assert_uint_eq(ids->len, REQUESTS_BLOCK * 2 * (REQUEST_ID_MAX + 2));
    free(ids);
}
END_TEST

START_TEST(forgotten_ids_take_nothing)
{
    struct request_row rows[2] = {{.ids_forgotten = true}, {.ids_forgotten = true}}, back[2];
    struct requests_block *ids = (struct requests_block *)rows;

    ck_assert_int_eq(requests_ids_pack(rows, 2, &ids), 0);
    ck_assert_ptr_null(ids);
    requests_ids_unpack(NULL, back, 2);
    ck_assert(back[0].ids_forgotten && back[1].ids_forgotten);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("requests_block");

    TEST(suite, the_greatest_rows_fit);
    TEST(suite, the_least_rows_are_small);
    TEST(suite, each_member_comes_back_alone);
    TEST(suite, ids_of_every_length);
    TEST(suite, the_longest_ids_fit);
    TEST(suite, forgotten_ids_take_nothing);
    return tap_run(suite);
}
