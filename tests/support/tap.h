/*
 * Runs a Check suite and prints TAP, so that meson counts every test case by itself.
 *
 * Each case is a process of its own, so that one that crashes does not end the others. With CK_FORK=no all
 * run in one process: valgrind translates the code once then, and not once for each case. So a fixture sets
 * all that its tests use.
 */
#ifndef OKSTRAFS_TESTS_TAP_H
#define OKSTRAFS_TESTS_TAP_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline int tap_run_as(Suite *suite, enum fork_status fork)
{
    SRunner *runner = srunner_create(suite);
    TestResult **results;
    int failed, n;

    srunner_set_fork_status(runner, fork);
    srunner_run_all(runner, CK_SILENT);
    n = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    results = srunner_results(runner);
    printf("TAP version 13\n1..%d\n", n);
    for (int i = 0; i < n; i++) {
        bool ok = tr_rtype(results[i]) == CK_PASS;

        printf("%s %d - %s\n", ok ? "ok" : "not ok", i + 1, tr_tcname(results[i]));
        if (!ok)
            printf("# %s:%d: %s\n", tr_lfile(results[i]) ? tr_lfile(results[i]) : "?", tr_lno(results[i]),
                   tr_msg(results[i]));
    }
    free(results);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int tap_run(Suite *suite)
{
    return tap_run_as(suite, CK_FORK_GETENV);
}

/* Whatever CK_FORK says: a case gives up what the next one needs, or leaves what it has made. */
static inline int tap_run_apart(Suite *suite)
{
    return tap_run_as(suite, CK_FORK);
}

/* A test is its own test case, so that TAP shows its name: TEST(suite, name_of_the_function). */
#define TEST(suite, function)                    \
    do {                                         \
        TCase *tcase_ = tcase_create(#function); \
        tcase_set_timeout(tcase_, 120);          \
        tcase_add_test(tcase_, function);        \
        suite_add_tcase(suite, tcase_);          \
    } while (0)

#endif
