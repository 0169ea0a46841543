/*
 * Whole lines in memory, one after the other, by the way that is quick where it can be.
 *
 * With a vector stage 1: index as many bytes as the index holds, walk the complete lines in it, and give
 * those that the walk doubts to the scalar reader. A line with more entries than the index holds (it would be
 * a hundred thousand brackets or so) goes to the scalar reader as a whole, so that the index never has to
 * grow.
 *
 * Counters and the cursor move before the callbacks of a line run: a callback that stops the scan finds the
 * stopping line included.
 */
#include "scan/scan_lines.h"

#include "scan/json_shape.h"
#include "scan/team_scan.h"

/* The line being delivered: buf[from .. to), '\n' at `to`. */
struct line {
    const char *buf;
    size_t from, to;
    uint64_t base;
    bool complete;
};

static void count_line(struct oks_scan_result *result, const struct line *line, int verdict,
                       const struct oks_record *record)
{
    if (!line->complete)
        return;
    result->cursor = line->base + line->to + 1;
    result->lines += verdict != JSON_LINE_EMPTY;
    result->bad += verdict == JSON_LINE_BAD;
    if (verdict == JSON_LINE_OBJECT)
        result->odd += record->odd;
}

static int send_record(struct oks_lines *lines, const struct line *line, struct oks_record *record)
{
    const struct oks_sink *sink = lines->sink;

    if (!sink->record && !sink->tool)
        return 0;
    if (lines->ops->tell)
        return lines->ops->tell(lines->reader, line->base + line->from, line->to - line->from, line->complete,
                                sink);
    record->offset = line->base + line->from;
    record->length = line->to - line->from;
    return sink->record(sink->ctx, record, line->complete);
}

struct team_sink {
    const struct oks_sink *sink;
    uint64_t offset;
};

static int send_team(void *ctx, struct oks_slice name)
{
    const struct team_sink *team = ctx;

    return team->sink->team(team->sink->ctx, name, team->offset);
}

int oks_lines_teams(struct oks_lines *lines, const char *s, size_t len, uint64_t offset, size_t *rest)
{
    struct team_sink team = {lines->sink, offset};

    if (lines->sink->team)
        return oks_team_scan(s, len, send_team, &team, rest);
    if (rest)
        *rest = len;
    return 0;
}

/* Counts the line, then tells of its teams (where `teams` says that there may be any), then of its record. */
static int deliver_line(struct oks_lines *lines, const struct line *line, int verdict, bool teams,
                        struct oks_record *record)
{
    int r = 0;

    count_line(lines->result, line, verdict, record);
    if (line->base + line->from == lines->start)
        lines->result->sound_start = verdict == JSON_LINE_OBJECT;
    if (teams)
        r = oks_lines_teams(lines, line->buf + line->from, line->to - line->from, line->base + line->from,
                            NULL);
    if (r == 0 && verdict == JSON_LINE_OBJECT)
        r = send_record(lines, line, record);
    return r;
}

/* A line without entries, too many of them, or entries that leave doubts. */
static int scalar_line(struct oks_lines *lines, const struct line *line)
{
    struct oks_record *record = NULL;
    int verdict = JSON_LINE_BAD;
    bool teams = true;

    if (line->to - line->from <= lines->line_max)
        verdict = lines->ops->scalar(lines->reader, line->buf, line->from, line->to, &record, &teams);
    return verdict < 0 ? verdict : deliver_line(lines, line, verdict, teams, record);
}

static int deliver_scalar(struct oks_lines *lines, struct line *line, size_t to)
{
    int r = 0;

    for (; r == 0 && line->from < to; line->from = line->to + 1) {
        line->to = (size_t)((const char *)memchr(line->buf + line->from, '\n', to - line->from) - line->buf);
        r = scalar_line(lines, line);
    }
    return r;
}

/* The line that begins at *entry and ends before buf[to]. Moves *entry to the next line's first one. */
static int indexed_line(struct oks_lines *lines, struct line *line, size_t to, const uint32_t **entry)
{
    struct oks_record *record = NULL;
    bool teams;
    int verdict = lines->ops->walk(lines->reader, line->buf, line->from, to, entry, &record, &teams);

    line->to = *(*entry)++;
    if (verdict == JSON_LINE_DOUBT || line->to - line->from > lines->line_max)
        return scalar_line(lines, line);
    return verdict < 0 ? verdict : deliver_line(lines, line, verdict, teams, record);
}

/* Entries up to and including the last newline. */
static size_t complete_entries(const char *buf, const struct oks_index *index)
{
    size_t n = index->n;

    while (n && buf[index->entries[n - 1]] != '\n')
        n--;
    return n;
}

static int deliver_indexed(struct oks_lines *lines, struct line *line, size_t to)
{
    const uint32_t *entry = lines->index->entries;
    const uint32_t *end = entry + complete_entries(line->buf, lines->index);
    int r = 0;

    for (; r == 0 && entry < end; line->from = line->to + 1)
        r = indexed_line(lines, line, to, &entry);
    return r;
}

int oks_lines_deliver(struct oks_lines *lines, const char *buf, size_t from, size_t to, uint64_t base,
                      bool complete)
{
    struct line line = {.buf = buf, .from = from, .base = base, .complete = complete};
    int r = 0;

    if (!lines->stage1)
        return deliver_scalar(lines, &line, to);
    while (r == 0 && line.from < to) {
        from = line.from;
        lines->stage1(buf, from, to, lines->index);
        r = deliver_indexed(lines, &line, to);
        if (r == 0 && line.from == from) {
            /* Not even one line went into the index. */
            line.to = (size_t)((const char *)memchr(buf + from, '\n', to - from) - buf);
            r = scalar_line(lines, &line);
            line.from = line.to + 1;
        }
    }
    return r;
}
