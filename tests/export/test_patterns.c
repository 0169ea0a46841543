/* Patterns: which entries of the tree are exported. */
#include <errno.h>
#include <stdlib.h>

#include "export/patterns.h"
#include "tap.h"

/* "whole", "inside" or "no" of a path, entered name by name; a name that ends in '!' is of a named-only
 * entry. */
static const char *of(const struct patterns *p, const char *path)
{
    struct patterns at = *p, below;
    char names[256], *rest = NULL;

    snprintf(names, sizeof(names), "%s", path);
    for (char *name = strtok_r(names, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        size_t n = strlen(name);
        bool named_only = name[n - 1] == '!';

        name[n - named_only] = '\0';
        if (!patterns_enter(&at, name, named_only, &below))
            return "no";
        at = below;
    }
    return at.whole ? "whole" : "inside";
}

static struct patterns made(const char *path)
{
    struct patterns p = {0};

    ck_assert_int_eq(patterns_add(&p, path), 0);
    return p;
}

START_TEST(a_path_is_what_is_below_it)
{
    struct patterns p = made("stats/window/today");

    ck_assert_str_eq(of(&p, "stats"), "inside");
    ck_assert_str_eq(of(&p, "stats/window!"), "inside");
    ck_assert_str_eq(of(&p, "stats/window!/today"), "whole");
    ck_assert_str_eq(of(&p, "stats/window!/today/cost_usd"), "whole");
    ck_assert_str_eq(of(&p, "stats/window!/2026-06"), "no");
    ck_assert_str_eq(of(&p, "stats/by-day.json"), "no");
    ck_assert_str_eq(of(&p, "statsx"), "no");
}
END_TEST

START_TEST(slashes_and_dots_mean_nothing)
{
    static const char *const same[] = {"/stats/window", "stats//window/", "./stats/./window",
                                       "//stats/window//."};

    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        struct patterns p = made(same[i]);

        ck_assert_str_eq(of(&p, "stats/window!"), "whole");
        ck_assert_str_eq(of(&p, "stats/x"), "no");
    }
}
END_TEST

START_TEST(all_is_not_what_has_to_be_named)
{
    static const char *const all[] = {"/", "", ".", "///."};

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct patterns p = made(all[i]);

        ck_assert_str_eq(of(&p, "sessions/x/usage.json"), "whole");
        ck_assert_str_eq(of(&p, "window!"), "no");
        ck_assert_str_eq(of(&p, "sessions/x/ledger.jsonl!"), "no");
    }
}
END_TEST

START_TEST(wildcards_are_of_one_component)
{
    struct patterns p = made("projects/*/cost_usd"), below;

    ck_assert_str_eq(of(&p, "projects/-a/cost_usd"), "whole");
    ck_assert_str_eq(of(&p, "projects/-a"), "inside");
    ck_assert_str_eq(of(&p, "projects/-a/usage.json"), "no");
    ck_assert(!patterns_need_list(&p));
    ck_assert(patterns_enter(&p, "projects", false, &below));
    ck_assert(patterns_need_list(&below));
    p = made("sessions/*/*");
    ck_assert_str_eq(of(&p, "sessions/x/usage.json"), "whole");
    ck_assert_str_eq(of(&p, "sessions/x/ledger.jsonl!"), "no");
    p = made("s[et]*/by-?ay.json");
    ck_assert_str_eq(of(&p, "stats/by-day.json"), "whole");
    ck_assert_str_eq(of(&p, "stats/by-xday.json"), "no");
}
END_TEST

START_TEST(patterns_add_up)
{
    struct patterns p = made("teams/a/usage.json");
    char name[256];

    ck_assert_int_eq(patterns_add(&p, "teams/a/cost_usd"), 0);
    ck_assert_int_eq(patterns_add(&p, "teams/b"), 0);
    ck_assert_str_eq(of(&p, "teams/a/usage.json"), "whole");
    ck_assert_str_eq(of(&p, "teams/a/cost_usd"), "whole");
    ck_assert_str_eq(of(&p, "teams/a/total_tokens"), "no");
    ck_assert_str_eq(of(&p, "teams/b/total_tokens"), "whole");
    ck_assert(patterns_name(&p, 0, name));
    ck_assert_str_eq(name, "teams");
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
    struct patterns p = {0};

    ck_assert_int_eq(patterns_add(&p, ".."), -EINVAL);
    ck_assert_int_eq(patterns_add(&p, "a/../b"), -EINVAL);
    ck_assert_int_eq(patterns_add(&p, "a/.."), -EINVAL);
    for (int i = 0; i < PATTERNS_MAX; i++)
        ck_assert_int_eq(patterns_add(&p, "a..b/...c"), 0);
    ck_assert_int_eq(patterns_add(&p, "one/more"), -E2BIG);
    ck_assert_str_eq(of(&p, "a..b/...c"), "whole");
}
END_TEST

START_TEST(the_whole_pattern_is_found_again)
{
    struct patterns p = made("teams/a/usage.json"), below, inner;

    ck_assert_int_eq(patterns_add(&p, "projects/*/cost_usd"), 0);
    ck_assert(patterns_enter(&p, "teams", false, &below));
    ck_assert_str_eq(patterns_whole_of(&p, below.rest[0]), "teams/a/usage.json");
    ck_assert(patterns_enter(&p, "projects", false, &below));
    ck_assert_str_eq(patterns_whole_of(&p, below.rest[0]), "projects/*/cost_usd");
    ck_assert(patterns_enter(&below, "x", false, &inner));
    ck_assert_ptr_null(patterns_whole_of(&p, inner.rest[0]));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("patterns");

    TEST(s, a_path_is_what_is_below_it);
    TEST(s, slashes_and_dots_mean_nothing);
    TEST(s, all_is_not_what_has_to_be_named);
    TEST(s, wildcards_are_of_one_component);
    TEST(s, patterns_add_up);
    TEST(s, what_is_wrong_is_refused);
    TEST(s, the_whole_pattern_is_found_again);
    return tap_run(s);
}
