/*
 * `okstrafs cat` and `okstrafs ls`: the tree without FUSE, for containers, CI and a first look.
 *
 * Paths are relative to the mount's root. One that begins with the mountpoint is accepted too, so that a
 * command line works with and without a mount.
 */
#include "cli/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/name_list.h"
#include "inodes/spool.h"
#include "inodes/stream_file.h"
#include "tree/tree.h"

enum { LINKS_MAX = 16, PATH_BYTES = 4096 };

const char *local_below_mount(const struct options *o, const char *path)
{
    size_t n = strlen(o->mountpoint);

    if (strncmp(path, o->mountpoint, n) == 0 && (path[n] == '/' || path[n] == '\0'))
        return path + n;
    return path;
}

/* The components of a path, "." and ".." resolved by name. */
struct components {
    char *parts[64];
    size_t depth;
};

static void walk_clear(struct components *w)
{
    while (w->depth > 0)
        free(w->parts[--w->depth]);
}

static int walk_push(struct components *w, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && strncmp(path, "..", 2) == 0) {
            if (w->depth > 0)
                free(w->parts[--w->depth]);
        } else if (n > 0 && !(n == 1 && *path == '.')) {
            if (w->depth == sizeof(w->parts) / sizeof(*w->parts))
                return -ENAMETOOLONG;
            w->parts[w->depth] = strndup(path, n);
            if (!w->parts[w->depth])
                return -ENOMEM;
            w->depth++;
        }
        path += n + (path[n] == '/');
    }
    return 0;
}

/* Replaces component i, a link, by its target; the components after it stay. */
static int follow(struct components *w, size_t i, const struct node *link)
{
    struct components next = {0};
    char *target = node_link_target(link);
    int rc = target ? 0 : -ENOMEM;

    for (size_t k = 0; rc == 0 && k < i; k++)
        rc = walk_push(&next, w->parts[k]);
    if (rc == 0)
        rc = walk_push(&next, target);
    for (size_t k = i + 1; rc == 0 && k < w->depth; k++)
        rc = walk_push(&next, w->parts[k]);
    free(target);
    walk_clear(w);
    *w = next;
    return rc;
}

/* The node of one pass over the components. 1: a link was followed, and the pass must start over. */
static int pass(struct oks_engine *engine, struct components *w, struct node *out)
{
    struct node node;

    tree_root(&node);
    for (size_t i = 0; i < w->depth; i++) {
        struct node child;
        int rc = tree_lookup(engine, &node, w->parts[i], now_ms(), NULL, &child);

        node_clear(&node);
        if (rc < 0)
            return rc;
        if (node_shape(&child) == NODE_LINK) {
            rc = follow(w, i, &child);
            node_clear(&child);
            return rc < 0 ? rc : 1;
        }
        node = child;
    }
    *out = node;
    return 0;
}

static int find(struct oks_engine *engine, const char *path, struct node *out)
{
    struct components w = {0};
    int rc = walk_push(&w, path);

    if (rc == 0)
        for (int links = 0; (rc = pass(engine, &w, out)) == 1; links++)
            if (links == LINKS_MAX) {
                rc = -ELOOP;
                break;
            }
    walk_clear(&w);
    return rc;
}

static int render(struct oks_engine *engine, const struct node *node, struct oks_document *out)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    uint64_t version;
    int rc = tree_shows_scan(node) ? oks_engine_sync(engine, &all, false, NULL) : 0;

    if (rc == 0)
        rc = tree_version(engine, node, NULL, &version);

    return rc < 0 ? rc : tree_render(engine, node, now_ms(), out);
}

/* The errno of the first write that failed. stdio forgets it, and drops what it could not write. */
static int write_error;

/* Call it after each print. 0 or a negative errno */
static int check_written(void)
{
    if (ferror(stdout) && !write_error)
        write_error = errno ? errno : EIO;
    return -write_error;
}

/* What a path that was not found is mistaken for. */
static void say_not_found(const struct options *o, const char *path)
{
    const char *pattern = strpbrk(path, "*?["), *slash = NULL;

    for (const char *s = path; pattern && s < pattern; s++)
        slash = *s == '/' ? s : slash;
    if (pattern)
        log_error("%s: No such file or directory; patterns are not expanded without a mount: "
                  "'okstrafs ls%s%.*s' lists the names",
                  path, slash ? " " : "", slash ? (int)(slash - path) : 0, path);
    else if (path[0] == '/' && local_below_mount(o, path) == path)
        log_error("%s: No such file or directory; a path begins at the top of the tree, such as teams, or "
                  "with %s (see OKSTRA_HOME)",
                  path, o->mountpoint);
    else if (strstr(path, "window/"))
        log_error("%s: No such file or directory; windows are named as 'okstrafs ls window' shows, or "
                  "<since>_<until> with bounds such as 2026-06-10, -5h and now (man okstrafs, Windows)",
                  path);
    else
        log_error("%s: No such file or directory; 'okstrafs ls' shows what there is", path);
}

static void say_error(const struct options *o, const char *path, int rc)
{
    if (rc == -ENOENT)
        say_not_found(o, path);
    else if (rc == -EISDIR)
        log_error("%s: Is a directory; 'okstrafs ls %s' lists it", path, path);
    else
        log_error("%s: %s", path, strerror(-rc));
}

static int print_document(struct oks_engine *engine, const struct node *node)
{
    struct oks_document document;
    int rc = render(engine, node, &document);

    if (rc < 0)
        return rc;
    fwrite(document.bytes, 1, document.len, stdout);
    oks_document_clear(&document);
    return 0;
}

static int print_bytes(struct stream_file *stream)
{
    static char buf[256 << 10];
    size_t at = 0;
    ssize_t n;

    do {
        n = stream_file_read(stream, at, buf, sizeof(buf));
        if (n > 0)
            at += fwrite(buf, 1, (size_t)n, stdout);
    } while (n > 0 && check_written() == 0);
    return n < 0 ? (int)n : 0;
}

/* The lines of all requests are more than memory should hold: they go through a file, as in a mount,
 * unless there is no room for one. */
static int print_stream(struct oks_engine *engine, const struct options *o, const struct node *node)
{
    struct spool *spool = spool_new(o->no_cache ? NULL : o->okstra_home);
    struct stream_file *stream = spool ? stream_file_new(spool) : NULL;
    uint64_t version;
    int rc = stream ? tree_version(engine, node, NULL, &version) : -ENOMEM;

    if (rc == 0)
        rc = stream_file_grow(stream, engine, node, version);
    if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG)
        rc = print_document(engine, node); /* nothing is printed yet */
    else if (rc == 0)
        rc = print_bytes(stream);
    stream_file_free(stream);
    spool_free(spool);
    return rc;
}

static int cat_one(struct oks_engine *engine, const struct options *o, const char *path)
{
    struct node node;
    int rc = find(engine, local_below_mount(o, path), &node);

    if (rc == 0) {
        if (node_shape(&node) == NODE_DIR)
            rc = -EISDIR;
        else if (tree_is_stream(&node))
            rc = print_stream(engine, o, &node);
        else
            rc = print_document(engine, &node);
        node_clear(&node);
    }
    if (rc < 0)
        say_error(o, path, rc);
    return rc < 0 || check_written() < 0;
}

/* --- ls
 * ----------------------------------------------------------------------------------------------------------
 */

struct lister {
    struct oks_engine *engine;
    const struct node *dir;
    bool is_long;
};

static int collect(void *ctx, const char *name, enum node_shape shape)
{
    (void)shape;
    return name_list_add(ctx, name);
}

static int print_long(struct oks_engine *engine, const struct node *node, const char *name)
{
    struct oks_document document = {0};
    char *target = node_shape(node) == NODE_LINK ? node_link_target(node) : NULL;
    char when[64] = "-";
    struct tm tm;
    time_t seconds;
    int rc = node_shape(node) == NODE_LINK && !target ? -ENOMEM : 0;

    if (node_shape(node) == NODE_FILE)
        rc = render(engine, node, &document);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    seconds = document.mtime_ns / 1000000000;
    if (document.mtime_ns && localtime_r(&seconds, &tm))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%c %10zu %19s %s%s%s\n",
           node_shape(node) == NODE_DIR ? 'd'
           : target                     ? 'l'
                                        : '-',
           document.len, when, name, target ? " -> " : "", target ? target : "");
    oks_document_clear(&document);
    free(target);
    return 0;
}

static int print_entry(struct lister *l, const char *name)
{
    struct node child;
    int rc;

    if (!l->is_long) {
        puts(name);
        return check_written();
    }
    rc = tree_lookup(l->engine, l->dir, name, now_ms(), NULL, &child);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    rc = print_long(l->engine, &child, name);
    node_clear(&child);
    return rc < 0 ? rc : check_written();
}

static int ls_node(struct oks_engine *engine, const struct options *o, const struct node *node,
                   const char *path)
{
    struct lister l = {.engine = engine, .dir = node, .is_long = o->long_listing};
    struct name_list *names;
    int rc = 0;

    if (node_shape(node) != NODE_DIR) {
        if (o->long_listing)
            rc = print_long(engine, node, path);
        else
            puts(path);
        return rc < 0 ? rc : check_written();
    }
    names = name_list_new();
    rc = names ? tree_list(engine, node, NULL, collect, names) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < names->len; i++)
        rc = print_entry(&l, names->items[i]);
    name_list_free(names);
    return rc;
}

static int ls_one(struct oks_engine *engine, const struct options *o, const char *path)
{
    struct node node;
    int rc = find(engine, local_below_mount(o, path), &node);

    if (rc == 0) {
        rc = ls_node(engine, o, &node, path);
        node_clear(&node);
    }
    if (rc < 0 && !write_error)
        say_error(o, path, rc);
    return rc < 0;
}

/* --- both --- */

typedef int (*path_fn)(struct oks_engine *engine, const struct options *o, const char *path);

bool local_engine(const struct options *o, struct oks_engine **out)
{
    static struct oks_engine *engine; /* still reachable, so it is no leak */
    struct oks_config config = options_config(o);
    int rc;

    config.once = true;
    rc = oks_engine_new(&engine, &config);
    if (rc < 0) {
        log_error("cannot start: %s", strerror(-rc));
        return false;
    }
    oks_engine_clock(engine, now_ms());
    *out = engine;
    return true;
}

bool local_flush(int error)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && !error)
        return true;
    log_error("cannot write: %s", strerror(error ? error : errno ? errno : EIO));
    return false;
}

/* Where it looked: what exists, one folder a line, and the rest in one. */
static void say_nothing_found(const struct options *o)
{
    char absent[3500] = "";
    size_t n = 0;

    log_error(
        "no transcripts were found; set CLAUDE_CONFIG_DIR, or another agent's variable (see man okstrafs), "
        "if they are not in one of these folders:");
    for (int i = 0; i < OKS_SOURCES; i++)
        for (char **dir = o->dirs[i]; *dir; dir++) {
            const char *source = oks_source_name((enum oks_source)i);

            if (access(*dir, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
                log_error("    %s (%s)", *dir, source);
            else if (n < sizeof(absent))
                n += (size_t)snprintf(absent + n, sizeof(absent) - n, "%s%s (%s)", n ? ", " : "", *dir,
                                      source);
        }
    if (n)
        log_error("    which do not exist: %s", absent);
}

struct unread {
    char *first; /* the path and the reason */
    uint64_t n;
};

static int count_unread(void *ctx, const char *path, const char *reason, bool is_unread)
{
    struct unread *unread = ctx;

    if (is_unread && unread->n++ == 0 && asprintf(&unread->first, "%s: %s", path, reason) < 0)
        unread->first = NULL;
    return 0;
}

bool local_say_what_is_missing(const struct options *o, struct oks_engine *engine)
{
    struct oks_progress progress;
    struct unread unread = {0};
    uint64_t passed_over;

    oks_engine_progress(engine, &progress);
    if (progress.files == 0)
        say_nothing_found(o);
    oks_engine_left_out(engine, count_unread, &unread, &passed_over);
    if (unread.n == 1)
        log_error("a transcript cannot be read: %s", unread.first ? unread.first : "");
    else if (unread.n > 1)
        log_error("%llu transcripts cannot be read ('okstrafs doctor' lists them): %s",
                  (unsigned long long)unread.n, unread.first ? unread.first : "");
    free(unread.first);
    return unread.n > 0;
}

static int for_each_path(const struct options *o, path_fn fn, const char *fallback)
{
    struct oks_engine *engine;
    int failed = 0;

    if (!local_engine(o, &engine))
        return 1;
    for (int i = 0; i < o->n_paths && !write_error; i++)
        failed |= fn(engine, o, o->paths[i]);
    if (o->n_paths == 0)
        failed = fn(engine, o, fallback);
    if (!local_flush(write_error))
        failed = 1;
    oks_engine_save(engine);
    return failed;
}

int cat_run(const struct options *o)
{
    if (o->n_paths == 0) {
        log_error("cat needs a path, such as cost_usd or teams/<name>/usage.json; 'okstrafs ls' shows what "
                  "there is");
        return EX_USAGE;
    }
    return for_each_path(o, cat_one, "/");
}

int ls_run(const struct options *o)
{
    return for_each_path(o, ls_one, "/");
}
