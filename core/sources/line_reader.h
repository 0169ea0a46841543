/*
 * The operations of a reader of records, around the shape of its source (json_fields.h). A .c file includes
 * this behind its fields, json_table.h, shape_open() and shape_close(). Its shape begins with `text`; behind
 * it is `line`, which is cleared before each line. Then the file defines
 *
 *   line_odd(line)                    how many token values of a line are no counts
 *   line_tell(reader, place, sink)    delivers what the line in reader->shape says
 *
 * and struct memory before, which is what it keeps from line to line. An unfinished line changes nothing in
 * it. LINE_READER are the operations; `begin` and `memo` come besides.
 */
#ifndef OKSTRAFS_SOURCES_LINE_READER_H
#define OKSTRAFS_SOURCES_LINE_READER_H

#include "base/words.h"
#include "scan/counts.h"
#include "sources/source.h"

static inline void shape_begin(struct shape *shape, size_t length)
{
    fields_begin(&shape->text, length);
    memset(&shape->line, 0, sizeof(shape->line));
}

/* These in this order: the fields are what the readers are made for. */
#include "scan/json_scalar.h"
#include "scan/json_walk.h"

struct line_reader {
    struct shape shape;
    struct oks_record record; /* the one that is delivered */
    struct memory memory;
};

/* Where the line is. */
struct line_place {
    uint64_t offset, length;
    bool complete;
};

static uint64_t line_odd(const struct line *line);
static int line_tell(struct line_reader *reader, const struct line_place *place, const struct oks_sink *sink);

static inline int line_make(void **out)
{
    *out = calloc(1, sizeof(struct line_reader));
    return *out ? 0 : -ENOMEM;
}

static void line_free(void *reader)
{
    struct line_reader *r = reader;

    if (!r)
        return;
    fields_free(&r->shape.text);
    free(r);
}

static void line_trim(void *reader)
{
    fields_trim(&((struct line_reader *)reader)->shape.text);
}

static int line_judged(struct line_reader *r, int verdict, struct oks_record **record)
{
    if (verdict == JSON_LINE_OBJECT)
        r->record.odd = r->shape.text.odd ? line_odd(&r->shape.line) : 0;
    *record = &r->record;
    return verdict;
}

static int line_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                       bool *teams)
{
    struct line_reader *r = reader;

    return line_judged(r, scalar_line(&r->shape, buf + from, buf + to, teams), record);
}

static int line_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                     struct oks_record **record, bool *teams)
{
    struct line_reader *r = reader;

    return line_judged(r, walk_line(&r->shape, buf, from, to, cursor, teams), record);
}

static __attribute__((noinline)) int tail_told(struct line_reader *r, const struct line_place *place,
                                               const struct oks_sink *sink)
{
    const struct memory before = r->memory;
    int rc = line_tell(r, place, sink);

    r->memory = before;
    return rc;
}

static int line_told(void *reader, uint64_t offset, uint64_t length, bool complete,
                     const struct oks_sink *sink)
{
    const struct line_place place = {offset, length, complete};

    return (complete ? line_tell : tail_told)(reader, &place, sink);
}

/* The record, empty but for its place and what is odd in the line. */
static inline struct oks_record *line_record(struct line_reader *r, const struct line_place *place)
{
    struct oks_record *record = &r->record;
    uint64_t odd = record->odd;

    oks_record_clear(record);
    record->odd = odd;
    record->offset = place->offset;
    record->length = place->length;
    return record;
}

static inline bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static inline uint64_t odd_of(const struct count *counts, size_t n)
{
    uint64_t odd = 0;

    for (size_t i = 0; i < n; i++)
        odd += counts[i].odd;
    return odd;
}

static inline uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

#define LINE_READER                                                                                    \
    .make = line_make, .free = line_free, .trim = line_trim, .scalar = line_scalar, .walk = line_walk, \
    .tell = line_told

#endif
