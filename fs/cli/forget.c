/*
 * `okstrafs forget`: removes from the history store what no transcript says any more. No other command
 * deletes anything.
 *
 * A daemon of the same home notices at its next sync. A session whose transcript exists and has lost nothing
 * cannot be forgotten: delete that first.
 */
#include "cli/forget.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "okstrafs/engine.h"

static int forget_one(struct oks_engine *engine, const char *name)
{
    char listed[256];
    size_t n = 0;
    int rc = oks_engine_resolve(engine, OKS_SESSION, name, listed);

    if (rc >= 0)
        rc = oks_engine_forget(engine, rc == 1 ? listed : name, &n);
    if (rc == -EBUSY)
        log_error("%s: its transcript is there; delete that first", name);
    else if (rc == -ENOENT)
        log_error("%s: no such session; 'okstrafs ls sessions' shows what there is", name);
    else if (rc < 0)
        log_error("%s: cannot forget: %s", name, strerror(-rc));
    return rc < 0;
}

static int forget_all(struct oks_engine *engine)
{
    size_t n = 0;
    int rc = oks_engine_forget(engine, NULL, &n);

    if (rc < 0) {
        log_error("cannot forget: %s", strerror(-rc));
        return 1;
    }
    printf("%zu %s forgotten\n", n, n == 1 ? "session" : "sessions");
    return 0;
}

static int forget(struct oks_engine *engine, const struct options *o)
{
    struct oks_target all = {.kind = OKS_ALL};
    int rc = oks_engine_sync(engine, &all, false, NULL), failed = 0;

    if (rc < 0) {
        log_error("cannot read the transcripts: %s", strerror(-rc));
        return 1;
    }
    if (o->all)
        failed = forget_all(engine);
    for (int i = 0; i < o->n_paths; i++)
        failed |= forget_one(engine, o->paths[i]);
    oks_engine_save(engine);
    return failed;
}

int forget_run(const struct options *o)
{
    struct oks_config config = options_config(o);
    struct oks_engine *engine;
    int rc;

    if (o->all == (o->n_paths > 0)) {
        log_error("forget needs the ids of sessions, or --all");
        return EX_USAGE;
    }
    config.once = true;
    config.no_cache = false; /* with it the history store is only read */
    rc = oks_engine_new(&engine, &config);
    if (rc < 0) {
        log_error("cannot start: %s", strerror(-rc));
        return 1;
    }
    rc = forget(engine, o);
    oks_engine_free(engine);
    return rc;
}
