/*
 * The tree that the mount shows: one table of nodes drives lookup, readdir, getattr and open, with and
 * without FUSE.
 *
 * Documents are rendered from the engine when they are needed. Thread safe, as far as each node is used by
 * one thread at a time.
 */
#ifndef OKSTRAFS_FS_TREE_TREE_H
#define OKSTRAFS_FS_TREE_TREE_H

#include "tree/node.h"

/* The root directory. */
void tree_root(struct node *out);

/*
 * The child of a directory, brought up to date as far as the answer needs it. -ENOENT, -ENOTDIR, -ENOMEM,
 * -ECANCELED.
 */
int tree_lookup(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                const atomic_bool *cancel, struct node *out);

/*
 * What has to be synced so that answers about a node are right: nothing; what OKS_ALL finds; the node's
 * target; or everything.
 */
enum tree_need { NEED_NOTHING, NEED_FOUND, NEED_TARGET, NEED_ALL };

enum tree_need tree_need(const struct node *node);
/* Whether all that is known to have changed is in the answers about a node. */
bool tree_is_settled(struct oks_engine *engine, const struct node *node);

/* Whether the data decides what is in a directory. */
bool tree_has_list(const struct node *dir);
/* Whether the watchers of a directory are told of its fixed files, even if nobody has looked those up. */
bool tree_announces_files(const struct node *dir);
/* Calls fn with the name of each such file. */
int tree_each_file(struct oks_engine *engine, const struct node *dir, int (*fn)(void *ctx, const char *name),
                   void *ctx);
/* Whether what a directory is about is known to be there: as far as a sync of the folder above has told. */
bool tree_is_known(struct oks_engine *engine, const struct node *dir);
/* That sync. 0, or -errno as of tree_lookup. */
int tree_sync_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel);
/* The child of that name in a directory's list, whether it is still there or not: the node that tree_lookup
 * gives, without a look at the data. -ENOENT: such a directory lists nothing. */
int tree_listed(const struct node *dir, const char *name, struct node *out);

/* Calls fn for each child of a directory. 0, -errno, or the first non-zero value of fn. */
int tree_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel,
              int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx);
/* The same from what is known, without a sync; of a directory that has a list. */
int tree_list_known(struct oks_engine *engine, const struct node *dir,
                    int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx);
/* Changes whenever the list of a directory does, as far as that can be told without making it; else 0. */
uint64_t tree_list_version(struct oks_engine *engine, const struct node *dir);

/*
 * The version of a file's content after bringing its target up to date: while it stays, so does the content.
 * 0: the content must be rendered to know it. A window relative to now also follows the clock. -ENOENT where
 * the file is gone.
 */
int tree_version(struct oks_engine *engine, const struct node *file, const atomic_bool *cancel,
                 uint64_t *version);

/* The same from what is known, without a sync. */
int tree_version_known(struct oks_engine *engine, const struct node *file, uint64_t *version);

/* Whether it is an append-only file. tree_render gives all of it as well, but not always in the same order.
 */
bool tree_is_stream(const struct node *file);

/* Whether the content changes with the clock alone. */
bool tree_follows_clock(const struct node *file);

/* The content of a file as of now_ms. Call tree_version (or tree_lookup and tree_version) before: this does
 * not sync. */
int tree_render(struct oks_engine *engine, const struct node *file, int64_t now_ms, struct oks_document *out);

#endif
