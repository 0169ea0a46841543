/* The reader of Grok Build's updates (private to the sources). */
#ifndef OKSTRAFS_SOURCES_SCAN_GROK_H
#define OKSTRAFS_SOURCES_SCAN_GROK_H

#include "scan/reader.h"

READERS(grok);

#endif
