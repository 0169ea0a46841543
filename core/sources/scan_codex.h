/* The shape of Codex's rollouts: which of their lines become records. */
#ifndef OKSTRAFS_SOURCES_SCAN_CODEX_H
#define OKSTRAFS_SOURCES_SCAN_CODEX_H

#include "sources/source.h"

extern const struct oks_reader_ops oks_codex_reader;

#endif
