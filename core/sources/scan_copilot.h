/* The reader of Copilot CLI's events (private to the sources). */
#ifndef OKSTRAFS_SOURCES_SCAN_COPILOT_H
#define OKSTRAFS_SOURCES_SCAN_COPILOT_H

#include "scan/reader.h"

READERS(copilot);

/* The number of the last row of the database that was told (copilot_store.h), by the memo. */
uint64_t copilot_rows_told(const char *memo);

#endif
