/*
 * `okstrafs scan`: a full scan with a progress line.
 *
 * A second thread runs the sync; the main thread reports: on a terminal one line that is redrawn, elsewhere a
 * plain line now and then. Ctrl-C ends it. What was read is saved, and the next scan continues from there.
 */
#include "cli/scan.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/local.h"
#include "common/log.h"

enum { DRAW_MS = 100, LINE_MS = 2000, BAR = 24 };

static atomic_bool stopped;

static void on_signal(int sig)
{
    (void)sig;
    atomic_store(&stopped, true);
}

struct work {
    struct oks_engine *engine;
    atomic_bool done;
    int rc;
    int saved; /* of oks_engine_save() */
};

static void *run(void *arg)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    struct work *w = arg;

    w->rc = oks_engine_sync(w->engine, &all, false, &stopped);
    if (w->rc != -ENOMEM)
        w->saved = oks_engine_save(w->engine);
    atomic_store(&w->done, true);
    return NULL;
}

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&ts, NULL);
}

/* Columns of the terminal; 80 if it does not say. */
static int columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void describe(const struct oks_progress *p, double elapsed, char *text, size_t room)
{
    double rate = elapsed > 0 ? (double)p->bytes_read / elapsed : 0;
    int n = snprintf(text, room, "%llu of %llu files", (unsigned long long)(p->files - p->files_left),
                     (unsigned long long)p->files);

    if (p->bytes == 0)
        n += snprintf(text + n, room - (size_t)n, ", nothing new in them");
    else
        n += snprintf(text + n, room - (size_t)n, ", %.1f of %.1f MB, %.0f MB/s", (double)p->bytes_read / 1e6,
                      (double)p->bytes / 1e6, rate / 1e6);
    if (rate > 0 && p->bytes_left)
        snprintf(text + n, room - (size_t)n, ", %.0f s left", (double)p->bytes_left / rate);
}

/* A line that is longer than the terminal is wide would not be redrawn, but repeated. */
static void draw(const struct oks_progress *p, const char *text)
{
    double part = p->bytes ? (double)p->bytes_read / (double)p->bytes : 1;
    int room = columns() - 1;

    putchar('\r');
    if ((int)strlen(text) + BAR + 3 <= room) {
        putchar('[');
        for (int i = 0; i < BAR; i++)
            putchar(i < (int)(part * BAR) ? '#' : '.');
        fputs("] ", stdout);
    }
    printf("%.*s\033[K", room, text);
}

static void show(const struct oks_progress *p, double elapsed, bool terminal)
{
    char text[256];

    describe(p, elapsed, text, sizeof(text));
    if (terminal)
        draw(p, text);
    else
        puts(text);
    fflush(stdout);
}

static void report(struct work *w, double start)
{
    bool terminal = isatty(STDOUT_FILENO);
    struct oks_progress p;
    double last = start;

    while (!atomic_load(&w->done)) {
        sleep_ms(DRAW_MS);
        if (!terminal && seconds() - last < LINE_MS / 1000.0)
            continue;
        last = seconds();
        oks_engine_progress(w->engine, &p);
        if (p.files)
            show(&p, last - start, terminal);
    }
    oks_engine_progress(w->engine, &p);
    show(&p, seconds() - start, terminal);
    if (terminal)
        putchar('\n');
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

int scan_run(const struct options *o)
{
    struct oks_config config = options_config(o);
    struct work w = {0};
    double start = seconds();
    bool is_missing = false;
    pthread_t thread;
    int rc;

    config.stop = &stopped;
    config.once = true;
    rc = oks_engine_new(&w.engine, &config);
    if (rc == 0) {
        catch_signals();
        rc = -pthread_create(&thread, NULL, run, &w);
    }
    if (rc == 0) {
        report(&w, start);
        pthread_join(thread, NULL);
        rc = w.rc;
    }
    if (rc == 0)
        is_missing = local_say_what_is_missing(o, w.engine);
    oks_engine_free(w.engine);
    if (rc == -ECANCELED)
        log_error("interrupted; %s", w.saved < 0
                                         ? "nothing was saved"
                                         : "what was read is saved, and the next scan goes on from there");
    else if (rc < 0)
        log_error("cannot scan: %s", strerror(-rc));
    if (w.saved < 0)
        log_error(
            "cannot save what was read below %s: %s; the next scan reads it again (see 'okstrafs doctor')",
            o->okstra_home, strerror(-w.saved));
    return rc < 0 || w.saved < 0 || is_missing;
}
