/*
 * The daemon's life cycle: checks, fork, mount, session loop, unmount.
 *
 * The parent waits until the child has mounted, or failed, so that `okstrafs mount` has an exit code. The
 * first SIGTERM, SIGINT or SIGHUP ends the session: running scans stop, the mount is removed, caches are
 * saved. The second ends the process at once, and so does the watchdog if a worker never returns.
 *
 * Threads: libfuse's workers run the operations; one thread of the engine writes caches; the notifier is one
 * more. Signals reach the main thread only.
 */
#include "cli/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "watchers/write_gate.h"
#include "cli/fusermount.h"
#include "common/clock.h"
#include "common/child.h"
#include "common/hardening.h"
#include "common/heap.h"
#include "common/log.h"
#include "watchers/mountpoint.h"
#include "watchers/notify.h"
#include "internal/daemon_state.h"
#include "ops/ops.h"
#include "cli/service.h"
#include "cli/watchdog.h"

enum { WORKERS_MAX = 64, WORKERS_IDLE = 4, UMOUNT_WAIT_S = 20, SAVE_MS = 1000 };
enum { GENERATIONS_BITS = 20 }; /* of one millisecond: more are not made */
enum { IDLE_SHARE = 4 };        /* of the memory; the rest is for rows, which always stay, and for work */

/* What the signal handler may touch. */
static atomic_bool stopping;
static struct fuse_session *signalled_session;
static const char *signalled_path;
static struct watchdog watchdog;

static void on_signal(int sig)
{
    (void)sig;
    if (atomic_exchange(&stopping, true)) {
        umount2(signalled_path, MNT_DETACH);
        _exit(EX_SOFTWARE);
    }
    fuse_session_exit(signalled_session);
    watchdog_wake(&watchdog);
}

static void install_signals(void)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
    static const int ignored[] = {SIGPIPE, SIGUSR1, SIGUSR2, SIGXFSZ};
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: the main thread must wake */
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        sigaction(ends[i], &action, NULL);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
        sigaction(ignored[i], &ignore, NULL);
}

/* --- before the mount --- */

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Compares resolved paths. What does not exist yet stays as it is. */
static bool would_hide_this(const char *mountpoint, const char *source)
{
    char *from = mountpoint_resolve(mountpoint), *to = mountpoint_resolve(source);
    bool hides = is_below(source, mountpoint) || (from && to && is_below(to, from));

    free(from);
    free(to);
    return hides;
}

/* A folder, or the one below it that okstrafs uses. */
static bool would_hide(const char *mountpoint, const char *folder, const char *used)
{
    char *below;
    bool hides = would_hide_this(mountpoint, folder);

    if (hides || asprintf(&below, "%s/%s", folder, used) < 0)
        return hides;
    hides = would_hide_this(mountpoint, below);
    free(below);
    return hides;
}

static int check_sources(const void *options)
{
    const struct options *o = options;

    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = o->dirs[i]; *dir; dir++)
            if (would_hide(o->mountpoint, *dir, i == OKS_SOURCE_CLAUDE ? "projects" : "")) {
                log_error("%s holds the transcripts %s, which the mount would hide: choose another folder",
                          o->mountpoint, *dir);
                return EX_USAGE;
            }
    return 0;
}

enum { CHECK_MS = 2000 };

/*
 * Runs a check that may hang in a filesystem that does not answer. Such a one is not below the mountpoint, so
 * then nothing is wrong.
 */
static int in_child(int (*check)(const void *o), const struct options *o)
{
    char said[4096];
    size_t len;
    int rc = child_ask(check, o, CHECK_MS, said, sizeof(said), &len);

    if (rc == -EAGAIN || rc == -ENOMEM)
        return check(o); /* no process is free */
    if (rc < 0)
        return 0;
    if (write(STDERR_FILENO, said, len) < 0)
        return rc; /* no stderr */
    return rc;
}

enum { ANSWERED = 1 };

/* Returns only when all filesystems that are to be read have answered. */
static int ask_roots(const void *options)
{
    const struct options *o = options;
    struct stat st;

    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = o->dirs[i]; *dir; dir++)
            stat(*dir, &st);
    for (char **dir = o->task_roots; *dir; dir++)
        stat(*dir, &st);
    return ANSWERED;
}

/* A mount over our own transcripts or caches would hide them from us. */
static int check_layout(const struct options *o)
{
    if (would_hide(o->mountpoint, o->okstra_home, OKS_CACHE_ROOT) ||
        would_hide(o->mountpoint, o->okstra_home, OKS_HISTORY_ROOT)) {
        log_error("%s holds OKSTRA_HOME, %s, which the mount would hide: choose another folder",
                  o->mountpoint, o->okstra_home);
        return EX_USAGE;
    }
    return in_child(check_sources, o);
}

/* A budget in a file with an error is off, which must not happen in silence. */
static int say_wrong_setting(void *ctx, const char *path, const char *error, const char *doubt)
{
    (void)ctx;
    if (error)
        log_error("%s: %s; it is ignored until that is corrected", path, error);
    else if (doubt)
        log_error("%s: is this meant? %s", path, doubt);
    return 0;
}

static int check_device(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        log_error("no /dev/fuse: run 'modprobe fuse' as root, or start the container with --device /dev/fuse "
                  "--cap-add SYS_ADMIN (without it, 'okstrafs cat' and 'okstrafs report' show the same; "
                  "'okstrafs doctor' checks the rest)");
    else if (errno == EPERM)
        log_error(
            "cannot open /dev/fuse: %s; start the container with --device /dev/fuse, or use 'okstrafs cat'; "
            "'okstrafs doctor' checks the rest",
            strerror(errno));
    else
        log_error(
            "cannot open /dev/fuse: %s; run 'chmod 666 /dev/fuse' as root, which is its usual mode, or use "
            "'okstrafs cat'; 'okstrafs doctor' checks the rest",
            strerror(errno));
    return EX_UNAVAILABLE;
}

/* Said before the mount, which would work and then stay. */
static void warn_of_unmounting(const struct options *o)
{
    const struct mount_fault *fault = fusermount_fault();

    if (fault && fault->at_end)
        log_error("%s %s until that is mended; %s", fault->what, o->mountpoint, fault->fix);
}

static void say_not_unmounted(const char *what, const char *path, int rc)
{
    const struct mount_fault *fault = fusermount_fault();

    if (fault)
        log_error("%s %s: %s; %s", what, path, fault->what, fault->fix);
    else
        log_error("%s %s: %s; try 'fusermount3 -uz %s'", what, path, strerror(-rc), path);
}

struct owner_search {
    const char *path;
    uid_t owner;
};

static void note_owner(void *ctx, const char *path, uid_t owner)
{
    struct owner_search *search = ctx;

    if (strcmp(path, search->path) == 0)
        search->owner = owner;
}

/* Whether only that user, and root, can unmount it. */
static bool is_of_another_user(const char *mountpoint)
{
    struct owner_search search = {mountpoint, geteuid()};

    mountpoint_each(note_owner, &search);
    return geteuid() != 0 && search.owner != geteuid();
}

/* Right after mountpoint_state() */
static int say_unknown(const struct options *o)
{
    log_error("cannot see what is mounted on %s: /proc/self/mountinfo cannot be read: %s; try again",
              o->mountpoint, strerror(errno));
    return EX_OSERR;
}

/* Removes the mount of a daemon that has ended; anything else in the way is an error. */
static int clear_way(const struct options *o)
{
    int rc;

    switch (mountpoint_state(o->mountpoint)) {
    case MOUNT_NONE:
        return 0;
    case MOUNT_ALIVE:
        if (is_of_another_user(o->mountpoint))
            log_error("%s is already mounted, by another user: choose another folder", o->mountpoint);
        else
            log_error("%s is already mounted; stop it with 'okstrafs umount %s'", o->mountpoint,
                      o->mountpoint);
        return EX_TEMPFAIL;
    case MOUNT_OTHER:
        log_error("%s is a mount point of another filesystem: choose another folder", o->mountpoint);
        return EX_USAGE;
    case MOUNT_HUNG:
        log_error("the okstrafs at %s does not answer; kill it, then run 'fusermount3 -uz %s'", o->mountpoint,
                  o->mountpoint);
        return EX_TEMPFAIL;
    case MOUNT_UNKNOWN:
        return say_unknown(o);
    case MOUNT_STALE:
        break;
    }
    rc = mountpoint_unmount(o->mountpoint, true);
    if (rc < 0) {
        say_not_unmounted("cannot clear the dead mount at", o->mountpoint, rc);
        return EX_OSERR;
    }
    return 0;
}

/* The locked folder, or a negative exit code. */
static int claim(const struct options *o)
{
    int fd, rc = mountpoint_create(o->mountpoint);

    fd = rc < 0 ? rc : mountpoint_claim(o->mountpoint, o->nonempty);
    if (fd >= 0)
        return fd;
    if (fd == -EBUSY)
        log_error("another okstrafs is starting or running on %s", o->mountpoint);
    else if (fd == -ENOTEMPTY)
        log_error("%s is not empty: choose an empty folder, or hide its content with -o nonempty",
                  o->mountpoint);
    else
        log_error("cannot use %s: %s; choose another folder, or see 'okstrafs doctor'", o->mountpoint,
                  strerror(-fd));
    return -EX_CANTCREAT;
}

/* --- the session --- */

/* libfuse may print several lines for one error: the last one becomes part of our message. */
static char fuse_complaint[512];

__attribute__((format(printf, 2, 0))) static void keep_complaint(enum fuse_log_level level,
                                                                 const char *format, va_list args)
{
    if (level <= FUSE_LOG_WARNING)
        vsnprintf(fuse_complaint, sizeof(fuse_complaint), format, args);
    fuse_complaint[strcspn(fuse_complaint, "\n")] = '\0';
}

static struct fuse_session *session_new(const struct options *o, struct connection *c)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_session *session = NULL;
    char *opts;

    if (asprintf(&opts, "-ofsname=okstrafs,subtype=okstrafs%s%s", *o->fuse_options ? "," : "",
                 o->fuse_options) < 0)
        return NULL;
    if (fuse_opt_add_arg(&args, "okstrafs") == 0 && fuse_opt_add_arg(&args, opts) == 0)
        session = fuse_session_new(&args, &mount_ops, sizeof(mount_ops), c);
    fuse_opt_free_args(&args);
    free(opts);
    return session;
}

/*
 * The time of what has none of its own: that of the program, so that it is the same after a restart, and a
 * tool that compares times (rsync, make) finds nothing new.
 */
static int64_t program_ns(void)
{
    struct stat st;
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (stat("/proc/self/exe", &st) == 0)
        ts = st.st_mtim;
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int serve(struct fuse_session *session)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    int rc;

    if (!config)
        return -ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, 0);
    fuse_loop_cfg_set_max_threads(config, WORKERS_MAX);
    fuse_loop_cfg_set_idle_threads(config, WORKERS_IDLE);
    rc = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return rc < 0 ? rc : 0;
}

/* Reports to the waiting parent that the mount exists, and closes its terminal. */
static void detach(int ready_fd)
{
    int null;

    if (ready_fd < 0)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (chdir("/") < 0)
        log_error("cannot leave the working directory: %s", strerror(errno));
    if (write(ready_fd, "", 1) != 1)
        log_error("cannot report to the process that started this daemon");
    close(ready_fd);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > 2)
            close(null);
    }
}

static void start_saver(struct oks_engine *engine)
{
    int rc = oks_engine_start_saver(engine);

    if (rc < 0)
        log_error("cannot start the thread that writes caches (%s): they are written at the end",
                  strerror(-rc));
}

/* On failure the mount works without it. */
static void start_notifier(const struct options *o, struct connection *c, struct toucher *toucher)
{
    struct mount_id id;
    int rc = toucher ? mountpoint_id(o->mountpoint, &id) : 0;

    if (toucher && rc == 0)
        toucher_mounted(toucher, &id);
    if (rc < 0)
        log_error("the mount is not found in /proc/self/mountinfo: %s; it stays if this process is killed",
                  strerror(-rc));
    rc = c->gate ? notify_start(&c->notifier, &c->mount, c->gate, toucher) : 0;
    if (!c->gate || rc < 0)
        inodes_stop_announcing(c->mount.inodes);
    if (rc < 0)
        log_error("file watchers are not notified of changes: %s", strerror(-rc));
}

/*
 * Starts the child that unmounts after our end, and makes system calls on the mount until then. Before the
 * mount and before any thread, so that the child has neither the connection nor a lock that is never
 * released.
 */
static struct toucher *start_toucher(const struct options *o, struct connection *c, int lock_fd)
{
    struct toucher *toucher = NULL;
    int rc = toucher_start(&toucher, o->mountpoint, lock_fd);

    if (rc == 0 && !o->no_notify)
        rc = write_gate_new(&c->gate, c->mount.inodes, toucher_pid(toucher));
    if (rc < 0)
        log_error("cannot start the helper process (%s): file watchers are not notified of changes; if this "
                  "daemon is killed, run 'fusermount3 -uz %s'",
                  strerror(-rc), o->mountpoint);
    return toucher;
}

/* A number that each lookup changes would make a new generation of status.json at each. */
enum { INODES_STEP = 1000 };

/* What status.json shows of this process. */
struct daemon {
    struct connection *connection;
    struct toucher *toucher;
    bool roots_answer;
    struct hardening hardening;
};

static void daemon_state(void *ctx, struct oks_daemon_state *out)
{
    const struct daemon *d = ctx;

    out->inodes = inodes_count(d->connection->mount.inodes) / INODES_STEP * INODES_STEP;
    out->watchers_notified = notify_works(d->connection->notifier);
    toucher_state(d->toucher, out);
    out->no_core_dumps = d->hardening.no_core_dumps;
    out->capabilities = d->hardening.capabilities;
    out->no_new_privileges = d->hardening.no_new_privileges;
    out->landlock = d->hardening.landlock;
    out->seccomp = d->hardening.seccomp;
    snprintf(out->hardening_note, sizeof(out->hardening_note), "%s",
             d->hardening.note ? d->hardening.note : "");
}

/*
 * After the mount, and before the first thread. From here on only the helper process can unmount, so without
 * it everything stays as it is.
 */
static void harden(const struct options *o, struct daemon *d)
{
    const char *const *readable[OKS_SOURCES + 1];
    struct hardening_paths paths = {
        .mount = o->mountpoint, .readable = readable, .reads_others = !d->roots_answer};

    if (o->no_harden || !d->toucher) {
        hardening_none(&d->hardening,
                       o->no_harden ? "switched off by -o harden=off" : "there is no helper process");
        return;
    }
    if (!o->no_cache && mountpoint_create(o->okstra_home) == 0)
        paths.writable = o->okstra_home;
    for (int i = 0; i < OKS_SOURCES; i++)
        readable[i] = (const char *const *)o->dirs[i];
    readable[OKS_SOURCES] = (const char *const *)o->task_roots;
    if (d->roots_answer) /* else their folder is readable with everything in it */
        paths.n_readable = OKS_SOURCES + 1;
    hardening_apply(&paths, &d->hardening);
    if (d->hardening.tried)
        toucher_set_hardened(d->toucher);
}

static void say_ready(const struct options *o, const struct connection *c)
{
    char status[512];

    snprintf(status, sizeof(status), "Mounted on %s%s", o->mountpoint,
             c->notifier ? "" : "; file watchers are not notified of changes");
    service_ready(status);
}

static void say_not_mounted(const char *path, const char *why)
{
    const struct mount_fault *fault = fusermount_fault();

    if (fault && !fault->at_end)
        log_error("cannot mount on %s: %s: %s; %s ('okstrafs doctor' checks the rest)", path, why,
                  fault->what, fault->fix);
    else
        log_error("cannot mount on %s: %s; see 'okstrafs doctor'", path, why);
}

/* Mounts, and starts the threads. 0 or an exit code, with the session destroyed. */
static int mount_session(const struct options *o, struct connection *c, struct fuse_session *session,
                         struct daemon *daemon)
{
    if (!session || fuse_session_mount(session, o->mountpoint) < 0) {
        say_not_mounted(o->mountpoint, *fuse_complaint ? fuse_complaint : strerror(errno));
        if (session)
            fuse_session_destroy(session);
        return EX_UNAVAILABLE;
    }
    harden(o, daemon);
    watchdog_start(&watchdog, session, daemon->toucher, o->mountpoint);
    start_notifier(o, c, daemon->toucher);
    oks_engine_set_daemon(c->mount.engine, daemon_state, daemon);
    start_saver(c->mount.engine);
    say_ready(o, c);
    return 0;
}

static int mount_and_serve(const struct options *o, struct connection *c, struct toucher *toucher,
                           int ready_fd)
{
    struct fuse_session *session = session_new(o, c);
    /* Before there is a descriptor of the mount, which a child that hangs would keep open. */
    struct daemon daemon = {
        .connection = c, .toucher = toucher, .roots_answer = in_child(ask_roots, o) == ANSWERED};
    sigset_t all, before;
    int rc;

    c->pages.session = session;
    signalled_session = session;
    signalled_path = o->mountpoint;
    /*
     * Signals wait until the loop runs. libfuse does not mount if one interrupts it (it waits for mount(8)),
     * and the threads that are started here keep all signals blocked: they are for the main thread.
     */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (session)
        install_signals(); /* before the mount exists: a signal in between would leave it without a daemon */
    rc = mount_session(o, c, session, &daemon);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return rc;
    detach(ready_fd);
    rc = serve(session);
    watchdog_stop(&watchdog);
    toucher_ending(toucher);
    service_stopping();
    atomic_store(&stopping, true);
    mount_stop_wakeups(&c->mount);
    if (daemon.hardening.tried) { /* libfuse would try, and print that it may not */
        fuse_session_destroy(session);
        toucher_unmount(toucher);
    } else {
        fuse_session_unmount(session);
        fuse_session_destroy(session);
    }
    oks_engine_set_daemon(c->mount.engine, NULL, NULL);
    notify_stop(c->notifier);
    c->notifier = NULL;
    oks_engine_save_within(c->mount.engine, SAVE_MS);
    return rc < 0 ? EX_SOFTWARE : 0;
}

static int mount_state_init(const struct options *o, struct mount *m)
{
    struct inodes_config config = {.idle_max = o->memory / IDLE_SHARE,
                                   .idle_min = WORKERS_MAX,
                                   .default_ns = program_ns(),
                                   .announces = !o->no_notify,
                                   .before = (uint64_t)now_ms() << GENERATIONS_BITS};

    config.spool = m->spool = spool_new(o->no_cache ? NULL : o->okstra_home);
    return m->spool ? inodes_new(&m->inodes, &config) : -ENOMEM;
}

static int run_daemon(const struct options *o, int lock_fd, int ready_fd)
{
    struct oks_config config = options_config(o);
    struct connection c = {
        .mount = {.wakeups = {.lock = PTHREAD_MUTEX_INITIALIZER}, .clock_lock = PTHREAD_MUTEX_INITIALIZER},
        .pages = {.lock = PTHREAD_MUTEX_INITIALIZER},
        .dirs = {.lock = PTHREAD_MUTEX_INITIALIZER},
        .stopping = &stopping,
        .uid = o->uid,
        .gid = o->gid};
    struct mount *m = &c.mount;
    int rc;

    config.stop = &stopping;
    fuse_set_log_func(keep_complaint);
    rc = oks_engine_new(&m->engine, &config);
    if (rc == 0)
        rc = mount_state_init(o, m);
    if (rc < 0) {
        log_error("cannot start: %s", rc == -ENOTSUP
                                          ? "this CPU does not support the instruction set of -o isa="
                                          : strerror(-rc));
        rc = EX_OSERR;
    } else {
        struct toucher *toucher = start_toucher(o, &c, lock_fd);

        rc = mount_and_serve(o, &c, toucher, ready_fd);
        toucher_stop(toucher);
    }
    connection_end(&c);
    write_gate_free(c.gate);
    inodes_free(m->inodes);
    spool_free(m->spool);
    oks_engine_free(m->engine);
    return rc;
}

/* Forks. The parent returns the child's result; the child never returns. */
static int run_in_background(const struct options *o, int lock_fd)
{
    int ready[2];
    char byte;
    pid_t pid;
    int status;

    if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        log_error("cannot start in the background: %s", strerror(errno));
        return EX_OSERR;
    }
    if (pid == 0) {
        close(ready[0]);
        setsid();
        exit(run_daemon(o, lock_fd, ready[1]));
    }
    close(ready[1]);
    while ((status = (int)read(ready[0], &byte, 1)) < 0 && errno == EINTR)
        ;
    close(ready[0]);
    return status == 1 ? 0 : EX_UNAVAILABLE; /* the child has printed why */
}

/*
 * Uses the resolved path: libfuse resolves its argument after the mount, and would send a request that no
 * thread serves yet.
 */
static int run(const struct options *o, int lock_fd)
{
    struct options real = *o;
    int rc;

    real.mountpoint = mountpoint_resolve(o->mountpoint);
    if (!real.mountpoint)
        return EX_OSERR;
    rc = check_layout(&real); /* again: the folder exists only now, and so does what ".." leads to */
    if (!rc)
        rc = o->foreground ? run_daemon(&real, lock_fd, -1) : run_in_background(&real, lock_fd);
    free(real.mountpoint);
    return rc;
}

int mount_run(const struct options *o)
{
    int fd, rc;

    if (o->fake)
        return 0;
    rc = check_layout(o);
    if (!rc)
        rc = check_device();
    if (!rc)
        rc = clear_way(o);
    if (rc)
        return rc;
    oks_settings_check(o->okstra_home, say_wrong_setting, NULL);
    warn_of_unmounting(o);
    prctl(PR_SET_NAME, "okstrafs"); /* also where mount(8) has started it by another name */
    umask(077);
    heap_for_daemon();
    fd = claim(o);
    if (fd < 0)
        return -fd;
    rc = run(o, fd);
    close(fd);
    return rc;
}

int umount_run(const struct options *o)
{
    enum mount_state state = mountpoint_state(o->mountpoint);
    int rc;

    if (state == MOUNT_UNKNOWN)
        return say_unknown(o);
    if (state == MOUNT_NONE || state == MOUNT_OTHER) {
        log_error("no okstrafs is mounted on %s; 'okstrafs doctor' lists your mounts", o->mountpoint);
        return EX_UNAVAILABLE;
    }
    if (is_of_another_user(o->mountpoint)) {
        log_error("%s was mounted by another user, who alone can unmount it, besides root", o->mountpoint);
        return EX_UNAVAILABLE;
    }
    if (fusermount_fault()) { /* fusermount3 would say so at each try, and that the mount is busy */
        say_not_unmounted("cannot unmount", o->mountpoint, 0);
        return EX_OSERR;
    }
    rc = mountpoint_unmount(o->mountpoint, false);
    if (rc == -EBUSY) {
        rc = mountpoint_unmount(o->mountpoint, true);
        if (rc == 0) {
            log_error("%s is still in use: detached now, finishes when the last process closes it",
                      o->mountpoint);
            return 0;
        }
    }
    if (rc < 0) {
        say_not_unmounted("cannot unmount", o->mountpoint, rc);
        return EX_OSERR;
    }
    if (!mountpoint_wait_released(o->mountpoint, UMOUNT_WAIT_S))
        log_error("the daemon is still saving its caches");
    return 0;
}
