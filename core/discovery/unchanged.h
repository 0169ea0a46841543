/*
 * Whether anything happened since the last look, for the price of one system call (private to the engine).
 * Under the engine's lock.
 */
#ifndef OKSTRAFS_DISCOVERY_UNCHANGED_H
#define OKSTRAFS_DISCOVERY_UNCHANGED_H

#include <stdbool.h>

struct oks_engine;
struct quiet;

/* Behind the queues of changes that it listens to. Where it cannot work nothing is ever quiet. -ENOMEM */
int quiet_new(struct oks_engine *e, const char *okstra_home);
void quiet_free(struct oks_engine *e);

/* True: a look at folders, settings and what was forgotten would find what the last one found. */
bool quiet_is(struct oks_engine *e);
/*
 * A look begins: what happens from here on is heard by the next quiet_is(). True: by the last one, nothing
 * had happened to the roots themselves or above them.
 */
bool quiet_begin(struct oks_engine *e);
/* The look that goes on did not finish: the next one must come whatever is heard. */
void quiet_break(struct oks_engine *e);

#endif
