/*
 * What one transcript line says, as far as token accounting needs it.
 *
 * A record is what the scanner hands to its sink for every line that is one valid JSON object. Every slice in
 * it is decoded (no escapes left; a lone surrogate escape became U+FFFD), may hold NUL bytes, and lives only
 * until the sink's callback returns. Prompt, answer and tool text never enter a record.
 *
 * Rules: docs/architecture.md, "From line to event" (from the okstra collector's contract).
 */
#ifndef OKSTRAFS_RECORD_H
#define OKSTRAFS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "okstrafs/slice.h"
#include "okstrafs/stamp.h"

enum oks_record_type {
    OKS_RECORD_OTHER = 0, /* absent, not a string, or a type that we do not know */
    OKS_RECORD_ASSISTANT,
    OKS_RECORD_USER,
    OKS_RECORD_SYSTEM,
    OKS_RECORD_PROGRESS,
    OKS_RECORD_ATTACHMENT,
    OKS_RECORD_SUMMARY,
};

/*
 * Token counts of one usage object, each 0 ... 2^63-1. Null or absent is 0; any other JSON value (negative,
 * float, string, bool, list, too large) is 0 too and adds one to the record's `odd`. (The steps of type
 * message and fallback_message repeat the top level, and add none.)
 */
struct oks_usage {
    bool present;               /* the usage key held an object */
    uint64_t input;             /* input_tokens */
    uint64_t output;            /* output_tokens */
    uint64_t cache_creation;    /* cache_creation_input_tokens */
    uint64_t cache_creation_5m; /* the split where the object gives one, else all of cache_creation */
    uint64_t cache_creation_1h;
    uint64_t cache_read;          /* cache_read_input_tokens */
    uint64_t web_search_requests; /* server_tool_use.web_search_requests */
    struct oks_slice speed;       /* "standard", "fast" */
    struct oks_slice inference_geo;
    struct oks_slice service_tier;
};

/* The types of usage.iterations[]; an element of any other type is passed over. */
enum oks_step_type {
    OKS_STEP_MESSAGE = 0, /* message */
    OKS_STEP_FALLBACK,    /* fallback_message: the answer of another model, after the first one declined */
    OKS_STEP_ADVISOR,     /* advisor_message */
    OKS_STEP_COMPACTION,  /* compaction */
};

/* An element of usage.iterations[]: one pass of a model within a response. */
struct oks_step {
    enum oks_step_type type;
    struct oks_slice model; /* ptr NULL: it names none */
    struct oks_usage usage;
};

enum {
    OKS_STEPS_MAX = 24,   /* of one record; further ones only count into `steps_dropped` */
    OKS_SEARCHES_MAX = 4, /* web searches that one record asks for; further ones are passed over */
    OKS_TOOLS_MAX = 8,    /* names of tools of one record; further ones only count into `tool_uses` */
};

struct oks_message {
    struct oks_slice id;
    bool foreign_id; /* the id is not one that the vendor made: other responses may have it too */
    struct oks_slice model;
    struct oks_slice stop_reason; /* ptr NULL: null or absent */
    struct oks_usage usage;
};

struct oks_record {
    uint64_t offset; /* of the line's first byte in the transcript */
    uint64_t length; /* of the line in bytes, newline not counted */

    enum oks_record_type type;
    struct oks_slice timestamp; /* `timestamp`, else `message.timestamp`: a non-empty string, or ptr NULL */
    uint64_t time; /* of a source that writes numbers: key of the stamp; 0: `timestamp` says it */
    struct oks_slice agent_name; /* the following are non-empty strings, or ptr NULL */
    struct oks_slice session_id;
    struct oks_slice uuid;
    struct oks_slice request_id;
    struct oks_slice agent_id;
    struct oks_slice cwd;
    struct oks_slice version;
    struct oks_slice subtype;
    struct oks_slice branch; /* of git */
    struct oks_slice effort; /* of reasoning */
    bool is_sidechain;
    bool is_api_error;       /* isApiErrorMessage */
    bool is_compact_summary; /* isCompactSummary */

    struct oks_message message; /* all absent where `message` is no object */
    uint64_t tool_uses;         /* message.content[] objects of type tool_use, whatever the record's type */
    struct oks_step steps[OKS_STEPS_MAX];
    struct oks_slice searches[OKS_SEARCHES_MAX]; /* ids of message.content[] tool_use blocks of WebSearch */
    struct oks_slice tools[OKS_TOOLS_MAX];       /* names of the tools of `tool_uses`, those that are new */
    unsigned n_steps;
    unsigned steps_dropped;
    unsigned n_searches;
    unsigned n_tools; /* at most as many as are new; where it is less than these, some are not known */

    bool is_tool_result;        /* message.content[] has a block of type tool_result */
    struct oks_slice result_of; /* tool_use_id of the first of them, or ptr NULL */
    uint64_t search_count;      /* toolUseResult.searchCount, 0 where it is no count */

    /* compactMetadata or microcompactMetadata of a system record */
    struct oks_slice compact_trigger;
    uint64_t compact_pre_tokens;

    /* data.message of a progress record whose data.type is agent_progress: a sub-agent's response seen by its
     * parent */
    bool nested_present;
    struct oks_message nested;          /* data.message.message */
    struct oks_slice nested_uuid;       /* data.message.uuid */
    struct oks_slice nested_request_id; /* data.message.requestId */
    struct oks_slice nested_timestamp;  /* data.message.timestamp */

    /* What of `message.usage` and `tool_uses` earlier records have already brought into the totals: an array
     * by enum oks_column (scan/counts.h). NULL: nothing. A source that writes a message again whenever it
     * changes tells the whole of it each time. */
    const uint64_t *counted;

    /*
     * What identifies its request, where the source says so itself; 0: the ids of the message do. `alias` is
     * a key under which other records may log the same request: whatever has it counts nothing. A record with
     * an alias and no key is no request, only one more line about one.
     */
    uint64_t key, alias;
    uint64_t link; /* beside the ids of the message: a second key of the request, that copies have; 0: none */
    bool copied;   /* another transcript owns its request: it is in no event of this one */
    bool again;    /* an earlier record has told of its message: no further one of the conversation */

    /*
     * Of a source that logs some of a request's tokens with the request, and the others later, for several
     * requests at once: a key of what is still missing. The line that brings it has the same key, and
     * `is_rest`: then `message.usage` is that, and no request. 0: nothing is missing.
     */
    uint64_t rest;
    bool is_rest;
    /* What was sent last, where `message.usage` is of several requests, or of a part of one; 0: the usage
     * says it. */
    uint64_t context;

    uint64_t odd; /* token values of message.usage (splits, advisors and compactions included) that were no
                     count */
};

static inline struct oks_stamp oks_record_stamp(const struct oks_record *record)
{
    return record->time ? (struct oks_stamp){.key = record->time} : oks_stamp_of(record->timestamp);
}

/* Makes it empty. (What stands behind n_steps, n_searches and n_tools says nothing, and is left.) */
static inline void oks_record_clear(struct oks_record *record)
{
    memset(record, 0, offsetof(struct oks_record, steps));
    memset(&record->n_steps, 0, sizeof(*record) - offsetof(struct oks_record, n_steps));
}

#endif
