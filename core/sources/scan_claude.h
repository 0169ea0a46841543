/* The shape of Claude Code's transcript lines: which keys of a line become which fields of a record. */
#ifndef OKSTRAFS_SOURCES_SCAN_CLAUDE_H
#define OKSTRAFS_SOURCES_SCAN_CLAUDE_H

#include "scan/json_shape.h"
#include "sources/source.h"

extern const struct oks_reader_ops oks_claude_reader;
#ifdef __x86_64__
extern const struct oks_reader_ops
    oks_claude_reader_avx2; /* the same, for CPUs with what oks_stage1_avx2 needs */
#endif

#endif
