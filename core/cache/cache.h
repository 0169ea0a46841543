/*
 * Cache files: $OKSTRA_HOME/cache/token-usage/<folder>/<name>.json, schemaVersion 1 of okstra's collector.
 *
 * okstra's collector resumes from a file written here, and the reverse. What only okstrafs needs stands under
 * the one extra top-level key `okstrafs` (docs/format.md). A cache is derived data: whatever is wrong with a
 * file, loading it is a miss, never an error; and a failure to save never changes an answer.
 */
#ifndef OKSTRAFS_CACHE_CACHE_H
#define OKSTRAFS_CACHE_CACHE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/text.h"
#include "history/request_ids.h"
#include "history/state.h"

enum { OKS_CACHE_HIT = 0, OKS_CACHE_MISS = 1 };

/* Below $OKSTRA_HOME. */

#define OKS_CACHE_BYTES_MAX OKS_BYTES_MAX /* a larger file is a miss */

struct oks_cache;

/*
 * `root` is $OKSTRA_HOME/cache/token-usage. Nothing is created before the first save. 0 or -ENOMEM.
 * Thread safe: loads and saves of different entries may run at once.
 */
int oks_cache_new(struct oks_cache **out, const char *root);
void oks_cache_free(struct oks_cache *cache);

/*
 * OKS_CACHE_HIT fills *state (initialised by the caller, replaced wholly); OKS_CACHE_MISS leaves it alone: no
 * file, not a regular file of ours (owner, symlink, FIFO), too large, torn, another schema, a wrong checksum,
 * wrong types. `folder` and `name` are single path components, already escaped by oks_name_escape. -ENOMEM.
 * The caller still compares the identity with the transcript.
 */
int oks_cache_load(struct oks_cache *cache, const char *folder, const char *name, struct oks_state *state);
/* The same for a deleted transcript, which cannot be scanned: layouts of earlier versions are hits, too. */
int oks_cache_load_kept(struct oks_cache *cache, const char *folder, const char *name,
                        struct oks_state *state);

/*
 * Writes the entry: temporary file in the same folder (created exclusively, 0600, random name; folders 0700,
 * never through a symlink), fsync, rename. The folder is not synced: after a loss of power the old entry is
 * there or the new one, and either is whole. 0 or a negative errno; on failure the old entry stays and the
 * temporary file is gone. -EPERM: a folder belongs to another user; -EFBIG: over OKS_CACHE_BYTES_MAX.
 */
int oks_cache_save(struct oks_cache *cache, const char *folder, const char *name,
                   const struct oks_state *state);
/* The same in two steps: malloc'ed bytes of the whole file (-ENOMEM, -EFBIG, -EIO), and saving them. */
int oks_cache_render(const struct oks_state *state, char **out, size_t *len);
int oks_cache_save_rendered(struct oks_cache *cache, const char *folder, const char *name, const char *bytes,
                            size_t len);

/*
 * For a program that ends with many entries to save: between the two calls, small entries that are new go
 * into one file (cache_pack.c), because to create a file for each would take longer than to read their
 * transcripts. If the second call fails, none of them was saved. 0 or a negative errno.
 */
int oks_cache_batch_begin(struct oks_cache *cache);
int oks_cache_batch_end(struct oks_cache *cache);

/* Removes an entry. 0, -ENOENT, ... */
int oks_cache_remove(struct oks_cache *cache, const char *folder, const char *name);
/* What the file system says of an entry. 0, -ENOENT, ... */
int oks_cache_entry_stat(struct oks_cache *cache, const char *folder, const char *name, struct stat *st);
/* Calls fn with each entry, in no order; folders that begin with a dot are left out. Stops at the first
 * non-zero value and returns it. What cannot be listed has no entries. */
int oks_cache_list(struct oks_cache *cache, int (*fn)(void *ctx, const char *folder, const char *name),
                   void *ctx);

/*
 * The same for a file of other content, under its own name: a descriptor to read it (*size: its bytes),
 * -ENOENT or -ENOMEM; what is in it is the caller's to check.
 */
int oks_cache_open(struct oks_cache *cache, const char *folder, const char *name, uint64_t *size);
int oks_cache_save_bytes(struct oks_cache *cache, const char *folder, const char *name, const char *bytes,
                         size_t len);

/*
 * Calls fn with the ids of the rows [from, to) of an entry, in order; ids are absent where it has none. Rows
 * that the entry does not have are passed over. 0, OKS_CACHE_MISS (as oks_cache_load), -ENOMEM, or the first
 * non-zero value of fn, which should be negative.
 */
int oks_cache_each_id(struct oks_cache *cache, const char *folder, const char *name, size_t from, size_t to,
                      request_id_fn *fn, void *ctx);

#endif
