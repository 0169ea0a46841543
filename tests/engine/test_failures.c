/*
 * An engine whose calls fail (support/failing_calls.h): the Nth allocation, open, read, listing and so on,
 * once, or all from the Nth on.
 *
 * A call of the engine returns the right answer or an error. What failed says nothing about a file, so after
 * it the same engine gives every right answer, and so does the next one over the same caches and history.
 * tests/faults/ does the same to whole programs, some of the calls each; this goes through more of them.
 */
#ifdef WITH_SQLITE
#include <sqlite3.h>
#endif
#include <zstd.h>

#include "effort.h"
#include "engine_home.h"
#include "failing_calls.h"
#include "okstrafs/stream.h"

#define NOW INT64_C(1781092800000) /* 2026-06-10T12:00 */

#define OF_W    PROJECTS "-w/"
#define OTHER   PROJECTS "-other/"
#define TASK    "w/.okstra/tasks/T/runs/one/"
#define CODEX   "codex/sessions/2026/06/10/rollout-2026-06-10T09-00-00-019ead00-0000-7000-8000-00000000000"
#define GEMINI  "gemini/tmp/slug/"
#define USAGE   "{\"input_tokens\":%d,\"output_tokens\":%d,\"cache_read_input_tokens\":30}"
#define MINUTES "2026-06-10T09:"

/* --- the home --- */

static char *line(const char *session, const char *id, int minute, int output, const char *more)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"" MINUTES "%02d:00.000Z\",\"sessionId\":\"%s\","
        "\"cwd\":\"%s/w\",\"uuid\":\"%s-%s\",\"requestId\":\"req_%s\",%s\"message\":{\"id\":\"%s\","
        "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"content\":[{\"type\":"
        "\"tool_use\",\"id\":\"toolu_%s\"}],\"usage\":" USAGE "}}\n",
        minute, session, scratch, session, id, id, more, id, id, 10 + minute, output);
}

static char *vendor_id(const char *name, int i)
{
    return text_of("msg_01%sx%020d", name, i);
}

static char *lines(const char *session, int from, int to, const char *more)
{
    char *text = "";

    for (int i = from; i < to; i++)
        text = text_of("%s%s", text, line(session, vendor_id(session, i), i, 100 + i, more));
    return text;
}

static char *count_line(int minute, int total, int last)
{
    return text_of(
        "{\"timestamp\":\"" MINUTES "%02d:00.000Z\",\"type\":\"event_msg\",\"payload\":{\"type\":"
        "\"token_count\",\"info\":{\"total_token_usage\":{\"input_tokens\":%d,\"total_tokens\":%d},"
        "\"last_token_usage\":{\"input_tokens\":%d,\"total_tokens\":%d}},\"rate_limits\":{\"primary\":"
        "{\"used_percent\":%d.5,\"window_minutes\":300,\"resets_at\":1781096400}}}}\n",
        minute, total, total, last, last, minute);
}

static char *codex_text(char which, int n)
{
    char *text = text_of(
        "{\"timestamp\":\"" MINUTES "00:00.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":"
        "\"019ead00-0000-7000-8000-00000000000%c\",\"cwd\":\"%s/w\",\"git\":{\"branch\":\"main\"}}}\n",
        which, scratch);

    for (int i = 1; i <= n; i++)
        text = text_of("%s%s", text, count_line(which % 16 + i, 100 * i + which, 100));
    return text;
}

static void put_packed(const char *rel, const char *text)
{
    size_t room = ZSTD_compressBound(strlen(text)), len;
    char *bytes = kept(malloc(room));

    len = ZSTD_compress(bytes, room, text, strlen(text), 1);
    ck_assert(!ZSTD_isError(len));
    make_parents(rel);
    make_file(rel, bytes, len);
}

static void put_run(const char *end)
{
    put_file(TASK "state/team-state-error-001.json",
             text_of("{\"team\":{\"teamName\":\"crew\"},\"taskKey\":\"T\",%s\"lead\":{\"sessionId\":\"lead\","
                     "\"model\":\"opus\"},\"workers\":[{\"workerId\":\"codex\",\"agent\":\"codex\",\"model\":"
                     "\"gpt-5.5\"}]}",
                     end));
    put_file(TASK "manifests/run-manifest-error-001.json", "{\"createdAt\":\"2026-06-10T08:00:00Z\"}");
}

static void put_settings(const char *limit)
{
    put_file("okstra/okstrafs.json",
             text_of("{\"timeZone\":\"KST-9\",\"budgets\":{"
                     "\"all\":{\"scope\":\"total\",\"limitUSD\":%s},"
                     "\"day\":{\"scope\":\"day\",\"limitTokens\":1000},"
                     "\"each\":{\"scope\":\"session\",\"limitUSD\":1},"
                     "\"w\":{\"scope\":\"project\",\"of\":\"-w\",\"limitUSD\":1},"
                     "\"crew\":{\"scope\":\"team\",\"of\":\"crew\",\"limitUSD\":1},"
                     "\"run\":{\"scope\":\"run\",\"limitUSD\":1},"
                     "\"agent\":{\"scope\":\"agent-day\",\"limitUSD\":1},"
                     "\"block\":{\"scope\":\"block\",\"limitTokens\":1},"
                     "\"lost\":{\"scope\":\"team\",\"of\":\"nobody\",\"limitUSD\":1}}}",
                     limit));
}

/* Documents show when their newest transcript was written. */
static int set_time(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const struct timespec times[2] = {{.tv_sec = 1781082000}, {.tv_sec = 1781082000}};

    if (type == FTW_F)
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static void set_times(void)
{
    nftw(scratch, set_time, 16, FTW_PHYS);
}

#define TEAM "\"teamName\":\"crew\",\"agentName\":\"lead\","

static void put_home(void)
{
    put_settings("3");
    put_file("okstra/okstrafs/prices.json", "{\"models\":{\"gpt-5.5\":{\"inputPerMillionUSD\":2,"
                                            "\"outputPerMillionUSD\":3}}}");
    put_file(OF_W "lead.jsonl", text_of("{\"type\":\"user\",\"message\":{}}\n%s%s", lines("lead", 1, 5, TEAM),
                                        line("lead", "relayed", 6, 7, "")));
    put_file(OF_W "lead/subagents/agent-a.jsonl", lines("agent-a", 1, 3, "\"isSidechain\":true,"));
    put_file(OF_W "lead/subagents/agent-a.meta.json", "{\"agentType\":\"helper\"}");
    put_file(OF_W "fork.jsonl", text_of("%s%s", lines("lead", 1, 3, ""), lines("fork", 7, 9, "")));
    put_file(OTHER "gone.jsonl", lines("gone", 1, 4, ""));
    put_file(OTHER "rewritten.jsonl", lines("rewritten", 1, 6, "\"teamName\":\"crew\",\"agentName\":\"w\","));
    put_file(OTHER "open.jsonl", text_of("%.*s", 700, lines("open", 1, 3, "")));
    put_file("elsewhere/linked.jsonl", lines("linked", 1, 3, ""));
    ck_assert_int_eq(symlink(at("elsewhere"), at(PROJECTS "-linked")), 0);
    ck_assert_int_eq(symlink("/nonexistent", at(PROJECTS "-dangling")), 0);
    ck_assert_int_eq(mkfifo(at(OTHER "fifo.jsonl"), 0600), 0);
    put_run("");
    put_file("claude/teams/pair/config.json",
             "{\"name\":\"pair\",\"leadSessionId\":\"fork\",\"members\":[{\"name\":\"x\",\"agentType\":\"y\","
             "\"model\":\"z\"},{\"name\":\"q\",\"agentType\":\"y\",\"model\":\"z\"}]}");
    put_file(CODEX "1.jsonl", codex_text('1', 3));
    put_packed(CODEX "2.jsonl.zst", codex_text('2', 2));
    put_file(GEMINI ".project_root", text_of("%s/w", scratch));
    put_file(
        GEMINI "chats/session-2026-06-10T10-00-g1.jsonl",
        "{\"sessionId\":\"g1\",\"kind\":\"main\"}\n{\"id\":\"m\",\"type\":\"gemini\",\"timestamp\":\"" MINUTES
        "20:00Z\",\"model\":\"gemini-2.5-pro\",\"tokens\":{\"input\":9,\"output\":1}}\n");
    set_times();
}

/* What happens while an engine runs. */
static void change_home(void)
{
    append_file(OF_W "lead.jsonl", lines("lead", 30, 33, TEAM));
    ck_assert_int_eq(unlink(at(OTHER "gone.jsonl")), 0);
    put_file(OTHER "rewritten.jsonl", lines("rewritten", 20, 22, ""));
    ck_assert_int_eq(unlink(at(PROJECTS "-linked")), 0);
    put_file(PROJECTS "-new/deep/er/new.jsonl", "");
    put_file(PROJECTS "-new/new.jsonl", lines("new", 1, 3, TEAM));
    ck_assert_int_eq(rename(at(OF_W "fork.jsonl"), at(PROJECTS "-new/fork.jsonl")), 0);
    make_parents("codex/archived_sessions/x");
    ck_assert_int_eq(rename(at(CODEX "1.jsonl"),
                            at("codex/archived_sessions/rollout-2026-06-10T09-00-00-019ead00-0000-7000-8000-"
                               "000000000001.jsonl")),
                     0);
    put_run("\"runEndedAt\":\"2026-06-10T09:40:00Z\",");
    put_settings("2");
    set_times();
}

/* --- a home of other agents, and of another host --- */

#define SHOP  "/srv/shop"
#define MADE  "2026-06-10T09:"
#define MS    1781082000000 /* 2026-06-10T09:00 */
#define AWAY  "far/.claude/projects/-w/"
#define STORE "opencode/storage/"

static char *qwen_line(int minute)
{
    return text_of("{\"uuid\":\"q%d\",\"sessionId\":\"qwen\",\"timestamp\":\"" MADE
                   "%02d:00.000Z\",\"type\":\"assistant\",\"cwd\":\"" SHOP "\",\"model\":\"qwen3\","
                   "\"message\":{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"c%d\",\"name\":"
                   "\"read_file\",\"args\":{}}}]},\"usageMetadata\":{\"promptTokenCount\":%d,"
                   "\"candidatesTokenCount\":10,\"cachedContentTokenCount\":6,\"totalTokenCount\":%d}}\n",
                   minute, minute, minute, 100 + minute, 110 + minute);
}

static char *pi_line(int minute)
{
    return text_of("{\"type\":\"message\",\"id\":\"p%d\",\"timestamp\":\"" MADE
                   "%02d:00.000Z\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\","
                   "\"id\":\"c%d\",\"name\":\"bash\",\"arguments\":{}}],\"model\":\"gpt-5.5\","
                   "\"stopReason\":\"stop\",\"usage\":{\"input\":%d,\"output\":9,\"cacheRead\":8,"
                   "\"cacheWrite\":7},\"timestamp\":%lld}}\n",
                   minute, minute, minute, 40 + minute, (long long)MS + minute);
}

static char *copilot_event(int minute, const char *type, const char *data)
{
    return text_of("{\"type\":\"%s\",\"data\":%s,\"id\":\"e%d\",\"timestamp\":\"" MADE "%02d:00.000Z\"}\n",
                   type, data, minute, minute);
}

static char *copilot_answer(int minute)
{
    return copilot_event(minute, "assistant.message",
                         text_of("{\"messageId\":\"m%d\",\"model\":\"gpt-5-mini\",\"outputTokens\":%d,"
                                 "\"toolRequests\":[{\"toolCallId\":\"c%d\",\"name\":\"view\"}]}",
                                 minute, minute, minute));
}

static char *copilot_end(int minute, int requests, int input)
{
    return copilot_event(
        minute, "session.shutdown",
        text_of(
            "{\"modelMetrics\":{\"gpt-5-mini\":{\"requests\":{\"count\":%d},\"usage\":{\"inputTokens\":%d,"
            "\"outputTokens\":%d,\"cacheReadTokens\":1}}}}",
            requests, input, input / 2));
}

static char *kimi_line(int minute)
{
    return text_of(
        "{\"type\":\"context.append_loop_event\",\"event\":{\"type\":\"tool.call\",\"toolCallId\":\"c%d\","
        "\"name\":\"Bash\"},\"time\":%lld}\n{\"type\":\"usage.record\",\"model\":\"kimi-k2\",\"usage\":{"
        "\"inputOther\":%d,\"output\":5,\"inputCacheRead\":4,\"inputCacheCreation\":3},\"usageScope\":"
        "\"turn\","
        "\"time\":%lld}\n",
        minute, (long long)MS + 60000 * minute, minute, (long long)MS + 60000 * minute + 1);
}

static char *grok_line(int minute)
{
    return text_of(
        "{\"timestamp\":%lld,\"method\":\"session/update\",\"params\":{\"sessionId\":\"grok\",\"update\":{"
        "\"sessionUpdate\":\"turn_completed\",\"prompt_id\":\"t%d\",\"usage\":{\"modelUsage\":{"
        "\"grok-4.5\":{\"inputTokens\":%d,\"outputTokens\":5,\"cachedReadTokens\":4}}}}}}\n",
        (long long)MS / 1000 + 60 * minute, minute, 20 + minute);
}

#define USED \
    "\"tokens\":{\"input\":%d,\"output\":2,\"reasoning\":1,\"cache\":{\"read\":1,\"write\":1},\"total\":%d}"

static char *opencode_answer(int minute)
{
    return text_of(
        "{\"role\":\"assistant\",\"modelID\":\"gpt-5.5\",\"time\":{\"created\":%lld,\"completed\":%lld},"
        "\"path\":{\"cwd\":\"" SHOP "\"}," USED "}",
        (long long)MS + 60000 * minute, (long long)MS + 60000 * minute + 9, minute, minute + 5);
}

static void put_opencode_file(int minute)
{
    put_file(text_of(STORE "message/ses_files/msg_f%d.json", minute), opencode_answer(minute));
}

#ifdef WITH_SQLITE
static void run_sql(const char *rel, const char *sql)
{
    int call = atomic_exchange(&failing.call, CALL_NONE);
    sqlite3 *db;

    make_parents(rel);
    ck_assert_int_eq(sqlite3_open(at(rel), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    failing.call = call;
}

static char *opencode_rows(const char *session, int minute)
{
    return text_of(
        "INSERT INTO message VALUES('msg_%s%d', '%s', 1, %lld, '%s');"
        "INSERT INTO part VALUES('prt_%s%d', 'msg_%s%d', '%s', 1, 1, '{\"type\":\"step-finish\"," USED "}');",
        session, minute, session, (long long)MS + minute, opencode_answer(minute), session, minute, session,
        minute, session, minute, minute + 5);
}

static void put_databases(void)
{
    run_sql(
        "opencode/opencode.db",
        text_of(
            "CREATE TABLE project(id TEXT, worktree TEXT);"
            "CREATE TABLE session(id TEXT PRIMARY KEY, project_id TEXT, parent_id TEXT, directory TEXT, "
            "time_created INTEGER, time_updated INTEGER);"
            "CREATE TABLE message(id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, time_updated "
            "INTEGER, data TEXT);"
            "CREATE TABLE part(id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, time_created INTEGER, "
            "time_updated INTEGER, data TEXT);"
            "INSERT INTO session VALUES('ses_a', 'p', NULL, '" SHOP "', %lld, 1), ('ses_b', 'p', 'ses_a', "
            "'" SHOP "', %lld, 2), ('ses_c', 'p', NULL, '" SHOP "', %lld, 3);%s%s%s",
            (long long)MS, (long long)MS, (long long)MS, opencode_rows("ses_a", 1), opencode_rows("ses_b", 2),
            opencode_rows("ses_c", 3)));
    run_sql(
        "copilot/session-store.db",
        "CREATE TABLE assistant_usage_events(id, session_id, created_at, model, input_tokens, output_tokens, "
        "cache_read_tokens, cache_write_tokens, agent_id);"
        "INSERT INTO assistant_usage_events VALUES('r1', 'stored', '" MADE
        "05:00.000Z', 'gpt-5-mini', 50, 5, 4, 3, "
        "NULL)");
}

static void change_databases(void)
{
    run_sql(
        "opencode/opencode.db",
        text_of(
            "%sDELETE FROM part WHERE session_id = 'ses_b'; DELETE FROM message WHERE session_id = 'ses_b';"
            "DELETE FROM session WHERE id = 'ses_b'",
            opencode_rows("ses_a", 8)));
    run_sql("copilot/session-store.db", "INSERT INTO assistant_usage_events VALUES('r2', 'stored', '" MADE
                                        "06:00.000Z', 'gpt-5-mini', 60, 6, 4, 3, "
                                        "NULL)");
}
#else
static void put_databases(void)
{
}

static void change_databases(void)
{
}
#endif

#define QWEN    "qwen/projects/-srv-shop/chats/qwen.jsonl"
#define PI      "pi/sessions/--srv-shop--/2026-06-10T09-00-00-000Z_pi.jsonl"
#define COPILOT "copilot/session-state/copilot/"
#define STORED  "copilot/session-state/stored/"
#define KIMI    "kimi/sessions/wd_shop_ab12/session_kimi/agents/main/wire.jsonl"
#define GROK    "grok/sessions/%2Fsrv%2Fshop/grok/"
#define START   "{\"sessionId\":\"%s\",\"context\":{\"cwd\":\"" SHOP "\",\"branch\":\"main\"}}"

static void put_host(const char *more)
{
    put_file("okstra/okstrafs.json",
             text_of("{\"host\":\"here\",\"hosts\":{\"laptop\":\"%s/far\"%s}}", scratch, more));
}

static void put_agents(void)
{
    put_host("");
    put_file(QWEN, text_of("%s%s", qwen_line(1), qwen_line(2)));
    put_file(PI, text_of("{\"type\":\"session\",\"version\":3,\"id\":\"pi\",\"timestamp\":\"" MADE
                         "00:00.000Z\",\"cwd\":\"" SHOP "\"}\n%s",
                         pi_line(1)));
    put_file(COPILOT "events.jsonl",
             text_of("%s%s%s", copilot_event(0, "session.start", text_of(START, "copilot")),
                     copilot_answer(1), copilot_end(2, 1, 50)));
    put_file(STORED "events.jsonl",
             text_of("%s%s", copilot_event(0, "session.start", text_of(START, "stored")), copilot_answer(3)));
    put_file(KIMI, kimi_line(1));
    put_file("kimi/sessions/wd_shop_ab12/session_kimi/state.json", "{\"workDir\":\"" SHOP "\"}");
    put_file(GROK "updates.jsonl", grok_line(1));
    put_file(GROK "summary.json", "{\"info\":{\"id\":\"grok\",\"cwd\":\"" SHOP "\"}}");
    put_opencode_file(1);
    put_file(STORE "session/prj/ses_files.json",
             text_of("{\"id\":\"ses_files\",\"directory\":\"" SHOP "\",\"time\":{\"created\":%lld}}",
                     (long long)MS));
    put_file(STORE "project/prj.json", "{\"id\":\"prj\",\"worktree\":\"/\"}");
    put_databases();
    put_file(CODEX "3.jsonl", codex_text('3', 2));
    put_file(PROJECTS "-w/own.jsonl", lines("own", 1, 3, ""));
    put_file(AWAY "away.jsonl", lines("away", 1, 3, ""));
    put_file("far/.qwen/projects/-srv-far/chats/far.jsonl", text_of("%s", qwen_line(7)));
    put_file("far/.gemini/tmp/p/chats/session-2026-06-10T09-00-abcdef12.jsonl", "{\"sessionId\":\"g-1\"}\n");
    set_times();
}

static void change_agents(void)
{
    append_file(QWEN, qwen_line(8));
    append_file(PI, pi_line(8));
    append_file(COPILOT "events.jsonl", text_of("%s%s", copilot_answer(8), copilot_end(9, 2, 90)));
    append_file(STORED "events.jsonl", copilot_answer(8));
    append_file(KIMI, kimi_line(8));
    append_file(GROK "updates.jsonl", grok_line(8));
    put_opencode_file(8);
    change_databases();
    put_packed(CODEX "3.jsonl.zst", codex_text('3', 2)); /* as Codex does with what is old */
    ck_assert_int_eq(unlink(at(CODEX "3.jsonl")), 0);
    append_file(AWAY "away.jsonl", lines("away", 8, 9, ""));
    put_host(text_of(",\"build\":\"%s/none\"", scratch));
    set_times();
}

/* --- an engine's life --- */

enum { SYNC_BEFORE, BEFORE, SYNC_AFTER, AFTER, STEPS };

struct life {
    struct oks_engine *engine;
    char *text[STEPS]; /* of BEFORE and AFTER: all documents */
    size_t len, room;
    int step;
};

static int put_bytes(void *ctx, const char *bytes, size_t len)
{
    struct life *l = ctx;

    if (!bytes)
        return 0;
    if (l->room - l->len <= len) {
        l->room = (l->room + len + 1) * 2;
        l->text[l->step] = __real_realloc(l->text[l->step], l->room);
    }
    memcpy(l->text[l->step] + l->len, bytes, len);
    l->len += len;
    l->text[l->step][l->len] = '\0';
    return 0;
}

/* A line of a stream, without its revision: what was missing for a while and is back has a higher one. */
static int put_stream_line(void *ctx, const char *bytes, size_t len)
{
    static const char key[] = "\"revision\":";
    const char *at = bytes ? memmem(bytes, len, key, sizeof(key) - 1) : NULL;
    size_t n = at ? (size_t)(at - bytes) + sizeof(key) - 1 : len;

    if (!bytes)
        return put_bytes(ctx, NULL, 0);
    put_bytes(ctx, bytes, n);
    while (n < len && bytes[n] >= '0' && bytes[n] <= '9')
        n++;
    return put_bytes(ctx, bytes + n, len - n);
}

static int put_string(void *ctx, const char *text)
{
    put_bytes(ctx, text, strlen(text));
    return put_bytes(ctx, "\n", 1);
}

static int put_left_out(void *ctx, const char *path, const char *reason, bool unread)
{
    return unread ? put_string(ctx, path) : 0;
}

static int put_budget(void *ctx, const char *budget, const char *scope, const char *of)
{
    return put_string(ctx, budget);
}

/* Takes over the document. -ENOENT is an answer too. */
static int put_document(struct life *l, int rc, struct oks_document *document)
{
    if (rc == -ENOENT)
        return put_string(l, "none");
    if (rc < 0)
        return rc;
    put_bytes(l, document->bytes, document->len);
    oks_document_clear(document);
    return 0;
}

#define PUT(call)                               \
    do {                                        \
        struct oks_document d_ = {0};           \
        int rc_ = put_document(l, (call), &d_); \
                                                \
        if (rc_ < 0)                            \
            return rc_;                         \
    } while (0)
#define TRY(call)                      \
    do {                               \
        int rc_ = (call);              \
                                       \
        if (rc_ < 0 && rc_ != -ENOENT) \
            return rc_;                \
    } while (0)

static const struct oks_target everything = {.kind = OKS_ALL};

static const struct home {
    const char *name;
    void (*put)(void), (*change)(void);
    const char *sessions[20], *teams[3], *projects[3];
    unsigned share; /* of the runs, in percent */
} homes[] = {
    {"",
     put_home,
     change_home,
     {"lead", "agent-a", "fork", "gone", "rewritten", "open", "linked", "new", "g1"},
     {"crew", "pair"},
     {"-w", "-other"},
     100},
    {"agents_",
     put_agents,
     change_agents,
     {"qwen", "pi", "copilot", "stored", "kimi", "grok", "ses_files", "ses_a", "ses_b", "ses_c", "own",
      "away", "far", "019ead00-0000-7000-8000-000000000003"},
     {0},
     {"-w"},
     40},
};

static const struct home *made = &homes[0];

static int put_stream(struct life *l, const struct oks_target *target, enum oks_stream_kind kind)
{
    struct oks_stream_cursor cursor = {.kind = kind};
    int64_t mtime_ns;
    int rc = oks_stream_next(l->engine, target, &cursor, put_stream_line, l, &mtime_ns);

    oks_stream_end(&cursor);
    return rc;
}

/* Check allocates, so nothing is asserted while calls fail. */
static int put_usage(struct life *l, struct oks_target target)
{
    static const struct oks_slice name = {"2026-06-10T09:02:00Z_2026-06-10T09:21:00Z.json", 46};
    struct oks_window window;

    TRY(oks_window_parse(name, NULL, NOW, &window));
    PUT(oks_document_usage(l->engine, &target, NULL, &d_));
    PUT(oks_document_usage(l->engine, &target, &window, &d_));
    PUT(oks_document_total_tokens(l->engine, &target, NULL, &d_));
    PUT(oks_document_cost(l->engine, &target, NULL, &d_));
    TRY(oks_engine_list(l->engine, OKS_LIST_DAYS, &target, put_string, l));
    return 0;
}

static int put_session(struct life *l, const char *name)
{
    struct oks_target target = session(name);

    TRY(put_usage(l, target));
    PUT(oks_document_context(l->engine, &target, &d_));
    PUT(oks_document_ledger(l->engine, &target, &d_));
    PUT(oks_document_names(l->engine, OKS_LIST_TEAMS, &target, &d_));
    PUT(oks_document_names(l->engine, OKS_LIST_PROJECTS, &target, &d_));
    TRY(oks_engine_list(l->engine, OKS_LIST_SUBAGENTS, &target, put_string, l));
    TRY(put_stream(l, &target, OKS_STREAM_REQUESTS));
    TRY(put_stream(l, &target, OKS_STREAM_TOOLS));
    return 0;
}

static int put_team(struct life *l, const char *name)
{
    static const char *const members[] = {"lead", "codex", "w", "x"};
    struct oks_target target = team(name), run = {.kind = OKS_RUN, .name = name, .member = "001"};

    TRY(put_usage(l, target));
    TRY(put_usage(l, run));
    TRY(oks_engine_list(l->engine, OKS_LIST_MEMBERS, &target, put_string, l));
    TRY(oks_engine_list(l->engine, OKS_LIST_RUNS, &target, put_string, l));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct oks_target member = {.kind = OKS_MEMBER, .name = name, .member = members[i]};

        TRY(put_usage(l, member));
        PUT(oks_document_context(l->engine, &member, &d_));
    }
    return 0;
}

static int put_of_all(struct life *l)
{
    static const enum oks_list lists[] = {OKS_LIST_SESSIONS, OKS_LIST_TEAMS, OKS_LIST_PROJECTS,
                                          OKS_LIST_BUDGETS, OKS_LIST_EXCEEDED};
    static const char *const budgets[] = {"all", "day", "each", "w", "crew", "run", "agent", "block", "lost"};
    struct oks_document status = {0};
    uint64_t more;

    oks_engine_clock(l->engine, NOW);
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        TRY(oks_engine_list(l->engine, lists[i], &everything, put_string, l));
    TRY(put_usage(l, everything));
    for (enum oks_stats by = OKS_STATS_BY_MODEL; by <= OKS_STATS_BLOCKS; by++)
        PUT(oks_document_stats(l->engine, by, NULL, NOW, &d_));
    for (enum oks_source source = 0; source < OKS_SOURCES; source++)
        PUT(oks_document_limits(l->engine, source, NOW, &d_));
    PUT(oks_document_prices(l->engine, &d_));
    for (size_t i = 0; i < sizeof(budgets) / sizeof(*budgets); i++)
        for (int exceeded = 0; exceeded < 2; exceeded++)
            PUT(oks_document_budget(l->engine, budgets[i], exceeded, NOW, &d_));
    PUT(oks_document_settings_error(l->engine, &d_));
    TRY(oks_engine_lost_budgets(l->engine, put_budget, l));
    TRY(oks_engine_left_out(l->engine, put_left_out, l, &more));
    TRY(oks_document_status(l->engine, &status)); /* it counts what failed */
    oks_document_clear(&status);
    return put_stream(l, &everything, OKS_STREAM_REQUESTS);
}

static int put_all(struct life *l)
{
    free(l->text[l->step]);
    l->text[l->step] = NULL;
    l->len = l->room = 0;
    TRY(put_of_all(l));
    for (const char *const *name = made->sessions; *name; name++)
        TRY(put_session(l, *name));
    for (const char *const *name = made->teams; *name; name++)
        TRY(put_team(l, *name));
    for (const char *const *name = made->projects; *name; name++)
        TRY(put_usage(l, project(*name)));
    return 0;
}

static int new_engine(struct life *l)
{
    static char home[PATH_MAX], root[PATH_MAX], folders[OKS_SOURCES][PATH_MAX];
    const char *dirs[OKS_SOURCES][2] = {0}, *roots[] = {root, NULL};
    struct oks_config config = {.okstra_home = home, .task_roots = roots};

    snprintf(home, sizeof(home), "%s/okstra", scratch);
    snprintf(root, sizeof(root), "%s/w", scratch);
    for (enum oks_source source = 0; source < OKS_SOURCES; source++) {
        snprintf(folders[source], sizeof(folders[source]), "%s/%s", scratch, oks_source_name(source));
        dirs[source][0] = folders[source];
        config.dirs[source] = dirs[source];
    }
    return oks_engine_new(&l->engine, &config);
}

/* One step, and its documents. 0 or a negative errno */
static int take_step(struct life *l)
{
    int rc;

    if (!l->engine) {
        rc = new_engine(l);
        if (rc < 0)
            return rc;
        oks_engine_start_saver(l->engine); /* without a thread the end saves */
    }
    if (l->step == SYNC_BEFORE || l->step == SYNC_AFTER)
        return oks_engine_sync(l->engine, &everything, false, NULL);
    return put_all(l);
}

static void end(struct life *l)
{
    if (l->engine)
        engine_close(l->engine);
    for (int step = 0; step < STEPS; step++)
        free(l->text[step]);
}

static void reset(bool caches)
{
    struct life l = {0};

    scratch_remove_all_(scratch);
    ck_assert_int_eq(mkdir(scratch, 0700), 0);
    made->put();
    if (!caches)
        return;
    ck_assert_int_eq(take_step(&l), 0);
    end(&l);
}

/* --- what is right --- */

static char *right[STEPS];

static void find_right(void)
{
    struct life l = {0};

    reset(false);
    for (l.step = 0; l.step < STEPS; l.step++) {
        if (l.step == SYNC_AFTER)
            made->change();
        ck_assert_int_eq(take_step(&l), 0);
    }
    right[BEFORE] = kept(strdup(l.text[BEFORE]));
    right[AFTER] = kept(strdup(l.text[AFTER]));
    end(&l);
    ck_assert_ptr_nonnull(strstr(right[AFTER], made->sessions[3]));
    ck_assert_str_ne(right[BEFORE], right[AFTER]);
}

static const char *note; /* what fails */

static void check_text(const struct life *l, int step)
{
    const char *got = l->text[step], *want = right[step];
    size_t n = 0, from;

    if (!want || (got && strcmp(got, want) == 0))
        return;
    while (got && got[n] && got[n] == want[n])
        n++;
    from = n > 200 ? n - 200 : 0;
    ck_abort_msg("%s, step %d: wrong from %zu\n got %.400s\nwant %.400s", note, step, n,
                 got ? got + from : "(null)", want + from);
}

/* --- failing --- */

static const struct failure {
    const char *name;
    enum call call;
    int error;
    unsigned most; /* runs in an ordinary test */
    bool late;     /* an answer may be the one before: the file's own failure, to a daemon */
} failures[] = {
    {"allocate", CALL_ALLOCATE, ENOMEM, 24, false},
    {"open", CALL_OPEN, EMFILE, 8, false},
    {"open", CALL_OPEN, EIO, 6, true},
    {"read", CALL_READ, EIO, 8, true},
    {"write", CALL_WRITE, ENOSPC, 6, false},
    {"rename", CALL_RENAME, EROFS, 4, false},
    {"sync", CALL_SYNC, EIO, 4, false},
    {"list", CALL_LIST, ENOMEM, 8, false},
    {"stat", CALL_STAT, EIO, 10, false},
    {"watch", CALL_WATCH, ENOSPC, 6, false},
    {"watch", CALL_WATCH, EMFILE, 4, false},
    {"thread", CALL_THREAD, EAGAIN, 2, false},
};

static void check_error(int rc)
{
    ck_assert_msg(rc == -ENOMEM || rc == -EMFILE || rc == -EIO || rc == -EAGAIN || rc == -ENOSPC ||
                      rc == -EROFS,
                  "%s: error %d", note, -rc);
}

/* After the failure the same engine is right, and what it leaves is right for the next one. */
static void check_afterwards(struct life *l)
{
    struct life next = {.step = SYNC_AFTER};

    for (l->step = SYNC_AFTER; l->step < STEPS; l->step++)
        ck_assert_msg(take_step(l) == 0, "%s: afterwards, step %d", note, l->step);
    check_text(l, AFTER);
    end(l);
    for (; next.step < STEPS; next.step++)
        ck_assert_msg(take_step(&next) == 0, "%s: the next engine, step %d", note, next.step);
    check_text(&next, AFTER);
    end(&next);
}

static void take_again(struct life *l)
{
    int rc = take_step(l);

    ck_assert_msg(rc == 0, "%s: the second try of step %d: %d", note, l->step, -rc);
}

/*
 * The files change while no call fails, and after all of them were read: what is deleted then must not be
 * lost.
 */
static void change_between(struct life *l, const struct failure *f)
{
    int call = atomic_exchange(&failing.call, CALL_NONE);

    if (f->late && failing.failed) {
        l->step = SYNC_BEFORE;
        take_again(l);
        l->step = SYNC_AFTER;
        call = CALL_NONE;
    }
    made->change();
    failing.call = call;
}

/* The number of calls that failed. */
static long live(const struct failure *f, long first, long last)
{
    struct life l = {0};
    long failed = 0;

    calls_fail(f->call, first, last, f->error);
    for (l.step = 0; l.step < STEPS; l.step++) {
        int rc;

        if (l.step == SYNC_AFTER)
            change_between(&l, f);
        rc = take_step(&l);
        if (rc < 0) {
            failed += calls_succeed();
            check_error(rc);
            take_again(&l);
        }
        if (!f->late && l.text[l.step] && strcmp(l.text[l.step], right[l.step]) != 0) {
            calls_succeed();
            check_text(&l, l.step);
        }
    }
    oks_engine_save(l.engine);
    failed += calls_succeed();
    check_afterwards(&l);
    return failed;
}

static long calls_of(const struct failure *f, bool caches)
{
    long count;

    note = "nothing";
    reset(caches);
    live(f, LONG_MAX, LONG_MAX);
    count = failing.count;
    ck_assert_int_gt(count, 0);
    return count;
}

static void fail_one(const struct failure *f, long first, bool for_ever, bool caches, long *failed)
{
    note = text_of("%s %s from %ld%s, with%s caches", f->name, strerror(f->error), first,
                   for_ever ? " on" : "", caches ? "" : "out");
    reset(caches);
    *failed += live(f, first, for_ever ? LONG_MAX : first);
}

static void fail_each(const struct failure *f)
{
    long n[] = {calls_of(f, false), calls_of(f, true)}, failed = 0;
    long most = by_effort(f->most / 20 + 2, f->most * made->share / 100 + 1, UINT_MAX);

    if (most > n[0] && most > n[1]) {
        for (long i = 0; i < 4 * (n[0] > n[1] ? n[0] : n[1]); i++)
            fail_one(f, i / 4 + 1, i & 2, i & 1, &failed);
    } else { /* in the middle of each share */
        for (long i = 0; i < most; i++)
            fail_one(f, n[i & 1] * (2 * i + 1) / (2 * most) + 1, i & 2, i & 1, &failed);
    }
    ck_assert_msg(failed > 0, "no %s failed", f->name);
}

enum { FAILURES = sizeof(failures) / sizeof(*failures), HOMES = sizeof(homes) / sizeof(*homes) };

START_TEST(whatever_fails_once_or_for_ever)
{
    made = &homes[_i / FAILURES];
    find_right();
    fail_each(&failures[_i % FAILURES]);
}
END_TEST

int main(void)
{
    static char names[HOMES * FAILURES][64];
    Suite *suite = suite_create("failures");

    for (int i = 0; i < HOMES * FAILURES; i++) {
        const struct failure *f = &failures[i % FAILURES];
        TCase *one;

        snprintf(names[i], sizeof(names[i]), "%s%s_fails_with_%s", homes[i / FAILURES].name, f->name,
                 strerrorname_np(f->error));
        one = tcase_create(names[i]);
        tcase_set_timeout(one, 300);
        tcase_add_checked_fixture(one, scratch_setup, scratch_teardown);
        tcase_add_loop_test(one, whatever_fails_once_or_for_ever, i, i + 1);
        suite_add_tcase(suite, one);
    }
    return tap_run(suite);
}
