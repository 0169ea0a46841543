/*
 * The history store: what is put comes back, whatever happens to the file in between, or is missing whole.
 */
#include "cache/history_store.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "cache/cache_parts.h"
#include "history/requests.h"
#include "scratch.h"
#include "tap.h"

#define FOLDER "okstra/okstrafs/history"
#define LOG    FOLDER "/log"

static struct history_store *store;

/* Counted by the linker's --wrap. */
static unsigned synced_files, synced_data, synced_folders;

int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fsync(int fd)
{
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    if (S_ISDIR(st.st_mode))
        synced_folders++;
    else
        synced_files++;
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    synced_data++;
    return __real_fdatasync(fd);
}

static struct history_store *opened(bool writes)
{
    struct history_store *s;

    ck_assert_int_eq(history_store_new(&s, at("okstra"), writes), 0);
    ck_assert_int_eq(history_store_read(s), 0);
    return s;
}

static void reopen(void)
{
    history_store_free(store);
    store = opened(true);
}

static void setup(void)
{
    scratch_setup();
    store = opened(true);
}

static void teardown(void)
{
    history_store_free(store);
    scratch_teardown();
}

/* A state with the requests [from, to), up to a cursor of 100 for each. */
static void state_make(struct oks_state *state, unsigned from, unsigned to)
{
    ck_assert_int_eq(oks_state_init(state), 0);
    state->offset = state->extra_offset = to * UINT64_C(100);
    state->dev = 1;
    state->ino = 2;
    for (unsigned i = from; i < to; i++) {
        char id[32];
        struct oks_event event = {.count = {[OKS_INPUT] = 10 + i},
                                  .stamp = oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00.000Z"))};
        struct request_row row = {.first = i * UINT64_C(100), .line = i * UINT64_C(100)};

        snprintf(id, sizeof(id), "msg_%u", i);
        row.message_id = oks_slice_of(id);
        row.request = (struct oks_request){.key = request_key_of_id(row.message_id),
                                           .stamp = event.stamp,
                                           .spend = {.input = 10 + i, .output = 1}};
        ck_assert_int_eq(oks_events_append(state->events, &event), 0);
        ck_assert_int_eq(requests_append(state->requests, &row, OKS_SLICE("m"), (struct oks_slice){0}), 0);
    }
}

/* A state with the facts of the live part. */
static struct oks_state live_part(const char *path)
{
    struct history_facts facts;

    history_store_facts(store, path, &facts);
    return (struct oks_state){
        .offset = facts.offset, .dev = facts.dev, .ino = facts.ino, .identity = facts.identity};
}

static int put(enum history_kind kind, const char *path, unsigned from, unsigned to)
{
    struct oks_state state, before = live_part(path);
    int rc;

    state_make(&state, from, to);
    rc = kind == HISTORY_MORE ? history_store_put_more(store, path, &before, &state)
                              : history_store_put(store, kind, path, &state);
    oks_state_clear(&state);
    return rc;
}

static void mark(enum history_kind kind, const char *path)
{
    ck_assert_int_eq(history_store_put(store, kind, path, NULL), 0);
}

static void flush(void)
{
    ck_assert_int_eq(history_store_flush(store), 0);
    ck_assert(!history_store_waits(store));
}

static uint64_t input_of(const struct oks_state *state)
{
    struct request_row row;
    uint64_t sum = 0;

    for (size_t i = 0; i < requests_len(state->requests); i++) {
        requests_get(state->requests, i, &row);
        ck_assert_uint_gt(row.message_id.len, 4);
        sum += row.request.spend.input;
    }
    return sum;
}

/* "<events>/<requests>/<input> <requests>/<input>" of the live and the lost part. */
static const char *parts(struct history_store *s, const char *path)
{
    static char text[128];
    struct oks_state live, lost;

    ck_assert_int_eq(oks_state_init(&live), 0);
    ck_assert_int_eq(oks_state_init(&lost), 0);
    ck_assert_int_eq(history_store_load(s, path, &live, &lost), 0);
    snprintf(text, sizeof(text), "%zu/%zu/%llu %zu/%llu", oks_events_len(live.events),
             requests_len(live.requests), (unsigned long long)input_of(&live), requests_len(lost.requests),
             (unsigned long long)input_of(&lost));
    oks_state_clear(&live);
    oks_state_clear(&lost);
    return text;
}

#define PARTS_ARE(path, text) ck_assert_str_eq(parts(store, path), text)

static off_t size_of(const char *rel)
{
    struct stat st;

    return stat(at(rel), &st) == 0 ? st.st_size : -1;
}

static void damage(off_t at_byte)
{
    int fd = open(at(LOG), O_RDWR | O_CLOEXEC);
    char c;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &c, 1, at_byte), 1);
    c ^= 0x20;
    ck_assert_int_eq(pwrite(fd, &c, 1, at_byte), 1);
    close(fd);
}

/* --- records --- */

START_TEST(a_part_grows_and_is_shed)
{
    struct history_facts facts;

    for (int pass = 0; pass < 2; pass++) { /* from memory, and from the file */
        if (pass == 0) {
            ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
            ck_assert_int_eq(put(HISTORY_MORE, "/a", 3, 5), 0);
            ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 2), 0);
            mark(HISTORY_SHED, "/b");
            ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 1, 4), 0);
            ck_assert_int_eq(put(HISTORY_WHOLE, "/c", 0, 1), 0);
            mark(HISTORY_MOVED, "/c");
            ck_assert_int_eq(put(HISTORY_WHOLE, "/d", 0, 1), 0);
            mark(HISTORY_SHED, "/d");
            mark(HISTORY_FORGOTTEN, "/d");
            ck_assert_int_eq(put(HISTORY_WHOLE, "/e", 0, 3), 0);
            flush();
            ck_assert_int_eq(put(HISTORY_LOST, "/e", 7, 9),
                             0); /* before the live part, and written after it */
            ck_assert_int_eq(put(HISTORY_MORE, "/e", 3, 4), 0);
        }
        PARTS_ARE("/e", "4/4/46 2/35");
        PARTS_ARE("/a", "5/5/60 0/0");
        PARTS_ARE("/b", "3/3/36 2/21");
        PARTS_ARE("/c", "0/0/0 0/0");
        PARTS_ARE("/d", "0/0/0 0/0");
        history_store_facts(store, "/a", &facts);
        ck_assert(facts.live && !facts.lost);
        ck_assert_uint_eq(facts.offset, 500);
        history_store_facts(store, "/b", &facts);
        ck_assert(facts.live && facts.lost);
        flush();
        reopen();
    }
}
END_TEST

/* Another program's: the state that it continues is not the one here. */
START_TEST(an_addition_counts_where_it_belongs)
{
    struct oks_state before, more;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 3, 5), 0);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 4), 0);
    flush();
    damage(size_of(LOG) - 10); /* the last state is damaged: what it replaced does not come back */
    reopen();
    PARTS_ARE("/a", "0/0/0 0/0");
    ck_assert_int_eq(put(HISTORY_MORE, "/b", 0, 1), -ESTALE); /* continues nothing */
    PARTS_ARE("/b", "0/0/0 0/0");
    before = live_part("/a");
    before.offset--;
    state_make(&more, 4, 5);
    ck_assert_int_eq(history_store_put_more(store, "/a", &before, &more), -ESTALE);
    before.offset++;
    before.ino++;
    ck_assert_int_eq(history_store_put_more(store, "/a", &before, &more), -ESTALE);
    before.ino--;
    ck_assert_int_eq(history_store_put_more(store, "/a", &before, &more), 0);
    oks_state_clear(&more);
}
END_TEST

START_TEST(what_is_torn_or_damaged_is_passed_over)
{
    off_t first, second;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    first = size_of(LOG);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 3), 0);
    flush();
    second = size_of(LOG);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/c", 0, 3), 0);
    flush();
    damage(first + 20); /* in a head */
    ck_assert_int_eq(truncate(at(LOG), size_of(LOG) - 5), 0);
    for (int pass = 0; pass < 2; pass++) {
        reopen();
        PARTS_ARE("/a", "3/3/33 0/0");
        PARTS_ARE("/b", "0/0/0 0/0");
        PARTS_ARE("/c", "0/0/0 0/0");
        if (pass == 0) { /* what is appended behind a torn record is found */
            ck_assert_int_eq(put(HISTORY_WHOLE, "/d", 0, 1), 0);
            flush();
        }
        PARTS_ARE("/d", "1/1/10 0/0");
    }
    ck_assert_int_gt(second, first);
    for (off_t size = size_of(LOG); size >= first; size -= 37) { /* torn anywhere */
        ck_assert_int_eq(truncate(at(LOG), size), 0);
        reopen();
        PARTS_ARE("/a", "3/3/33 0/0");
    }
}
END_TEST

/* --- two programs --- */

START_TEST(two_programs_write_one_log)
{
    struct history_store *other = opened(true), *mine = store;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    store = other;
    ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 2), 0);
    flush(); /* reads what the first one wrote */
    PARTS_ARE("/a", "3/3/33 0/0");
    store = mine;
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 3, 4), 0);
    ck_assert_int_eq(history_store_sync(store, true), 0); /* writes it, and another log */
    PARTS_ARE("/b", "2/2/21 0/0");
    store = other;
    ck_assert_int_eq(put(HISTORY_WHOLE, "/c", 0, 1), 0);
    flush(); /* into the new log */
    PARTS_ARE("/a", "4/4/46 0/0");
    history_store_free(mine);
    reopen();
    PARTS_ARE("/a", "4/4/46 0/0");
    PARTS_ARE("/b", "2/2/21 0/0");
    PARTS_ARE("/c", "1/1/10 0/0");
}
END_TEST

/* The second one puts its record before it has read those of the first. */
START_TEST(two_programs_see_one_rewrite)
{
    struct history_store *other, *mine = store;
    struct history_facts facts;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    other = opened(true);
    mark(HISTORY_SHED, "/a");
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 5, 7), 0);
    flush();
    store = other;
    mark(HISTORY_SHED, "/a");
    flush();
    history_store_facts(store, "/a", &facts); /* as whoever reads the log from now on */
    ck_assert(!facts.live && facts.lost);
    PARTS_ARE("/a", "0/0/0 5/64");
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 5, 7), 0);
    flush();
    history_store_free(mine);
    reopen();
    PARTS_ARE("/a", "2/2/31 5/64");
}
END_TEST

START_TEST(who_only_reads_writes_nothing)
{
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    history_store_free(store);
    store = opened(false);
    mark(HISTORY_SHED, "/a");
    PARTS_ARE("/a", "0/0/0 3/33");
    ck_assert_int_eq(history_store_flush(store), 0);
    ck_assert_int_eq(history_store_sync(store, true), 0);
    reopen();
    PARTS_ARE("/a", "3/3/33 0/0");
}
END_TEST

/* --- the file --- */

START_TEST(a_log_is_compacted)
{
    off_t size;

    for (unsigned i = 1; i <= 20; i++) {
        ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, i), 0);
        ck_assert_int_eq(put(HISTORY_WHOLE, "/b", i, i + 2), 0);
        mark(HISTORY_SHED, "/b");
        ck_assert_int_eq(put(i == 1 ? HISTORY_WHOLE : HISTORY_MORE, "/c", i - 1, i), 0);
    }
    ck_assert_int_eq(put(HISTORY_WHOLE, "/gone", 0, 9), 0);
    mark(HISTORY_FORGOTTEN, "/gone");
    mark(HISTORY_ADOPTED, "");
    flush();
    size = size_of(LOG);
    ck_assert_int_eq(history_store_sync(store, true), 0);
    ck_assert_int_lt(size_of(LOG), size / 3);
    ck_assert_uint_eq(history_store_bytes(store), (uint64_t)size_of(LOG));
    for (int pass = 0; pass < 2; pass++) {
        PARTS_ARE("/a", "20/20/390 0/0");
        PARTS_ARE("/b", "0/0/0 21/441");
        PARTS_ARE("/c", "20/20/390 0/0");
        ck_assert(history_store_adopted(store));
        reopen();
    }
    ck_assert_int_eq(put(HISTORY_MORE, "/c", 20, 21), 0); /* its facts are there as well */
    PARTS_ARE("/c", "21/21/420 0/0");
}
END_TEST

/* A log that is mostly out of date becomes smaller by itself. */
START_TEST(a_log_stays_bounded)
{
    off_t most = 0;

    for (unsigned i = 0; i < 300; i++) {
        ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 400), 0);
        flush();
        ck_assert_int_eq(history_store_sync(store, false), 0);
        most = size_of(LOG) > most ? size_of(LOG) : most;
    }
    ck_assert_int_lt(most, 5 << 20);
    PARTS_ARE("/a", "400/400/83800 0/0");
}
END_TEST

START_TEST(nobody_else_can_read_it)
{
    struct stat st;
    mode_t before = umask(0);

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 1), 0);
    flush();
    umask(before);
    ck_assert_int_eq(stat(at(LOG), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(at(FOLDER), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(unlink(at(LOG)), 0);
    ck_assert_int_eq(symlink("/dev/null", at(LOG)), 0); /* is neither read nor written */
    ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 1), 0);
    ck_assert_int_lt(history_store_flush(store), 0);
    ck_assert(history_store_waits(store));
    ck_assert_int_eq(unlink(at(LOG)), 0);
    flush();
    PARTS_ARE("/b", "1/1/10 0/0");
}
END_TEST

/* What cannot be written waits, counts, and is written later; the log has no half of it. */
START_TEST(a_full_disk_loses_nothing)
{
    struct rlimit limit, before;
    off_t size;
    int rc;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    size = size_of(LOG);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)size + 300;
    ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 30), 0);
    setrlimit(RLIMIT_FSIZE, &limit); /* Check writes files as well: no assertion meanwhile */
    rc = history_store_flush(store);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(rc, -EFBIG);
    ck_assert_int_eq(size_of(LOG), size);
    ck_assert(history_store_waits(store));
    PARTS_ARE("/b", "30/30/735 0/0");
    flush();
    reopen();
    PARTS_ARE("/a", "3/3/33 0/0");
    PARTS_ARE("/b", "30/30/735 0/0");
}
END_TEST

/* The cursor of the live part says whether an addition is enough, and their number when it is not. */
START_TEST(many_additions_are_written_as_a_whole)
{
    struct oks_state state;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 1), 0);
    for (unsigned i = 1; i < 40; i++) {
        ck_assert(!history_store_wants_whole(store, "/a") || i > 32);
        ck_assert_int_eq(put(HISTORY_MORE, "/a", i, i + 1), 0);
        flush(); /* else they are gathered in one record */
    }
    ck_assert(history_store_wants_whole(store, "/a"));
    state_make(&state, 0, 40);
    ck_assert(history_store_has(store, "/a", &state));
    state.ino++;
    ck_assert(!history_store_has(store, "/a", &state));
    oks_state_clear(&state);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 40), 0);
    ck_assert(!history_store_wants_whole(store, "/a"));
}
END_TEST

/* Additions that wait together are one record; what has been read, or cut off, gets none of those that
 * follow. */
START_TEST(additions_are_gathered)
{
    off_t size, grown;

    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 1), 0);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/b", 0, 1), 0);
    flush();
    size = size_of(LOG);
    ck_assert_int_eq(put(HISTORY_MORE, "/b", 1, 2), 0);
    flush();
    grown = size_of(LOG) - size;
    for (unsigned i = 1; i < 20; i++)
        ck_assert_int_eq(put(HISTORY_MORE, "/a", i, i + 1), 0);
    flush();
    ck_assert_int_lt(size_of(LOG), size + 10 * grown);
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 20, 21), 0);
    PARTS_ARE("/a", "21/21/420 0/0");
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 21, 22), 0);
    PARTS_ARE("/a", "22/22/451 0/0");
    mark(HISTORY_SHED, "/a");
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 22, 23), -ESTALE);
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 30, 31), 0);
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 31, 32), 0);
    flush();
    reopen();
    PARTS_ARE("/a", "2/2/81 22/451");
    PARTS_ARE("/b", "2/2/21 0/0");
}
END_TEST

/*
 * Version 4 of the layout, in which entries of deleted transcripts were written before there was a store. It
 * stays readable, whatever the layout becomes.
 */
static const char version_4[] =
    "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":3,\"sha256\":"
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"},\"usage\":{\"offset\":264,"
    "\"agentName\":null,\"model\":\"claude-opus-4-7\",\"events\":[{\"i\":1000,\"o\":10,\"t\":\"2026-06-01T10:"
    "00:01.000Z\"}]},"
    "\"needles\":{\"\\\"teamname\\\":\\\"crew\\\"\":{\"offset\":0,\"found\":true}},\"okstrafs\":{\"version\":"
    "4,\"offset\":264,"
    "\"dev\":2049,\"ino\":77,\"tail\":null,\"lines\":1,\"bad\":0,\"odd\":0,\"sessionId\":\"s1\",\"teams\":["
    "\"Crew\"],"
    "\"cwds\":[\"/"
    "w\"],\"compactions\":[],\"models\":[{\"name\":\"claude-opus-4-7\",\"n\":1,\"stamped\":1,\"i\":1000,"
    "\"o\":10,\"r\":0,\"c\":0,\"c5\":0,\"c1\":0,\"u\":0,\"first\":\"2026-06-01T10:00:01.000Z\",\"last\":"
    "\"2026-06-01T10:00:01.000Z\"}],\"requests\":{\"history\":1,\"after\":0,\"models\":[\"claude-opus-4-7\"],"
    "\"agents\":[],\"rows\":[[\"msg_01\",\"r1\",\"2026-06-01T10:00:01.000Z\",\"0123456789abcdef\",0,0,2,0,0,"
    "0,1000,10,0,"
    "0,0,0,0]]},\"label\":null,\"memo\":null,\"events\":1,\"sha256\":\"";

/* Seals it and reads it. */
static void parse_version(const char *version, struct oks_state *state)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX], *text;
    size_t n = strlen(version);

    ck_assert_int_eq(oks_sha256(version, n, sha256), 0);
    oks_hex(sha256, sizeof(sha256), hex);
    ck_assert_int_gt(asprintf(&text, "%s%s\"}}\n", version, hex), 0);
    ck_assert_int_eq(oks_state_init(state), 0);
    ck_assert_int_eq(oks_cache_parse_kept(text, strlen(text), state), OKS_CACHE_HIT);
    free(text);
}

START_TEST(version_4_stays_readable)
{
    struct request_row row;
    struct oks_state state;

    parse_version(version_4, &state);
    ck_assert_uint_eq(state.offset, 264);
    ck_assert_str_eq(state.session_id, "s1");
    ck_assert_uint_eq(oks_events_len(state.events), 1);
    ck_assert_uint_eq(requests_len(state.requests), 1);
    requests_get(state.requests, 0, &row);
    ck_assert_uint_eq(row.request.key, UINT64_C(0x0123456789abcdef));
    ck_assert_uint_eq(row.request.spend.input, 1000);
    oks_state_clear(&state);
}
END_TEST

static const char version_5[] =
    "{\"schemaVersion\":1,\"identity\":{\"prefixLen\":3,\"sha256\":"
    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"},\"usage\":{\"offset\":264,"
    "\"agentName\":null,\"model\":\"m1\",\"events\":[{\"i\":1,\"t\":\"2026-06-01T10:00:01Z\"},"
    "{\"i\":2,\"t\":\"2026-06-01T10:00:02Z\"}]},\"needles\":{},\"okstrafs\":{\"version\":5,\"offset\":264,"
    "\"dev\":2049,\"ino\":77,\"tail\":null,\"lines\":1,\"bad\":0,\"odd\":0,\"sessionId\":null,\"teams\":[],"
    "\"cwds\":[],\"compactions\":[],\"models\":[%s],"
    "\"requests\":{\"history\":1,\"after\":0,\"runs\":null,\"models\":[],\"agents\":[],\"rows\":[]},"
    "\"label\":null,\"labelTeam\":null,\"memo\":null,\"events\":2,\"sha256\":\"";
#define VERSION_5_MODEL(name, n, i)                             \
    "{\"name\":\"" name "\",\"n\":" n ",\"stamped\":0,\"i\":" i \
    ",\"o\":0,\"r\":0,\"c\":0,\"c5\":0,\"c1\":0,"               \
    "\"u\":0,\"first\":null,\"last\":null}"

/* Version 5 has no models of events. They are not known, if there were several. */
START_TEST(version_5_stays_readable)
{
    static const struct {
        const char *models;
        size_t place;
    } cases[] = {{VERSION_5_MODEL("m1", "2", "3"), 0},
                 {VERSION_5_MODEL("m1", "1", "1") "," VERSION_5_MODEL("m2", "1", "2"), OKS_PLACES_MAX}};

    for (size_t i = 0; i < 2; i++) {
        struct oks_totals sums[OKS_PLACES_MAX + 1];
        struct oks_state state;
        char *text;

        ck_assert_int_gt(asprintf(&text, version_5, cases[i].models), 0);
        parse_version(text, &state);
        oks_events_by(state.events, OKS_LABEL_MODEL, oks_stamp_of(OKS_SLICE("2026-06-01T10:00:02Z")),
                      OKS_STAMP_NONE, sums);
        ck_assert_uint_eq(sums[cases[i].place].events, 1);
        ck_assert_uint_eq(sums[cases[i].place].count[OKS_INPUT], 2);
        /* All is of one tag that is not known. */
        oks_events_by(state.events, OKS_LABEL_TAG, OKS_STAMP_NONE, OKS_STAMP_NONE, sums);
        ck_assert_uint_eq(sums[0].events, 2);
        ck_assert_uint_eq(state.tags.len, 1);
        ck_assert_str_eq(state.tags.items[0].name, "");
        ck_assert_uint_eq(state.tags.items[0].totals.count[OKS_INPUT], 3);
        oks_state_clear(&state);
        free(text);
    }
}
END_TEST

/* Two versions of a file had the request, and the one that counts had it further up. */
START_TEST(a_lost_request_outlives_a_compaction)
{
    for (unsigned version = 0; version < 2; version++) {
        struct request_row row = {.first = 500 - 400 * version, .line = 500 - 400 * version};
        struct oks_state state;

        state_make(&state, 0, 0);
        row.message_id = OKS_SLICE("msg_twice");
        row.request = (struct oks_request){.key = 7, .spend = {.input = 9, .output = 1 + version}};
        ck_assert_int_eq(requests_append(state.requests, &row, OKS_SLICE("m"), (struct oks_slice){0}), 0);
        ck_assert_int_eq(history_store_put(store, HISTORY_LOST, "/a", &state), 0);
        oks_state_clear(&state);
    }
    flush();
    PARTS_ARE("/a", "0/0/0 1/9");
    ck_assert_int_eq(history_store_sync(store, true), 0);
    reopen();
    PARTS_ARE("/a", "0/0/0 1/9");
}
END_TEST

static void put_row(enum history_kind kind, uint64_t offset, uint64_t input, uint64_t history)
{
    struct request_row row = {.first = offset, .line = offset, .message_id = OKS_SLICE("msg_twice")};
    struct oks_state state, before = live_part("/a");

    state_make(&state, 0, 0);
    state.offset = offset + 100;
    row.request = (struct oks_request){.key = 7, .tool_uses = 1, .spend = {.input = input, .output = 1}};
    ck_assert_int_eq(requests_append(state.requests, &row, OKS_SLICE("m"), (struct oks_slice){0}), 0);
    row.message_id = OKS_SLICE("msg_other");
    row.request.key = 100 + offset;
    ck_assert_int_eq(requests_append(state.requests, &row, OKS_SLICE("m"), (struct oks_slice){0}), 0);
    requests_set_history(state.requests, history, 0);
    ck_assert_int_eq(kind == HISTORY_MORE ? history_store_put_more(store, "/a", &before, &state)
                                          : history_store_put(store, kind, "/a", &state),
                     0);
    oks_state_clear(&state);
}

/* What was added to a version is a part of it; the next version is another one, and of equal lines its own
 * counts. */
START_TEST(a_lost_part_is_one_of_versions)
{
    put_row(HISTORY_WHOLE, 0, 20, 5);
    put_row(HISTORY_MORE, 100, 20, 5);
    mark(HISTORY_SHED, "/a");
    put_row(HISTORY_WHOLE, 200, 30, 5);
    mark(HISTORY_SHED, "/a");
    for (int pass = 0; pass < 3; pass++) { /* from memory, from the file, and as one record */
        struct request_row row;
        struct oks_state lost;

        ck_assert_int_eq(oks_state_init(&lost), 0);
        ck_assert_int_eq(history_store_load(store, "/a", NULL, &lost), 0);
        ck_assert_uint_eq(requests_len(lost.requests), 4);
        requests_get(lost.requests, requests_find(lost.requests, 7), &row);
        ck_assert_uint_eq(row.request.spend.input, 30);
        ck_assert_uint_eq(row.request.tool_uses, 1);
        requests_get(lost.requests, requests_find(lost.requests, 200), &row);
        ck_assert_uint_eq(row.history, 5); /* behind the five records of the first piece */
        oks_state_clear(&lost);
        flush();
        if (pass == 1)
            ck_assert_int_eq(history_store_sync(store, true), 0);
        reopen();
    }
}
END_TEST

/* A version that was stored in two pieces adds up what both log. */
START_TEST(a_version_in_pieces_is_one)
{
    struct request_row row;
    struct oks_state lost;

    put_row(HISTORY_WHOLE, 0, 20, 5);
    put_row(HISTORY_MORE, 100, 20, 5);
    mark(HISTORY_SHED, "/a");
    ck_assert_int_eq(oks_state_init(&lost), 0);
    ck_assert_int_eq(history_store_load(store, "/a", NULL, &lost), 0);
    requests_get(lost.requests, requests_find(lost.requests, 7), &row);
    ck_assert_uint_eq(row.request.tool_uses, 2);
    oks_state_clear(&lost);
}
END_TEST

#define STORE_TEST(suite, function) FIXTURE_TEST(suite, function, setup, teardown, 120)

/* As docs/format.md says. */
START_TEST(what_is_synced)
{
    ck_assert_int_eq(put(HISTORY_WHOLE, "/a", 0, 3), 0);
    flush();
    ck_assert_int_eq(history_store_sync(store, false), 0);
    ck_assert_uint_eq(synced_data, 1);
    ck_assert_uint_eq(synced_folders, 1); /* the log is new */
    ck_assert_int_eq(history_store_sync(store, false), 0);
    ck_assert_uint_eq(synced_data, 1); /* nothing was written */
    ck_assert_int_eq(put(HISTORY_MORE, "/a", 3, 4), 0);
    flush();
    ck_assert_int_eq(history_store_sync(store, false), 0);
    ck_assert_uint_eq(synced_data, 2);
    ck_assert_uint_eq(synced_folders, 1);
    ck_assert_uint_eq(synced_files, 0);
    ck_assert_int_eq(history_store_sync(store, true), 0); /* written anew */
    ck_assert_uint_eq(synced_files, 1);
    ck_assert_uint_eq(synced_folders, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history_store");

    STORE_TEST(suite, what_is_synced);
    STORE_TEST(suite, a_part_grows_and_is_shed);
    STORE_TEST(suite, an_addition_counts_where_it_belongs);
    STORE_TEST(suite, what_is_torn_or_damaged_is_passed_over);
    STORE_TEST(suite, two_programs_write_one_log);
    STORE_TEST(suite, two_programs_see_one_rewrite);
    STORE_TEST(suite, who_only_reads_writes_nothing);
    STORE_TEST(suite, a_log_is_compacted);
    STORE_TEST(suite, a_log_stays_bounded);
    STORE_TEST(suite, nobody_else_can_read_it);
    STORE_TEST(suite, a_full_disk_loses_nothing);
    STORE_TEST(suite, version_4_stays_readable);
    STORE_TEST(suite, version_5_stays_readable);
    STORE_TEST(suite, a_lost_part_is_one_of_versions);
    STORE_TEST(suite, a_version_in_pieces_is_one);
    STORE_TEST(suite, a_lost_request_outlives_a_compaction);
    STORE_TEST(suite, many_additions_are_written_as_a_whole);
    STORE_TEST(suite, additions_are_gathered);
    return tap_run(suite);
}
