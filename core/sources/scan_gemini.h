/* The shape of Gemini's chats: which messages of a line become records. */
#ifndef OKSTRAFS_SOURCES_SCAN_GEMINI_H
#define OKSTRAFS_SOURCES_SCAN_GEMINI_H

#include "sources/source.h"

READERS(gemini);

#endif
