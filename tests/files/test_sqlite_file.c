/*
 * Databases that another program has open: what a reader sees is one committed state, or an error, whatever
 * is written meanwhile and whatever call fails.
 */
#include "failing_calls.h"

#include <limits.h>
#include <sqlite3.h>

#include "files/sqlite_file.h"
#include "scratch.h"
#include "tap.h"

#define COMMITTED 500500 /* the sum of 1 to 1000 */

static sqlite3 *writer;

static void setup(void)
{
    scratch_setup();
    writer = NULL;
}

static void teardown(void)
{
    calls_succeed();
    sqlite3_close(writer);
    scratch_teardown();
}

static void run(const char *sql)
{
    ck_assert_msg(sqlite3_exec(writer, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(writer));
}

static void open_writer(const char *name)
{
    sqlite3_close(writer);
    ck_assert_int_eq(sqlite3_open(at(name), &writer), SQLITE_OK);
}

static void close_writer(void)
{
    sqlite3_close(writer);
    writer = NULL;
}

/* Pages of 512 bytes, so that there are many. */
static void make_database(const char *name, const char *mode)
{
    char pragma[64];

    snprintf(pragma, sizeof(pragma), "PRAGMA page_size=512; PRAGMA journal_mode=%s", mode);
    open_writer(name);
    run(pragma);
    run("CREATE TABLE t(n INTEGER); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < "
        "1000) "
        "INSERT INTO t SELECT n FROM c");
}

/* 0 or a negative errno */
static int sum_of(struct sqlite_file *file, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(sqlite_file_db(file), "SELECT sum(n) FROM t", -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : sqlite_file_errno(file, rc);
}

/* Reads twice, with a pause where there can be one. */
static int read_sums(const char *path, int64_t sums[2])
{
    struct sqlite_file *file;
    int rc = sqlite_file_open(path, &file), paused;

    if (rc < 0)
        return rc;
    rc = sum_of(file, &sums[0]);
    paused = rc == 0 ? sqlite_file_pause(file) : rc;
    if (rc == 0 && paused == 0)
        rc = sqlite_file_resume(file);
    if (rc == 0)
        rc = sum_of(file, &sums[1]);
    if (rc == 0)
        rc = sqlite_file_check(file);
    sqlite_file_close(file);
    return rc;
}

static const struct state {
    const char *name, *mode;
    bool closed; /* by the writer */
    const char *more;
} states[] = {
    {"a journal", "delete", false, NULL},
    {"a journal that stays", "truncate", true, "INSERT INTO t VALUES(0)"},
    {"a log", "wal", false, "INSERT INTO t VALUES(0)"},
    {"a log that is copied", "wal", false, "PRAGMA wal_checkpoint(TRUNCATE)"},
    {"a log that is gone", "wal", true, NULL},
};

static void make_state(const struct state *state)
{
    make_database("db", state->mode);
    if (state->more)
        run(state->more);
    if (state->closed)
        close_writer();
}

static void is_right(const char *what, int rc, const int64_t sums[2])
{
    ck_assert_msg(rc == 0, "%s: %s", what, strerror(-rc));
    ck_assert_msg(sums[0] == COMMITTED && sums[1] == COMMITTED, "%s: %lld, %lld", what, (long long)sums[0],
                  (long long)sums[1]);
}

START_TEST(each_call_may_fail)
{
    static const struct {
        enum call call;
        int error;
    } kinds[] = {{CALL_ALLOCATE, ENOMEM}, {CALL_OPEN, EMFILE}, {CALL_OPEN, EIO},
                 {CALL_READ, EIO},        {CALL_STAT, EIO},    {CALL_STAT, ENOMEM}};
    const struct state *state = &states[_i];
    char path[PATH_MAX];
    int64_t sums[2];

    make_state(state);
    strcpy(path, at("db"));
    is_right(state->name, read_sums(path, sums), sums);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        long calls, failed = 0, errors = 0;

        calls_fail(kinds[k].call, LONG_MAX, LONG_MAX, kinds[k].error);
        read_sums(path, sums);
        calls = failing.count;
        for (long i = 0; i < 2 * calls; i++) {
            int rc;

            calls_fail(kinds[k].call, i / 2 + 1, i % 2 ? i / 2 + 1 : LONG_MAX, kinds[k].error);
            rc = read_sums(path, sums);
            failed += calls_succeed();
            errors += rc < 0;
            ck_assert_msg(rc == 0 || rc == -kinds[k].error || rc == -EAGAIN, "%s, call %ld of kind %d: %s",
                          state->name, i / 2 + 1, kinds[k].call, strerror(-rc));
            if (rc == 0)
                is_right(state->name, rc, sums);
            is_right("afterwards", read_sums(path, sums), sums);
        }
        ck_assert_msg(failed > 0 && errors > 0, "%s: none of kind %d failed", state->name, kinds[k].call);
    }
}
END_TEST

/* Whatever two calls fail, the journal is seen: then the database has pages that nobody has committed. */
START_TEST(what_is_not_committed_is_never_read)
{
    char path[PATH_MAX];
    int64_t sums[2];
    long calls;

    make_database("db", "delete");
    run("BEGIN; UPDATE t SET n = 7");
    ck_assert_int_eq(sqlite3_db_cacheflush(writer), SQLITE_OK);
    strcpy(path, at("db"));
    calls_fail(CALL_STAT, LONG_MAX, LONG_MAX, EIO);
    ck_assert_int_eq(read_sums(path, sums), -EBUSY);
    calls = failing.count + 8; /* those of the check come behind */
    for (long first = 1; first <= calls; first++)
        for (long last = first; last <= calls; last++) {
            int rc;

            calls_fail(CALL_STAT, first, last, EIO);
            rc = read_sums(path, sums);
            calls_succeed();
            ck_assert_msg(rc == -EBUSY || rc == -EIO || rc == -EAGAIN, "calls %ld to %ld: %d", first, last,
                          rc);
        }
    run("ROLLBACK");
    is_right("after it was taken back", read_sums(path, sums), sums);
}
END_TEST

/* --- what happens between the open and the check --- */

static void write_row(void)
{
    run("INSERT INTO t VALUES(1)");
}

static void open_and_write(void)
{
    open_writer("db");
    run("INSERT INTO t VALUES(1)");
}

static void begin_to_write(void)
{
    run("BEGIN; INSERT INTO t VALUES(1)");
}

static void replace(void)
{
    make_database("other", "delete");
    close_writer();
    ck_assert_int_eq(rename(at("other"), at("db")), 0);
}

static void delete (void)
{
    ck_assert_int_eq(unlink(at("db")), 0);
}

static void put_index(void)
{
    make_file("db-shm", "", 0);
}

static void put_empty_log(void)
{
    make_file("db-wal", "", 0);
}

static const struct change {
    const char *mode;
    bool closed;
    void (*happens)(void);
    int want;
} changes[] = {
    {"delete", false, NULL, 0},
    {"delete", false, write_row, -EAGAIN},
    {"delete", false, begin_to_write, -EAGAIN},
    {"delete", true, replace, -EAGAIN},
    {"delete", true, delete, -EAGAIN},
    {"wal", false, NULL, 0},
    {"wal", false, write_row, 0}, /* of the log, what was known at the open is read */
    {"wal", true, NULL, 0},
    {"wal", true, open_and_write, -EAGAIN},
    {"wal", true, put_index, -EAGAIN},
    {"wal", true, put_empty_log, 0}, /* is as good as none */
    {"wal", true, replace, -EAGAIN},
};

START_TEST(a_check_sees_what_happened)
{
    const struct change *change = &changes[_i];
    struct sqlite_file *file;
    int64_t sum;
    long calls;

    make_database("db", change->mode);
    if (change->closed)
        close_writer();
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    ck_assert_int_eq(sum_of(file, &sum), 0);
    if (change->happens)
        change->happens();
    calls_fail(CALL_STAT, LONG_MAX, LONG_MAX, EIO);
    ck_assert_int_eq(sqlite_file_check(file), change->want);
    calls = failing.count;
    ck_assert_int_gt(calls, 0);
    for (long i = 1; i <= calls; i++) {
        calls_fail(CALL_STAT, i, i, EIO);
        ck_assert_int_eq(sqlite_file_check(file), -EAGAIN);
        ck_assert_int_eq(calls_succeed(), 1);
    }
    sqlite_file_close(file);
}
END_TEST

/* --- pauses --- */

static void checkpoint(void)
{
    run("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES(1)");
}

START_TEST(a_pause_ends_if_the_log_is_as_it_was)
{
    static const struct {
        void (*happens)(void);
        int want;
    } cases[] = {{NULL, 0}, {write_row, -EAGAIN}, {checkpoint, -EAGAIN}, {replace, -EAGAIN}};
    struct sqlite_file *file;
    int64_t sum = 0;

    make_database("db", "wal");
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    ck_assert_int_eq(sqlite_file_pause(file), 0);
    ck_assert_int_eq(sqlite_file_pause(file), -EAGAIN); /* it has no locks to give up */
    if (cases[_i].happens)
        cases[_i].happens();
    ck_assert_int_eq(sqlite_file_resume(file), cases[_i].want);
    if (cases[_i].want == 0) {
        ck_assert_int_eq(sum_of(file, &sum), 0);
        ck_assert_int_eq(sum, COMMITTED);
    }
    sqlite_file_close(file);
}
END_TEST

/* --- locks --- */

static void lock(int type, int fd, off_t start, off_t len)
{
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

START_TEST(a_locked_database_is_busy)
{
    struct sqlite_file *file;
    int fd;

    make_database("db", "wal");
    if (!_i)
        close_writer(); /* it has the same lock */
    fd = open(at(_i ? "db-shm" : "db"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    ck_assert_int_eq(sqlite_file_pause(file), 0);
    lock(F_WRLCK, fd, _i ? 123 : 0x40000002, 1);
    ck_assert_int_eq(sqlite_file_resume(file), -EAGAIN);
    sqlite_file_close(file);
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), -EBUSY);
    lock(F_UNLCK, fd, _i ? 123 : 0x40000002, 1);
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    sqlite_file_close(file);
    close(fd);
}
END_TEST

/* --- what is no database --- */

START_TEST(what_is_no_database)
{
    static const struct {
        const char *name;
        int want;
    } cases[] = {{"none", -ENOENT},   {"none/db", -ENOTDIR}, {"folder", -EINVAL}, {"link", -ELOOP},
                 {"empty", -EBADMSG}, {"text", -EBADMSG},    {"torn", -EBADMSG}};
    char text[4096], long_path[PATH_MAX];
    struct sqlite_file *file;
    size_t len;
    char *bytes;

    memset(text, 'a', sizeof(text));
    make_file("text", text, sizeof(text));
    make_file("empty", "", 0);
    make_folder("folder");
    ck_assert_int_eq(symlink("text", at("link")), 0);
    make_database("db", "delete");
    close_writer();
    bytes = read_file(at("db"), &len);
    make_file("torn", bytes, 700);
    free(bytes);
    remove_tree("none");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (i == 1)
            make_file("none", "", 0);
        ck_assert_msg(sqlite_file_open(at(cases[i].name), &file) == cases[i].want, "%s", cases[i].name);
    }
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    ck_assert_int_eq(sqlite_file_open(long_path, &file), -ENAMETOOLONG);
}
END_TEST

/* A view or a trigger is a stranger's program, and no schema of an agent has one. */
START_TEST(a_view_is_not_run)
{
    struct sqlite_file *file;
    sqlite3_stmt *stmt = NULL;
    int rc;

    make_database("db", "delete");
    run("CREATE VIEW v AS SELECT * FROM t");
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    rc = sqlite3_prepare_v2(sqlite_file_db(file), "SELECT n FROM v", -1, &stmt, NULL);
    ck_assert_int_ne(rc, SQLITE_OK);
    ck_assert_int_eq(sqlite_file_errno(file, rc), -EBADMSG);
    rc = sqlite3_exec(sqlite_file_db(file), "DELETE FROM t", NULL, NULL, NULL);
    ck_assert_int_eq(sqlite_file_errno(file, rc), -EBUSY);
    sqlite_file_close(file);
}
END_TEST

START_TEST(results_as_errors)
{
    static const int cases[][2] = {{SQLITE_NOMEM, -ENOMEM},    {SQLITE_IOERR_NOMEM, -EBADMSG},
                                   {SQLITE_BUSY, -EBUSY},      {SQLITE_LOCKED, -EBUSY},
                                   {SQLITE_CANTOPEN, -EBUSY},  {SQLITE_READONLY_RECOVERY, -EBUSY},
                                   {SQLITE_CORRUPT, -EBADMSG}, {SQLITE_NOTADB, -EBADMSG}};
    struct sqlite_file *file;

    make_database("db", "delete");
    ck_assert_int_eq(sqlite_file_open(at("db"), &file), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ck_assert_msg(sqlite_file_errno(file, cases[i][0]) == cases[i][1], "%d", cases[i][0]);
    sqlite_file_close(file);
}
END_TEST

START_TEST(the_tag_is_another_one_after_each_change)
{
    struct sqlite_file *file;
    char path[PATH_MAX];
    uint64_t before, after;
    long calls;

    strcpy(path, at("db"));
    ck_assert_uint_eq(sqlite_file_tag_at(path), 0);
    make_database("db", "wal");
    close_writer();
    before = sqlite_file_tag_at(path);
    ck_assert_uint_ne(before, 0);
    ck_assert_int_eq(sqlite_file_open(path, &file), 0);
    ck_assert_uint_eq(sqlite_file_tag(file), before);
    sqlite_file_close(file);
    open_and_write();
    after = sqlite_file_tag_at(path);
    ck_assert_uint_ne(after, before);
    calls_fail(CALL_STAT, LONG_MAX, LONG_MAX, EIO);
    sqlite_file_tag_at(path);
    calls = failing.count;
    ck_assert_int_eq(calls, 2);
    for (long i = 1; i <= calls; i++) { /* a log that could not be looked at is not absent */
        calls_fail(CALL_STAT, i, i, EIO);
        ck_assert_uint_eq(sqlite_file_tag_at(path), 0);
    }
}
END_TEST

#define LOOP(suite, function, n)                            \
    do {                                                    \
        TCase *tcase_ = tcase_create(#function);            \
        tcase_set_timeout(tcase_, 300);                     \
        tcase_add_checked_fixture(tcase_, setup, teardown); \
        tcase_add_loop_test(tcase_, function, 0, n);        \
        suite_add_tcase(suite, tcase_);                     \
    } while (0)

int main(void)
{
    Suite *s = suite_create("sqlite_file");

    LOOP(s, each_call_may_fail, (int)(sizeof(states) / sizeof(*states)));
    LOOP(s, what_is_not_committed_is_never_read, 1);
    LOOP(s, a_check_sees_what_happened, (int)(sizeof(changes) / sizeof(*changes)));
    LOOP(s, a_pause_ends_if_the_log_is_as_it_was, 4);
    LOOP(s, a_locked_database_is_busy, 2);
    LOOP(s, what_is_no_database, 1);
    LOOP(s, a_view_is_not_run, 1);
    LOOP(s, results_as_errors, 1);
    LOOP(s, the_tag_is_another_one_after_each_change, 1);
    return tap_run(s);
}
