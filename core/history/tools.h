/*
 * The tools that events call: a list of sets of names, each with the number of its events and calls.
 *
 * Nearly every event calls one tool or none. One that calls several has a set of its own, with a name for
 * each call, so that calls by tool are exact. Names are a stranger's text: there are OKS_PLACES_MAX sets of a
 * transcript, and TOOL_SET_MAX bytes of one. What does not fit is counted as "(others)".
 */
#ifndef OKSTRAFS_HISTORY_TOOLS_H
#define OKSTRAFS_HISTORY_TOOLS_H

#include <stdint.h>

#include "scan/record.h"

enum { TOOL_SET_MAX = 255, TOOL_NAME_MAX = 64 }; /* bytes */

#define TOOLS_OTHERS "(others)"

struct oks_tool_sets {
    struct oks_tool_set {
        char *text; /* of tool_set_text() */
        uint64_t events, calls;
    } * items;
    size_t len;
};

/* The names of so many calls of a record as a text, written to `out`: sorted, a newline between. Empty: there
 * are no calls, or the source names no tools. */
struct oks_slice tool_set_text(const struct oks_record *record, uint64_t calls, char out[TOOL_SET_MAX]);

/* Adds to the sums of a set. *place, if not NULL: where it is in the list. 0 or -ENOMEM */
int oks_tool_sets_add(struct oks_tool_sets *sets, struct oks_slice text, uint64_t events, uint64_t calls,
                      uint8_t *place);
void oks_tool_sets_clear(struct oks_tool_sets *sets);

/*
 * Calls fn for each name of a set with the calls of it that `events` events and `calls` calls come to. What
 * is known of no name is "". Stops at the first non-zero value and returns it.
 */
int tool_set_each(const char *text, uint64_t events, uint64_t calls,
                  int (*fn)(void *ctx, struct oks_slice name, uint64_t calls), void *ctx);

#endif
