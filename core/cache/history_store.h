/*
 * The history store: what transcripts said that no transcript may say any more.
 *
 * One file, $OKSTRA_HOME/okstrafs/history/log, to which records are appended. A record has a kind, the path
 * of a transcript, and for some kinds a state in the layout of a cache file (docs/format.md). The records of
 * one path, in order, say what its file holds (the live part) and what earlier versions of the file held (the
 * lost part). Requests of both are counted, events of the live part alone.
 *
 *     history_store_new(&store, okstra_home, writes);
 *     history_store_read(store);                           // once, and when others may have written
 *     history_store_facts(store, path, &facts);            // from memory
 *     history_store_load(store, path, &live, &lost);       // from the file
 *     history_store_put(store, HISTORY_LOST, path, state); // into memory, and counted from now on
 *     history_store_flush(store);                          // into the file
 *     history_store_sync(store, false);                    // onto the disk
 *
 * A record that is torn or damaged is passed over, up to the next whole one. Thread safe. Its lock is a leaf.
 * facts, put and each never wait for the disk.
 */
#ifndef OKSTRAFS_CACHE_HISTORY_STORE_H
#define OKSTRAFS_CACHE_HISTORY_STORE_H

#include <stdbool.h>

#include "history/request_ids.h"
#include "history/state.h"

struct history_store;

enum history_kind {
    HISTORY_WHOLE = 1, /* state: all that the file holds; replaces the live part */
    HISTORY_MORE,      /* state: what was appended to the file since the live part's cursor */
    HISTORY_SHED,      /* the file has another content, or is gone: the live part becomes lost */
    HISTORY_LOST,      /* state: a lost part */
    HISTORY_MOVED,     /* the file has another name now: there is no live part */
    HISTORY_FORGOTTEN, /* there is nothing */
    HISTORY_ADOPTED,   /* no path: caches of deleted transcripts were taken over */
    HISTORY_KINDS,
};

/* What the live part says of the file. */
struct history_facts {
    bool live; /* there is one; else the rest is zero */
    bool lost; /* there is a lost part */
    uint64_t offset, dev, ino;
    struct oks_identity identity;
};

/* `writes`: false: nothing is written, records stay in memory. 0 or -ENOMEM */
int history_store_new(struct history_store **out, const char *okstra_home, bool writes);
void history_store_free(struct history_store *store);

/* Reads what was appended to the file; all of it if it was replaced. A missing file is empty. 0 or -errno */
int history_store_read(struct history_store *store);
bool history_store_adopted(struct history_store *store);

void history_store_facts(struct history_store *store, const char *path, struct history_facts *out);
/* Whether the live part is the state, up to its cursor. */
bool history_store_has(struct history_store *store, const char *path, const struct oks_state *state);
/* Whether the live part has so many additions that writing all of it again is better. */
bool history_store_wants_whole(struct history_store *store, const char *path);
/* Calls fn for each path that has a part, ascending. Stops at the first non-zero value and returns it. */
int history_store_each(struct history_store *store,
                       int (*fn)(void *ctx, const char *path, const struct history_facts *facts), void *ctx);

/*
 * Fills two states, initialised by the caller: the live part; and of the lost part the requests, teams,
 * working directories and the session's id. NULL: not needed. Damaged records are left out. 0, -ENOMEM or
 * -errno
 */
int history_store_load(struct history_store *store, const char *path, struct oks_state *live,
                       struct oks_state *lost);
/* Calls fn with the ids of rows [from, to) of the live part. 0, a negative errno or what fn returned. */
int history_store_each_id(struct history_store *store, const char *path, size_t from, size_t to,
                          request_id_fn *fn, void *ctx);

/* Not HISTORY_MORE. `state` for the kinds that have one, else NULL. 0; -ENOMEM, -ENOSPC: too much waits to be
 * written */
int history_store_put(struct history_store *store, enum history_kind kind, const char *path,
                      const struct oks_state *state);
/* HISTORY_MORE, if the live part is `before`; else -ESTALE. */
int history_store_put_more(struct history_store *store, const char *path, const struct oks_state *before,
                           const struct oks_state *gain);
/* A whole state that is rendered already (oks_cache_render). */
int history_store_put_rendered(struct history_store *store, const char *path, const struct oks_state *state,
                               const char *bytes, size_t len);
bool history_store_waits(struct history_store *store); /* whether a flush or a sync would write something */
int history_store_flush(struct history_store *store);
/* Also rewrites the file without what no longer counts, when that is most of it; `compact`: in any case. */
int history_store_sync(struct history_store *store, bool compact);
uint64_t history_store_bytes(struct history_store *store); /* of the file */

/* What the file system says of the marker that `okstrafs forget` replaces, and that replacement. 0 or -errno
 */
struct stat;
int history_store_marker(struct history_store *store, struct stat *st);
int history_store_mark(struct history_store *store);
#define HISTORY_MARKER "forgotten" /* in its folder */

/* No file: the lost part of this path has the requests that left (streams/stream.h). */
#define HISTORY_LEFT "left:"

#endif
