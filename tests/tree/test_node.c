/* Nodes, and what the table of nodes says of them; nothing here needs an engine. */
#include <errno.h>

#include "nodes.h"

#define SESSION "sessions/=0123"

START_TEST(the_target_is_that_of_the_folder_above)
{
    static const struct {
        const char *path;
        enum oks_kind kind;
        const char *name, *member, *leaf;
    } cases[] = {
        {"", OKS_ALL, NULL, NULL, NULL},
        {"README.txt", OKS_ALL, NULL, NULL, NULL},
        {SESSION, OKS_SESSION, "0123", NULL, NULL},
        {SESSION "/usage.json", OKS_SESSION, "0123", NULL, NULL},
        {SESSION "/window/today.json", OKS_SESSION, "0123", NULL, "today.json"},
        {SESSION "/subagents/=ab", OKS_SESSION, "0123", NULL, "ab"},
        {"projects/=-q/cost_usd", OKS_PROJECT, "-q", NULL, NULL},
        {"teams/=t/total_tokens", OKS_TEAM, "t", NULL, NULL},
        {"teams/=t/members/=m/usage.json", OKS_MEMBER, "t", "m", NULL},
        {"teams/=t/runs/=1/usage.json", OKS_RUN, "t", "1", NULL},
        {"stats/window/last-7d/by-model.json", OKS_ALL, NULL, NULL, "last-7d"},
        {"stats/window/last-7d/cost_usd", OKS_ALL, NULL, NULL, "last-7d"},
        {"cost_usd", OKS_ALL, NULL, NULL, NULL},
        {"budgets/=b.json", OKS_ALL, NULL, NULL, "b.json"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct node node = node_at(cases[i].path), copy;
        struct oks_target target;

        ck_assert_int_eq(node_copy(&copy, &node), 0);
        node_clear(&node);
        target = node_target(&copy);
        ck_assert_int_eq(target.kind, cases[i].kind);
        ck_assert_pstr_eq(target.name, cases[i].name);
        ck_assert_pstr_eq(target.member, cases[i].member);
        ck_assert_pstr_eq(copy.leaf, cases[i].leaf);
        node_clear(&copy);
        ck_assert_ptr_null(copy.type);
    }
}
END_TEST

/* One row for each kind of node: its shape, and what may be done with it. */
START_TEST(what_the_table_says)
{
    enum { FIXED = 1, OF_TABLE = 2, LIST = 4, ANNOUNCES = 8, STREAM = 16, CLOCK = 32 };
    static const struct {
        const char *path;
        enum node_shape shape;
        enum tree_need need;
        int flags;
    } cases[] = {
        {"", NODE_DIR, NEED_NOTHING, 0},
        {"README.txt", NODE_FILE, NEED_NOTHING, FIXED | OF_TABLE},
        {"report.txt", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | CLOCK},
        {"status.json", NODE_FILE, NEED_FOUND, FIXED | OF_TABLE},
        {"metrics.prom", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"pricing.json", NODE_FILE, NEED_FOUND, FIXED | OF_TABLE},
        {"events.jsonl", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | STREAM},
        {"usage.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"cost_usd", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"window", NODE_DIR, NEED_ALL, FIXED | OF_TABLE | LIST},
        {"window/today.json", NODE_FILE, NEED_ALL, CLOCK},
        {"stats/window/today/cost_usd", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | CLOCK},
        {"stats/window/2026-06-10/total_tokens", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"sessions", NODE_DIR, NEED_FOUND, FIXED | OF_TABLE | LIST},
        {"projects", NODE_DIR, NEED_FOUND, FIXED | OF_TABLE | LIST},
        {"teams", NODE_DIR, NEED_ALL, FIXED | OF_TABLE | LIST},
        {SESSION, NODE_DIR, NEED_TARGET, ANNOUNCES},
        {SESSION "/usage.json", NODE_FILE, NEED_TARGET, OF_TABLE},
        {SESSION "/requests.jsonl", NODE_FILE, NEED_TARGET, OF_TABLE | STREAM},
        {SESSION "/window", NODE_DIR, NEED_TARGET, OF_TABLE | LIST},
        {SESSION "/window/today.json", NODE_FILE, NEED_TARGET, CLOCK},
        {SESSION "/window/2026-06-10_2026-06-11.json", NODE_FILE, NEED_TARGET, 0},
        {SESSION "/subagents", NODE_DIR, NEED_ALL, OF_TABLE | LIST},
        {SESSION "/teams", NODE_FILE, NEED_TARGET, OF_TABLE},
        {SESSION "/project", NODE_FILE, NEED_TARGET, OF_TABLE},
        {SESSION "/subagents/=s", NODE_LINK, NEED_NOTHING, 0},
        {"projects/=-q", NODE_DIR, NEED_TARGET, LIST | ANNOUNCES},
        {"projects/=-q/sessions", NODE_DIR, NEED_FOUND, OF_TABLE | LIST},
        {"teams/=t", NODE_DIR, NEED_ALL, ANNOUNCES},
        {"teams/=t/sessions", NODE_DIR, NEED_ALL, OF_TABLE | LIST},
        {"teams/=t/members/=m/usage.json", NODE_FILE, NEED_ALL, OF_TABLE},
        {"stats", NODE_DIR, NEED_ALL, FIXED | OF_TABLE | ANNOUNCES},
        {"stats/blocks.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | CLOCK},
        {"stats/by-day.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"stats/by-week.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"stats/by-month.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"stats/window/this-week/by-month.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | CLOCK},
        {"stats/window/2026-W24/cost_usd", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"window/yesterday.json", NODE_FILE, NEED_ALL, CLOCK},
        {"window/2026-06.json", NODE_FILE, NEED_ALL, 0},
        {"stats/window/last-7d", NODE_DIR, NEED_ALL, 0},
        {"stats/window/last-7d/by-day.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE | CLOCK},
        {"stats/window/2026-06-10_2026-06-11/by-day.json", NODE_FILE, NEED_ALL, FIXED | OF_TABLE},
        {"budgets", NODE_DIR, NEED_ALL, FIXED | OF_TABLE | LIST | ANNOUNCES},
        {"budgets/=b.json", NODE_FILE, NEED_ALL, OF_TABLE},
        {"budgets/exceeded", NODE_DIR, NEED_ALL, FIXED | OF_TABLE | LIST | ANNOUNCES},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct node node = node_at(cases[i].path);
        int flags = (node_is_fixed(&node) ? FIXED : 0) | (node_is_of_table(&node) ? OF_TABLE : 0) |
                    (tree_has_list(&node) ? LIST : 0) | (tree_announces_files(&node) ? ANNOUNCES : 0) |
                    (tree_is_stream(&node) ? STREAM : 0) | (tree_follows_clock(&node) ? CLOCK : 0);

        ck_assert_msg(node_shape(&node) == cases[i].shape, "shape of %s", cases[i].path);
        ck_assert_msg(tree_need(&node) == cases[i].need, "need of %s: %d", cases[i].path, tree_need(&node));
        ck_assert_msg(flags == cases[i].flags, "flags of %s: %d", cases[i].path, flags);
        node_clear(&node);
    }
}
END_TEST

START_TEST(links_point_into_the_tree)
{
    static const struct {
        const char *path, *target;
    } cases[] = {
        {"projects/=-q/sessions/=0123", "../../../sessions/0123"},
        {"teams/=t/sessions/=0123", "../../../sessions/0123"},
        {"teams/=t/members/=m/sessions/=0123", "../../../../../sessions/0123"},
        {SESSION "/subagents/=t", "../../t"},
        {SESSION "/subagents/=4567", "../../4567"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct node node = node_at(cases[i].path);
        char *target = node_link_target(&node);

        ck_assert_int_eq(node_shape(&node), NODE_LINK);
        ck_assert_str_eq(target, cases[i].target);
        free(target);
        node_clear(&node);
    }
}
END_TEST

START_TEST(only_windows_are_found_in_a_window_folder)
{
    struct node file = node_at(SESSION "/window"), folder = node_at("stats/window"), found;

    ck_assert_int_eq(tree_lookup(NULL, &file, "today", 0, NULL, &found), -ENOENT);
    ck_assert_int_eq(tree_lookup(NULL, &file, "x.json", 0, NULL, &found), -ENOENT);
    ck_assert_int_eq(tree_lookup(NULL, &folder, "today.json", 0, NULL, &found), -ENOENT);
    ck_assert_int_eq(tree_lookup(NULL, &folder, "x", 0, NULL, &found), -ENOENT);
    found = child_of(&folder, "today");
    ck_assert_int_eq(node_shape(&found), NODE_DIR);
    node_clear(&found);
    node_clear(&file);
    node_clear(&folder);
}
END_TEST

START_TEST(files_and_links_hold_nothing)
{
    struct node file = node_at("README.txt"), link = node_at(SESSION "/subagents/=t"), found;

    ck_assert_int_eq(tree_lookup(NULL, &file, "x", 0, NULL, &found), -ENOTDIR);
    ck_assert_int_eq(tree_lookup(NULL, &link, "x", 0, NULL, &found), -ENOTDIR);
    ck_assert_int_eq(tree_list(NULL, &file, NULL, NULL, NULL), -ENOTDIR);
    ck_assert_int_eq(tree_listed(NULL, &file, "x", &found), -ENOENT);
    node_clear(&file);
    node_clear(&link);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node");

    TEST(suite, the_target_is_that_of_the_folder_above);
    TEST(suite, what_the_table_says);
    TEST(suite, links_point_into_the_tree);
    TEST(suite, only_windows_are_found_in_a_window_folder);
    TEST(suite, files_and_links_hold_nothing);
    return tap_run(suite);
}
