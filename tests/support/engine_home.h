/*
 * A home in the scratch folder, engines over it, and what their documents say.
 *
 * The transcripts lie under <scratch>/claude/projects, caches under <scratch>/okstra, a project with
 * team-state files may lie anywhere. Documents are parsed with json-c, a tree that the reader of a test need
 * not free: each test is a process of its own.
 */
#ifndef OKSTRAFS_TESTS_ENGINE_HOME_H
#define OKSTRAFS_TESTS_ENGINE_HOME_H

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "okstrafs/engine.h"
#include "scratch.h"
#include "tap.h"

#define PROJECTS "claude/projects/"
#define CACHES   "okstra/cache/token-usage/"

struct engine_options {
    bool no_cache;
    bool verify_tail;
    bool once;
    enum oks_revalidate revalidate;
    const char *task_root; /* below the scratch folder, or NULL */
};

/* Keeps a pointer reachable until the end; gives it back. */
static inline void *kept(void *pointer)
{
    static struct keeper {
        struct keeper *next;
        void *pointer;
    } * all;
    struct keeper *keeper = malloc(sizeof(*keeper));

    ck_assert_ptr_nonnull(keeper);
    *keeper = (struct keeper){all, pointer};
    all = keeper;
    return pointer;
}

/* --- files --- */

/* Makes the folders above a path below the scratch folder. */
static inline void make_parents(const char *rel)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s", rel);
    for (char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        ck_assert(mkdir(at(path), 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
}

static inline void put_file(const char *rel, const char *text)
{
    make_parents(rel);
    make_file(rel, text, strlen(text));
}

static inline void append_file(const char *rel, const char *text)
{
    int fd = open(at(rel), O_WRONLY | O_APPEND | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Destroys bytes in place: the proof that nobody reads them again. */
static inline void overwrite(const char *rel, off_t offset, size_t len)
{
    int fd = open(at(rel), O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < len; i++)
        ck_assert_int_eq(pwrite(fd, "#", 1, offset + (off_t)i), 1);
    close(fd);
}

/* printf into memory that lives as long as the test. */
__attribute__((format(printf, 1, 2))) static inline char *text_of(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    ck_assert_int_ge(vasprintf(&text, format, args), 0);
    va_end(args);
    return kept(text);
}

/* An assistant's line without its newline: one tool use, one text. */
static inline char *record(const char *stamp, int input, int output, int creation, int reads)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"%s\",\"message\":{\"model\":\"claude-opus-4-7\","
        "\"usage\":{\"input_tokens\":%d,\"output_tokens\":%d,\"cache_creation_input_tokens\":%d,"
        "\"cache_read_input_tokens\":%d},\"content\":[{\"type\":\"tool_use\"},{\"type\":\"text\"}]}}",
        stamp, input, output, creation, reads);
}

/* A line that fills more than the 256 bytes by which a transcript is known. */
static inline char *padding_line(void)
{
    return text_of("{\"f\":\"%0300d\"}\n", 0);
}

/* --- engines --- */

static inline struct oks_engine *engine_open(struct engine_options options)
{
    char home[PATH_MAX], dir[PATH_MAX], root[PATH_MAX];
    const char *dirs[] = {dir, NULL}, *roots[] = {root, NULL};
    struct oks_config config = {
        .okstra_home = home,
        .dirs[OKS_SOURCE_CLAUDE] = dirs,
        .task_roots = options.task_root ? roots : NULL,
        .no_cache = options.no_cache,
        .verify_tail = options.verify_tail,
        .once = options.once,
        .revalidate = options.revalidate,
    };
    struct oks_engine *engine;

    snprintf(home, sizeof(home), "%s/okstra", scratch);
    snprintf(dir, sizeof(dir), "%s/claude", scratch);
    snprintf(root, sizeof(root), "%s/%s", scratch, options.task_root ? options.task_root : "");
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    return engine;
}

/* What the end of the program does. */
static inline void engine_close(struct oks_engine *engine)
{
    oks_engine_save(engine);
    oks_engine_free(engine);
}

static inline void sync_target(struct oks_engine *engine, struct oks_target target, bool found_only)
{
    ck_assert_int_eq(oks_engine_sync(engine, &target, found_only, NULL), 0);
}

/* --- documents --- */

static inline struct oks_target session(const char *id)
{
    return (struct oks_target){.kind = OKS_SESSION, .name = id};
}

static inline struct oks_target team(const char *name)
{
    return (struct oks_target){.kind = OKS_TEAM, .name = name};
}

static inline struct oks_target project(const char *name)
{
    return (struct oks_target){.kind = OKS_PROJECT, .name = name};
}

/* The document's bytes after a sync, or NULL where there is no such target. `window` is a name without
 * ".json", or NULL. */
static inline char *usage_text(struct oks_engine *engine, struct oks_target target, const char *window)
{
    struct oks_document document;
    struct oks_window bounds;
    int rc;

    if (window)
        ck_assert_int_eq(oks_window_parse(oks_slice_of(text_of("%s.json", window)), NULL, 0, &bounds), 0);
    sync_target(engine, target, false);
    rc = oks_document_usage(engine, &target, window ? &bounds : NULL, &document);
    ck_assert(rc == 0 || rc == -ENOENT);
    if (rc < 0)
        return NULL;
    ck_assert_uint_eq(strlen(document.bytes), document.len);
    return kept(document.bytes);
}

static inline json_object *parsed(const char *text)
{
    json_object *object;

    ck_assert_ptr_nonnull(text);
    object = json_tokener_parse(text);
    ck_assert_ptr_nonnull(object);
    return kept(object);
}

static inline json_object *usage(struct oks_engine *engine, struct oks_target target, const char *window)
{
    return parsed(usage_text(engine, target, window));
}

/* The member at a path of keys and indices: "workers/0/usage". */
static inline json_object *member_at(json_object *object, const char *path)
{
    json_object *found = NULL;

    ck_assert_msg(json_pointer_get(object, text_of("/%s", path), &found) == 0, "no %s", path);
    return found;
}

static inline int64_t number(json_object *object, const char *path)
{
    return json_object_get_int64(member_at(object, path));
}

/* NULL for null. */
static inline const char *string(json_object *object, const char *path)
{
    return json_object_get_string(member_at(object, path));
}

static inline int64_t input_tokens(struct oks_engine *engine, struct oks_target target, const char *window)
{
    return number(usage(engine, target, window), "inputTokens");
}

static inline json_object *status_of(struct oks_engine *engine)
{
    struct oks_document document;

    ck_assert_int_eq(oks_document_status(engine, &document), 0);
    return parsed(kept(document.bytes));
}

static inline int64_t bytes_scanned(struct oks_engine *engine)
{
    return number(status_of(engine), "bytesScanned");
}

/* --- names --- */

static inline int collect_name_(void *ctx, const char *name)
{
    char **list = ctx, *joined = text_of("%s%s%s", *list, **list ? " " : "", name);

    *list = joined;
    return 0;
}

/* The names with a blank between; NULL where there is no such target. No sync before. */
static inline char *names_now(struct oks_engine *engine, enum oks_list what, struct oks_target of)
{
    char *list = "";
    int rc = oks_engine_list(engine, what, &of, collect_name_, &list);

    ck_assert(rc == 0 || rc == -ENOENT);
    return rc == 0 ? list : NULL;
}

static inline char *names(struct oks_engine *engine, enum oks_list what, struct oks_target of)
{
    sync_target(engine, of, false);
    return names_now(engine, what, of);
}

static inline char *sessions(struct oks_engine *engine)
{
    return names(engine, OKS_LIST_SESSIONS, (struct oks_target){.kind = OKS_ALL});
}

static inline char *teams(struct oks_engine *engine)
{
    return names(engine, OKS_LIST_TEAMS, (struct oks_target){.kind = OKS_ALL});
}

#endif
