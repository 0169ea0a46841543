/*
 * The start snapshot: a file with the state of all transcripts, so that a start need not load ten thousand
 * cache files.
 *
 * A cache file is JSON, and ten thousand take seconds to load. So the state of all transcripts is also
 * written together, rows as they are in memory, each with the size, times and inode of its file. At the next
 * start a transcript whose file still has these needs neither its cache nor its bytes. For any other the
 * cache file is loaded, as if there were no snapshot.
 *
 * Entries are read one by one, as their transcripts are found: the table of contents is at the end of the
 * file. The snapshot is derived data. The contents and each entry have a SHA-256, every step checks its
 * bounds, and a damaged entry counts as missing. The layout depends on the version of this program and on the
 * machine: no other reads it.
 *
 * Invariant: an entry is written only for a transcript whose cache file is as new as its state, and which
 * ends in a complete line. Ids of requests are not in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/text.h"
#include "base/tree.h"
#include "engine/engine_private.h"
#include "files/read_file.h"

static const char snapshot_folder[] =
    ".okstrafs"; /* not a transcript folder: an escaped name never begins with a dot */
static const char snapshot_name[] = "index";
static const char magic[16] = "okstrafs index\n\13";

/* The end of the file. */
struct footer {
    uint8_t sha256[OKS_SHA256_BYTES]; /* of the contents */
    uint64_t n;                       /* entries */
    uint64_t at, len;                 /* of the contents */
    uint64_t endian;
    char magic[16];
};

enum {
    ENDIAN_MARK = 0x01020304,
    ABSENT = 0xffffffff,
    WORTHWHILE = 256, /* transcripts; fewer caches load in no time */
};

/* --- writing --- */

static void put_u32(struct oks_bytes *w, uint32_t n)
{
    oks_bytes_put(w, &n, sizeof(n));
}

static void put_u64(struct oks_bytes *w, uint64_t n)
{
    oks_bytes_put(w, &n, sizeof(n));
}

static void put_slice(struct oks_bytes *w, struct oks_slice s)
{
    put_u32(w, s.ptr ? (uint32_t)s.len : (uint32_t)ABSENT);
    if (s.ptr)
        oks_bytes_put(w, s.ptr, s.len);
}

static void put_strings(struct oks_bytes *w, const struct oks_strings *list)
{
    put_u32(w, (uint32_t)list->len);
    for (size_t i = 0; i < list->len; i++)
        put_slice(w, (struct oks_slice){list->items[i].ptr, list->items[i].len});
}

/* Both stamps must be canonical or none. */
static void put_totals(struct oks_bytes *w, const struct oks_totals *totals)
{
    oks_bytes_put(w, totals->count, sizeof(totals->count));
    put_u64(w, totals->events);
    put_u64(w, totals->stamped);
    put_u64(w, totals->first.key);
    put_u64(w, totals->last.key);
}

static void put_models(struct oks_bytes *w, const struct oks_models *models)
{
    put_u32(w, (uint32_t)models->len);
    for (size_t i = 0; i < models->len; i++) {
        put_slice(w, oks_slice_of(models->items[i].name));
        put_totals(w, &models->items[i].totals);
    }
}

static void put_tools(struct oks_bytes *w, const struct oks_tool_sets *tools)
{
    put_u32(w, (uint32_t)tools->len);
    for (size_t i = 0; i < tools->len; i++) {
        put_slice(w, oks_slice_of(tools->items[i].text));
        put_u64(w, tools->items[i].events);
        put_u64(w, tools->items[i].calls);
    }
}

static int put_piece(void *ctx, const void *bytes, size_t n)
{
    struct oks_bytes *w = ctx;

    oks_bytes_put(w, bytes, n);
    return w->error;
}

/* Events and requests, each after its length. */
static void put_rows(struct oks_bytes *w, const struct transcript *t)
{
    const struct oks_requests *requests = t->state.requests;
    uint64_t len = 0;
    size_t at = w->len;
    char *to;

    put_u64(w, len);
    oks_events_pack(t->state.events, put_piece, w);
    if (w->error)
        return;
    len = w->len - at - sizeof(len);
    memcpy(w->ptr + at, &len, sizeof(len));
    at = w->len;
    put_u64(w, len);
    to = oks_bytes_reserve(w, requests_pack_max(requests));
    if (!to)
        return;
    len = requests_pack(requests, to);
    w->len += len;
    memcpy(w->ptr + at, &len, sizeof(len));
}

static void put_transcript(struct oks_bytes *w, const struct transcript *t)
{
    const struct oks_state *s = &t->state;

    oks_bytes_put(w, &t->mark, sizeof(t->mark));
    put_u64(w, s->offset);
    put_u64(w, s->dev);
    put_u64(w, s->ino);
    put_u64(w, s->lines);
    put_u64(w, s->bad);
    put_u64(w, s->odd);
    put_u32(w, s->identity.len);
    oks_bytes_put(w, s->identity.sha256, sizeof(s->identity.sha256));
    put_u32(w, s->tail_len);
    oks_bytes_put(w, s->tail_sha256, sizeof(s->tail_sha256));
    put_slice(w, oks_slice_of(s->agent_name));
    put_slice(w, oks_slice_of(s->model));
    put_slice(w, oks_slice_of(s->session_id));
    put_slice(w, oks_slice_of(s->label));
    put_slice(w, oks_slice_of(s->label_team));
    put_slice(w, oks_slice_of(s->reader_state));
    put_totals(w, &t->totals);
    put_strings(w, &s->teams);
    put_strings(w, &s->cwds);
    put_strings(w, &s->compactions);
    put_models(w, &s->models);
    put_models(w, &s->tags);
    put_tools(w, &s->tools);
    put_rows(w, t);
}

static bool fits(const struct transcript *t)
{
    return t->loaded && (!t->source->late || t->container) && !t->unsaved && !t->busy && !t->gone &&
           !t->error && !t->tail && t->state.offset == t->mark.size &&
           t->state.extra_offset == t->state.offset && t->totals.first.key != OKS_STAMP_KEY_TEXT &&
           t->totals.last.key != OKS_STAMP_KEY_TEXT;
}

/* The table of contents: the offset of each transcript's entry. It is written after the entries. */
struct writing {
    struct oks_bytes entries, contents;
    uint64_t n;
};

static void put_entry(struct writing *w, const struct transcript *t)
{
    size_t at = w->entries.len;
    uint8_t sha256[OKS_SHA256_BYTES];

    put_transcript(&w->entries, t);
    if (!w->entries.error && oks_sha256(w->entries.ptr + at, w->entries.len - at, sha256) < 0)
        w->entries.error = -ENOMEM;
    if (w->entries.error)
        return;
    put_slice(&w->contents, oks_slice_of(t->path));
    put_u64(&w->contents, at);
    put_u64(&w->contents, w->entries.len - at);
    put_u64(&w->contents, requests_len(t->state.requests));
    oks_bytes_put(&w->contents, sha256, sizeof(sha256));
    w->n++;
}

static void visit(void *ctx, void *item)
{
    if (fits(item))
        put_entry(ctx, item);
}

/* Appends the contents and the footer to the entries. */
static void seal(struct writing *w)
{
    struct footer footer = {.endian = ENDIAN_MARK, .n = w->n, .at = w->entries.len, .len = w->contents.len};

    memcpy(footer.magic, magic, sizeof(magic));
    if (w->contents.error || oks_sha256(w->contents.ptr, w->contents.len, footer.sha256) < 0)
        w->entries.error = -ENOMEM;
    oks_bytes_put(&w->entries, w->contents.ptr, w->contents.len);
    oks_bytes_put(&w->entries, &footer, sizeof(footer));
}

int snapshot_save(struct oks_engine *e)
{
    struct writing w = {0};
    int rc;

    if (!e->cache || !e->snapshot_stale || e->model.catalog.n_transcripts < WORTHWHILE)
        return 0;
    e->snapshot_stale = false;
    oks_tree_each(e->model.catalog.transcripts, visit, &w);
    pthread_mutex_unlock(&e->model.lock);
    seal(&w);
    rc = w.entries.error
             ? w.entries.error
             : oks_cache_save_bytes(e->cache, snapshot_folder, snapshot_name, w.entries.ptr, w.entries.len);
    free(w.entries.ptr);
    free(w.contents.ptr);
    pthread_mutex_lock(&e->model.lock);
    if (rc < 0) {
        e->saver.errors++;
        e->saver.error = rc;
    }
    return rc;
}

/* --- reading --- */

struct snapshot_entry {
    struct oks_slice path;
    uint64_t at, len;
    const uint8_t *sha256;
};

struct snapshot {
    int fd;
    uint64_t size;                  /* of the entries */
    char *contents;                 /* paths and digests point into it */
    struct snapshot_entry *entries; /* ascending by path */
    size_t n;
    char *bytes; /* the entry that was read last */
    size_t room;
};

struct snapshot_reader {
    const char *p, *end;
    bool failed;
};

static const void *get_bytes(struct snapshot_reader *r, size_t n)
{
    const char *p = r->p;

    if (r->failed || (size_t)(r->end - r->p) < n) {
        r->failed = true;
        return NULL;
    }
    r->p += n;
    return p;
}

static void get(struct snapshot_reader *r, void *out, size_t n)
{
    const void *p = get_bytes(r, n);

    if (p)
        memcpy(out, p, n);
}

static uint32_t get_u32(struct snapshot_reader *r)
{
    uint32_t n = 0;

    get(r, &n, sizeof(n));
    return n;
}

static uint64_t get_u64(struct snapshot_reader *r)
{
    uint64_t n = 0;

    get(r, &n, sizeof(n));
    return n;
}

static struct oks_slice get_slice(struct snapshot_reader *r)
{
    uint32_t n = get_u32(r);
    const char *p = n == (uint32_t)ABSENT ? NULL : get_bytes(r, n);

    return p ? (struct oks_slice){p, n} : (struct oks_slice){0};
}

static void get_text(struct snapshot_reader *r, char **out)
{
    struct oks_slice s = get_slice(r);

    *out = s.ptr ? oks_slice_copy(s) : NULL;
    r->failed |= s.ptr && !*out;
}

static void get_totals(struct snapshot_reader *r, struct oks_totals *out)
{
    *out = OKS_TOTALS_NONE;
    get(r, out->count, sizeof(out->count));
    out->events = get_u64(r);
    out->stamped = get_u64(r);
    out->first.key = get_u64(r);
    out->last.key = get_u64(r);
}

typedef int add_fn(struct oks_strings *strings, struct oks_slice s, size_t max);

static void get_strings(struct snapshot_reader *r, struct oks_strings *out, add_fn *add, size_t max)
{
    uint32_t n = get_u32(r);

    for (uint32_t i = 0; !r->failed && i < n; i++) {
        struct oks_slice s = get_slice(r);

        r->failed |= !s.ptr || add(out, s, max) != 0;
    }
}

static void get_models(struct snapshot_reader *r, struct oks_models *out)
{
    uint32_t n = get_u32(r);

    for (uint32_t i = 0; !r->failed && i < n; i++) {
        struct oks_slice name = get_slice(r);
        struct oks_totals totals;

        get_totals(r, &totals);
        r->failed |= !name.ptr || oks_models_add(out, name, &totals, NULL) < 0;
    }
}

static void get_tools(struct snapshot_reader *r, struct oks_tool_sets *out)
{
    uint32_t n = get_u32(r);

    for (uint32_t i = 0; !r->failed && i < n; i++) {
        struct oks_slice text = get_slice(r);
        uint64_t events = get_u64(r), calls = get_u64(r);

        r->failed |= !text.ptr || oks_tool_sets_add(out, text, events, calls, NULL) < 0;
    }
}

/* Moves the rows into the transcript and into billing. */
static void get_rows(struct oks_engine *e, struct snapshot_reader *r, struct transcript *t)
{
    struct oks_events *events = NULL;
    struct oks_requests *requests = NULL;
    const void *bytes;
    size_t n;

    n = get_u64(r);
    bytes = get_bytes(r, n);
    if (!bytes || oks_events_unpack(&events, bytes, n) < 0)
        r->failed = true;
    n = get_u64(r);
    bytes = get_bytes(r, n);
    if (!bytes || requests_unpack(&requests, bytes, n) < 0)
        r->failed = true;
    if (r->failed) {
        oks_events_free(events);
        oks_requests_free(requests);
        return;
    }
    oks_events_free(t->state.events);
    t->state.events = events;
    if (billing_enter(e->model.billing, t->billed, requests) < 0)
        r->failed = true;
    oks_requests_free(t->state.requests);
    t->state.requests = requests;
}

/* Reads one entry. */
static void get_transcript(struct oks_engine *e, struct snapshot_reader *r, struct transcript *t)
{
    struct file_mark before = t->mark;
    struct oks_state *s = &t->state;

    get(r, &t->mark, sizeof(t->mark));
    session_file_changed(t, &before);
    s->offset = s->extra_offset = get_u64(r);
    s->dev = get_u64(r);
    s->ino = get_u64(r);
    s->lines = get_u64(r);
    s->bad = get_u64(r);
    s->odd = get_u64(r);
    s->identity.len = get_u32(r);
    get(r, s->identity.sha256, sizeof(s->identity.sha256));
    s->tail_len = get_u32(r);
    get(r, s->tail_sha256, sizeof(s->tail_sha256));
    get_text(r, &s->agent_name);
    get_text(r, &s->model);
    get_text(r, &s->session_id);
    get_text(r, &s->label);
    get_text(r, &s->label_team);
    get_text(r, &s->reader_state);
    get_totals(r, &t->totals);
    get_strings(r, &s->teams, oks_strings_add_folded, OKS_TEAMS_MAX);
    get_strings(r, &s->cwds, oks_strings_add, OKS_CWDS_MAX);
    get_strings(r, &s->compactions, oks_strings_add, OKS_COMPACTIONS_MAX);
    get_models(r, &s->models);
    get_models(r, &s->tags);
    get_tools(r, &s->tools);
    get_rows(e, r, t);
}

/* --- the file --- */

static bool is_whole(const char *bytes, size_t len, const uint8_t sha256[OKS_SHA256_BYTES])
{
    uint8_t found[OKS_SHA256_BYTES];

    return oks_sha256(bytes, len, found) == 0 && memcmp(found, sha256, sizeof(found)) == 0;
}

static int by_path(const void *a, const void *b)
{
    return oks_slice_cmp(((const struct snapshot_entry *)a)->path, ((const struct snapshot_entry *)b)->path);
}

/* Reads the contents; returns the number of requests in all entries, or 0 if they do not have the bytes for
 * it. */
static uint64_t read_contents(struct snapshot *snapshot, const struct footer *footer)
{
    struct snapshot_reader r = {snapshot->contents, snapshot->contents + footer->len, false};
    uint64_t rows = 0;

    for (uint64_t i = 0; i < footer->n; i++) {
        struct snapshot_entry entry = {.path = get_slice(&r), .at = get_u64(&r), .len = get_u64(&r)};

        rows += get_u64(&r);
        entry.sha256 = get_bytes(&r, OKS_SHA256_BYTES);
        if (r.failed || !entry.path.ptr || entry.at > footer->at || entry.len > footer->at - entry.at)
            break;
        snapshot->entries[snapshot->n++] = entry;
    }
    if (snapshot->n)
        qsort(snapshot->entries, snapshot->n, sizeof(*snapshot->entries), by_path);
    return rows <= footer->at ? rows : 0;
}

static bool footer_is_ours(const struct footer *footer, uint64_t size)
{
    uint64_t before = size - sizeof(*footer);

    return memcmp(footer->magic, magic, sizeof(magic)) == 0 && footer->endian == ENDIAN_MARK &&
           footer->at <= before && footer->len == before - footer->at &&
           footer->n <= footer->len / (sizeof(uint32_t) + 3 * sizeof(uint64_t) + OKS_SHA256_BYTES);
}

static void snapshot_free(struct snapshot *snapshot)
{
    close(snapshot->fd);
    free(snapshot->contents);
    free(snapshot->entries);
    free(snapshot->bytes);
    free(snapshot);
}

void snapshot_load(struct oks_engine *e)
{
    struct footer footer;
    struct snapshot *snapshot;
    uint64_t size;
    int fd = e->cache ? oks_cache_open(e->cache, snapshot_folder, snapshot_name, &size) : -ENOENT;

    if (fd < 0)
        return;
    snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot || size < sizeof(footer) ||
        read_file_at(fd, &footer, sizeof(footer), size - sizeof(footer)) < 0 ||
        !footer_is_ours(&footer, size)) {
        free(snapshot);
        close(fd);
        return;
    }
    snapshot->fd = fd;
    snapshot->contents = malloc(footer.len + 1);
    snapshot->entries = calloc(footer.n + 1, sizeof(*snapshot->entries));
    if (!snapshot->contents || !snapshot->entries ||
        read_file_at(fd, snapshot->contents, footer.len, footer.at) < 0 ||
        !is_whole(snapshot->contents, footer.len, footer.sha256)) {
        snapshot_free(snapshot);
        return;
    }
    billing_expect(e->model.billing,
                   read_contents(snapshot, &footer)); /* for speed; on ENOMEM the map grows later */
    e->snapshot = snapshot;
}

void snapshot_forget(struct oks_engine *e)
{
    if (e->snapshot)
        snapshot_free(e->snapshot);
    e->snapshot = NULL;
}

/* The bytes of an entry, valid until the next call; NULL: damaged, or ENOMEM. */
static const char *entry_bytes(struct snapshot *snapshot, const struct snapshot_entry *entry)
{
    if (!OKS_ROOM(snapshot->bytes, entry->len, snapshot->room))
        return NULL;
    return read_file_at(snapshot->fd, snapshot->bytes, entry->len, entry->at) == 0 &&
                   is_whole(snapshot->bytes, entry->len, entry->sha256)
               ? snapshot->bytes
               : NULL;
}

bool snapshot_restore(struct oks_engine *e, struct transcript *t)
{
    struct snapshot_entry key = {.path = oks_slice_of(t->path)}, *found;
    struct snapshot_reader r = {0};

    if (!e->snapshot || e->snapshot->n == 0)
        return false;
    found = bsearch(&key, e->snapshot->entries, e->snapshot->n, sizeof(key), by_path);
    r.p = found ? entry_bytes(e->snapshot, found) : NULL;
    if (!r.p)
        return false;
    r.end = r.p + found->len;
    get_transcript(e, &r, t);
    t->loaded = !r.failed;
    if (!r.failed) {
        stream_committed(&e->streams, t);
        catalog_inode_is(&e->model.catalog, t, t->state.ino);
        catalog_count(&e->model.catalog, t);
        return true;
    }
    billing_leave(e->model.billing, t->billed);
    transcript_forget(t);
    return false;
}
