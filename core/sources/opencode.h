/*
 * OpenCode's two ways to keep sessions, as members (members.h): a database, and a folder of JSON files.
 *
 * Both are read as the same lines, whose "data" is the agent's own JSON (scan_opencode.c):
 *
 *     {"session":{"id":"ses_1","data":{"directory":"/w","parentID":"ses_0","time":{"created":1}}}}
 *     {"message":{"id":"msg_1","data":{"role":"assistant","modelID":...,"tokens":{...}}}}
 *     {"part":{"id":"prt_1","data":{"type":"step-finish","tokens":{...}}}}
 *
 * The parts of a message follow it.
 */
#ifndef OKSTRAFS_SOURCES_OPENCODE_H
#define OKSTRAFS_SOURCES_OPENCODE_H

#include <stdbool.h>

#include "base/text.h"
#include "scan/reader.h"
#include "sources/members.h"

extern const struct oks_reader_ops oks_opencode_reader;

/* Of the reader's memo; see struct source. */
bool opencode_agrees(const char *memo, const char *peers);
bool opencode_parent(const char *memo, char *out, size_t size);

enum {
    OPENCODE_NAME_MAX = 200,        /* bytes of an id of a session or message */
    OPENCODE_TEXT_MAX = 32 << 20,   /* of a message or part */
    OPENCODE_MEMBERS_MAX = 1000000, /* sessions of a database */
};

/* Whether an id can be a name in a path. Any other is not OpenCode's. */
bool opencode_is_id(const char *id, size_t len);

/* A member that is being read: its next line, after the one before was taken. */
struct opencode_member {
    struct oks_bytes line;
    size_t at;                                   /* of the line's bytes, those that were read */
    int (*next)(struct opencode_member *member); /* 1: `line` is the next one; 0: the end; a negative errno */
    void (*close)(struct opencode_member *member);
};

/* A line, of raw JSON or (NULL) without it. A newline in the JSON becomes a space. */
void opencode_line(struct opencode_member *member, const char *kind, const char *id, const char *json,
                   size_t len);
/* Whether a part may say something of usage or tools. */
bool opencode_part_counts(const char *json, size_t len);

/* opencode_db.c; the path of a member is that of the database, '/' and the session's id. */
int opencode_db_list(const char *path, bool touched, void **known, const struct member_sink *sink);
void opencode_db_forget(void *known);
int opencode_db_open(const char *path, const char *session, struct opencode_member **out);

/* opencode_files.c: storage/message/<session>/, which is container and member. */
int opencode_files_list(const char *path, bool touched, void **known, const struct member_sink *sink);
void opencode_files_forget(void *known);
int opencode_files_open(const char *path, struct opencode_member **out);

#endif
