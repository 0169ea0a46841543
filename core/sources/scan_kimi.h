/* The reader of Kimi's wire files, of Kimi Code and of the older Kimi CLI (private to the sources). */
#ifndef OKSTRAFS_SOURCES_SCAN_KIMI_H
#define OKSTRAFS_SOURCES_SCAN_KIMI_H

#include "scan/reader.h"

READERS(kimi);

#endif
