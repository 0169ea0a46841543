/*
 * Days as text, "2026-06-10", and back: strftime() and sscanf() take longer than the rest of a row.
 */
#ifndef OKSTRAFS_FS_REPORT_DATES_H
#define OKSTRAFS_FS_REPORT_DATES_H

#include <stdbool.h>
#include <stdint.h>

enum { DATE_BYTES = 11, DATE_LEN = 10 };

/* `day`: 0 is 1970-01-01. Not before that day, and not after the year 9999; else *out is "". */
void date_text(int64_t day, char out[DATE_BYTES]);
/* The day that the text begins with; false: that is none, or one for which date_text() has no text. */
bool date_read(const char *text, int64_t *day);

#endif
