/* The readers of pi's sessions, and of its forks' that write the same. */
#ifndef OKSTRAFS_SOURCES_SCAN_PI_H
#define OKSTRAFS_SOURCES_SCAN_PI_H

#include "sources/source.h"

READERS(pi);
extern const struct oks_reader_ops oks_pi_tools;

#endif
