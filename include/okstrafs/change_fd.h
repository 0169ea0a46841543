/*
 * Learning of changes without reading: for one thread that waits until something may have changed.
 *
 *     fd = oks_engine_change_fd(engine);
 *     poll(fd) ... oks_engine_changes_seen(engine); oks_engine_sync(...); compare oks_engine_version(...)
 *
 * Thread safe.
 */
#ifndef OKSTRAFS_NEWS_H
#define OKSTRAFS_NEWS_H

#include "okstrafs/engine.h"

/*
 * A descriptor that polls as readable while changes wait to be taken up by a sync, or were taken up by
 * somebody's sync since oks_engine_changes_seen. The engine's own, the same at each call. It costs nothing
 * before the first call. -errno: there is none to be had.
 */
int oks_engine_change_fd(struct oks_engine *engine);

/* To be called before the sync that looks. */
void oks_engine_changes_seen(struct oks_engine *engine);

/*
 * Whether changes are possible that the descriptor does not tell of: somewhere only stat can see them, so who
 * wants to know has to sync now and then.
 */
bool oks_engine_needs_polling(struct oks_engine *engine);

/*
 * Whether answers about the target hold everything that is known to have changed: a sync would only find what
 * nobody has noticed yet. `found_only` as in oks_engine_sync. Never waits for a scan.
 */
bool oks_engine_is_settled(struct oks_engine *engine, const struct oks_target *target, bool found_only);

#endif
