/* What readers of lines share: names of bounded length, ids and times as text (private to the
 * sources). */
#ifndef OKSTRAFS_SOURCES_SOURCE_TEXT_H
#define OKSTRAFS_SOURCES_SOURCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/words.h"
#include "okstrafs/stamp.h"

enum { SOURCE_NAME_MAX = 255 }; /* bytes of an id or a model */

struct source_name {
    uint8_t len;
    char text[SOURCE_NAME_MAX + 1]; /* "": not known */
};

/* Cut to what fits, and to what is in front of a NUL. */
void source_name_set(struct source_name *name, struct oks_slice s);
/* Absent where it is not known. */
static inline struct oks_slice source_name_slice(const struct source_name *name)
{
    return name->len ? (struct oks_slice){name->text, name->len} : (struct oks_slice){0};
}

void source_name_get(struct memo_reader *r, struct source_name *name);
void source_name_put(struct memo_writer *w, const struct source_name *name);

/* Keys of stamps. A line is mostly of the same minute as the one before it. Zeroed: at the begin. */
struct source_clock {
    uint64_t minute, key; /* milliseconds after 1970, and the key; 0: none yet */
    uint64_t day, date;   /* the same of the day: days after 1970, and 20260610 */
};

/* The key of the stamp (okstrafs/stamp.h) that a transcript would have for so many milliseconds after 1970; 0
 * after the year 9999. */
uint64_t source_time(struct source_clock *clock, uint64_t ms);
/* That stamp as text, in out; absent after the year 9999. */
struct oks_slice source_stamp(uint64_t ms, char out[OKS_STAMP_TEXT]);
/* Milliseconds of a JSON number of seconds in a line, cut; false: it is none, or too large. */
bool source_seconds(struct oks_slice number, uint64_t *ms);

enum { SOURCE_ID_MAX = SOURCE_NAME_MAX + 18 };

/* An id of a request: a name, a slash, and the key in hexadecimal digits. */
struct oks_slice source_id(const char *name, uint64_t key, char out[SOURCE_ID_MAX]);

#endif
