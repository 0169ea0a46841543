/*
 * sessions/<id>/tools.jsonl: which calls have a line, when, and what it says.
 */
#include "engine_home.h"
#include "okstrafs/stream.h"

#define P      PROJECTS "-p/"
#define CODEX  "codex/sessions/2026/06/10/"
#define GEMINI "gemini/tmp/g/chats/"

static struct oks_engine *engine;

static void setup(void)
{
    char home[PATH_MAX], claude[PATH_MAX], codex[PATH_MAX], gemini[PATH_MAX];
    const char *dirs[3][2] = {{claude, NULL}, {codex, NULL}, {gemini, NULL}};
    struct oks_config config = {
        .okstra_home = home,
        .dirs = {[OKS_SOURCE_CLAUDE] = dirs[0], [OKS_SOURCE_CODEX] = dirs[1], [OKS_SOURCE_GEMINI] = dirs[2]}};

    scratch_setup();
    make_parents(P);
    make_parents(CODEX);
    make_parents(GEMINI);
    snprintf(home, sizeof(home), "%s/okstra", scratch);
    snprintf(claude, sizeof(claude), "%s/claude", scratch);
    snprintf(codex, sizeof(codex), "%s/codex", scratch);
    snprintf(gemini, sizeof(gemini), "%s/gemini", scratch);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

static int take_line(void *ctx, const char *bytes, size_t len)
{
    char **text = ctx;

    ck_assert(bytes[len - 1] == '\n' && !memchr(bytes, '\n', len - 1));
    ck_assert_ptr_null(memmem(bytes, len, "SECRET", 6));
    *text = text_of("%s%.*s", *text, (int)len, bytes);
    return 0;
}

static struct oks_stream_cursor fresh(void)
{
    return (struct oks_stream_cursor){.kind = OKS_STREAM_TOOLS};
}

/* The lines behind the cursor; NULL: the stream starts over. */
static char *next(const char *id, struct oks_stream_cursor *cursor)
{
    struct oks_target target = session(id);
    int64_t mtime_ns;
    char *text = "";
    int rc;

    sync_target(engine, target, false);
    rc = oks_stream_next(engine, &target, cursor, take_line, &text, &mtime_ns);
    ck_assert_int_ge(rc, 0);
    ck_assert(rc == OKS_STREAM_GOES_ON || cursor->generation == 0);
    return rc == OKS_STREAM_STARTED_OVER ? NULL : text;
}

/* "id:durationMs:failed" of each line, with blanks between. */
static char *brief(const char *text)
{
    char *list = "";

    ck_assert_ptr_nonnull(text);
    for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
        json_object *line = parsed(text_of("%.*s", (int)strcspn(p, "\n"), p));

        list = text_of("%s%s%s:%s:%s", list, *list ? " " : "", string(line, "id"), string(line, "durationMs"),
                       string(line, "failed"));
    }
    return list;
}

static char *all_of(const char *id)
{
    struct oks_stream_cursor cursor = fresh();
    char *text = next(id, &cursor);

    oks_stream_end(&cursor);
    return text;
}

#define AT(second) "2026-06-10T01:00:" second "Z"

static char *call(const char *message, const char *id, const char *name, const char *stamp, const char *more)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"%s\",%s\"message\":{\"id\":\"%s\",\"content\":[{\"type\":"
        "\"tool_use\",\"id\":\"%s\",\"name\":\"%s\",\"input\":{\"id\":\"SECRET\",\"name\":\"SECRET\"}}],"
        "\"model\":\"claude-opus-4-7\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n",
        stamp, more, message, id, name);
}

static char *result(const char *id, const char *stamp, bool failed)
{
    return text_of(
        "{\"type\":\"user\",\"timestamp\":\"%s\",\"message\":{\"content\":[{\"tool_use_id\":\"%s\",%s"
        "\"type\":\"tool_result\",\"content\":\"SECRET\"}]},\"toolUseResult\":\"SECRET\"}\n",
        stamp, id, failed ? "\"is_error\":true," : "");
}

START_TEST(a_line_says_what_a_call_was)
{
    put_file(P "s.jsonl", text_of("%s%s", call("msg_1", "t1", "Re\\\"ad", AT("01.500"), ""),
                                  result("t1", AT("03.250"), false)));
    ck_assert_str_eq(all_of("s"),
                     "{\"t\":\"2026-06-10T01:00:01.500Z\",\"id\":\"t1\",\"name\":\"Re\\\"ad\","
                     "\"durationMs\":1750,\"failed\":false,\"messageId\":\"msg_1\",\"agentId\":null,"
                     "\"sidechain\":false}\n");
    put_file(P "a.jsonl",
             text_of("%s%s",
                     call("msg_1", "t1", "Bash", AT("01"), "\"isSidechain\":true,\"agentId\":\"a7\","),
                     result("t1", AT("01"), true)));
    ck_assert_str_eq(all_of("a"),
                     "{\"t\":\"2026-06-10T01:00:01Z\",\"id\":\"t1\",\"name\":\"Bash\",\"durationMs\":0,"
                     "\"failed\":true,\"messageId\":\"msg_1\",\"agentId\":\"a7\",\"sidechain\":true}\n");
}
END_TEST

START_TEST(a_call_has_a_line_when_it_has_ended)
{
    struct oks_stream_cursor cursor = fresh();
    char *whole = result("t3", AT("09"), false);

    put_file(P "s.jsonl", text_of("%s%s", call("msg_1", "t1", "Read", AT("01"), ""),
                                  call("msg_1", "t2", "Read", AT("02"), "")));
    ck_assert_str_eq(next("s", &cursor), "");
    append_file(P "s.jsonl", result("t2", AT("03"), false));
    ck_assert_str_eq(brief(next("s", &cursor)), "t2:1000:false");
    append_file(P "s.jsonl",
                text_of("%s%s%.*s", result("t1", AT("04"), true), call("msg_2", "t3", "Read", AT("05"), ""),
                        (int)strlen(whole) - 1, whole));
    ck_assert_str_eq(brief(next("s", &cursor)), "t1:3000:true");
    append_file(P "s.jsonl", "\n");
    ck_assert_str_eq(brief(next("s", &cursor)), "t3:4000:false");
    ck_assert_str_eq(next("s", &cursor), "");
    ck_assert_str_eq(brief(all_of("s")), "t1:3000:true t2:1000:false t3:4000:false"); /* by time */
    oks_stream_end(&cursor);
}
END_TEST

START_TEST(a_conversation_that_goes_on_ends_its_calls)
{
    put_file(P "s.jsonl",
             text_of("%s%s%s%s%s%s", call("msg_1", "t1", "Task", AT("01"), ""),
                     call("msg_2", "t2", "Read", AT("02"), "\"isSidechain\":true,\"agentId\":\"a\","),
                     call("msg_3", "t3", "Read", AT("03"), "\"isSidechain\":true,\"agentId\":\"b\","),
                     call("msg_4", "t4", "Read", AT("04"), "\"isSidechain\":true,\"agentId\":\"a\","),
                     call("msg_5", "t5", "Read", AT("05"), "\"isSidechain\":true,"),
                     call("msg_6", "t6", "Read", AT("06"), "\"isSidechain\":true,")));
    ck_assert_str_eq(brief(all_of("s")), "t2:(null):(null)");
    append_file(P "s.jsonl", text_of("%s%s%s", call("msg_7", "t7", "Read", AT("07"), ""),
                                     result("t1", AT("08"), false), result("t5", AT("09"), false)));
    ck_assert_str_eq(brief(all_of("s")), "t1:(null):(null) t2:(null):(null) t5:4000:false");
}
END_TEST

START_TEST(repeated_lines_count_once)
{
    struct oks_stream_cursor cursor = fresh();
    char *both = text_of("%s%s", call("msg_1", "t1", "Read", AT("01"), ""), result("t1", AT("02"), false));

    put_file(P "s.jsonl", both);
    ck_assert_str_eq(brief(next("s", &cursor)), "t1:1000:false");
    append_file(P "s.jsonl", both);
    put_file(PROJECTS "-q/s.jsonl", both);
    ck_assert_str_eq(next("s", &cursor), "");
    ck_assert_str_eq(brief(all_of("s")), "t1:1000:false");
    oks_stream_end(&cursor);
}
END_TEST

START_TEST(a_stream_starts_over_with_its_transcripts)
{
    struct oks_stream_cursor cursor = fresh();

    put_file(P "s.jsonl", text_of("%s%s%s", padding_line(), call("msg_1", "t1", "Read", AT("01"), ""),
                                  result("t1", AT("02"), false)));
    ck_assert_str_eq(brief(next("s", &cursor)), "t1:1000:false");
    put_file(P "s.jsonl", text_of("{}%s%s%s", padding_line(), call("msg_1", "t9", "Read", AT("01"), ""),
                                  result("t9", AT("02"), false)));
    ck_assert_ptr_null(next("s", &cursor));
    ck_assert_str_eq(brief(next("s", &cursor)), "t9:1000:false");
    put_file(PROJECTS "-q/s.jsonl",
             text_of("%s%s", call("msg_2", "t2", "Read", AT("00"), ""), result("t2", AT("02"), false)));
    ck_assert_str_eq(brief(next("s", &cursor)), "t2:2000:false");
    ck_assert_int_eq(unlink(at(P "s.jsonl")), 0);
    ck_assert_ptr_null(next("s", &cursor));
    ck_assert_str_eq(brief(next("s", &cursor)), "t2:2000:false");
    oks_stream_end(&cursor);
}
END_TEST

static int refuse(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return -ENOSPC;
}

START_TEST(lines_that_are_refused_are_not_lost)
{
    struct oks_stream_cursor cursor = fresh();
    struct oks_target target = session("s");
    int64_t mtime_ns;

    put_file(P "s.jsonl",
             text_of("%s%s", call("msg_1", "t1", "Read", AT("01"), ""), result("t1", AT("02"), false)));
    sync_target(engine, target, false);
    ck_assert_int_eq(oks_stream_next(engine, &target, &cursor, refuse, NULL, &mtime_ns), -ENOSPC);
    ck_assert_str_eq(brief(next("s", &cursor)), "t1:1000:false");
    append_file(P "s.jsonl",
                text_of("%s%s", call("msg_2", "t2", "Read", AT("03"), ""), result("t2", AT("04"), false)));
    sync_target(engine, target, false);
    ck_assert_int_eq(oks_stream_next(engine, &target, &cursor, refuse, NULL, &mtime_ns), -ENOSPC);
    ck_assert_ptr_null(next("s", &cursor));
    ck_assert_str_eq(brief(next("s", &cursor)), "t1:1000:false t2:1000:false");
    oks_stream_end(&cursor);
}
END_TEST

START_TEST(there_are_streams_of_sessions_only)
{
    struct oks_stream_cursor cursor = fresh();
    struct oks_target all = {.kind = OKS_ALL}, gone = session("gone");
    int64_t mtime_ns;

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_stream_next(engine, &all, &cursor, refuse, NULL, &mtime_ns), -ENOENT);
    ck_assert_int_eq(oks_stream_next(engine, &gone, &cursor, refuse, NULL, &mtime_ns), -ENOENT);
    oks_stream_end(&cursor);
}
END_TEST

/* --- Codex --- */

#define THREAD  "0199a213-81c0-7800-8aa1-bbab2a035a53"
#define ROLLOUT CODEX "rollout-2026-06-10T01-00-00-" THREAD ".jsonl"

static char *item(const char *second, const char *type, const char *payload)
{
    return text_of("{\"timestamp\":\"2026-06-10T01:00:%sZ\",\"type\":\"%s\",\"payload\":{%s}}\n", second,
                   type, payload);
}

static char *shell(const char *second, const char *id)
{
    return item(
        second, "response_item",
        text_of("\"type\":\"function_call\",\"name\":\"shell\",\"arguments\":\"SECRET\",\"call_id\":\"%s\"",
                id));
}

static char *output(const char *second, const char *id, const char *text)
{
    return item(second, "response_item",
                text_of("\"type\":\"function_call_output\",\"call_id\":\"%s\",\"output\":\"%s\"", id, text));
}

START_TEST(codex_says_by_exit_codes_what_failed)
{
    char *text = item("00", "session_meta", "\"id\":\"" THREAD "\",\"cwd\":\"/p\"");
    static const char *const outputs[][2] = {
        {"Exit code: 0\\nWall time: 1 seconds\\nOutput:\\nExit code: 3", "false"},
        {"Exit code: 127\\nWall time: 1 seconds\\nOutput:\\nSECRET", "true"},
        {"Chunk ID: 1\\nProcess exited with code 1\\nOutput:\\nSECRET", "true"},
        {"Chunk ID: 1\\nProcess running with session ID 5\\nOutput:\\nProcess exited with code 1", "(null)"},
        {"{\\\"output\\\":\\\"SECRET "
         "\\\\\\\"metadata\\\\\\\":{\\\\\\\"exit_code\\\\\\\":0\\\",\\\"metadata\\\":{"
         "\\\"exit_code\\\":2,\\\"duration_seconds\\\":0.1}}",
         "true"},
        {"{\\\"output\\\":\\\"\\\",\\\"metadata\\\":{\\\"exit_code\\\":0,\\\"duration_seconds\\\":0.1}}",
         "false"},
        {"SECRET", "(null)"},
    };
    char *expected = "";

    for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++) {
        text = text_of("%s%s%s", text, shell(text_of("%02zu", 2 * i), text_of("c%zu", i)),
                       output(text_of("%02zu.5", 2 * i), text_of("c%zu", i), outputs[i][0]));
        expected = text_of("%s%sc%zu:500:%s", expected, i ? " " : "", i, outputs[i][1]);
    }
    put_file(ROLLOUT, text);
    ck_assert_str_eq(brief(all_of(THREAD)), expected);
}
END_TEST

START_TEST(codex_events_say_it_too)
{
    static const char *const events[][2] = {
        {"\"type\":\"exec_command_end\",\"exit_code\":1,\"call_id\":", "true"},
        {"\"type\":\"exec_command_end\",\"exit_code\":0,\"call_id\":", "false"},
        {"\"type\":\"patch_apply_end\",\"success\":true,\"call_id\":", "false"},
        {"\"type\":\"patch_apply_end\",\"success\":false,\"call_id\":", "true"},
        {"\"type\":\"mcp_tool_call_end\",\"result\":{\"Err\":\"SECRET\"},\"call_id\":", "true"},
        {"\"type\":\"mcp_tool_call_end\",\"result\":{\"Ok\":{\"content\":[],\"isError\":true}},\"call_id\":",
         "true"},
        {"\"type\":\"mcp_tool_call_end\",\"result\":{\"Ok\":{\"content\":[]}},\"call_id\":", "false"},
        {"\"type\":\"agent_message\",\"call_id\":", "(null)"},
    };
    char *text = item("00", "session_meta", "\"id\":\"" THREAD "\",\"cwd\":\"/p\""), *expected = "";

    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        char *id = text_of("c%zu", i);

        text = text_of("%s%s%s%s", text, shell(text_of("%02zu", 2 * i), id),
                       item("59", "event_msg", text_of("%s\"%s\"", events[i][0], id)),
                       output(text_of("%02zu.25", 2 * i), id, "SECRET"));
        expected = text_of("%s%s%s:250:%s", expected, i ? " " : "", id, events[i][1]);
    }
    put_file(ROLLOUT, text);
    ck_assert_str_eq(brief(all_of(THREAD)), expected);
}
END_TEST

START_TEST(a_turn_that_ends_ends_its_calls)
{
    put_file(ROLLOUT,
             text_of("%s%s%s%s%s", item("00", "session_meta", "\"id\":\"" THREAD "\",\"cwd\":\"/p\""),
                     item("01", "response_item", "\"type\":\"web_search_call\",\"status\":\"completed\""),
                     shell("02", "c1"),
                     item("03", "event_msg", "\"type\":\"turn_aborted\",\"turn_id\":\"1\""),
                     shell("04", "c2")));
    ck_assert_str_eq(brief(all_of(THREAD)), "(null):(null):false c1:(null):(null)");
    append_file(ROLLOUT,
                text_of("%s%s", output("05", "c1", "Exit code: 0"), output("06", "c2", "Exit code: 0")));
    ck_assert_str_eq(brief(all_of(THREAD)), "(null):(null):false c1:(null):(null) c2:2000:false");
}
END_TEST

/* --- Gemini --- */

static char *message(const char *id, const char *calls)
{
    return text_of("{\"id\":\"%s\",\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"type\":\"gemini\",\"model\":"
                   "\"gemini-2.5-pro\",\"tokens\":{\"input\":1,\"output\":1},\"toolCalls\":[%s]}",
                   id, calls);
}

static char *tool(const char *id, const char *status, const char *second)
{
    return text_of(
        "{\"id\":\"%s\",\"name\":\"read_file\",\"args\":{\"id\":\"SECRET\"},\"status\":\"%s\",\"timestamp\":"
        "\"2026-06-10T01:00:%sZ\",\"result\":[{\"name\":\"SECRET\"}]}",
        id, status, second);
}

START_TEST(a_gemini_call_counts_once_it_has_ended)
{
    struct oks_stream_cursor cursor = fresh();

    put_file(
        GEMINI "session-2026-06-10T01-00-00-abc.jsonl",
        text_of("{\"sessionId\":\"g\",\"startTime\":\"2026-06-10T01:00:00.000Z\"}\n%s\n",
                message("m1", text_of("%s,%s", tool("c1", "success", "01"), tool("c2", "executing", "02")))));
    ck_assert_str_eq(brief(next("g", &cursor)), "c1:(null):false");
    append_file(GEMINI "session-2026-06-10T01-00-00-abc.jsonl",
                text_of("{\"$set\":{\"messages\":[%s]}}\n",
                        message("m1", text_of("%s,%s,%s", tool("c1", "success", "01"),
                                              tool("c2", "error", "02"), tool("c3", "cancelled", "03")))));
    ck_assert_str_eq(brief(next("g", &cursor)), "c2:(null):true c3:(null):true");
    oks_stream_end(&cursor);
}
END_TEST

START_TEST(a_chat_that_is_one_object_is_read_anew)
{
    struct oks_stream_cursor cursor = fresh();
    char *one = tool("c1", "success", "01"), *two = tool("c2", "success", "02");

    put_file(GEMINI "session-old.json",
             text_of("{\"sessionId\":\"g\",\n\"messages\":[%s]}", message("m1", one)));
    ck_assert_str_eq(brief(next("g", &cursor)), "c1:(null):false");
    put_file(GEMINI "session-old.json",
             text_of("{\"sessionId\":\"g\",\n\"messages\":[%s,%s]}", message("m1", one), message("m2", two)));
    ck_assert_str_eq(brief(next("g", &cursor)), "c2:(null):false");
    ck_assert_str_eq(brief(all_of("g")), "c1:(null):false c2:(null):false");
    oks_stream_end(&cursor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tool_calls");

#define SCRATCH(function) FIXTURE_TEST(suite, function, setup, teardown, 120)
    SCRATCH(a_line_says_what_a_call_was);
    SCRATCH(a_call_has_a_line_when_it_has_ended);
    SCRATCH(a_conversation_that_goes_on_ends_its_calls);
    SCRATCH(repeated_lines_count_once);
    SCRATCH(a_stream_starts_over_with_its_transcripts);
    SCRATCH(lines_that_are_refused_are_not_lost);
    SCRATCH(there_are_streams_of_sessions_only);
    SCRATCH(codex_says_by_exit_codes_what_failed);
    SCRATCH(codex_events_say_it_too);
    SCRATCH(a_turn_that_ends_ends_its_calls);
    SCRATCH(a_gemini_call_counts_once_it_has_ended);
    SCRATCH(a_chat_that_is_one_object_is_read_anew);
    return tap_run(suite);
}
