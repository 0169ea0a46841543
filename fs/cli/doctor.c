/*
 * `okstrafs doctor`: checks of the set-up, one line each, with the fix if it fails.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "cli/fusermount.h"
#include "okstrafs/daemon_state.h"
#include "watchers/mountpoint.h"

static int faults;

static void good(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void bad(const char *fix, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void good(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("ok     ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static void bad(const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("FAULT  ", stdout);
    vprintf(format, args);
    printf("\n       fix: %s\n", fix);
    va_end(args);
    faults++;
}

static void check_fuse(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        good("/dev/fuse can be opened");
    } else if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        bad("modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN. 'okstrafs cat' works "
            "without",
            "there is no /dev/fuse");
    } else if (errno == EPERM) {
        bad("start the container with --device /dev/fuse, or use 'okstrafs cat'", "/dev/fuse: %s",
            strerror(errno));
    } else {
        bad("chmod 666 /dev/fuse, or use 'okstrafs cat'", "/dev/fuse: %s", strerror(errno));
    }
}

static void check_fusermount(void)
{
    const struct mount_fault *fault = fusermount_fault();

    if (fault)
        bad(fault->fix, "%s", fault->what);
    else if (geteuid() == 0)
        good("running as root: no fusermount3 needed");
    else
        good("fusermount3 is installed, and may mount");
}

/* Whether a folder that does not exist can be made: in its nearest ancestor that exists. 0 or the errno. */
static int cannot_make(const char *path)
{
    char *copy = strdup(path), *slash;
    int rc = 0;

    while (copy && (slash = strrchr(copy, '/'))) {
        slash[slash == copy] = '\0';
        if (access(copy, W_OK | X_OK) == 0 || errno != ENOENT || slash == copy) {
            rc = access(copy, W_OK | X_OK) < 0 ? errno : 0;
            break;
        }
    }
    free(copy);
    return rc;
}

#define WRITABLE_HOME                                                                                     \
    "set OKSTRA_HOME to a folder on a filesystem that can be written, or run with --no-cache and name a " \
    "mountpoint"

static void check_home(const struct options *o)
{
    struct stat st;

    if (stat(o->okstra_home, &st) < 0 && cannot_make(o->okstra_home))
        bad(WRITABLE_HOME, "okstra home %s does not exist and cannot be made: %s", o->okstra_home,
            strerror(cannot_make(o->okstra_home)));
    else if (stat(o->okstra_home, &st) < 0)
        good("okstra home %s does not exist yet: the first mount makes it", o->okstra_home);
    else if (!S_ISDIR(st.st_mode))
        bad("set OKSTRA_HOME to a folder", "okstra home %s is not a folder", o->okstra_home);
    else if (st.st_uid != geteuid())
        bad("set OKSTRA_HOME to a folder of your own: caches are not written to another user's folder",
            "okstra home %s belongs to another user", o->okstra_home);
    else if (access(o->okstra_home, W_OK) < 0 && errno == EROFS)
        bad(WRITABLE_HOME, "okstra home %s is on a read-only filesystem: no cache is kept", o->okstra_home);
    else if (access(o->okstra_home, W_OK) < 0)
        bad("chmod u+w it, or run with --no-cache", "okstra home %s is not writable", o->okstra_home);
    else
        good("okstra home %s is writable", o->okstra_home);
}

static void check_history(const struct options *o)
{
    struct stat st;
    char *path;

    if (asprintf(&path, "%s/" OKS_HISTORY_ROOT "/log", o->okstra_home) < 0)
        return;
    if (stat(path, &st) < 0)
        good("no history of deleted transcripts is stored yet (%s)", path);
    else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & S_IWOTH))
        bad("it must be a regular file of yours that others cannot write: correct owner and mode, or move it "
            "away",
            "%s is not read", path);
    else
        good("history of deleted transcripts: %s, %lld bytes", path, (long long)st.st_size);
    free(path);
}

static int check_setting(void *ctx, const char *path, const char *error, const char *doubt)
{
    if (error)
        bad("correct it; until then the last valid version applies, or none if there was none "
            "(docs/configuration.md)",
            "%s: %s", path, error);
    else if (doubt)
        bad("correct the key; docs/configuration.md lists those that are read, and pricing.json has entries "
            "to "
            "copy",
            "%s: %s", path, doubt);
    else
        good("%s is valid", path);
    return 0;
}

static void check_sources(const struct options *o)
{
    int found = 0;

    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = o->dirs[i]; *dir; dir++)
            if (access(*dir, R_OK | X_OK) == 0) {
                good("transcripts of %s are read from %s", oks_source_name((enum oks_source)i), *dir);
                found++;
            }
    if (!found)
        bad("run an agent once, or set CLAUDE_CONFIG_DIR, CODEX_HOME or GEMINI_CLI_HOME",
            "no transcript folder exists (%s ...)", o->dirs[OKS_SOURCE_CLAUDE][0]);
}

/* Of each kind, so many are printed. */
enum { LEFT_OUT_SHOWN = 20 };

struct left_out {
    uint64_t unread, passed;
};

static int print_left_out(void *ctx, const char *path, const char *reason, bool unread)
{
    struct left_out *left = ctx;
    uint64_t n = unread ? ++left->unread : ++left->passed;

    if (n > LEFT_OUT_SHOWN)
        return 0;
    if (unread)
        bad("make it readable; until then its sessions lack what it holds", "%s: %s", path, reason);
    else
        printf("note   passed over: %s: %s\n", path, reason);
    return 0;
}

static int print_lost_budget(void *ctx, const char *budget, const char *scope, const char *of)
{
    bool is_team = strcmp(scope, "team") == 0 || strcmp(scope, "run") == 0;
    char fix[256];

    (void)ctx;
    snprintf(fix, sizeof(fix), "correct \"of\" in okstrafs.json: %s; nothing is wrong if it is still to come",
             strcmp(scope, "agent-day") == 0 ? "stats/by-agent.json has the names"
             : is_team                       ? "'okstrafs ls teams' has the names"
             : strcmp(scope, "project") == 0 ? "'okstrafs ls projects' has the names"
                                             : "'okstrafs ls sessions' has the ids, which must be whole");
    bad(fix, "budget \"%s\" applies to nothing: there is no %s \"%s\"", budget,
        is_team                           ? "team"
        : strcmp(scope, "agent-day") == 0 ? "agent"
                                          : scope,
        of);
    return 0;
}

static void print_more(const char *what, uint64_t n)
{
    if (n)
        printf("note   and %llu more %s\n", (unsigned long long)n, what);
}

/* Reads all transcripts as 'okstrafs cat' does, and writes nothing. */
static void check_transcripts(const struct options *o)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    struct oks_config config = options_config(o);
    struct oks_engine *engine = NULL;
    struct left_out left = {0};
    uint64_t more = 0;
    int rc;

    config.once = true;
    rc = oks_engine_new(&engine, &config);
    if (rc == 0)
        rc = oks_engine_sync(engine, &all, false, NULL);
    if (rc == 0)
        rc = oks_engine_left_out(engine, print_left_out, &left, &more);
    if (rc == 0)
        rc = oks_engine_lost_budgets(engine, print_lost_budget, NULL);
    oks_engine_free(engine);
    if (rc < 0) {
        bad("see the message", "transcripts cannot be read: %s", strerror(-rc));
        return;
    }
    print_more("transcripts cannot be read", left.unread > LEFT_OUT_SHOWN ? left.unread - LEFT_OUT_SHOWN : 0);
    print_more("paths are passed over",
               more + (left.passed > LEFT_OUT_SHOWN ? left.passed - LEFT_OUT_SHOWN : 0));
    if (left.unread == 0)
        good("all transcripts can be read");
}

static void check_watches(void)
{
    FILE *f = fopen("/proc/sys/fs/inotify/max_user_watches", "re");
    long watches = 0;

    if (f && fscanf(f, "%ld", &watches) == 1 && watches < 8192)
        bad("sysctl fs.inotify.max_user_watches=65536 (folders without a watch are checked with stat)",
            "only %ld inotify watches are allowed", watches);
    else
        good("inotify watches: %ld", watches);
    if (f)
        fclose(f);
}

static void print_helper(const struct oks_daemon_state *d)
{
    time_t since = (time_t)(d->helper_since_ms / 1000);
    char when[32] = "";
    struct tm tm;

    if (gmtime_r(&since, &tm))
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!d->helper_runs || !d->helper_unmounts)
        bad("stop it with 'okstrafs umount', and mount again",
            "the helper process of the mount %s since %s: nobody unmounts when the daemon dies",
            d->helper_runs ? "was started without the right to unmount, and runs" : "is missing", when);
    else if (d->helper_restarts)
        printf(
            "note   the helper process of the mount was killed and started again, %llu times: the last one "
            "runs since %s\n",
            (unsigned long long)d->helper_restarts, when);
    else
        good("the helper process of the mount runs since %s", when);
}

static void print_hardening(const struct oks_daemon_state *d)
{
    printf("%s the daemon has given up: core dumps: %s; capabilities: %s; new privileges: %s; files beyond "
           "what it needs (Landlock): %s; programs, network and mounts (seccomp): %s%s%s\n",
           *d->hardening_note ? "note  " : "ok    ", d->no_core_dumps ? "yes" : "no",
           d->capabilities == 0 ? "all" : "some are left", d->no_new_privileges ? "yes" : "no",
           d->landlock ? "yes" : "no", d->seccomp ? "yes" : "no", *d->hardening_note ? "; " : "",
           d->hardening_note);
}

enum { STATUS_MAX = 1 << 20 };

/* What the mount's own status says about its daemon. */
static void check_daemon(const struct options *o)
{
    struct oks_daemon_state state;
    char *status = malloc(STATUS_MAX);
    ssize_t n = status ? mountpoint_read(o->mountpoint, "status.json", status, STATUS_MAX) : -ENOMEM;
    int rc = n < 0 ? (int)n : oks_daemon_state_read(&state, (struct oks_slice){status, (size_t)n});

    free(status);
    if (rc == -EACCES || rc == -ENOENT) {
        printf("note   the daemon's own state is not shown: %s\n",
               rc == -EACCES ? "the mount belongs to another user; ask for it as that user"
                             : "it is of an older version; run 'okstrafs umount', and mount again");
        return;
    }
    if (rc < 0) {
        bad("stop it with 'okstrafs umount', and mount again", "%s/status.json cannot be read: %s",
            o->mountpoint, strerror(-rc));
        return;
    }
    print_helper(&state);
    print_hardening(&state);
    if (state.watchers_notified)
        good("file watchers are notified of changes");
    else
        printf("note   file watchers are not notified of changes (-o notify=off, or see the daemon's "
               "messages)\n");
}

static void check_mountpoint(const struct options *o)
{
    switch (mountpoint_state(o->mountpoint)) {
    case MOUNT_NONE:
        good("nothing is mounted on %s; start with 'okstrafs mount'", o->mountpoint);
        break;
    case MOUNT_ALIVE:
        good("mounted on %s, and responding", o->mountpoint);
        check_daemon(o);
        break;
    case MOUNT_STALE:
        bad("run 'okstrafs mount': it clears the mount",
            "%s is a mount without a daemon: it has exited or was killed", o->mountpoint);
        break;
    case MOUNT_HUNG:
        bad("kill the daemon, then fusermount3 -uz the folder", "%s does not answer", o->mountpoint);
        break;
    case MOUNT_OTHER:
        bad("choose another folder", "%s is a mount point of another filesystem", o->mountpoint);
        break;
    }
}

int doctor_run(const struct options *o)
{
    enum oks_isa isa = o->isa;

    check_fuse();
    check_fusermount();
    check_home(o);
    check_history(o);
    oks_settings_check(o->okstra_home, check_setting, NULL);
    check_sources(o);
    check_transcripts(o);
    check_watches();
    check_mountpoint(o);
    if (oks_isa_resolve(&isa) == 0)
        good("scanner: %s", oks_isa_name(isa));
    else
        bad("leave -o isa= out", "this CPU does not support the instruction set of -o isa=");
    return faults ? 1 : 0;
}
