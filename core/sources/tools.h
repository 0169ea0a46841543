/*
 * Readers of tool calls: they return struct oks_tool_note, and no records. They keep nothing between lines,
 * so a scan may begin at any line. They are apart from the readers of records because only tools.jsonl needs
 * them, and the scan of all transcripts must not pay for it.
 */
#ifndef OKSTRAFS_SOURCES_TOOLS_H
#define OKSTRAFS_SOURCES_TOOLS_H

#include "scan/reader.h"

extern const struct oks_reader_ops oks_claude_tools, oks_codex_tools, oks_copilot_tools, oks_gemini_tools,
    oks_grok_tools, oks_kimi_tools, oks_opencode_tools;

#endif
