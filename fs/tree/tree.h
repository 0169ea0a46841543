/*
 * The tree that the mount shows: one table of nodes drives lookup, readdir, getattr and open, with FUSE and
 * without.
 *
 *     tree_root(&root);
 *     rc = tree_lookup(engine, &root, "status.json", now_ms, NULL, &file);
 *     rc = tree_version(engine, &file, NULL, &version);
 *     rc = tree_render(engine, &file, now_ms, &document);
 *     node_clear(&file);
 *
 * Thread safe, if each node is used by one thread at a time.
 */
#ifndef OKSTRAFS_FS_TREE_TREE_H
#define OKSTRAFS_FS_TREE_TREE_H

#include "okstrafs/stream.h"
#include "tree/node.h"

/* The root directory. */
void tree_root(struct node *out);

/*
 * The child of a directory; syncs what the answer depends on. 0, -ENOENT, -ENOTDIR, -ENOMEM, -ECANCELED.
 */
int tree_lookup(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                const atomic_bool *cancel, struct node *out);

/*
 * What has to be synced before a node is used: nothing; OKS_ALL with found_only; the node's target; or
 * everything.
 */
enum tree_need { NEED_NOTHING, NEED_FOUND, NEED_TARGET, NEED_ALL };

enum tree_need tree_need(const struct node *node);
/*
 * Whether the file shows how far scans have come, and waits for none. A program that reads once must scan
 * before.
 */
bool tree_shows_scan(const struct node *file);
/* Whether a sync of the node's target would only find changes that are not known yet. */
bool tree_is_settled(struct oks_engine *engine, const struct node *node);

/* Of a directory with a list of everything: the kind of its children's targets; else OKS_ALL. */
enum oks_kind tree_list_kind(const struct node *dir);
/*
 * Whether an export takes the file or directory only by its name: it has no bound on its size, or transcripts
 * are read for it.
 */
bool tree_is_named_only(const struct node *node);

/* Whether a directory's children depend on the data. */
bool tree_has_list(const struct node *dir);
/* Whether a directory's watchers are notified of its fixed files, even if those were never looked up. */
bool tree_announces_files(const struct node *dir);
/* Calls fn with the name of each such file. */
int tree_each_file(struct oks_engine *engine, const struct node *dir, int (*fn)(void *ctx, const char *name),
                   void *ctx);
/* Whether a directory's target exists, by what the last sync of the folder above found. */
bool tree_is_known(struct oks_engine *engine, const struct node *dir);
/* That sync. 0, or a negative errno of tree_lookup(). */
int tree_sync_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel);
/*
 * The child of that name in a directory's list: the same node as of tree_lookup(), without checking that it
 * exists. -ENOENT: such a directory has no list.
 */
int tree_listed(struct oks_engine *engine, const struct node *dir, const char *name, struct node *out);
/* The child of a directory without a sync: of a listed name as tree_listed(), without other spellings. */
int tree_lookup_known(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                      struct node *out);

/* Calls fn for each child of a directory. 0, -errno, or the first non-zero value of fn. */
int tree_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel,
              int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx);
/* The same from the last sync. */
int tree_list_known(struct oks_engine *engine, const struct node *dir,
                    int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx);
/* Changes whenever the directory's list does, if that can be known without making it; else 0. */
uint64_t tree_list_version(struct oks_engine *engine, const struct node *dir);

/*
 * Syncs, and returns the version of a file's content: equal versions mean equal content. 0: the content must
 * be rendered to know it. A window relative to now also changes with the clock. -ENOENT: no such file any
 * more.
 */
int tree_version(struct oks_engine *engine, const struct node *file, const atomic_bool *cancel,
                 uint64_t *version);

/* The same from the last sync. */
int tree_version_known(struct oks_engine *engine, const struct node *file, uint64_t *version);

/*
 * Whether the file is append-only. tree_render() also renders it as a whole, though not always in the same
 * order.
 */
bool tree_is_stream(const struct node *file);
/* Of an append-only file: a fresh cursor. */
struct oks_stream_cursor tree_stream_cursor(const struct node *file);

/* Whether the content changes with the clock alone. */
bool tree_follows_clock(const struct node *file);

/* Whether it does so at the ends of local days only. */
bool tree_follows_day(const struct node *file);

/* Renders a file as of now_ms. Call tree_version() before: this does not sync. */
int tree_render(struct oks_engine *engine, const struct node *file, int64_t now_ms, struct oks_document *out);

#endif
