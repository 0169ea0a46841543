/* How the C library's heap grows and shrinks. Call one of the first two, before there is a second thread. */
#ifndef OKSTRAFS_FS_COMMON_HEAP_H
#define OKSTRAFS_FS_COMMON_HEAP_H

/* For a command that reads a lot, answers and ends. */
void heap_for_command(void);

/* For the daemon, which stays. */
void heap_for_daemon(void);

/* Returns the pages that nothing lies on any more. Thread safe; takes some ms. */
void heap_give_back(void);

#endif
