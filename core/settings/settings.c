/*
 * The user's files: a cache of their last valid content, read again when they change.
 *
 * A refresh calls stat(2) for each file. The caller skips it if discovery_add_path() has shown that nothing
 * changed, which is nearly always.
 *
 * Invariants: `prices` and `config` are those of the last valid file, as a whole. What is wrong with a newer
 * one stays in `error` until that is corrected or deleted. The own mount is never entered (oks_resolve).
 */
#include "settings/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/passing.h"
#include "files/file_time.h"
#include "files/read_file.h"
#include "files/walk.h"
#include "okstrafs/engine.h"

/* The identity of a file when it was read. */
struct settings_mark {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};

/* Below okstra's home. */
static const char *const file_names[SETTINGS_FILES] = {
    [CONFIG_FILE] = "okstrafs.json",
    [PRICES_FILE] = "okstrafs/prices.json",
    [LIMITS_FILE] = OKS_PLAN_LIMITS_FILE,
};

struct user_file {
    char *path;
    size_t max; /* bytes */
    bool found;
    bool stale;      /* read it even if its mark is the same */
    int64_t seen_ns; /* monotonic time when `mark` was first seen; 0: long enough ago to be trusted */
    struct settings_mark mark;
    uint8_t sha256[OKS_SHA256_BYTES]; /* of the content read last */
    char error[256];
    /* Puts the content in force; NULL: no file. 0, -ENOMEM, or -EINVAL with `error` written. */
    int (*apply)(struct settings *s, const char *bytes, size_t len, char error[256]);
};

struct settings {
    struct user_file files[SETTINGS_FILES];
    struct oks_prices *prices;
    struct config config;
    struct oks_plan_limits limits;
    unsigned changed; /* SETTINGS_..., since the last refresh that did not fail */
};

/* --- putting content in force --- */

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

/* Nobody writes it by hand, so a damaged one is no error of the user's. */
static int apply_limits(struct settings *s, const char *bytes, size_t len, char error[256])
{
    struct oks_plan_limits limits = {0};

    (void)error;
    if (bytes && plan_limits_parse(&limits, bytes, len) == -ENOMEM)
        return -ENOMEM;
    s->limits = limits;
    s->changed |= SETTINGS_LIMITS;
    return 0;
}

/* --- refreshing --- */

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
        .ctime_ns = file_ctime_ns(&st),
    };
    return 0;
}

static bool same_mark(const struct settings_mark *a, const struct settings_mark *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

static void write_read_error(int rc, char error[256])
{
    snprintf(error, 256, "%s",
             rc == -EINVAL   ? "it is no regular file"
             : rc == -ENOENT ? "it is a symbolic link to a file that does not exist"
                             : strerror(-rc));
}

/* Why the file's content cannot be had; 0: nothing is wrong with it. */
static void set_read_error(struct settings *s, struct user_file *f, int rc)
{
    char error[sizeof(f->error)] = "";

    if (rc < 0)
        write_read_error(rc, error);
    if (strcmp(error, f->error) == 0)
        return;
    memcpy(f->error, error, sizeof(error));
    s->changed |= SETTINGS_STATUS;
}

/* A link that leads nowhere is there, so somebody expects it to count. */
static bool is_dangling(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The file was deleted: its content is no longer in force. */
static int withdraw(struct settings *s, struct user_file *f)
{
    bool was_found = f->found;

    f->found = false;
    f->mark = (struct settings_mark){0};
    set_read_error(s, f, is_dangling(f->path) ? -ENOENT : 0);
    return was_found ? f->apply(s, NULL, 0, f->error) : 0;
}

/* Whether the content is that of the last read; stores its hash. */
static bool same_content(struct user_file *f, const char *bytes, size_t len)
{
    uint8_t sha256[OKS_SHA256_BYTES];

    if (oks_sha256(bytes, len, sha256) < 0)
        return false;
    if (memcmp(sha256, f->sha256, sizeof(sha256)) == 0)
        return true;
    memcpy(f->sha256, sha256, sizeof(sha256));
    return false;
}

/* `again`: the mark is the same, which proves nothing yet. */
static int read_file(struct settings *s, struct user_file *f, const char *real, bool again)
{
    char *bytes;
    size_t len;
    int rc = read_file_whole(real, f->max, &bytes, &len);

    if (rc == 0 && same_content(f, bytes, len) && again) {
        free(bytes);
        return 0;
    }
    if (is_passing(rc))
        return rc;
    s->changed |= rc < 0 && again ? 0 : SETTINGS_STATUS;
    if (rc < 0) {
        write_read_error(rc, f->error);
        return 0;
    }
    rc = f->apply(s, bytes, len, f->error);
    free(bytes);
    if (rc == 0)
        *f->error = '\0';
    return rc == -ENOMEM ? rc : 0;
}

static int look_at_file(struct settings *s, struct user_file *f)
{
    char real[PATH_MAX];
    struct settings_mark mark;
    int64_t now = monotonic_ns();
    bool again;
    int rc = look(f->path, real, &mark);

    if (is_passing(rc))
        return rc;
    if (is_absent(rc))
        return withdraw(s, f);
    if (rc < 0) {
        set_read_error(s, f, rc);
        f->found = f->stale = true;
        return 0;
    }
    again = f->found && !f->stale && same_mark(&mark, &f->mark);
    if (again && !f->seen_ns)
        return 0;
    if (!again)
        f->seen_ns = now;
    else if (now - f->seen_ns >= file_tick_ns(mark.ctime_ns))
        f->seen_ns = 0;
    f->found = true;
    f->mark = mark;
    rc = read_file(s, f, real, again);
    f->stale = rc < 0;
    return rc;
}

int settings_refresh(struct settings *s)
{
    int rc = 0;

    for (size_t i = 0; i < SETTINGS_FILES && rc == 0; i++)
        rc = look_at_file(s, &s->files[i]);
    if (rc < 0)
        return rc;
    rc = (int)s->changed;
    s->changed = 0;
    return rc;
}

/* --- queries --- */

const struct config *settings_config(const struct settings *s)
{
    return &s->config;
}

const struct oks_plan_limits *settings_plan_limits(const struct settings *s)
{
    return &s->limits;
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

bool settings_are_wrong(const struct settings *s)
{
    return *s->files[CONFIG_FILE].error || *s->files[PRICES_FILE].error;
}

/* --- checking --- */

static int try_config(const char *bytes, size_t len, char error[256], char doubt[256])
{
    struct config config;
    int rc = config_parse(&config, bytes, len, OKS_ZONEINFO, error);

    if (rc == 0)
        config_clear(&config);
    return rc;
}

static int try_prices(const char *bytes, size_t len, char error[256], char doubt[256])
{
    struct oks_prices *prices;
    int rc = oks_prices_new(&prices, bytes, len, error);

    if (rc < 0)
        return rc;
    if (oks_prices_doubt(prices))
        snprintf(doubt, 256, "%s", oks_prices_doubt(prices));
    oks_prices_free(prices);
    return 0;
}

typedef int (*try_fn)(const char *bytes, size_t len, char error[256], char doubt[256]);

/* 1: no such file; 0: *error is "" if it is valid */
static int check_file(const char *path, size_t max, try_fn try, char error[256], char doubt[256])
{
    char *bytes;
    size_t len;
    int rc = read_file_whole(path, max, &bytes, &len);

    *error = *doubt = '\0';
    if (is_absent(rc) && !is_dangling(path))
        return 1;
    if (rc < 0) {
        write_read_error(rc, error);
        return passing(rc);
    }
    rc = try(bytes, len, error, doubt);
    free(bytes);
    return rc == -ENOMEM ? rc : 0;
}

int oks_settings_check(const char *okstra_home,
                       int (*fn)(void *ctx, const char *path, const char *error, const char *doubt),
                       void *ctx)
{
    static const struct {
        size_t max;
        try_fn try;
    } files[SETTINGS_FILES] = {
        [CONFIG_FILE] = {CONFIG_BYTES_MAX, try_config}, [PRICES_FILE] = {OKS_PRICES_BYTES_MAX, try_prices}};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < USER_FILES; i++) {
        char *path, error[256], doubt[256];

        if (asprintf(&path, "%s/%s", okstra_home, file_names[i]) < 0)
            return -ENOMEM;
        rc = check_file(path, files[i].max, files[i].try, error, doubt);
        if (rc == 0)
            rc = fn(ctx, path, *error ? error : NULL, *doubt ? doubt : NULL);
        else if (rc == 1)
            rc = 0;
        free(path);
    }
    return rc;
}

/* --- life --- */

int settings_new(struct settings **out, const char *okstra_home)
{
    struct settings *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->files[CONFIG_FILE] = (struct user_file){.max = CONFIG_BYTES_MAX, .apply = apply_config};
    s->files[PRICES_FILE] = (struct user_file){.max = OKS_PRICES_BYTES_MAX, .apply = apply_prices};
    s->files[LIMITS_FILE] = (struct user_file){.max = PLAN_LIMITS_BYTES_MAX, .apply = apply_limits};
    rc = oks_prices_new(&s->prices, NULL, 0, NULL);
    for (size_t i = 0; rc == 0 && i < SETTINGS_FILES; i++)
        if (asprintf(&s->files[i].path, "%s/%s", okstra_home, file_names[i]) < 0) {
            s->files[i].path = NULL;
            rc = -ENOMEM;
        }
    if (rc < 0) {
        settings_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SETTINGS_FILES; i++)
        free(s->files[i].path);
    oks_prices_free(s->prices);
    config_clear(&s->config);
    free(s);
}
