/*
 * A file descriptor to poll(2) for changes, for a thread that waits until a sync would find something.
 *
 *     struct pollfd p = {.fd = oks_engine_change_fd(engine), .events = POLLIN};
 *
 *     for (;;) {
 *         poll(&p, 1, oks_engine_needs_polling(engine) ? 750 : -1);
 *         oks_engine_changes_seen(engine);                    first, so that no later change is lost
 *         oks_engine_sync(engine, &target, false, NULL);
 *         if (oks_engine_version(engine, &target) != version)
 *             ...
 *     }
 *
 * Thread safe.
 */
#ifndef OKSTRAFS_CHANGE_FD_H
#define OKSTRAFS_CHANGE_FD_H

#include "okstrafs/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A descriptor that is readable while changes wait for a sync, or when any thread's sync has processed
 * changes since oks_engine_changes_seen(). It belongs to the engine: do not read or close it. Each call
 * returns the same one; the first makes it. A negative errno: it cannot be made.
 */
int oks_engine_change_fd(struct oks_engine *engine);

/* Resets the second condition. Call it before the sync. */
void oks_engine_changes_seen(struct oks_engine *engine);

/* Whether some changes do not make the descriptor readable, because a folder cannot be watched: then sync
 * from time to time as well. */
bool oks_engine_needs_polling(struct oks_engine *engine);

/*
 * Whether the answers about the target include every change found so far: no transcript waits to be scanned.
 * `found_only` as in oks_engine_sync(). Does not look for changes, and never waits for a scan.
 */
bool oks_engine_is_settled(struct oks_engine *engine, const struct oks_target *target, bool found_only);

#ifdef __cplusplus
}
#endif

#endif
