/*
 * `okstrafs statusline`: one line for Claude Code's status line, and the plan limits kept that its input
 * tells.
 *
 * It is run several times a second, so it scans nothing: it reads small files of a mount that runs. Without
 * one it shows what the input itself says. A mount that does not answer ends it after a second, by SIGALRM.
 */
#include "cli/statusline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "internal/hidden.h"
#include "internal/plan_limits.h"

enum {
    FUSE_MAGIC = 0x65735546, /* f_type of statfs(2) */
    SMALL_BYTES = 4096,      /* a document with one number, or a budget's */
    SECONDS_MAX = 1,
    DOCUMENT_BYTES_MAX = 16 << 20,
    LINE_BYTES = 1024,
    NEAR = 70, /* percent, from which on a share is shown in yellow, and ... */
    FULL = 90, /* ... in red */
    WINDOW_MINUTES = 60,
};

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool coloured;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, format, args);
    va_end(args);
    l->len += n < 0 ? 0 : (size_t)n < sizeof(l->text) - l->len ? (size_t)n : sizeof(l->text) - l->len - 1;
}

static void add_part(struct line *l, const char *name)
{
    add(l, "%s%s%s", l->len ? " | " : "", name, *name ? " " : "");
}

static void add_percent(struct line *l, const char *name, int64_t percent)
{
    const char *colour = percent >= FULL ? "\033[31m" : percent >= NEAR ? "\033[33m" : "";

    add_part(l, name);
    if (l->coloured && *colour)
        add(l, "%s%" PRId64 "%%\033[0m", colour, percent);
    else
        add(l, "%" PRId64 "%%", percent);
}

/* Dollars to the cent, cut; "unknown" and what is no amount are left out. */
static void add_cost(struct line *l, const char *name, const char *amount)
{
    size_t whole = strspn(amount, "0123456789"), cents = 0;

    if (whole == 0 || (amount[whole] && amount[whole] != '.'))
        return;
    if (amount[whole])
        cents = strspn(amount + whole + 1, "0123456789");
    add_part(l, name);
    add(l, "$%.*s.%.*s%s", (int)whole, amount, cents < 2 ? (int)cents : 2, amount + whole + 1,
        cents == 0   ? "00"
        : cents == 1 ? "0"
                     : "");
}

/* --- the mount --- */

/* The beginning of a file, cut at the first newline if `one_line`. False: it cannot be read. */
static bool read_small(int mount, const char *path, char out[SMALL_BYTES], bool one_line)
{
    int fd = openat(mount, path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, out, SMALL_BYTES - 1);
    close(fd);
    if (n < 0)
        return false;
    out[n] = '\0';
    if (one_line)
        out[strcspn(out, "\n")] = '\0';
    return true;
}

static int open_mount(const char *path)
{
    struct statfs fs;
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstatfs(fd, &fs) < 0 || fs.f_type != FUSE_MAGIC) {
        close(fd);
        return -1;
    }
    return fd;
}

static void add_file(struct line *l, const char *name, int mount, const char *path)
{
    char text[SMALL_BYTES];

    if (read_small(mount, path, text, true))
        add_cost(l, name, text);
}

/* The value behind `"key": ` in a document of the mount, whose layout is fixed. NULL: it is not there. */
static const char *value_of(const char *document, const char *key)
{
    char quoted[64];
    const char *at;

    snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
    at = strstr(document, quoted);
    return at ? at + strlen(quoted) : NULL;
}

/* The budget that is used up most, if that is worth a look. */
static void add_budgets(struct line *l, int mount)
{
    int fd = openat(mount, "budgets", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    char text[SMALL_BYTES], worst[OKS_NAME_MAX + 1] = "";
    int64_t most = -1;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        size_t n = strlen(entry->d_name), suffix = strlen(".json");
        const char *ratio;

        if (n <= suffix || strcmp(entry->d_name + n - suffix, ".json") != 0 ||
            !read_small(dirfd(dir), entry->d_name, text, false))
            continue;
        ratio = value_of(text, "ratio");
        if (!ratio || strtod(ratio, NULL) * 100 <= (double)most)
            continue;
        most = (int64_t)(strtod(ratio, NULL) * 100);
        snprintf(worst, sizeof(worst), "%.*s", (int)(n - suffix), entry->d_name);
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    if (most < NEAR)
        return;
    oks_text_show_hidden(worst);
    add_percent(l, worst, most);
}

/* A document as a whole, to be freed; NULL: it cannot be read, or it is too large for a look. */
static char *read_document(int mount, const char *path)
{
    int fd = openat(mount, path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *bytes = NULL;
    ssize_t n = -1;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size < DOCUMENT_BYTES_MAX)
        bytes = malloc((size_t)st.st_size + 1);
    if (bytes)
        n = read(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (n < 0) {
        free(bytes);
        return NULL;
    }
    bytes[n] = '\0';
    return bytes;
}

/* The running block is one of the last rows. */
static void add_block(struct line *l, int mount)
{
    char *blocks = read_document(mount, "stats/blocks.json"), cost[OKS_STATUS_TEXT];
    const char *active = blocks, *next, *value;

    while (active && (next = strstr(active + 1, "\"isActive\": true")))
        active = next;
    value = active && active != blocks ? strstr(active, "\"billed\": {") : NULL;
    value = value ? value_of(value, "costUSD") : NULL;
    if (value) {
        snprintf(cost, sizeof(cost), "%.*s", (int)strspn(value, "0123456789."), value);
        add_cost(l, "block", cost);
    }
    free(blocks);
}

static void add_mount(struct line *l, int mount, const struct oks_claude_status *status)
{
    char path[SMALL_BYTES];

    snprintf(path, sizeof(path), "sessions/%s/cost_usd", status->session);
    if (*status->session)
        add_file(l, "session", mount, path);
    add_file(l, "today", mount, "stats/window/today/cost_usd");
    add_block(l, mount);
    add_budgets(l, mount);
}

/* --- the plan --- */

static void add_limits(struct line *l, const struct oks_plan_limits *limits, int64_t now_ms)
{
    static const char *const names[OKS_PLAN_SPANS] = {
        [OKS_PLAN_FIVE_HOURS] = "5h", [OKS_PLAN_SEVEN_DAYS] = "7d"};

    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        const struct oks_plan_window *w = &limits->window[i];
        int64_t minutes = (w->resets_at - now_ms / 1000) / 60;

        if (!w->given || (w->resets_at && w->resets_at * 1000 <= now_ms))
            continue;
        add_percent(l, names[i], w->used / 100);
        if (i == OKS_PLAN_FIVE_HOURS && w->resets_at && minutes < 5 * WINDOW_MINUTES)
            add(l, " (%" PRId64 ":%02" PRId64 " left)", minutes / 60, minutes % 60);
    }
}

/* --- the command --- */

/* At most `max` bytes of stdin; *len is `max` where there are more. -errno */
static int read_input(char *bytes, size_t max, size_t *len)
{
    for (*len = 0; *len < max;) {
        ssize_t n = read(STDIN_FILENO, bytes + *len, max - *len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

static int refuse(const char *why)
{
    log_error("statusline: %s on stdin; Claude Code gives it (settings.json: \"statusLine\": {\"type\": "
              "\"command\", "
              "\"command\": \"okstrafs statusline\"})",
              why);
    return EX_DATAERR;
}

static int take_input(struct oks_claude_status *status, int64_t now_ms)
{
    char *bytes = malloc(OKS_STATUS_BYTES_MAX);
    size_t len;
    int rc = bytes ? read_input(bytes, OKS_STATUS_BYTES_MAX, &len) : -ENOMEM;

    if (rc == 0 && len == OKS_STATUS_BYTES_MAX)
        rc = -EFBIG;
    if (rc == 0)
        rc = oks_claude_status_read((struct oks_slice){bytes, len}, now_ms, status);
    free(bytes);
    return rc;
}

static struct line without_mount;

/* The mount does not answer, as while it starts with gigabytes to scan. */
static void give_up(int sig)
{
    (void)sig;
    _exit(write(STDOUT_FILENO, without_mount.text, without_mount.len) != (ssize_t)without_mount.len);
}

static struct line begin_line(const struct oks_claude_status *status, int64_t now_ms)
{
    const char *no_colour = getenv("NO_COLOR");
    struct line line = {.coloured = !no_colour || !*no_colour};

    if (*status->model) {
        add_part(&line, "");
        add(&line, "%s", status->model);
    }
    if (status->context_percent >= 0)
        add_percent(&line, "context", status->context_percent);
    add_limits(&line, &status->limits, now_ms);
    return line;
}

int statusline_run(const struct options *o)
{
    struct oks_claude_status status;
    struct line line;
    int64_t now = now_ms();
    int mount, rc;

    if (isatty(STDIN_FILENO))
        return refuse("there is no JSON");
    rc = take_input(&status, now);
    if (rc == -ENOMEM) {
        log_error("statusline: %s", strerror(ENOMEM));
        return 1;
    }
    if (rc < 0)
        return refuse(rc == -EINVAL ? "there is no JSON object" : strerror(-rc));
    rc = oks_plan_limits_keep(o->okstra_home, &status.limits, now);
    if (rc < 0)
        log_error("statusline: cannot keep the plan limits in %s/" OKS_PLAN_LIMITS_FILE ": %s",
                  o->okstra_home, strerror(-rc));
    line = without_mount = begin_line(&status, now);
    add_cost(&without_mount, "session", status.cost);
    add(&without_mount, "\n");
    signal(SIGALRM, give_up);
    alarm(SECONDS_MAX);
    mount = open_mount(o->mountpoint);
    if (mount >= 0) {
        add_mount(&line, mount, &status);
        close(mount);
        add(&line, "\n");
    } else {
        line = without_mount;
    }
    alarm(0);
    return fputs(line.text, stdout) == EOF || fflush(stdout) != 0;
}
