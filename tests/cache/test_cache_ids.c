/* Ids that a store has given up come back from its cache file, and else from the transcript. */
#include "cache/cache_ids.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "scratch.h"
#include "sources/source.h"
#include "tap.h"

#define ENTRY "home/cache/token-usage/folder/name.json"

enum { ROWS = 100 };

static struct oks_cache *cache;
static struct oks_scanner *scanner;

static int add_record(void *ctx, const struct oks_record *record, bool complete)
{
    (void)complete;
    return requests_add_record(ctx, record, OKS_SLICE("name"));
}

/* A transcript of so many responses; every tenth names no request, every twentieth has no id at all. */
static FILE *transcript(struct oks_requests **rows)
{
    struct oks_sink sink = {.record = add_record};
    struct oks_scan_result result;
    FILE *f = tmpfile();

    for (unsigned i = 0; i < ROWS; i++) {
        fprintf(f, "{\"type\":\"assistant\",");
        if (i % 10)
            fprintf(f, "\"requestId\":\"req_%u\",", i);
        fprintf(f, "\"message\":{");
        if (i % 20)
            fprintf(f, "\"id\":\"msg_%u\",", i);
        fprintf(f, "\"model\":\"m%u\",\"usage\":{\"output_tokens\":%u}}}\n", i % 3, i);
    }
    ck_assert_int_eq(fflush(f), 0);
    ck_assert_int_eq(oks_requests_new(rows), 0);
    sink.ctx = *rows;
    ck_assert_int_eq(oks_scanner_scan_fd(scanner, fileno(f), 0, &sink, NULL, &result), 0);
    ck_assert_uint_eq(requests_len(*rows), ROWS);
    return f;
}

static void begin(void)
{
    ck_assert_int_eq(oks_cache_new(&cache, at("home/cache/token-usage")), 0);
    ck_assert_int_eq(source_scanner_new(&scanner, OKS_ISA_AUTO, OKS_SOURCE_CLAUDE), 0);
}

static void end(void)
{
    oks_scanner_free(scanner);
    oks_cache_free(cache);
}

static void save(struct oks_requests *rows)
{
    struct oks_state state;

    ck_assert_int_eq(oks_state_init(&state), 0);
    oks_requests_free(state.requests);
    state.requests = rows;
    ck_assert_int_eq(oks_cache_save(cache, "folder", "name", &state), 0);
    state.requests = NULL;
    oks_state_clear(&state);
}

struct seen {
    const struct oks_requests *want;
    size_t next, n, stop_at;
};

static int see(void *ctx, size_t i, uint64_t key, struct oks_slice message_id, struct oks_slice request_id)
{
    struct seen *seen = ctx;
    struct request_row row;

    ck_assert_uint_eq(i, seen->next++);
    requests_get(seen->want, i, &row);
    ck_assert_uint_eq(row.request.key, key);
    ck_assert(row.message_id.len == message_id.len && row.request_id.len == request_id.len);
    ck_assert(!message_id.len || oks_slice_eq(row.message_id, message_id));
    ck_assert(!request_id.len || oks_slice_eq(row.request_id, request_id));
    return ++seen->n == seen->stop_at ? -ECANCELED : 0;
}

static int each_id(const struct oks_requests *want, size_t from, size_t to, size_t stop_at, size_t *n)
{
    struct seen seen = {want, from, 0, stop_at};
    int rc = oks_cache_each_id(cache, "folder", "name", from, to, see, &seen);

    *n = seen.n;
    return rc;
}

/* okstra's collector leaves out the last newline. */
static void make_foreign(void)
{
    struct stat st;

    ck_assert_int_eq(stat(at(ENTRY), &st), 0);
    ck_assert_int_eq(truncate(at(ENTRY), st.st_size - 1), 0);
}

START_TEST(the_ids_of_an_entry_are_read_alone)
{
    struct oks_requests *rows;
    FILE *f;
    size_t n;

    begin();
    f = transcript(&rows);
    ck_assert_int_eq(each_id(rows, 0, ROWS, 0, &n), OKS_CACHE_MISS);
    save(rows);
    for (int foreign = 0; foreign < 2; foreign++) {
        ck_assert_int_eq(each_id(rows, 0, SIZE_MAX, 0, &n), 0);
        ck_assert_uint_eq(n, ROWS);
        ck_assert_int_eq(each_id(rows, 90, 95, 0, &n), 0);
        ck_assert_uint_eq(n, 5);
        ck_assert_int_eq(each_id(rows, 99, 200, 0, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(each_id(rows, 200, 300, 0, &n), 0);
        ck_assert_uint_eq(n, 0);
        ck_assert_int_eq(each_id(rows, 3, 50, 7, &n), -ECANCELED);
        ck_assert_uint_eq(n, 7);
        make_foreign();
    }
    /* A flipped byte. */
    save(rows);
    {
        FILE *entry = fopen(at(ENTRY), "r+e");

        ck_assert_ptr_nonnull(entry);
        ck_assert_int_eq(fseek(entry, -200, SEEK_END), 0);
        fputc('~', entry);
        fclose(entry);
    }
    ck_assert_int_eq(each_id(rows, 0, ROWS, 0, &n), OKS_CACHE_MISS);
    ck_assert_uint_eq(n, 0);
    oks_requests_free(rows);
    fclose(f);
    end();
}
END_TEST

static int same_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct seen *seen = ctx;
    struct request_row want;

    requests_get(seen->want, i, &want);
    ck_assert(!row->ids_forgotten);
    ck_assert_uint_eq(row->request.spend.output, want.request.spend.output);
    ck_assert(row->message_id.len == want.message_id.len && row->request_id.len == want.request_id.len);
    ck_assert(!want.message_id.len || oks_slice_eq(row->message_id, want.message_id));
    ck_assert(!want.request_id.len || oks_slice_eq(row->request_id, want.request_id));
    return 0;
}

/* The rows as they are, with `forgotten` instead of `want`; returns how many have their ids again. */
static size_t restore(const struct oks_requests *want, const struct oks_requests *forgotten,
                      const struct request_ids_where *where)
{
    struct seen seen = {.want = want};
    struct oks_requests *copy = NULL;
    size_t n = 0;

    ck_assert_int_eq(request_ids_restore(&copy, forgotten, where), 0);
    ck_assert_ptr_nonnull(copy);
    ck_assert_uint_eq(requests_len(copy), requests_whole(forgotten));
    for (size_t i = 0; i < requests_len(copy); i++)
        n += requests_has_ids(copy, i);
    if (n == requests_len(copy))
        ck_assert_int_eq(requests_each(copy, 0, n, same_row, &seen), 0);
    ck_assert(!requests_all_ids(forgotten));
    oks_requests_free(copy);
    return n;
}

static struct oks_requests *without_ids(const struct oks_requests *rows)
{
    struct oks_requests *copy;

    ck_assert_int_eq(requests_copy_whole(&copy, rows), 0);
    requests_forget_ids(copy);
    return copy;
}

/* The first n rows. */
static struct oks_requests *start_of(const struct oks_requests *rows, size_t n, size_t other)
{
    struct oks_requests *out;

    ck_assert_int_eq(oks_requests_new(&out), 0);
    for (size_t i = 0; i < n; i++) {
        struct request_row row;

        requests_get(rows, i, &row);
        row.request.key += i == other;
        ck_assert_int_eq(requests_append(out, &row, requests_model(rows, row.model), OKS_SLICE("")), 0);
    }
    return out;
}

START_TEST(ids_come_back_from_wherever_they_are)
{
    struct request_ids_where where = {.folder = "folder", .name = "name", .fd = -1};
    struct oks_requests *rows, *forgotten, *old, *none;
    FILE *f;

    begin();
    f = transcript(&rows);
    forgotten = without_ids(rows);
    /* Nowhere; no entry yet; the transcript. */
    ck_assert_uint_eq(restore(rows, forgotten, &where), 0);
    where.cache = cache;
    ck_assert_uint_eq(restore(rows, forgotten, &where), 0);
    where.fd = fileno(f);
    ck_assert_uint_eq(restore(rows, forgotten, &where), 0);
    where.scanner = scanner;
    ck_assert_uint_eq(restore(rows, forgotten, &where), ROWS);
    /* Of the older rows the entry, where the keys are the same. */
    old = start_of(rows, 40, 7);
    save(old);
    ck_assert_uint_eq(restore(rows, forgotten, &where), ROWS);
    where.fd = -1;
    ck_assert_uint_eq(restore(rows, forgotten, &where), 39);
    make_foreign();
    ck_assert_uint_eq(restore(rows, forgotten, &where), 39);
    save(rows);
    ck_assert_uint_eq(restore(rows, forgotten, &where), ROWS);
    /* A transcript that has changed says nothing any more, one that cannot be read is an error. */
    ck_assert_int_eq(oks_cache_remove(cache, "folder", "name"), 0);
    ck_assert_int_eq(ftruncate(fileno(f), 2000), 0);
    where.fd = fileno(f);
    ck_assert_uint_lt(restore(rows, forgotten, &where), ROWS);
    where.fd = 10000;
    ck_assert_int_eq(request_ids_restore(&none, forgotten, &where), -EBADF);
    ck_assert_ptr_null(none);
    /* What has all of its ids needs no copy. */
    ck_assert_int_eq(request_ids_restore(&none, rows, &where), 0);
    ck_assert_ptr_null(none);
    oks_requests_free(old);
    oks_requests_free(forgotten);
    oks_requests_free(rows);
    fclose(f);
    end();
}
END_TEST

/* What goes on as a saver does: older ids from the entry, new ones from the store. */
START_TEST(an_entry_keeps_all_ids)
{
    struct request_ids_where where = {.folder = "folder", .name = "name", .fd = -1};
    struct oks_requests *rows, *growing;
    size_t n;
    FILE *f;

    begin();
    where.cache = cache;
    f = transcript(&rows);
    ck_assert_int_eq(oks_requests_new(&growing), 0);
    for (size_t i = 0; i < ROWS; i++) {
        struct oks_requests *copy;
        struct request_row row;

        requests_get(rows, i, &row);
        ck_assert_int_eq(requests_append(growing, &row, requests_model(rows, row.model), OKS_SLICE("")), 0);
        if (i % 9)
            continue;
        requests_trim(growing);
        ck_assert_int_eq(requests_tail_begin(growing), 0);
        row.request.key++;
        ck_assert_int_eq(requests_append(growing, &row, OKS_SLICE("tail"), OKS_SLICE("")), 0);
        ck_assert_int_eq(request_ids_restore(&copy, growing, &where), 0);
        save(copy ? copy : growing);
        ck_assert_int_eq(requests_tail_end(growing), 0);
        requests_forget_ids(growing);
        oks_requests_free(copy);
        ck_assert_int_eq(each_id(rows, 0, SIZE_MAX, 0, &n), 0);
        ck_assert_uint_eq(n, i + 1);
    }
    oks_requests_free(growing);
    oks_requests_free(rows);
    fclose(f);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_ids");

    SCRATCH_TEST(suite, the_ids_of_an_entry_are_read_alone);
    SCRATCH_TEST(suite, ids_come_back_from_wherever_they_are);
    SCRATCH_TEST(suite, an_entry_keeps_all_ids);
    return tap_run(suite);
}
