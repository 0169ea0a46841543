/* The shape of Claude Code's transcript lines: which keys of a line become which fields of a record. */
#ifndef OKSTRAFS_SOURCES_SCAN_CLAUDE_H
#define OKSTRAFS_SOURCES_SCAN_CLAUDE_H

#include "scan/json_shape.h"
#include "scan/reader.h"
#include "sources/source.h"

READERS(claude);

#endif
