/* Rows by rank: after any change the picked rows are those that a sort of all rows has in front. */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/ranked.h"
#include "tap.h"

enum { ROWS = 300, STEPS = 3000 };

struct made {
    struct ranked_row shown; /* the first member */
    char key[16];
    uint64_t cost, calls;
    bool exists, hidden;
};

static struct made rows[ROWS];
static struct row_ranks ranks;
static void *tree;
static size_t sums_made;

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct made *)a)->key, ((const struct made *)b)->key);
}

static int make_sum(struct stats *s, struct ranked_row *shown)
{
    struct made *row = (struct made *)shown;
    struct measure m = {.totals = OKS_TOTALS_NONE};
    struct billed_bag none = {0};

    (void)s;
    sums_made++;
    if (row->hidden)
        return 0;
    stats_keep_sum(&shown->text, row->key, &m, &none);
    ck_assert(shown->text.has_sum);
    shown->text.sum->sum.bill.cost = row->cost;
    shown->text.sum->calls = row->calls;
    return 1;
}

static int by_rank(const void *a, const void *b)
{
    const struct made *x = *(struct made *const *)a, *y = *(struct made *const *)b;

    if (x->cost != y->cost)
        return x->cost > y->cost ? -1 : 1;
    if (x->calls != y->calls)
        return x->calls > y->calls ? -1 : 1;
    return strcmp(x->key, y->key);
}

static void check(size_t most)
{
    static struct picked picked;
    struct json j = {0};
    struct stats s = {.j = &j, .picked = &picked, .by = OKS_STATS_BY_TOOL};
    struct made *want[ROWS];
    size_t n = 0;

    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].exists && !rows[i].hidden)
            want[n++] = &rows[i];
    qsort(want, n, sizeof(*want), by_rank);
    picked_start(&picked, true, most);
    ranked_pick(&s, &ranks, tree, make_sum);
    ck_assert_int_eq(j.text.error, 0);
    ck_assert_uint_eq(picked.n_all, n);
    ck_assert_uint_eq(picked.n, n < most ? n : most);
    for (size_t i = 0; i < picked.n; i++) {
        ck_assert_str_eq(picked.rows[picked.order[i]].key, want[i]->key);
        ck_assert_uint_eq(picked.rows[picked.order[i]].row.calls, want[i]->calls);
    }
    picked_clear(&picked);
}

/* Few values, so that there are equal ones. */
static void set(struct made *row)
{
    row->cost = (uint64_t)rand() % 40;
    row->calls = (uint64_t)rand() % 3;
    row->hidden = rand() % 10 == 0;
}

static void come(struct made *row)
{
    row->exists = true;
    ck_assert_ptr_nonnull(tsearch(row, &tree, by_key));
    ranked_row_start(&row->shown, &ranks);
    set(row);
}

static void leave(struct made *row)
{
    tdelete(row, &tree, by_key);
    ranked_row_clear(&row->shown);
    row->exists = false;
}

static void change(struct made *row, bool may_leave)
{
    if (!row->exists) {
        come(row);
    } else if (may_leave && rand() % 2) {
        leave(row);
    } else {
        set(row);
        ranked_row_changed(&row->shown);
    }
}

static void run(unsigned seed, size_t n_rows, bool may_leave)
{
    srand(seed);
    memset(rows, 0, sizeof(rows));
    for (size_t i = 0; i < ROWS; i++)
        snprintf(rows[i].key, sizeof(rows[i].key), "row-%zu", i);
    for (int step = 0; step < STEPS; step++) {
        for (int n = rand() % 4; n > 0; n--)
            change(&rows[(size_t)rand() % n_rows], may_leave);
        if (rand() % 3)
            check(rand() % 8 ? 15 : OKS_ROWS_MAX);
    }
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].exists)
            leave(&rows[i]);
    check(15);
    ck_assert_uint_eq(ranks.n, 0);
    ck_assert_uint_eq(ranks.n_all, 0);
}

START_TEST(picked_rows_are_the_first_of_all)
{
    run(1, ROWS, true);
    run(2, 20, true);
    run(3, RANKED_MAX + 3, false);
}
END_TEST

START_TEST(only_changed_rows_are_looked_at)
{
    srand(4);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(rows[i].key, sizeof(rows[i].key), "row-%zu", i);
        come(&rows[i]);
        rows[i].hidden = false;
    }
    check(15);
    sums_made = 0;
    for (int i = 0; i < 100; i++) {
        rows[7].cost = 1000 + (uint64_t)i;
        ranked_row_changed(&rows[7].shown);
        ranked_row_changed(&rows[7].shown);
        check(15);
    }
    ck_assert_uint_eq(sums_made, 100);
    for (size_t i = 0; i < ROWS; i++)
        leave(&rows[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranked");

    TEST(suite, picked_rows_are_the_first_of_all);
    TEST(suite, only_changed_rows_are_looked_at);
    return tap_run(suite);
}
