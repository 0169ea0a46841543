/*
 * Users by name or number, and the change from root to one of them.
 *
 * A mount of fstab is made by root and reads the transcripts of an ordinary user. As that user the daemon
 * finds them by the same rules as in his own shell, and its cache belongs to him.
 */
#include "cli/user.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* (uid_t)-1 means "no change" in system calls, so it names nobody. */
static bool number(const char *text, unsigned *out)
{
    char *end;
    unsigned long n;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    n = strtoul(text, &end, 10);
    if (*end || errno || n >= UINT_MAX)
        return false;
    *out = (unsigned)n;
    return true;
}

bool user_number(const char *name, uid_t *out)
{
    const struct passwd *pw = getpwnam(name);

    if (!pw)
        return number(name, out);
    *out = pw->pw_uid;
    return true;
}

bool group_number(const char *name, gid_t *out)
{
    const struct group *group = getgrnam(name);

    if (!group)
        return number(name, out);
    *out = group->gr_gid;
    return true;
}

/* The variables of the caller name folders of the caller. */
static int set_environment(const struct passwd *pw)
{
    static const char *const kept[] = {"PATH", "TZ", "NOTIFY_SOCKET"};
    char *values[sizeof(kept) / sizeof(*kept)];
    int rc = 0;

    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        values[i] = getenv(kept[i]) ? strdup(getenv(kept[i])) : NULL;
    clearenv();
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        if (values[i] && setenv(kept[i], values[i], 1) < 0)
            rc = -ENOMEM;
        free(values[i]);
    }
    if (setenv("HOME", pw->pw_dir, 1) < 0 || setenv("USER", pw->pw_name, 1) < 0 ||
        setenv("LOGNAME", pw->pw_name, 1) < 0)
        rc = -ENOMEM;
    return rc;
}

int user_become(const char *name)
{
    const struct passwd *pw = getpwnam(name);
    uid_t uid;

    if (!pw && number(name, &uid))
        pw = getpwuid(uid);
    if (!pw)
        return -ENOENT;
    if (pw->pw_uid == geteuid())
        return 0;
    if (geteuid() != 0)
        return -EPERM;
    if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
        return -errno;
    return set_environment(pw);
}
