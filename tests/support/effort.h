/*
 * How much of a heavy test is done: the ordinary measure keeps the daily run short, OKSTRAFS_LONG=1 asks for
 * every case there is, and OKSTRAFS_BRIEF=1 for a sample, where a tool makes each case dozens of times slower
 * (valgrind).
 */
#ifndef OKSTRAFS_TESTS_EFFORT_H
#define OKSTRAFS_TESTS_EFFORT_H

#include <stdlib.h>

static inline unsigned by_effort(unsigned brief, unsigned ordinary, unsigned all)
{
    return getenv("OKSTRAFS_LONG") ? all : getenv("OKSTRAFS_BRIEF") ? brief : ordinary;
}

#endif
