/*
 * Checks of the mounts: the default mountpoint, and each other okstrafs that the kernel's table has.
 *
 * A daemon reports on itself in the status.json of its mount. A child process with a deadline reads it, so a
 * mount that does not answer delays this program by seconds only. Mounts of other users are counted: nobody
 * but their owner may look into them.
 */
#include "cli/doctor_mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/findings.h"
#include "internal/daemon_state.h"
#include "watchers/mountpoint.h"

#define MOUNT_AGAIN(path) fix_with_path("okstrafs umount ", path, ", then mount again")
#define WAIT_OR_END(path)                                                                                   \
    fix_with_path(                                                                                          \
        "wait if it reads many transcripts for the first time; else end the daemon, then fusermount3 -uz ", \
        path, "")
#define UNMOUNT(path) fix_with_path("fusermount3 -uz ", path, "; or mount there again, which clears it")

static void check_helper(const char *path, const struct oks_daemon_state *d)
{
    time_t since = (time_t)(d->helper_since_ms / 1000);
    char when[32] = "";
    struct tm tm;

    if (gmtime_r(&since, &tm))
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!d->helper_runs || !d->helper_unmounts)
        found_fault("helper", MOUNT_AGAIN(path),
                    "the helper process of the mount %s since %s: nobody unmounts when the daemon dies",
                    d->helper_runs ? "was started without the right to unmount, and runs" : "is missing",
                    when);
    else if (d->helper_restarts)
        found_note(
            "helper", NULL,
            "the helper process of the mount was killed and started again, %llu times: the last one runs "
            "since %s",
            (unsigned long long)d->helper_restarts, when);
    else
        found_good("helper", "the helper process of the mount runs since %s", when);
}

static void check_hardening(const struct oks_daemon_state *d)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "the daemon has given up: core dumps: %s; capabilities: %s; new privileges: %s; files beyond what "
        "it needs (Landlock): %s; programs, network and mounts (seccomp): %s%s%s",
        d->no_core_dumps ? "yes" : "no", d->capabilities == 0 ? "all" : "some are left",
        d->no_new_privileges ? "yes" : "no", d->landlock ? "yes" : "no", d->seccomp ? "yes" : "no",
        *d->hardening_note ? "; " : "", d->hardening_note);
    if (*d->hardening_note)
        found_note("hardening", NULL, "%s", text);
    else
        found_good("hardening", "%s", text);
}

static void check_version(const char *path, const struct oks_daemon_state *d)
{
    if (strcmp(d->version, OKSTRAFS_VERSION) == 0)
        found_good("daemon-version", "the daemon is of this version, " OKSTRAFS_VERSION);
    else
        found_note("daemon-version", MOUNT_AGAIN(path),
                   "the daemon is of version %s, and this program of " OKSTRAFS_VERSION, d->version);
}

#define WITHOUT_DAEMON "%s is a mount without a daemon: it has exited or was killed"

enum { STATUS_MAX = 1 << 20 };

/* What the mount's own status says about its daemon. */
static void check_daemon(const char *path)
{
    struct oks_daemon_state state;
    char *status = malloc(STATUS_MAX);
    ssize_t n = status ? mountpoint_read(path, "status.json", status, STATUS_MAX) : -ENOMEM;
    int rc = n < 0 ? (int)n : oks_daemon_state_read(&state, (struct oks_slice){status, (size_t)n});

    free(status);
    if (rc < 0 && mountpoint_state(path) == MOUNT_NONE)
        return; /* unmounted meanwhile */
    if (rc == -EACCES || rc == -ENOENT)
        found_note("daemon",
                   rc == -EACCES ? "run 'okstrafs doctor' as the user to whom the mount belongs"
                                 : MOUNT_AGAIN(path),
                   "the daemon's own state is not shown: %s",
                   rc == -EACCES ? "the mount belongs to another user" : "it is of an older version");
    else if (rc == -ENOTCONN)
        found_fault("daemon", UNMOUNT(path), WITHOUT_DAEMON, path);
    else if (rc < 0)
        found_fault("daemon", rc == -ETIMEDOUT ? WAIT_OR_END(path) : MOUNT_AGAIN(path),
                    "%s/status.json cannot be read: %s", path, strerror(-rc));
    if (rc < 0)
        return;
    check_version(path, &state);
    check_helper(path, &state);
    check_hardening(&state);
    if (state.watchers_notified)
        found_good("watchers", "file watchers are notified of changes");
    else
        found_note("watchers", "mount without -o notify=off, or see the daemon's messages",
                   "file watchers are not notified of changes");
}

static void check_mount(const char *path, enum mount_state state)
{
    switch (state) {
    case MOUNT_NONE:
        found_good("mount", "nothing is mounted on %s; start with 'okstrafs mount'", path);
        break;
    case MOUNT_ALIVE:
        found_good("mount", "mounted on %s, and responding", path);
        check_daemon(path);
        break;
    case MOUNT_STALE:
        found_fault("mount", UNMOUNT(path), WITHOUT_DAEMON, path);
        break;
    case MOUNT_HUNG:
        found_fault("mount", WAIT_OR_END(path), "%s does not answer", path);
        break;
    case MOUNT_OTHER:
        found_fault("mount", "choose another folder", "%s is a mount point of another filesystem", path);
        break;
    case MOUNT_UNKNOWN:
        found_fault("mount", "run 'okstrafs doctor' again", "/proc/self/mountinfo cannot be read: %s",
                    strerror(errno));
        break;
    }
}

/* In the table a moment ago. It may be gone by now, or below another mount. */
static void check_other(const char *path)
{
    enum mount_state state = mountpoint_state(path);

    findings_of_mount(path);
    if (state != MOUNT_NONE && state != MOUNT_OTHER)
        check_mount(path, state);
}

enum { OTHERS_MAX = 16 }; /* each may take seconds, if it does not answer */

struct others {
    char *paths[OTHERS_MAX];
    size_t n, more, of_others;
    const char *main; /* the default mountpoint */
};

static void add_other(void *ctx, const char *path, uid_t owner)
{
    struct others *others = ctx;

    if (strcmp(path, others->main) == 0)
        return;
    if (owner != geteuid()) {
        others->of_others++;
        return;
    }
    for (size_t i = 0; i < others->n; i++)
        if (strcmp(others->paths[i], path) == 0)
            return;
    if (others->n < OTHERS_MAX && (others->paths[others->n] = strdup(path)))
        others->n++;
    else
        others->more++;
}

void doctor_check_mounts(const struct options *o)
{
    char *resolved = mountpoint_resolve(o->mountpoint);
    struct others others = {.main = resolved ? resolved : o->mountpoint};
    int rc = mountpoint_each(add_other, &others);

    if (rc < 0)
        found_fault("mount-table", "mount /proc: mount -t proc proc /proc",
                    "the kernel's table of mounts cannot be read: %s", strerror(-rc));
    findings_of_mount(o->mountpoint);
    check_mount(o->mountpoint, mountpoint_state(o->mountpoint));
    for (size_t i = 0; i < others.n; i++) {
        check_other(others.paths[i]);
        free(others.paths[i]);
    }
    findings_of_mount(NULL);
    if (others.more)
        found_note("mount", NULL, "and %zu more mounts, which were not checked", others.more);
    if (others.of_others)
        found_note("mount", NULL, "mounts of other users, which were not checked: %zu", others.of_others);
    free(resolved);
}
