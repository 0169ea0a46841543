/*
 * The lookup of request ids that are not in memory, for the lines of a stream: in cache files, then in
 * transcripts, and of deleted ones in the history store; without the lock.
 */
#include "streams/stream_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "catalog/transcript.h"
#include "files/walk.h"
#include "sources/source.h"
#include "streams/stream.h"

struct ids_file {
    const struct transcript *t; /* only compared: it may be freed before ids are looked up */
    enum oks_source source;
    char *path, *folder, *name; /* of the transcript, and of its cache entry */
    size_t from, to;            /* range of `wanted` */
};

static void file_clear(struct ids_file *file)
{
    free(file->path);
    free(file->folder);
    free(file->name);
}

/* Rows that are sent again come in any order, and are looked up in ascending order. */
static struct ids_file *file_of(struct stream_ids *ids, const struct transcript *t, size_t row)
{
    struct ids_file *file = ids->n_files ? &ids->files[ids->n_files - 1] : NULL;

    if (file && file->t == t && ids->wanted[file->to - 1].place.row <= row)
        return file;
    if (!OKS_GROW(ids->files, ids->n_files, ids->files_room))
        return NULL;
    file = &ids->files[ids->n_files];
    *file = (struct ids_file){.t = t,
                              .source = t->source->id,
                              .path = strdup(t->path),
                              .folder = strdup(t->cache_folder),
                              .name = strdup(t->cache_name),
                              .from = ids->n_wanted,
                              .to = ids->n_wanted};
    if (file->path && file->folder && file->name) {
        ids->n_files++;
        return file;
    }
    file_clear(file);
    return NULL;
}

int stream_ids_want(struct stream_ids *ids, const struct transcript *t, struct request_place place,
                    size_t line)
{
    struct ids_file *file;

    if (!OKS_GROW(ids->wanted, ids->n_wanted, ids->wanted_room))
        return -ENOMEM;
    file = file_of(ids, t, place.row);
    if (!file)
        return -ENOMEM;
    ids->wanted[ids->n_wanted++] = (struct ids_wanted){.place = place, .line = line};
    file->to = ids->n_wanted;
    return 0;
}

struct finding {
    struct ids_wanted *next, *end; /* ascending by row */
    stream_ids_fn *fn;
    void *ctx;
};

/* Rows come ascending, as `wanted` is. */
static int found(void *ctx, size_t row, uint64_t key, struct oks_slice message_id,
                 struct oks_slice request_id)
{
    struct finding *f = ctx;
    int rc = 0;

    while (f->next < f->end && f->next->place.row < row)
        f->next++;
    for (; rc == 0 && f->next < f->end && f->next->place.row == row; f->next++) {
        if (f->next->found || f->next->place.key != key)
            continue;
        f->next->found = true;
        rc = f->fn(f->ctx, f->next->line, message_id, request_id);
    }
    return rc;
}

/* Looks up what the cache file did not have. */
static int find_in_transcript(const struct ids_file *file, enum oks_isa isa, struct finding f)
{
    size_t n = 0;
    struct request_place *places = calloc((size_t)(f.end - f.next) + 1, sizeof(*places));
    struct oks_scanner *scanner = NULL;
    struct stat st;
    int fd = -1, rc = places ? source_scanner_new(&scanner, isa, file->source) : -ENOMEM;

    for (const struct ids_wanted *w = f.next; rc == 0 && w < f.end; w++)
        if (!w->found)
            places[n++] = w->place;
    if (rc == 0 && n) {
        fd = oks_open_regular(file->path, &st);
        rc = fd < 0 ? fd : request_ids_read(scanner, fd, oks_slice_of(file->name), places, n, found, &f);
    }
    if (fd >= 0)
        close(fd);
    oks_scanner_free(scanner);
    free(places);
    return rc == -ENOENT ? -ESTALE : rc;
}

static bool all_found(const struct finding *f)
{
    for (const struct ids_wanted *w = f->next; w < f->end; w++)
        if (!w->found)
            return false;
    return true;
}

static int find_in_file(struct stream_ids *ids, const struct ids_file *file,
                        const struct stream_sources *sources, stream_ids_fn *fn, void *ctx)
{
    struct finding f = {&ids->wanted[file->from], &ids->wanted[file->to], fn, ctx}, start = f;
    size_t from = f.next->place.row, to = f.end[-1].place.row + 1;
    int rc =
        sources->cache ? oks_cache_each_id(sources->cache, file->folder, file->name, from, to, found, &f) : 0;

    if (rc < 0 || all_found(&start))
        return rc < 0 ? rc : 0;
    rc = find_in_transcript(file, sources->isa, start);
    if (rc != -ESTALE || !sources->history)
        return rc;
    f = start;
    rc = history_store_each_id(sources->history, file->path, from, to, found, &f);
    return rc == 0 && !all_found(&start) ? -ESTALE : rc;
}

int stream_ids_find(struct stream_ids *ids, const struct stream_sources *sources, stream_ids_fn *fn,
                    void *ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ids->n_files; i++)
        rc = find_in_file(ids, &ids->files[i], sources, fn, ctx);
    return rc;
}

void stream_ids_clear(struct stream_ids *ids)
{
    for (size_t i = 0; i < ids->n_files; i++)
        file_clear(&ids->files[i]);
    free(ids->files);
    free(ids->wanted);
    *ids = (struct stream_ids){0};
}
