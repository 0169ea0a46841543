/* The tree over a home with two sessions of one project: whatever is listed is found, and links lead
 * somewhere. */
#include "engine_home.h"
#include "tree/tree.h"

#define P     PROJECTS "-q/"
#define FIRST "01234567-89ab-4cde-8f01-23456789abcd"
#define OTHER "abcdef01-89ab-4cde-8f01-23456789abcd"

static struct oks_engine *engine;

static void setup(void)
{
    scratch_setup();
    put_file(P FIRST ".jsonl", text_of("%s\n", record("2026-06-10T01:00:00Z", 1, 2, 3, 4)));
    put_file(P OTHER ".jsonl", text_of("%s\n", record("2026-06-11T01:00:00Z", 10, 20, 30, 40)));
    engine = engine_open((struct engine_options){.once = true});
}

static void teardown(void)
{
    engine_close(engine);
    scratch_teardown();
}

static struct node lookup(const struct node *dir, const char *name)
{
    struct node node;

    ck_assert_msg(tree_lookup(engine, dir, name, 0, NULL, &node) == 0, "no %s", name);
    return node;
}

/* Follows no link; -errno. */
static int find(const char *path, struct node *out)
{
    struct node node;
    int rc = 0;

    tree_root(&node);
    while (*path && rc == 0) {
        size_t n = strcspn(path, "/");
        char name[256];
        struct node child = {0};

        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        rc = tree_lookup(engine, &node, name, 0, NULL, &child);
        node_clear(&node);
        node = child;
        path += n + (path[n] == '/');
    }
    *out = node;
    return rc;
}

struct listing_text {
    char text[4096];
};

static int add_to_text(void *ctx, const char *name, enum node_shape shape)
{
    struct listing_text *l = ctx;

    strcat(strcat(l->text, *l->text ? " " : ""), name);
    if (shape == NODE_DIR)
        strcat(l->text, "/");
    if (shape == NODE_LINK)
        strcat(l->text, "@");
    return 0;
}

static const char *list(const char *path)
{
    static struct listing_text l;
    struct node node;

    *l.text = '\0';
    ck_assert_int_eq(find(path, &node), 0);
    ck_assert_int_eq(tree_list(engine, &node, NULL, add_to_text, &l), 0);
    node_clear(&node);
    return l.text;
}

/* The windows that are always listed. */
#define PRESETS(end)                                                                               \
    "today" end " yesterday" end " this-week" end " this-month" end " last-5h" end " last-24h" end \
    " last-7d" end " last-30d" end

START_TEST(the_names_of_each_folder)
{
    ck_assert_str_eq(list(""),
                     "README.txt report.txt report.html usage.json total_tokens cost_usd cache_hit_ratio "
                     "window/ status.json metrics.prom pricing.json "
                     "events.jsonl events/ teams/ sessions/ projects/ hosts/ stats/ budgets/ limits/");
    ck_assert_str_eq(list("sessions"), FIRST "/ " OTHER "/");
    ck_assert_str_eq(list("sessions/" FIRST),
                     "context.json report.svg ledger.jsonl usage.json total_tokens cost_usd "
                     "cache_hit_ratio requests.jsonl tools.jsonl window/ "
                     "subagents/ teams project");
    ck_assert_str_eq(list("projects"), "-q/");
    ck_assert_str_eq(list("projects/-q"),
                     "usage.json total_tokens cost_usd cache_hit_ratio window/ sessions/ current@");
    ck_assert_str_eq(list("projects/-q/sessions"), FIRST "@ " OTHER "@");
    ck_assert_str_eq(list("sessions/" FIRST "/window"), PRESETS(".json") " 2026-06-10.json");
    ck_assert_str_eq(list("stats/window"), PRESETS("/") " 2026-06-10/ 2026-06-11/");
    ck_assert_str_eq(list("stats/window/today"),
                     "usage.json total_tokens cost_usd cache_hit_ratio "
                     "by-model.json by-project.json by-branch.json by-agent.json "
                     "by-source.json by-host.json by-effort.json by-tool.json by-day.json "
                     "by-week.json by-month.json by-hour.json blocks.json");
    ck_assert_str_eq(list("window"), PRESETS(".json") " 2026-06-10.json 2026-06-11.json");
    ck_assert_str_eq(list("teams"), "");
    ck_assert_str_eq(list("budgets"), "exceeded/");
}
END_TEST

static const char *text(const char *path)
{
    struct oks_document document;
    struct node node;

    ck_assert_int_eq(find(path, &node), 0);
    ck_assert_int_eq(tree_render(engine, &node, 0, &document), 0);
    node_clear(&node);
    return document.bytes ? kept(document.bytes) : "";
}

/* The same number by three ways, for all of time and for a day. */
START_TEST(the_totals_of_everything)
{
    struct oks_target all = {.kind = OKS_ALL};

    ck_assert_int_eq(oks_engine_sync(engine, &all, false, NULL), 0);
    ck_assert_str_eq(text("total_tokens"), "66\n");
    ck_assert_str_eq(text("window/2026-06-10.json"), text("stats/window/2026-06-10/usage.json"));
    ck_assert_str_eq(text("stats/window/2026-06-10/total_tokens"), "6\n");
    ck_assert_str_eq(text("stats/window/2026-06-11/total_tokens"), "60\n");
    ck_assert_str_eq(text("stats/window/2025-06-11/total_tokens"), "0\n");
    ck_assert_ptr_nonnull(strstr(text("usage.json"), "\"sessions\": 2,"));
    ck_assert_str_eq(text("cost_usd"), text("projects/-q/cost_usd"));
    ck_assert_str_eq(text("stats/window/_/cost_usd"), text("cost_usd"));
    ck_assert_str_eq(text("stats/window/2026-06-10/cost_usd"), text("sessions/" FIRST "/cost_usd"));
}
END_TEST

struct below {
    struct {
        char *name;
        enum node_shape shape;
    } items[64];
    size_t n;
};

static int add_item(void *ctx, const char *name, enum node_shape shape)
{
    struct below *b = ctx;

    b->items[b->n].name = text_of("%s", name);
    b->items[b->n++].shape = shape;
    return 0;
}

/* "a/b" + "../c" */
static const char *joined(const char *dir, const char *target)
{
    char *path = text_of("%s", dir);

    while (strncmp(target, "../", 3) == 0) {
        char *slash = strrchr(path, '/');

        *(slash ? slash : path) = '\0';
        target += 3;
    }
    return text_of("%s%s%s", path, *path ? "/" : "", target);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Of all that is in a project's folder only one link is listed. */
static bool is_fixed_of_project(const struct node *dir, const char *name)
{
    return dir->kind == OKS_PROJECT && !node_is_of_table(dir) && strcmp(name, "current") != 0;
}

/* What is announced before anybody looks it up is the node that a lookup gives. */
static void check_listed(const struct node *dir, const char *name, const char *path, const struct node *found)
{
    struct node listed;

    /* No list names these. */
    if (!tree_has_list(dir) || strcmp(path, "budgets/exceeded") == 0 || is_fixed_of_project(dir, name))
        return;
    ck_assert_int_eq(tree_listed(engine, dir, name, &listed), 0);
    ck_assert_msg(listed.type == found->type && listed.kind == found->kind &&
                      same_text(listed.name, found->name) && same_text(listed.member, found->member) &&
                      same_text(listed.leaf, found->leaf),
                  "%s is listed as another node than it is looked up as", path);
    node_clear(&listed);
}

static void check_below(const struct node *dir, const char *path)
{
    struct below b = {.n = 0};

    ck_assert_int_eq(tree_list(engine, dir, NULL, add_item, &b), 0);
    for (size_t i = 0; i < b.n; i++) {
        struct node node = lookup(dir, b.items[i].name), end;
        const char *below = text_of("%s%s%s", path, *path ? "/" : "", b.items[i].name);
        struct oks_document document;
        uint64_t version;

        ck_assert_int_eq(node_shape(&node), b.items[i].shape);
        check_listed(dir, b.items[i].name, below, &node);
        if (node_shape(&node) == NODE_DIR) {
            check_below(&node, below);
        } else if (node_shape(&node) == NODE_FILE) {
            ck_assert_int_eq(tree_version(engine, &node, NULL, &version), 0);
            ck_assert_msg(tree_render(engine, &node, 0, &document) == 0, "cannot render %s", below);
            oks_document_clear(&document);
        } else {
            char *target = node_link_target(&node);

            ck_assert_msg(find(joined(path, target), &end) == 0, "%s -> %s leads nowhere", below, target);
            ck_assert_int_eq(node_shape(&end), NODE_DIR);
            node_clear(&end);
            free(target);
        }
        node_clear(&node);
    }
}

START_TEST(what_is_listed_is_found_and_renders)
{
    struct node root;

    tree_root(&root);
    check_below(&root, "");
}
END_TEST

START_TEST(every_kind_of_list)
{
    struct node root, node;

    put_file(P FIRST ".jsonl",
             text_of("{\"type\":\"user\",\"teamName\":\"crew\",\"agentName\":\"lead\"}\n%s\n",
                     record("2026-06-10T01:00:00Z", 1, 2, 3, 4)));
    put_file(P FIRST "/subagents/agent-1.jsonl", text_of("%s\n", record("2026-06-10T02:00:00Z", 1, 2, 3, 4)));
    put_file("work/.okstra/tasks/t/runs/r/state/team-state-a-1.json",
             "{\"teamName\": \"crew\", \"workers\": []}");
    put_file("okstra/okstrafs.json", "{\"budgets\": {\"over\": {\"scope\": \"total\", \"limitTokens\": 1}}}");
    engine_close(engine);
    engine = engine_open((struct engine_options){.once = true, .task_root = "work"});
    ck_assert_str_eq(list("teams"), "crew/");
    ck_assert_str_eq(list("teams/crew/members"), "lead/");
    ck_assert_str_eq(list("teams/crew/sessions"), FIRST "@");
    ck_assert_str_ne(list("teams/crew/runs"), "");
    ck_assert_str_ne(list("sessions/" FIRST "/subagents"), "");
    ck_assert_str_eq(text("sessions/" FIRST "/teams"), "crew\n");
    ck_assert_str_eq(text("sessions/" FIRST "/project"), "-q\n");
    ck_assert_str_eq(text("sessions/agent-1/teams"), "");
    ck_assert_str_eq(list("budgets"), "exceeded/ over.json");
    ck_assert_str_eq(list("budgets/exceeded"), "over");
    tree_root(&root);
    check_below(&root, "");
    ck_assert_int_eq(find("stats/window/2026-06-10", &node), 0);
    ck_assert_str_eq(node.leaf, "2026-06-10");
    node_clear(&node);
}
END_TEST

START_TEST(a_short_id_is_a_link_to_the_session)
{
    struct node sessions, node;
    char *target;

    ck_assert_int_eq(find("sessions", &sessions), 0);
    node = lookup(&sessions, "012345");
    ck_assert_int_eq(node_shape(&node), NODE_LINK);
    target = node_link_target(&node);
    ck_assert_str_eq(target, FIRST);
    free(target);
    node_clear(&node);
    node_clear(&sessions);
    ck_assert_int_eq(find("sessions/012346", &node), -ENOENT);
    ck_assert_int_eq(find("projects/-q/sessions/012345", &node), -ENOENT); /* not listed */
}
END_TEST

static uint64_t version_of(const char *path)
{
    struct node node;
    uint64_t version;

    ck_assert_int_eq(find(path, &node), 0);
    ck_assert_int_eq(tree_version(engine, &node, NULL, &version), 0);
    node_clear(&node);
    return version;
}

START_TEST(versions_follow_what_a_file_shows)
{
    uint64_t first, other, ledger;

    engine_close(engine);
    engine = engine_open((struct engine_options){.no_cache = true}); /* one that sees changes */
    ck_assert_uint_eq(version_of("README.txt"), 1);
    ck_assert_uint_eq(version_of("status.json"), 0);
    first = version_of("sessions/" FIRST "/usage.json");
    other = version_of("sessions/" OTHER "/usage.json");
    ledger = version_of("sessions/" FIRST "/ledger.jsonl");
    append_file(P OTHER ".jsonl", text_of("%s\n", record("2026-06-12T01:00:00Z", 5, 5, 5, 5)));
    ck_assert_uint_gt(version_of("sessions/" OTHER "/usage.json"), other);
    ck_assert_uint_eq(version_of("sessions/" FIRST "/usage.json"), first);
    ck_assert_uint_gt(version_of("sessions/" FIRST "/ledger.jsonl"), ledger); /* of all data */
}
END_TEST

START_TEST(what_is_gone_is_not_known)
{
    struct node sessions, there, gone, file;
    uint64_t version;

    ck_assert_int_eq(find("sessions", &sessions), 0);
    there = lookup(&sessions, FIRST);
    ck_assert(tree_is_known(engine, &there));
    ck_assert_int_eq(tree_listed(engine, &sessions, "ffffffff-0000", &gone), 0);
    ck_assert(!tree_is_known(engine, &gone));
    file = lookup(&gone, "usage.json");
    ck_assert_int_eq(tree_version(engine, &file, NULL, &version), -ENOENT);
    node_clear(&sessions);
    node_clear(&there);
    node_clear(&gone);
    node_clear(&file);
}
END_TEST

static int add_file_name(void *ctx, const char *name)
{
    return add_to_text(ctx, name, NODE_FILE);
}

START_TEST(files_that_are_announced_without_a_lookup)
{
    struct listing_text l = {""};
    struct node node;

    ck_assert_int_eq(find("sessions/" FIRST, &node), 0);
    ck_assert_int_eq(tree_each_file(engine, &node, add_file_name, &l), 0);
    ck_assert_str_eq(l.text,
                     "context.json usage.json total_tokens cost_usd cache_hit_ratio"); /* the cheap ones */
    node_clear(&node);
    *l.text = '\0';
    ck_assert_int_eq(find("stats", &node), 0);
    ck_assert_int_eq(tree_each_file(engine, &node, add_file_name, &l), 0);
    ck_assert_str_eq(l.text, "by-model.json by-project.json by-agent.json by-source.json by-host.json");
    node_clear(&node);
}
END_TEST

#define TREE_TEST(suite, function)                          \
    do {                                                    \
        TCase *tcase_ = tcase_create(#function);            \
        tcase_set_timeout(tcase_, 300);                     \
        tcase_add_checked_fixture(tcase_, setup, teardown); \
        tcase_add_test(tcase_, function);                   \
        suite_add_tcase(suite, tcase_);                     \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("tree");

    TREE_TEST(suite, the_names_of_each_folder);
    TREE_TEST(suite, the_totals_of_everything);
    TREE_TEST(suite, what_is_listed_is_found_and_renders);
    TREE_TEST(suite, every_kind_of_list);
    TREE_TEST(suite, a_short_id_is_a_link_to_the_session);
    TREE_TEST(suite, versions_follow_what_a_file_shows);
    TREE_TEST(suite, what_is_gone_is_not_known);
    TREE_TEST(suite, files_that_are_announced_without_a_lookup);
    return tap_run(suite);
}
