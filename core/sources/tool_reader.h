/*
 * The operations of a reader of tool calls, around the shape of its source. A .c file includes this behind
 * its fields, json_table.h, shape_open() and shape_close(). Its shape has, besides `text`, the elements of
 * the array that it collects: `items`, `n_items`, `items_room`, `no_memory`. Then the file defines
 *
 *   tools_begin(shape)               clears what a line may leave out
 *   tools_tell(shape, note, sink)    calls sink->tool; the note has its offset, and zeros
 */
#ifndef OKSTRAFS_SOURCES_TOOL_READER_H
#define OKSTRAFS_SOURCES_TOOL_READER_H

#include "sources/tools.h"

static void tools_begin(struct shape *s);

static inline void shape_begin(struct shape *shape, size_t length)
{
    fields_begin(&shape->text, length);
    shape->n_items = 0;
    shape->no_memory = false;
    tools_begin(shape);
}

/* These in this order: the fields are what the readers are made for. */
#include "scan/json_scalar.h"
#include "scan/json_walk.h"

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink);

struct tools {
    struct shape shape;
    struct oks_record record;
};

static int tools_make(void **out)
{
    *out = calloc(1, sizeof(struct tools));
    return *out ? 0 : -ENOMEM;
}

static void tools_free(void *reader)
{
    struct tools *t = reader;

    if (!t)
        return;
    free(t->shape.items);
    fields_free(&t->shape.text);
    free(t);
}

static void tools_trim(void *reader)
{
    fields_trim(&((struct tools *)reader)->shape.text);
}

static int tools_judge(struct tools *t, int verdict, struct oks_record **record)
{
    *record = &t->record;
    return verdict == JSON_LINE_OBJECT && t->shape.no_memory ? -ENOMEM : verdict;
}

static int tools_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                        bool *teams)
{
    struct tools *t = reader;

    return tools_judge(t, scalar_line(&t->shape, buf + from, buf + to, teams), record);
}

static int tools_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                      struct oks_record **record, bool *teams)
{
    struct tools *t = reader;

    return tools_judge(t, walk_line(&t->shape, buf, from, to, cursor, teams), record);
}

static int tools_tell_line(void *reader, uint64_t offset, uint64_t length, bool complete,
                           const struct oks_sink *sink)
{
    struct oks_tool_note note = {.offset = offset};

    (void)length;
    return complete && sink->tool ? tools_tell(&((struct tools *)reader)->shape, &note, sink) : 0;
}

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

#define TOOL_READER                                                                         \
    {                                                                                       \
        .make = tools_make, .free = tools_free, .trim = tools_trim, .scalar = tools_scalar, \
        .walk = tools_walk, .tell = tools_tell_line                                         \
    }

#endif
