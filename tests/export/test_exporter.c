/*
 * Rounds of the exporter, while the tree changes.
 */
#include <limits.h>
#include <sys/stat.h>

#include "engine_home.h"
#include "export/exporter.h"
#include "okstrafs/names.h"

static const struct oks_target all = {.kind = OKS_ALL};

static struct oks_engine *engine;

/* A session is of the member of the same name. */
static void put(const char *session, int input)
{
    append_file(
        text_of(PROJECTS "-w/%s.jsonl", session),
        text_of("{\"type\":\"assistant\",\"timestamp\":\"2026-06-10T09:00:00.000Z\",\"uuid\":\"u-%s-%d\","
                "\"teamName\":\"crew\",\"agentName\":\"%s\",\"message\":{\"id\":\"m-%s-%d\","
                "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\","
                "\"usage\":{\"input_tokens\":%d,\"output_tokens\":0}}}\n",
                session, input, session, session, input, input));
}

/*
 * Instead of the engine's own: a session goes when the exporter asks for the version for teams/, after it has
 * visited projects/ and sessions/.
 */
static int asked = INT_MIN;
uint64_t __real_oks_engine_names_version(struct oks_engine *e);
uint64_t __wrap_oks_engine_names_version(struct oks_engine *e);

uint64_t __wrap_oks_engine_names_version(struct oks_engine *e)
{
    if (++asked == 4) {
        ck_assert_int_eq(unlink(at(PROJECTS "-w/a.jsonl")), 0);
        sync_target(e, all, false);
    }
    return __real_oks_engine_names_version(e);
}

/* Counts what is rendered. */
static int rendered_prices, rendered_usage, rendered_of[2];
int __real_oks_document_prices(struct oks_engine *e, struct oks_document *out);
int __wrap_oks_document_prices(struct oks_engine *e, struct oks_document *out);
int __real_oks_document_usage(struct oks_engine *e, const struct oks_target *target,
                              const struct oks_window *window, struct oks_document *out);
int __wrap_oks_document_usage(struct oks_engine *e, const struct oks_target *target,
                              const struct oks_window *window, struct oks_document *out);

int __wrap_oks_document_prices(struct oks_engine *e, struct oks_document *out)
{
    rendered_prices++;
    return __real_oks_document_prices(e, out);
}

int __wrap_oks_document_usage(struct oks_engine *e, const struct oks_target *target,
                              const struct oks_window *window, struct oks_document *out)
{
    rendered_usage++;
    if (target->kind == OKS_MEMBER)
        rendered_of[strcmp(target->member, "b") == 0]++;
    return __real_oks_document_usage(e, target, window, out);
}

static void failed(void *ctx, const char *path, int error)
{
    (void)ctx;
    if (error != -EEXIST || strcmp(path, "pricing.json") != 0)
        ck_abort_msg("%s: %s", path, strerror(-error));
}

static bool is_there(const char *rel)
{
    struct stat st;

    return stat(at(rel), &st) == 0;
}

static struct exporter *exporter;
static struct export_folder top;
static const struct patterns patterns = {.whole = true};
static const struct export_rights rights = {.mode = 0600};

/* Two sessions of a team, and an exporter of all that has made no round. */
static void begin(void)
{
    static const struct exporter_events events = {failed, NULL};

    put_file(PROJECTS "-w/a.jsonl", "");
    put_file(PROJECTS "-w/b.jsonl", "");
    put("a", 1);
    put("b", 1);
    engine = engine_open((struct engine_options){.no_cache = true});
    ck_assert_int_eq(export_folder_open_top(&top, at("out"), &rights), 0);
    ck_assert_int_eq(exporter_new(&exporter, engine, &patterns, &top, &events), 0);
}

static void end(void)
{
    exporter_free(exporter);
    export_folder_close(&top);
    engine_close(engine);
}

START_TEST(names_that_change_in_a_round)
{
    begin();
    for (int round = 0; round < 3; round++) {
        put("b", 10 + round);
        asked = INT_MIN;
        sync_target(engine, all, false);
        asked = round == 1 ? 0 : INT_MIN;
        ck_assert_int_eq(exporter_round(exporter, 0, NULL), 0);
        ck_assert(is_there("out/sessions/b/usage.json"));
        ck_assert(is_there("out/teams/crew/usage.json"));
        ck_assert_int_eq(is_there("out/sessions/a"), round < 2);
        ck_assert(round != 1 || asked >= 4);
    }
    end();
}
END_TEST

/* Syncs, and makes a round. */
static void go_on(void)
{
    rendered_prices = rendered_usage = rendered_of[0] = rendered_of[1] = 0;
    asked = INT_MIN;
    sync_target(engine, all, false);
    ck_assert_int_eq(exporter_round(exporter, 0, NULL), 0);
}

START_TEST(what_has_not_changed_is_not_rendered)
{
    begin();
    go_on();
    ck_assert_int_eq(rendered_prices, 1);
    ck_assert_int_eq(rendered_of[0] + rendered_of[1], 2);
    go_on();
    ck_assert_int_eq(rendered_usage, 0);
    for (int i = 0; i < 2; i++) { /* at the first change the names are listed once more */
        put("b", 10 + i);
        go_on();
        ck_assert_int_eq(rendered_prices, 0);
        ck_assert_int_eq(rendered_of[0], 0);
        ck_assert_int_eq(rendered_of[1], 1);
    }
    exporter_forget(exporter);
    go_on();
    ck_assert_int_eq(rendered_prices, 1);
    ck_assert_int_eq(rendered_of[0], 1);
    end();
}
END_TEST

START_TEST(an_entry_that_could_not_be_written_is_written_later)
{
    begin();
    ck_assert_int_eq(mkdir(at("out/pricing.json"), 0700), 0);
    go_on();
    ck_assert(exporter_refused(exporter));
    ck_assert_int_eq(rmdir(at("out/pricing.json")), 0);
    put("b", 10);
    go_on();
    ck_assert(!exporter_refused(exporter));
    ck_assert_int_eq(rendered_prices, 1);
    ck_assert(is_there("out/pricing.json"));
    end();
}
END_TEST

START_TEST(new_prices_come_through)
{
    begin();
    go_on();
    put_file("okstra/okstrafs/prices.json", "{\"claude-opus-4-7\":{\"input_cost_per_token\":0.1}}");
    go_on();
    ck_assert_int_eq(rendered_prices, 1);
    ck_assert_int_eq(rendered_of[0], 1);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter");

    SCRATCH_TEST(suite, names_that_change_in_a_round);
    SCRATCH_TEST(suite, what_has_not_changed_is_not_rendered);
    SCRATCH_TEST(suite, an_entry_that_could_not_be_written_is_written_later);
    SCRATCH_TEST(suite, new_prices_come_through);
    return tap_run(suite);
}
