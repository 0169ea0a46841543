/*
 * Rescans: reads transcripts again, for facts that the model does not keep of each line.
 *
 * An event does not say which model it belongs to; only the sums over all time are kept by model. So the
 * stats by model in a window read each transcript that the window cuts again, at some gigabytes a second. The
 * list of files is made under the lock; the files are read without it. The caller then checks that the
 * version of the data is still that of the list, and starts over if not.
 */
#include "catalog/rescan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/tree.h"
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
    *out = (struct rescan_file){.path = strdup(t->path),
                                .end = t->mark.size,
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
    int fd = oks_open_regular(file->path, &st), rc = fd < 0 ? fd : oks_scanner_new(&scanner, isa);

    if (rc >= 0)
        rc = source_scanner_set(scanner, file->source, "", file->peer_states);
    if (rc >= 0)
        rc = file->whole    ? transcript_scan_whole(fd, scanner, &sink, &result)
             : file->packed ? oks_scanner_scan_packed(scanner, fd, &sink, NULL, &result)
                            : oks_scanner_scan_fd(scanner, fd, 0, &sink, NULL, &result);
    oks_scanner_free(scanner);
    if (fd >= 0)
        close(fd);
    return rc == AT_END ? 0 : rc;
}

struct rescan_listing {
    struct catalog *c;
    struct rescan_window w;
    struct rescan *out;
    size_t room;
};

struct oks_totals rescan_span(const struct transcript *t)
{
    const struct oks_event *tail = &transcript_tail(t)->event;
    struct oks_totals totals = t->totals;
    struct oks_totals more = {
        .events = 1, .stamped = !oks_stamp_is_none(tail->stamp), .first = tail->stamp, .last = tail->stamp};

    if (transcript_tail(t)->counts)
        oks_totals_add(&totals, &more);
    return totals;
}

/* Whether the window includes some of its events, and not all. */
static bool is_cut(const struct transcript *t, struct rescan_window w)
{
    struct oks_totals totals = rescan_span(t);

    if (totals.stamped == 0)
        return false;
    return oks_stamp_within(totals.first, w.since, w.until) !=
               oks_stamp_within(totals.last, w.since, w.until) ||
           (!oks_stamp_within(totals.first, w.since, w.until) &&
            (totals.events > totals.stamped ||
             (!oks_stamp_is_none(w.since) && oks_stamp_cmp(totals.first, w.since) < 0 &&
              !oks_stamp_is_none(w.until) && oks_stamp_cmp(totals.last, w.until) > 0)));
}

static int list_transcript(void *ctx, void *item)
{
    const struct transcript *t = item;
    struct rescan_listing *l = ctx;

    if (t->retained || !is_cut(t, l->w))
        return 0; /* of a retained one there is no file */
    if (!OKS_GROW(l->out->parts, l->out->n, l->room))
        return -ENOMEM;
    l->out->parts[l->out->n] = (struct rescan_part){0};
    return rescan_file_init(l->c, t, &l->out->parts[l->out->n++].file);
}

int rescan_list(struct catalog *c, struct rescan_window w, struct rescan *out)
{
    struct rescan_listing listing = {.c = c, .w = w, .out = out};

    *out = (struct rescan){.version = c->versions->all};
    return oks_tree_until(c->transcripts, list_transcript, &listing);
}

struct by_model {
    struct rescan_window w;
    struct oks_models *models;
};

static int add_record(void *ctx, const struct oks_record *r)
{
    const struct by_model *by = ctx;
    struct oks_event event;

    if (!transcript_record_event(r, &event) || !oks_stamp_within(event.stamp, by->w.since, by->w.until))
        return 0;
    return transcript_record_model(by->models, r, &event);
}

int rescan_read(enum oks_isa isa, struct rescan_window w, struct rescan *rescan)
{
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < rescan->n; i++) {
        struct by_model by = {w, &rescan->parts[i].models};

        rc = rescan_file_read(isa, &rescan->parts[i].file, add_record, &by);
    }
    return rc;
}

const struct rescan_part *rescan_of(const struct rescan *rescan, const char *path)
{
    size_t low = 0, high = rescan->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = strcmp(path, rescan->parts[mid].file.path);

        if (d == 0)
            return &rescan->parts[mid];
        if (d < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

void rescan_clear(struct rescan *rescan)
{
    for (size_t i = 0; i < rescan->n; i++) {
        rescan_file_clear(&rescan->parts[i].file);
        oks_models_clear(&rescan->parts[i].models);
    }
    free(rescan->parts);
    *rescan = (struct rescan){0};
}
