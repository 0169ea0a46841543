/* Running sums against adding everything up again, over random changes. */
#include "effort.h"
#include "tap.h"

#include "sums/aggregate.h"

enum { PARTS = 12 };

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (seed >> 33) % n;
}

static struct oks_stamp stamp(unsigned minute)
{
    static char texts[60][OKS_STAMP_TEXT];

    snprintf(texts[minute], OKS_STAMP_TEXT, "2026-06-10T01:%02u:00Z", minute);
    return oks_stamp_of(oks_slice_of(texts[minute]));
}

static struct measure part(void)
{
    static const char *const names[] = {"a", "b", NULL};
    struct measure m;
    unsigned from = (unsigned)rnd(30);

    measure_start(&m);
    for (int i = 0; i < OKS_COLUMNS; i++)
        m.totals.count[i] = rnd(20) == 0 ? OKS_TOKENS_MAX - rnd(3) : rnd(1000);
    m.totals.events = m.totals.stamped = 1 + rnd(5);
    if (rnd(5) > 0) {
        m.totals.first = stamp(from);
        m.totals.last = stamp(from + (unsigned)rnd(30));
    }
    m.duration_ms = (int64_t)rnd(100000);
    m.sessions = 1;
    m.agent_name = names[rnd(8) ? 0 : rnd(3)];
    m.model = names[rnd(8) ? 1 : rnd(3)];
    m.mtime_ns = (int64_t)rnd(1000);
    return m;
}

static void add_all(const struct measure *parts, const bool *there, struct measure *sum)
{
    measure_start(sum);
    for (int i = 0; i < PARTS; i++)
        if (there[i])
            measure_add(sum, &parts[i]);
}

static void rebuild(struct aggregate *sum, const struct measure *parts, const bool *there)
{
    aggregate_reset(sum);
    for (int i = 0; i < PARTS; i++)
        if (there[i])
            aggregate_replace(sum, NULL, &parts[i]);
}

static void same_stamp(struct oks_stamp a, struct oks_stamp b)
{
    ck_assert_uint_eq(a.key, b.key);
}

static void same(const struct aggregate *sum, const struct measure *want)
{
    struct measure got;

    aggregate_show(sum, &got);
    for (int i = 0; i < OKS_COLUMNS; i++)
        ck_assert_uint_eq(got.totals.count[i], want->totals.count[i]);
    ck_assert_uint_eq(got.totals.events, want->totals.events);
    ck_assert_int_eq(got.duration_ms, want->duration_ms);
    ck_assert_uint_eq(got.sessions, want->sessions);
    same_stamp(got.totals.first, want->totals.first);
    same_stamp(got.totals.last, want->totals.last);
    if (want->sessions) {
        ck_assert_ptr_eq(got.agent_name, want->agent_name);
        ck_assert_ptr_eq(got.model, want->model);
        ck_assert_int_eq(got.mtime_ns, want->mtime_ns);
    }
}

/* One random change: a part comes, goes, or becomes another. */
static void change(struct aggregate *sum, struct measure *parts, bool *there)
{
    int i = (int)rnd(PARTS);
    struct measure next = part();
    bool stays = rnd(4) > 0;

    if (there[i] && rnd(2)) { /* a transcript that grew: nothing narrows */
        next = parts[i];
        next.totals.count[OKS_OUTPUT] = oks_tokens_add(next.totals.count[OKS_OUTPUT], rnd(100));
        next.mtime_ns++;
        stays = true;
    }
    aggregate_replace(sum, there[i] ? &parts[i] : NULL, stays ? &next : NULL);
    parts[i] = next;
    there[i] = stays;
}

START_TEST(a_running_sum_is_the_sum)
{
    struct measure parts[PARTS], want;
    bool there[PARTS] = {false};
    struct aggregate sum;
    unsigned stale = 0, rounds = by_effort(3000, 20000, 200000);

    seed = 7;
    aggregate_reset(&sum);
    for (unsigned round = 0; round < rounds; round++) {
        change(&sum, parts, there);
        if (sum.stale) {
            stale++;
            rebuild(&sum, parts, there);
            ck_assert(!sum.stale);
        }
        add_all(parts, there, &want);
        same(&sum, &want);
    }
    ck_assert_uint_gt(stale, rounds / 200); /* the hard cases did occur ... */
    ck_assert_uint_lt(stale, rounds / 2);   /* ... and the easy ones are taken in stride */
}
END_TEST

START_TEST(growth_is_never_stale)
{
    struct measure one, two, more;
    struct aggregate sum;

    seed = 7;
    one = part();
    two = part();
    two.agent_name = one.agent_name;
    two.model = one.model;
    aggregate_reset(&sum);
    one.totals.first = one.totals.last = two.totals.first = two.totals.last = stamp(5);
    aggregate_replace(&sum, NULL, &one);
    aggregate_replace(&sum, NULL, &two);
    for (unsigned minute = 6; minute < 50; minute++) {
        more = one;
        more.totals.last = stamp(minute);
        more.mtime_ns++;
        aggregate_replace(&sum, &one, &more);
        one = more;
        ck_assert(!sum.stale);
        same_stamp(sum.last, stamp(minute));
    }
}
END_TEST

START_TEST(an_uncommon_time_makes_it_stale)
{
    struct measure odd = part();
    struct aggregate sum;

    aggregate_reset(&sum);
    odd.totals.first = odd.totals.last = oks_stamp_of(OKS_SLICE("yesterday"));
    aggregate_replace(&sum, NULL, &odd);
    ck_assert(sum.stale);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("aggregate");

    TEST(suite, a_running_sum_is_the_sum);
    TEST(suite, growth_is_never_stale);
    TEST(suite, an_uncommon_time_makes_it_stale);
    return tap_run(suite);
}
