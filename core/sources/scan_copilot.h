/* The reader of Copilot CLI's events (private to the sources). */
#ifndef OKSTRAFS_SOURCES_SCAN_COPILOT_H
#define OKSTRAFS_SOURCES_SCAN_COPILOT_H

#include "scan/reader.h"

extern const struct oks_reader_ops oks_copilot_reader;

/* The number of the last row of the database that was told (copilot_store.h), by the memo. */
uint64_t copilot_rows_told(const char *memo);

#endif
