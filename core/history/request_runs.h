/*
 * Which lines are one response where message.id alone does not say it (private to the core).
 *
 * An id that the vendor made is given once in the world. Any other may be one for all responses of a relay,
 * or be made of a clock. Lines with such an id are one response only
 *
 *   - if they have the same uuid: a fork, or history that was appended again; or
 *   - if they have the same requestId; or
 *   - if they follow each other in one session, with no other turn between them; or
 *   - if one of them is a side chain's replay of the other.
 *
 * The third is known only from line to line: the response that each conversation of a transcript is at is a
 * run. The first line of a run makes the key of the response: of its requestId, else of its uuid, else of its
 * session, time and prompt. The rest is
 * said by links, which are rows of their own (OKS_PART_LINK): the row's key and the key that it holds are of
 * one response. Billing joins them over all transcripts (billing/key_links.h).
 */
#ifndef OKSTRAFS_HISTORY_REQUEST_RUNS_H
#define OKSTRAFS_HISTORY_REQUEST_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/record.h"
#include "scan/request.h"

enum {
    REQUEST_RUNS = 4,     /* conversations that may go on at once: the session, and side chains in its file */
    REQUEST_RUN_MAX = 64, /* lines of a run that have links; more are one response, but not for copies */
    REQUEST_LINKS = 4,    /* of one line at most */
    REQUEST_LINKED_PARTS = 4, /* of a response that have links as well */
};

struct request_run {
    uint64_t chain;   /* of session, agent and side chain; 0: no run */
    uint64_t id;      /* of message.id */
    uint64_t request; /* the key of its requestId; 0: none so far */
    uint64_t prompt;  /* of the counts of its prompt; 0: all are 0 so far */
    uint64_t key;     /* of the response */
    uint64_t at;      /* the time of its last line, as the key of its stamp; 0: unknown */
    uint64_t lines;
    uint64_t tool_turn; /* 1: a tool's result came since its last line */
};

/* Zeroed: none. */
struct request_runs {
    struct request_run items[REQUEST_RUNS];
    uint64_t next; /* the one to be replaced */
};

bool request_runs_none(const struct request_runs *runs);

/* A record that is no line of a response with a foreign id may end a run. */
void request_runs_pass(struct request_runs *runs, const struct oks_record *record);

/* What a line says about who it is. */
struct request_names {
    struct oks_slice id, uuid, request_id;
    struct oks_slice file; /* its name */
    uint64_t line;         /* the key where it has none of them, nor a time */
};

/*
 * The key of the response that a line with a foreign id belongs to, and its links: other keys of it. With a
 * `kind`, both sides are to have it: a replay is linked where there is an original and a replay.
 */
struct request_link {
    uint64_t key;
    enum request_link_kind { REQUEST_LINK_SAME, REQUEST_LINK_ORIGINAL, REQUEST_LINK_REPLAY } kind;
};

/* *n links, at most REQUEST_LINKS. The request is the line's own, without its key. */
uint64_t request_runs_line(struct request_runs *runs, const struct oks_record *record,
                           const struct request_names *names, const struct oks_request *request,
                           struct request_link links[REQUEST_LINKS], size_t *n);
/* The same for what a parent's progress lines tell: it stands alone. */
uint64_t request_nested_line(const struct oks_record *record, const struct request_names *names,
                             const struct oks_request *request, struct request_link links[REQUEST_LINKS],
                             size_t *n);

/* Both ways as a line of words (base/words.h). NULL on ENOMEM. */
char *request_runs_text(const struct request_runs *runs);
void request_runs_read(struct request_runs *runs, const char *text);

#endif
