/* OpenCode's times, milliseconds since 1970, as time stamps. */
#ifndef OKSTRAFS_SOURCES_OPENCODE_TIME_H
#define OKSTRAFS_SOURCES_OPENCODE_TIME_H

#include <stdint.h>

enum { OPENCODE_STAMP = 32 };

/* 2026-08-04T21:23:50.071Z, or "" if it is no time of ours. */
void opencode_stamp(char to[OPENCODE_STAMP], uint64_t ms);

#endif
