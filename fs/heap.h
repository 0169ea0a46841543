/*
 * How the C library's heap grows. Each is called once, before there is a second thread.
 */
#ifndef OKSTRAFS_HEAP_H
#define OKSTRAFS_HEAP_H

/* For a command that reads a lot, answers and ends. */
void heap_for_command(void);

/* For the daemon, which stays. */
void heap_for_daemon(void);

#endif
