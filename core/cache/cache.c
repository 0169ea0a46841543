/*
 * The cache as the engine sees it: entries by folder and name, loaded or saved whole.
 *
 * Two kinds of file are told apart by one byte. What okstrafs wrote ends in a newline and carries a digest
 * over itself: it must be exactly as it was written (cache_read.c), so a flipped bit, a torn write or a stray
 * edit is noticed; a file of a later okstrafs with another layout is a miss. What okstra's collector wrote
 * has no newline, and is read by its types (collector_format.c).
 *
 * Invariants: a load touches the caller's state only on a hit; a save never leaves less than a whole file
 * under the entry's name; nothing is kept between calls but the set of folders that were swept.
 */
#include "cache/cache_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/passing.h"
#include "files/read_file.h"

#define SUFFIX ".json"

enum {
    SWEPT_MAX = 65536, /* folders remembered; in further ones nothing is swept */
    HASH_DIGITS = 16,
};

struct swept {
    dev_t dev;
    ino_t ino;
};

struct oks_cache {
    struct oks_cache_place place; /* $OKSTRA_HOME, which may be reached through symlinks, and the last two
                                     parts of the root; NULL where it had fewer */
    pthread_mutex_t lock;
    struct swept *swept; /* protected by lock, like the rest */
    size_t n_swept;
    size_t swept_room;
    struct packs *packs;
};

/* --- birth and death --- */

/* Cuts the last part off `path` and returns it malloc'ed; *out stays NULL where there is none to cut. */
static int cut_last(char *path, char **out)
{
    char *slash, *part;
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    slash = strrchr(path, '/');
    part = slash ? slash + 1 : path;
    if (*part == '\0' || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
        return 0;
    *out = strdup(part);
    if (!*out)
        return -ENOMEM;
    if (!slash)
        strcpy(path, ".");
    else if (slash == path)
        slash[1] = '\0';
    else
        *slash = '\0';
    return 0;
}

static int cache_init(struct oks_cache *cache, const char *root)
{
    size_t len = strlen(root);

    cache->place.home = malloc(len + 2); /* room for "." */
    if (!cache->place.home)
        return -ENOMEM;
    memcpy(cache->place.home, root, len + 1);
    if (cut_last(cache->place.home, &cache->place.sub[1]) < 0 ||
        cut_last(cache->place.home, &cache->place.sub[0]) < 0)
        return -ENOMEM;
    return 0;
}

int oks_cache_new(struct oks_cache **out, const char *root)
{
    struct oks_cache *cache = calloc(1, sizeof(*cache));
    int r;

    if (!cache)
        return -ENOMEM;
    pthread_mutex_init(&cache->lock, NULL);
    r = cache_init(cache, root);
    if (r == 0)
        r = packs_new(&cache->packs);
    if (r < 0) {
        oks_cache_free(cache);
        return r;
    }
    *out = cache;
    return 0;
}

void oks_cache_free(struct oks_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->lock);
    packs_free(cache->packs);
    free(cache->swept);
    free(cache->place.sub[0]);
    free(cache->place.sub[1]);
    free(cache->place.home);
    free(cache);
}

/* --- names --- */

/*
 * name + suffix as one path component. A name that leaves no room is cut at a character and ends in '~' and
 * the start of its SHA-256, so that two long names stay two.
 */
static int component(const char *name, const char *suffix, char out[NAME_MAX + 1])
{
    size_t len = strlen(name), keep = NAME_MAX - strlen(suffix) - 1 - HASH_DIGITS;
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];

    if (len == 0 || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    if (len + strlen(suffix) <= NAME_MAX) {
        stpcpy(stpcpy(out, name), suffix);
        return 0;
    }
    if (oks_sha256(name, len, sha256) < 0)
        return -EIO;
    oks_hex(sha256, sizeof(sha256), hex);
    while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
        keep--;
    memcpy(out, name, keep);
    out[keep] = '~';
    memcpy(out + keep + 1, hex, HASH_DIGITS);
    strcpy(out + keep + 1 + HASH_DIGITS, suffix);
    return 0;
}

static int open_folder(const struct oks_cache *cache, const char *folder, bool create)
{
    char part[NAME_MAX + 1];
    int r = component(folder, "", part);

    return r < 0 ? r : oks_cache_folder_open(cache->place.home, cache->place.sub, part, create);
}

/* --- load --- */

static bool trusted(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & S_IWOTH) && st->st_size > 0 &&
           (uint64_t)st->st_size <= OKS_CACHE_BYTES_MAX;
}

/* The whole file with a 0 behind it. */
static int slurp(int fd, char **out, size_t *len)
{
    struct stat st;
    char *bytes;
    int r;

    if (fstat(fd, &st) < 0)
        return is_passing(-errno) ? -errno : OKS_CACHE_MISS;
    if (!trusted(&st))
        return OKS_CACHE_MISS;
    bytes = malloc((size_t)st.st_size + 1);
    if (!bytes)
        return -ENOMEM;
    r = read_file_at(fd, bytes, (size_t)st.st_size, 0);
    if (r < 0) {
        free(bytes);
        return is_passing(r) ? r : OKS_CACHE_MISS;
    }
    bytes[st.st_size] = '\0';
    *out = bytes;
    *len = (size_t)st.st_size;
    return 0;
}

/* A descriptor, a failure that passes, or -ENOENT: whatever else is wrong with a name is none of ours. */
static int open_entry(const struct oks_cache *cache, const char *folder, const char *name, const char *suffix)
{
    char file[NAME_MAX + 1];
    int dir, fd;

    if (component(name, suffix, file) < 0)
        return -ENOENT;
    dir = open_folder(cache, folder, false);
    if (dir < 0)
        return is_passing(dir) ? dir : -ENOENT;
    fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = is_passing(-errno) ? -errno : -ENOENT;
    close(dir);
    return fd;
}

/* The entry's own file, else the one in a pack. */
static int open_and_slurp(struct oks_cache *cache, const char *folder, const char *name, const char *suffix,
                          char **out, size_t *len)
{
    int fd = open_entry(cache, folder, name, suffix), r;

    if (is_passing(fd))
        return fd;
    if (fd < 0) {
        pthread_mutex_lock(&cache->lock);
        r = packs_slurp(cache->packs, &cache->place, folder, name, out, len);
        pthread_mutex_unlock(&cache->lock);
        return r;
    }
    r = slurp(fd, out, len);
    close(fd);
    return r;
}

static int parse(char *bytes, size_t len, bool any_version, struct oks_state *state)
{
    if (bytes[len - 1] != '\n')
        return oks_cache_parse_foreign(bytes, len, state);
    if (any_version)
        return oks_cache_parse_kept(bytes, len, state);
    return oks_cache_sealed(bytes, len) ? oks_cache_parse_ours(bytes, len, state) : OKS_CACHE_MISS;
}

static int load(struct oks_cache *cache, const char *folder, const char *name, bool any_version,
                struct oks_state *state)
{
    struct oks_state fresh;
    size_t len;
    char *bytes;
    int r;

    r = open_and_slurp(cache, folder, name, SUFFIX, &bytes, &len);
    if (r != 0)
        return r;
    r = oks_state_init(&fresh);
    if (r == 0) {
        r = parse(bytes, len, any_version, &fresh);
        if (r == OKS_CACHE_HIT) {
            oks_state_clear(state);
            *state = fresh;
        } else {
            oks_state_clear(&fresh);
        }
    }
    free(bytes);
    return r;
}

int oks_cache_load(struct oks_cache *cache, const char *folder, const char *name, struct oks_state *state)
{
    return load(cache, folder, name, false, state);
}

int oks_cache_load_kept(struct oks_cache *cache, const char *folder, const char *name,
                        struct oks_state *state)
{
    return load(cache, folder, name, true, state);
}

struct looking {
    size_t from, to;
    request_id_fn *fn;
    void *ctx;
};

static int look_at_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct looking *l = ctx;

    return l->fn(l->ctx, i, row->request.key, row->message_id, row->request_id);
}

/* What okstra's collector wrote is read as a tree; ours is passed over up to its requests. */
static int each_id_of_foreign(char *bytes, size_t len, struct looking *l)
{
    struct oks_state state;
    int r = oks_state_init(&state);

    if (r < 0)
        return r;
    r = oks_cache_parse_foreign(bytes, len, &state);
    if (r == OKS_CACHE_HIT) {
        size_t rows = requests_len(state.requests);

        r = requests_each(state.requests, l->from, l->to < rows ? l->to : rows, look_at_row, l);
    }
    oks_state_clear(&state);
    return r;
}

int oks_cache_each_id(struct oks_cache *cache, const char *folder, const char *name, size_t from, size_t to,
                      request_id_fn *fn, void *ctx)
{
    struct looking looking = {from, to, fn, ctx};
    size_t len;
    char *bytes;
    int r = open_and_slurp(cache, folder, name, SUFFIX, &bytes, &len);

    if (r != 0)
        return r;
    if (bytes[len - 1] != '\n')
        r = each_id_of_foreign(bytes, len, &looking);
    else
        r = oks_cache_sealed(bytes, len) ? oks_cache_parse_ids(bytes, len, from, to, fn, ctx)
                                         : OKS_CACHE_MISS;
    free(bytes);
    return r;
}

int oks_cache_open(struct oks_cache *cache, const char *folder, const char *name, uint64_t *size)
{
    struct stat st;
    int fd = open_entry(cache, folder, name, "");

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !trusted(&st)) {
        close(fd);
        return -ENOENT;
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

/* --- save --- */

/* True the first time that it is asked about the folder. */
static bool first_visit(struct oks_cache *cache, int folder)
{
    struct stat st;
    size_t i;

    if (fstat(folder, &st) < 0)
        return false;
    for (i = 0; i < cache->n_swept; i++)
        if (cache->swept[i].ino == st.st_ino && cache->swept[i].dev == st.st_dev)
            return false;
    if (cache->n_swept == SWEPT_MAX || !OKS_GROW(cache->swept, cache->n_swept, cache->swept_room))
        return false;
    cache->swept[cache->n_swept++] = (struct swept){st.st_dev, st.st_ino};
    return true;
}

static void sweep_once(struct oks_cache *cache, int folder, int64_t now)
{
    bool first;

    pthread_mutex_lock(&cache->lock);
    first = first_visit(cache, folder);
    pthread_mutex_unlock(&cache->lock);
    if (first)
        oks_cache_sweep(folder, now);
}

static int save_file(struct oks_cache *cache, const char *folder, const char *file, const char *bytes,
                     size_t len)
{
    int dir = open_folder(cache, folder, true), r;
    int64_t now;

    if (dir < 0)
        return dir;
    r = oks_cache_replace(dir, file, bytes, len, &now);
    if (r == 0)
        sweep_once(cache, dir, now);
    close(dir);
    return r;
}

static int save_bytes(struct oks_cache *cache, const char *folder, const char *name, const char *suffix,
                      const char *bytes, size_t len)
{
    char file[NAME_MAX + 1];
    int r = component(name, suffix, file);

    if (r == 0)
        r = save_file(cache, folder, file, bytes, len);
    if (r == -ENOENT) /* somebody removed the folder meanwhile: it is made again */
        r = save_file(cache, folder, file, bytes, len);
    return r;
}

int oks_cache_batch_begin(struct oks_cache *cache)
{
    int r;

    pthread_mutex_lock(&cache->lock);
    r = packs_begin(cache->packs, &cache->place);
    pthread_mutex_unlock(&cache->lock);
    return r < 0 ? r : 0;
}

int oks_cache_batch_end(struct oks_cache *cache)
{
    int r;

    pthread_mutex_lock(&cache->lock);
    r = packs_end(cache->packs, &cache->place);
    pthread_mutex_unlock(&cache->lock);
    return r;
}

/* 1: it must be a file of its own. */
static int pack(struct oks_cache *cache, const char *folder, const char *name, const char *bytes, size_t len)
{
    char part[NAME_MAX + 1], file[NAME_MAX + 1];
    struct pack_item item = {folder, name, part, file, bytes, len};
    int r;

    if (component(folder, "", part) < 0 || component(name, SUFFIX, file) < 0)
        return 1;
    pthread_mutex_lock(&cache->lock);
    r = packs_add(cache->packs, &cache->place, &item);
    pthread_mutex_unlock(&cache->lock);
    return r;
}

int oks_cache_save(struct oks_cache *cache, const char *folder, const char *name,
                   const struct oks_state *state)
{
    char *bytes;
    size_t len;
    int r = oks_cache_render(state, &bytes, &len);

    if (r < 0)
        return r;
    r = oks_cache_save_rendered(cache, folder, name, bytes, len);
    free(bytes);
    return r;
}

int oks_cache_save_rendered(struct oks_cache *cache, const char *folder, const char *name, const char *bytes,
                            size_t len)
{
    int r = pack(cache, folder, name, bytes, len);

    return r == 1 ? save_bytes(cache, folder, name, SUFFIX, bytes, len) : r;
}

int oks_cache_save_bytes(struct oks_cache *cache, const char *folder, const char *name, const char *bytes,
                         size_t len)
{
    return save_bytes(cache, folder, name, "", bytes, len);
}

/* --- what there is --- */

static int stat_file(struct oks_cache *cache, const char *folder, const char *name, struct stat *st)
{
    char file[NAME_MAX + 1];
    int dir, r = component(name, SUFFIX, file);

    if (r < 0)
        return r;
    dir = open_folder(cache, folder, false);
    if (dir < 0)
        return dir;
    r = fstatat(dir, file, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    close(dir);
    return r;
}

int oks_cache_entry_stat(struct oks_cache *cache, const char *folder, const char *name, struct stat *st)
{
    int r = stat_file(cache, folder, name, st);

    if (r != -ENOENT)
        return r;
    pthread_mutex_lock(&cache->lock);
    r = packs_stat(cache->packs, &cache->place, folder, name, st);
    pthread_mutex_unlock(&cache->lock);
    return r;
}

static int remove_file(struct oks_cache *cache, const char *folder, const char *name)
{
    char file[NAME_MAX + 1];
    int dir, r = component(name, SUFFIX, file);

    if (r < 0)
        return r;
    dir = open_folder(cache, folder, false);
    if (dir < 0)
        return dir;
    r = unlinkat(dir, file, 0) < 0 ? -errno : 0;
    close(dir);
    return r;
}

int oks_cache_remove(struct oks_cache *cache, const char *folder, const char *name)
{
    int file = remove_file(cache, folder, name), packed;

    pthread_mutex_lock(&cache->lock);
    packed = packs_remove(cache->packs, &cache->place, folder, name);
    pthread_mutex_unlock(&cache->lock);
    if (packed == -ENOENT)
        return file;
    return packed < 0 || file == -ENOENT ? packed : file;
}

static int list_folder(struct oks_cache *cache, const char *folder,
                       int (*fn)(void *ctx, const char *folder, const char *name), void *ctx)
{
    const size_t suffix = sizeof(SUFFIX) - 1;
    int fd = open_folder(cache, folder, false), r = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;

    if (!dir) {
        r = passing(fd < 0 ? fd : -errno);
        if (fd >= 0)
            close(fd);
        return r;
    }
    while (r == 0) {
        size_t len;

        errno = 0;
        d = readdir(dir);
        if (!d) {
            r = -errno;
            break;
        }
        len = strlen(d->d_name);
        if (d->d_name[0] == '.' || len <= suffix || strcmp(d->d_name + len - suffix, SUFFIX) != 0)
            continue;
        d->d_name[len - suffix] = '\0';
        r = fn(ctx, folder, d->d_name);
    }
    closedir(dir);
    return r;
}

/* The names are copied first, because fn may use the cache. */
static int list_packs(struct oks_cache *cache, int (*fn)(void *ctx, const char *folder, const char *name),
                      void *ctx)
{
    struct oks_bytes names = {0};
    int r;

    pthread_mutex_lock(&cache->lock);
    r = packs_list(cache->packs, &cache->place, &names);
    pthread_mutex_unlock(&cache->lock);
    for (size_t at = 0; r == 0 && at < names.len;) {
        const char *folder = names.ptr + at, *name = folder + strlen(folder) + 1;

        at = (size_t)(name - names.ptr) + strlen(name) + 1;
        r = fn(ctx, folder, name);
    }
    free(names.ptr);
    return r;
}

int oks_cache_list(struct oks_cache *cache, int (*fn)(void *ctx, const char *folder, const char *name),
                   void *ctx)
{
    struct dirent *d;
    char *path;
    DIR *dir;
    int r;

    if (asprintf(&path, "%s/%s/%s", cache->place.home, cache->place.sub[0] ? cache->place.sub[0] : ".",
                 cache->place.sub[1] ? cache->place.sub[1] : ".") < 0)
        return -ENOMEM;
    dir = opendir(path);
    r = dir ? 0 : passing(-errno);
    free(path);
    while (dir && r == 0) {
        errno = 0;
        d = readdir(dir);
        if (!d) {
            r = -errno;
            break;
        }
        if (d->d_name[0] != '.')
            r = list_folder(cache, d->d_name, fn, ctx);
    }
    if (dir)
        closedir(dir);
    return r != 0 ? r : list_packs(cache, fn, ctx);
}
