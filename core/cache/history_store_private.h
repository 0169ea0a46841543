/*
 * The parts of the history store (private to its files; the interface is history_store.h).
 *
 * Two locks: `io` for whoever reads or writes the log, `lock` for index and queue. Neither `put` nor `facts`
 * takes `io`.
 *
 * Invariants: pieces [0, n_shed) of a file are lost, the others its live part: one WHOLE and the MOREs that
 * continue it. A piece is in the queue (`waiting` is not NULL) or in the log.
 */
#ifndef OKSTRAFS_CACHE_HISTORY_STORE_PRIVATE_H
#define OKSTRAFS_CACHE_HISTORY_STORE_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "cache/history_store.h"

#define HISTORY_MARK    "\xffokshist" /* begins a record: its first byte is in no UTF-8 */
#define HISTORY_LOG     "log"
#define HISTORY_NEW_LOG "log.new"

enum {
    HISTORY_MARK_BYTES = 8,     /* without the NUL */
    HISTORY_ORDER = 0x01020304, /* of bytes in a number */
    HISTORY_PATH_MAX = 65536,   /* bytes of a path */
};

struct record_head {
    char mark[HISTORY_MARK_BYTES];
    uint32_t order;
    uint32_t kind;
    uint32_t path_len, identity_len;
    uint64_t payload_len;
    uint64_t from; /* MORE: the cursor of the part that it continues */
    uint64_t offset, dev, ino;
    uint8_t identity[OKS_SHA256_BYTES];
    uint8_t sha256[OKS_SHA256_BYTES]; /* of all before, and the path */
};

/*
 * A record that is not in the log yet. Additions to one file are gathered in one state, which becomes the
 * payload when the record is written or read.
 */
struct waiting {
    struct record_head head;
    char *path, *payload;
    struct oks_state *gathered; /* NULL: the payload is made */
    uint64_t queued;            /* what it counts in queued_bytes */
    bool in_log, forgotten;     /* see history_catch_up() */
    TAILQ_ENTRY(waiting) next;
};

struct piece {
    uint64_t at, len; /* of the payload in the log */
    struct waiting *waiting;
    bool more; /* it goes on from the piece before it */
};

struct history_file {
    char *path;
    struct piece *pieces;
    size_t n, n_shed, room;
    struct history_facts facts;
    bool in_log; /* the log has a record of it, whatever waits */
};

struct history_store {
    char *home;
    bool writes;
    pthread_mutex_t io; /* protects the next six */
    int fd;             /* the log; -1: none yet */
    uint64_t end;       /* of the last whole record that was read */
    bool partial;       /* the index lacks something: all of the log is read again */
    bool another;       /* another log than the one that the index is of, and not read yet */
    bool unsynced;
    struct stat forgotten; /* the marker of `okstrafs forget` when the log was last read */
    pthread_mutex_t lock;  /* protects what follows; taken after io */
    void *files;           /* tsearch tree by path */
    TAILQ_HEAD(waiting_queue, waiting) queue;
    uint64_t queued_bytes;
    bool adopted;
    uint64_t bytes; /* of the log */
    uint64_t used;  /* of these, payloads that still count */
};

/* --- history_store.c --- */

void history_gathered_free(struct waiting *w);
void history_waiting_free(struct waiting *w);
/* Takes a record out of the queue. Under `lock`. */
void history_waiting_end(struct history_store *s, struct waiting *w);

/* --- history_index.c: under `lock` --- */

void history_files_free(void *files);
void history_index_clear(struct history_store *s);
struct history_file *history_file_of(const struct history_store *s, const char *path);
void history_set_facts(struct history_file *f, const struct record_head *h);
/* What one record does to the file's pieces: all of it, or nothing and -ENOMEM. */
int history_apply_to(struct history_store *s, struct history_file *f, const struct record_head *h,
                     const struct piece *piece);
/* What one record does to the index. 0 or -ENOMEM */
int history_apply(struct history_store *s, const char *path, const struct record_head *h,
                  const struct piece *piece);
int history_apply_waiting(struct history_store *s, struct waiting *w);
bool history_is_state(const struct history_facts *facts, const struct oks_state *state);

/* --- history_log.c: under `io` --- */

int history_open_folder(const struct history_store *s, bool create);
/* Opens the log if another one is in its place than the one that is open. 1: another one is open now. */
int history_open_log(struct history_store *s, int folder, bool create);
/* Brings the index up to the log. `reopened`: it is another log, so all of it is read. */
int history_catch_up(struct history_store *s, bool reopened);
/* Completes the head with its checksum. */
int history_write_record(int fd, struct record_head *h, const char *path, const char *payload);
/* Opens and locks the log that is in force, with the index up to it. */
int history_begin_writing(struct history_store *s, int folder);

/* --- history_pieces.c --- */

/* Adds the pieces of a live part to its state. Under `io`. */
int history_read_live(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *live);
/* Makes the payload of a record that is still gathered. Under `lock`. 0, -ENOMEM or -EFBIG */
int history_render(struct history_store *s, struct waiting *w, struct piece *piece);
/* The last piece, if additions are gathered in it. */
struct piece *history_gathering(const struct history_file *f);
/*
 * The same of a lost part. Its pieces are versions of the file, one after the other; what was added to one
 * belongs to it. Under `io`.
 */
int history_read_lost(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *lost);

/* --- history_queue.c --- */

void history_head_fill(struct record_head *h, enum history_kind kind, const char *path,
                       const struct oks_state *state, size_t payload_len);
/* Writes what waits, or some of it. */
int history_write_queue(struct history_store *s, bool all);

#endif
