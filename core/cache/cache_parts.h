/* What the files of the cache share among themselves. Private to the core. The format: docs/format.md. */
#ifndef OKS_CORE_CACHE_PARTS_H
#define OKS_CORE_CACHE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cache/cache.h"
#include "history/request_ids.h"
#include "history/state.h"

enum {
    OKS_CACHE_SCHEMA = 1,
    OKS_CACHE_ADDITION = 7, /* version of the key `okstrafs` */
    OKS_CACHE_OLDEST = 4,   /* the oldest one that is still read where the transcript is gone */
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

/* --- cache_event_places.c --- */

/* What stands in front of each list. */
extern const char *const oks_cache_event_keys[OKS_LABELS];

/* `,"eventModels":[...]` and the like: runs of a number of events with a count, and their place in the
 * label's list; none if that is always the first. */
void oks_cache_put_event_places(struct oks_bytes *bytes, const struct oks_state *state, enum oks_label label);

/* What is read of it. All 0: nothing yet. */
struct oks_event_places {
    struct oks_event_run {
        uint64_t n;
        uint8_t place;
    } * runs;
    size_t len, room;
    size_t at;     /* while they are assigned */
    bool short_of; /* then: there were more events */
};

/* The next number of the list. 0, OKS_CACHE_MISS, -ENOMEM */
int oks_cache_take_event_place(struct oks_event_places *m, bool is_place, uint64_t number);
/* Gives the state's events their places, after the list of names; frees the runs. 0, OKS_CACHE_MISS, -ENOMEM
 */
int oks_cache_assign_event_places(struct oks_event_places *m, struct oks_state *state, enum oks_label label);

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
    REQUEST_CONTEXT,
    REQUEST_TAG,
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

/* Brings a row of version 4, which has no context, into today's form. */
void oks_cache_row_of_version_4(struct oks_cache_row *row);

/* The lists that the numbers of rows point into. */
struct oks_cache_names {
    struct oks_strings models, agents, tags;
};

/* Appends the row. 0, OKS_CACHE_MISS, -ENOMEM. */
int oks_cache_take_request(struct oks_requests *to, const struct oks_cache_row *row,
                           const struct oks_cache_names *names);

/* --- the parts of a file --- */

/* True where the file was written here and is as it was written. */
bool oks_cache_sealed(const char *bytes, size_t len);

/*
 * These fill an empty, initialised state. OKS_CACHE_HIT, OKS_CACHE_MISS or -ENOMEM; after the latter two the
 * state holds something undefined that can be cleared. parse_ours takes only what oks_cache_render writes,
 * and decodes in place; both need bytes[len] to be readable and 0.
 */
int oks_cache_parse_ours(char *bytes, size_t len, struct oks_state *state);
int oks_cache_parse_foreign(char *bytes, size_t len, struct oks_state *state);

/*
 * The same for what no transcript can give again: entries of deleted transcripts, and the history store. The
 * seal is checked here, and the layouts of earlier versions are read as well.
 */
int oks_cache_parse_kept(char *bytes, size_t len, struct oks_state *state);

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

/* For a file that is written step by step: its descriptor, and a random name that did not exist. */
enum { OKS_CACHE_TEMP_NAME = 40 };

int oks_cache_temp(int folder, char name[OKS_CACHE_TEMP_NAME]);
int oks_cache_write_all(int fd, const char *bytes, size_t len); /* 0 or a negative errno */

/* --- cache_pack.c --- */

#define OKS_CACHE_OWN_FOLDER ".okstrafs" /* in the cache; an escaped name never begins with a dot */

enum { OKS_CACHE_PACKED_MAX = 16 << 10 }; /* bytes of an entry; a larger one is a file of its own */

/* Where the cache is: see oks_cache_folder_open(). */
struct oks_cache_place {
    char *home;
    char *sub[2];
};

struct packs;

struct pack_item {
    const char *folder, *name; /* of the entry */
    const char *part, *file;   /* as a folder and a file of their own would be called */
    const char *bytes;
    size_t len;
};

/* Not thread safe: the cache's lock covers all of it. */
int packs_new(struct packs **out); /* -ENOMEM */
void packs_free(struct packs *packs);

/* malloc'ed bytes with a NUL behind them. 0, OKS_CACHE_MISS, -ENOMEM */
int packs_slurp(struct packs *packs, const struct oks_cache_place *place, const char *folder,
                const char *name, char **out, size_t *len);
int packs_remove(struct packs *packs, const struct oks_cache_place *place, const char *folder,
                 const char *name); /* 0, -ENOENT, ... */
int packs_stat(struct packs *packs, const struct oks_cache_place *place, const char *folder, const char *name,
               struct stat *st); /* of the pack; 0, -ENOENT, ... */
/* Appends folder and name of each entry, each with a NUL. */
int packs_list(struct packs *packs, const struct oks_cache_place *place, struct oks_bytes *out);

/* Begins a pack. 1: none can be made, so entries become files. */
int packs_begin(struct packs *packs, const struct oks_cache_place *place);
/* 0: added; 1: it must be a file of its own; or a negative errno */
int packs_add(struct packs *packs, const struct oks_cache_place *place, const struct pack_item *item);
int packs_end(struct packs *packs, const struct oks_cache_place *place);

#endif
