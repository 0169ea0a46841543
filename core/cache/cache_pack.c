/*
 * Packs: many small entries in one file each, for a program that ends with many entries to save.
 *
 * To create a file costs more than to read a small transcript. So when a program ends with many new entries,
 * those that are small go into one file, .okstrafs/pack-<number>: the entries as they would be files of their
 * own, a table of contents, a byte for each entry that tells whether it was removed, and a footer. A pack is
 * never changed but for these bytes and the entries that they belong to.
 *
 * An entry's own file, where there is one, is never older than a pack: so it counts, and an entry that has
 * one is not packed. Of several packs the one with the highest number counts. The table has a SHA-256, and
 * each entry its seal, so nothing has to be synced. The layout depends on the machine.
 *
 * Invariant: the index is that of the packs that were there when it was made. A pack that another process
 * adds is not seen, which costs a scan and changes no answer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passing.h"
#include "base/array.h"
#include "cache/cache_parts.h"
#include "files/read_file.h"

#define PACK_PREFIX "pack-"

static const char magic[16] = "okstrafs pack\n\1\0";

enum {
    ENDIAN_MARK = 0x01020304,
    PACKS_MAX = 64, /* with so many, entries become files of their own again */
    PACK_ENTRIES_MAX = 1 << 20,
    PACK_BUFFER = 1 << 20, /* bytes before a write */
    PACK_NUMBER_DIGITS = 8,
};

struct footer {
    uint8_t sha256[OKS_SHA256_BYTES]; /* of the table */
    uint64_t n;                       /* entries, in the table and in the bytes behind it */
    uint64_t at, len;                 /* of the table */
    uint64_t endian;
    char magic[16];
};

/* In the table; folder and name, each with a NUL, come behind it. */
struct record {
    uint64_t at;
    uint32_t len;
    uint32_t names; /* bytes of both */
};

struct pack_entry {
    const char *folder, *name;
    uint64_t at, flag_at;
    uint32_t len, number;
};

struct packs {
    bool loaded;
    uint32_t last; /* the highest number */
    size_t n_packs;
    char **tables; /* names point into these */
    size_t n_tables, tables_room;
    struct pack_entry *entries; /* by folder and name; of equal ones the newest pack's first */
    size_t n, room;

    /* the pack that is being written */
    int fd; /* -1: none */
    char temp[OKS_CACHE_TEMP_NAME];
    struct oks_bytes buffer, table;
    uint64_t written, count;
    char *folder; /* the folder of the last entry, and a descriptor of it; -1: it does not exist */
    int folder_fd;
};

static int open_packs(const struct oks_cache_place *place, bool create)
{
    return oks_cache_folder_open(place->home, place->sub, OKS_CACHE_OWN_FOLDER, create);
}

static void name_of(uint32_t number, char out[NAME_MAX + 1])
{
    snprintf(out, NAME_MAX + 1, PACK_PREFIX "%0*x", PACK_NUMBER_DIGITS, number);
}

/* --- the index --- */

static int by_key(const void *a, const void *b)
{
    const struct pack_entry *x = a, *y = b;
    int d = strcmp(x->folder, y->folder);

    if (d == 0)
        d = strcmp(x->name, y->name);
    return d ? d : (x->number < y->number) - (x->number > y->number);
}

static bool footer_is_ours(const struct footer *f, uint64_t size)
{
    return memcmp(f->magic, magic, sizeof(magic)) == 0 && f->endian == ENDIAN_MARK &&
           f->n <= PACK_ENTRIES_MAX && f->at <= size - sizeof(*f) && f->len <= size - sizeof(*f) - f->at &&
           f->at + f->len + f->n + sizeof(*f) == size;
}

/* Both names, if they are two strings that fill the bytes. */
static const char *second_name(const char *names, uint32_t len)
{
    size_t first = len ? strnlen(names, len) : 0;

    return first && first + 2 < len && strnlen(names + first + 1, len - first - 1) == len - first - 2
               ? names + first + 1
               : NULL;
}

/* Adds the entries of a table that were not removed. What is wrong ends it. */
static int add_entries(struct packs *packs, const struct footer *f, const char *table, const char *flags,
                       uint32_t number)
{
    uint64_t p = 0;

    for (uint64_t i = 0; i < f->n; i++) {
        const char *names, *name;
        struct record r;

        if (f->len - p < sizeof(r))
            break;
        memcpy(&r, table + p, sizeof(r));
        p += sizeof(r);
        if (f->len - p < r.names || r.at > f->at || r.len > f->at - r.at || r.len == 0)
            break;
        names = table + p;
        name = second_name(names, r.names);
        p += r.names;
        if (!name || flags[i])
            continue;
        if (!OKS_GROW(packs->entries, packs->n, packs->room))
            return -ENOMEM;
        packs->entries[packs->n++] = (struct pack_entry){.folder = names,
                                                         .name = name,
                                                         .at = r.at,
                                                         .flag_at = f->at + f->len + i,
                                                         .len = r.len,
                                                         .number = number};
    }
    return 0;
}

/* A failure that passes; a pack that is damaged has no entries. */
static int read_pack(struct packs *packs, int fd, uint32_t number)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    struct footer f;
    struct stat st;
    char *table;
    int rc;

    if (fstat(fd, &st) < 0)
        return passing(-errno);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & S_IWOTH) ||
        (uint64_t)st.st_size < sizeof(f))
        return 0;
    rc = read_file_at(fd, &f, sizeof(f), (uint64_t)st.st_size - sizeof(f));
    if (rc < 0 || !footer_is_ours(&f, (uint64_t)st.st_size))
        return passing(rc);
    table = malloc(f.len + f.n + 1);
    if (!table || !OKS_GROW(packs->tables, packs->n_tables, packs->tables_room)) {
        free(table);
        return -ENOMEM;
    }
    packs->tables[packs->n_tables++] = table;
    rc = read_file_at(fd, table, f.len + f.n, f.at);
    if (rc < 0 || oks_sha256(table, f.len, sha256) < 0 || memcmp(sha256, f.sha256, sizeof(sha256)) != 0)
        return passing(rc);
    return add_entries(packs, &f, table, table + f.len, number);
}

static bool number_of(const char *name, uint32_t *out)
{
    const size_t prefix = sizeof(PACK_PREFIX) - 1;

    if (strncmp(name, PACK_PREFIX, prefix) != 0 || strlen(name) != prefix + PACK_NUMBER_DIGITS ||
        strspn(name + prefix, "0123456789abcdef") != PACK_NUMBER_DIGITS)
        return false;
    *out = (uint32_t)strtoul(name + prefix, NULL, 16);
    return true;
}

static int read_all_packs(struct packs *packs, DIR *dir)
{
    struct dirent *d;
    uint32_t number;
    int rc = 0;

    while (rc == 0) {
        int fd;

        errno = 0;
        d = readdir(dir);
        if (!d)
            return -errno;
        if (!number_of(d->d_name, &number))
            continue;
        packs->n_packs++;
        if (number > packs->last)
            packs->last = number;
        fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        rc = fd < 0 ? passing(-errno) : read_pack(packs, fd, number);
        if (fd >= 0)
            close(fd);
    }
    return rc;
}

static void index_clear(struct packs *packs)
{
    while (packs->n_tables > 0)
        free(packs->tables[--packs->n_tables]);
    packs->n = packs->n_packs = packs->last = 0;
    packs->loaded = false;
}

static int index_load(struct packs *packs, const struct oks_cache_place *place)
{
    int fd, rc;
    DIR *dir;

    if (packs->loaded)
        return 0;
    fd = open_packs(place, false);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        rc = passing(fd < 0 ? fd : -errno);
        if (fd >= 0)
            close(fd);
        packs->loaded = rc == 0;
        return rc;
    }
    packs->loaded = true;
    rc = read_all_packs(packs, dir);
    closedir(dir);
    if (packs->n)
        qsort(packs->entries, packs->n, sizeof(*packs->entries), by_key);
    if (rc < 0)
        index_clear(packs);
    return rc;
}

/* The first entry of that folder and name; packs->n: none. */
static size_t find(const struct packs *packs, const char *folder, const char *name)
{
    struct pack_entry key = {.folder = folder, .name = name, .number = UINT32_MAX};
    size_t low = 0, high = packs->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (by_key(&packs->entries[mid], &key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < packs->n && strcmp(packs->entries[low].folder, folder) == 0 &&
                   strcmp(packs->entries[low].name, name) == 0
               ? low
               : packs->n;
}

static int open_pack(const struct oks_cache_place *place, uint32_t number, int flags)
{
    char name[NAME_MAX + 1];
    int dir = open_packs(place, false), fd;

    if (dir < 0)
        return dir;
    name_of(number, name);
    fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = -errno;
    close(dir);
    return fd;
}

int packs_slurp(struct packs *packs, const struct oks_cache_place *place, const char *folder,
                const char *name, char **out, size_t *len)
{
    const struct pack_entry *e;
    int rc = index_load(packs, place), fd;
    size_t at = rc < 0 ? 0 : find(packs, folder, name);
    char *bytes;

    if (rc < 0 || at == packs->n)
        return rc < 0 ? rc : OKS_CACHE_MISS;
    e = &packs->entries[at];
    fd = open_pack(place, e->number, O_RDONLY);
    if (fd < 0)
        return is_passing(fd) ? fd : OKS_CACHE_MISS;
    bytes = malloc((size_t)e->len + 1);
    rc = bytes ? read_file_at(fd, bytes, e->len, e->at) : -ENOMEM;
    if (rc < 0 && !is_passing(rc))
        rc = OKS_CACHE_MISS;
    close(fd);
    if (rc != 0) {
        free(bytes);
        return rc;
    }
    bytes[e->len] = '\0';
    *out = bytes;
    *len = e->len;
    return 0;
}

/* Overwrites the entry, so that nothing is left of it. */
static int erase(const struct oks_cache_place *place, const struct pack_entry *e)
{
    static const char gone = 1;
    char *zeros = calloc(1, e->len);
    int fd = open_pack(place, e->number, O_WRONLY), rc = 0;

    if (fd < 0 || !zeros)
        rc = fd < 0 ? fd : -ENOMEM;
    else if (pwrite(fd, &gone, 1, (off_t)e->flag_at) != 1 ||
             pwrite(fd, zeros, e->len, (off_t)e->at) != (ssize_t)e->len)
        rc = errno ? -errno : -EIO;
    if (fd >= 0)
        close(fd);
    free(zeros);
    return rc;
}

int packs_remove(struct packs *packs, const struct oks_cache_place *place, const char *folder,
                 const char *name)
{
    int rc = index_load(packs, place);
    size_t first = rc < 0 ? 0 : find(packs, folder, name), last = first;

    if (rc < 0 || first == packs->n)
        return rc < 0 ? rc : -ENOENT;
    while (last < packs->n && strcmp(packs->entries[last].folder, folder) == 0 &&
           strcmp(packs->entries[last].name, name) == 0) {
        int erased = erase(place, &packs->entries[last++]);

        rc = rc < 0 ? rc : erased;
    }
    if (rc == 0) {
        memmove(packs->entries + first, packs->entries + last, (packs->n - last) * sizeof(*packs->entries));
        packs->n -= last - first;
    }
    return rc;
}

int packs_stat(struct packs *packs, const struct oks_cache_place *place, const char *folder, const char *name,
               struct stat *st)
{
    int rc = index_load(packs, place), fd;
    size_t at = rc < 0 ? 0 : find(packs, folder, name);
    char flag;

    if (rc < 0 || at == packs->n)
        return rc < 0 ? rc : -ENOENT;
    fd = open_pack(place, packs->entries[at].number, O_RDONLY);
    if (fd < 0)
        return fd;
    /* Another process may have removed it. */
    rc = fstat(fd, st) < 0 ? -errno : read_file_at(fd, &flag, 1, packs->entries[at].flag_at);
    if (rc == 0 && flag)
        rc = -ENOENT;
    close(fd);
    return rc;
}

int packs_list(struct packs *packs, const struct oks_cache_place *place, struct oks_bytes *out)
{
    int rc = index_load(packs, place);

    for (size_t i = 0; rc == 0 && i < packs->n; i++) {
        const struct pack_entry *e = &packs->entries[i];

        if (i > 0 && strcmp(e->name, e[-1].name) == 0 && strcmp(e->folder, e[-1].folder) == 0)
            continue;
        oks_bytes_put(out, e->folder, strlen(e->folder) + 1);
        oks_bytes_put(out, e->name, strlen(e->name) + 1);
        rc = out->error;
    }
    return rc;
}

/* --- writing --- */

static void writing_clear(struct packs *packs)
{
    if (packs->fd >= 0)
        close(packs->fd);
    if (packs->folder_fd >= 0)
        close(packs->folder_fd);
    free(packs->folder);
    free(packs->buffer.ptr);
    free(packs->table.ptr);
    packs->fd = packs->folder_fd = -1;
    packs->folder = NULL;
    packs->buffer = packs->table = (struct oks_bytes){0};
    packs->written = packs->count = 0;
}

int packs_new(struct packs **out)
{
    struct packs *packs = calloc(1, sizeof(*packs));

    if (!packs)
        return -ENOMEM;
    packs->fd = packs->folder_fd = -1;
    *out = packs;
    return 0;
}

void packs_free(struct packs *packs)
{
    if (!packs)
        return;
    writing_clear(packs);
    index_clear(packs);
    free(packs->tables);
    free(packs->entries);
    free(packs);
}

int packs_begin(struct packs *packs, const struct oks_cache_place *place)
{
    int dir, rc = index_load(packs, place);

    if (rc < 0 || packs->fd >= 0 || packs->n_packs >= PACKS_MAX)
        return rc < 0 ? rc : 1;
    dir = open_packs(place, true);
    if (dir < 0)
        return dir;
    packs->fd = oks_cache_temp(dir, packs->temp);
    close(dir);
    return packs->fd < 0 ? packs->fd : 0;
}

/* Whether the entry has a file of its own. Entries of one folder usually follow each other. */
static int has_file(struct packs *packs, const struct oks_cache_place *place, const char *folder,
                    const char *part, const char *file)
{
    if (!packs->folder || strcmp(packs->folder, folder) != 0) {
        free(packs->folder);
        if (packs->folder_fd >= 0)
            close(packs->folder_fd);
        packs->folder = strdup(folder);
        packs->folder_fd =
            packs->folder ? oks_cache_folder_open(place->home, place->sub, part, false) : -ENOMEM;
    }
    if (packs->folder_fd < 0)
        return packs->folder_fd == -ENOENT ? 0 : packs->folder_fd;
    return faccessat(packs->folder_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static int flush(struct packs *packs)
{
    int rc = packs->buffer.error ? packs->buffer.error
                                 : oks_cache_write_all(packs->fd, packs->buffer.ptr, packs->buffer.len);

    packs->written += packs->buffer.len;
    packs->buffer.len = 0;
    return rc;
}

int packs_add(struct packs *packs, const struct oks_cache_place *place, const struct pack_item *item)
{
    size_t a = strlen(item->folder) + 1, b = strlen(item->name) + 1;
    struct record r = {
        .at = packs->written + packs->buffer.len, .len = (uint32_t)item->len, .names = (uint32_t)(a + b)};
    int rc;

    if (packs->fd < 0 || packs->count >= PACK_ENTRIES_MAX || item->len > OKS_CACHE_PACKED_MAX ||
        item->len == 0)
        return 1;
    rc = has_file(packs, place, item->folder, item->part, item->file);
    if (rc != 0)
        return 1;
    if (packs->buffer.len + item->len > PACK_BUFFER) {
        rc = flush(packs);
        r.at = packs->written;
    }
    if (rc < 0)
        return rc;
    oks_bytes_put(&packs->buffer, item->bytes, item->len);
    oks_bytes_put(&packs->table, &r, sizeof(r));
    oks_bytes_put(&packs->table, item->folder, a);
    oks_bytes_put(&packs->table, item->name, b);
    packs->count++;
    return packs->buffer.error ? packs->buffer.error : packs->table.error;
}

static int put_end(struct packs *packs)
{
    struct footer f = {.n = packs->count, .len = packs->table.len, .endian = ENDIAN_MARK};
    char *flags = calloc(1, packs->count);
    int rc = packs->table.error ? packs->table.error : flags ? flush(packs) : -ENOMEM;

    f.at = packs->written;
    memcpy(f.magic, magic, sizeof(magic));
    if (rc == 0)
        rc = oks_sha256(packs->table.ptr, packs->table.len, f.sha256);
    if (rc == 0)
        rc = oks_cache_write_all(packs->fd, packs->table.ptr, packs->table.len);
    if (rc == 0)
        rc = oks_cache_write_all(packs->fd, flags, packs->count);
    if (rc == 0)
        rc = oks_cache_write_all(packs->fd, (const char *)&f, sizeof(f));
    free(flags);
    return rc;
}

int packs_end(struct packs *packs, const struct oks_cache_place *place)
{
    char name[NAME_MAX + 1];
    int dir, rc;

    if (packs->fd < 0)
        return 0;
    dir = open_packs(place, false);
    rc = dir < 0 ? dir : packs->count ? put_end(packs) : 0;
    name_of(packs->last + 1, name);
    if (rc == 0 && packs->count && renameat(dir, packs->temp, dir, name) < 0)
        rc = -errno;
    if (dir >= 0 && (rc < 0 || packs->count == 0))
        unlinkat(dir, packs->temp, 0);
    if (dir >= 0)
        close(dir);
    writing_clear(packs);
    index_clear(packs); /* the new one is in it from the next time on */
    return rc;
}
