/*
 * The requests of one transcript: what all the lines that log a response come to, once each (private to the
 * core). Contract of a request: scan/request.h. Not thread safe: the owner locks.
 */
#ifndef OKSTRAFS_HISTORY_REQUESTS_H
#define OKSTRAFS_HISTORY_REQUESTS_H

#include <stddef.h>

#include "base/strings.h"
#include "history/request_runs.h"
#include "scan/record.h"
#include "scan/request.h"

enum {
    REQUEST_ID_MAX = 255, /* bytes of an id that are kept; its key is made of all of it */
    REQUEST_NAMES_MAX =
        255, /* models, agents, and tags, told apart in one transcript; others are "(others)" */
    REQUESTS_MAX = 1 << 26, /* of one transcript; more is -EFBIG */
    REVISION_MAX = (1 << 16) - 1,
    REQUESTS_OF_RECORD = OKS_STEPS_MAX + OKS_SEARCHES_MAX + REQUEST_LINKS * (1 + REQUEST_LINKED_PARTS) + 4,
};

struct oks_requests;

struct request_row {
    struct oks_request request; /* its `model` and `tag` are absent: see below */
    uint64_t history;           /* user and assistant records of this transcript before its first line */
    uint64_t first;             /* offset of its first line ... */
    uint64_t line;              /* ... and of the line that won */
    unsigned model;             /* of requests_model() */
    unsigned agent;             /* of requests_agent(), plus 1; 0: none */
    unsigned tag;               /* of requests_tag() */
    unsigned revision;          /* how often its values changed after it was closed */
    struct oks_slice message_id, request_id; /* of its first line; at most REQUEST_ID_MAX bytes */
    bool ids_forgotten; /* both are absent here, whatever its line says: see requests_forget_ids() */
};

/* A line that logs a request, before it is known whether an earlier one did. Everything is borrowed. */
struct request_line {
    struct oks_request request;
    uint64_t offset;
    struct oks_slice message_id, request_id, agent_id;
    bool foreign; /* its key may depend on the lines before it */
};

int oks_requests_new(struct oks_requests **out); /* -ENOMEM */
void oks_requests_free(struct oks_requests *requests);

/*
 * Brings the store to its least size: packs all rows, and gives back what is only good for growing and
 * searching. The next change unpacks the newest rows again. While there is an unfinished line the newest rows
 * stay as they are.
 */
void requests_trim(struct oks_requests *requests);

size_t requests_len(const struct oks_requests *requests);
size_t requests_bytes(const struct oks_requests *requests); /* memory held for rows, without keys and names */
size_t requests_ids_bytes(const struct oks_requests *requests); /* of packed ids */
uint64_t requests_key(const struct oks_requests *requests, size_t i);
struct oks_slice requests_model(const struct oks_requests *requests, unsigned i); /* "": unknown */
struct oks_slice requests_agent(const struct oks_requests *requests, unsigned i);
struct oks_slice requests_tag(const struct oks_requests *requests, unsigned i); /* "": unknown */
const struct oks_strings *requests_model_names(const struct oks_requests *requests);
const struct oks_strings *requests_agent_names(const struct oks_requests *requests);
const struct oks_strings *requests_tag_names(const struct oks_requests *requests);
size_t requests_models(const struct oks_requests *requests); /* how many */

/*
 * What the context held at a request: its prompt. No row's is above requests_highest(), which looks at each
 * row once and may be too high where a row has shrunk.
 */
uint64_t request_occupancy(const struct oks_request *request);
uint64_t requests_highest(struct oks_requests *requests);
/*
 * The highest of a model's rows for which `counts` holds, always the same function. All but the last rows are
 * looked at once.
 */
uint64_t requests_peak(struct oks_requests *requests, struct oks_slice model,
                       bool (*counts)(const struct oks_request *request));

/* Row i, valid until the store changes. */
void requests_get(const struct oks_requests *requests, size_t i, struct request_row *out);
/*
 * Calls fn for the rows [from, to) in order; quicker than getting each. Stops at the first non-zero value and
 * returns it.
 */
int requests_each(const struct oks_requests *requests, size_t from, size_t to,
                  int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx);

/* Appends a row, its model and agent given by name (absent: none), its tag by `request.tag`. 0, -ENOMEM or
 * -EFBIG: nothing changed. */
int requests_append(struct oks_requests *requests, const struct request_row *row, struct oks_slice model,
                    struct oks_slice agent);
/* Replaces row i by one with the same key and ids; the tag is `request.tag`. 0 or -ENOMEM, and then nothing
 * changed. */
int requests_set(struct oks_requests *requests, size_t i, const struct request_row *row,
                 struct oks_slice model);

/*
 * Ids are three quarters of a row, and only a few documents show them. Once they are saved they can be given
 * up: then they are absent in rows that are read (ids_forgotten), and are to be read from the transcript
 * (request_ids.h) or from the cache file. Rows that are appended later have theirs.
 */
void requests_forget_ids(struct oks_requests *requests);
bool requests_has_ids(const struct oks_requests *requests, size_t i);
bool requests_all_ids(const struct oks_requests *requests); /* of every row */
/* Gives row i its ids, where they are forgotten. -ENOMEM */
int requests_put_ids(struct oks_requests *requests, size_t i, struct oks_slice message_id,
                     struct oks_slice request_id);
/* Copies ids that `to` has forgotten from the rows of `from` with the same number and key. -ENOMEM: some are
 * there. */
int requests_take_ids(struct oks_requests *to, const struct oks_requests *from);
/* A copy of all rows as if there were no unfinished line. -ENOMEM */
int requests_copy_whole(struct oks_requests **out, const struct oks_requests *from);

/*
 * The store as bytes: of this program version, on this kind of machine. Keys, names, and rows without ids.
 * requests_pack() fills at most requests_pack_max() bytes and returns how many. Not with an unfinished line.
 */
size_t requests_pack_max(const struct oks_requests *requests);
size_t requests_pack(const struct oks_requests *requests, void *out);
/*
 * -EINVAL: they are no such bytes; -ENOMEM. Bounds are checked, the numbers of rows are not: of bytes that
 * were changed a row may be nonsense, but its model, agent and stamp are such that it does no harm.
 */
int requests_unpack(struct oks_requests **out, const void *bytes, size_t len);

/*
 * The unfinished line: what is changed between begin and end is taken back by end. It may be as much as one
 * record brings. begin: -ENOMEM.
 */
int requests_tail_begin(struct oks_requests *requests);
int requests_tail_end(struct oks_requests *requests);       /* -ENOMEM: a packed row could not be put back */
size_t requests_whole(const struct oks_requests *requests); /* rows that complete lines tell of */
/*
 * How many rows, from the first one on, are closed: their transcript went on without them, or their response
 * ended. What follows the last response are its parts, which are open as long as it is.
 */
size_t requests_closed(const struct oks_requests *requests);
/* The number of the last response, or how many rows there are. */
size_t requests_last(const struct oks_requests *requests);
/* The rows that differ for the tail, new ones included; returns how many. */
size_t requests_tail_rows(const struct oks_requests *requests, size_t rows[REQUESTS_OF_RECORD]);
/* requests_each() over all rows as if there were no tail: what is written into the cache. */
int requests_each_whole(const struct oks_requests *requests,
                        int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx);

/* requests_join.c: */
/* Adds the requests of lines that follow, as a scan found them: rows of one key merge. 0, -ENOMEM or -EFBIG
 */
int requests_gain(struct oks_requests *to, const struct oks_requests *gain);
/* Adds rows of a later version of the transcript: of two rows with one key the better one stays, of equal
 * ones the later. */
int requests_unite(struct oks_requests *to, const struct oks_requests *other);
/* *out: the rows of `before` that `now` lacks, or has worse or other ones of; NULL: none. 0, -ENOMEM or
 * -EFBIG */
int requests_lost(const struct oks_requests *before, struct oks_requests *now, struct oks_requests **out);

/* Whether `in` has a row of the same line, with the same counts, for each row of `of`, whatever their keys.
 */
bool requests_have_lines(const struct oks_requests *in, const struct oks_requests *of);

/* The row of that key, or SIZE_MAX; builds an index where there are many. */
size_t requests_find(struct oks_requests *requests, uint64_t key);

/* User and assistant records seen so far, in complete lines. */
uint64_t requests_history(const struct oks_requests *requests);
/* How many of them came behind the last line of the last request. */
uint64_t requests_after(const struct oks_requests *requests);
void requests_set_history(struct oks_requests *requests, uint64_t history, uint64_t after);

/* The responses that may still be going on behind the last line. */
const struct request_runs *requests_runs(const struct oks_requests *requests);
struct request_runs *requests_edit_runs(struct oks_requests *requests);

/*
 * The rule, requests_rule.c: *row becomes what it and a later line come to. True: the line's values won.
 */
bool request_merge(struct request_row *row, const struct oks_request *line, uint64_t offset);
/*
 * The same of row i and a later row with its key, revisions included. `shown`: closed rows may have been
 * shown. Else all lines are of one scan, and a row has a new revision only behind another response: a client
 * that logs the reason of the end on each line of a response has none at first.
 */
bool requests_merge(const struct oks_requests *requests, size_t i, bool shown, struct request_row *row,
                    const struct request_row *later);
/* Whether both have the same values in all documents. */
bool request_same_values(const struct oks_request *a, const struct oks_request *b);
/* >0 where a is to be kept rather than b, whatever file they stand in; 0: they tell the same. */
int request_rank(const struct oks_request *a, const struct oks_request *b);

/* The key of an id; and of what has none, by what it says and where. `name` is that of the file, without its
 * folder: a copy of the file elsewhere has the same lines. */
uint64_t request_key_of_id(struct oks_slice id);
uint64_t request_key_of_line(struct oks_slice name, uint64_t offset, const struct oks_request *request);
uint64_t request_key_of_part(uint64_t key, unsigned n);
uint64_t request_key_of_search(struct oks_slice tool_use_id);
uint64_t request_hash(uint64_t seed, const char *bytes, size_t n);

/* A row that is a link: another key of the request with this key. */
void request_link_set(struct oks_request *link, uint64_t key, enum request_link_kind kind);
uint64_t request_link_key(const struct oks_request *link);
enum request_link_kind request_link_kind(const struct oks_request *link);

/*
 * The requests that a record tells of: its own, its alias and its parts, a sub-agent's, web searches, and
 * links. `runs` are those of the lines before it; zeroed ones give the keys of the line alone. Returns how
 * many.
 */
size_t request_lines(struct request_runs *runs, const struct oks_record *record, struct oks_slice name,
                     struct request_line lines[REQUESTS_OF_RECORD]);
/* Merges a line in; `history` is that before it. 0, -ENOMEM or -EFBIG. */
int requests_add(struct oks_requests *requests, const struct request_line *line, uint64_t history);
/* All of a record of Claude Code, its place in the conversation included. */
int requests_add_record(struct oks_requests *requests, const struct oks_record *record,
                        struct oks_slice name);

#endif
