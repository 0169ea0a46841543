/*
 * How many columns of a terminal a text takes. Its hidden characters must have been replaced
 * (oks_text_show_hidden()).
 *
 * The C library's wcwidth() depends on the locale, and report.txt must not. Pure functions: thread safe.
 */
#ifndef OKSTRAFS_FS_REPORT_WIDTH_H
#define OKSTRAFS_FS_REPORT_WIDTH_H

#include <stddef.h>

#include "internal/hidden.h"

/* East Asian wide characters take two columns, combining marks none. */
size_t text_width(const char *text);
/* The bytes of the longest beginning that takes at most so many columns. *width: how many it takes. */
size_t text_fit(const char *text, size_t columns, size_t *width);

#endif
