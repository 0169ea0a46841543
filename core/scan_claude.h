/* The shape of Claude Code's transcript lines: which keys of a line become which fields of a record. */
#ifndef OKSTRAFS_CORE_SCAN_CLAUDE_H
#define OKSTRAFS_CORE_SCAN_CLAUDE_H

#include "json_nest.h"

struct oks_claude; /* one line's record in the making */

int oks_claude_new(struct oks_claude **out); /* -ENOMEM */
void oks_claude_free(struct oks_claude *claude);
void oks_claude_trim(struct oks_claude *claude); /* gives back what a long line needed */

/*
 * Both judge the line that begins at buf[from] (see json_lex.h for what must surround it) and return a
 * verdict or -ENOMEM. After JSON_LINE_OBJECT *record is the line's record, valid until the next call and
 * while the bytes stay. *teams is false where the line certainly names no team; after JSON_LINE_DOUBT it says
 * nothing.
 *
 * oks_claude_scalar() wants to know where the line's '\n' is. oks_claude_walk() finds it by the line's
 * entries, at *cursor before and at the one of the '\n' after it; `to` is where it is at the latest.
 */
int oks_claude_scalar(struct oks_claude *claude, const char *buf, size_t from, size_t to,
                      struct oks_record **record, bool *teams);
int oks_claude_walk(struct oks_claude *claude, const char *buf, size_t from, size_t to,
                    const uint32_t **cursor, struct oks_record **record, bool *teams);

#endif
