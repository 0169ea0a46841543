/*
 * `okstrafs top`: what agents spend now, redrawn when something changes.
 *
 * It is a reader and a watcher of a mount as any other: inotify wakes it, then it reads the documents again.
 * A clock wakes it once a minute too, because blocks and days end by themselves.
 *
 * The sessions that are shown are those that changed last. Some more are watched. If the total changes and
 * none of these does, it was another one: then all sessions are looked at again, at most every few seconds.
 */
#include "cli/top.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/mounted.h"
#include "cli/top_screen.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/name_list.h"
#include "report/report.h"
#include "watchers/mountpoint.h"

enum {
    SHOWN = 12,       /* sessions */
    TRACKED = 64,     /* sessions that are watched */
    SETTLE_MS = 100,  /* the events of one change come within this */
    SEARCH_MS = 2000, /* between two searches */
    PATIENCE_MS =
        3000, /* a search takes no longer; it may then have missed sessions of a very large project */
    MINUTE_MS = 60000,
    PATH_BYTES = 600,
    EVENTS_BYTES = 65536,
};

struct recent {
    char name[NAME_MAX + 1];
    struct timespec changed; /* of its usage.json */
    int watch;               /* of its folder; -1: none */
};

struct top {
    const char *mountpoint;
    dev_t device; /* of the mount */
    int folder; /* the mountpoint; open during an update only: a mount that is in use cannot be taken away */
    int inotify, signals;
    struct report_source source;
    struct report_style style;
    struct recent recent[TRACKED]; /* the latest change first */
    size_t n_recent;
    int total_watch, sessions_watch;
    bool total_changed, recent_changed;  /* since the last update */
    char created[TRACKED][NAME_MAX + 1]; /* sessions, since the last update */
    size_t n_created;
    bool search_due;     /* another session has changed */
    int64_t searched_ms; /* when the last search began */
    bool ended;          /* the mount is gone */
    int error;           /* of a line that could not be kept */
};

/* --- sessions --- */

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static bool time_of(const struct top *top, const char *folder, const char *name, struct timespec *out)
{
    char path[PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s/usage.json", folder, name);
    if (fstatat(top->folder, path, &st, 0) < 0)
        return false;
    *out = st.st_mtim;
    return true;
}

/* Inserts one into the first n; the earliest is dropped if all places are taken. */
static void insert(struct top *top, size_t *n, const struct recent *one)
{
    struct recent *recent = top->recent;
    size_t at = *n;

    while (at > 0 && is_later(&one->changed, &recent[at - 1].changed))
        at--;
    if (at == TRACKED)
        return;
    if (*n == TRACKED && recent[--*n].watch >= 0)
        inotify_rm_watch(top->inotify, recent[*n].watch);
    memmove(&recent[at + 1], &recent[at], (*n - at) * sizeof(*recent));
    recent[at] = *one;
    ++*n;
}

static bool is_tracked(const struct top *top, const char *name)
{
    for (size_t i = 0; i < top->n_recent; i++)
        if (strcmp(top->recent[i].name, name) == 0)
            return true;
    return false;
}

static int consider(void *ctx, const char *name)
{
    struct top *top = ctx;
    struct recent one = {.watch = -1};

    if (now_ms() - top->searched_ms > PATIENCE_MS)
        return 1;
    if (strlen(name) <= NAME_MAX && !is_tracked(top, name) && time_of(top, "sessions", name, &one.changed)) {
        strcpy(one.name, name);
        insert(top, &top->n_recent, &one);
    }
    return 0;
}

static int watch(const struct top *top, const char *path)
{
    char full[PATH_MAX];

    snprintf(full, sizeof(full), "%s/%s", top->mountpoint, path);
    return inotify_add_watch(top->inotify, full, IN_MODIFY | IN_CREATE | IN_DELETE);
}

/* A folder that is watched already gets the same descriptor again. */
static void watch_recent(const struct top *top, struct recent *one)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "sessions/%s", one->name);
    if (one->watch < 0)
        one->watch = watch(top, path);
}

static bool is_watched(const struct top *top, int descriptor)
{
    for (size_t i = 0; i < top->n_recent; i++)
        if (top->recent[i].watch == descriptor)
            return true;
    return false;
}

struct project {
    char *name;
    struct timespec changed;
};

struct projects {
    const struct top *top;
    struct project *items;
    size_t n, room;
};

static int add_project(void *ctx, const char *name)
{
    struct projects *projects = ctx;
    struct project one;

    if (!time_of(projects->top, "projects", name, &one.changed))
        return 0;
    if (projects->n == projects->room) {
        size_t room = projects->room ? projects->room * 2 : 64;
        struct project *items = reallocarray(projects->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        projects->items = items;
        projects->room = room;
    }
    one.name = strdup(name);
    if (!one.name)
        return -ENOMEM;
    projects->items[projects->n++] = one;
    return 0;
}

static int later_first(const void *a, const void *b)
{
    const struct project *one = a, *other = b;

    return is_later(&one->changed, &other->changed) ? -1 : is_later(&other->changed, &one->changed);
}

/* The session that asked last in a project, where the mount has a link to it. */
static void consider_current(struct top *top, const char *project)
{
    char path[PATH_BYTES], target[PATH_BYTES];
    const char *slash;
    ssize_t n;

    snprintf(path, sizeof(path), "projects/%s/current", project);
    n = readlinkat(top->folder, path, target, sizeof(target) - 1);
    if (n <= 0)
        return;
    target[n] = '\0';
    slash = strrchr(target, '/');
    consider(top, slash ? slash + 1 : target);
}

static int consider_projects(struct top *top, const struct projects *projects)
{
    int rc = 0;

    for (size_t i = 0; i < projects->n; i++)
        consider_current(top, projects->items[i].name);
    for (size_t i = 0; rc == 0 && i < projects->n; i++) {
        char path[PATH_BYTES];

        if (top->n_recent >= SHOWN && is_later(&top->recent[SHOWN - 1].changed, &projects->items[i].changed))
            break;
        snprintf(path, sizeof(path), "projects/%s/sessions", projects->items[i].name);
        rc = top->source.list(top->source.ctx, path, consider, top);
        rc = rc == -ENOENT ? 0 : rc;
    }
    return rc < 0 ? rc : 0;
}

struct unplaced {
    struct top *top;
    struct name_list *placed; /* sessions in a project */
};

static int add_placed(void *ctx, const char *name)
{
    return name_list_add(((struct unplaced *)ctx)->placed, name);
}

static int consider_unplaced(void *ctx, const char *name)
{
    struct unplaced *u = ctx;

    return name_list_have(u->placed, name) ? 0 : consider(u->top, name);
}

/*
 * Sessions in no project, as a chat of Gemini CLI whose folder is not known. Nothing says which of them was
 * the last one, so each is looked at: listings of names are cheap, and few sessions are left.
 */
static int consider_others(struct top *top, const struct projects *projects)
{
    struct unplaced u = {top, name_list_new()};
    int rc = u.placed ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < projects->n; i++) {
        char path[PATH_BYTES];

        snprintf(path, sizeof(path), "projects/%s/sessions", projects->items[i].name);
        rc = top->source.list(top->source.ctx, path, add_placed, &u);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc == 0)
        name_list_sort(u.placed);
    if (rc == 0)
        rc = top->source.list(top->source.ctx, "sessions", consider_unplaced, &u);
    name_list_free(u.placed);
    return rc < 0 ? rc : 0;
}

/* Finds the latest sessions, and watches them. */
static int search(struct top *top)
{
    struct projects projects = {.top = top};
    struct recent before[TRACKED];
    size_t n_before = top->n_recent;
    int rc;

    memcpy(before, top->recent, sizeof(before));
    top->n_recent = 0;
    top->searched_ms = now_ms();
    top->search_due = false;
    rc = top->source.list(top->source.ctx, "projects", add_project, &projects);
    if (projects.n)
        qsort(projects.items, projects.n, sizeof(*projects.items), later_first);
    if (rc == 0)
        rc = consider_projects(top, &projects);
    if (rc == 0)
        rc = consider_others(top, &projects);
    while (projects.n > 0)
        free(projects.items[--projects.n].name);
    free(projects.items);
    for (size_t i = 0; i < top->n_recent; i++)
        watch_recent(top, &top->recent[i]);
    for (size_t i = 0; i < n_before; i++)
        if (before[i].watch >= 0 && !is_watched(top, before[i].watch))
            inotify_rm_watch(top->inotify, before[i].watch);
    return rc;
}

/* Sorts the sessions that are known anew. */
static void sort_known(struct top *top)
{
    size_t n = 0;

    for (size_t i = 0; i < top->n_recent; i++) {
        struct recent one = top->recent[i];

        if (time_of(top, "sessions", one.name, &one.changed))
            insert(top, &n, &one);
        else if (one.watch >= 0)
            inotify_rm_watch(top->inotify, one.watch);
    }
    top->n_recent = n;
}

static void add_created(struct top *top)
{
    int64_t searched_ms = top->searched_ms;

    top->searched_ms = now_ms(); /* consider() has as much time again */
    for (size_t i = 0; i < top->n_created; i++)
        consider(top, top->created[i]);
    for (size_t i = 0; i < top->n_recent; i++)
        watch_recent(top, &top->recent[i]);
    top->n_created = 0;
    top->searched_ms = searched_ms;
}

static int update_sessions(struct top *top)
{
    if (top->n_created)
        add_created(top);
    else
        top->search_due |= top->total_changed && !top->recent_changed;
    top->total_changed = top->recent_changed = false;
    if (top->search_due && now_ms() - top->searched_ms >= SEARCH_MS)
        return search(top);
    sort_known(top);
    return 0;
}

/* --- the view --- */

static void keep_line(void *ctx, enum emphasis emphasis, const char *line)
{
    struct top *top = ctx;
    int rc = screen_line(emphasis, line);

    if (rc < 0)
        top->error = rc;
}

static void show(const struct top *top)
{
    char title[PATH_MAX + 100], clock[32] = "";
    time_t now = (time_t)(now_ms() / 1000);
    struct tm tm;

    now += oks_zone_offset(top->style.zone, now, NULL);
    if (gmtime_r(&now, &tm))
        strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M", &tm);
    snprintf(title, sizeof(title), "okstrafs top   %s   q: quit, arrows: scroll", clock);
    screen_show(title);
}

static int draw(struct top *top)
{
    const char *names[SHOWN];
    int rc = update_sessions(top);
    size_t n = top->n_recent < SHOWN ? top->n_recent : SHOWN;

    for (size_t i = 0; i < n; i++)
        names[i] = top->recent[i].name;
    screen_begin();
    top->style.width = screen_width();
    top->style.now_ms = now_ms();
    top->error = 0;
    if (rc == 0)
        rc = report_print_live(&top->source, names, n, &top->style);
    if (rc == 0)
        rc = top->error;
    if (rc == 0)
        show(top);
    return rc;
}

/* -ENOTCONN: the mount is not there any more. */
static int open_mount(struct top *top)
{
    struct stat st;

    top->folder = open(top->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top->folder < 0 || fstat(top->folder, &st) < 0)
        return -ENOTCONN;
    if (!top->device)
        top->device = st.st_dev;
    return top->device == st.st_dev ? 0 : -ENOTCONN;
}

/* Reads everything again and shows it. */
static int update(struct top *top)
{
    int rc = open_mount(top);

    if (rc == 0)
        rc = draw(top);
    if (top->folder >= 0)
        close(top->folder);
    return rc;
}

/* --- waiting --- */

static void note_created(struct top *top, const char *name)
{
    if (top->n_created < TRACKED && strlen(name) <= NAME_MAX)
        strcpy(top->created[top->n_created++], name);
    else
        top->search_due = true;
}

/* Notes what has changed. */
static void take_events(struct top *top)
{
    char space[EVENTS_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n;

    while ((n = read(top->inotify, space, sizeof(space))) > 0)
        for (const char *p = space; p < space + n;) {
            const struct inotify_event *event = (const struct inotify_event *)p;

            top->ended |= (event->mask & IN_UNMOUNT) != 0;
            top->total_changed |= event->wd == top->total_watch;
            top->search_due |= (event->mask & IN_Q_OVERFLOW) != 0;
            if (event->wd == top->sessions_watch && event->mask & IN_CREATE && event->len)
                note_created(top, event->name);
            top->recent_changed |= is_watched(top, event->wd);
            p += sizeof(*event) + event->len;
        }
}

static int until_minute(void)
{
    return (int)(MINUTE_MS - now_ms() % MINUTE_MS);
}

static int until_wake(const struct top *top)
{
    int64_t search = top->searched_ms + SEARCH_MS - now_ms();
    int minute = until_minute();

    if (!top->search_due || search >= minute)
        return minute;
    return search > 0 ? (int)search : 0;
}

/* Sleeps until something has to be done: a signal that ends the program, else 0. *quit: the user wants to go.
 */
static int wait_for_work(struct top *top, bool *quit)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = top->signals, .events = POLLIN},
                           {.fd = top->inotify, .events = POLLIN}};
    struct signalfd_siginfo info;
    enum screen_key key;

    for (;;) {
        int n = poll(fds, 3, until_wake(top));

        if (n <= 0)
            return 0; /* the minute is over, or ncurses has taken a signal */
        if (fds[1].revents && read(top->signals, &info, sizeof(info)) == sizeof(info)) {
            if (info.ssi_signo != SIGWINCH)
                return (int)info.ssi_signo;
            screen_resized();
            return 0;
        }
        if (fds[2].revents) {
            take_events(top);
            poll(NULL, 0, SETTLE_MS);
            take_events(top);
            return 0;
        }
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) && !(fds[0].revents & POLLIN)) {
            *quit = true;
            return 0;
        }
        while ((key = screen_key()) == SCREEN_MOVED)
            show(top);
        *quit = key == SCREEN_QUIT;
        if (key != SCREEN_NOTHING)
            return 0;
    }
}

static void add_watches(struct top *top)
{
    top->total_watch = watch(top, "usage.json");
    top->sessions_watch = watch(top, "sessions");
    watch(top, "budgets");
    watch(top, "budgets/exceeded");
    watch(top, "limits");
}

/* Until the user quits, the mount ends or a signal comes, which is returned; else 0 or a negative errno. */
static int run(struct top *top)
{
    bool quit = false;
    int rc = 0;

    while (rc == 0 && !quit) {
        rc = update(top);
        if (rc == 0)
            rc = wait_for_work(top, &quit);
        if (rc == 0 && top->ended)
            rc = -ENOTCONN;
    }
    return rc;
}

/* --- the command --- */

static bool is_ready(const struct options *o)
{
    switch (mountpoint_state(o->mountpoint)) {
    case MOUNT_ALIVE:
        break;
    case MOUNT_HUNG:
        log_error("%s: the daemon does not answer; 'okstrafs doctor' says more", o->mountpoint);
        return false;
    case MOUNT_UNKNOWN:
        log_error("/proc/self/mountinfo cannot be read: %s; try again", strerror(errno));
        return false;
    case MOUNT_NONE:
    case MOUNT_STALE:
    case MOUNT_OTHER:
        log_error("nothing is mounted on %s: start it with 'okstrafs mount', then top follows it; 'okstrafs "
                  "report' "
                  "prints the same once, without a mount",
                  o->mountpoint);
        return false;
    }
    return true;
}

/* Signals are read from a descriptor, so that the terminal is in order before any of them has an effect. */
static int open_signals(sigset_t *before)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, before);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int finish(const struct options *o, int rc, const sigset_t *before)
{
    if (rc > 0) {
        /* Ends as without a screen, so that a shell sees why. */
        signal(rc, SIG_DFL);
        sigprocmask(SIG_SETMASK, before, NULL);
        raise(rc);
    }
    if (rc == -ENOTCONN || rc == -ECONNABORTED || rc == -ENODEV) {
        log_error("the mount on %s has ended; 'okstrafs mount' starts it again", o->mountpoint);
        return EX_UNAVAILABLE;
    }
    if (rc < 0)
        log_error("%s: %s", o->mountpoint, strerror(-rc));
    return rc != 0;
}

int top_run(const struct options *o)
{
    struct top top = {.mountpoint = o->mountpoint,
                      .search_due = true,
                      .style = {.zone = o->zone, .line = keep_line, .ctx = &top}};
    sigset_t before;
    int rc;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        log_error("top needs a terminal; 'okstrafs report' prints into files and pipes");
        return EX_USAGE;
    }
    if (!is_ready(o))
        return EX_UNAVAILABLE;
    setlocale(LC_CTYPE, "");
    top.style.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    top.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    top.signals = open_signals(&before);
    top.source = mounted_source(&top.folder);
    if (top.inotify < 0 || top.signals < 0) {
        log_error("%s: %s", o->mountpoint, strerror(errno));
        return 1;
    }
    add_watches(&top);
    if (!screen_open(!o->no_colour)) {
        log_error("TERM=%s: no such terminal is known here; set TERM, or use 'okstrafs report'",
                  getenv("TERM") ? getenv("TERM") : "");
        return 1;
    }
    rc = run(&top);
    screen_close();
    close(top.inotify);
    close(top.signals);
    return finish(o, rc, &before);
}
