/*
 * An engine whose calls fail (support/failing_calls.h): the Nth allocation, open, read, listing and so on,
 * once, or all from the Nth on.
 *
 * A call of the engine returns the right answer or an error. What failed says nothing about a file, so after
 * it the same engine gives every right answer, and so does the next one over the same caches and history.
 * tests/faults/ does the same to whole programs, some of the calls each; this goes through more of them.
 */
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

static const char *const all_sessions[] = {"lead", "agent-a", "fork", "gone", "rewritten",
                                           "open", "linked",  "new",  "g1"};

static int put_stream(struct life *l, const struct oks_target *target)
{
    struct oks_stream_cursor cursor = {0};
    int64_t mtime_ns;

    return oks_stream_next(l->engine, target, &cursor, put_stream_line, l, &mtime_ns);
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
    TRY(put_stream(l, &target));
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
    return put_stream(l, &everything);
}

static int put_all(struct life *l)
{
    free(l->text[l->step]);
    l->text[l->step] = NULL;
    l->len = l->room = 0;
    TRY(put_of_all(l));
    for (size_t i = 0; i < sizeof(all_sessions) / sizeof(*all_sessions); i++)
        TRY(put_session(l, all_sessions[i]));
    TRY(put_team(l, "crew"));
    TRY(put_team(l, "pair"));
    TRY(put_usage(l, project("-w")));
    TRY(put_usage(l, project("-other")));
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
    put_home();
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
            change_home();
        ck_assert_int_eq(take_step(&l), 0);
    }
    right[BEFORE] = kept(strdup(l.text[BEFORE]));
    right[AFTER] = kept(strdup(l.text[AFTER]));
    end(&l);
    ck_assert_ptr_nonnull(strstr(right[AFTER], "gone"));
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
    change_home();
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
    long most = by_effort(f->most / 20 + 2, f->most, UINT_MAX);

    if (most > n[0] && most > n[1]) {
        for (long i = 0; i < 4 * (n[0] > n[1] ? n[0] : n[1]); i++)
            fail_one(f, i / 4 + 1, i & 2, i & 1, &failed);
    } else { /* in the middle of each share */
        for (long i = 0; i < most; i++)
            fail_one(f, n[i & 1] * (2 * i + 1) / (2 * most) + 1, i & 2, i & 1, &failed);
    }
    ck_assert_msg(failed > 0, "no %s failed", f->name);
}

START_TEST(whatever_fails_once_or_for_ever)
{
    find_right();
    fail_each(&failures[_i]);
}
END_TEST

int main(void)
{
    static char names[sizeof(failures) / sizeof(*failures)][64];
    Suite *suite = suite_create("failures");

    for (int i = 0; i < (int)(sizeof(failures) / sizeof(*failures)); i++) {
        TCase *one;

        snprintf(names[i], sizeof(names[i]), "%s_fails_with_%s", failures[i].name,
                 strerrorname_np(failures[i].error));
        one = tcase_create(names[i]);
        tcase_set_timeout(one, 300);
        tcase_add_checked_fixture(one, scratch_setup, scratch_teardown);
        tcase_add_loop_test(one, whatever_fails_once_or_for_ever, i, i + 1);
        suite_add_tcase(suite, one);
    }
    return tap_run(suite);
}
