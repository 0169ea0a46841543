/*
 * Which folders of hosts (okstrafs.json) cannot be read now, for `okstrafs doctor`.
 */
#ifndef OKSTRAFS_INTERNAL_AWAY_H
#define OKSTRAFS_INTERNAL_AWAY_H

#include "okstrafs/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls fn for each folder of each host; `reason` is NULL if something of an agent is there. Sync OKS_ALL
 * first. `fn` must not call the engine. The first non-zero value of fn, or 0.
 */
int oks_engine_host_folders(struct oks_engine *engine,
                            int (*fn)(void *ctx, const char *host, const char *folder, const char *reason),
                            void *ctx);

#ifdef __cplusplus
}
#endif

#endif
