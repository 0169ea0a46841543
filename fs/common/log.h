/* Prints one line on stderr, for what the user must know; control characters are shown as '?'. */
#ifndef OKSTRAFS_FS_COMMON_LOG_H
#define OKSTRAFS_FS_COMMON_LOG_H

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
