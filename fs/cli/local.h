/* okstrafs cat and okstrafs ls: the tree without FUSE. Each command returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_LOCAL_H
#define OKSTRAFS_FS_CLI_LOCAL_H

#include "cli/options.h"

/*
 * An engine for a program that answers and exits; it is never freed, because the kernel frees faster. False:
 * a message was printed.
 */
bool local_engine(const struct options *options, struct oks_engine **out);
/* Writes out what was printed; prints why not. `error`: the errno of a print that failed, or 0. */
bool local_flush(int error);
/*
 * After a sync of OKS_ALL: messages about transcripts that cannot be read, or where they were looked for if
 * there are none. Whether any cannot be read.
 */
bool local_say_what_is_missing(const struct options *options, struct oks_engine *engine);

/* The path below the mount's root, of one that may begin with the mountpoint. */
const char *local_below_mount(const struct options *options, const char *path);

int cat_run(const struct options *options);
int ls_run(const struct options *options);

#endif
