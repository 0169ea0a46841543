/* The shape of Codex's rollouts: which of their lines become records. */
#ifndef OKSTRAFS_SOURCES_SCAN_CODEX_H
#define OKSTRAFS_SOURCES_SCAN_CODEX_H

#include "sources/source.h"

READERS(codex);

#endif
