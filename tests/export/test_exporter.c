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

static void put(const char *session, int input)
{
    append_file(
        text_of(PROJECTS "-w/%s.jsonl", session),
        text_of("{\"type\":\"assistant\",\"timestamp\":\"2026-06-10T09:00:00.000Z\",\"uuid\":\"u-%s-%d\","
                "\"teamName\":\"crew\",\"message\":{\"id\":\"m-%s-%d\",\"model\":\"claude-opus-4-7\","
                "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%d,\"output_tokens\":0}}}\n",
                session, input, session, input, input));
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

static void failed(void *ctx, const char *path, int error)
{
    (void)ctx;
    ck_abort_msg("%s: %s", path, strerror(-error));
}

static bool is_there(const char *rel)
{
    struct stat st;

    return stat(at(rel), &st) == 0;
}

START_TEST(names_that_change_in_a_round)
{
    struct exporter_events events = {failed, NULL};
    struct export_rights rights = {.mode = 0600};
    struct patterns patterns = {.whole = true};
    struct export_folder top;
    struct exporter *e;

    put_file(PROJECTS "-w/a.jsonl", "");
    put_file(PROJECTS "-w/b.jsonl", "");
    put("a", 1);
    put("b", 1);
    engine = engine_open((struct engine_options){.no_cache = true});
    ck_assert_int_eq(export_folder_open_top(&top, at("out"), &rights), 0);
    ck_assert_int_eq(exporter_new(&e, engine, &patterns, &top, &events), 0);
    for (int round = 0; round < 3; round++) {
        put("b", 10 + round);
        sync_target(engine, all, false);
        asked = round == 1 ? 0 : INT_MIN;
        ck_assert_int_eq(exporter_round(e, 0, NULL), 0);
        ck_assert(is_there("out/sessions/b/usage.json"));
        ck_assert(is_there("out/teams/crew/usage.json"));
        ck_assert_int_eq(is_there("out/sessions/a"), round < 2);
        ck_assert(round != 1 || asked >= 4);
    }
    exporter_free(e);
    export_folder_close(&top);
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter");

    SCRATCH_TEST(suite, names_that_change_in_a_round);
    return tap_run(suite);
}
