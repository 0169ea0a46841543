/*
 * The cache: what is saved comes back, and nothing else ever does. Compatibility with okstra's collector is
 * proved by tests/cache/test_cache_compat.py.
 */
#include "cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <utime.h>

#include "effort.h"
#include "scratch.h"
#include "state_text.h"
#include "tap.h"

#define ROOT  "home/cache/token-usage"
#define ENTRY ROOT "/folder/name.json"

static struct oks_cache *cache;

static void open_cache(void)
{
    ck_assert_int_eq(oks_cache_new(&cache, at(ROOT)), 0);
}

static int save(const struct oks_state *state)
{
    return oks_cache_save(cache, "folder", "name", state);
}

static int load(struct oks_state *state)
{
    return oks_cache_load(cache, "folder", "name", state);
}

static void add_event(struct oks_state *state, uint64_t input, uint64_t tools, struct oks_slice stamp)
{
    struct oks_event event = {.count = {[OKS_INPUT] = input, [OKS_TOOL_USES] = tools}};

    event.stamp = oks_stamp_of(stamp);
    ck_assert_int_eq(oks_events_append(state->events, &event), 0);
}

static void add_team(struct oks_state *state, struct oks_slice team)
{
    ck_assert_int_eq(oks_strings_add_folded(&state->teams, team, OKS_TEAMS_MAX), 0);
}

static void add_cwd(struct oks_state *state, struct oks_slice cwd)
{
    ck_assert_int_eq(oks_strings_add(&state->cwds, cwd, OKS_CWDS_MAX), 0);
    ck_assert_int_ge(oks_strings_add(&state->compactions,
                                     OKS_SLICE("12 150000 c 2026-06-10T01:00:00.123Z auto"),
                                     OKS_COMPACTIONS_MAX),
                     0);
}

static void add_model(struct oks_state *state, const char *name, const char *stamp)
{
    struct oks_totals totals = {.count = {[OKS_INPUT] = 8}, .events = 2, .stamped = 1};

    totals.first = totals.last = oks_stamp_of(oks_slice_of(stamp));
    ck_assert_int_eq(oks_models_add(&state->models, oks_slice_of(name), &totals, NULL), 0);
}

static void add_request(struct oks_state *state, uint64_t key, const char *model, const char *agent,
                        const char *message, const char *request, struct oks_slice stamp)
{
    struct request_row row = {
        .request =
            {
                .key = key,
                .stamp = oks_stamp_of(stamp),
                .spend = {.input = 1,
                          .output = INT64_MAX,
                          .cache_5m = 3,
                          .cache_1h = 4,
                          .cache_read = 5,
                          .web_searches = 6,
                          .context = 8,
                          .speed = OKS_SPEED_FAST,
                          .geo = OKS_GEO_US,
                          .tier = OKS_TIER_BATCH},
                .tag = agent ? OKS_SLICE("high\nmain") : OKS_SLICE(""),
                .tool_uses = 7,
                .settled = true,
                .sidechain = agent != NULL,
                .part = agent ? OKS_PART_RESPONSE : OKS_PART_ADVISOR,
            },
        .history = 5,
        .first = 100,
        .line = 300,
        .message_id = oks_slice_of(message),
        .request_id = oks_slice_of(request),
    };

    ck_assert_int_eq(requests_append(state->requests, &row, oks_slice_of(model), oks_slice_of(agent)), 0);
}

static void make_small(struct oks_state *state)
{
    struct oks_event event = {.count = {1, 2, 30, 10, 20, INT64_MAX, 4}};

    ck_assert_int_eq(oks_state_init(state), 0);
    state->offset = state->extra_offset = 12345;
    state->identity.len = 256;
    memset(state->identity.sha256, 0xa5, OKS_SHA256_BYTES);
    state->agent_name = strdup("codex-worker");
    state->model = strdup("claude-opus-4-7");
    state->session_id = strdup("0123-4567");
    state->label = strdup("Explore%");
    state->label_team = strdup("crew");
    state->reader_state = strdup("codex1 %25 - a");
    event.stamp = oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00.123Z"));
    ck_assert_int_eq(oks_events_append(state->events, &event), 0);
    add_event(state, 7, 0, (struct oks_slice){NULL, 0});
    state->dev = 2049;
    state->ino = 77;
    state->tail_len = 64;
    memset(state->tail_sha256, 0x5a, OKS_SHA256_BYTES);
    state->lines = 9;
    state->bad = 2;
    state->odd = 1;
    add_team(state, OKS_SLICE("okstra-T1"));
    add_cwd(state, OKS_SLICE("/home/u/p"));
    add_model(state, "claude-opus-4-7", "2026-06-10T01:00:00.123Z");
    ck_assert_int_eq(
        oks_models_add(&state->tags, OKS_SLICE("high\nmain"), &state->models.items[0].totals, NULL), 0);
    ck_assert_int_eq(oks_tool_sets_add(&state->tools, OKS_SLICE("Bash\nRead"), 2, 4, NULL), 0);
    add_request(state, UINT64_C(0x0123456789abcdef), "claude-opus-4-7", "a1", "msg_1", "req_1",
                OKS_SLICE("2026-06-10T01:00:00.123Z"));
    requests_set_history(state->requests, 6, 1);
}

/* Every kind of string that a file must carry. */
static void make_strange(struct oks_state *state)
{
    ck_assert_int_eq(oks_state_init(state), 0);
    state->offset = INT64_MAX;
    state->dev = state->ino = UINT64_MAX;
    state->agent_name = strdup("\x01\x1f\t\n\r\b\f\"\\/% \x7f \xc3\xa9 \xf0\x9f\x98\x80");
    state->model = strdup("");
    state->session_id = strdup("100%\xff\"");
    add_team(state, OKS_SLICE(""));
    add_team(state, OKS_SLICE("\xff\xfe%00%\\u0041\x01"));
    add_team(state, OKS_SLICE("\xed\xa0\x80")); /* a surrogate */
    add_team(state, OKS_SLICE("nul\0nul"));
    add_team(state, OKS_SLICE("Gr\xc3\x9c\xc3\x9f"));
    add_cwd(state, OKS_SLICE("/\xc3"));
    add_cwd(state, OKS_SLICE("%"));
    add_model(state, "", NULL);
    add_model(state, "100%\xff\"\\", "2026-06-10T01:00:00Z");
    add_request(state, 0, "", NULL, NULL, "\xff%", OKS_SLICE("nul\0\xfe"));
    add_request(state, UINT64_MAX, "100%\xff\"\\", "\xff", "\"", NULL, (struct oks_slice){NULL, 0});
    add_event(state, 1, 0, OKS_SLICE("yesterday \"\\\n\xe2\x82\xac%"));
    add_event(state, 2, 0, OKS_SLICE("nul\0nul"));
    add_event(state, 0, 0, OKS_SLICE("2026-06-10T01:00:00Z"));
    add_event(state, 0, 0, (struct oks_slice){NULL, 0});
    add_event(state, OKS_TOKENS_MAX, OKS_TOKENS_MAX, OKS_SLICE("2026-06-10T01:00:00Z"));
}

static void assert_same(const struct oks_state *a, const struct oks_state *b)
{
    char *left = state_text(a), *right = state_text(b);

    ck_assert_str_eq(left, right);
    free(left);
    free(right);
}

/* What is in the entry's place now is a miss, and leaves the caller's state alone. */
static void assert_miss(void)
{
    struct oks_state state, untouched;

    make_small(&state);
    make_small(&untouched);
    ck_assert_int_eq(load(&state), OKS_CACHE_MISS);
    assert_same(&state, &untouched);
    oks_state_clear(&state);
    oks_state_clear(&untouched);
}

static void assert_hit(const struct oks_state *expected)
{
    struct oks_state state;

    ck_assert_int_eq(oks_state_init(&state), 0);
    ck_assert_int_eq(load(&state), OKS_CACHE_HIT);
    assert_same(&state, expected);
    oks_state_clear(&state);
}

static void put_entry(const void *bytes, size_t len)
{
    make_file(ENTRY, bytes, len);
}

static char *small_file(struct oks_state *state, size_t *len)
{
    open_cache();
    make_small(state);
    ck_assert_int_eq(save(state), 0);
    return read_file(at(ENTRY), len);
}

static unsigned entries_of(const char *rel)
{
    DIR *dir = opendir(at(rel));
    unsigned n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

/* --- there and back --- */

START_TEST(the_layout_is_as_documented)
{
    static const char expected[] =
        "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":256,\"sha256\":"
        "\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\"},"
        "\"usage\":{\"offset\":12345,\"agentName\":\"codex-worker\",\"model\":\"claude-opus-4-7\",\"events\":"
        "["
        "{\"i\":7},"
        "{\"i\":1,\"o\":2,\"r\":9223372036854775807,\"c\":30,\"c5\":10,\"c1\":20,\"u\":4,"
        "\"t\":\"2026-06-10T01:00:00.123Z\"}]},"
        "\"needles\":{\"\\\"teamname\\\":\\\"okstra-t1\\\"\":{\"offset\":0,\"found\":true}},"
        "\"okstrafs\":{\"version\":7,\"offset\":12345,\"dev\":2049,\"ino\":77,\"tail\":{\"len\":64,"
        "\"sha256\":"
        "\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"},"
        "\"lines\":9,\"bad\":2,\"odd\":1,\"sessionId\":\"0123-4567\",\"teams\":[\"okstra-T1\"],"
        "\"cwds\":[\"/home/u/p\"],\"compactions\":[\"12 150000 c 2026-06-10T01:00:00.123Z auto\"],"
        "\"models\":[{\"name\":\"claude-opus-4-7\",\"n\":2,\"stamped\":1,"
        "\"i\":8,\"o\":0,\"r\":0,\"c\":0,\"c5\":0,\"c1\":0,\"u\":0,"
        "\"first\":\"2026-06-10T01:00:00.123Z\",\"last\":\"2026-06-10T01:00:00.123Z\"}],"
        "\"tags\":[{\"name\":\"high\\nmain\",\"n\":2,\"stamped\":1,"
        "\"i\":8,\"o\":0,\"r\":0,\"c\":0,\"c5\":0,\"c1\":0,\"u\":0,"
        "\"first\":\"2026-06-10T01:00:00.123Z\",\"last\":\"2026-06-10T01:00:00.123Z\"}],"
        "\"tools\":[{\"names\":\"Bash\\nRead\",\"n\":2,\"calls\":4}],"
        "\"eventModels\":[],\"eventTags\":[],\"eventTools\":[],\"requests\":{\"history\":6,\"after\":1,"
        "\"runs\":null,\"models\":[\"claude-opus-"
        "4-7\"],\"agents\":["
        "\"a1\"],\"tags\":[\"high\\nmain\"],"
        "\"rows\":["
        "[\"msg_1\",\"req_1\",\"2026-06-10T01:00:00.123Z\",\"0123456789abcdef\",0,1,243,100,300,5,1,"
        "9223372036854775807,3,4,5,6,7,8,0]]},"
        "\"label\":\"Explore%25\",\"labelTeam\":\"crew\",\"memo\":\"codex1 %2525 - "
        "a\",\"events\":2,\"sha256\":\"";
    struct oks_state state;
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];
    size_t len;
    char *bytes = small_file(&state, &len);

    ck_assert_uint_eq(len, sizeof(expected) - 1 + 64 + 4);
    ck_assert_mem_eq(bytes, expected, sizeof(expected) - 1);
    ck_assert_int_eq(oks_sha256(bytes, sizeof(expected) - 1, sha256), 0);
    oks_hex(sha256, sizeof(sha256), hex);
    ck_assert_mem_eq(bytes + sizeof(expected) - 1, hex, 64);
    ck_assert_str_eq(bytes + len - 4, "\"}}\n");
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

static void round_trip(void (*make)(struct oks_state *state))
{
    struct oks_state state;

    open_cache();
    make(&state);
    ck_assert_int_eq(save(&state), 0);
    assert_hit(&state);
    oks_state_clear(&state);
    oks_cache_free(cache);
}

static void make_empty(struct oks_state *state)
{
    ck_assert_int_eq(oks_state_init(state), 0);
}

/* The i-th of many events, in the order of their stamps. */
static struct oks_event many(unsigned i, char text[OKS_STAMP_TEXT + 8])
{
    struct oks_event event = {.count = {[OKS_INPUT] = i, [OKS_TOOL_USES] = i % 3}};
    unsigned second = i / 8;

    snprintf(text, OKS_STAMP_TEXT + 8, "2026-06-%02uT%02u:%02u:%02u.%03uZ", 1 + second / 86400,
             second / 3600 % 24, second / 60 % 60, second % 60, i % 8);
    event.stamp = oks_stamp_of(oks_slice_of(text));
    return event;
}

static int is_next_of_many(void *ctx, const struct oks_event *event)
{
    char text[OKS_STAMP_TEXT + 8];
    unsigned *i = ctx;
    struct oks_event expected = many((*i)++, text);

    return oks_stamp_cmp(event->stamp, expected.stamp) != 0 ||
           memcmp(event->count, expected.count, sizeof(expected.count)) != 0;
}

START_TEST(many_events_come_back)
{
    struct oks_state state, loaded;
    char text[OKS_STAMP_TEXT + 8];
    unsigned seen = 0, all = by_effort(20000, 200000, 1000000);

    open_cache();
    make_empty(&state);
    make_empty(&loaded);
    for (unsigned i = 0; i < all; i++) {
        struct oks_event event = many(i, text);

        if (oks_events_append(state.events, &event) < 0)
            ck_abort_msg("event %u", i); /* only then: every assertion writes to a pipe */
    }
    ck_assert_int_eq(save(&state), 0);
    ck_assert_int_eq(load(&loaded), OKS_CACHE_HIT);
    ck_assert_int_eq(oks_events_each(loaded.events, is_next_of_many, &seen), 0);
    ck_assert_uint_eq(seen, all);
    oks_state_clear(&state);
    oks_state_clear(&loaded);
    oks_cache_free(cache);
}
END_TEST

static void make_full(struct oks_state *state)
{
    char text[64];

    make_empty(state);
    for (unsigned i = 0; i < OKS_TEAMS_MAX; i++) {
        snprintf(text, sizeof(text), "team %u", i);
        add_team(state, oks_slice_of(text));
    }
    for (unsigned i = 0; i < OKS_CWDS_MAX; i++) {
        snprintf(text, sizeof(text), "/dir %u", i);
        add_cwd(state, oks_slice_of(text));
    }
}

START_TEST(a_small_state_comes_back)
{
    round_trip(make_small);
}
END_TEST

START_TEST(an_empty_state_comes_back)
{
    round_trip(make_empty);
}
END_TEST

START_TEST(strange_strings_come_back)
{
    round_trip(make_strange);
}
END_TEST

START_TEST(full_lists_come_back)
{
    round_trip(make_full);
}
END_TEST

START_TEST(a_hit_replaces_the_state_wholly)
{
    struct oks_state state, other;

    open_cache();
    make_small(&state);
    make_strange(&other);
    ck_assert_int_eq(save(&state), 0);
    ck_assert_int_eq(load(&other), OKS_CACHE_HIT);
    assert_same(&state, &other);
    oks_state_clear(&state);
    oks_state_clear(&other);
    oks_cache_free(cache);
}
END_TEST

/* The loaded list of teams goes on under the same rule of equality. */
START_TEST(loaded_teams_are_still_folded)
{
    struct oks_state state, loaded;

    open_cache();
    make_small(&state);
    make_empty(&loaded);
    ck_assert_int_eq(save(&state), 0);
    ck_assert_int_eq(load(&loaded), OKS_CACHE_HIT);
    ck_assert_int_eq(oks_strings_add_folded(&loaded.teams, OKS_SLICE("OKSTRA-t1"), OKS_TEAMS_MAX), 1);
    ck_assert_int_eq(oks_strings_add_folded(&loaded.teams, OKS_SLICE("other"), OKS_TEAMS_MAX), 0);
    oks_state_clear(&state);
    oks_state_clear(&loaded);
    oks_cache_free(cache);
}
END_TEST

START_TEST(only_the_newest_needles_are_written)
{
    struct oks_state state;
    char text[32], *bytes;
    size_t len;

    open_cache();
    make_empty(&state);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "Team%02u", i);
        add_team(&state, oks_slice_of(text));
    }
    ck_assert_int_eq(save(&state), 0);
    bytes = read_file(at(ENTRY), &len);
    ck_assert_ptr_null(strstr(bytes, "team03\\\""));
    ck_assert_ptr_nonnull(strstr(bytes, "\"needles\":{\"\\\"teamname\\\":\\\"team04\\\"\":"));
    ck_assert_ptr_nonnull(strstr(bytes, "team19\\\"\":{\"offset\":0,\"found\":true}}"));
    assert_hit(&state);
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* --- damage --- */

START_TEST(every_prefix_is_a_miss_or_the_same)
{
    struct oks_state state;
    size_t len;
    char *bytes = small_file(&state, &len);

    for (size_t n = 0; n < len - 1; n += by_effort(11, 1, 1)) {
        put_entry(bytes, n);
        assert_miss();
    }
    put_entry(bytes, len - 1); /* what json.dumps of the collector would make of it */
    assert_hit(&state);
    put_entry(bytes, len);
    assert_hit(&state);
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(every_flipped_bit_is_a_miss)
{
    struct oks_state state, loaded;
    size_t len;
    char *bytes = small_file(&state, &len);

    make_empty(&loaded);
    for (size_t bit = 0; bit < len * 8; bit += by_effort(37, 1, 1)) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        put_entry(bytes, len);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_msg(load(&loaded) == OKS_CACHE_MISS, "bit %zu", bit);
    }
    put_entry(bytes, len);
    assert_hit(&state);
    free(bytes);
    oks_state_clear(&loaded);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(bytes_behind_the_end_are_a_miss)
{
    struct oks_state state;
    size_t len;
    char *bytes = small_file(&state, &len);
    char *longer = calloc(1, len + 2);

    memcpy(longer, bytes, len);
    for (unsigned c = 0; c < 256; c++) {
        longer[len] = (char)c;
        put_entry(longer, len + 1);
        if (c == ' ' || c == '\t' || c == '\r')
            assert_hit(&state); /* JSON all the same, and without our last byte a foreign file */
        else
            assert_miss();
    }
    free(longer);
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* Re-seals a changed text, so that the reader behind the seal is what is tested. */
static void put_sealed(const char *text)
{
    const char *seal = strstr(text, ",\"sha256\":\"\"}}\n");
    uint8_t sha256[OKS_SHA256_BYTES];
    char *bytes;
    size_t len;

    ck_assert_ptr_nonnull(seal);
    len = (size_t)(seal - text) + strlen(",\"sha256\":\"");
    bytes = calloc(1, len + 64 + 5);
    memcpy(bytes, text, len);
    ck_assert_int_eq(oks_sha256(text, len, sha256), 0);
    oks_hex(sha256, sizeof(sha256), bytes + len);
    strcpy(bytes + len + 64, "\"}}\n");
    put_entry(bytes, len + 64 + 4);
    free(bytes);
}

static char *replace(const char *text, const char *from, const char *to)
{
    const char *found = strstr(text, from);
    char *out;

    ck_assert_msg(found != NULL, "%s", from);
    ck_assert_int_ge(asprintf(&out, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from)), 0);
    return out;
}

static void assert_sealed_miss(const char *text, const char *from, const char *to)
{
    char *changed = replace(text, from, to);

    put_sealed(changed);
    assert_miss();
    free(changed);
}

static char *unsealed_text(struct oks_state *state)
{
    size_t len;
    char *bytes = small_file(state, &len);

    strcpy(bytes + len - 4 - 64, "\"}}\n");
    return bytes;
}

/* What is wrong in the addition, in a file of either kind. */
static const char *const wrong_additions[][2] = {
    {"\"version\":7", "\"version\":6"},
    {"\"version\":7", "\"version\":8"},
    {"\"eventModels\":[]", "\"eventModels\":[1]"},
    {"\"eventModels\":[]", "\"eventModels\":[1,0]"},
    {"\"eventModels\":[]", "\"eventModels\":[3,0]"},
    {"\"eventModels\":[]", "\"eventModels\":[2,0,1,0]"},
    {"\"eventModels\":[]", "\"eventModels\":[0,0,2,0]"},
    {"\"eventModels\":[]", "\"eventModels\":[2,1]"},
    {"\"eventModels\":[]", "\"eventModels\":[2,256]"},
    {"\"eventModels\":[]", "\"eventModels\":null"},
    {"\"label\":\"Explore%25\"", "\"label\":8"},
    {"\"labelTeam\":\"crew\"", "\"labelTeam\":8"},
    {"\"ino\":77", "\"ino\":18446744073709551616"},
    {"\"0123456789abcdef\",0,1,243", "\"0123456789abcdef\",1,1,243"},
    {"3,4,5,6,7,8,0]", "3,4,5,6,7,8]"},
    {"3,4,5,6,7,8,0]", "3,4,5,6,7,8,0,9]"},
    {"3,4,5,6,7,8,0]", "3,4,5,6,7,8,1]"},
    {"\"eventTags\":[]", "\"eventTags\":[2,1]"},
    {"\"eventTools\":[]", "\"eventTools\":[2,1]"},
    {"\"tools\":[{\"names\":\"Bash", "\"tools\":[{\"names\":\"%4"},
    {"\"n\":2,\"calls\":4", "\"n\":2,\"calls\":-4"},
    {"\"tags\":[{", "\"tags\":[{\"name\":0},{"},
};

START_TEST(a_sealed_file_is_still_checked)
{
    static const char *const changes[][2] = {
        {"\"schemaVersion\":1", "\"schemaVersion\":2"},
        {"\"schemaVersion\":1", "\"schemaVersion\":01"},
        {"\"schemaVersion\":1", "\"schemaVersion\": 1"},
        {"\"prefixLen\":256", "\"prefixLen\":257"},
        {"\"prefixLen\":256", "\"prefixLen\":-1"},
        {"\"a5a5", "\"A5a5"},
        {"\"offset\":12345", "\"offset\":9223372036854775808"},
        {"\"offset\":12345", "\"offset\":-1"},
        {"\"offset\":12345", "\"offset\":1.5"},
        {"\"offset\":12345", "\"offset\":\"1\""},
        {"\"codex-worker\"", "\"codex\nworker\""},
        {"\"codex-worker\"", "\"codex\\u0041\""},
        {"\"codex-worker\"", "\"codex\\x\""},
        {"\"codex-worker\"", "\"codex\xff\""},
        {"\"codex-worker\"", "\"codex\\n\xff\""},
        {"\"codex-worker\"", "7"},
        {"\"events\":[", "\"events\":[{\"i\":1,}"},
        {"\"events\":[", "\"events\":[,"},
        {"{\"i\":7}", "{\"i\":9223372036854775808}"},
        {"{\"i\":7}", "{\"i\":99999999999999999999}"},
        {"{\"i\":7}", "{\"o\":7,\"i\":7}"},
        {"{\"i\":7}", "{\"i\":7,\"t\":1}"},
        {"{\"i\":7}", "{\"i\":true}"},
        {"{\"i\":7}", "{\"i\":}"},
        {"\"found\":true", "\"found\":false"},
        {"\"eventModels\":[]", "\"eventModels\":[2,0"},
        {"\"len\":64", "\"len\":4294967296"},
        {"\"tail\":{", "\"tail\":["},
        {"\"teams\":[\"okstra-T1\"]", "\"teams\":[\"okstra-T1\",\"OKSTRA-T1\"]"},
        {"\"teams\":[\"okstra-T1\"]", "\"teams\":[\"%4\"]"},
        {"\"teams\":[\"okstra-T1\"]", "\"teams\":[\"%fF\"]"},
        {"\"cwds\":[\"/home/u/p\"]", "\"cwds\":[\"/home/u/p\",]"},
        {"\"first\":\"2026", "\"first\":\"x026"},
        {"\"n\":2", "\"n\":02"},
        {"[\"msg_1\"", "[\"msg_%1\""},
        {"\"0123456789abcdef\"", "\"0123456789abcdeF\""},
        {"\"0123456789abcdef\",0,1,243", "\"0123456789abcdef\",0,2,243"},
        {"\"0123456789abcdef\",0,1,243", "\"0123456789abcdef\",0,1,1792"},
        {"\"0123456789abcdef\",0,1,243", "\"0123456789abcdef\",0,1,1073741824"},
        {"\"runs\":null", "\"runs\":7"},
        {"\"runs\":null,", ""},
        {"100,300,5,", "301,300,5,"},
        {"\"events\":2,", "\"events\":3,"},
        {"\"events\":2,", "\"events\":2,\"more\":0,"},
    };
    struct oks_state state;
    char *text = unsealed_text(&state);

    put_sealed(text);
    assert_hit(&state);
    for (size_t i = 0; i < sizeof(wrong_additions) / sizeof(wrong_additions[0]); i++)
        assert_sealed_miss(text, wrong_additions[i][0], wrong_additions[i][1]);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        assert_sealed_miss(text, changes[i][0], changes[i][1]);
    free(text);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* Each truncation of a sealed text, sealed again: the reader must end at its bounds. */
START_TEST(a_sealed_prefix_is_a_miss)
{
    struct oks_state state;
    char *text = unsealed_text(&state);
    size_t len = strlen(text) - strlen(",\"sha256\":\"\"}}\n");
    char *cut = calloc(1, strlen(text) + 1);

    for (size_t n = 0; n < len; n += by_effort(11, 1, 1)) {
        memcpy(cut, text, n);
        strcpy(cut + n, ",\"sha256\":\"\"}}\n");
        put_sealed(cut);
        assert_miss();
    }
    free(cut);
    free(text);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(swapped_files_carry_the_other_identity)
{
    struct oks_state one, two, loaded;

    open_cache();
    make_small(&one);
    make_small(&two);
    make_empty(&loaded);
    memset(two.identity.sha256, 0x11, OKS_SHA256_BYTES);
    ck_assert_int_eq(oks_cache_save(cache, "folder", "one", &one), 0);
    ck_assert_int_eq(oks_cache_save(cache, "folder", "two", &two), 0);
    ck_assert_int_eq(rename(at(ROOT "/folder/two.json"), at(ROOT "/folder/one.json")), 0);
    ck_assert_int_eq(oks_cache_load(cache, "folder", "one", &loaded), OKS_CACHE_HIT);
    ck_assert_mem_eq(loaded.identity.sha256, two.identity.sha256, OKS_SHA256_BYTES);
    ck_assert_int_eq(oks_cache_load(cache, "folder", "two", &loaded), OKS_CACHE_MISS);
    oks_state_clear(&one);
    oks_state_clear(&two);
    oks_state_clear(&loaded);
    oks_cache_free(cache);
}
END_TEST

/* --- files of okstra's collector --- */

#define HEAD_F                                                         \
    "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":5,\"sha256\":\"" \
    "1111111111111111111111111111111111111111111111111111111111111111\"},\"usage\":"
#define TAIL_F ",\"needles\":{}}"

static void make_foreign(struct oks_state *state)
{
    make_empty(state);
    state->offset = 99;
    state->identity.len = 5;
    memset(state->identity.sha256, 0x11, OKS_SHA256_BYTES);
    state->model = strdup("m\xc3\xa9");
    add_event(state, 3, 1, OKS_SLICE("2026-06-10T01:00:00Z"));
}

#define USAGE_F                                                                                              \
    "{\"offset\":99,\"agentName\":null,\"model\":\"m\xc3\xa9\",\"events\":[{\"t\":\"2026-06-10T01:00:00Z\"," \
    "\"u\":1,\"i\":3}]}"

START_TEST(a_foreign_file_is_read_in_any_spelling)
{
    static const char *const files[] = {
        HEAD_F USAGE_F TAIL_F,
        HEAD_F USAGE_F ",\"x\":[1,2.5,{\"y\":null}],\"needles\":{\"a\":{\"offset\":0,\"found\":false}}}",
        " {\"usage\" :\t" USAGE_F ", \"needles\":{},\n\"identity\": { \"sha256\" : "
        "\"1111111111111111111111111111111111111111111111111111111111111111\" , \"prefixLen\" : 5 } , "
        "\"schemaVersion\" : 1 }  ",
        HEAD_F "{},"
               "\"usage\":" USAGE_F TAIL_F, /* the last of two keys */
        HEAD_F
        "{\"offset\":99,\"model\":\"m\\u00e9\",\"events\":[{\"i\":3,\"u\":1,\"t\":\"2026-06-10T01:00:00Z\","
        "\"z\":{}}]}" TAIL_F,
    };
    struct oks_state expected, empty;

    open_cache();
    make_foreign(&expected);
    make_small(&empty);
    ck_assert_int_eq(save(&empty), 0); /* makes the folder */
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        put_entry(files[i], strlen(files[i]));
        assert_hit(&expected);
    }
    oks_state_clear(&expected);
    oks_state_clear(&empty);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_foreign_file_with_anything_odd_is_a_miss)
{
#define EVENT(text) HEAD_F "{\"offset\":99,\"agentName\":null,\"model\":null,\"events\":[" text "]}" TAIL_F
    static const char *const files[] = {
        HEAD_F USAGE_F TAIL_F "\n",
        HEAD_F USAGE_F TAIL_F "x",
        HEAD_F USAGE_F TAIL_F TAIL_F,
        HEAD_F USAGE_F ",\"needles\":{]}",
        HEAD_F USAGE_F ",\"needles\":nul}",
        HEAD_F USAGE_F ",}",
        HEAD_F "[]" TAIL_F,
        HEAD_F "null" TAIL_F,
        HEAD_F "{\"offset\":99.0,\"agentName\":null,\"model\":null,\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":-1,\"agentName\":null,\"model\":null,\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":9223372036854775808,\"agentName\":null,\"model\":null,\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":\"99\",\"agentName\":null,\"model\":null,\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":99,\"agentName\":7,\"model\":null,\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":99,\"agentName\":null,\"model\":[],\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":99,\"agentName\":null,\"model\":\"\xff\",\"events\":[]}" TAIL_F,
        HEAD_F "{\"offset\":99,\"agentName\":null,\"model\":null,\"events\":{}}" TAIL_F,
        HEAD_F "{\"offset\":99,\"agentName\":null,\"model\":null}" TAIL_F,
        EVENT("{\"i\":1.0}"),
        EVENT("{\"i\":1e3}"),
        EVENT("{\"i\":-1}"),
        EVENT("{\"i\":true}"),
        EVENT("{\"i\":null}"),
        EVENT("{\"i\":\"1\"}"),
        EVENT("{\"i\":[1]}"),
        EVENT("{\"i\":NaN}"),
        EVENT("{\"i\":9223372036854775808}"),
        EVENT("{\"i\":99999999999999999999999}"),
        EVENT("{\"t\":1}"),
        EVENT("{\"t\":null}"),
        EVENT("{\"i\":1},"),
        EVENT("{\"i\":1}{\"i\":1}"),
        EVENT("[]"),
        EVENT("1"),
        EVENT("{\"i\":1"),
        EVENT("{i:1}"),
        EVENT("{\"z\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"),
        "{\"schemaVersion\":2,\"identity\":{\"prefixLen\":5,\"sha256\":"
        "\"1111111111111111111111111111111111111111111111111111111111111111\"},\"usage\":" USAGE_F TAIL_F,
        "{\"schemaVersion\":\"1\",\"identity\":{\"prefixLen\":5,\"sha256\":"
        "\"1111111111111111111111111111111111111111111111111111111111111111\"},\"usage\":" USAGE_F TAIL_F,
        "{\"schemaVersion\":1,\"identity\":null,\"usage\":" USAGE_F TAIL_F,
        "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":5},\"usage\":" USAGE_F TAIL_F,
        "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":257,\"sha256\":"
        "\"1111111111111111111111111111111111111111111111111111111111111111\"},\"usage\":" USAGE_F TAIL_F,
        "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":5,\"sha256\":"
        "\"111111111111111111111111111111111111111111111111111111111111111G\"},\"usage\":" USAGE_F TAIL_F,
        "[]",
        "null",
        "{}",
        "\"",
        "{",
        "{\"",
        "{\"schemaVersion\":1",
        "\xef\xbb\xbf" HEAD_F USAGE_F TAIL_F,
    };
    struct oks_state state;

    open_cache();
    make_small(&state);
    ck_assert_int_eq(save(&state), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        put_entry(files[i], strlen(files[i]));
        ck_assert_msg(load(&state) == OKS_CACHE_MISS, "%zu: %s", i, files[i]);
    }
    assert_miss();
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(every_prefix_of_a_foreign_file_is_a_miss)
{
    static const char file[] = HEAD_F USAGE_F TAIL_F;
    struct oks_state state;

    open_cache();
    make_small(&state);
    ck_assert_int_eq(save(&state), 0);
    for (size_t n = 0; n < sizeof(file) - 1; n += by_effort(11, 1, 1)) {
        put_entry(file, n);
        assert_miss();
    }
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(lone_surrogates_become_replacement_characters)
{
    static const char file[] = EVENT("{\"t\":\"\\ud800x\"}");
    struct oks_state state, expected;

    open_cache();
    make_small(&state);
    make_empty(&expected);
    ck_assert_int_eq(save(&state), 0);
    put_entry(file, sizeof(file) - 1);
    ck_assert_int_eq(load(&state), OKS_CACHE_HIT);
    expected.offset = 99;
    expected.identity = state.identity;
    add_event(&expected, 0, 0, OKS_SLICE("\xef\xbf\xbdx"));
    assert_same(&state, &expected);
    oks_state_clear(&expected);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* The collector carries our key along; it is believed only while it speaks of the same offset. */
static void assert_addition(const char *text, const char *from, const char *to, bool kept)
{
    char *changed = replace(text, from, to);
    struct oks_state state;

    make_empty(&state);
    put_entry(changed, strlen(changed));
    ck_assert_int_eq(load(&state), OKS_CACHE_HIT);
    ck_assert_msg((state.ino != 0) == kept, "%s", to);
    ck_assert_uint_eq(state.extra_offset, kept ? state.offset : 0);
    ck_assert_uint_eq(state.dev, kept ? 2049 : 0);
    ck_assert_uint_eq(state.lines, kept ? 9 : 0);
    ck_assert_uint_eq(state.tail_len, kept ? 64 : 0);
    ck_assert_uint_eq(state.teams.len, kept ? 1 : 0);
    ck_assert_uint_eq(state.cwds.len, kept ? 1 : 0);
    ck_assert(kept == (state.session_id != NULL));
    ck_assert_str_eq(state.agent_name, "codex-worker");
    oks_state_clear(&state);
    free(changed);
}

START_TEST(the_addition_of_a_foreign_file_is_dropped_in_doubt)
{
    static const char *const changes[][2] = {
        {"\"usage\":{\"offset\":12345", "\"usage\":{\"offset\":12346"},
        {"\"version\":7,\"offset\":12345", "\"version\":7,\"offset\":12344"},
        {"{\"i\":7},", ""},
        {"\"okstrafs\":{", "\"okstrafs\":null,\"was\":{"},
        {"\"okstrafs\":{", "\"was\":{"},
        {"\"lines\":9", "\"lines\":-9"},
        {"\"bad\":2", "\"bad\":2.0"},
        {"\"tail\":{\"len\":64", "\"tail\":{\"len\":true"},
        {"\"teams\":[\"okstra-T1\"]", "\"teams\":[7]"},
        {"\"teams\":[\"okstra-T1\"]", "\"teams\":[\"%\"]"},
        {"\"cwds\":[\"/home/u/p\"]", "\"cwds\":null"},
        {"\"compactions\":[", "\"compactions\":[7,"},
        {"\"n\":2", "\"n\":-2"},
        {"\"models\":[{", "\"models\":[{\"name\":0},{"},
        {"\"sessionId\":\"0123-4567\"", "\"sessionId\":5"},
        {"\"requests\":{", "\"questions\":{"},
        {"\"0123456789abcdef\"", "\"0123456789abcde\""},
        {"3,4,5,6,7,8,0]", "3,4,5,6,-7,8,0]"},
    };
    struct oks_state state;
    size_t len;
    char *bytes = small_file(&state, &len);

    bytes[len - 1] = '\0'; /* the collector writes no newline */
    assert_addition(bytes, "\"lines\":9", "\"lines\":9", true);
    assert_addition(bytes, ",\"okst", ", \"okst", true);
    for (size_t i = 0; i < sizeof(wrong_additions) / sizeof(wrong_additions[0]); i++)
        assert_addition(bytes, wrong_additions[i][0], wrong_additions[i][1], false);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        assert_addition(bytes, changes[i][0], changes[i][1], false);
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* --- places --- */

START_TEST(nothing_is_created_before_the_first_save)
{
    struct oks_state state;
    struct stat st;

    open_cache();
    make_small(&state);
    ck_assert_int_eq(load(&state), OKS_CACHE_MISS);
    ck_assert_int_eq(stat(at("home"), &st), -1);
    ck_assert_int_eq(save(&state), 0);
    ck_assert_int_eq(stat(at("home"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(at(ROOT "/folder"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(at(ENTRY), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_uint_eq(entries_of(ROOT "/folder"), 1);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(roots_of_any_form)
{
    static const char *const roots[] = {"a//b/c///", "one", ".", "./x/..", "x/y"};
    struct oks_state state;

    make_small(&state);
    ck_assert_int_eq(chdir(scratch), 0);
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        ck_assert_int_eq(oks_cache_new(&cache, roots[i]), 0);
        ck_assert_int_eq(save(&state), 0);
        assert_hit(&state);
        oks_cache_free(cache);
    }
    ck_assert_int_eq(access("a/b/c/folder/name.json", F_OK), 0);
    ck_assert_int_eq(access("one/folder/name.json", F_OK), 0);
    ck_assert_int_eq(access("folder/name.json", F_OK), 0);
    oks_state_clear(&state);
}
END_TEST

START_TEST(names_that_are_no_component_are_refused)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/", "../x"};
    struct oks_state state;

    open_cache();
    make_small(&state);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(oks_cache_save(cache, names[i], "name", &state), -EINVAL);
        ck_assert_int_eq(oks_cache_save(cache, "folder", names[i], &state), -EINVAL);
        ck_assert_int_eq(oks_cache_load(cache, names[i], "name", &state), OKS_CACHE_MISS);
        ck_assert_int_eq(oks_cache_load(cache, "folder", names[i], &state), OKS_CACHE_MISS);
    }
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(long_names_stay_apart)
{
    char one[NAME_MAX + 1], two[NAME_MAX + 1];
    struct oks_state state, other, loaded;

    open_cache();
    make_small(&state);
    make_strange(&other);
    make_empty(&loaded);
    memset(one, 'n', NAME_MAX);
    one[NAME_MAX] = '\0';
    memcpy(one + 232, "\xe2\x82\xac", 3); /* a character across the cut */
    strcpy(two, one);
    two[NAME_MAX - 1] = 'x';
    ck_assert_int_eq(oks_cache_save(cache, one, one, &state), 0);
    ck_assert_int_eq(oks_cache_save(cache, one, two, &other), 0);
    ck_assert_int_eq(oks_cache_load(cache, one, one, &loaded), OKS_CACHE_HIT);
    assert_same(&loaded, &state);
    ck_assert_int_eq(oks_cache_load(cache, one, two, &loaded), OKS_CACHE_HIT);
    assert_same(&loaded, &other);
    one[250] = '\0';
    ck_assert_int_eq(oks_cache_save(cache, "folder", one, &state), 0); /* 255 with ".json" */
    ck_assert_int_eq(oks_cache_load(cache, "folder", one, &loaded), OKS_CACHE_HIT);
    oks_state_clear(&state);
    oks_state_clear(&other);
    oks_state_clear(&loaded);
    oks_cache_free(cache);
}
END_TEST

/* --- obstacles --- */

static void assert_only_entry(void)
{
    ck_assert_uint_eq(entries_of(ROOT "/folder"), 1);
}

START_TEST(a_fifo_in_place_neither_blocks_nor_stays)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(unlink(at(ENTRY)), 0);
    ck_assert_int_eq(mkfifo(at(ENTRY), 0600), 0);
    assert_miss();
    ck_assert_int_eq(save(&state), 0);
    assert_hit(&state);
    assert_only_entry();
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_link_in_place_is_replaced_not_followed)
{
    struct oks_state state;
    struct stat st;
    size_t len;
    char *bytes = small_file(&state, &len);

    make_file("victim", bytes, len);
    ck_assert_int_eq(unlink(at(ENTRY)), 0);
    ck_assert_int_eq(symlink(at("victim"), at(ENTRY)), 0);
    assert_miss();
    state.offset++;
    state.extra_offset++;
    ck_assert_int_eq(save(&state), 0);
    ck_assert_int_eq(lstat(at(ENTRY), &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    assert_hit(&state);
    free(bytes);
    bytes = read_file(at("victim"), &len);
    ck_assert_ptr_nonnull(strstr(bytes, "\"offset\":12345,"));
    free(bytes);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_folder_in_place_of_the_entry_fails_cleanly)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(unlink(at(ENTRY)), 0);
    make_folder(ENTRY);
    assert_miss();
    ck_assert_int_eq(save(&state), -EISDIR);
    assert_only_entry();
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(links_and_files_among_the_folders_are_refused)
{
    static const char *const parts[] = {"home/cache", ROOT, ROOT "/folder"};
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ck_assert_int_eq(rename(at(parts[i]), at("real")), 0);
        ck_assert_int_eq(symlink(at("real"), at(parts[i])), 0);
        assert_miss();
        ck_assert_int_lt(save(&state), 0);
        ck_assert_int_eq(unlink(at(parts[i])), 0);
        make_file(parts[i], "", 0);
        assert_miss();
        ck_assert_int_eq(save(&state), -ENOTDIR);
        ck_assert_int_eq(unlink(at(parts[i])), 0);
        ck_assert_int_eq(rename(at("real"), at(parts[i])), 0);
        assert_hit(&state);
    }
    ck_assert_int_eq(rename(at("home"), at("real")), 0);
    ck_assert_int_eq(symlink("real", at("home")), 0); /* $OKSTRA_HOME itself may be one */
    assert_hit(&state);
    ck_assert_int_eq(save(&state), 0);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_cache_that_is_deleted_comes_back)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(unlink(at(ENTRY)), 0);
    ck_assert_int_eq(rmdir(at(ROOT "/folder")), 0);
    ck_assert_int_eq(rmdir(at(ROOT)), 0);
    ck_assert_int_eq(save(&state), 0);
    assert_hit(&state);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* Runs the body as another user where we are root; as ourselves otherwise. */
static void as_nobody(int (*body)(const struct oks_state *state), const struct oks_state *state, int expected)
{
    pid_t pid;
    int status;

    ck_assert_int_eq(chmod(scratch, 0755), 0);
    pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
            _exit(200);
        _exit(-body(state));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), -expected);
}

START_TEST(a_folder_that_may_not_be_written_fails_cleanly)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    if (geteuid() == 0) {
        static const char *const parts[] = {"home", "home/cache", ROOT, ROOT "/folder"};

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            ck_assert_int_eq(chown(at(parts[i]), 65534, 65534), 0);
    }
    ck_assert_int_eq(chmod(at(ROOT "/folder"), 0500), 0);
    as_nobody(save, &state, -EACCES);
    assert_only_entry();
    ck_assert_int_eq(chmod(at(ROOT "/folder"), 0700), 0);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

static int load_some(const struct oks_state *unused)
{
    struct oks_state state;
    int r;

    make_empty(&state);
    r = load(&state);
    oks_state_clear(&state);
    return -r;
}

START_TEST(what_belongs_to_another_is_refused)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    if (geteuid() == 0) { /* our own folders, seen by another user */
        ck_assert_int_eq(chmod(at("home"), 0777), 0);
        ck_assert_int_eq(chmod(at("home/cache"), 0777), 0);
        ck_assert_int_eq(chmod(at(ROOT), 0777), 0);
        ck_assert_int_eq(chmod(at(ROOT "/folder"), 0777), 0);
        ck_assert_int_eq(chmod(at(ENTRY), 0644), 0);
        as_nobody(save, &state, -EPERM);
        as_nobody(load_some, &state, -OKS_CACHE_MISS);
        assert_hit(&state); /* ours all the same */
        ck_assert_int_eq(chown(at(ENTRY), 65534, 65534), 0);
        assert_miss();
    }
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_file_that_anybody_may_write_is_a_miss)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(chmod(at(ENTRY), 0664), 0);
    assert_hit(&state);
    ck_assert_int_eq(chmod(at(ENTRY), 0666), 0);
    assert_miss();
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

START_TEST(a_giant_file_is_a_miss)
{
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(truncate(at(ENTRY), (off_t)OKS_CACHE_BYTES_MAX + 1), 0);
    assert_miss();
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* A full disk, as far as an ordinary process can have one: every length at which the write may stop. */
START_TEST(a_write_that_stops_short_changes_nothing)
{
    struct oks_state state, changed;
    struct rlimit limit = {0, RLIM_INFINITY}, before;
    size_t len;

    free(small_file(&state, &len));
    make_strange(&changed);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    for (limit.rlim_cur = 0; limit.rlim_cur < 700; limit.rlim_cur += 7) {
        int r;

        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        r = save(&changed);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert_int_eq(r, -EFBIG);
        assert_hit(&state);
        assert_only_entry();
    }
    ck_assert_int_eq(save(&changed), 0);
    assert_hit(&changed);
    oks_state_clear(&state);
    oks_state_clear(&changed);
    oks_cache_free(cache);
}
END_TEST

START_TEST(without_descriptors_a_save_and_a_load_fail)
{
    struct oks_state state;
    struct rlimit limit, before;
    size_t len;

    free(small_file(&state, &len));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    for (limit.rlim_cur = 3; limit.rlim_cur < 64; limit.rlim_cur++) {
        struct oks_state loaded;
        int saved, r;

        make_empty(&loaded);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        saved = save(&state);
        r = load(&loaded);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert(saved == 0 || saved == -EMFILE);
        ck_assert(r == OKS_CACHE_HIT || r == OKS_CACHE_MISS || r == -EMFILE);
        oks_state_clear(&loaded);
        assert_only_entry();
        assert_hit(&state);
        if (saved == 0)
            break;
    }
    ck_assert_uint_gt(limit.rlim_cur, 3);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

/* --- interrupted and simultaneous savers --- */

START_TEST(strays_are_swept_at_the_first_save)
{
    static const char *const strays[] = {
        ".okstrafs-0123456789abcdef.tmp", /* old: goes */
        ".okstrafs-fedcba9876543210.tmp", /* young: stays */
        ".okstrafs-0123456789abcdeX.tmp", /* the rest is none of ours */
        ".okstrafs-0123456789abcdef.tmp2", "name.json.tmp",
    };
    struct utimbuf old = {time(NULL) - 3700, time(NULL) - 3700};
    struct oks_state state;
    size_t len;

    free(small_file(&state, &len));
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        char rel[128];

        snprintf(rel, sizeof(rel), ROOT "/folder/%s", strays[i]);
        make_file(rel, "x", 1);
        if (i != 1)
            ck_assert_int_eq(utime(at(rel), &old), 0);
    }
    ck_assert_int_eq(save(&state), 0); /* the folder's second save */
    ck_assert_uint_eq(entries_of(ROOT "/folder"), 6);
    oks_cache_free(cache);
    open_cache();
    ck_assert_int_eq(save(&state), 0);
    ck_assert_uint_eq(entries_of(ROOT "/folder"), 5);
    ck_assert_int_eq(access(at(ROOT "/folder/.okstrafs-0123456789abcdef.tmp"), F_OK), -1);
    oks_state_clear(&state);
    oks_cache_free(cache);
}
END_TEST

static void assert_one_of(const struct oks_state *a, const struct oks_state *b)
{
    struct oks_state state;

    make_empty(&state);
    ck_assert_int_eq(load(&state), OKS_CACHE_HIT);
    assert_same(&state, state.offset == a->offset ? a : b);
    oks_state_clear(&state);
}

START_TEST(a_killed_saver_leaves_the_old_entry_or_the_new)
{
    struct oks_state a, b;
    size_t len;

    free(small_file(&a, &len));
    make_strange(&b);
    for (unsigned i = 0; i < 60; i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
            for (;;) {
                save(&b);
                save(&a);
            }
        usleep(500 + i * 137 % 5000);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        assert_one_of(&a, &b);
    }
    oks_state_clear(&a);
    oks_state_clear(&b);
    oks_cache_free(cache);
}
END_TEST

struct saver {
    const struct oks_state *state;
    int error;
};

static void *save_often(void *ctx)
{
    struct saver *saver = ctx;

    for (int i = 0; i < 40 && saver->error == 0; i++)
        saver->error = save(saver->state);
    return NULL;
}

START_TEST(savers_at_once_leave_a_whole_file)
{
    struct oks_state a, b;
    struct saver savers[4];
    pthread_t threads[4];
    size_t len;

    free(small_file(&a, &len));
    make_strange(&b);
    for (unsigned i = 0; i < 4; i++) {
        savers[i] = (struct saver){i % 2 ? &a : &b, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, save_often, &savers[i]), 0);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_one_of(&a, &b);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(savers[i].error, 0);
    }
    assert_one_of(&a, &b);
    assert_only_entry();
    oks_state_clear(&a);
    oks_state_clear(&b);
    oks_cache_free(cache);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    oks_cache_free(NULL);
}
END_TEST

static void add_contents(Suite *suite)
{
    SCRATCH_TEST(suite, the_layout_is_as_documented);
    SCRATCH_TEST(suite, a_small_state_comes_back);
    SCRATCH_TEST(suite, an_empty_state_comes_back);
    SCRATCH_TEST(suite, strange_strings_come_back);
    SCRATCH_TEST(suite, full_lists_come_back);
    SCRATCH_TEST(suite, many_events_come_back);
    SCRATCH_TEST(suite, a_hit_replaces_the_state_wholly);
    SCRATCH_TEST(suite, loaded_teams_are_still_folded);
    SCRATCH_TEST(suite, only_the_newest_needles_are_written);
    SCRATCH_TEST(suite, every_prefix_is_a_miss_or_the_same);
    SCRATCH_TEST(suite, every_flipped_bit_is_a_miss);
    SCRATCH_TEST(suite, bytes_behind_the_end_are_a_miss);
    SCRATCH_TEST(suite, a_sealed_file_is_still_checked);
    SCRATCH_TEST(suite, a_sealed_prefix_is_a_miss);
    SCRATCH_TEST(suite, swapped_files_carry_the_other_identity);
    SCRATCH_TEST(suite, a_foreign_file_is_read_in_any_spelling);
    SCRATCH_TEST(suite, a_foreign_file_with_anything_odd_is_a_miss);
    SCRATCH_TEST(suite, every_prefix_of_a_foreign_file_is_a_miss);
    SCRATCH_TEST(suite, lone_surrogates_become_replacement_characters);
    SCRATCH_TEST(suite, the_addition_of_a_foreign_file_is_dropped_in_doubt);
}

static void add_places(Suite *suite)
{
    SCRATCH_TEST(suite, nothing_is_created_before_the_first_save);
    SCRATCH_TEST(suite, roots_of_any_form);
    SCRATCH_TEST(suite, names_that_are_no_component_are_refused);
    SCRATCH_TEST(suite, long_names_stay_apart);
    SCRATCH_TEST(suite, a_fifo_in_place_neither_blocks_nor_stays);
    SCRATCH_TEST(suite, a_link_in_place_is_replaced_not_followed);
    SCRATCH_TEST(suite, a_folder_in_place_of_the_entry_fails_cleanly);
    SCRATCH_TEST(suite, links_and_files_among_the_folders_are_refused);
    SCRATCH_TEST(suite, a_cache_that_is_deleted_comes_back);
    SCRATCH_TEST(suite, a_folder_that_may_not_be_written_fails_cleanly);
    SCRATCH_TEST(suite, what_belongs_to_another_is_refused);
    SCRATCH_TEST(suite, a_file_that_anybody_may_write_is_a_miss);
    SCRATCH_TEST(suite, a_giant_file_is_a_miss);
    SCRATCH_TEST(suite, a_write_that_stops_short_changes_nothing);
    SCRATCH_TEST(suite, without_descriptors_a_save_and_a_load_fail);
    SCRATCH_TEST(suite, strays_are_swept_at_the_first_save);
    SCRATCH_TEST(suite, a_killed_saver_leaves_the_old_entry_or_the_new);
    SCRATCH_TEST(suite, savers_at_once_leave_a_whole_file);
    SCRATCH_TEST(suite, freeing_nothing_is_fine);
}

int main(void)
{
    Suite *suite = suite_create("cache");

    add_contents(suite);
    add_places(suite);
    return tap_run(suite);
}
