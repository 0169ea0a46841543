/*
 * The log of the history store, and its index in memory.
 *
 * A record is a head, the path, and the payload. The head has a checksum over itself and the path; the
 * payload is a cache file's content with its own seal. So a start reads heads only, and a torn or damaged
 * record is found when it is read. The search for the next record goes by its mark, which begins with a byte
 * that is in no UTF-8.
 *
 * Writers take flock(2) on the log. They cut off a torn record at its end, and append what waits. A writer
 * that finds records of another program reads those first. A compaction writes a new log beside the old one
 * and renames it; a program with the old one open sees that it has another inode.
 *
 * Two locks: `io` for whoever reads or writes the log, `lock` for index and queue. Neither `put` nor `facts`
 * takes `io`.
 *
 * Invariants: pieces [0, n_shed) of a file are lost, the others its live part: one WHOLE and the MOREs that
 * continue it. A piece is in the queue (`waiting` is not NULL) or in the log.
 */
#include "cache/history_store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/text.h"
#include "base/tree.h"
#include "cache/cache_parts.h"
#include "files/read_file.h"
#include "history/requests.h"

static const char mark[8] = "\xffokshist";
static const char log_name[] = "log", new_name[] = "log.new", marker_name[] = HISTORY_MARKER;

enum {
    ORDER = 0x01020304, /* of bytes in a number */
    PATH_BYTES_MAX = 65536,
    PAYLOAD_MAX = OKS_CACHE_BYTES_MAX,
    WAITING_MAX = 64 << 20,  /* bytes of payload that may wait to be written */
    MORES_MAX = 32,          /* additions that are always worth appending */
    COMPACT_MIN = 4 << 20,   /* a smaller log is left as it is */
    COMPACT_TIMES = 3,       /* the log is this many times what still counts */
    SEARCH_BYTES = 64 << 10, /* read at once to find the next record */
};

struct record_head {
    char mark[sizeof(mark)];
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
};

struct history_store {
    char *home;
    bool writes;
    pthread_mutex_t io; /* protects the next four */
    int fd;             /* the log; -1: none yet */
    uint64_t end;       /* of the last whole record that was read */
    bool partial;       /* the index lacks something: all of the log is read again */
    bool unsynced;
    pthread_mutex_t lock; /* protects what follows; taken after io */
    void *files;          /* tsearch tree by path */
    TAILQ_HEAD(waiting_queue, waiting) queue;
    uint64_t queued_bytes;
    bool adopted;
    uint64_t bytes; /* of the log */
    uint64_t used;  /* of these, payloads that still count */
};

/* --- life --- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct history_file *)a)->path, ((const struct history_file *)b)->path);
}

int history_store_new(struct history_store **out, const char *okstra_home, bool writes)
{
    struct history_store *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->home = strdup(okstra_home);
    if (!s->home) {
        free(s);
        return -ENOMEM;
    }
    s->writes = writes;
    s->fd = -1;
    TAILQ_INIT(&s->queue);
    pthread_mutex_init(&s->io, NULL);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return 0;
}

static void file_free(void *item)
{
    struct history_file *f = item;

    free(f->path);
    free(f->pieces);
    free(f);
}

static void gathered_free(struct waiting *w)
{
    if (w->gathered)
        oks_state_clear(w->gathered);
    free(w->gathered);
    w->gathered = NULL;
}

static void waiting_free(struct waiting *w)
{
    gathered_free(w);
    free(w->path);
    free(w->payload);
    free(w);
}

static void index_clear(struct history_store *s)
{
    tdestroy(s->files, file_free);
    s->files = NULL;
    s->adopted = false;
    s->used = 0;
}

void history_store_free(struct history_store *s)
{
    struct waiting *w;

    if (!s)
        return;
    index_clear(s);
    while ((w = TAILQ_FIRST(&s->queue))) {
        TAILQ_REMOVE(&s->queue, w, next);
        waiting_free(w);
    }
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->io);
    pthread_mutex_destroy(&s->lock);
    free(s->home);
    free(s);
}

/* --- the index; under `lock` --- */

static struct history_file *file_of(const struct history_store *s, const char *path)
{
    struct history_file key = {.path = (char *)path}, **found = tfind(&key, &s->files, by_path);

    return found ? *found : NULL;
}

static struct history_file *file_made(struct history_store *s, const char *path)
{
    struct history_file *f = file_of(s, path);

    if (f)
        return f;
    f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->path = strdup(path);
    if (f->path && tsearch(f, &s->files, by_path))
        return f;
    file_free(f);
    return NULL;
}

static void file_remove(struct history_store *s, struct history_file *f)
{
    tdelete(f, &s->files, by_path);
    file_free(f);
}

/* Removes the pieces from `first` on. */
static void cut_pieces(struct history_store *s, struct history_file *f, size_t first)
{
    while (f->n > first)
        s->used -= f->pieces[--f->n].len;
    f->n_shed = f->n_shed < first ? f->n_shed : first;
}

static void no_live(struct history_file *f)
{
    f->facts = (struct history_facts){.lost = f->n_shed > 0};
}

static void set_facts(struct history_file *f, const struct record_head *h)
{
    f->facts = (struct history_facts){.live = true,
                                      .lost = f->n_shed > 0,
                                      .offset = h->offset,
                                      .dev = h->dev,
                                      .ino = h->ino,
                                      .identity.len = h->identity_len};
    memcpy(f->facts.identity.sha256, h->identity, sizeof(h->identity));
}

/* A piece before the live ones, or behind them. There is room for it. */
static void add_piece(struct history_store *s, struct history_file *f, const struct piece *piece,
                      enum history_kind kind)
{
    bool lost = kind == HISTORY_LOST, more = kind == HISTORY_MORE;
    size_t i = lost ? f->n_shed : f->n;

    memmove(f->pieces + i + 1, f->pieces + i, (f->n - i) * sizeof(*piece));
    f->pieces[i] = *piece;
    f->pieces[i].more = more;
    f->n++;
    f->n_shed += lost;
    s->used += piece->len;
}

/* What one record does to the file's pieces: all of it, or nothing and -ENOMEM. */
static int apply_to(struct history_store *s, struct history_file *f, const struct record_head *h,
                    const struct piece *piece)
{
    if ((h->kind == HISTORY_WHOLE || h->kind == HISTORY_MORE || h->kind == HISTORY_LOST) &&
        !OKS_GROW(f->pieces, f->n, f->room)) {
        if (f->n == 0)
            file_remove(s, f);
        return -ENOMEM;
    }
    switch (h->kind) {
    case HISTORY_WHOLE:
        cut_pieces(s, f, f->n_shed);
        add_piece(s, f, piece, h->kind);
        set_facts(f, h);
        break;
    case HISTORY_MORE:
        if (!f->facts.live || f->facts.offset != h->from)
            break;
        add_piece(s, f, piece, h->kind);
        set_facts(f, h);
        break;
    case HISTORY_SHED:
        f->n_shed = f->n;
        no_live(f);
        break;
    case HISTORY_LOST:
        add_piece(s, f, piece, h->kind);
        f->facts.lost = f->n_shed > 0;
        break;
    case HISTORY_MOVED:
        cut_pieces(s, f, f->n_shed);
        no_live(f);
        break;
    case HISTORY_FORGOTTEN:
        cut_pieces(s, f, 0);
        break;
    default:
        break;
    }
    if (f->n == 0)
        file_remove(s, f);
    return 0;
}

/* What one record does to the index. 0 or -ENOMEM */
static int apply(struct history_store *s, const char *path, const struct record_head *h,
                 const struct piece *piece)
{
    bool makes = h->kind == HISTORY_WHOLE || h->kind == HISTORY_LOST;
    struct history_file *f = makes ? file_made(s, path) : file_of(s, path);

    if (h->kind == HISTORY_ADOPTED)
        s->adopted = true;
    if (!f)
        return makes ? -ENOMEM : 0;
    return apply_to(s, f, h, piece);
}

static int apply_waiting(struct history_store *s, struct waiting *w)
{
    struct piece piece = {.len = w->head.payload_len, .waiting = w};

    return apply(s, w->path, &w->head, &piece);
}

/* --- questions --- */

void history_store_facts(struct history_store *s, const char *path, struct history_facts *out)
{
    const struct history_file *f;

    pthread_mutex_lock(&s->lock);
    f = file_of(s, path);
    *out = f ? f->facts : (struct history_facts){0};
    pthread_mutex_unlock(&s->lock);
}

static bool is_state(const struct history_facts *facts, const struct oks_state *state)
{
    return facts->live && facts->offset == state->offset && facts->dev == state->dev &&
           facts->ino == state->ino && facts->identity.len == state->identity.len &&
           memcmp(facts->identity.sha256, state->identity.sha256, OKS_SHA256_BYTES) == 0;
}

bool history_store_has(struct history_store *s, const char *path, const struct oks_state *state)
{
    struct history_facts facts;

    history_store_facts(s, path, &facts);
    return is_state(&facts, state);
}

bool history_store_wants_whole(struct history_store *s, const char *path)
{
    const struct history_file *f;
    uint64_t more = 0;
    bool wants;

    pthread_mutex_lock(&s->lock);
    f = file_of(s, path);
    for (size_t i = f ? f->n_shed + 1 : 0; f && i < f->n; i++)
        more += f->pieces[i].len;
    wants = f && f->n - f->n_shed > MORES_MAX && more > f->pieces[f->n_shed].len / 2;
    pthread_mutex_unlock(&s->lock);
    return wants;
}

struct visiting {
    int (*fn)(void *ctx, const char *path, const struct history_facts *facts);
    void *ctx;
};

static int visit_file(void *ctx, void *item)
{
    const struct visiting *v = ctx;
    const struct history_file *f = item;

    return v->fn(v->ctx, f->path, &f->facts);
}

int history_store_each(struct history_store *s,
                       int (*fn)(void *ctx, const char *path, const struct history_facts *facts), void *ctx)
{
    struct visiting v = {fn, ctx};
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = oks_tree_until(s->files, visit_file, &v);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool history_store_adopted(struct history_store *s)
{
    bool adopted;

    pthread_mutex_lock(&s->lock);
    adopted = s->adopted;
    pthread_mutex_unlock(&s->lock);
    return adopted;
}

uint64_t history_store_bytes(struct history_store *s)
{
    uint64_t bytes;

    pthread_mutex_lock(&s->lock);
    bytes = s->bytes;
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

/* --- reading the log; under `io` --- */

/* The checksum of a head: `head` without its checksum, then the path. */
static int head_hash(const struct record_head *h, const char *path, uint8_t out[OKS_SHA256_BYTES])
{
    size_t n = offsetof(struct record_head, sha256);
    char *bytes = malloc(n + h->path_len);
    int rc;

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, h, n);
    memcpy(bytes + n, path, h->path_len);
    rc = oks_sha256(bytes, n + h->path_len, out);
    free(bytes);
    return rc;
}

/* Reads the head and the path at an offset of a log of `size` bytes. 1: it is whole, 0: it is not. */
static int read_head(int fd, uint64_t at, uint64_t size, struct record_head *h, char path[PATH_BYTES_MAX])
{
    uint8_t sha256[OKS_SHA256_BYTES];
    int rc;

    if (size - at < sizeof(*h))
        return 0;
    rc = read_file_at(fd, h, sizeof(*h), at);
    if (rc < 0)
        return passing(rc);
    if (memcmp(h->mark, mark, sizeof(mark)) != 0 || h->order != ORDER || h->kind == 0 ||
        h->kind >= HISTORY_KINDS || h->path_len >= PATH_BYTES_MAX || h->payload_len > PAYLOAD_MAX ||
        h->path_len + h->payload_len > size - at - sizeof(*h))
        return 0;
    rc = read_file_at(fd, path, h->path_len, at + sizeof(*h));
    if (rc < 0)
        return passing(rc);
    path[h->path_len] = '\0';
    if (strlen(path) != h->path_len)
        return 0;
    rc = head_hash(h, path, sha256);
    return rc < 0 ? rc : memcmp(sha256, h->sha256, sizeof(sha256)) == 0;
}

/* *at: the offset of the next mark from there on, or `size`. 0 or a failure that passes */
static int next_mark(int fd, uint64_t *at, uint64_t size)
{
    char *bytes = malloc(SEARCH_BYTES), *found = NULL;
    uint64_t here = *at;
    int rc = bytes ? 0 : -ENOMEM;

    while (rc == 0 && !found && size - here >= sizeof(mark)) {
        size_t n = size - here < SEARCH_BYTES ? (size_t)(size - here) : SEARCH_BYTES;

        rc = read_file_at(fd, bytes, n, here);
        if (rc < 0)
            break;
        found = memmem(bytes, n, mark, sizeof(mark));
        here += found ? (size_t)(found - bytes) : n - sizeof(mark) + 1;
    }
    free(bytes);
    *at = found ? here : size;
    return passing(rc);
}

/* Reads the records in [from, size). *end: of the last whole one. */
static int read_records(struct history_store *s, uint64_t from, uint64_t size, uint64_t *end)
{
    char *path = malloc(PATH_BYTES_MAX);
    int rc = path ? 0 : -ENOMEM;

    for (uint64_t at = from; rc == 0 && at < size;) {
        struct record_head h;
        int whole = read_head(s->fd, at, size, &h, path);

        if (whole < 0) {
            rc = whole;
        } else if (whole) {
            struct piece piece = {.at = at + sizeof(h) + h.path_len, .len = h.payload_len};

            rc = apply(s, path, &h, &piece);
            at = piece.at + piece.len;
            if (rc == 0)
                *end = at;
        } else {
            at++;
            rc = next_mark(s->fd, &at, size);
        }
    }
    free(path);
    return rc;
}

static int open_folder(const struct history_store *s, bool create)
{
    char sub[] = "okstrafs";
    char *const subs[2] = {sub, NULL};

    return oks_cache_folder_open(s->home, subs, "history", create);
}

static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & S_IWOTH);
}

/* Opens the log if another one is in its place than the one that is open. 1: another one is open now. */
static int open_log(struct history_store *s, int folder, bool create)
{
    struct stat st, open_st;
    bool there = fstatat(folder, log_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    int flags = (create ? O_RDWR | O_APPEND | O_CREAT : s->writes ? O_RDWR | O_APPEND : O_RDONLY), fd, rc;

    if (!there && is_passing(-errno))
        return -errno;
    if (there && s->fd >= 0 && fstat(s->fd, &open_st) == 0 && st.st_ino == open_st.st_ino &&
        st.st_dev == open_st.st_dev)
        return 0;
    if (!there && !create) {
        if (s->fd < 0)
            return 0;
        close(s->fd);
        s->fd = -1;
        return 1;
    }
    if (there && !is_ours(&st))
        return -EPERM;
    fd = openat(folder, log_name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0 && !create && s->writes && (errno == EACCES || errno == EROFS))
        fd = openat(folder, log_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fstat(fd, &st) < 0 ? -errno : is_ours(&st) ? 0 : -EPERM;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    if (!there)
        fsync(folder); /* its name: fdatasync(2) of the log keeps no more than what is in it */
    if (s->fd >= 0)
        close(s->fd);
    s->fd = fd;
    return 1;
}

/* Brings the index up to the log. `reopened`: it is another log, so all of it is read. */
static int catch_up(struct history_store *s, bool reopened)
{
    struct waiting *w;
    struct stat st = {0};
    int rc = 0;

    if (s->fd >= 0 && fstat(s->fd, &st) < 0)
        return -errno;
    reopened |= s->partial || (uint64_t)st.st_size < s->end;
    if (!reopened && (uint64_t)st.st_size == s->end)
        return 0;
    pthread_mutex_lock(&s->lock);
    reopened |= !TAILQ_EMPTY(&s->queue); /* what waits comes behind what others have appended */
    if (reopened) {
        index_clear(s);
        s->end = 0;
    }
    rc = s->fd >= 0 ? read_records(s, s->end, (uint64_t)st.st_size, &s->end) : 0;
    s->bytes = (uint64_t)st.st_size;
    if (reopened)
        TAILQ_FOREACH(w, &s->queue, next)
            if (rc == 0)
                rc = apply_waiting(s, w);
    s->partial = rc < 0;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int history_store_read(struct history_store *s)
{
    int folder, rc = 0;

    pthread_mutex_lock(&s->io);
    folder = open_folder(s, false);
    if (folder >= 0) {
        rc = open_log(s, folder, false);
        close(folder);
        if (rc >= 0)
            rc = catch_up(s, rc);
    } else {
        rc = passing(folder);
    }
    pthread_mutex_unlock(&s->io);
    return rc;
}

/* A state from a payload. OKS_CACHE_HIT, OKS_CACHE_MISS or a failure that passes */
static int read_piece(struct history_store *s, const struct piece *piece, struct oks_state *state)
{
    char *bytes = malloc(piece->len + 1);
    int rc = OKS_CACHE_MISS;

    if (!bytes)
        return -ENOMEM;
    if (piece->waiting) {
        memcpy(bytes, piece->waiting->payload, piece->len);
        rc = 0;
    } else if (s->fd >= 0) {
        rc = read_file_at(s->fd, bytes, piece->len, piece->at);
        rc = rc < 0 && !is_passing(rc) ? OKS_CACHE_MISS : rc;
    }
    bytes[piece->len] = '\0';
    if (rc == 0)
        rc = oks_cache_parse_kept(bytes, piece->len, state);
    free(bytes);
    return rc;
}

static int unite_names(struct oks_state *lost, struct oks_state *piece)
{
    int rc = 0;

    if (piece->reader_state) { /* later files repeat what it says, also when it is gone */
        free(lost->reader_state);
        lost->reader_state = piece->reader_state;
        piece->reader_state = NULL;
    }

    for (size_t i = 0; rc >= 0 && i < piece->teams.len; i++)
        rc = oks_strings_add_folded(&lost->teams,
                                    (struct oks_slice){piece->teams.items[i].ptr, piece->teams.items[i].len},
                                    OKS_TEAMS_MAX);
    for (size_t i = 0; rc >= 0 && i < piece->cwds.len; i++)
        rc = oks_strings_add(&lost->cwds,
                             (struct oks_slice){piece->cwds.items[i].ptr, piece->cwds.items[i].len},
                             OKS_CWDS_MAX);
    if (rc >= 0 && !lost->session_id && piece->session_id) {
        lost->session_id = strdup(piece->session_id);
        rc = lost->session_id ? 0 : -ENOMEM;
    }
    return rc == -ENOMEM ? rc : 0;
}

static int add_live(struct oks_state *live, struct oks_state *piece)
{
    if (!live->label) { /* of the whole one; what was added has none */
        live->label = piece->label;
        piece->label = NULL;
    }
    return oks_state_gain(live, piece);
}

/* Adds the pieces of a live part to its state. Under `io`. */
static int read_live(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *live)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct oks_state piece;

        rc = oks_state_init(&piece);
        if (rc < 0)
            return rc;
        rc = read_piece(s, &pieces[i], &piece);
        if (rc == OKS_CACHE_HIT)
            rc = requests_gain(live->requests, piece.requests);
        if (rc == 0)
            rc = add_live(live, &piece);
        rc = rc == OKS_CACHE_MISS ? 0 : rc;
        oks_state_clear(&piece);
    }
    return rc;
}

/* Makes the payload of a record that is still gathered. Under `lock`. 0, -ENOMEM or -EFBIG */
static int render(struct history_store *s, struct waiting *w, struct piece *piece)
{
    size_t len;
    int rc = w->gathered ? oks_cache_render(w->gathered, &w->payload, &len) : 0;

    if (rc < 0 || !w->gathered)
        return rc;
    gathered_free(w);
    w->head.payload_len = len;
    s->queued_bytes += len - w->queued;
    w->queued = len;
    if (piece) {
        s->used += len - piece->len;
        piece->len = len;
    }
    return 0;
}

/* The last piece, if additions are gathered in it. */
static struct piece *gathering(const struct history_file *f)
{
    struct piece *piece = f->n > f->n_shed ? &f->pieces[f->n - 1] : NULL;

    return piece && piece->waiting && piece->waiting->gathered ? piece : NULL;
}

static int render_gathered(struct history_store *s, struct history_file *f)
{
    for (size_t i = f->n; i-- > 0 && f->pieces[i].waiting;) {
        int rc = render(s, f->pieces[i].waiting, &f->pieces[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Adds a version of the file to what it has lost, and frees it. NULL: none. */
static int unite_version(struct oks_state *lost, struct oks_requests *version)
{
    int rc = version ? requests_unite(lost->requests, version) : 0;

    oks_requests_free(version);
    return rc;
}

/*
 * The same of a lost part. Its pieces are versions of the file, one after the other; what was added to one
 * belongs to it. Under `io`.
 */
static int read_lost(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *lost)
{
    struct oks_requests *version = NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct oks_state piece;
        int found;

        if (!pieces[i].more) {
            rc = unite_version(lost, version);
            version = NULL;
        }
        if (rc == 0)
            rc = oks_state_init(&piece);
        if (rc < 0)
            break;
        found = read_piece(s, &pieces[i], &piece);
        if (found == OKS_CACHE_HIT && version) {
            rc = requests_gain(version, piece.requests);
        } else if (found == OKS_CACHE_HIT) {
            version = piece.requests;
            piece.requests = NULL;
        }
        if (rc == 0 && found == OKS_CACHE_HIT)
            rc = unite_names(lost, &piece);
        rc = found < 0 ? found : rc;
        oks_state_clear(&piece);
    }
    if (rc == 0)
        return unite_version(lost, version);
    oks_requests_free(version);
    return rc;
}

int history_store_load(struct history_store *s, const char *path, struct oks_state *live,
                       struct oks_state *lost)
{
    struct history_file *f;
    struct piece *pieces = NULL;
    size_t n = 0, n_shed = 0;
    int rc;

    pthread_mutex_lock(&s->io); /* what waits may be written meanwhile, and freed */
    pthread_mutex_lock(&s->lock);
    f = file_of(s, path);
    rc = f ? render_gathered(s, f) : 0;
    if (f && rc == 0) {
        pieces = malloc(f->n * sizeof(*pieces));
        n = f->n;
        n_shed = f->n_shed;
        if (pieces)
            memcpy(pieces, f->pieces, n * sizeof(*pieces));
        else
            rc = -ENOMEM;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && lost)
        rc = read_lost(s, pieces, n_shed, lost);
    if (rc == 0 && live)
        rc = read_live(s, n > n_shed ? pieces + n_shed : NULL, n - n_shed, live);
    pthread_mutex_unlock(&s->io);
    free(pieces);
    return rc;
}

struct looking {
    request_id_fn *fn;
    void *ctx;
};

static int look_at_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct looking *l = ctx;

    return l->fn(l->ctx, i, row->request.key, row->message_id, row->request_id);
}

int history_store_each_id(struct history_store *s, const char *path, size_t from, size_t to,
                          request_id_fn *fn, void *ctx)
{
    struct looking l = {fn, ctx};
    struct oks_state live;
    int rc = oks_state_init(&live);

    if (rc < 0)
        return rc;
    rc = history_store_load(s, path, &live, NULL);
    if (rc == 0) {
        size_t n = requests_len(live.requests);

        rc = requests_each(live.requests, from < n ? from : n, to < n ? to : n, look_at_row, &l);
    }
    oks_state_clear(&live);
    return rc;
}

/* --- the queue --- */

static void head_describe(struct record_head *h, const struct oks_state *state)
{
    h->offset = state->offset;
    h->dev = state->dev;
    h->ino = state->ino;
    h->identity_len = state->identity.len;
    memcpy(h->identity, state->identity.sha256, sizeof(h->identity));
}

static void head_fill(struct record_head *h, enum history_kind kind, const char *path,
                      const struct oks_state *state, size_t payload_len)
{
    memset(h, 0, sizeof(*h));
    memcpy(h->mark, mark, sizeof(mark));
    h->order = ORDER;
    h->kind = kind;
    h->path_len = (uint32_t)strlen(path);
    h->payload_len = payload_len;
    if (state)
        head_describe(h, state);
}

/* Takes over the payload. NULL: -ENOMEM or -ENAMETOOLONG, in *rc. */
static struct waiting *waiting_new(enum history_kind kind, const char *path, const struct oks_state *state,
                                   char *payload, size_t len, int *rc)
{
    struct waiting *w = calloc(1, sizeof(*w));

    *rc = strlen(path) >= PATH_BYTES_MAX ? -ENAMETOOLONG : w && (w->path = strdup(path)) ? 0 : -ENOMEM;
    if (*rc < 0) {
        free(payload);
        free(w);
        return NULL;
    }
    w->payload = payload;
    w->queued = len;
    head_fill(&w->head, kind, path, state, len);
    return w;
}

static bool must_wait(const struct history_store *s, uint64_t bytes)
{
    return bytes && s->queued_bytes && s->queued_bytes + bytes > WAITING_MAX;
}

/* Takes over the record. `f`: its file, where that is known. Under `lock`. */
static int enqueue(struct history_store *s, struct history_file *f, struct waiting *w)
{
    struct piece piece = {.len = w->head.payload_len, .waiting = w};
    int rc = must_wait(s, w->queued) ? -ENOSPC : 0;

    if (rc == 0)
        rc = f ? apply_to(s, f, &w->head, &piece) : apply_waiting(s, w);
    if (rc < 0) {
        waiting_free(w);
        return rc;
    }
    TAILQ_INSERT_TAIL(&s->queue, w, next);
    s->queued_bytes += w->queued;
    return 0;
}

static int put_payload(struct history_store *s, enum history_kind kind, const char *path,
                       const struct oks_state *state, char *payload, size_t len)
{
    int rc;
    struct waiting *w = waiting_new(kind, path, state, payload, len, &rc);

    if (!w)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = enqueue(s, NULL, w);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int history_store_put(struct history_store *s, enum history_kind kind, const char *path,
                      const struct oks_state *state)
{
    char *payload = NULL;
    size_t len = 0;
    int rc = state ? oks_cache_render(state, &payload, &len) : 0;

    return rc < 0 ? rc : put_payload(s, kind, path, state, payload, len);
}

int history_store_put_rendered(struct history_store *s, const char *path, const struct oks_state *state,
                               const char *bytes, size_t len)
{
    char *payload = malloc(len);

    if (!payload)
        return -ENOMEM;
    memcpy(payload, bytes, len);
    return put_payload(s, HISTORY_WHOLE, path, state, payload, len);
}

/* A record in which additions to the file are gathered, in the queue. NULL: *rc says why. Under `lock`. */
static struct waiting *begin_gathering(struct history_store *s, struct history_file *f,
                                       const struct oks_state *before, int *rc)
{
    struct waiting *w = waiting_new(HISTORY_MORE, f->path, before, NULL, 0, rc);

    if (!w)
        return NULL;
    w->head.from = before->offset;
    w->gathered = calloc(1, sizeof(*w->gathered));
    *rc = w->gathered ? oks_state_init(w->gathered) : -ENOMEM;
    if (*rc < 0) {
        free(w->gathered);
        w->gathered = NULL;
        waiting_free(w);
        return NULL;
    }
    *rc = enqueue(s, f, w);
    return *rc < 0 ? NULL : w;
}

/* Adds to what is gathered. After a failure the file's facts are as before, and the saver writes all of it.
 */
static int gather(struct history_store *s, struct history_file *f, struct waiting *w,
                  const struct oks_state *gain, uint64_t bytes)
{
    int rc = must_wait(s, bytes) ? -ENOSPC : requests_gain(w->gathered->requests, gain->requests);

    if (rc == 0)
        rc = oks_state_gain(w->gathered, gain);
    if (rc < 0)
        return rc;
    head_describe(&w->head, gain);
    set_facts(f, &w->head);
    s->queued_bytes += bytes;
    w->queued += bytes;
    return 0;
}

/* This is done after each record that a transcript gains: one lookup, and no text is made. */
int history_store_put_more(struct history_store *s, const char *path, const struct oks_state *before,
                           const struct oks_state *gain)
{
    struct history_file *f;
    int rc = -ESTALE;

    pthread_mutex_lock(&s->lock);
    f = file_of(s, path);
    if (f && is_state(&f->facts, before)) {
        const struct piece *piece = gathering(f);
        struct waiting *w = piece ? piece->waiting : begin_gathering(s, f, before, &rc);

        if (w)
            rc = gather(s, f, w, gain, gain->offset - before->offset);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool history_store_waits(struct history_store *s)
{
    bool waits;

    pthread_mutex_lock(&s->lock);
    waits = s->writes && !TAILQ_EMPTY(&s->queue);
    pthread_mutex_unlock(&s->lock);
    return waits;
}

/* --- writing; under `io` --- */

/* Completes the head with its checksum. */
static int write_record(int fd, struct record_head *h, const char *path, const char *payload)
{
    int rc = head_hash(h, path, h->sha256);

    if (rc == 0)
        rc = oks_cache_write_all(fd, (const char *)h, sizeof(*h));

    if (rc == 0)
        rc = oks_cache_write_all(fd, path, h->path_len);
    return rc == 0 && h->payload_len ? oks_cache_write_all(fd, payload, h->payload_len) : rc;
}

static int lock_log(int fd)
{
    int rc;

    do
        rc = flock(fd, LOCK_EX);
    while (rc < 0 && errno == EINTR);
    /* A filesystem without locks: two programs at once are rare, and a torn record is noticed. */
    if (rc < 0 && (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
        return 0;
    return rc < 0 ? -errno : 0;
}

/* A torn record at the end would hide what is appended to it. Under flock(2) nobody is writing it. */
static int cut_torn(struct history_store *s)
{
    if (s->bytes == s->end)
        return 0;
    if (ftruncate(s->fd, (off_t)s->end) < 0)
        return -errno;
    pthread_mutex_lock(&s->lock);
    s->bytes = s->end;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Opens and locks the log that is in force, with the index up to it. */
static int begin_writing(struct history_store *s, int folder)
{
    int rc = open_log(s, folder, true);
    bool reopened = rc > 0;

    while (rc >= 0) {
        rc = lock_log(s->fd);
        if (rc == 0)
            rc = open_log(s, folder, true); /* a compaction may have replaced it before it was locked */
        if (rc == 0)
            break;
        reopened |= rc > 0;
    }
    if (rc == 0)
        rc = catch_up(s, reopened);
    if (rc == 0)
        rc = cut_torn(s);
    if (rc < 0 && s->fd >= 0)
        flock(s->fd, LOCK_UN);
    return rc;
}

/* The piece of a record that waits; NULL: it has none any more. */
static struct piece *piece_of(struct history_file *f, const struct waiting *w)
{
    size_t low = f->n_shed, high = f->n;

    while (low < high) { /* a live part, which may have many pieces, is written in the order of the list */
        size_t mid = low + (high - low) / 2;

        if (f->pieces[mid].waiting)
            high = mid;
        else
            low = mid + 1;
    }
    if (low < f->n && f->pieces[low].waiting == w)
        return &f->pieces[low];
    for (size_t i = 0; i < f->n; i++)
        if (f->pieces[i].waiting == w)
            return &f->pieces[i];
    return NULL;
}

static struct piece *piece_waiting(const struct history_store *s, const struct waiting *w)
{
    struct history_file *f = file_of(s, w->path);

    return f ? piece_of(f, w) : NULL;
}

/* It is in the log now. Under `lock`. */
static void was_written(struct history_store *s, struct waiting *w, uint64_t at)
{
    struct piece *piece = w->payload ? piece_waiting(s, w) : NULL;

    if (piece) {
        piece->waiting = NULL;
        piece->at = at + sizeof(w->head) + w->head.path_len;
    }
    TAILQ_REMOVE(&s->queue, w, next);
    s->queued_bytes -= w->queued;
    s->bytes += sizeof(w->head) + w->head.path_len + w->head.payload_len;
    waiting_free(w);
}

static int write_queue(struct history_store *s)
{
    int rc = 0;

    while (rc == 0) {
        struct waiting *w;

        pthread_mutex_lock(&s->lock);
        w = TAILQ_FIRST(&s->queue);
        if (w && w->gathered)
            rc = render(s, w, piece_waiting(s, w));
        pthread_mutex_unlock(&s->lock);
        if (!w || rc < 0)
            break;
        rc = write_record(s->fd, &w->head, w->path, w->payload);
        if (rc < 0) {
            if (ftruncate(s->fd, (off_t)s->end) < 0) /* else the next writer does it */
                rc = -errno;
            break;
        }
        pthread_mutex_lock(&s->lock);
        was_written(s, w, s->end);
        s->end = s->bytes;
        pthread_mutex_unlock(&s->lock);
        s->unsynced = true;
    }
    return rc;
}

int history_store_flush(struct history_store *s)
{
    int folder, rc;

    if (!history_store_waits(s))
        return 0;
    pthread_mutex_lock(&s->io);
    folder = open_folder(s, true);
    rc = folder < 0 ? folder : begin_writing(s, folder);
    if (rc == 0) {
        rc = write_queue(s);
        flock(s->fd, LOCK_UN);
    }
    if (folder >= 0)
        close(folder);
    pthread_mutex_unlock(&s->io);
    return rc;
}

/* --- compaction; under `io`, with the log locked --- */

/* The files of the index as they are when the queue is empty: all of their pieces are in the log. */
struct listed {
    struct history_file *files;
    size_t n, room;
};

static int list_file(void *ctx, void *item)
{
    const struct history_file *f = item;
    struct listed *l = ctx;
    struct history_file copy = {.n = f->n, .n_shed = f->n_shed, .facts = f->facts};

    if (!OKS_GROW(l->files, l->n, l->room))
        return -ENOMEM;
    copy.path = strdup(f->path);
    copy.pieces = malloc(f->n * sizeof(*f->pieces));
    if (!copy.path || !copy.pieces) {
        free(copy.path);
        free(copy.pieces);
        return -ENOMEM;
    }
    memcpy(copy.pieces, f->pieces, f->n * sizeof(*f->pieces));
    l->files[l->n++] = copy;
    return 0;
}

static void listed_clear(struct listed *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->files[i].path);
        free(l->files[i].pieces);
    }
    free(l->files);
}

/* `facts` and `payload` may be NULL. */
static int put_record(int fd, enum history_kind kind, const char *path, const struct history_facts *facts,
                      const char *payload, size_t len)
{
    struct oks_state state = {0};
    struct record_head h;

    if (facts) {
        state.offset = facts->offset;
        state.dev = facts->dev;
        state.ino = facts->ino;
        state.identity = facts->identity;
    }
    head_fill(&h, kind, path, &state, len);
    return write_record(fd, &h, path, payload);
}

static int put_state(int fd, enum history_kind kind, const struct history_file *f,
                     const struct oks_state *state)
{
    char *payload = NULL;
    size_t len;
    int rc = oks_cache_render(state, &payload, &len);

    if (rc == 0)
        rc = put_record(fd, kind, f->path, &f->facts, payload, len);
    free(payload);
    return rc;
}

/* Copies a live part of one piece as it is. 1: it cannot be read. */
static int copy_live(struct history_store *s, int fd, const struct history_file *f)
{
    const struct piece *piece = &f->pieces[f->n_shed];
    char *payload = malloc(piece->len + 1);
    int rc = payload ? read_file_at(s->fd, payload, piece->len, piece->at) : -ENOMEM;

    if (rc == 0)
        rc = put_record(fd, HISTORY_WHOLE, f->path, &f->facts, payload, piece->len);
    free(payload);
    return rc == -ENODATA ? 1 : rc;
}

/* Writes one record for the lost part, and one for the live part. */
static int compact_file(struct history_store *s, int fd, const struct history_file *f)
{
    struct oks_state live, lost;
    int rc = oks_state_init(&live);

    if (rc < 0)
        return rc;
    rc = oks_state_init(&lost);
    if (rc == 0)
        rc = read_lost(s, f->pieces, f->n_shed, &lost);
    if (rc == 0 && f->n_shed)
        rc = put_state(fd, HISTORY_LOST, f, &lost);
    if (rc == 0 && f->n == f->n_shed + 1) {
        rc = copy_live(s, fd, f);
    } else if (rc == 0 && f->n > f->n_shed) {
        rc = read_live(s, f->pieces + f->n_shed, f->n - f->n_shed, &live);
        if (rc == 0)
            rc = put_state(fd, HISTORY_WHOLE, f, &live);
    }
    oks_state_clear(&live);
    oks_state_clear(&lost);
    return rc < 0 ? rc : 0;
}

/* Writes a new log with the same parts. */
static int write_compacted(struct history_store *s, int folder, const struct listed *l, bool adopted)
{
    int fd, rc = 0;

    unlinkat(folder, new_name, 0);
    fd = openat(folder, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        rc = compact_file(s, fd, &l->files[i]);
    if (rc == 0 && adopted)
        rc = put_record(fd, HISTORY_ADOPTED, "", NULL, NULL, 0);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && renameat(folder, new_name, folder, log_name) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(folder, new_name, 0);
    else
        fsync(folder);
    return rc;
}

static int compact(struct history_store *s, int folder)
{
    struct listed l = {0};
    bool adopted, empty = false;
    int rc = begin_writing(s, folder);

    if (rc < 0)
        return rc;
    rc = write_queue(s);
    pthread_mutex_lock(&s->lock);
    adopted = s->adopted;
    if (rc == 0) {
        empty = TAILQ_EMPTY(&s->queue);
        rc = empty ? oks_tree_until(s->files, list_file, &l) : 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && empty)
        rc = write_compacted(s, folder, &l, adopted);
    listed_clear(&l);
    flock(s->fd, LOCK_UN);
    if (rc == 0)
        rc = open_log(s, folder, false);
    return rc < 0 ? rc : catch_up(s, rc);
}

int history_store_sync(struct history_store *s, bool always)
{
    int folder, rc = 0;
    bool due;

    pthread_mutex_lock(&s->io);
    if (s->unsynced && s->fd >= 0) {
        rc = fdatasync(s->fd) < 0 ? -errno : 0;
        s->unsynced = rc < 0;
    }
    pthread_mutex_lock(&s->lock);
    due = always || (s->bytes > COMPACT_MIN && s->bytes / COMPACT_TIMES > s->used);
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && due && s->writes) {
        folder = open_folder(s, always);
        rc = folder < 0 ? folder : compact(s, folder);
        if (folder >= 0)
            close(folder);
    }
    pthread_mutex_unlock(&s->io);
    return rc;
}

/* --- the marker --- */

int history_store_marker(struct history_store *s, struct stat *st)
{
    int folder = open_folder(s, false), rc;

    if (folder < 0)
        return folder;
    rc = fstatat(folder, marker_name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    close(folder);
    return rc;
}

int history_store_mark(struct history_store *s)
{
    int folder = open_folder(s, true), rc;
    int64_t now;

    if (folder < 0)
        return folder;
    rc = oks_cache_replace(folder, marker_name, "forgotten\n", strlen("forgotten\n"), &now);
    close(folder);
    return rc;
}
