/* Tuning of the C library's heap. Call one of the first two before the second thread starts. */
#ifndef OKSTRAFS_FS_COMMON_HEAP_H
#define OKSTRAFS_FS_COMMON_HEAP_H

/* For a command, which reads a lot, answers and exits. */
void heap_for_command(void);

/* For the daemon. */
void heap_for_daemon(void);

/* Returns free pages to the system. Thread safe; takes some ms. */
void heap_trim(void);

#endif
