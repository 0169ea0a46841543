/* What the files of the cache share among themselves. Private to the core. The format: docs/format.md. */
#ifndef OKS_CORE_CACHE_PARTS_H
#define OKS_CORE_CACHE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "cache/cache.h"
#include "history/request_ids.h"
#include "history/state.h"

enum {
    OKS_CACHE_SCHEMA = 1,
    OKS_CACHE_ADDITION = 5, /* version of the key `okstrafs` */
    OKS_CACHE_NEEDLES = 16, /* as many as okstra's collector keeps */
};

/* The last bytes of a file written here: SEAL, 64 hex digits, SEAL_END. */
#define OKS_CACHE_SEAL     ",\"sha256\":\""
#define OKS_CACHE_SEAL_END "\"}}\n"

struct oks_cache_key {
    char text[12]; /* "key": with its quotes and colon */
    unsigned len;
    enum oks_column column;
};

/* The counts of an event under the names and in the order of okstra's collector; `t` comes behind them. */
extern const struct oks_cache_key oks_cache_keys[OKS_COLUMNS];

/* --- cache_requests.c --- */

/* A request as the numbers of a row, in the order of the file. */
enum oks_cache_request {
    REQUEST_MODEL,
    REQUEST_AGENT,
    REQUEST_FLAGS,
    REQUEST_FIRST,
    REQUEST_LINE,
    REQUEST_HISTORY,
    REQUEST_INPUT,
    REQUEST_OUTPUT,
    REQUEST_CACHE_5M,
    REQUEST_CACHE_1H,
    REQUEST_CACHE_READ,
    REQUEST_WEB_SEARCHES,
    REQUEST_TOOL_USES,
    REQUEST_NUMBERS,
};

struct oks_requests;

/* `,"requests":{...}` */
void oks_cache_put_requests(struct oks_bytes *bytes, const struct oks_requests *requests);

struct oks_cache_row {
    struct oks_slice message_id, request_id, stamp; /* ptr NULL: null */
    uint64_t key;
    uint64_t number[REQUEST_NUMBERS];
};

/* Appends the row; `models` and `agents` are the lists that its numbers point into. 0, OKS_CACHE_MISS,
 * -ENOMEM. */
int oks_cache_take_request(struct oks_requests *to, const struct oks_cache_row *row,
                           const struct oks_strings *models, const struct oks_strings *agents);

/* --- the parts of a file --- */

/* malloc'ed bytes of the whole file; -ENOMEM, -EFBIG, -EIO. */
int oks_cache_render(const struct oks_state *state, char **out, size_t *len);

/* True where the file was written here and is as it was written. */
bool oks_cache_sealed(const char *bytes, size_t len);

/*
 * These fill an empty, initialised state. OKS_CACHE_HIT, OKS_CACHE_MISS or -ENOMEM; after the latter two the
 * state holds something undefined that can be cleared. parse_ours takes only what oks_cache_render writes,
 * and decodes in place; both need bytes[len] to be readable and 0.
 */
int oks_cache_parse_ours(char *bytes, size_t len, struct oks_state *state);
int oks_cache_parse_foreign(char *bytes, size_t len, struct oks_state *state);

/* Calls fn for the ids of rows [from, to), without building a state; bytes as for parse_ours. 0,
 * OKS_CACHE_MISS, or the first non-zero value of fn. */
int oks_cache_parse_ids(char *bytes, size_t len, size_t from, size_t to, request_id_fn *fn, void *ctx);

/* --- cache_folder.c --- */

/*
 * A descriptor of <home>/<sub[0]>/<sub[1]>/<folder>, where an empty sub is left out; only <home> may be
 * reached through a symlink. With `create`, what is missing is made, 0700. -EPERM where one of them belongs
 * to another user.
 */
int oks_cache_folder_open(const char *home, char *const sub[2], const char *folder, bool create);

/* Writes a new entry in place of the old one. *now becomes the file system's idea of the present, in seconds.
 */
int oks_cache_replace(int folder, const char *name, const char *bytes, size_t len, int64_t *now);

/* Removes what interrupted savers left in the folder more than an hour before `now`. */
void oks_cache_sweep(int folder, int64_t now);

#endif
