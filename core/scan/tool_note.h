/*
 * What a transcript line says about tool calls: the names and ids of tools, never an input or output.
 *
 * Every slice is decoded, may hold NUL bytes, and lives only until the sink's callback returns.
 */
#ifndef OKSTRAFS_SCAN_TOOL_NOTE_H
#define OKSTRAFS_SCAN_TOOL_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "okstrafs/slice.h"

enum oks_tool_step {
    OKS_TOOL_CALL,     /* a tool is called */
    OKS_TOOL_DONE,     /* a call with its result in one line */
    OKS_TOOL_OUTCOME,  /* how a call ended; its result follows */
    OKS_TOOL_RESULT,   /* the result of a call */
    OKS_TOOL_RESPONSE, /* a response of a conversation: calls of its earlier responses are over */
    OKS_TOOL_OVER,     /* all calls so far are over */
};

enum oks_tool_outcome { OKS_TOOL_UNKNOWN, OKS_TOOL_SUCCEEDED, OKS_TOOL_FAILED };

struct oks_tool_note {
    enum oks_tool_step step;
    enum oks_tool_outcome outcome;
    uint64_t offset; /* of the line */
    struct oks_slice timestamp;
    struct oks_slice id, name;             /* of the call; absent: the line has none */
    struct oks_slice message_id, agent_id; /* of the response that calls it */
    bool sidechain;
};

#endif
