/*
 * `okstrafs doctor`: checks of the machine, of the user's folders and files, and of the mounts
 * (cli/doctor_mounts.c), each with the fix if it fails.
 *
 * A fault keeps something from working. A note says what works otherwise than one might expect.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor_mounts.h"
#include "cli/findings.h"
#include "cli/fusermount.h"
#include "common/clock.h"
#include "internal/away.h"

static void check_fuse(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        found_good("fuse-device", "/dev/fuse can be opened");
    } else if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        found_fault(
            "fuse-device",
            "as root: modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN. 'okstrafs cat' "
            "works without",
            "there is no /dev/fuse");
    } else if (errno == EPERM) {
        found_fault("fuse-device", "start the container with --device /dev/fuse, or use 'okstrafs cat'",
                    "/dev/fuse: %s", strerror(errno));
    } else {
        found_fault("fuse-device", "as root: chmod 666 /dev/fuse, or use 'okstrafs cat'", "/dev/fuse: %s",
                    strerror(errno));
    }
}

static void check_fusermount(void)
{
    const struct mount_fault *fault = fusermount_fault();

    if (fault)
        found_fault("fusermount", fault->fix, "%s", fault->what);
    else if (geteuid() == 0)
        found_good("fusermount", "running as root: no fusermount3 needed");
    else
        found_good("fusermount", "fusermount3 is installed, and may mount");
}

#define HELPER "/sbin/mount.fuse.okstrafs"

/* mount(8) needs one of the two, `okstrafs mount` neither. */
static void check_mount_helper(void)
{
    if (access(HELPER, X_OK) == 0)
        found_good("mount-helper", "mount(8) and fstab start okstrafs by " HELPER);
    else if (access("/sbin/mount.fuse3", X_OK) == 0)
        found_good("mount-helper", "mount(8) and fstab start okstrafs by /sbin/mount.fuse3");
    else
        found_note("mount-helper", "as root: ln -s \"$(command -v okstrafs)\" " HELPER,
                   "mount(8) and fstab cannot start okstrafs: there is no " HELPER);
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
        found_fault("home", WRITABLE_HOME, "OKSTRA_HOME, %s, does not exist and cannot be made: %s",
                    o->okstra_home, strerror(cannot_make(o->okstra_home)));
    else if (stat(o->okstra_home, &st) < 0)
        found_good("home", "OKSTRA_HOME, %s, does not exist yet: the first mount makes it", o->okstra_home);
    else if (!S_ISDIR(st.st_mode))
        found_fault("home", "set OKSTRA_HOME to a folder", "OKSTRA_HOME, %s, is not a folder",
                    o->okstra_home);
    else if (st.st_uid != geteuid())
        found_fault(
            "home",
            "set OKSTRA_HOME to a folder of your own: caches are not written to another user's folder",
            "OKSTRA_HOME, %s, belongs to another user", o->okstra_home);
    else if (access(o->okstra_home, W_OK) < 0 && errno == EROFS)
        found_fault("home", WRITABLE_HOME, "OKSTRA_HOME, %s, is on a read-only filesystem: no cache is kept",
                    o->okstra_home);
    else if (access(o->okstra_home, W_OK) < 0)
        found_fault("home", fix_with_path("chmod u+w ", o->okstra_home, ", or run with --no-cache"),
                    "OKSTRA_HOME, %s, is not writable", o->okstra_home);
    else
        found_good("home", "OKSTRA_HOME, %s, is writable", o->okstra_home);
}

enum { FREE_LEAST = 16 << 20, FREE_FILES_LEAST = 100 };

#define MORE_SPACE "free some, or set OKSTRA_HOME to a folder on another filesystem"

/* Of the filesystem of the home, or of the folder in which it will be made. */
static void check_space(const struct options *o)
{
    char *path = strdup(o->okstra_home), *slash;
    struct statvfs fs;
    int rc = -1;

    while (path && (rc = statvfs(path, &fs)) < 0 && errno == ENOENT && (slash = strrchr(path, '/')) != path)
        *slash = '\0';
    if (rc < 0)
        found_note("disk-space", NULL, "how much space is free for caches is not known: %s", strerror(errno));
    else if ((uint64_t)fs.f_bavail * fs.f_frsize < FREE_LEAST)
        found_fault("disk-space", MORE_SPACE,
                    "only %llu KiB are free for caches and the history of deleted transcripts (%s)",
                    (unsigned long long)fs.f_bavail * fs.f_frsize / 1024, path);
    else if (fs.f_files && fs.f_favail < FREE_FILES_LEAST)
        found_fault("disk-space", MORE_SPACE, "only %llu more files can be made where caches are kept (%s)",
                    (unsigned long long)fs.f_favail, path);
    else
        found_good("disk-space", "space for caches: %llu MiB",
                   (unsigned long long)fs.f_bavail * fs.f_frsize >> 20);
    free(path);
}

/* Made by 'sudo okstrafs', most likely. */
static const char *fix_owner(const char *path)
{
    char before[64];

    snprintf(before, sizeof(before), "as root: chown -R %u ", (unsigned)geteuid());
    return fix_with_path(before, path, "");
}

/* A run as root leaves folders into which the user cannot write. */
static void check_cache(const struct options *o)
{
    struct stat st;
    char *path;

    if (o->no_cache) {
        found_note("cache", NULL, "no cache is read or written: --no-cache");
        return;
    }
    if (asprintf(&path, "%s/" OKS_CACHE_ROOT, o->okstra_home) < 0)
        return;
    if (stat(path, &st) < 0 && errno == ENOENT)
        found_good("cache", "no cache is stored yet (%s)", path);
    else if (stat(path, &st) < 0)
        found_fault("cache", fix_owner(path), "the cache %s cannot be used: %s", path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        found_fault("cache", fix_with_path("move it away: ", path, ""), "the cache %s is not a folder", path);
    else if (st.st_uid != geteuid())
        found_fault("cache", fix_owner(path),
                    "the cache %s belongs to another user: nothing is written to it", path);
    else if (access(path, R_OK | W_OK | X_OK) < 0)
        found_fault("cache", fix_with_path("chmod u+rwx ", path, ", or run with --no-cache"),
                    "the cache %s is not writable: %s", path, strerror(errno));
    else
        found_good("cache", "the cache %s is writable", path);
    free(path);
}

static void check_history(const struct options *o)
{
    struct stat st;
    char *path;

    if (asprintf(&path, "%s/" OKS_HISTORY_ROOT "/log", o->okstra_home) < 0)
        return;
    if (stat(path, &st) < 0 && errno != ENOENT)
        found_fault("history", fix_owner(path), "%s cannot be read: %s", path, strerror(errno));
    else if (stat(path, &st) < 0)
        found_good("history", "no history of deleted transcripts is stored yet (%s)", path);
    else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & S_IWOTH))
        found_fault(
            "history",
            "it must be a regular file of yours that others cannot write: correct owner and mode, or move it "
            "away",
            "%s is not read", path);
    else
        found_good("history", "history of deleted transcripts: %s, %lld bytes", path, (long long)st.st_size);
    free(path);
}

static int check_setting(void *ctx, const char *path, const char *error, const char *doubt)
{
    if (error)
        found_fault("settings",
                    "correct it, or make it readable; until then the last valid version applies, or none if "
                    "there was none (docs/configuration.md)",
                    "%s: %s", path, error);
    else if (doubt)
        found_fault(
            "settings",
            "correct the key; docs/configuration.md lists those that are read, and pricing.json has entries "
            "to "
            "copy",
            "%s: %s", path, doubt);
    else
        found_good("settings", "%s is valid", path);
    return 0;
}

static void check_sources(const struct options *o)
{
    int found = 0;

    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = o->dirs[i]; *dir; dir++)
            if (access(*dir, R_OK | X_OK) == 0) {
                found_good("sources", "transcripts of %s are read from %s",
                           oks_source_name((enum oks_source)i), *dir);
                found++;
            }
    if (!found)
        found_fault(
            "sources",
            "run an agent once, or set CLAUDE_CONFIG_DIR or another agent's variable (see man okstrafs)",
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
        found_fault("transcripts",
                    "make it readable, or remove it if it is damaged; until then its sessions lack what was "
                    "not read of it",
                    "%s: %s", path, reason);
    else
        found_note("left-out",
                   strcmp(reason, strerror(EACCES)) == 0 ? "make it readable if it has transcripts" : NULL,
                   "passed over: %s: %s", path, reason);
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
    found_fault("budgets", fix, "budget \"%s\" applies to nothing: there is no %s \"%s\"", budget,
                is_team                           ? "team"
                : strcmp(scope, "agent-day") == 0 ? "agent"
                                                  : scope,
                of);
    return 0;
}

static int print_host(void *ctx, const char *host, const char *folder, const char *reason)
{
    (void)ctx;
    if (reason)
        found_note("hosts", "mount or copy it; until then its last counts stay (docs/hosts.md)",
                   "host %s is away: %s: %s", host, folder, reason);
    else
        found_good("hosts", "transcripts of host %s are read from %s", host, folder);
    return 0;
}

static void print_more(const char *what, uint64_t n)
{
    if (n)
        found_note("left-out", NULL, "and %llu more %s", (unsigned long long)n, what);
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
    if (rc == 0)
        rc = oks_engine_host_folders(engine, print_host, NULL);
    oks_engine_free(engine);
    if (rc < 0) {
        found_fault("transcripts", "see the message", "transcripts cannot be read: %s", strerror(-rc));
        return;
    }
    print_more("transcripts cannot be read", left.unread > LEFT_OUT_SHOWN ? left.unread - LEFT_OUT_SHOWN : 0);
    print_more("paths are passed over",
               more + (left.passed > LEFT_OUT_SHOWN ? left.passed - LEFT_OUT_SHOWN : 0));
    if (left.unread == 0)
        found_good("transcripts", "all transcripts can be read");
}

enum { WATCHES_LEAST = 8192 };

static void check_watches(void)
{
    FILE *f = fopen("/proc/sys/fs/inotify/max_user_watches", "re");
    int fd = inotify_init1(IN_CLOEXEC);
    long watches = 0;

    if (fd < 0)
        found_fault("inotify",
                    "as root: sysctl fs.inotify.max_user_instances=512, or end programs that watch files",
                    "no inotify queue can be made: %s; every folder is checked with stat", strerror(errno));
    else if (f && fscanf(f, "%ld", &watches) == 1 && watches < WATCHES_LEAST)
        found_fault("inotify",
                    "as root: sysctl fs.inotify.max_user_watches=65536 (folders without a watch are checked "
                    "with stat)",
                    "only %ld inotify watches are allowed", watches);
    else
        found_good("inotify", "inotify watches: %ld", watches);
    if (fd >= 0)
        close(fd);
    if (f)
        fclose(f);
}

enum { DESCRIPTORS_LEAST = 256 };

static void check_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    if (limit.rlim_cur < DESCRIPTORS_LEAST)
        found_fault("descriptors", "ulimit -n 1024; in a unit of systemd: LimitNOFILE=1024",
                    "only %llu open files are allowed: reads fail with EMFILE when more are needed",
                    (unsigned long long)limit.rlim_cur);
    else
        found_good("descriptors", "open files: %llu", (unsigned long long)limit.rlim_cur);
}

enum { YEAR_FIRST = 2020, YEAR_LAST = 2039 }; /* of which there are rows by day */

static void check_clock(const struct options *o)
{
    const char *tz = getenv("TZ");
    time_t now = (time_t)(now_ms() / 1000);
    struct tm tm = {0};
    int year = gmtime_r(&now, &tm) ? tm.tm_year + 1900 : 0;

    if (year < YEAR_FIRST || year > YEAR_LAST)
        found_fault("clock", "set it, as root: timedatectl set-ntp true",
                    "the machine's clock is wrong: it says the year %d, and budgets follow it", year);
    else
        found_good("clock", "the clock says %04d-%02d-%02d", year, tm.tm_mon + 1, tm.tm_mday);
    if (o->zone)
        found_good("time-zone", "days are those of %s",
                   o->zone_name ? o->zone_name
                   : tz         ? tz
                                : "the machine's time zone");
    else if (tz)
        found_fault("time-zone", "set TZ to a name such as Europe/Berlin, or install tzdata",
                    "TZ=%s is no time zone: days are those of UTC", tz);
    else
        found_note("time-zone", "set TZ, or -o tz=, or as root: timedatectl set-timezone Europe/Berlin",
                   "this machine has no time zone: days are those of UTC");
}

int doctor_run(const struct options *o)
{
    enum oks_isa isa = o->isa;

    findings_begin(o->json);
    check_fuse();
    check_fusermount();
    check_mount_helper();
    check_home(o);
    check_space(o);
    check_cache(o);
    check_history(o);
    oks_settings_check(o->okstra_home, check_setting, NULL);
    check_sources(o);
    check_transcripts(o);
    check_watches();
    check_descriptors();
    check_clock(o);
    doctor_check_mounts(o);
    if (oks_isa_resolve(&isa) == 0)
        found_good("scanner", "scanner: %s", oks_isa_name(isa));
    else
        found_fault("scanner", "leave -o isa= out",
                    "this CPU does not support the instruction set of -o isa=");
    return findings_end();
}
