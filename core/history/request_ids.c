/*
 * Reading the ids of requests from their transcript.
 *
 * A window of the file is held, so that rows that lie close together cost one read. A line is found by its
 * offset and proven by its key: the key is made of the id, or of the line's place and counts.
 */
#include "history/request_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

enum { WINDOW = 64 << 10 };

struct window {
    int fd;
    char *bytes;
    size_t len, room;
    uint64_t offset; /* of its first byte */
};

/* Reads on until so many bytes are held or the file ends. */
static int window_fill(struct window *w, size_t want)
{
    if (!OKS_ROOM(w->bytes, want, w->room))
        return -ENOMEM;
    while (w->len < want) {
        ssize_t n = pread(w->fd, w->bytes + w->len, want - w->len, (off_t)(w->offset + w->len));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        w->len += (size_t)n;
    }
    return 0;
}

/* The window begins there and grows until it holds a whole line, or the file ends. */
static int window_move(struct window *w, uint64_t offset, const char **end)
{
    size_t want = 0, before;
    int rc;

    if (offset > INT64_MAX)
        return -ESTALE;
    w->offset = offset;
    w->len = 0;
    do {
        want = want ? want * 2 : WINDOW;
        before = w->len;
        rc = want / 2 > OKS_LINE_MAX ? -ESTALE : window_fill(w, want);
        if (rc < 0)
            return rc;
        *end = memchr(w->bytes + before, '\n', w->len - before);
    } while (!*end && w->len == want);
    return 0;
}

/* The line at that offset, with its newline if it has one. */
static int line_at(struct window *w, uint64_t offset, struct oks_slice *out)
{
    bool in_window = offset >= w->offset && offset - w->offset < w->len;
    const char *line = in_window ? w->bytes + (offset - w->offset) : NULL;
    const char *end = line ? memchr(line, '\n', w->len - (size_t)(line - w->bytes)) : NULL;
    int rc = end ? 0 : window_move(w, offset, &end);

    if (rc < 0)
        return rc;
    line = w->bytes + (offset - w->offset);
    *out = (struct oks_slice){line, end ? (size_t)(end - line) + 1 : w->len};
    return out->len ? 0 : -ESTALE;
}

/* The places of one line. */
struct reading {
    struct oks_slice name;
    const struct request_place *places;
    size_t n;
    size_t given;
    request_id_fn *fn;
    void *ctx;
};

static struct oks_slice cut(struct oks_slice id)
{
    if (id.len > REQUEST_ID_MAX)
        id.len = REQUEST_ID_MAX;
    return id.len ? id : (struct oks_slice){0};
}

static int give_place(const struct reading *r, const struct request_place *place,
                      const struct request_line *lines, size_t n)
{
    const struct request_line *line = NULL;

    for (size_t i = 0; !line && i < n; i++)
        if (lines[i].request.key == place->key)
            line = &lines[i];
    /* The lines before it, which are not read here, may say which response a part belongs to. */
    if (!line && n && lines[0].foreign && place->part != OKS_PART_RESPONSE)
        line = &lines[0];
    if (!line)
        return -ESTALE;
    return r->fn(r->ctx, place->row, place->key, cut(line->message_id), cut(line->request_id));
}

static int read_record(void *ctx, const struct oks_record *record, bool complete)
{
    struct request_line lines[REQUESTS_OF_RECORD];
    struct reading *r = ctx;
    struct request_runs none = {0};
    size_t n = request_lines(&none, record, r->name, lines);
    int rc = 0;

    (void)complete;
    for (; rc == 0 && r->given < r->n; r->given++)
        rc = give_place(r, &r->places[r->given], lines, n);
    return rc;
}

static size_t of_one_line(const struct request_place *places, size_t n)
{
    size_t same = 1;

    while (same < n && places[same].first == places[0].first)
        same++;
    return same;
}

int request_ids_read(struct oks_scanner *scanner, int fd, struct oks_slice name,
                     const struct request_place *places, size_t n, request_id_fn *fn, void *ctx)
{
    struct reading reading = {.name = name, .fn = fn, .ctx = ctx};
    struct oks_sink sink = {.ctx = &reading, .record = read_record};
    struct window w = {.fd = fd};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i += reading.n) {
        struct oks_scan_result result;
        struct oks_slice line;

        reading.places = &places[i];
        reading.n = of_one_line(&places[i], n - i);
        reading.given = 0;
        rc = line_at(&w, places[i].first, &line);
        if (rc == 0)
            rc = oks_scanner_scan_bytes(scanner, line.ptr, line.len, places[i].first, &sink, &result);
        if (rc == 0 && reading.given < reading.n)
            rc = -ESTALE;
    }
    free(w.bytes);
    return rc;
}

struct listing {
    struct request_place *places;
    size_t n, room;
};

static int list_row(void *ctx, size_t i, const struct request_row *row)
{
    struct listing *l = ctx;

    if (!row->ids_forgotten)
        return 0;
    if (!OKS_GROW(l->places, l->n, l->room))
        return -ENOMEM;
    l->places[l->n++] = (struct request_place){i, row->request.key, row->first, row->request.part};
    return 0;
}

int request_places(const struct oks_requests *requests, size_t from, size_t to, struct request_place **out,
                   size_t *n)
{
    struct listing l = {0};
    int rc = requests_each(requests, from, to, list_row, &l);

    if (rc < 0) {
        free(l.places);
        return rc;
    }
    *out = l.places;
    *n = l.n;
    return 0;
}
