/*
 * Time zones: TZif files (RFC 8536) and POSIX strings, as values.
 *
 * A file holds the transitions of the past, and a POSIX string for what comes after the last of them. What
 * stands in a file is somebody else's: sizes are checked against the file's, times must rise.
 *
 * Invariant: `at` rises strictly, and every offset is less than two days.
 */
#include "okstrafs/zone.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/read_file.h"
#include "time/zone_rule.h"

enum {
    FILE_MAX_BYTES = 1 << 20,
    TRANSITIONS_MAX = 1 << 16,
    HEADER = 44,
    TYPE_BYTES = 6,
    OFFSET_MAX = 26 * 3600,
    DAY = 86400,
};

struct transition {
    int64_t at;
    int32_t offset;
};

struct oks_zone {
    int32_t before; /* the first transition */
    size_t n;
    struct transition *transitions;
    bool has_rule;
    struct zone_rule rule; /* behind the last transition */
};

/* --- TZif --- */

struct reader {
    const unsigned char *p;
    size_t left;
};

struct counts {
    uint32_t ut, std, leap, time, type, chars;
};

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return (int64_t)value;
}

static const unsigned char *take(struct reader *r, size_t n)
{
    const unsigned char *p = r->p;

    if (n > r->left)
        return NULL;
    r->p += n;
    r->left -= n;
    return p;
}

static bool take_header(struct reader *r, struct counts *c, int *version)
{
    const unsigned char *p = take(r, HEADER);

    if (!p || memcmp(p, "TZif", 4) != 0)
        return false;
    *version = p[4];
    c->ut = (uint32_t)big_endian(p + 20, 4);
    c->std = (uint32_t)big_endian(p + 24, 4);
    c->leap = (uint32_t)big_endian(p + 28, 4);
    c->time = (uint32_t)big_endian(p + 32, 4);
    c->type = (uint32_t)big_endian(p + 36, 4);
    c->chars = (uint32_t)big_endian(p + 40, 4);
    return c->type > 0 && c->type <= 256 && c->time <= TRANSITIONS_MAX;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
    return c->time * (time_bytes + 1) + c->type * (size_t)TYPE_BYTES + c->chars + c->leap * (time_bytes + 4) +
           (size_t)c->std + c->ut;
}

static bool offset_of(const unsigned char *types, uint32_t i, int32_t *offset)
{
    *offset = (int32_t)big_endian(types + (size_t)i * TYPE_BYTES, 4);
    return *offset > -OFFSET_MAX && *offset < OFFSET_MAX;
}

static int take_block(struct reader *r, const struct counts *c, size_t time_bytes, struct oks_zone *zone)
{
    const unsigned char *block = take(r, block_bytes(c, time_bytes)), *index, *types;

    if (!block)
        return -EINVAL;
    index = block + c->time * time_bytes;
    types = index + c->time;
    zone->transitions = calloc(c->time ? c->time : 1, sizeof(*zone->transitions));
    if (!zone->transitions)
        return -ENOMEM;
    if (!offset_of(types, 0, &zone->before))
        return -EINVAL;
    for (uint32_t i = 0; i < c->time; i++) {
        struct transition *t = &zone->transitions[zone->n];

        t->at = big_endian(block + i * time_bytes, (int)time_bytes);
        if (index[i] >= c->type || !offset_of(types, index[i], &t->offset) || (i > 0 && t->at <= t[-1].at))
            return -EINVAL;
        zone->n++;
    }
    return 0;
}

/* The line at the end: a POSIX string, or empty. */
static int take_footer(struct reader *r, struct oks_zone *zone)
{
    char text[256];
    const unsigned char *end;
    size_t n;

    if (r->left < 2 || *r->p != '\n')
        return -EINVAL;
    end = memchr(r->p + 1, '\n', r->left - 1);
    n = end ? (size_t)(end - r->p - 1) : sizeof(text);
    if (n >= sizeof(text))
        return -EINVAL;
    memcpy(text, r->p + 1, n);
    text[n] = '\0';
    zone->has_rule = n > 0;
    return n == 0 || zone_rule_parse(text, &zone->rule) ? 0 : -EINVAL;
}

static int read_tzif(const char *bytes, size_t len, struct oks_zone *zone)
{
    struct reader r = {(const unsigned char *)bytes, len};
    struct counts counts;
    int version, rc;

    if (!take_header(&r, &counts, &version))
        return -EINVAL;
    if (version == 0)
        return take_block(&r, &counts, 4, zone);
    if (!take(&r, block_bytes(&counts, 4)) || !take_header(&r, &counts, &version))
        return -EINVAL;
    rc = take_block(&r, &counts, 8, zone);
    return rc < 0 ? rc : take_footer(&r, zone);
}

/* --- names --- */

static int read_zone_file(const char *name, const char *folder, struct oks_zone *zone)
{
    char path[PATH_MAX], *bytes;
    size_t len;
    int rc;

    if (*name != '/' && (!folder || strstr(name, "..")))
        return -ENOENT;
    if (snprintf(path, sizeof(path), *name == '/' ? "%.0s%s" : "%s/%s", folder ? folder : "", name) >=
        (int)sizeof(path))
        return -ENOENT;
    rc = read_file_whole(path, FILE_MAX_BYTES, &bytes, &len);
    if (rc < 0)
        return rc == -ENOMEM ? rc : -ENOENT;
    rc = read_tzif(bytes, len, zone);
    free(bytes);
    return rc;
}

static bool is_utc(const char *name)
{
    return !*name || strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || strcmp(name, "UTC0") == 0;
}

int oks_zone_read(struct oks_zone **out, const void *bytes, size_t len)
{
    struct oks_zone *zone = calloc(1, sizeof(*zone));
    int rc = zone ? read_tzif(bytes, len, zone) : -ENOMEM;

    if (rc < 0)
        oks_zone_free(zone);
    else
        *out = zone;
    return rc;
}

int oks_zone_new(struct oks_zone **out, const char *name, const char *folder)
{
    struct oks_zone *zone = calloc(1, sizeof(*zone));
    bool only_file = *name == ':';
    int rc = 0;

    if (!zone)
        return -ENOMEM;
    name += only_file;
    if (!is_utc(name)) {
        rc = read_zone_file(name, folder, zone);
        if (rc == -ENOENT && !only_file && zone_rule_parse(name, &zone->rule)) {
            zone->has_rule = true;
            rc = 0;
        }
    }
    if (rc < 0) {
        oks_zone_free(zone);
        return rc;
    }
    *out = zone;
    return 0;
}

void oks_zone_free(struct oks_zone *zone)
{
    if (!zone)
        return;
    free(zone->transitions);
    free(zone);
}

/* --- asking --- */

/* How many transitions are at or before the time. */
static size_t passed(const struct oks_zone *zone, int64_t time)
{
    size_t low = 0, high = zone->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (zone->transitions[mid].at <= time)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int32_t oks_zone_offset(const struct oks_zone *zone, int64_t time, int64_t *until)
{
    size_t i = zone ? passed(zone, time) : 0;
    int64_t unwanted;

    until = until ? until : &unwanted;
    *until = INT64_MAX;
    if (!zone)
        return 0;
    if (i == zone->n && zone->has_rule)
        return zone_rule_offset(&zone->rule, time, until);
    if (i < zone->n)
        *until = zone->transitions[i].at;
    return i ? zone->transitions[i - 1].offset : zone->before;
}

/* The earliest time whose local date is that day or a later one: a change of the clock may skip its midnight.
 */
int64_t oks_zone_day_start(const struct oks_zone *zone, int64_t day)
{
    int64_t midnight = day * DAY, from = midnight - OFFSET_MAX - DAY;

    for (;;) {
        int64_t until, start;
        int32_t offset = oks_zone_offset(zone, from, &until);

        start = midnight - offset > from ? midnight - offset : from;
        if (start < until)
            return start;
        from = until;
    }
}

int64_t oks_zone_day(const struct oks_zone *zone, int64_t time)
{
    int64_t local = time + oks_zone_offset(zone, time, NULL);
    int64_t day = local / DAY - (local % DAY < 0);

    /* Where clocks are put back over midnight (or two) the date returns for a while; the day does not. */
    while (oks_zone_day_start(zone, day + 1) <= time)
        day++;
    return day;
}
