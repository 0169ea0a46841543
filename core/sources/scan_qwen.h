/* The readers of Qwen Code's chats, and what their memo holds. */
#ifndef OKSTRAFS_SOURCES_SCAN_QWEN_H
#define OKSTRAFS_SOURCES_SCAN_QWEN_H

#include "sources/source.h"

READERS(qwen);
extern const struct oks_reader_ops oks_qwen_tools;

uint64_t qwen_window(const char *memo); /* of struct source */

#endif
