/*
 * `okstrafs export`: the tree, or parts of it, as regular files in a folder; once, or with --watch from then
 * on.
 *
 * It has an engine of its own, as `cat` has. With --watch it polls the engine's change descriptor, so it
 * sleeps while nothing changes. After a change it waits a moment, so that a writer that is not done comes
 * first, and then makes a round. The more a round costs, the longer it waits before the next one. What the
 * clock alone changes is written at the end of the local day, when a budget's window ends, and with each
 * change.
 */
#include "cli/export.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/local.h"
#include "cli/service.h"
#include "common/clock.h"
#include "common/heap.h"
#include "common/log.h"
#include "export/exporter.h"
#include "okstrafs/change_fd.h"
#include "okstrafs/names.h"
#include "watchers/mountpoint.h"

enum {
    FIRST_PAUSE_MS = 20,
    ROUND_MS = 250,     /* between two rounds, at least */
    CPU_SHARE = 20,     /* a round costs one part in so many of the time, while rounds are short */
    CPU_SHARE_MAX = 4,  /* and never more than one in so many */
    ROUND_MAX_MS = 900, /* "within a second", if that allows it */
    POLL_MS = 750,      /* between syncs if some folder has no watch */
    RETRY_MS = 30000,   /* after a round that failed */
    SAVE_MS = 1000,
};

static atomic_bool stopped;
static int stop_fd = -1;

static void on_signal(int sig)
{
    int error = errno;

    (void)sig;
    atomic_store(&stopped, true);
    eventfd_write(stop_fd, 1);
    errno = error;
}

static bool catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stop_fd < 0)
        return false;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    return true;
}

/* --- what to export, and where --- */

struct run {
    const struct options *options;
    const char *dir;
    struct oks_engine *engine;
    struct exporter *exporter;
    struct export_folder top;
    struct export_rights rights;
    struct patterns patterns;
    char *defaults;              /* the patterns borrow from it */
    char last[OKS_NAME_MAX + 1]; /* the end of the last path that could not be written ... */
    int last_error;              /* ... and why */
};

static int add_pattern(struct run *r, const char *path)
{
    int rc = patterns_add(&r->patterns, local_below_mount(r->options, path));

    if (rc == -EINVAL)
        log_error("%s: a PATH is below the top of the tree, and has no .. in it", path);
    else if (rc < 0)
        log_error("%s: more than %d PATHs", path, PATTERNS_MAX);
    return rc < 0 ? EX_USAGE : 0;
}

static int take_patterns(struct run *r)
{
    char *rest = NULL;
    int rc = 0;

    for (int i = 1; rc == 0 && i < r->options->n_paths; i++)
        rc = add_pattern(r, r->options->paths[i]);
    if (r->options->n_paths > 1)
        return rc;
    r->defaults = strdup(EXPORT_DEFAULTS);
    for (char *word = r->defaults ? strtok_r(r->defaults, " ", &rest) : NULL; rc == 0 && word;
         word = strtok_r(NULL, " ", &rest))
        rc = add_pattern(r, word);
    return r->defaults ? rc : EX_OSERR;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Exported streams would be read as transcripts there. */
static bool is_among_transcripts(const struct run *r)
{
    char *path = mountpoint_resolve(r->dir);
    bool is = false;

    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = r->options->dirs[i]; path && *dir && !is; dir++) {
            is = is_below(path, *dir);
            if (is)
                log_error("%s is below %s, whose files are read as transcripts: choose another folder",
                          r->dir, *dir);
        }
    free(path);
    return is;
}

static int open_top(struct run *r)
{
    int rc;

    if (is_among_transcripts(r))
        return EX_USAGE;
    rc = export_folder_open_top(&r->top, r->dir, &r->rights);
    if (rc == -ENOTEMPTY)
        log_error("%s holds files that okstrafs did not write: choose an empty folder, or a new one", r->dir);
    else if (rc == -EWOULDBLOCK)
        log_error("%s: another okstrafs exports into it", r->dir);
    else if (rc < 0)
        log_error("%s: cannot export into it: %s", r->dir, strerror(-rc));
    return rc < 0;
}

/* --- rounds --- */

/* While one thing fails again and again, it is said once. */
static void say_failed(void *ctx, const char *path, int error)
{
    struct run *r = ctx;
    size_t n = strlen(path);
    const char *end = n > OKS_NAME_MAX ? path + n - OKS_NAME_MAX : path;

    if (r->last_error == error && strcmp(r->last, end) == 0)
        return;
    r->last_error = error;
    snprintf(r->last, sizeof(r->last), "%s", end);
    log_error("%s/%s: %s", r->dir, path,
              error == -EEXIST ? "there is something that okstrafs did not write; it stays"
                               : strerror(-error));
}

static int make_round(struct run *r)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    int rc;

    oks_engine_clock(r->engine, now_ms());
    rc = oks_engine_sync(r->engine, &all, false, &stopped);
    if (rc == 0)
        rc = exporter_round(r->exporter, now_ms(), &stopped);
    else if (rc != -ECANCELED)
        say_failed(r, "", rc);
    if (rc == 0 && !exporter_refused(r->exporter))
        r->last_error = 0;
    if (oks_engine_trim_due(r->engine))
        heap_trim();
    return rc;
}

static int export_once(struct run *r)
{
    int rc = make_round(r);

    if (rc == 0 && exporter_missing(r->exporter)) {
        log_error(
            "%s: No such file or directory; 'okstrafs ls' shows what there is, and names are in full here",
            exporter_missing(r->exporter));
        rc = -ENOENT;
    }
    return rc < 0 || exporter_refused(r->exporter);
}

/* --- waiting --- */

struct waiting {
    int change_fd; /* of the engine */
    int timer_fd;
};

static int64_t cpu_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static int pause_after(int64_t cpu)
{
    int64_t pause = cpu * CPU_SHARE;

    if (pause > ROUND_MAX_MS)
        pause = ROUND_MAX_MS;
    if (pause < cpu * CPU_SHARE_MAX)
        pause = cpu * CPU_SHARE_MAX;
    return pause < ROUND_MS ? ROUND_MS : (int)pause;
}

static int64_t day_end_ms(const struct run *r)
{
    const struct oks_zone *zone = oks_engine_zone(r->engine);

    return oks_zone_day_start(zone, oks_zone_day(zone, now_ms() / 1000) + 1) * 1000;
}

/* When the clock alone changes something that is exported. */
static int64_t next_change(const struct run *r, int64_t day_end)
{
    int64_t budgets = oks_engine_next_change(r->engine);

    return exporter_follows_clock(r->exporter) && day_end < budgets ? day_end : budgets;
}

/* The descriptor of a timer that ends at `until`, or when the clock is set. */
static void set_timer(int timer_fd, int64_t until)
{
    struct itimerspec at = {.it_value = {until / 1000, until % 1000 * 1000000}};

    if (until == INT64_MAX)
        at = (struct itimerspec){0};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

/* No signal ends it early but one that ends the program. */
static void pause_for(int ms)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};

    poll(&stop, 1, ms);
}

/* Until something may have changed. */
static void wait_for_change(struct run *r, const struct waiting *w, bool failed, int64_t day_end)
{
    struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN},
                           {.fd = w->change_fd, .events = POLLIN},
                           {.fd = w->timer_fd, .events = POLLIN}};
    int ms = oks_engine_needs_polling(r->engine) ? POLL_MS : failed ? RETRY_MS : -1;

    set_timer(w->timer_fd, next_change(r, day_end));
    if (poll(fds, 3, ms) > 0 && fds[1].revents)
        pause_for(FIRST_PAUSE_MS);
    if (now_ms() >= day_end)
        exporter_forget(r->exporter);
}

static void watch(struct run *r, const struct waiting *w)
{
    bool ready = false, first = true;

    while (!atomic_load(&stopped)) {
        int64_t cpu = cpu_ms(), day_end = day_end_ms(r);
        int rc;

        oks_engine_changes_seen(r->engine); /* before the sync: no later change is lost */
        rc = make_round(r);
        if (rc == 0 && !ready)
            service_ready("Exporting");
        ready |= rc == 0;
        if (!first)
            pause_for(pause_after(cpu_ms() - cpu));
        first = false;
        if (!atomic_load(&stopped))
            wait_for_change(r, w, rc < 0, day_end);
    }
    service_stopping();
}

static int export_from_now_on(struct run *r)
{
    struct waiting w = {oks_engine_change_fd(r->engine), timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC)};

    if (w.change_fd < 0 || w.timer_fd < 0) {
        log_error("cannot watch for changes: %s", strerror(w.change_fd < 0 ? -w.change_fd : errno));
        return 1;
    }
    oks_engine_start_saver(r->engine); /* without a thread all is saved at the end */
    watch(r, &w);
    close(w.timer_fd);
    return 0;
}

/* --- the command --- */

static int run(struct run *r)
{
    struct oks_config config = options_config(r->options);
    struct exporter_events events = {say_failed, r};
    int rc;

    config.once = !r->options->watch;
    config.stop = &stopped;
    rc = oks_engine_new(&r->engine, &config);
    if (rc == 0)
        rc = exporter_new(&r->exporter, r->engine, &r->patterns, &r->top, &events);
    if (rc < 0 || !catch_signals()) {
        log_error("cannot start: %s", strerror(rc < 0 ? -rc : errno));
        return 1;
    }
    rc = r->options->watch ? export_from_now_on(r) : export_once(r);
    if (r->options->watch)
        oks_engine_save_within(r->engine, SAVE_MS);
    else
        oks_engine_save(r->engine);
    return rc;
}

int export_run(const struct options *o)
{
    struct run r = {.options = o,
                    .dir = o->paths[0],
                    .top = {.fd = -1},
                    .rights = {.mode = o->mode, .has_group = o->has_group, .group = o->group}};
    int rc;

    if (o->n_paths == 0) {
        log_error("export needs a folder to write into; see okstrafs help export");
        return EX_USAGE;
    }
    rc = take_patterns(&r);
    if (rc == 0)
        rc = open_top(&r);
    if (rc == 0)
        rc = run(&r);
    exporter_free(r.exporter);
    oks_engine_free(r.engine);
    if (r.top.fd >= 0)
        export_folder_close(&r.top);
    free(r.defaults);
    return rc;
}
