/* The user's files: taken up when they change, and a wrong one changes nothing but the status. */
#include "engine_home.h"

#define OWN "okstra/okstrafs/"

static void look(struct oks_engine *engine)
{
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, true);
}

static json_object *prices_of(struct oks_engine *engine)
{
    struct oks_document document;

    look(engine);
    ck_assert_int_eq(oks_document_prices(engine, &document), 0);
    return parsed(kept(document.bytes));
}

/* What a model's input costs, as text; NULL where it is not in the table. */
static const char *price(struct oks_engine *engine, const char *model)
{
    json_object *models = member_at(prices_of(engine), "models"), *entry, *value;

    if (!json_object_object_get_ex(models, model, &entry))
        return NULL;
    ck_assert(json_object_object_get_ex(entry, "input_cost_per_token", &value));
    return json_object_get_string(value);
}

static const char *error_of(struct oks_engine *engine, int file)
{
    look(engine);
    return string(status_of(engine), text_of("settings/%d/error", file));
}

static uint64_t version_of(struct oks_engine *engine, struct oks_target target)
{
    sync_target(engine, target, false);
    return oks_engine_version(engine, &target);
}

static void prices_come_change_and_go(enum oks_revalidate revalidate)
{
    struct oks_engine *engine = engine_open((struct engine_options){.revalidate = revalidate});

    ck_assert_str_eq(price(engine, "claude-opus-4-6"), "0.000005");
    ck_assert_int_eq(number(prices_of(engine), "userEntries"), 0);
    put_file(OWN "prices.json", "{\"claude-opus-4-6\": {\"input_cost_per_token\": 1e-06}}");
    ck_assert_str_eq(price(engine, "claude-opus-4-6"), "0.000001");
    put_file(OWN "prices.json", "{\"mystery\": {\"input_cost_per_token\": 3e-06}}");
    ck_assert_str_eq(price(engine, "claude-opus-4-6"), "0.000005");
    ck_assert_str_eq(price(engine, "mystery"), "0.000003");
    ck_assert_int_eq(unlink(at(OWN "prices.json")), 0);
    ck_assert_ptr_null(price(engine, "mystery"));
    /* by rename, as editors do */
    put_file(OWN "new", "{\"mystery\": {\"input_cost_per_token\": 4e-06}}");
    ck_assert_int_eq(rename(at(OWN "new"), at(OWN "prices.json")), 0);
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    /* the folder goes, and comes back under the same name */
    ck_assert_int_eq(rename(at("okstra/okstrafs"), at("okstra/away")), 0);
    ck_assert_ptr_null(price(engine, "mystery"));
    put_file("okstra/away/prices.json", "{\"mystery\": {\"input_cost_per_token\": 5e-06}}");
    ck_assert_ptr_null(price(engine, "mystery"));
    ck_assert_int_eq(rename(at("okstra/away"), at("okstra/okstrafs")), 0);
    ck_assert_str_eq(price(engine, "mystery"), "0.000005");
    engine_close(engine);
}

START_TEST(a_price_change_shows_at_the_next_read)
{
    prices_come_change_and_go(OKS_REVALIDATE_AUTO);
}
END_TEST

START_TEST(the_same_without_watches)
{
    prices_come_change_and_go(OKS_REVALIDATE_STAT);
}
END_TEST

START_TEST(the_same_where_the_home_comes_late)
{
    struct oks_engine *engine = engine_open((struct engine_options){.no_cache = true});

    look(engine);
    put_file(OWN "prices.json", "{\"mystery\": {\"input_cost_per_token\": 4e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    put_file(OWN "prices.json", "{\"mystery\": {\"input_cost_per_token\": 5e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000005");
    engine_close(engine);
}
END_TEST

static const char *wrong_files(struct oks_engine *engine)
{
    struct oks_target all = {.kind = OKS_ALL};
    struct oks_document document;
    int rc;

    ck_assert_int_eq(oks_engine_sync(engine, &all, true, NULL), 0);
    rc = oks_document_settings_error(engine, &document);
    ck_assert(rc == 0 || rc == -ENOENT);
    return rc ? "" : kept(document.bytes);
}

static int join(void *ctx, const char *name)
{
    char **names = ctx;

    *names = text_of("%s%s ", *names, name);
    return 0;
}

static const char *budgets(struct oks_engine *engine)
{
    struct oks_target all = {.kind = OKS_ALL};
    char *names = "";

    ck_assert_int_eq(oks_engine_sync(engine, &all, false, NULL), 0);
    ck_assert_int_eq(oks_engine_list(engine, OKS_LIST_BUDGETS, &all, join, &names), 0);
    return names;
}

/* Also what names no file, and what cannot be read at all. */
START_TEST(an_error_is_a_document_and_a_version)
{
    static const char good[] = "{\"budgets\": {\"D\": {\"scope\": \"day\", \"limitUSD\": 1},"
                               " \"a\": {\"scope\": \"day\", \"limitUSD\": 1}}}";
    struct oks_engine *engine = engine_open((struct engine_options){0});
    uint64_t before;

    ck_assert_str_eq(wrong_files(engine), "");
    put_file("okstra/okstrafs.json", good);
    ck_assert_str_eq(budgets(engine), "D.json a.json ");
    before = version_of(engine, (struct oks_target){.kind = OKS_ALL});
    put_file("okstra/okstrafs.json", "{\"b\\u202e\": 1}");
    ck_assert_uint_ne(version_of(engine, (struct oks_target){.kind = OKS_ALL}), before);
    ck_assert_str_eq(
        wrong_files(engine),
        text_of("%s: line 1: \"b?\" is not known; known are budgets, timeZone, metrics, host and hosts\n",
                at("okstra/okstrafs.json")));
    ck_assert_str_eq(budgets(engine), "D.json ERROR a.json ");
    ck_assert_int_eq(unlink(at("okstra/okstrafs.json")), 0);
    ck_assert_str_eq(wrong_files(engine), "");
    before = version_of(engine, (struct oks_target){.kind = OKS_ALL});
    ck_assert_int_eq(symlink("okstrafs.json", at("okstra/okstrafs.json")), 0);
    ck_assert_uint_ne(version_of(engine, (struct oks_target){.kind = OKS_ALL}), before);
    ck_assert_str_eq(wrong_files(engine),
                     text_of("%s: Too many levels of symbolic links\n", at("okstra/okstrafs.json")));
    ck_assert_str_eq(budgets(engine), "ERROR ");
    ck_assert_int_eq(unlink(at("okstra/okstrafs.json")), 0);
    ck_assert_int_eq(symlink("nowhere", at("okstra/okstrafs.json")), 0);
    ck_assert_str_eq(wrong_files(engine), text_of("%s: it is a symbolic link to a file that does not exist\n",
                                                  at("okstra/okstrafs.json")));
    ck_assert_int_eq(unlink(at("okstra/okstrafs.json")), 0);
    put_file("okstra/okstrafs.json", good);
    ck_assert_str_eq(budgets(engine), "D.json a.json ");
    engine_close(engine);
}
END_TEST

/* Within one tick of the clock the file's times stay the same, and here its size does too. */
START_TEST(changes_that_follow_each_other_quickly)
{
    struct oks_engine *engine = engine_open((struct engine_options){.no_cache = true});

    for (int i = 0; i < 64; i++) {
        const char *cost = text_of("0.0000%02d", 10 + i);

        put_file(OWN "prices.json", text_of("{\"mystery\": {\"input_cost_per_token\": %s}}", cost));
        ck_assert(strtod(price(engine, "mystery"), NULL) == strtod(cost, NULL));
    }
    engine_close(engine);
}
END_TEST

START_TEST(a_link_to_elsewhere)
{
    struct oks_engine *engine;

    put_file("dotfiles/p.json", "{\"mystery\": {\"input_cost_per_token\": 4e-06}}");
    make_parents(OWN "x");
    ck_assert_int_eq(symlink("../../dotfiles/p.json", at(OWN "prices.json")), 0);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    put_file("dotfiles/p.json", "{\"mystery\": {\"input_cost_per_token\": 1.5e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.0000015");
    ck_assert_int_eq(unlink(at("dotfiles/p.json")), 0);
    ck_assert_ptr_null(price(engine, "mystery"));
    put_file("dotfiles/p.json", "{\"mystery\": {\"input_cost_per_token\": 2e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000002");
    engine_close(engine);
}
END_TEST

START_TEST(a_wrong_file_is_told_and_the_last_good_one_kept)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    ck_assert_ptr_null(error_of(engine, 1));
    put_file(OWN "prices.json", "{\"mystery\": {\"input_cost_per_token\": 4e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    put_file(OWN "prices.json", "{\"mystery\":\n {\"input_cost_per_token\": \"cheap\"}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    ck_assert_str_eq(error_of(engine, 1), "line 2: \"input_cost_per_token\" of \"mystery\" is no price");
    ck_assert_int_eq(unlink(at(OWN "prices.json")), 0);
    make_folder(OWN "prices.json");
    ck_assert_str_eq(error_of(engine, 1), "it is no regular file");
    ck_assert_str_eq(price(engine, "mystery"), "0.000004");
    ck_assert_int_eq(rmdir(at(OWN "prices.json")), 0);
    ck_assert_int_eq(mkfifo(at(OWN "prices.json"), 0600), 0);
    ck_assert_str_eq(error_of(engine, 1), "it is no regular file");
    ck_assert_int_eq(unlink(at(OWN "prices.json")), 0);
    put_file(OWN "prices.json", "{\"mystery\": {\"input_cost_per_token\": 6e-06}}");
    ck_assert_str_eq(price(engine, "mystery"), "0.000006");
    ck_assert_ptr_null(error_of(engine, 1));
    engine_close(engine);
}
END_TEST

START_TEST(a_price_change_is_a_new_version_of_everything)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    uint64_t before, all;

    put_file(PROJECTS "p/s.jsonl", record("2026-06-10T01:00:00Z", 1, 2, 3, 4));
    before = version_of(engine, session("s"));
    all = version_of(engine, (struct oks_target){.kind = OKS_ALL});
    ck_assert_uint_eq(version_of(engine, session("s")), before);
    put_file(OWN "prices.json", "{}");
    ck_assert_uint_gt(version_of(engine, session("s")), before);
    ck_assert_uint_gt(version_of(engine, project("p")), before);
    ck_assert_uint_gt(version_of(engine, (struct oks_target){.kind = OKS_ALL}), all);
    before = version_of(engine, session("s"));
    put_file(OWN "prices.json", "{");
    ck_assert_uint_eq(version_of(engine, session("s")), before);
    engine_close(engine);
}
END_TEST

static int note(void *ctx, const char *path, const char *error, const char *doubt)
{
    char **notes = ctx;

    *notes =
        text_of("%s%s: %s%s\n", *notes, strrchr(path, '/') + 1, error ? error : "good", doubt ? " ?" : "");
    return 0;
}

START_TEST(the_files_can_be_checked_without_an_engine)
{
    char *notes = "";

    ck_assert_int_eq(oks_settings_check(at("okstra"), note, &notes), 0);
    ck_assert_str_eq(notes, "");
    put_file("okstra/okstrafs.json", "{\n\"budget\": {}}");
    put_file(OWN "prices.json", "{}");
    ck_assert_int_eq(oks_settings_check(at("okstra"), note, &notes), 0);
    ck_assert_str_eq(notes, "okstrafs.json: line 2: \"budget\" is not known; known are budgets, timeZone, "
                            "metrics, host and hosts\n"
                            "prices.json: good\n");
    put_file(OWN "prices.json", "{\"m\": {\"input_cost\": 1}}");
    ck_assert_int_eq(unlink(at("okstra/okstrafs.json")), 0);
    notes = "";
    ck_assert_int_eq(oks_settings_check(at("okstra"), note, &notes), 0);
    ck_assert_str_eq(notes, "prices.json: good ?\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("settings");

    SCRATCH_TEST(s, an_error_is_a_document_and_a_version);
    SCRATCH_TEST(s, a_price_change_shows_at_the_next_read);
    SCRATCH_TEST(s, the_same_without_watches);
    SCRATCH_TEST(s, the_same_where_the_home_comes_late);
    SCRATCH_TEST(s, changes_that_follow_each_other_quickly);
    SCRATCH_TEST(s, a_link_to_elsewhere);
    SCRATCH_TEST(s, a_wrong_file_is_told_and_the_last_good_one_kept);
    SCRATCH_TEST(s, a_price_change_is_a_new_version_of_everything);
    SCRATCH_TEST(s, the_files_can_be_checked_without_an_engine);
    return tap_run(s);
}
