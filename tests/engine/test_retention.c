/*
 * What was counted stays counted: made histories of all three agents at random (grown, forked, paged,
 * compressed, archived, rewritten, moved, deleted), against a reference that only remembers. And by hand:
 * what a file loses, what becomes of caches, damaged and foreign records of the store.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <zstd.h>

#include "effort.h"
#include "engine_home.h"
#include "okstrafs/stream.h"

enum { FILES = 14, REQUESTS = 4000, LINES = 60 };

#define LOG "okstra/okstrafs/history/log"

static struct oks_engine *engine;
static const struct oks_target all = {.kind = OKS_ALL};

static struct oks_engine *engine_made(bool no_cache)
{
    char *home = text_of("%s/okstra", scratch);
    const char *claude[] = {text_of("%s/claude", scratch), NULL},
               *codex[] = {text_of("%s/codex", scratch), NULL},
               *gemini[] = {text_of("%s/gemini", scratch), NULL};
    struct oks_config config = {.okstra_home = home,
                                .dirs[OKS_SOURCE_CLAUDE] = claude,
                                .dirs[OKS_SOURCE_CODEX] = codex,
                                .dirs[OKS_SOURCE_GEMINI] = gemini,
                                .no_cache = no_cache};
    struct oks_engine *made;

    ck_assert_int_eq(oks_engine_new(&made, &config), 0);
    return made;
}

static json_object *by_source(struct oks_engine *e)
{
    struct oks_document document;

    sync_target(e, all, false);
    ck_assert_int_eq(oks_document_stats(e, OKS_STATS_BY_SOURCE, NULL, 0, &document), 0);
    return parsed(kept(document.bytes));
}

/* --- files of three agents --- */

enum kind { CLAUDE, CODEX, GEMINI, GEMINI_OLD, KINDS };

static struct made_file {
    enum kind kind;
    int id; /* of its session */
    bool there, closed;
    unsigned version; /* in its first line, so that a new content has a new head */
    int n, requests[LINES];
    int place; /* which of its possible paths */

    /* of Codex */
    int page;        /* of its session: 0 is the first */
    int before[2];   /* what the pages before have used: input, output */
    int opening;     /* the last request of the page before, whose count it repeats; -1: none */
    int forked_from; /* -1: no fork */
    bool packed;     /* compressed */
} made[FILES];

static struct made_request {
    int input, output;
    bool seen; /* it must be counted */
} requests[REQUESTS];

static int n_requests, n_ids;
static uint64_t seed;

static unsigned rnd(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

/* The id of a Codex session is a UUID. */
static const char *thread_of(int id)
{
    return text_of("019ead00-0000-7000-8000-%012d", id);
}

static const char *path_of(const struct made_file *f)
{
    switch (f->kind) {
    case CLAUDE:
        return text_of("claude/projects/-p%d/s%d.jsonl", f->place, f->id);
    case CODEX:
        return text_of("codex/%s/rollout-2026-06-10T01-%02d-00-%s%s.jsonl%s",
                       f->place ? "archived_sessions" : "sessions/2026/06/10", f->page, thread_of(f->id),
                       f->page ? text_of("_%s", thread_of(100000 + f->page)) : "", f->packed ? ".zst" : "");
    case GEMINI:
        return text_of("gemini/tmp/p%d/chats/session-2026-06-10T01-00-%d.jsonl", f->place, f->id);
    default:
        return text_of("gemini/tmp/p%d/chats/session-2026-06-10T01-00-%d.json", f->place, f->id);
    }
}

static char *stamp_of(int i)
{
    return text_of("2026-06-%02dT%02d:%02d:00.000Z", 1 + i / 1440 % 28, i / 60 % 24, i % 60);
}

static char *claude_line(int i)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"%s\",\"uuid\":\"u%d\",\"message\":{\"id\":\"msg_%d\","
        "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%d,"
        "\"output_tokens\":%d}}}\n",
        stamp_of(i), i, i, requests[i].input, requests[i].output);
}

static char *gemini_message(int i)
{
    return text_of("{\"id\":\"g%d\",\"timestamp\":\"%s\",\"type\":\"gemini\",\"content\":\"\",\"model\":"
                   "\"gemini-2.5-pro\",\"tokens\":{\"input\":%d,\"output\":%d,\"cached\":0,\"thoughts\":0,"
                   "\"tool\":0,\"total\":%d}}",
                   i, stamp_of(i), requests[i].input, requests[i].output,
                   requests[i].input + requests[i].output);
}

/* A count: `total` with the request, `i`. */
static char *codex_count(const int total[2], int i)
{
    return text_of(
        "{\"timestamp\":\"%s\",\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\",\"info\":{"
        "\"total_token_usage\":{\"input_tokens\":%d,\"cached_input_tokens\":0,\"output_tokens\":%d,"
        "\"reasoning_output_tokens\":0,\"total_tokens\":%d},\"last_token_usage\":{\"input_tokens\":%d,"
        "\"cached_input_tokens\":0,\"output_tokens\":%d,\"reasoning_output_tokens\":0,"
        "\"total_tokens\":%d}}}}\n",
        stamp_of(i), total[0], total[1], total[0] + total[1], requests[i].input, requests[i].output,
        requests[i].input + requests[i].output);
}

static void used_by(const struct made_file *f, int n, int used[2])
{
    used[0] = f->before[0];
    used[1] = f->before[1];
    for (int j = 0; j < n; j++) {
        used[0] += requests[f->requests[j]].input;
        used[1] += requests[f->requests[j]].output;
    }
}

static char *codex_line(const struct made_file *f, int k)
{
    int used[2];

    used_by(f, k + 1, used);
    return codex_count(used, f->requests[k]);
}

static char *codex_meta(const char *more, int id, unsigned version)
{
    return text_of(
        "{\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":"
        "\"%s\",\"cwd\":\"/w/x\",\"cli_version\":\"0.146.0\",\"v\":%u%s}}\n",
        thread_of(id), version, more);
}

/* What a rollout begins with. A fork has the first line of the other, a page may repeat the last count. */
static char *codex_head(const struct made_file *f)
{
    const char *more = f->page ? text_of(",\"history_base\":{\"thread_id\":\"%s\"}", thread_of(f->id))
                       : f->forked_from >= 0
                           ? text_of(",\"forked_from_id\":\"%s\"", thread_of(f->forked_from))
                           : "";

    return text_of(
        "%s%s%s%s", codex_meta(more, f->id, f->version),
        f->forked_from >= 0 ? codex_meta("", f->forked_from, 0) : "",
        "{\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"type\":\"turn_context\",\"payload\":{\"model\":"
        "\"gpt-5.2\"}}\n",
        f->opening >= 0 ? codex_count(f->before, f->opening) : "");
}

static char *first_line(const struct made_file *f)
{
    switch (f->kind) {
    case CLAUDE:
        return text_of("{\"type\":\"summary\",\"v\":\"%d-%u\",\"f\":\"%0300d\"}\n", f->id, f->version, 0);
    case CODEX:
        return codex_head(f);
    default:
        return text_of("{\"v\":%u,\"sessionId\":\"g-%d\",\"projectHash\":\"x\",\"startTime\":"
                       "\"2026-06-10T01:00:00.000Z\",\"lastUpdated\":\"2026-06-10T01:00:00.000Z\"%s",
                       f->version, f->id, f->kind == GEMINI ? "}\n" : ",\"messages\":[");
    }
}

static char *lines_from(const struct made_file *f, int from)
{
    char *text = "";

    for (int k = from; k < f->n; k++) {
        int i = f->requests[k];

        if (f->kind == CLAUDE)
            text = text_of("%s%s", text, claude_line(i));
        else if (f->kind == CODEX)
            text = text_of("%s%s", text, codex_line(f, k));
        else if (f->kind == GEMINI)
            text = text_of("%s%s\n", text, gemini_message(i));
        else
            text = text_of("%s%s%s", text, k ? "," : "", gemini_message(i));
    }
    return text;
}

static char *content(const struct made_file *f)
{
    return text_of("%s%s%s", first_line(f), lines_from(f, 0), f->kind == GEMINI_OLD ? "]}\n" : "");
}

static void put_content(const char *path, const struct made_file *f)
{
    const char *text = content(f);
    size_t len = strlen(text), room = ZSTD_compressBound(len);
    char *bytes = kept(malloc(room));
    FILE *file;

    put_file(path, text);
    if (!f->packed)
        return;
    len = ZSTD_compress(bytes, room, text, len, 3);
    ck_assert(!ZSTD_isError(len));
    file = fopen(at(path), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

/* Another content: in place, or as a new file that takes the place of the old one. */
static void write_anew(struct made_file *f)
{
    const char *path = path_of(f);

    f->version++;
    if (rnd(2) && !f->packed) {
        put_file(path, content(f));
        return;
    }
    put_content(text_of("%s.new", path), f);
    ck_assert_int_eq(rename(at(text_of("%s.new", path)), at(path)), 0);
}

/* --- what happens to them --- */

static void add_requests(struct made_file *f, int n)
{
    while (n-- > 0 && f->n < LINES && n_requests < REQUESTS) {
        requests[n_requests] = (struct made_request){1 + (int)rnd(9000), 1 + (int)rnd(900), false};
        f->requests[f->n++] = n_requests++;
    }
}

static void come(struct made_file *f)
{
    *f = (struct made_file){
        .kind = rnd(KINDS), .id = n_ids++, .there = true, .opening = -1, .forked_from = -1};
    add_requests(f, 1 + rnd(5));
    put_file(path_of(f), content(f));
}

/* Codex compresses what lies unchanged, and unpacks it to go on. */
static void pack(struct made_file *f, bool packed)
{
    const char *before = path_of(f);

    f->packed = packed;
    put_content(text_of("%s.tmp", path_of(f)), f);
    ck_assert_int_eq(rename(at(text_of("%s.tmp", path_of(f))), at(path_of(f))), 0);
    ck_assert_int_eq(unlink(at(before)), 0);
}

static void grow(struct made_file *f)
{
    int n = f->n;

    if (f->closed)
        return;
    if (f->packed)
        pack(f, false);
    add_requests(f, 1 + rnd(3));
    if (f->kind == GEMINI_OLD)
        write_anew(f);
    else
        append_file(path_of(f), lines_from(f, n));
}

/* A copy with the first lines, which goes on by itself. */
static void fork_of(struct made_file *f, struct made_file *to)
{
    if ((f->kind != CLAUDE && f->kind != CODEX) || f->page)
        return;
    *to = *f;
    to->id = n_ids++;
    to->version++;
    to->n = 1 + (int)rnd((unsigned)f->n);
    to->forked_from = f->id;
    to->closed = to->packed = false;
    add_requests(to, rnd(3));
    put_content(path_of(to), to);
}

/* The next page of a Codex session: the counts go on. The page before stays as it is. */
static void page_of(struct made_file *f, struct made_file *to)
{
    if (f->kind != CODEX || f->closed)
        return;
    *to = *f;
    to->page++;
    to->version++;
    to->n = 0;
    to->forked_from = -1;
    to->packed = false;
    used_by(f, f->n, to->before);
    to->opening = rnd(2) ? f->requests[f->n - 1] : -1;
    f->closed = true;
    add_requests(to, 1 + rnd(3));
    put_content(path_of(to), to);
}

/* A Codex rollout only loses its end: the others lose any lines. */
static void lose(struct made_file *f)
{
    int n = 0;

    if (f->kind == CODEX) {
        f->n -= (int)rnd((unsigned)f->n);
        f->closed = true; /* the next request would have the number of one that it lost */
    } else {
        for (int k = 0; k < f->n; k++)
            if (rnd(3))
                f->requests[n++] = f->requests[k];
        f->n = n ? n : 1;
        add_requests(f, rnd(3));
    }
    write_anew(f);
}

static void move(struct made_file *f)
{
    const char *from = text_of("%s", path_of(f)), *to;

    f->place = !f->place;
    to = text_of("%s", path_of(f));
    make_parents(to);
    ck_assert_int_eq(rename(at(from), at(to)), 0);
}

static bool is_in_a_file(int i)
{
    for (int k = 0; k < FILES; k++) {
        for (int j = 0; made[k].there && j < made[k].n; j++)
            if (made[k].requests[j] == i)
                return true;
        if (made[k].there && made[k].opening == i)
            return true;
    }
    return false;
}

static void change(void)
{
    struct made_file *f = &made[rnd(FILES)], *other = &made[rnd(FILES)];

    if (!f->there) {
        come(f);
        return;
    }
    switch (rnd(9)) {
    case 0:
        if (!other->there && f->n && rnd(2))
            fork_of(f, other);
        else if (!other->there && f->n)
            page_of(f, other);
        break;
    case 8:
        if (f->kind == CODEX)
            pack(f, !f->packed);
        break;
    case 1:
    case 2:
        if (f->n)
            lose(f);
        break;
    case 3:
        ck_assert_int_eq(unlink(at(path_of(f))), 0);
        f->there = false;
        break;
    case 4:
        move(f);
        break;
    default:
        grow(f);
    }
}

/* --- the reference --- */

static void check(struct oks_engine *e, unsigned round, const char *when)
{
    json_object *stats = by_source(e);
    int64_t n = 0, input = 0, output = 0, lost = 0;

    for (int i = 0; i < n_requests; i++) {
        bool there = is_in_a_file(i);

        requests[i].seen |= there;
        n += requests[i].seen;
        lost += requests[i].seen && !there;
        input += requests[i].seen ? requests[i].input : 0;
        output += requests[i].seen ? requests[i].output : 0;
    }
    ck_assert_msg(number(stats, "total/billed/requests") == n, "%u, %s: %" PRId64 " requests, not %" PRId64,
                  round, when, number(stats, "total/billed/requests"), n);
    ck_assert_msg(number(stats, "total/billed/inputTokens") == input, "%u, %s: input", round, when);
    ck_assert_msg(number(stats, "total/billed/outputTokens") == output, "%u, %s: output", round, when);
    ck_assert_msg(number(stats, "total/billed/retainedRequests") >= lost, "%u, %s: retained", round, when);
    for (int k = 0; k < FILES; k++) {
        const struct made_file *f = &made[k];
        int64_t own = 0;

        if (!f->there || f->kind != CLAUDE)
            continue;
        for (int j = 0; j < f->n; j++)
            own += requests[f->requests[j]].input;
        ck_assert_msg(input_tokens(e, session(text_of("s%d", f->id)), NULL) == own, "%u, %s: the keys of s%d",
                      round, when, f->id);
    }
}

static void forget_all(void)
{
    size_t n;

    ck_assert_int_eq(oks_engine_forget(engine, NULL, &n), 0);
    for (int i = 0; i < n_requests; i++)
        requests[i].seen &= is_in_a_file(i);
}

/* Another program beside it, which writes too or (without caches) only reads. */
static void look_from_another(unsigned round, bool no_cache)
{
    struct oks_engine *other;

    oks_engine_save(engine);
    other = engine_made(no_cache);
    check(other, round, no_cache ? "without caches" : "of another");
    oks_engine_save(other);
    oks_engine_free(other);
}

START_TEST(billed_never_falls)
{
    unsigned rounds = by_effort(60, 500, 20000);

    for (unsigned run = 0; run < 3; run++) {
        seed = 7 + run;
        n_requests = n_ids = 0;
        memset(made, 0, sizeof(made));
        remove_tree("claude");
        remove_tree("codex");
        remove_tree("gemini");
        remove_tree("okstra");
        for (int k = 0; k < KINDS; k++)
            make_parents("claude/projects/-p0/");
        engine = engine_made(false);
        for (unsigned round = 0; round < rounds && n_requests < REQUESTS; round++) {
            bool away = rnd(8) == 0;

            if (away) { /* it happens while no engine is running, or when one was killed after a save */
                oks_engine_save(engine);
                oks_engine_free(engine);
                if (rnd(2))
                    remove_tree("okstra/cache");
            }
            change();
            if (away)
                engine = engine_made(false);
            check(engine, round, away ? "after a start" : "");
            if (rnd(10) == 0)
                oks_engine_save(engine);
            if (rnd(20) == 0)
                remove_tree("okstra/cache");
            if (rnd(12) == 0)
                look_from_another(round, rnd(2));
            if (rnd(60) == 0) {
                forget_all();
                check(engine, round, "after forgetting");
            }
        }
        engine_close(engine);
        engine = NULL;
    }
}
END_TEST

/* --- by hand --- */

#define P "claude/projects/-p/"

static const char *stamp_text(int hour)
{
    return text_of("2026-06-10T%02d:00:00.000Z", hour);
}

static char *line_of(const char *id, int hour, int input, const char *model)
{
    return text_of("{\"type\":\"assistant\",\"timestamp\":\"%s\",\"requestId\":\"r-%s\",\"message\":{\"id\":"
                   "\"%s\",\"model\":\"%s\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%d,"
                   "\"output_tokens\":1}}}\n",
                   stamp_text(hour), id, id, model, input);
}

static char *opus(const char *id, int hour, int input)
{
    return line_of(id, hour, input, "claude-opus-4-7");
}

static void start(bool caches_go)
{
    if (engine)
        engine_close(engine);
    if (caches_go)
        remove_tree("okstra/cache");
    engine = engine_made(false);
}

/* "<input of the thirteen keys> <requests>-<of these retained> <input billed>" */
static const char *shown(const char *id)
{
    char *text = usage_text(engine, session(id), NULL);
    json_object *o = text ? parsed(text) : NULL;

    return o ? text_of("%" PRId64 " %" PRId64 "-%" PRId64 " %" PRId64 "%s", number(o, "inputTokens"),
                       number(o, "billed/requests"), number(o, "billed/retainedRequests"),
                       number(o, "billed/inputTokens"),
                       json_object_get_boolean(member_at(o, "retained")) ? " retained" : "")
             : "none";
}

static char *ledger_of(const char *id)
{
    struct oks_target target = session(id);
    struct oks_document document;

    sync_target(engine, target, false);
    ck_assert_int_eq(oks_document_ledger(engine, &target, &document), 0);
    return kept(document.bytes);
}

static int collect_line(void *ctx, const char *bytes, size_t len)
{
    char **text = ctx;

    *text = bytes ? text_of("%s%.*s", *text, (int)len, bytes) : "";
    return 0;
}

static char *stream_of(const char *id)
{
    struct oks_stream_cursor cursor = {0};
    struct oks_target target = session(id);
    int64_t mtime_ns;
    char *text = "";

    sync_target(engine, target, false);
    ck_assert_int_eq(oks_stream_next(engine, &target, &cursor, collect_line, &text, &mtime_ns), 0);
    return text;
}

START_TEST(what_a_file_loses_stays_billed)
{
    put_file(P "a.jsonl",
             text_of("%s%s%s%s", padding_line(), opus("m1", 1, 1), opus("m2", 2, 20), opus("m3", 3, 300)));
    start(false);
    ck_assert_str_eq(shown("a"), "321 3-0 321");
    put_file(P "a.jsonl", text_of("%s%s%s", opus("m1", 1, 1), padding_line(), opus("m4", 4, 4000)));
    for (int pass = 0; pass < 3; pass++) { /* at once, after a start, and without caches */
        ck_assert_str_eq(shown("a"), "4001 4-2 4321");
        ck_assert_int_eq(number(usage(engine, session("a"), NULL), "transcripts"), 1);
        ck_assert_int_eq(
            number(usage(engine, session("a"), "2026-06-10T01:30Z_2026-06-10T03:30Z"), "billed/inputTokens"),
            320);
        ck_assert_int_eq(number(usage(engine, project("-p"), NULL), "billed/inputTokens"), 4321);
        ck_assert_int_eq(number(by_source(engine), "total/billed/inputTokens"), 4321);
        ck_assert_ptr_nonnull(strstr(ledger_of("a"), "\"requestId\":\"r-m3\""));
        ck_assert_ptr_nonnull(
            strstr(strstr(ledger_of("a"), "\"requestId\":\"r-m3\""), "\"verdict\":\"retained\""));
        ck_assert_ptr_null(strstr(ledger_of("a"), "lost:"));
        ck_assert_ptr_nonnull(strstr(stream_of("a"), "\"requestId\":\"r-m2\""));
        start(pass == 1);
    }
    append_file(P "a.jsonl", opus("m2", 2, 20)); /* it comes back */
    ck_assert_str_eq(shown("a"), "4021 4-1 4321");
    ck_assert_int_eq(truncate(at(P "a.jsonl"), 0), 0);
    ck_assert_str_eq(shown("a"), "0 4-4 4321");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown("a"), "0 4-4 4321 retained");
        start(true);
    }
}
END_TEST

START_TEST(a_request_counts_once_wherever_it_is)
{
    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    put_file(P "b.jsonl", text_of("%s%s", opus("m2", 2, 20), opus("m3", 3, 300)));
    start(false);
    ck_assert_int_eq(number(by_source(engine), "total/billed/inputTokens"), 321);
    put_file(P "a.jsonl", opus("m4", 4, 4000)); /* loses m2, which b has */
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown("a"), "4000 2-1 4001");
        ck_assert_str_eq(shown("b"), "320 2-0 320");
        start(true);
    }
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    put_file(P "c.jsonl", opus("m3", 3, 300)); /* what is stored of b turns up elsewhere */
    ck_assert_int_eq(number(by_source(engine), "total/billed/inputTokens"), 4321);
    ck_assert_int_eq(number(by_source(engine), "total/billed/requests"), 4);
    start(true);
    ck_assert_int_eq(number(by_source(engine), "total/billed/inputTokens"), 4321);
}
END_TEST

/* As if the filesystem gave the inode of a deleted file to a new one, whose first bytes are the same. */
START_TEST(an_inode_alone_is_not_the_same_file)
{
    put_file(P "a.jsonl", text_of("%s%s%s", padding_line(), opus("m1", 1, 1), opus("m2", 2, 20)));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    ck_assert_int_eq(rename(at(P "a.jsonl"), at(P "b.jsonl")), 0);
    put_file(P "b.jsonl", text_of("%s%s%s", padding_line(), opus("m3", 3, 300), opus("m4", 4, 4000)));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown("a"), "21 2-2 21 retained");
        ck_assert_str_eq(shown("b"), "4300 2-0 4300");
        start(pass == 0);
    }
    put_file(P "b.jsonl", text_of("%s%s%s", padding_line(), opus("m1", 1, 1), opus("m2", 2, 20)));
    ck_assert_str_eq(shown("b"), "21 4-2 4321");
    ck_assert_int_eq(number(by_source(engine), "total/billed/inputTokens"), 4321);
}
END_TEST

START_TEST(lost_requests_can_be_forgotten)
{
    size_t n = 0;

    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    ck_assert_int_eq(oks_engine_forget(engine, "a", &n), -EBUSY);
    put_file(P "a.jsonl", opus("m3", 3, 300));
    ck_assert_str_eq(shown("a"), "300 3-2 321");
    ck_assert_int_eq(oks_engine_forget(engine, "a", &n), 0);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown("a"), "300 1-0 300");
        start(pass == 0);
    }
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0); /* and what was not forgotten is stored */
    start(true);
    ck_assert_str_eq(shown("a"), "300 1-1 300 retained");
}
END_TEST

static void forget_from_another(const char *session)
{
    struct oks_engine *other = engine_made(false);
    size_t n = 0;

    ck_assert_int_eq(oks_engine_sync(other, &all, false, NULL), 0);
    ck_assert_int_eq(oks_engine_forget(other, session, &n), 0);
    ck_assert_uint_eq(n, 1);
    oks_engine_free(other);
}

/* The running engine sees a deletion, and that another process has forgotten the session, in one look. */
START_TEST(a_deletion_and_its_forgetting_are_seen_at_once)
{
    put_file(P "a.jsonl", opus("m1", 1, 1));
    put_file(P "b.jsonl", opus("m2", 2, 20));
    put_file(P "c.jsonl", opus("m3", 3, 300));
    start(false);
    for (const char *name = "ab"; *name; name++) { /* when nothing is retained, and when something is */
        const char *id = text_of("%c", *name), *path = text_of(P "%s.jsonl", id);

        if (*name == 'b') {
            ck_assert_int_eq(unlink(at(P "c.jsonl")), 0);
            ck_assert_str_eq(shown("c"), "300 1-1 300 retained");
        }
        ck_assert_str_ne(shown(id), "none");
        oks_engine_save(engine);
        ck_assert_int_eq(unlink(at(path)), 0);
        forget_from_another(id);
        sync_target(engine, all, false);
        oks_engine_save(engine); /* nothing of it is stored again */
        ck_assert_str_eq(shown(id), "none");
        start(false);
        ck_assert_str_eq(shown(id), "none");
    }
    ck_assert_str_eq(shown("c"), "300 1-1 300 retained");
    put_file(P "b.jsonl", opus("m4", 4, 4000)); /* from now on it is kept again */
    ck_assert_str_eq(shown("b"), "4000 1-0 4000");
    forget_from_another("c");
    ck_assert_str_eq(shown("c"), "none");
    oks_engine_save(engine);
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    ck_assert_str_eq(shown("b"), "4000 1-1 4000 retained");
}
END_TEST

START_TEST(a_loss_and_its_forgetting_are_seen_at_once)
{
    struct oks_engine *other;

    put_file(P "a.jsonl", text_of("%s%s%s", padding_line(), opus("m1", 1, 1), opus("m2", 2, 20)));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    oks_engine_save(engine);
    put_file(P "a.jsonl", text_of("%s%s", padding_line(), opus("m3", 3, 300)));
    forget_from_another("a");
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown("a"), "300 1-0 300");
        start(false);
    }
    oks_engine_save(engine);
    put_file(P "a.jsonl", text_of("%s%s", padding_line(), opus("m4", 4, 4000))); /* from now on it is kept */
    ck_assert_str_eq(shown("a"), "4000 2-1 4300");
    forget_from_another("a");
    ck_assert_str_eq(shown("a"), "4000 1-0 4000");
    oks_engine_save(engine);
    put_file(P "a.jsonl", text_of("%s%s", padding_line(), opus("m5", 5, 50000)));
    other = engine_made(false); /* sees it first, and forgets nothing */
    ck_assert_int_eq(oks_engine_sync(other, &all, false, NULL), 0);
    oks_engine_free(other);
    ck_assert_str_eq(shown("a"), "50000 2-1 54000");
}
END_TEST

/* A version without a store counted deleted transcripts from their caches. */
START_TEST(old_caches_are_taken_over_once)
{
    size_t len, n = 0;
    char *cache;

    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    put_file(P "b.jsonl", opus("m3", 3, 300));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    engine_close(engine);
    engine = NULL;
    remove_tree("okstra/okstrafs");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    for (int pass = 0; pass < 3; pass++) { /* from the cache; from the store; from it alone */
        start(false);
        if (pass == 2)
            overwrite(CACHES "-p/a.json", 0, 20);
        ck_assert_str_eq(shown("a"), "21 2-2 21 retained");
        ck_assert_ptr_nonnull(strstr(stream_of("a"), "\"requestId\":\"r-m2\""));
    }
    ck_assert_str_eq(shown("b"), "300 1-0 300");
    cache = read_file(at(CACHES "-p/a.json"), &len);
    ck_assert_int_eq(oks_engine_forget(engine, "a", &n), 0);
    make_file(CACHES "-p/a.json", cache, len); /* what was forgotten does not come back from a cache */
    free(cache);
    start(false);
    ck_assert_str_eq(shown("a"), "none");
}
END_TEST

static void start_two_roots(void)
{
    const char *dirs[] = {text_of("%s/claude", scratch), text_of("%s/claude-work", scratch), NULL};
    struct oks_config config = {.okstra_home = text_of("%s/okstra", scratch),
                                .dirs[OKS_SOURCE_CLAUDE] = dirs};

    if (engine)
        engine_close(engine);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
}

/* Names with bytes that a cache's name does not have, and a root whose caches have a mark of their own. */
START_TEST(old_caches_are_found_by_their_names)
{
    static const char *const files[] = {P "plain.jsonl", PROJECTS "-w 100%\xec\xa0\x84/odd.jsonl",
                                        "claude-work/projects/-p/second.jsonl",
                                        "claude-work/projects/-a~b/tilde.jsonl"};
    static const char *const names[] = {"plain", "odd", "second", "tilde"};

    for (int i = 0; i < 4; i++)
        put_file(files[i], opus(text_of("m%d", i), 1, 1 + i));
    start_two_roots();
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(shown(names[i]), text_of("%d 1-0 %d", 1 + i, 1 + i));
    engine_close(engine);
    engine = NULL;
    remove_tree("okstra/okstrafs");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(unlink(at(files[i])), 0);
    start_two_roots();
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(shown(names[i]), text_of("%d 1-1 %d retained", 1 + i, 1 + i));
}
END_TEST

START_TEST(models_of_a_window_that_cuts_a_deleted_one)
{
    struct oks_document document;
    struct oks_window window;
    json_object *o;

    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    put_file(P "b.jsonl", text_of("%s%s", opus("m3", 1, 300), line_of("m4", 2, 4000, "claude-sonnet-4-5")));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    sync_target(engine, all, false);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("2026-06-10T01:30Z_.json"), NULL, 0, &window), 0);
    ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_MODEL, &window, 0, &document), 0);
    o = parsed(kept(document.bytes));
    ck_assert_int_eq(number(o, "total/inputTokens"), 4020);
    ck_assert_int_eq(number(o, "total/billed/inputTokens"), 4020);
    ck_assert_str_eq(string(o, "rows/0/key"), "claude-opus-4-7");
    ck_assert_int_eq(number(o, "rows/0/inputTokens"), 20);
    ck_assert_int_eq(number(o, "rows/0/billed/inputTokens"), 20);
    ck_assert_str_eq(string(o, "rows/1/key"), "claude-sonnet-4-5");
    ck_assert_int_eq(number(o, "rows/1/inputTokens"), 4000);
}
END_TEST

/* A cut Codex rollout, and one that is deleted while nobody looks. */
START_TEST(other_agents_keep_theirs)
{
    struct made_file *f = &made[0], *g = &made[1];

    *f = (struct made_file){.kind = CODEX, .id = 1, .there = true, .opening = -1, .forked_from = -1};
    *g = (struct made_file){.kind = GEMINI_OLD, .id = 2, .there = true, .opening = -1, .forked_from = -1};
    n_requests = 0;
    add_requests(f, 4);
    add_requests(g, 3);
    put_file(path_of(f), content(f));
    put_file(path_of(g), content(g));
    start(false);
    check(engine, 0, "");
    ck_assert_int_eq(truncate(at(path_of(f)), (off_t)strlen(content(f)) - 20), 0);
    f->n--;
    check(engine, 1, "cut");
    start(true);
    check(engine, 2, "cut, after a start");
    engine_close(engine);
    engine = NULL;
    ck_assert_int_eq(unlink(at(path_of(f))), 0);
    ck_assert_int_eq(unlink(at(path_of(g))), 0);
    f->there = g->there = false;
    start(true);
    check(engine, 3, "deleted");
    ck_assert(json_object_get_boolean(member_at(usage(engine, session(thread_of(1)), NULL), "retained")));
    ck_assert(json_object_get_boolean(member_at(usage(engine, session("g-2"), NULL), "retained")));
}
END_TEST

/* A store that cannot be read or written is no reason to fail; what cannot be written stays. */
START_TEST(a_store_out_of_reach)
{
    make_parents("okstra/okstrafs/");
    put_file("okstra/okstrafs/history", "in the way");
    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    oks_engine_save(engine);
    ck_assert_int_gt(number(status_of(engine), "cache/writeErrors"), 0);
    put_file(P "a.jsonl", opus("m3", 3, 300));
    ck_assert_str_eq(shown("a"), "300 3-2 321");
    ck_assert_int_eq(unlink(at("okstra/okstrafs/history")), 0);
    start(true);
    ck_assert_str_eq(shown("a"), "300 3-2 321");
}
END_TEST

/* Without time, what a file still has is not saved, and what no file has any more is. */
START_TEST(an_end_in_a_hurry_loses_nothing)
{
    put_file(P "a.jsonl", text_of("%s%s", opus("m1", 1, 1), opus("m2", 2, 20)));
    put_file(P "b.jsonl", opus("m3", 3, 300));
    put_file(P "c.jsonl", opus("m4", 4, 4000));
    start(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    put_file(P "c.jsonl", opus("m5", 5, 50000));
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    oks_engine_save_within(engine, 0);
    ck_assert_int_eq(number(status_of(engine), "cache/writes"), 2); /* of b and c */
    oks_engine_free(engine);
    engine = engine_made(false);
    ck_assert_str_eq(shown("a"), "21 2-0 21");
    ck_assert_str_eq(shown("b"), "300 1-1 300 retained");
    ck_assert_str_eq(shown("c"), "50000 2-1 54000");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    start(true);
    ck_assert_str_eq(shown("a"), "21 2-2 21 retained");
}
END_TEST

/* --- while others change the session --- */

enum { ENOUGH_CHANGES = 300 };

static void *come_and_go(void *arg)
{
    const char *here = at(path_of(&made[0])), *away = at("away.jsonl");

    for (int i = 0; i < ENOUGH_CHANGES; i++) {
        ck_assert_int_eq(i % 2 ? rename(away, here) : rename(here, away), 0);
        sync_target(engine, all, false);
    }
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

/* What the second page opens with is a request of its own while there is no first one, else it is none. */
START_TEST(a_ledger_shows_one_state)
{
    struct oks_target target = session(thread_of(1));
    struct oks_document document;
    atomic_bool done = false;
    pthread_t thread;

    requests[0] = (struct made_request){100, 10, false};
    requests[1] = (struct made_request){20, 5, false};
    n_requests = 2;
    made[0] = (struct made_file){.kind = CODEX, .id = 1, .n = 1, .opening = -1, .forked_from = -1};
    made[1] = (struct made_file){
        .kind = CODEX, .id = 1, .page = 1, .n = 1, .requests = {1}, .before = {100, 10}, .forked_from = -1};
    for (int i = 0; i < 2; i++)
        put_file(path_of(&made[i]), content(&made[i]));
    engine = engine_made(true);
    ck_assert_int_eq(number(by_source(engine), "total/billed/requests"), 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, come_and_go, &done), 0);
    while (!atomic_load(&done)) {
        int rc = oks_document_ledger(engine, &target, &document);

        ck_assert(rc == 0 || rc == -EIO); /* it has changed too often meanwhile */
        ck_assert_msg(rc < 0 || !strstr(document.bytes, "duplicate"), "%s", rc == 0 ? document.bytes : "");
        if (rc == 0)
            oks_document_clear(&document);
    }
    pthread_join(thread, NULL);
}
END_TEST

static void teardown(void)
{
    oks_engine_free(engine);
    engine = NULL;
    scratch_teardown();
}

int main(void)
{
    Suite *suite = suite_create("retention");

    FIXTURE_TEST(suite, what_a_file_loses_stays_billed, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, a_request_counts_once_wherever_it_is, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, an_inode_alone_is_not_the_same_file, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, lost_requests_can_be_forgotten, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, a_deletion_and_its_forgetting_are_seen_at_once, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, a_loss_and_its_forgetting_are_seen_at_once, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, old_caches_are_taken_over_once, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, old_caches_are_found_by_their_names, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, models_of_a_window_that_cuts_a_deleted_one, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, other_agents_keep_theirs, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, a_store_out_of_reach, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, an_end_in_a_hurry_loses_nothing, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, a_ledger_shows_one_state, scratch_setup, teardown, 600);
    FIXTURE_TEST(suite, billed_never_falls, scratch_setup, teardown, 600);
    return tap_run(suite);
}
