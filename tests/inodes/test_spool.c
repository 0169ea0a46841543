/* Many growing files in one: each gives back its own bytes, at every offset. */
#include <stdlib.h>
#include <string.h>

#include "inodes/spool.h"
#include "scratch.h"
#include "tap.h"

enum { FILES = 5, ROUNDS = 400 };

static struct model {
    struct spooled file;
    char *bytes;
    size_t len;
} models[FILES];

static unsigned seed = 7;

static unsigned draw(unsigned below)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

static void append(struct spool *spool, struct model *m, size_t len)
{
    char *bytes = realloc(m->bytes, m->len + len + 1);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[m->len + i] = (char)draw(256);
    m->bytes = bytes;
    ck_assert_int_eq(spool_append(spool, &m->file, m->bytes + m->len, len), 0);
    m->len += len;
    ck_assert_uint_eq(m->file.len, m->len);
}

static void check(struct spool *spool, const struct model *m, size_t offset, size_t len)
{
    char *got = malloc(len + 1);

    ck_assert_ptr_nonnull(got);
    ck_assert_int_eq(spool_read(spool, &m->file, offset, got, len), (ssize_t)len);
    ck_assert_int_eq(memcmp(got, m->bytes + offset, len), 0);
    free(got);
}

static void grow_and_check(struct spool *spool)
{
    ck_assert_ptr_nonnull(spool);
    for (int i = 0; i < ROUNDS; i++) {
        struct model *m = &models[draw(FILES)];

        append(spool, m, draw(10) ? draw(300) : draw(70000));
        if (m->len) {
            size_t offset = draw((unsigned)m->len);

            check(spool, m, offset, draw((unsigned)(m->len - offset) + 1));
        }
    }
    for (int i = 0; i < FILES; i++) {
        check(spool, &models[i], 0, models[i].len);
        spool_drop(spool, &models[i].file);
        ck_assert_uint_eq(models[i].file.len, 0);
        free(models[i].bytes);
        models[i] = (struct model){0};
    }
    append(spool, &models[0], 100); /* what was dropped can begin again */
    check(spool, &models[0], 0, 100);
    spool_drop(spool, &models[0].file);
    free(models[0].bytes);
    models[0] = (struct model){0};
    spool_free(spool);
}

START_TEST(in_a_folder)
{
    scratch_setup();
    grow_and_check(spool_new(scratch));
    scratch_teardown();
}
END_TEST

START_TEST(in_memory)
{
    grow_and_check(spool_new(NULL));
}
END_TEST

START_TEST(in_memory_where_there_is_no_folder)
{
    grow_and_check(spool_new("/nonexistent/folder"));
}
END_TEST

START_TEST(nothing_costs_nothing)
{
    struct spool *spool = spool_new(NULL);
    struct spooled empty = {0};

    ck_assert_int_eq(spool_append(spool, &empty, "", 0), 0);
    spool_drop(spool, &empty);
    spool_free(spool);
    spool_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool");

    TEST(suite, in_a_folder);
    TEST(suite, in_memory);
    TEST(suite, in_memory_where_there_is_no_folder);
    TEST(suite, nothing_costs_nothing);
    return tap_run(suite);
}
