/* Users by name or number: whose files the tree shows, and as whom the program runs. */
#ifndef OKSTRAFS_FS_CLI_USER_H
#define OKSTRAFS_FS_CLI_USER_H

#include <stdbool.h>
#include <sys/types.h>

/* Accept names and numbers. */
bool user_number(const char *name, uid_t *out);
bool group_number(const char *name, gid_t *out);

/*
 * Makes this process one of that user, with the groups and the environment of a new login. PATH, TZ and
 * NOTIFY_SOCKET stay as they were. 0; -ENOENT: no such user; -EPERM: only root may become another one; or
 * another negative errno, after which nothing else may be done.
 */
int user_become(const char *name);

#endif
