/*
 * Rescans: reads a transcript again, for facts that the model does not keep of each line.
 *
 * The ledger of a session is a list of its lines. What a thread needs to read them is copied under the lock;
 * the file is read without it. The caller then checks that the transcript is still the one that it was.
 */
#include "catalog/rescan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "files/walk.h"
#include "catalog/transcript_scan.h"

struct rescan_reading {
    uint64_t end;
    int (*fn)(void *ctx, const struct oks_record *record);
    void *ctx;
};

enum { AT_END = 1 };

static int read_record(void *ctx, const struct oks_record *r, bool complete)
{
    const struct rescan_reading *reading = ctx;

    (void)complete;
    return r->offset >= reading->end ? AT_END : reading->fn(reading->ctx, r);
}

int rescan_file_init(struct catalog *c, const struct transcript *t, struct rescan_file *out)
{
    *out = (struct rescan_file){0};
    if (transcript_is_remote(t) && t->root->silent)
        return -ETIMEDOUT; /* the reader would wait for ever */
    *out = (struct rescan_file){.path = strdup(t->path),
                                .end = t->mark.size,
                                .cursor = t->state.offset,
                                .dev = t->mark.dev,
                                .ino = t->mark.ino,
                                .source = t->source->id,
                                .whole = t->whole,
                                .packed = t->packed,
                                .peer_states = placement_peer_states(c, t)};
    return out->path && out->peer_states ? 0 : -ENOMEM;
}

void rescan_file_clear(struct rescan_file *file)
{
    free(file->path);
    free(file->peer_states);
    *file = (struct rescan_file){0};
}

int rescan_file_read(enum oks_isa isa, const struct rescan_file *file,
                     int (*fn)(void *ctx, const struct oks_record *record), void *ctx)
{
    struct rescan_reading reading = {file->packed ? UINT64_MAX : file->end, fn, ctx};
    struct oks_sink sink = {.ctx = &reading, .record = read_record};
    struct oks_scan_result result = {0};
    struct oks_scanner *scanner = NULL;
    struct stat st;
    char *peers = NULL;
    const struct source *source = oks_sources[file->source];
    int fd = source->members ? -1 : oks_open_regular(file->path, &st);
    int rc = fd < 0 && !source->members ? fd : oks_scanner_new(&scanner, isa);

    if (rc >= 0)
        rc = about_peers(source, file->path, "", file->peer_states, &peers);
    if (rc >= 0)
        rc = source_scanner_set(scanner, file->source, "", peers ? peers : file->peer_states);
    free(peers);
    if (rc >= 0)
        rc = source->members ? transcript_scan_member(source, file->path, scanner, &sink, NULL, &result)
             : file->whole   ? transcript_scan_whole(fd, scanner, &sink, &result)
             : file->packed  ? oks_scanner_scan_packed(scanner, fd, &sink, NULL, &result)
                             : oks_scanner_scan_fd(scanner, fd, 0, &sink, NULL, &result);
    oks_scanner_free(scanner);
    if (fd >= 0)
        close(fd);
    return rc == AT_END ? 0 : rc;
}

struct tools_reading {
    uint64_t end;
    int (*fn)(void *ctx, const struct oks_tool_note *note);
    void *ctx;
};

static int read_note(void *ctx, const struct oks_tool_note *note)
{
    const struct tools_reading *reading = ctx;

    return note->offset >= reading->end ? AT_END : reading->fn(reading->ctx, note);
}

static int open_same(const struct rescan_file *file)
{
    struct stat st;
    int fd = oks_open_regular(file->path, &st);

    if (fd < 0)
        return fd == -ENOENT ? -ESTALE : fd;
    if (st.st_dev == file->dev && st.st_ino == file->ino)
        return fd;
    close(fd);
    return -ESTALE;
}

int rescan_tools_read(enum oks_isa isa, const struct rescan_file *file, uint64_t from,
                      int (*fn)(void *ctx, const struct oks_tool_note *note), void *ctx)
{
    bool all = file->whole || file->packed;
    struct tools_reading reading = {all ? UINT64_MAX : file->cursor, fn, ctx};
    const struct oks_scan_part part = {.offset = from, .limit = all ? 0 : file->cursor - from};
    struct oks_sink sink = {.ctx = &reading, .tool = read_note};
    struct oks_scan_result result = {0};
    struct oks_scanner *scanner = NULL;
    const struct source *source = oks_sources[file->source];
    int fd, rc;

    if (!source->tools)
        return 0;
    fd = source->members ? -1 : open_same(file);
    rc = fd < 0 && !source->members ? fd : oks_scanner_new(&scanner, isa);
    if (rc >= 0)
        rc = source_scanner_set_tools(scanner, file->source);
    if (rc >= 0)
        rc = source->members ? transcript_scan_member(source, file->path, scanner, &sink, NULL, &result)
             : file->whole   ? transcript_scan_whole(fd, scanner, &sink, &result)
             : file->packed  ? oks_scanner_scan_packed(scanner, fd, &sink, NULL, &result)
                             : oks_scanner_scan_part(scanner, fd, &part, &sink, NULL, &result);
    oks_scanner_free(scanner);
    if (fd >= 0)
        close(fd);
    return rc == AT_END ? 0 : rc;
}
