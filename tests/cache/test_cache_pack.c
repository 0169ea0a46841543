/* Packs: many entries in one file, beside those that have files of their own. */
#include "failing_calls.h"

#include <stdint.h>

#include "cache/cache.h"
#include "effort.h"
#include "scratch.h"
#include "state_text.h"
#include "tap.h"

#define ROOT "home/cache/token-usage"
#define PACK ROOT "/.okstrafs/pack-00000001"

static struct oks_cache *cache;

static void open_cache(void)
{
    oks_cache_free(cache);
    ck_assert_int_eq(oks_cache_new(&cache, at(ROOT)), 0);
}

static void setup(void)
{
    scratch_setup();
    cache = NULL;
    open_cache();
}

static void teardown(void)
{
    oks_cache_free(cache);
    scratch_teardown();
}

/* The bigger the number, the more events. */
static void make_state(struct oks_state *state, uint64_t number, size_t events)
{
    ck_assert_int_eq(oks_state_init(state), 0);
    state->offset = state->extra_offset = number;
    state->session_id = strdup("secret-session");
    for (size_t i = 0; i < events; i++) {
        struct oks_event event = {.count = {[OKS_INPUT] = number + i},
                                  .stamp = oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00.123Z"))};

        ck_assert_int_eq(oks_events_append(state->events, &event), 0);
    }
}

static int save(const char *folder, const char *name, uint64_t number, size_t events)
{
    struct oks_state state;
    int rc;

    make_state(&state, number, events);
    rc = oks_cache_save(cache, folder, name, &state);
    oks_state_clear(&state);
    return rc;
}

/* The offset of the entry; -1: a miss. */
static int64_t loaded(const char *folder, const char *name)
{
    struct oks_state state, want;
    int64_t offset = -1;
    int rc;

    ck_assert_int_eq(oks_state_init(&state), 0);
    rc = oks_cache_load(cache, folder, name, &state);
    ck_assert(rc == OKS_CACHE_HIT || rc == OKS_CACHE_MISS);
    if (rc == OKS_CACHE_HIT) {
        char *got, *wanted;

        offset = (int64_t)state.offset;
        make_state(&want, state.offset, oks_events_len(state.events));
        got = state_text(&state);
        wanted = state_text(&want);
        ck_assert_str_eq(got, wanted);
        free(got);
        free(wanted);
        oks_state_clear(&want);
    }
    oks_state_clear(&state);
    return offset;
}

static bool has(const char *rel)
{
    return access(at(rel), F_OK) == 0;
}

static void begin(void)
{
    ck_assert_int_eq(oks_cache_batch_begin(cache), 0);
}

static void end(void)
{
    ck_assert_int_eq(oks_cache_batch_end(cache), 0);
}

static int note(void *ctx, const char *folder, const char *name)
{
    char *text = ctx;

    sprintf(text + strlen(text), "%s/%s ", folder, name);
    return 0;
}

static const char *listed(void)
{
    static char text[4096];

    *text = '\0';
    ck_assert_int_eq(oks_cache_list(cache, note, text), 0);
    return text;
}

static char *content(const char *rel, size_t *len)
{
    static char bytes[1 << 20];
    int fd = open(at(rel), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, bytes, sizeof(bytes));

    ck_assert_int_gt(n, 0);
    close(fd);
    *len = (size_t)n;
    return bytes;
}

START_TEST(what_is_packed_comes_back)
{
    struct stat st;

    begin();
    ck_assert_int_eq(save("f", "b", 2, 1), 0);
    ck_assert_int_eq(save("f", "a", 1, 1), 0);
    ck_assert_int_eq(save("g", "a", 3, 1), 0);
    ck_assert_int_eq(loaded("f", "a"), -1); /* not yet */
    end();
    ck_assert(has(PACK) && !has(ROOT "/f"));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_int_eq(loaded("f", "a"), 1);
        ck_assert_int_eq(loaded("f", "b"), 2);
        ck_assert_int_eq(loaded("g", "a"), 3);
        ck_assert_int_eq(loaded("g", "b"), -1);
        ck_assert_str_eq(listed(), "f/a f/b g/a ");
        ck_assert_int_eq(oks_cache_entry_stat(cache, "f", "a", &st), 0);
        ck_assert_int_eq(oks_cache_entry_stat(cache, "f", "c", &st), -ENOENT);
        open_cache();
    }
    ck_assert_int_eq(stat(at(PACK), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    begin(); /* with nothing to save */
    end();
    ck_assert(!has(ROOT "/.okstrafs/pack-00000002"));
}
END_TEST

START_TEST(an_entrys_own_file_counts)
{
    ck_assert_int_eq(save("f", "a", 1, 1), 0);
    begin();
    ck_assert_int_eq(save("f", "a", 2, 1), 0); /* it has a file: that is renewed */
    ck_assert_int_eq(save("f", "b", 3, 1), 0);
    ck_assert_int_eq(save("f", "large", 4, 4000), 0);
    ck_assert_int_eq(loaded("f", "a"), 2);
    ck_assert_int_eq(loaded("f", "large"), 4);
    end();
    ck_assert(has(ROOT "/f/a.json") && !has(ROOT "/f/b.json") && has(ROOT "/f/large.json"));
    ck_assert_int_eq(save("f", "b", 5, 1), 0); /* newer than the pack */
    ck_assert_int_eq(loaded("f", "b"), 5);
    open_cache();
    ck_assert_int_eq(loaded("f", "b"), 5);
    begin();
    ck_assert_int_eq(save("f", "b", 6, 1), 0);
    end();
    ck_assert_int_eq(loaded("f", "b"), 6);
}
END_TEST

START_TEST(the_newest_pack_counts)
{
    for (uint64_t i = 1; i <= 3; i++) {
        begin();
        ck_assert_int_eq(save("f", "a", i, 1), 0);
        ck_assert_int_eq(save("f", i == 2 ? "only" : "b", i, 1), 0);
        end();
        ck_assert_int_eq(loaded("f", "a"), (int64_t)i);
    }
    open_cache();
    ck_assert_int_eq(loaded("f", "a"), 3);
    ck_assert_int_eq(loaded("f", "only"), 2);
    ck_assert_str_eq(listed(), "f/a f/b f/only ");
}
END_TEST

START_TEST(with_many_packs_entries_become_files)
{
    char name[16];

    for (int i = 0; i < 70; i++) {
        begin();
        snprintf(name, sizeof(name), "n%d", i);
        ck_assert_int_eq(save("f", name, 1, 1), 0);
        end();
    }
    ck_assert(!has(ROOT "/f/n63.json") && has(ROOT "/f/n64.json"));
    open_cache();
    ck_assert_int_eq(loaded("f", "n0"), 1);
    ck_assert_int_eq(loaded("f", "n69"), 1);
}
END_TEST

START_TEST(nothing_is_left_of_what_is_removed)
{
    struct oks_cache *other;
    struct stat st;
    size_t len;
    char *bytes;

    for (uint64_t i = 1; i <= 2; i++) {
        begin();
        ck_assert_int_eq(save("f", "a", i, 1), 0);
        end();
    }
    ck_assert_int_eq(oks_cache_new(&other, at(ROOT)), 0);
    ck_assert_int_eq(oks_cache_entry_stat(other, "f", "a", &st), 0);
    ck_assert_int_eq(oks_cache_remove(cache, "f", "a"), 0);
    ck_assert_int_eq(oks_cache_remove(cache, "f", "a"), -ENOENT);
    ck_assert_int_eq(loaded("f", "a"), -1);
    ck_assert_int_eq(oks_cache_entry_stat(other, "f", "a", &st), -ENOENT); /* another process sees it */
    oks_cache_free(other);
    bytes = content(PACK, &len);
    ck_assert_ptr_null(memmem(bytes, len, "secret", 6));
    open_cache();
    ck_assert_str_eq(listed(), "");
    begin();
    ck_assert_int_eq(save("f", "b", 3, 1), 0);
    end();
    ck_assert_int_eq(save("f", "b", 4, 1), 0);
    ck_assert_int_eq(oks_cache_remove(cache, "f", "b"), 0); /* both of them */
    ck_assert_int_eq(loaded("f", "b"), -1);
}
END_TEST

/* Whatever is wrong with it, an entry is as it was saved, or a miss. */
START_TEST(a_damaged_pack_tells_nothing_wrong)
{
    size_t len, step;
    char *good, *bytes;

    begin();
    for (uint64_t i = 1; i <= 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        ck_assert_int_eq(save("f", name, i, 1), 0);
    }
    end();
    bytes = content(PACK, &len);
    good = malloc(len);
    memcpy(good, bytes, len);
    step = by_effort(7, 1, 1);
    for (size_t i = 0; i < len; i += step) {
        for (int what = 0; what < 2; what++) {
            memcpy(bytes, good, len);
            bytes[i] = what ? '\0' : (char)(bytes[i] ^ 1 << (i % 8));
            make_file(PACK, bytes, len);
            open_cache();
            ck_assert(loaded("f", "b") == 1 || loaded("f", "b") == -1);
            ck_assert(loaded("f", "c") == 2 || loaded("f", "c") == -1);
        }
        make_file(PACK, good, i);
        open_cache();
        ck_assert_int_eq(loaded("f", "b"), -1);
    }
    make_file(PACK, good, len);
    open_cache();
    ck_assert_int_eq(loaded("f", "d"), 3);
    free(good);
}
END_TEST

/* --- failing calls --- */

enum { OLD = 1, NEW = 1000, LOADED = 4 };

static const struct entry {
    const char *folder, *name;
    size_t events; /* with so many it has a file of its own */
} entries[LOADED] = {{"f", "a", 1}, {"f", "b", 2}, {"g", "a", 3}, {"g", "large", 1500}};

static void make_states(struct oks_state *states, uint64_t number)
{
    for (int i = 0; i < LOADED; i++)
        make_state(&states[i], number + (uint64_t)i, entries[i].events);
}

static int save_all(const struct oks_state *states)
{
    int rc = oks_cache_batch_begin(cache), end;

    if (rc < 0)
        return rc;
    for (int i = 0; i < LOADED; i++) {
        int saved = oks_cache_save(cache, entries[i].folder, entries[i].name, &states[i]);

        rc = rc < 0 ? rc : saved;
    }
    end = oks_cache_batch_end(cache);
    return rc < 0 ? rc : end;
}

static int note_nothing(void *ctx, const char *folder, const char *name)
{
    return 0;
}

/* An entry is the former or the new one, or a miss; and if all were saved, it is the new one. */
static void check_entries(bool saved, long call)
{
    for (int i = 0; i < LOADED; i++) {
        int64_t got = loaded(entries[i].folder, entries[i].name);

        ck_assert_msg(got == NEW + i || (!saved && (got == OLD + i || got == -1)),
                      "call %ld: entry %d is %lld", call, i, (long long)got);
    }
}

/* What a cache says while calls fail is true, and so is what it has afterwards. */
START_TEST(whatever_fails_nothing_is_wrong)
{
    static const struct {
        enum call call;
        int error;
    } kinds[] = {{CALL_ALLOCATE, ENOMEM}, {CALL_OPEN, EMFILE}, {CALL_OPEN, EIO}, {CALL_READ, EIO},
                 {CALL_WRITE, ENOSPC},    {CALL_RENAME, EIO},  {CALL_LIST, EIO}, {CALL_STAT, EIO}};
    struct oks_state before[LOADED], after[LOADED], got[LOADED];
    long step = kinds[_i].call == CALL_ALLOCATE ? by_effort(101, 41, 1) : by_effort(7, 3, 1), failed, n = 1;
    int64_t last;

    make_states(before, OLD);
    make_states(after, NEW);
    do {
        int saved, removed, rc[LOADED];

        for (int i = 0; i < LOADED; i++)
            ck_assert_int_eq(oks_state_init(&got[i]), 0);
        remove_tree("home");
        open_cache();
        ck_assert_int_eq(save_all(before), 0);
        begin();
        ck_assert_int_eq(save("f", "gone", 7, 1), 0);
        end();
        if (n & 1)
            open_cache(); /* then all has to be read first */
        calls_fail(kinds[_i].call, (n + 1) / 2, (n + 1) / 2, kinds[_i].error);
        for (int i = 0; i < LOADED; i++)
            rc[i] = oks_cache_load(cache, entries[i].folder, entries[i].name, &got[i]);
        saved = save_all(after);
        removed = oks_cache_remove(cache, "f", "gone");
        oks_cache_list(cache, note_nothing, NULL);
        failed = calls_succeed();
        for (int i = 0; i < LOADED; i++) {
            ck_assert_msg(rc[i] == OKS_CACHE_MISS || rc[i] == -kinds[_i].error ||
                              (rc[i] == OKS_CACHE_HIT && got[i].offset == OLD + (uint64_t)i),
                          "call %ld: %d", n, rc[i]);
            oks_state_clear(&got[i]);
        }
        check_entries(saved == 0, n);
        open_cache();
        check_entries(saved == 0, n);
        ck_assert(removed == 0 || removed == -kinds[_i].error);
        last = loaded("f", "gone");
        ck_assert(last == -1 || (removed < 0 && last == 7));
        ck_assert_int_eq(save_all(after), 0);
        check_entries(true, n);
        n += step;
    } while (failed || n <= 2);
    ck_assert_int_gt(n, 2);
    for (int i = 0; i < LOADED; i++) {
        oks_state_clear(&before[i]);
        oks_state_clear(&after[i]);
    }
}
END_TEST

int main(void)
{
    TCase *failing_case = tcase_create("failing calls");
    Suite *suite = suite_create("cache_pack");

    FIXTURE_TEST(suite, what_is_packed_comes_back, setup, teardown, 60);
    FIXTURE_TEST(suite, an_entrys_own_file_counts, setup, teardown, 60);
    FIXTURE_TEST(suite, the_newest_pack_counts, setup, teardown, 60);
    FIXTURE_TEST(suite, with_many_packs_entries_become_files, setup, teardown, 60);
    FIXTURE_TEST(suite, nothing_is_left_of_what_is_removed, setup, teardown, 60);
    FIXTURE_TEST(suite, a_damaged_pack_tells_nothing_wrong, setup, teardown, 120);
    tcase_set_timeout(failing_case, 120);
    tcase_add_checked_fixture(failing_case, setup, teardown);
    tcase_add_loop_test(failing_case, whatever_fails_nothing_is_wrong, 0, 8);
    suite_add_tcase(suite, failing_case);
    return tap_run(suite);
}
