/*
 * Billing by itself: two or three parts and a few rows, without a home folder.
 *
 * Every test holds what was posted against the sums that billing keeps, and against sums by hand.
 */
#include <errno.h>

#include "failing_calls.h"
#include "tap.h"

#include "billing/billing.h"
#include "billing/key_links.h"

enum { PARTS = 3 };

struct part {
    char path[8];
    struct oks_requests *rows;
    struct billing_part *billed;
    struct billed_sum posted, timed; /* all that was posted to it, and by time */
    size_t changes, leaves;
    size_t changed; /* the last row that changed */
};

static struct billing *billing;
static struct oks_intern names;
static struct oks_prices *prices;
static struct part parts[PARTS];
static bool no_places;

static int posted(void *ctx, void *owner, const char *model, const struct billed_sum *sum, bool comes)
{
    if (failing.call == CALL_NONE) { /* Check allocates */
        ck_assert_ptr_eq(ctx, &parts);
        ck_assert_ptr_eq(model, oks_intern(&names, model));
    }
    if (no_places && billed_is_zero(sum))
        return -ENOMEM;
    (comes ? billed_add : billed_take)(&((struct part *)owner)->posted, sum);
    return 0;
}

static void timed(void *ctx, void *owner, size_t i, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum, bool comes)
{
    (comes ? billed_add : billed_take)(&((struct part *)owner)->timed, sum);
}

static void row_changed(void *ctx, void *owner, size_t i, struct oks_stamp before)
{
    ((struct part *)owner)->changes++;
    ((struct part *)owner)->changed = i;
}

static int take_visit(void *ctx, const struct billing_visit *visit)
{
    billed_take(ctx, visit->sum);
    return 0;
}

static void leaves(void *ctx, void *owner)
{
    struct part *part = owner;

    part->leaves++;
    billing_each(billing, part->billed, 0, SIZE_MAX, take_visit, &part->timed);
    if (failing.call == CALL_NONE && part->rows && billing_part_rows(part->billed))
        ck_assert_uint_eq(billing_part_rows(part->billed), requests_len(part->rows)); /* still there */
}

static const struct billing_events events = {posted, timed, row_changed, leaves};

static void setup(void)
{
    memset(parts, 0, sizeof(parts));
    no_places = false;
    ck_assert_int_eq(billing_new(&billing, &names, &events, &parts), 0);
    ck_assert_int_eq(oks_prices_new(&prices, NULL, 0, NULL), 0);
    billing_reprice_begin(billing, prices);
    billing_reprice(billing);
    for (int i = 0; i < PARTS; i++) {
        snprintf(parts[i].path, sizeof(parts[i].path), "/%c", 'a' + i);
        ck_assert_int_eq(billing_part_new(&parts[i].billed, &parts[i], parts[i].path), 0);
    }
}

static void teardown(void)
{
    for (int i = 0; i < PARTS; i++) {
        billing_leave(billing, parts[i].billed);
        billing_part_free(parts[i].billed);
        oks_requests_free(parts[i].rows);
    }
    billing_free(billing);
    oks_prices_free(prices);
    oks_intern_clear(&names);
}

/* --- rows --- */

struct what {
    const char *id, *stamp, *model;
    uint64_t input, output;
    bool sidechain, second_hand, open, alias, restamped;
};

static struct oks_requests *store_of(const struct what *what, size_t n)
{
    struct oks_requests *rows;

    ck_assert_int_eq(oks_requests_new(&rows), 0);
    for (size_t i = 0; i < n; i++) {
        struct request_line line = {
            .request = {.key = request_key_of_id(oks_slice_of(what[i].id)),
                        .stamp = oks_stamp_of(
                            oks_slice_of(what[i].stamp ? what[i].stamp : "2026-06-10T01:00:00Z")),
                        .model = oks_slice_of(what[i].model ? what[i].model : "claude-opus-4-7"),
                        .spend = {.input = what[i].input, .output = what[i].output},
                        .sidechain = what[i].sidechain,
                        .second_hand = what[i].second_hand,
                        .alias = what[i].alias,
                        .restamped = what[i].alias || what[i].restamped,
                        .settled = !what[i].open},
            .offset = i * 100,
            .message_id = oks_slice_of(what[i].id),
        };

        ck_assert_int_eq(requests_add(rows, &line, i), 0);
    }
    return rows;
}

#define ROWS(...)                                \
    store_of((const struct what[]){__VA_ARGS__}, \
             sizeof((const struct what[]){__VA_ARGS__}) / sizeof(struct what))

static void enter(int i, struct oks_requests *rows)
{
    struct oks_requests *old = parts[i].rows;

    ck_assert_int_eq(billing_enter(billing, parts[i].billed, rows), 0);
    parts[i].rows = rows;
    oks_requests_free(old);
}

static void leave(int i)
{
    billing_leave(billing, parts[i].billed);
    oks_requests_free(parts[i].rows);
    parts[i].rows = NULL;
}

static bool same(const struct billed_sum *a, const struct billed_sum *b)
{
    struct billed_sum rest = *a;

    billed_take(&rest, b);
    return billed_is_zero(&rest) && rest.cost == 0 && rest.missing == 0 && rest.unpriced == 0;
}

static int add_visit(void *ctx, const struct billing_visit *visit)
{
    billed_add(ctx, visit->sum);
    return 0;
}

/* What the part owns in input tokens; and that all ways to ask say the same. */
static uint64_t owns(int i)
{
    struct billed_sum share, visited = {0}, owned = {0}, in_window;
    struct billed_bag window = {0};

    billed_bag_total(billing_share(parts[i].billed), &share);
    ck_assert(same(&share, &parts[i].posted));
    ck_assert(same(&share, &parts[i].timed));
    billing_each(billing, parts[i].billed, 0, SIZE_MAX, add_visit, &visited);
    ck_assert(same(&share, &visited));
    billing_each_owned(billing, parts[i].billed, 0, SIZE_MAX, add_visit, &owned);
    ck_assert(same(&share, &owned));
    ck_assert_int_eq(billing_window(billing, parts[i].billed, OKS_STAMP_NONE, OKS_STAMP_NONE, &window), 0);
    billed_bag_total(&window, &in_window);
    ck_assert(same(&share, &in_window));
    billed_bag_clear(&window);
    return (uint64_t)share.input;
}

static uint64_t all(void)
{
    struct billed_sum sum, parts_sum = {0};

    billed_bag_total(billing_all(billing), &sum);
    for (int i = 0; i < PARTS; i++)
        billed_add(&parts_sum, &parts[i].posted);
    ck_assert(same(&sum, &parts_sum));
    return (uint64_t)sum.input;
}

/* --- tests --- */

START_TEST(rows_that_are_alone_count)
{
    enter(0, ROWS({"m1", .input = 10}, {"m2", .input = 20}));
    enter(1, ROWS({"m3", .input = 5}));
    ck_assert_uint_eq(owns(0), 30);
    ck_assert_uint_eq(owns(1), 5);
    ck_assert_uint_eq(all(), 35);
    ck_assert_uint_eq(billing_requests(billing), 3);
    leave(0);
    ck_assert_uint_eq(owns(0), 0);
    ck_assert_uint_eq(all(), 5);
    ck_assert_uint_eq(billing_requests(billing), 1);
}
END_TEST

START_TEST(a_copy_counts_for_the_smaller_path)
{
    enter(1, ROWS({"m1", .input = 10, .output = 1}));
    ck_assert_uint_eq(owns(1), 10);
    enter(0, ROWS({"m1", .input = 10, .output = 1}));
    ck_assert_uint_eq(owns(0), 10);
    ck_assert_uint_eq(owns(1), 0);
    leave(0);
    ck_assert_uint_eq(owns(1), 10);
    ck_assert_uint_eq(all(), 10);
}
END_TEST

START_TEST(the_earlier_line_owns)
{
    enter(0, ROWS({"m1", "2026-06-10T02:00:00Z", .input = 10}));
    enter(1, ROWS({"m1", "2026-06-10T01:00:00Z", .input = 10}));
    ck_assert_uint_eq(owns(0), 0);
    ck_assert_uint_eq(owns(1), 10);
}
END_TEST

START_TEST(outside_a_side_chain_owns)
{
    enter(0, ROWS({"m1", "2026-06-10T01:00:00Z", .input = 10, .sidechain = true}));
    enter(1, ROWS({"m1", "2026-06-10T02:00:00Z", .input = 10}));
    ck_assert_uint_eq(owns(0), 0);
    ck_assert_uint_eq(owns(1), 10);
}
END_TEST

START_TEST(a_row_elsewhere_says_more)
{
    struct billing_ruling ruling;

    enter(0, ROWS({"m1", "2026-06-10T01:00:00Z", .input = 10, .output = 1}));
    ck_assert(!billing_has_substitutes(parts[0].billed));
    enter(1, ROWS({"m0", .input = 1}, {"m1", "2026-06-10T02:00:00Z", .input = 12, .output = 7}));
    ck_assert_uint_eq(owns(0), 12);
    ck_assert_uint_eq(owns(1), 1);
    ck_assert(billing_has_substitutes(parts[0].billed));
    ck_assert_int_eq(billing_ruling(billing, request_key_of_id(OKS_SLICE("m1")), &ruling), 0);
    ck_assert_ptr_eq(ruling.owner, &parts[0]);
    ck_assert_ptr_eq(ruling.winner, &parts[1]);
    ck_assert_str_eq(ruling.owner_path, "/a");
    ck_assert_str_eq(ruling.winner_path, "/b");
    ck_assert_uint_eq(ruling.line, 100);
    ck_assert_uint_eq(ruling.files, 2);
    ck_assert(!ruling.second_hand);
    leave(1);
    ck_assert_uint_eq(owns(0), 10);
    ck_assert(!billing_has_substitutes(parts[0].billed));
    ck_assert_int_eq(billing_ruling(billing, request_key_of_id(OKS_SLICE("m0")), &ruling), -ENOENT);
}
END_TEST

/* --- links --- */

static void link_rows(struct oks_requests *rows, const char *key, const char *to, enum request_link_kind kind)
{
    struct request_line line = {
        .request = {.key = request_key_of_id(oks_slice_of(key)), .settled = true, .part = OKS_PART_LINK},
        .offset = 1000};

    request_link_set(&line.request, request_key_of_id(oks_slice_of(to)), kind);
    ck_assert_int_eq(requests_add(rows, &line, 0), 0);
}

/* Whatever comes first and leaves first. */
START_TEST(linked_keys_are_one_request)
{
    for (int first = 0; first < PARTS; first++) {
        for (int i = 0; i < PARTS; i++) {
            int which = (first + i) % PARTS;
            struct oks_requests *rows =
                which == 0   ? ROWS({"k0", "2026-06-10T01:00:00Z", .input = 1, .output = 1})
                : which == 1 ? ROWS({"k1", "2026-06-10T02:00:00Z", .input = 2, .output = 2})
                             : ROWS({"k2", "2026-06-10T03:00:00Z", .input = 4, .output = 3});

            if (which == 1)
                link_rows(rows, "name", "k1", REQUEST_LINK_SAME);
            if (which == 2) {
                link_rows(rows, "name", "k2", REQUEST_LINK_SAME);
                link_rows(rows, "k0", "k2", REQUEST_LINK_SAME);
            }
            enter(which, rows);
        }
        ck_assert_uint_eq(owns(0), 4); /* the first one owns it, the greatest tells */
        ck_assert_uint_eq(all(), 4);
        leave(first);
        ck_assert_uint_eq(all(), first == 2 ? 3 : 4); /* the third one joined them all */
        ck_assert_uint_eq(owns(0) + owns(1) + owns(2), all());
        leave((first + 1) % PARTS);
        ck_assert_uint_eq(all(), first == 0 ? 4 : first == 1 ? 1 : 2);
        leave((first + 2) % PARTS);
        ck_assert_uint_eq(all(), 0);
    }
}
END_TEST

START_TEST(a_replay_needs_an_original)
{
    struct oks_requests *rows;

    for (int i = 0; i < 2; i++) {
        rows = i ? ROWS({"k1", .input = 2}) : ROWS({"k0", .input = 1});
        link_rows(rows, "said", i ? "k1" : "k0", REQUEST_LINK_REPLAY);
        enter(i, rows);
    }
    ck_assert_uint_eq(all(), 3); /* two agents that said the same */
    rows = ROWS({"k2", .input = 4, .output = 1});
    link_rows(rows, "said", "k2", REQUEST_LINK_ORIGINAL);
    enter(2, rows);
    ck_assert_uint_eq(all(), 4);
    ck_assert_uint_eq(owns(0) + owns(1) + owns(2), 4);
    leave(2);
    ck_assert_uint_eq(owns(0), 1);
    ck_assert_uint_eq(owns(1), 2);
}
END_TEST

START_TEST(a_link_that_is_not_finished_yet)
{
    struct oks_requests *tail = ROWS({"k2", .input = 4});

    enter(0, ROWS({"k1", .input = 1, .output = 9}));
    enter(1, ROWS({"k0", .input = 2}));
    link_rows(tail, "k1", "k2", REQUEST_LINK_SAME);
    link_rows(tail, "k0", "k2", REQUEST_LINK_SAME); /* its own row is one, for the time being */
    ck_assert_int_eq(billing_tail(billing, parts[1].billed, tail), 0);
    oks_requests_free(tail);
    ck_assert_uint_eq(all(), 1);
    ck_assert_int_eq(billing_untail(billing, parts[1].billed), 0);
    ck_assert_uint_eq(owns(0), 1);
    ck_assert_uint_eq(owns(1), 2);
}
END_TEST

START_TEST(so_many_keys_are_joined)
{
    struct oks_requests *rows[] = {ROWS({"k0", .input = 1}), ROWS({"k1", .input = 2, .output = 1})};
    char name[32];

    for (unsigned i = 0; i < LINKED_MAX + 100; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        link_rows(rows[0], name, "k0", REQUEST_LINK_SAME);
        link_rows(rows[1], name, "k1", REQUEST_LINK_SAME);
    }
    enter(0, rows[0]);
    enter(1, rows[1]);
    ck_assert_uint_eq(all(), 2);
    enter(2, ROWS({"n0", .input = 8}, {"n4195", .input = 4}));
    ck_assert_uint_eq(all(), 6);
    leave(0);
    leave(1);
    ck_assert_uint_eq(all(), 12);
}
END_TEST

/* Most links have a key that nothing else has: they join nothing, until another row comes. */
START_TEST(a_link_alone_joins_nothing)
{
    struct oks_requests *rows = ROWS({"k0", .input = 1, .output = 9});

    link_rows(rows, "u0", "k0", REQUEST_LINK_SAME);
    enter(0, rows);
    rows = ROWS({"k1", .input = 2});
    link_rows(rows, "u1", "k1", REQUEST_LINK_SAME);
    enter(1, rows);
    ck_assert_uint_eq(all(), 3);
    rows = ROWS({"k2", .input = 4});
    link_rows(rows, "u1", "k2", REQUEST_LINK_SAME);
    link_rows(rows, "u0", "k2", REQUEST_LINK_SAME);
    enter(2, rows);
    ck_assert_uint_eq(all(), 1);
    leave(2);
    ck_assert_uint_eq(all(), 3);
}
END_TEST

START_TEST(second_hand_is_in_no_sum)
{
    struct billed_sum share;

    enter(0, ROWS({"m1", .input = 10, .second_hand = true}));
    billed_bag_total(billing_share(parts[0].billed), &share);
    ck_assert_uint_eq((uint64_t)share.second_hand, 1);
    ck_assert_uint_eq((uint64_t)share.requests, 0);
    ck_assert_uint_eq(owns(0), 0);
    enter(1, ROWS({"m1", .input = 10, .output = 3}));
    ck_assert_uint_eq(owns(0), 0);
    ck_assert_uint_eq(owns(1), 10);
    billed_bag_total(billing_share(parts[0].billed), &share);
    ck_assert_uint_eq((uint64_t)share.second_hand, 0);
}
END_TEST

START_TEST(what_has_an_alias_is_no_request)
{
    struct billing_ruling ruling;
    struct billed_sum sum;

    enter(0, ROWS({"t1", "2026-06-10T01:00:00Z", .input = 10, .output = 9, .restamped = true}));
    ck_assert_uint_eq(owns(0), 10);
    parts[0].changes = 0;
    enter(1, ROWS({"r1", "2026-06-10T02:00:00Z", .input = 10, .restamped = true},
                  {"t1", "2026-06-10T02:00:00Z", .alias = true}));
    ck_assert_uint_eq(owns(0), 0);
    ck_assert_uint_eq(owns(1), 10);
    ck_assert_uint_ge(parts[0].changes, 1);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq(sum.requests, 1);
    ck_assert(!billed_is_lower_bound(&sum));
    ck_assert_int_eq(billing_ruling(billing, request_key_of_id(OKS_SLICE("t1")), &ruling), 0);
    ck_assert(ruling.alias);
    ck_assert_ptr_eq(ruling.owner, &parts[1]); /* although it is later */
    leave(1);
    ck_assert_uint_eq(owns(0), 10);
}
END_TEST

/* Both lines may be in one store, the count first. */
START_TEST(an_alias_may_come_after_its_row)
{
    struct oks_requests *gain = ROWS({"r1", .input = 10}, {"t1", .alias = true});

    enter(0, ROWS({"t1", .input = 10, .restamped = true}));
    parts[0].changes = 0;
    ck_assert_int_eq(billing_gain(billing, parts[0].billed, gain), 0);
    ck_assert_uint_eq(owns(0), 10);
    ck_assert_uint_eq(parts[0].changes, 1); /* t1 may have been sent */
    ck_assert_uint_eq(parts[0].changed, 0);
    oks_requests_free(gain);
}
END_TEST

START_TEST(of_restamped_copies_the_earliest_counts)
{
    struct billed_bag window = {0};
    struct billed_sum sum;

    enter(0, ROWS({"m1", "2026-06-10T03:00:00Z", .input = 10, .restamped = true}));
    enter(1, ROWS({"m1", "2026-06-10T01:00:00Z", .input = 10, .restamped = true, .sidechain = true}));
    enter(2, ROWS({"m1", "2026-06-10T02:00:00Z", .input = 10, .restamped = true}));
    ck_assert_uint_eq(owns(1), 10);
    ck_assert_int_eq(billing_window(billing, parts[1].billed, oks_stamp_of(OKS_SLICE("2026-06-10T00:30:00Z")),
                                    oks_stamp_of(OKS_SLICE("2026-06-10T01:30:00Z")), &window),
                     0);
    billed_bag_total(&window, &sum);
    ck_assert_uint_eq(sum.requests, 1);
    billed_bag_clear(&window);
    leave(1);
    ck_assert_uint_eq(owns(2), 10);
}
END_TEST

/* --- what others own --- */

static int add_key(void *ctx, uint64_t key)
{
    *(uint64_t *)ctx += key;
    return 0;
}

/* The part's sum of keys, as rulings and as a visit of each say it too. */
static uint64_t foreign(int i)
{
    uint64_t ruled = 0, visited = 0;

    for (size_t k = 0; k < billing_part_rows(parts[i].billed); k++) {
        uint64_t key = requests_key(parts[i].rows, k);
        struct billing_ruling ruling;

        ck_assert_int_eq(billing_ruling(billing, key, &ruling), 0);
        ruled += ruling.owner == &parts[i] ? 0 : key;
    }
    ck_assert_int_eq(billing_each_foreign(billing, parts[i].billed, add_key, &visited), 0);
    ck_assert_uint_eq(visited, ruled);
    ck_assert_uint_eq(billing_foreign(parts[i].billed), ruled);
    return ruled;
}

static struct oks_requests *any_rows(unsigned *seed, unsigned most)
{
    static char ids[8][4], stamps[8][32];
    struct what what[8];
    size_t n = 0;

    for (unsigned id = 0; id < 6 && n < most; id++) {
        unsigned dice = (unsigned)rand_r(seed);

        if (dice % 3 == 0)
            continue;
        sprintf(ids[n], "m%u", id);
        sprintf(stamps[n], "2026-06-10T0%u:00:00Z", dice / 4 % 4);
        what[n] = (struct what){.id = ids[n],
                                .stamp = stamps[n],
                                .input = 1,
                                .output = dice / 64 % 3,
                                .sidechain = dice / 256 % 4 == 0,
                                .alias = dice / 1024 % 5 == 0,
                                .restamped = id % 2};
        n++;
    }
    return store_of(what, n);
}

START_TEST(what_others_own_is_known_at_any_time)
{
    unsigned seed = 1, any = 0;

    for (int round = 0; round < 3000; round++) {
        int i = rand_r(&seed) % PARTS;
        struct oks_requests *more = any_rows(&seed, 8);

        switch (parts[i].rows ? rand_r(&seed) % 4 : 0) {
        case 0:
            enter(i, more);
            more = NULL;
            break;
        case 1:
            leave(i);
            break;
        case 2:
            ck_assert_int_eq(billing_gain(billing, parts[i].billed, more), 0);
            break;
        case 3:
            ck_assert_int_eq(billing_tail(billing, parts[i].billed, more), 0);
            for (int k = 0; k < PARTS; k++)
                foreign(k);
            ck_assert_int_eq(billing_untail(billing, parts[i].billed), 0);
            break;
        }
        oks_requests_free(more);
        for (int k = 0; k < PARTS; k++)
            any += foreign(k) != 0;
    }
    ck_assert_uint_gt(any, 1000);
}
END_TEST

START_TEST(what_comes_on_top_merges)
{
    struct oks_requests *gain;

    enter(0, ROWS({"m1", .input = 10, .output = 1, .open = true}));
    gain = ROWS({"m1", .input = 11, .output = 2}, {"m2", .input = 5});
    ck_assert_int_eq(billing_gain(billing, parts[0].billed, gain), 0);
    oks_requests_free(gain);
    ck_assert_uint_eq(owns(0), 16);
    ck_assert_uint_eq(billing_part_rows(parts[0].billed), 2);
    ck_assert_uint_eq(parts[0].changes, 1);
    ck_assert_uint_eq(parts[0].changed, 0);
    gain = ROWS({"m1", .input = 9, .output = 1});
    ck_assert_int_eq(billing_gain(billing, parts[0].billed, gain), 0);
    oks_requests_free(gain);
    ck_assert_uint_eq(owns(0), 16); /* less output: the old values stay */
}
END_TEST

START_TEST(an_unfinished_line_is_taken_back)
{
    struct oks_requests *tail = ROWS({"m1", .input = 30, .output = 9}, {"m2", .input = 5});

    enter(0, ROWS({"m1", .input = 10, .output = 1}));
    enter(1, ROWS({"m2", "2026-06-10T02:00:00Z", .input = 4}));
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(billing_tail(billing, parts[0].billed, tail), 0);
        ck_assert_uint_eq(owns(0), 34); /* m2's row in the other part says the same output, later */
        ck_assert_uint_eq(owns(1), 0);
        ck_assert_int_eq(billing_untail(billing, parts[0].billed), 0);
        ck_assert_uint_eq(owns(0), 10);
        ck_assert_uint_eq(owns(1), 4);
        ck_assert_uint_eq(all(), 14);
    }
    oks_requests_free(tail);
}
END_TEST

START_TEST(a_reader_hears_of_other_verdicts_only)
{
    enter(0, ROWS({"m1", "2026-06-10T01:00:00Z", .input = 10, .output = 1}));
    parts[0].changes = 0;
    enter(1, ROWS({"m1", "2026-06-10T02:00:00Z", .input = 9})); /* neither owns nor says more */
    ck_assert_uint_eq(parts[0].changes, 0);
    ck_assert_uint_eq(parts[1].changes, 0);
    enter(2, ROWS({"m1", "2026-06-10T00:00:00Z", .input = 9}));
    ck_assert_uint_eq(parts[0].changes, 1);
    ck_assert_uint_eq(parts[2].changes, 1);
    ck_assert_uint_eq(owns(2), 10); /* the owner is another, the row that says it is not */
}
END_TEST

START_TEST(windows)
{
    struct oks_stamp one = oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00Z")),
                     two = oks_stamp_of(OKS_SLICE("2026-06-10T02:00:00Z"));
    struct billed_bag bag = {0};
    struct billed_sum sum;

    enter(0, ROWS({"m1", "2026-06-10T00:59:59Z", .input = 1}, {"m2", "2026-06-10T01:00:00Z", .input = 2},
                  {"m3", "2026-06-10T02:00:00Z", .input = 4, .output = 1},
                  {"m4", "2026-06-10T02:00:01Z", .input = 8}));
    enter(1, ROWS({"m2", "2026-06-10T02:30:00Z", .input = 16, .output = 2}));
    ck_assert_int_eq(billing_window(billing, parts[0].billed, one, two, &bag), 0);
    billed_bag_total(&bag, &sum);
    /* m2 is told by the later row, whose time is outside. */
    ck_assert_uint_eq((uint64_t)sum.input, 4);
    billed_bag_clear(&bag);
    ck_assert_int_eq(billing_window(billing, parts[0].billed, one, OKS_STAMP_NONE, &bag), 0);
    billed_bag_total(&bag, &sum);
    ck_assert_uint_eq((uint64_t)sum.input, 4 + 8 + 16);
    billed_bag_clear(&bag);
}
END_TEST

START_TEST(other_prices)
{
    static const char user[] =
        "{\"new-model\":{\"input_cost_per_token\":0.000001,\"output_cost_per_token\":0}}";
    struct oks_prices *other;
    struct billed_sum sum;

    enter(0, ROWS({"m1", .model = "new-model", .input = 10}, {"m2", .input = 1}));
    enter(1, ROWS({"m1", "2026-06-10T02:00:00Z", .model = "new-model", .input = 20, .output = 1}));
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq((uint64_t)sum.unpriced, 1);
    ck_assert_int_eq(oks_prices_new(&other, user, strlen(user), NULL), 0);
    billing_reprice_begin(billing, other);
    for (int i = 0; i < PARTS; i++) { /* the caller does the same with his sums */
        parts[i].posted.cost = parts[i].posted.missing = parts[i].posted.unpriced = 0;
        parts[i].timed.cost = parts[i].timed.missing = parts[i].timed.unpriced = 0;
    }
    billing_reprice(billing);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq((uint64_t)sum.unpriced, 0);
    ck_assert_uint_eq((uint64_t)sum.cost, 20 * UINT64_C(1000000) + 5 * UINT64_C(1000000));
    ck_assert_uint_eq(owns(0), 21);
    all();
    leave(1);
    ck_assert_uint_eq(owns(0), 11);
    leave(0);
    oks_prices_free(other);
}
END_TEST

/* A price that changes on a date: what is added at first, by repricing and what is subtracted are the same.
 */
START_TEST(prices_of_their_time)
{
    static const char user[] =
        "{\"m\": {\"input_cost_per_token\": 2e-06, \"output_cost_per_token\": 0, \"valid_from\": "
        "\"2026-06-10\","
        " \"earlier\": [{\"input_cost_per_token\": 1e-06, \"valid_until\": \"2026-06-09\"}]}}";
    struct oks_prices *other;
    struct billed_sum sum;

    ck_assert_int_eq(oks_prices_new(&other, user, strlen(user), NULL), 0);
    billing_reprice_begin(billing, other);
    billing_reprice(billing);
    enter(0, ROWS({"m1", "2026-06-09T23:59:59Z", "m", .input = 100},
                  {"m2", "2026-06-10T00:00:00Z", "m", .input = 10},
                  {"m3", "2026-06-09T01:00:00Z", "m", .input = 1}));
    /* m3 is told by another transcript's row, at a time of another form. */
    enter(1, ROWS({"m3", "2026-06-10T01:00:00+09:00", "m", .input = 1000, .output = 1}));
    owns(0);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq((uint64_t)sum.cost, (100 + 20 + 1000) * UINT64_C(1000000));
    ck_assert_uint_eq((uint64_t)sum.unpriced, 1); /* the older price has none for output */
    billing_reprice_begin(billing, other);
    for (int i = 0; i < PARTS; i++) {
        parts[i].posted.cost = parts[i].posted.missing = parts[i].posted.unpriced = 0;
        parts[i].timed.cost = parts[i].timed.missing = parts[i].timed.unpriced = 0;
    }
    billing_reprice(billing);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq((uint64_t)sum.cost, (100 + 20 + 1000) * UINT64_C(1000000));
    owns(0);
    leave(1);
    owns(0);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert_uint_eq((uint64_t)sum.cost, (100 + 20 + 1) * UINT64_C(1000000));
    leave(0);
    billed_bag_total(billing_all(billing), &sum);
    ck_assert(sum.cost == 0 && sum.missing == 0 && sum.unpriced == 0);
    oks_prices_free(other);
}
END_TEST

START_TEST(without_memory_nothing_is_posted)
{
    struct oks_requests *rows = ROWS({"m1", .input = 10});

    no_places = true;
    ck_assert_int_eq(billing_enter(billing, parts[0].billed, rows), -ENOMEM);
    billing_leave(billing, parts[0].billed);
    no_places = false;
    oks_requests_free(rows);
    ck_assert_uint_eq(all(), 0);
    ck_assert_uint_eq(billing_requests(billing), 0);
    enter(0, ROWS({"m1", .input = 10}));
    ck_assert_uint_eq(owns(0), 10);
}
END_TEST

/* Three transcripts, of which two stay: copies of requests, a better row elsewhere, perhaps linked keys. */
static void enter_copies(bool linked)
{
    struct oks_requests *rows;

    enter(0, ROWS({"m1", .input = 10}, {"m2", .input = 100}, {"k0", "2026-06-10T00:00:00Z", .input = 1000}));
    rows = ROWS({"m1", .input = 11, .output = 1}, {"m2", .input = 100}, {"k1", .input = 1001, .output = 1});
    if (linked)
        link_rows(rows, "name", "k1", REQUEST_LINK_SAME);
    enter(1, rows);
    rows = ROWS({"m1", .input = 12, .output = 2}, {"m2", .input = 101, .output = 1}, {"k2", .input = 1002});
    if (linked)
        link_rows(rows, "name", "k2", REQUEST_LINK_SAME);
    if (linked)
        link_rows(rows, "k0", "k2", REQUEST_LINK_SAME);
    enter(2, rows);
}

/* What they own, and that others own is known, but for links, which nobody owns. */
static void check_owned(bool linked, const uint64_t want[PARTS])
{
    for (int i = 0; i < PARTS; i++) {
        ck_assert_uint_eq(owns(i), want[i]);
        if (!linked)
            foreign(i);
    }
}

static void fail_leaving(int leaving, bool linked)
{
    uint64_t want[PARTS];
    long failed = 1;

    enter_copies(linked);
    leave(leaving);
    for (int i = 0; i < PARTS; i++)
        want[i] = owns(i);
    for (long k = 1; failed; k++) {
        enter_copies(linked);
        calls_fail(CALL_ALLOCATE, k, k, ENOMEM);
        billing_leave(billing, parts[leaving].billed);
        failed = calls_succeed();
        leave(leaving);
        ck_assert_int_eq(billing_settle(billing), 0);
        check_owned(linked, want);
    }
    ck_assert_uint_gt(want[0] + want[1] + want[2], 1000);
}

START_TEST(what_fails_when_one_leaves_is_decided_later)
{
    for (int leaving = 0; leaving < PARTS; leaving++) {
        fail_leaving(leaving, false);
        fail_leaving(leaving, true);
    }
}
END_TEST

/* In whatever order parts come, go and grow: the sums depend on what is there alone. */
START_TEST(order_does_not_matter)
{
    uint64_t seed = 7, expected[PARTS] = {0};

    for (int round = 0; round < 200; round++) {
        int first = (int)(seed % PARTS);

        for (int k = 0; k < PARTS; k++) {
            int i = (first + (round % 2 ? k : PARTS - k)) % PARTS;

            enter(i, ROWS({"m1", i == 1 ? "2026-06-10T00:00:00Z" : NULL, .input = 10 + (uint64_t)i,
                           .output = (uint64_t)i},
                          {i == 2 ? "m3" : "m2", .input = 100}, {"m4", .input = 1000, .sidechain = i == 0}));
            if (seed >> k & 1)
                enter(i,
                      ROWS({"m1", i == 1 ? "2026-06-10T00:00:00Z" : NULL, .input = 10 + (uint64_t)i,
                            .output = (uint64_t)i},
                           {i == 2 ? "m3" : "m2", .input = 100}, {"m4", .input = 1000, .sidechain = i == 0}));
        }
        for (int i = 0; i < PARTS; i++) {
            if (round == 0)
                expected[i] = owns(i);
            ck_assert_uint_eq(owns(i), expected[i]);
        }
        ck_assert_uint_eq(all(), 12 + 100 + 100 + 1000);
        for (int i = 0; i < PARTS; i++)
            if (seed >> (4 + i) & 1)
                leave(i);
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        seed ^= seed >> 29;
    }
    ck_assert_uint_eq(expected[0], 100);
    ck_assert_uint_eq(expected[1], 12 + 1000);
    ck_assert_uint_eq(expected[2], 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("billing");

#define BILLING_TEST(function)                              \
    do {                                                    \
        TCase *tcase_ = tcase_create(#function);            \
        tcase_add_checked_fixture(tcase_, setup, teardown); \
        tcase_add_test(tcase_, function);                   \
        suite_add_tcase(suite, tcase_);                     \
    } while (0)
    BILLING_TEST(rows_that_are_alone_count);
    BILLING_TEST(a_copy_counts_for_the_smaller_path);
    BILLING_TEST(the_earlier_line_owns);
    BILLING_TEST(outside_a_side_chain_owns);
    BILLING_TEST(a_row_elsewhere_says_more);
    BILLING_TEST(linked_keys_are_one_request);
    BILLING_TEST(a_replay_needs_an_original);
    BILLING_TEST(a_link_that_is_not_finished_yet);
    BILLING_TEST(so_many_keys_are_joined);
    BILLING_TEST(a_link_alone_joins_nothing);
    BILLING_TEST(second_hand_is_in_no_sum);
    BILLING_TEST(what_comes_on_top_merges);
    BILLING_TEST(an_unfinished_line_is_taken_back);
    BILLING_TEST(a_reader_hears_of_other_verdicts_only);
    BILLING_TEST(what_has_an_alias_is_no_request);
    BILLING_TEST(an_alias_may_come_after_its_row);
    BILLING_TEST(of_restamped_copies_the_earliest_counts);
    BILLING_TEST(what_others_own_is_known_at_any_time);
    BILLING_TEST(windows);
    BILLING_TEST(other_prices);
    BILLING_TEST(prices_of_their_time);
    BILLING_TEST(without_memory_nothing_is_posted);
    BILLING_TEST(what_fails_when_one_leaves_is_decided_later);
    BILLING_TEST(order_does_not_matter);
    return tap_run(suite);
}
