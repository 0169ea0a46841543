/* The shape of Gemini's chats: which messages of a line become records. */
#ifndef OKSTRAFS_CORE_SCAN_GEMINI_H
#define OKSTRAFS_CORE_SCAN_GEMINI_H

#include "source.h"

extern const struct oks_reader_ops oks_gemini_reader;

#endif
