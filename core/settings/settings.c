/*
 * The user's files: prices and the configuration.
 *
 * A change shows at the next read, so every sync asks; and asking must cost next to nothing, because hardly
 * anybody ever changes these files. So their folders are watched, and a sync only drains that queue. Where
 * there is no watch to be had, or a file is a symlink to elsewhere, it is looked at with stat.
 *
 * Invariants: `prices` and `config` are always those of the last good file, in whole; what was wrong with a
 * newer one stays in `error` until it is mended or gone. Nothing here asks the own mount anything
 * (oks_resolve).
 */
#include "settings/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files/read_file.h"
#include "files/walk.h"
#include "files/watch.h"
#include "okstrafs/engine.h"

/* What a file was when it was read. */
struct settings_mark {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};

struct spot {
    char *path;
    int watch_id; /* -1: not watched */
    bool retry;   /* it may be there now */
    bool blind;   /* it is there, and cannot be watched */
};

struct user_file {
    char *path;
    const char *name; /* in its folder */
    size_t max;       /* bytes */
    struct spot *spot;
    bool stale;     /* it may have changed */
    bool elsewhere; /* a symlink: its folder does not tell when the content changes */
    bool found;
    struct settings_mark mark;
    char error[256];
    /* Puts the content in force; NULL: there is no file. 0, -ENOMEM, -EINVAL with `error` written. */
    int (*apply)(struct settings *s, const char *bytes, size_t len, char error[256]);
};

struct settings {
    struct watch *watch; /* NULL: none to be had */
    struct spot home;    /* <home>, whose entry "okstrafs" is ... */
    struct spot own;     /* ... <home>/okstrafs */
    struct user_file files[SETTINGS_FILES];
    struct oks_prices *prices;
    struct config config;
    unsigned changed; /* SETTINGS_..., since the last refresh that did not fail */
};

static const char own_name[] = "okstrafs";

/* --- putting in force --- */

static int apply_prices(struct settings *s, const char *bytes, size_t len, char error[256])
{
    struct oks_prices *prices;
    int rc = oks_prices_new(&prices, bytes, len, error);

    if (rc < 0)
        return rc;
    oks_prices_free(s->prices);
    s->prices = prices;
    s->changed |= SETTINGS_PRICES;
    return 0;
}

static int apply_config(struct settings *s, const char *bytes, size_t len, char error[256])
{
    struct config config = {0};
    int rc = bytes ? config_parse(&config, bytes, len, OKS_ZONEINFO, error) : 0;

    if (rc < 0)
        return rc;
    config_clear(&s->config);
    s->config = config;
    s->changed |= SETTINGS_CONFIG;
    return 0;
}

/* --- looking --- */

static int look(const char *path, char real[PATH_MAX], struct settings_mark *mark)
{
    struct stat st;
    int rc = oks_resolve(path, real);

    if (rc < 0)
        return rc;
    if (lstat(real, &st) < 0)
        return -errno;
    *mark = (struct settings_mark){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = (uint64_t)st.st_size,
        .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
        .ctime_ns = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec,
    };
    return 0;
}

static bool is_symlink(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool same_mark(const struct settings_mark *a, const struct settings_mark *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

/* The file is there no more: what it said no longer holds. */
static int withdraw(struct settings *s, struct user_file *f)
{
    bool was_found = f->found;

    f->found = f->elsewhere = false;
    f->mark = (struct settings_mark){0};
    *f->error = '\0';
    return was_found ? f->apply(s, NULL, 0, f->error) : 0;
}

static void tell_read_error(int rc, char error[256])
{
    snprintf(error, 256, "%s", rc == -EINVAL ? "it is no regular file" : strerror(-rc));
}

static int read_file(struct settings *s, struct user_file *f, const char *real)
{
    char *bytes;
    size_t len;
    int rc = read_file_whole(real, f->max, &bytes, &len);

    if (rc < 0) {
        tell_read_error(rc, f->error);
        return rc == -ENOMEM ? rc : 0;
    }
    rc = f->apply(s, bytes, len, f->error);
    free(bytes);
    if (rc == 0)
        *f->error = '\0';
    return rc == -ENOMEM ? rc : 0;
}

static int look_at_file(struct settings *s, struct user_file *f, bool insist)
{
    char real[PATH_MAX];
    struct settings_mark mark;
    int rc = look(f->path, real, &mark);

    if (rc == -ENOMEM)
        return rc;
    if (rc == -ENOENT || rc == -ENOTDIR)
        return withdraw(s, f);
    if (rc < 0) {
        snprintf(f->error, sizeof(f->error), "%s", strerror(-rc));
        f->found = true;
        return 0;
    }
    f->elsewhere = is_symlink(f->path);
    if (f->found && !insist && same_mark(&mark, &f->mark))
        return 0;
    f->found = true;
    f->mark = mark;
    s->changed |= SETTINGS_STATUS;
    return read_file(s, f, real);
}

/* --- watching --- */

static void on_change(void *ctx, void *owner, enum watch_change change, const char *name)
{
    struct settings *s = ctx;
    struct spot *spot = owner;

    if (change == WATCH_ENDED) {
        spot->watch_id = -1;
        spot->retry = true;
    }
    if (spot == &s->home && (!name || strcmp(name, own_name) == 0))
        s->own.retry = true;
    for (size_t i = 0; i < SETTINGS_FILES; i++)
        if (s->files[i].spot == spot && (!name || strcmp(name, s->files[i].name) == 0))
            s->files[i].stale = true;
}

/* Watches the folder where it may be there now; what is in it must be looked at then. */
static void watch_spot(struct settings *s, struct spot *spot)
{
    char real[PATH_MAX];

    if (!spot->retry || !s->watch)
        return;
    spot->retry = spot->blind = false;
    if (spot->watch_id >= 0)
        watch_remove(s->watch, spot->watch_id);
    spot->watch_id = -1;
    if (oks_resolve(spot->path, real) == 0 && watch_add(s->watch, real, spot, &spot->watch_id) < 0) {
        spot->watch_id = -1;
        spot->blind = true;
    }
    for (size_t i = 0; i < SETTINGS_FILES; i++)
        s->files[i].stale |= s->files[i].spot == spot;
}

/* Whether only a look tells what has become of the file. */
static bool is_blind(const struct settings *s, const struct user_file *f)
{
    return !s->watch || s->home.watch_id < 0 || f->spot->blind || f->elsewhere;
}

int settings_refresh(struct settings *s)
{
    int overflow = s->watch ? watch_drain(s->watch, on_change, s) : 0, rc = 0;

    s->home.retry |= s->home.watch_id < 0 || overflow == 1;
    s->own.retry |= s->home.retry;
    watch_spot(s, &s->home);
    watch_spot(s, &s->own);
    for (size_t i = 0; i < SETTINGS_FILES && rc == 0; i++) {
        struct user_file *f = &s->files[i];
        bool insist = f->stale && s->watch;

        if (!f->stale && !is_blind(s, f))
            continue;
        f->stale = false;
        rc = look_at_file(s, f, insist);
        f->stale |= rc < 0;
    }
    if (rc < 0)
        return rc;
    rc = (int)s->changed;
    s->changed = 0;
    return rc;
}

/* --- telling --- */

const struct config *settings_config(const struct settings *s)
{
    return &s->config;
}

const struct oks_prices *settings_prices(const struct settings *s)
{
    return s->prices;
}

struct settings_state settings_state(const struct settings *s, enum settings_file file)
{
    const struct user_file *f = &s->files[file];

    return (struct settings_state){
        .path = f->path,
        .found = f->found,
        .error = *f->error ? f->error : NULL,
        .mtime_ns = f->mark.mtime_ns,
    };
}

int settings_fd(const struct settings *s)
{
    return s->watch ? watch_fd(s->watch) : -1;
}

const char *settings_awaited(const struct settings *s)
{
    const struct spot *home = &s->home;

    return home->watch_id < 0 && !home->blind ? home->path : NULL;
}

bool settings_are_blind(const struct settings *s)
{
    bool blind = !s->watch || s->home.blind;

    for (size_t i = 0; i < SETTINGS_FILES; i++)
        blind |= s->files[i].spot->blind || s->files[i].elsewhere;
    return blind;
}

/* --- checking --- */

static int try_config(const char *bytes, size_t len, char error[256])
{
    struct config config;
    int rc = config_parse(&config, bytes, len, OKS_ZONEINFO, error);

    if (rc == 0)
        config_clear(&config);
    return rc;
}

static int try_prices(const char *bytes, size_t len, char error[256])
{
    struct oks_prices *prices;
    int rc = oks_prices_new(&prices, bytes, len, error);

    if (rc == 0)
        oks_prices_free(prices);
    return rc;
}

/* 1: there is no such file; 0: *error is "" where it is good */
static int check_file(const char *path, size_t max, int (*try)(const char *, size_t, char[256]),
                      char error[256])
{
    char *bytes;
    size_t len;
    int rc = read_file_whole(path, max, &bytes, &len);

    *error = '\0';
    if (rc == -ENOENT || rc == -ENOTDIR)
        return 1;
    if (rc < 0) {
        tell_read_error(rc, error);
        return rc == -ENOMEM ? rc : 0;
    }
    rc = try(bytes, len, error);
    free(bytes);
    return rc == -ENOMEM ? rc : 0;
}

int oks_settings_check(const char *okstra_home, int (*fn)(void *ctx, const char *path, const char *error),
                       void *ctx)
{
    static const struct {
        const char *name;
        size_t max;
        int (*try)(const char *bytes, size_t len, char error[256]);
    } files[] = {{"okstrafs.json", CONFIG_BYTES_MAX, try_config},
                 {"okstrafs/prices.json", OKS_PRICES_BYTES_MAX, try_prices}};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(*files); i++) {
        char *path, error[256];

        if (asprintf(&path, "%s/%s", okstra_home, files[i].name) < 0)
            return -ENOMEM;
        rc = check_file(path, files[i].max, files[i].try, error);
        if (rc == 0)
            rc = fn(ctx, path, *error ? error : NULL);
        else if (rc == 1)
            rc = 0;
        free(path);
    }
    return rc;
}

/* --- life --- */

static bool make_path(char **out, const char *folder, const char *name)
{
    return asprintf(out, "%s/%s", folder, name) >= 0 || (*out = NULL, false);
}

char *settings_below(const char *okstra_home)
{
    char *path;

    return make_path(&path, okstra_home, own_name) ? path : NULL;
}

int settings_new(struct settings **out, const char *okstra_home, bool watched)
{
    struct settings *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->home = (struct spot){.path = strdup(okstra_home), .watch_id = -1, .retry = true};
    s->own = (struct spot){.watch_id = -1, .retry = true};
    s->files[CONFIG_FILE] = (struct user_file){
        .name = "okstrafs.json", .max = CONFIG_BYTES_MAX, .spot = &s->home, .apply = apply_config};
    s->files[PRICES_FILE] = (struct user_file){
        .name = "prices.json", .max = OKS_PRICES_BYTES_MAX, .spot = &s->own, .apply = apply_prices};
    rc = s->home.path && make_path(&s->own.path, okstra_home, own_name) ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < SETTINGS_FILES; i++) {
        s->files[i].stale = true;
        if (!make_path(&s->files[i].path, s->files[i].spot->path, s->files[i].name))
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = oks_prices_new(&s->prices, NULL, 0, NULL);
    if (rc < 0) {
        settings_free(s);
        return rc;
    }
    if (watched)
        watch_new(&s->watch);
    *out = s;
    return 0;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SETTINGS_FILES; i++)
        free(s->files[i].path);
    free(s->home.path);
    free(s->own.path);
    watch_free(s->watch);
    oks_prices_free(s->prices);
    config_clear(&s->config);
    free(s);
}
