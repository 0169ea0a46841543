/*
 * The engine without a mount, for the model test: a process that answers what a mount would show.
 *
 *     engine_host OKSTRA_HOME TASK_ROOT SOURCE=FOLDER ...
 *
 * It reads commands from standard input, one a line, with words separated by tabs, and answers each by a line
 * "<code> <number> <length>" and so many bytes. `start` forks a process with a new engine, which answers
 * until it ends. So a restart costs no exec and no mount, and a SIGKILL is a real one. The end of that
 * process is answered by the line "ended <status> 0".
 *
 *     start                     code: 0; number: the pid
 *     sync                      everything
 *     get PATH                  a document from the last sync; number: of a stream, how often it has started
 * over look PATH                 the same after a sync of what it depends on, as by a program that opens it
 *     list PATH                 the names in a folder, each behind one letter: d, f or l
 *     save                      what the saver thread of a daemon does after a second
 *     forget NAME               as `okstrafs forget`, by another process
 *     fresh OKSTRA_HOME CACHES N   as `okstrafs cat` of the next N lines, by another process; CACHES: 0 for
 * --no-cache stop                      as SIGTERM
 *
 * A stream is kept as the mount keeps it: a cursor, and the lines that were returned. A document whose
 * version is the same must have the same bytes (code VERSION_LIES).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tree/tree.h"

enum { LINE = 8192, WORDS = 4, PARTS = 16, BUCKETS = 4096, END_MS = 1000, VERSION_LIES = -5000 };

static const char *okstra_home, *task_root, *folders[OKS_SOURCES];
static const struct oks_target all = {.kind = OKS_ALL};

/* --- answers --- */

static void answer(long code, unsigned long number, const char *bytes, size_t len)
{
    printf("%ld %lu %zu\n", code, number, len);
    fwrite(bytes, 1, len, stdout);
}

static void answer_code(long code)
{
    answer(code, 0, "", 0);
}

/* A line of standard input, without stdio: the processes share it. False: it is over. */
static bool read_line(char line[LINE])
{
    static char buf[LINE];
    static size_t at, len;
    size_t n = 0;

    for (;;) {
        if (at == len) {
            ssize_t got;

            fflush(stdout);
            got = read(0, buf, sizeof(buf));
            if (got <= 0)
                return false;
            at = 0;
            len = (size_t)got;
        }
        line[n] = buf[at++];
        if (line[n] == '\n' || n + 1 == LINE) {
            line[n] = '\0';
            return true;
        }
        n++;
    }
}

/* --- files --- */

/* What a file has shown. */
struct shown {
    struct shown *next;
    char *path;
    uint64_t version; /* 0: not known */
    struct oks_stream_cursor cursor;
    unsigned long starts; /* of a stream */
    char *bytes;
    size_t len, before; /* before: the call of oks_stream_next() that goes on */
};

static struct shown *files[BUCKETS];

static struct shown *shown_of(const char *path)
{
    unsigned hash = 5381;
    struct shown *s;

    for (const char *p = path; *p; p++)
        hash = hash * 33 + (unsigned char)*p;
    for (s = files[hash % BUCKETS]; s; s = s->next)
        if (strcmp(s->path, path) == 0)
            return s;
    s = calloc(1, sizeof(*s));
    if (!s || !(s->path = strdup(path)))
        abort();
    s->next = files[hash % BUCKETS];
    return files[hash % BUCKETS] = s;
}

/* As a file's inode is freed when the kernel forgets it. */
static void shown_forget(void)
{
    for (int i = 0; i < BUCKETS; i++)
        while (files[i]) {
            struct shown *s = files[i];

            files[i] = s->next;
            oks_stream_end(&s->cursor);
            free(s->path);
            free(s->bytes);
            free(s);
        }
}

static int take_line(void *ctx, const char *bytes, size_t len)
{
    struct shown *s = ctx;

    if (!bytes) {
        s->len = s->before;
        return 0;
    }
    s->bytes = realloc(s->bytes, s->len + len + 1);
    if (!s->bytes)
        abort();
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    return 0;
}

static int grow_stream(struct oks_engine *engine, const struct node *node, struct shown *s)
{
    struct oks_target target = node_target(node);
    int64_t mtime_ns;
    int rc = OKS_STREAM_STARTED_OVER;

    for (int i = 0; i < 2 && rc == OKS_STREAM_STARTED_OVER; i++) {
        if (!s->cursor.generation) {
            struct oks_tool_calls *calls = s->cursor.calls;

            s->cursor = tree_stream_cursor(node);
            s->cursor.calls = calls;
        }
        s->before = s->len;
        rc = oks_stream_next(engine, &target, &s->cursor, take_line, s, &mtime_ns);
        if (rc != OKS_STREAM_GOES_ON)
            s->len = s->before;
        if (rc == OKS_STREAM_STARTED_OVER) {
            s->starts++;
            s->len = 0;
        }
    }
    return rc;
}

static int render(struct oks_engine *engine, const struct node *node, struct shown *s)
{
    struct oks_document document;
    uint64_t version = 0;
    bool lies;
    int rc = tree_version_known(engine, node, &version);

    if (rc == 0)
        rc = tree_render(engine, node, now_ms(), &document);
    if (rc < 0)
        return rc;
    lies = version && version == s->version && !tree_follows_clock(node) &&
           (document.len != s->len || memcmp(document.bytes, s->bytes, s->len) != 0);
    free(s->bytes);
    s->bytes = document.bytes;
    s->len = document.len;
    s->version = version;
    return lies ? VERSION_LIES : 0;
}

/* --- paths --- */

/* Without the folders' syncs, or with them. */
static int find(struct oks_engine *engine, const char *path, bool syncs, struct node *out)
{
    struct node node, child;
    char name[LINE];

    tree_root(&node);
    while (*path) {
        size_t n = strcspn(path, "/");
        int rc;

        memcpy(name, path, n);
        name[n] = '\0';
        path += n + (path[n] == '/');
        rc = syncs ? tree_lookup(engine, &node, name, now_ms(), NULL, &child)
                   : tree_lookup_known(engine, &node, name, now_ms(), &child);
        node_clear(&node);
        if (rc < 0)
            return rc;
        node = child;
    }
    *out = node;
    return 0;
}

static void get(struct oks_engine *engine, const char *path, bool syncs)
{
    struct shown *s = shown_of(path);
    struct node node;
    uint64_t version;
    int rc = find(engine, path, syncs, &node);

    if (rc == 0) {
        if (syncs)
            rc = tree_version(engine, &node, NULL, &version);
        if (rc == 0)
            rc = tree_is_stream(&node) ? grow_stream(engine, &node, s) : render(engine, &node, s);
        node_clear(&node);
    }
    answer(rc, s->starts, s->bytes ? s->bytes : "", rc ? 0 : s->len);
}

static int add_name(void *ctx, const char *name, enum node_shape shape)
{
    fprintf(ctx, "%c%s\n", shape == NODE_DIR ? 'd' : shape == NODE_LINK ? 'l' : 'f', name);
    return 0;
}

static void list(struct oks_engine *engine, const char *path)
{
    char *names = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&names, &len);
    struct node node;
    int rc = find(engine, path, true, &node);

    if (rc == 0) {
        rc = tree_list(engine, &node, NULL, add_name, to);
        node_clear(&node);
    }
    fclose(to);
    answer(rc, 0, names, rc ? 0 : len);
    free(names);
}

/* --- engines --- */

static struct oks_engine *engine_made(const char *home, bool caches, bool once)
{
    const char *dirs[OKS_SOURCES][2] = {0}, *roots[] = {task_root, NULL};
    struct oks_config config = {
        .okstra_home = home, .task_roots = *task_root ? roots : NULL, .no_cache = !caches, .once = once};
    struct oks_engine *engine;

    for (int i = 0; i < OKS_SOURCES; i++) {
        dirs[i][0] = folders[i];
        config.dirs[i] = dirs[i];
    }
    if (oks_engine_new(&engine, &config) < 0)
        abort();
    oks_engine_clock(engine, now_ms());
    return engine;
}

/* Runs fn in another process, which answers. */
static void by_another(void (*fn)(char *words[WORDS]), char *words[WORDS])
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        fn(words);
        fflush(stdout);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
        printf("ended %d 0\n", status);
}

static void forget(char *words[WORDS])
{
    struct oks_engine *engine = engine_made(okstra_home, true, true);
    bool every = strcmp(words[1], "--all") == 0;
    char listed[256];
    size_t n = 0;
    int rc = oks_engine_sync(engine, &all, false, NULL);

    if (rc == 0 && !every)
        rc = oks_engine_resolve(engine, OKS_SESSION, words[1], listed);
    if (rc >= 0)
        rc = oks_engine_forget(engine, every ? NULL : rc == 1 ? listed : words[1], &n);
    oks_engine_save(engine);
    answer_code(rc);
}

/* The paths of `fresh`, a line each. */
static char *paths;

static void read_paths(const char *count)
{
    size_t len = 0;
    FILE *to = open_memstream(&paths, &len);
    char line[LINE];

    for (int n = atoi(count); n > 0 && read_line(line); n--)
        fprintf(to, "%s\n", line);
    fclose(to);
}

static void fresh(char *words[WORDS])
{
    struct oks_engine *engine = engine_made(words[1], *words[2] == '1', true);
    char *rest = paths, *path;

    shown_forget();
    while ((path = strsep(&rest, "\n")) && *path)
        get(engine, path, true);
    oks_engine_save(engine);
}

static bool serve_one(struct oks_engine *engine, char *words[WORDS])
{
    const char *verb = words[0], *path = words[1] ? words[1] : "";

    if (strcmp(verb, "sync") == 0)
        answer_code(oks_engine_sync(engine, &all, false, NULL));
    else if (strcmp(verb, "get") == 0 || strcmp(verb, "look") == 0)
        get(engine, path, *verb == 'l');
    else if (strcmp(verb, "list") == 0)
        list(engine, path);
    else if (strcmp(verb, "save") == 0)
        answer_code(oks_engine_save(engine));
    else if (strcmp(verb, "forget") == 0 && *path)
        by_another(forget, words);
    else if (strcmp(verb, "fresh") == 0 && words[2] && words[3]) {
        read_paths(words[3]);
        by_another(fresh, words);
        free(paths);
    } else
        return false;
    return true;
}

static bool read_words(char line[LINE], char *words[WORDS])
{
    char *rest = line;

    if (!read_line(line))
        return false;
    for (int i = 0; i < WORDS; i++)
        words[i] = strsep(&rest, "\t");
    return true;
}

static void serve(void)
{
    struct oks_engine *engine = engine_made(okstra_home, true, false);
    char line[LINE], *words[WORDS];

    answer(0, (unsigned long)getpid(), "", 0);
    while (read_words(line, words) && serve_one(engine, words))
        ;
    oks_engine_save_within(engine, END_MS);
    oks_engine_free(engine);
    shown_forget();
    exit(0);
}

static bool take_folder(const char *word)
{
    const char *folder = strchr(word, '=');

    for (int i = 0; folder && i < OKS_SOURCES; i++) {
        const char *name = oks_source_name((enum oks_source)i);

        if (strlen(name) != (size_t)(folder - word) || strncmp(name, word, strlen(name)) != 0)
            continue;
        folders[i] = folder + 1;
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    char line[LINE], *words[WORDS];

    if (argc < 3)
        return 2;
    okstra_home = argv[1];
    task_root = argv[2];
    for (int i = 3; i < argc; i++)
        if (!take_folder(argv[i]))
            return 2;
    while (read_words(line, words)) {
        int status = 0;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0)
            serve();
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
            return 1;
        printf("ended %d 0\n", status);
    }
    return 0;
}
