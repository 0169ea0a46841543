/*
 * Slices of a long loop under the model's lock: others get the lock in between, and a document of which a
 * part was written before a change is written again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "documents/document.h"
#include "documents/slices.h"
#include "tap.h"

static struct model model;

static void begin(void)
{
    pthread_mutex_init(&model.lock, NULL);
    model.versions.last = model.versions.all = 1;
}

static void *change(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&model.lock);
    version_next(&model.versions);
    pthread_mutex_unlock(&model.lock);
    return NULL;
}

static void *take_turn(void *arg)
{
    pthread_mutex_lock(&model.lock);
    atomic_store((atomic_bool *)arg, true);
    pthread_mutex_unlock(&model.lock);
    return NULL;
}

START_TEST(others_get_the_lock)
{
    atomic_bool had = false;
    struct slices slices;
    pthread_t thread;

    begin();
    pthread_mutex_lock(&model.lock);
    slices_begin(&slices, &model);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_turn, &had), 0);
    while (!atomic_load(&had))
        ck_assert(slices_go_on(&slices));
    ck_assert(!slices.torn);
    pthread_mutex_unlock(&model.lock);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_change_tears_the_loop)
{
    struct slices slices;
    pthread_t thread;

    begin();
    pthread_mutex_lock(&model.lock);
    slices_begin(&slices, &model);
    ck_assert_int_eq(pthread_create(&thread, NULL, change, NULL), 0);
    while (slices_go_on(&slices))
        ;
    ck_assert(slices.torn);
    ck_assert(!slices_go_on(&slices)); /* for good */
    slices_begin(&slices, &model);
    slices.since_ns = 0;
    model.timeline.emptied++; /* rows of time were dropped */
    ck_assert(!slices_go_on(&slices));
    pthread_mutex_unlock(&model.lock);
    pthread_join(thread, NULL);
}
END_TEST

/* Writes how often it was called. The first call is interrupted by a change, the others are not. */
struct call {
    int calls, interrupted;
    pthread_t thread;
};

static int write_calls(void *ctx, struct json *j, struct oks_document *out)
{
    struct call *call = ctx;

    call->calls++;
    json_put_count(j, NULL, (uint64_t)call->calls);
    if (call->calls <= call->interrupted) {
        ck_assert_int_eq(pthread_create(&call->thread, NULL, change, NULL), 0);
        while (j->slices && document_goes_on(j))
            ;
        if (!j->slices)
            pthread_detach(call->thread);
        else
            pthread_join(call->thread, NULL);
    }
    out->version = model.versions.all;
    return 0;
}

START_TEST(a_document_is_written_again_after_a_change)
{
    struct call call = {.interrupted = 1};
    struct oks_document document;

    begin();
    ck_assert_int_eq(document_locked(&model, write_calls, &call, &document), 0);
    ck_assert_int_eq(call.calls, 2);
    ck_assert_str_eq(document.bytes, "2\n");
    ck_assert_uint_eq(document.version, 2);
    oks_document_clear(&document);
}
END_TEST

/* In the end it is written without slices. */
START_TEST(a_document_comes_to_an_end)
{
    struct call call = {.interrupted = 1000};
    struct oks_document document;

    begin();
    ck_assert_int_eq(document_locked(&model, write_calls, &call, &document), 0);
    ck_assert_int_lt(call.calls, 1000);
    ck_assert_uint_eq(document.version, (uint64_t)call.calls);
    oks_document_clear(&document);
}
END_TEST

static int write_nothing(void *ctx, struct json *j, struct oks_document *out)
{
    (void)ctx;
    (void)out;
    json_fail(j, -ENOMEM);
    ck_assert(!document_goes_on(j));
    return 0;
}

START_TEST(a_document_that_failed_does_not_go_on)
{
    struct oks_document document;

    begin();
    ck_assert_int_eq(document_locked(&model, write_nothing, NULL, &document), -ENOMEM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slices");

    TEST(suite, others_get_the_lock);
    TEST(suite, a_change_tears_the_loop);
    TEST(suite, a_document_is_written_again_after_a_change);
    TEST(suite, a_document_comes_to_an_end);
    TEST(suite, a_document_that_failed_does_not_go_on);
    return tap_run(suite);
}
