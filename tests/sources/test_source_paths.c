/* What each source reads out of paths. */
#include <string.h>

#include "sources/source.h"
#include "sources/source_paths.h"
#include "tap.h"

static const struct source *claude, *codex, *gemini;

static void setup(void)
{
    claude = oks_sources[OKS_SOURCE_CLAUDE];
    codex = oks_sources[OKS_SOURCE_CODEX];
    gemini = oks_sources[OKS_SOURCE_GEMINI];
}

static void is(struct oks_slice slice, const char *want)
{
    ck_assert_msg(oks_slice_eq(slice, oks_slice_of(want)), "%.*s, not %s", (int)slice.len, slice.ptr,
                  want ? want : "absent");
}

START_TEST(parts_of_a_path)
{
    is(source_top("a/b/c"), "a");
    is(source_top("/b"), "");
    is(source_top("b"), NULL);
    is(source_stem("a/b.jsonl", ".jsonl"), "b");
    is(source_stem("b.jsonl", ".jsonl"), "b");
    is(source_stem("a/b.json", ".jsonl"), "b.json");
    is(source_stem("a/.jsonl", ".jsonl"), "");
}
END_TEST

START_TEST(each_has_its_place_in_the_table)
{
    for (int i = 0; i < OKS_SOURCES; i++) {
        ck_assert_int_eq(oks_sources[i]->id, i);
        ck_assert_str_eq(oks_source_name((enum oks_source)i), oks_sources[i]->name);
    }
    ck_assert_str_eq(oks_source_name(OKS_SOURCES), "unknown");
    ck_assert_str_eq(oks_source_name((enum oks_source) - 1), "unknown");
}
END_TEST

START_TEST(paths_of_claude_desktop)
{
    const struct source *desktop = &oks_source_claude_desktop;
#define CONFIG "account/space/local_1/.claude"

    ck_assert_int_eq(desktop->id, OKS_SOURCE_CLAUDE);
    ck_assert(desktop->wants(CONFIG "/projects/-p/s.jsonl"));
    ck_assert(desktop->wants(CONFIG "/projects/-p/s/subagents/agent-1.jsonl"));
    ck_assert(!desktop->wants("account/space/local_1/audit.jsonl") &&
              !desktop->wants(CONFIG "/history.jsonl") && !desktop->wants(CONFIG "/projects/s.jsonl") &&
              !desktop->wants(CONFIG "/projects/-p/journal.jsonl"));
    ck_assert(desktop->enters("account") && desktop->enters("account/space/local_1") &&
              desktop->enters(CONFIG) && desktop->enters(CONFIG "/projects") &&
              desktop->enters(CONFIG "/projects/-p/s/subagents"));
    ck_assert(!desktop->enters("account/space/local_1/outputs") && !desktop->enters(CONFIG "/todos") &&
              !desktop->enters("account/space/local_1/outputs/.claude"));
    is(desktop->project(CONFIG "/projects/-p/s.jsonl"), "-p");
    is(desktop->id_of(CONFIG "/projects/-p/s.jsonl"), "s");
    is(desktop->parent(CONFIG "/projects/-p/s/subagents/agent-1.jsonl"), "s");
}
END_TEST

START_TEST(paths_of_claude_code)
{
    char out[64];

    setup();
    ck_assert(claude->wants("p/s.jsonl") && claude->wants("s.jsonl"));
    ck_assert(!claude->wants("p/s.json") && !claude->wants("p/journal.jsonl") &&
              !claude->wants("journal.jsonl"));
    is(claude->id_of("p/s.jsonl"), "s");
    is(claude->project("p/s/x.jsonl"), "p");
    is(claude->parent("p/s.jsonl"), NULL);
    is(claude->parent("p/s/subagents/agent-a.jsonl"), "s");
    is(claude->parent("s/subagents/deep/agent-a.jsonl"), "s");
    ck_assert(claude->label("/p/agent-a.jsonl", out, sizeof(out)));
    ck_assert_str_eq(out, "/p/agent-a.meta.json");
    ck_assert(claude->label("agent-.jsonl", out, sizeof(out)));
    ck_assert(!claude->label("/p/s.jsonl", out, sizeof(out)));
    ck_assert(!claude->label("/agent-p/s.jsonl", out, sizeof(out)));
    ck_assert(!claude->label("/p/agent-a.json", out, sizeof(out)));
    ck_assert(claude->labelled("/p/agent-a.meta.json", out, sizeof(out)));
    ck_assert_str_eq(out, "/p/agent-a.jsonl");
    ck_assert(!claude->labelled("/p/agent-a.jsonl", out, sizeof(out)));
    ck_assert(claude->label("/p/agent-a.jsonl", out, strlen("/p/agent-a.meta.json") + 1));
    ck_assert(!claude->label("/p/agent-a.jsonl", out, strlen("/p/agent-a.meta.json")));
}
END_TEST

START_TEST(paths_of_codex)
{
    setup();
    ck_assert(codex->wants("2026/02/23/rollout-x.jsonl") && codex->wants("rollout-x.jsonl"));
    ck_assert(!codex->wants("rollout-x.json") && !codex->wants("rollout/x.jsonl") &&
              !codex->wants("x.jsonl"));
    is(codex->id_of("2026/rollout-2026-02-23T12-40-23-0199-id.jsonl"), "0199-id");
    is(codex->id_of("rollout-2026-02-23T12-40-23-x.jsonl"), "x");
    is(codex->id_of("rollout-2026-02-23T12-40-23-.jsonl"), "rollout-2026-02-23T12-40-23-");
    is(codex->id_of("rollout-2026-02-23 12-40-23-x.jsonl"), "rollout-2026-02-23 12-40-23-x");
    is(codex->id_of("rollout-2026-02-23T12-40-23_x.jsonl"), "rollout-2026-02-23T12-40-23_x");
    is(codex->id_of("rollout-short.jsonl"), "rollout-short");
    ck_assert(!codex->parent && !codex->project);
}
END_TEST

START_TEST(paths_of_gemini)
{
    char out[64];

    setup();
    ck_assert(gemini->wants("p/chats/session-1.jsonl") && gemini->wants("p/chats/session-1.json"));
    ck_assert(gemini->wants("p/chats/s/a.jsonl"));
    ck_assert(!gemini->wants("p/chats/s/a.json") && !gemini->wants("p/chats/a.jsonl"));
    ck_assert(!gemini->wants("p/session-1.jsonl") && !gemini->wants("chats/session-1.jsonl"));
    ck_assert(!gemini->wants("p/q/chats/session-1.jsonl") && !gemini->wants("p/chats/session-1.txt"));
    ck_assert(gemini->enters("p") && gemini->enters("p/chats") && gemini->enters("p/chats/s"));
    ck_assert(!gemini->enters("p/other") && !gemini->enters("p/chatsx") && !gemini->enters("p/q/chats"));
    ck_assert(gemini->whole("p/chats/session-1.json") && !gemini->whole("p/chats/session-1.jsonl"));
    is(gemini->id_of("p/chats/session-1.json"), "session-1");
    is(gemini->id_of("p/chats/s/a.jsonl"), "a");
    is(gemini->parent("p/chats/s/a.jsonl"), "s");
    is(gemini->parent("p/chats/session-1.jsonl"), NULL);
    is(gemini->parent("p/other/s/a.jsonl"), NULL);
    is(gemini->project("p/chats/session-1.jsonl"), "p");
    ck_assert_int_lt(gemini->rank("a.jsonl"), gemini->rank("a.json"));
    ck_assert(gemini->marker("/t/chats/p/chats/s/a.jsonl", out, sizeof(out)));
    ck_assert_str_eq(out, "/t/chats/p/.project_root");
    ck_assert(!gemini->marker("/t/p/a.jsonl", out, sizeof(out)));
    ck_assert(gemini->marker("p/chats/a", out, strlen("p/.project_root") + 1));
    ck_assert(!gemini->marker("p/chats/a", out, strlen("p/.project_root")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_paths");

    TEST(suite, parts_of_a_path);
    TEST(suite, each_has_its_place_in_the_table);
    TEST(suite, paths_of_claude_desktop);
    TEST(suite, paths_of_claude_code);
    TEST(suite, paths_of_codex);
    TEST(suite, paths_of_gemini);
    return tap_run(suite);
}
