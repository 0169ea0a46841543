/*
 * status.json: what was found, read, refused, and could not be written.
 *
 * Everything that other documents skip silently (a bad line, an unreadable file, a cache that could not be
 * written) is counted here, because few people read a daemon's log to find out why a number is small.
 */
#include <string.h>

#include "base/tree.h"
#include "documents/daemon_state.h"
#include "documents/document.h"
#include "documents/host.h"

enum { ERRORS_SHOWN = 20 };

/* Of the transcripts that could not be read the first ones, in the order of the roots. */
struct unread {
    const struct transcript *items[ERRORS_SHOWN];
    size_t n;
};

/* An errno, or null. */
static void put_error(struct json *j, const char *key, int error)
{
    json_put_text(j, key, error ? strerror(-error) : NULL);
}

static void add_unread(struct unread *unread, const struct transcript *t)
{
    if (t->error && unread->n < ERRORS_SHOWN)
        unread->items[unread->n++] = t;
}

/* In no folder that is known. */
static void add_hidden(void *ctx, void *item)
{
    if (transcript_is_hidden(item))
        add_unread(ctx, item);
}

static void find_unread(const struct catalog *c, const struct discovery *discovery, struct unread *unread)
{
    size_t n;
    struct root *const *roots = discovery_roots(discovery, &n);
    const struct folder *f;
    struct found_file *file;

    for (size_t i = 0; i < n; i++)
        LIST_FOREACH(f, &roots[i]->folders, of_root)
            LIST_FOREACH(file, &f->files, of_folder)
                add_unread(unread, transcript_of(file));
    oks_tree_each(c->transcripts, add_hidden, unread);
}

static void put_source(struct json *j, const struct root *root)
{
    uint64_t files = 0, folders = 0;
    const struct folder *f;

    LIST_FOREACH(f, &root->folders, of_root) {
        folders++;
        files += f->n_files;
    }
    json_open_object(j, NULL);
    json_put_text(j, "source", root->source->name);
    json_put_text(j, "path", root->path);
    json_put_bool(j, "found", root->found);
    json_put_bool(j, "answers", !(root->remote && root->silent));
    json_put_count(j, "folders", folders);
    json_put_count(j, "files", files);
    json_close_object(j);
}

static void put_sources(struct json *j, const struct discovery *discovery)
{
    size_t n;
    struct root *const *roots = discovery_roots(discovery, &n);

    json_open_array(j, "sources");
    for (size_t i = 0; i < n; i++)
        if (!roots[i]->host) /* there are many places in which a host could have some: see "hosts" */
            put_source(j, roots[i]);
    json_close_array(j);
}

static void put_hosts(struct json *j, const struct catalog *c)
{
    json_put_text(j, "host", c->own.name);
    json_open_array(j, "hosts");
    for (size_t i = 0; i < c->n_hosts; i++) {
        json_open_object(j, NULL);
        json_put_host(j, c->hosts[i]);
        json_close_object(j);
    }
    json_close_array(j);
}

static void put_cache(struct json *j, const struct status_facts *f)
{
    json_open_object(j, "cache");
    json_put_bool(j, "enabled", f->cache_enabled);
    json_put_count(j, "hits", f->cache_hits);
    json_put_count(j, "misses", f->cache_misses);
    json_put_count(j, "writes", f->cache_writes);
    json_put_bool(j, "saved", f->cache_saved);
    json_put_count(j, "writeErrors", f->cache_errors);
    put_error(j, "lastWriteError", f->cache_error);
    json_close_object(j);
}

/* What is shown of deleted and rewritten transcripts. */
static void put_history(struct json *j, const struct status_facts *f)
{
    json_open_object(j, "history");
    json_put_count(j, "bytes", f->history_bytes);
    json_put_count(j, "retainedTranscripts", f->retained);
    json_close_object(j);
}

static void put_revalidation(struct json *j, const struct status_facts *f)
{
    static const char *const asked[] = {"auto", "inotify", "stat"};
    struct discovery_state state = discovery_state(f->discovery);

    json_open_object(j, "revalidation");
    json_put_text(j, "asked", asked[f->revalidate]);
    json_put_text(j, "mode", state.watched ? "inotify" : f->once ? "once" : "stat");
    json_put_count(j, "foldersByStat", state.unwatched);
    json_put_count(j, "overflows", state.overflows);
    put_error(j, "reason", state.watch_error);
    json_close_object(j);
}

static void put_progress(struct json *j, const struct oks_progress *progress)
{
    json_put_count(j, "lagBytes", progress->bytes_left);
    json_open_object(j, "scan");
    json_put_count(j, "filesLeft", progress->files_left);
    json_put_count(j, "bytesLeft", progress->bytes_left);
    json_put_count(j, "filesBeingRead", progress->scanning);
    json_close_object(j);
}

static void put_memory(struct json *j, const struct model *model)
{
    json_open_object(j, "memory");
    json_put_count(j, "requests", billing_requests(model->billing));
    json_put_count(j, "requestMapBytes", billing_bytes(model->billing));
    json_close_object(j);
}

/* What discovery passed over. `last` is one of those that were found by the latest changes. */
static void put_skipped(struct json *j, const struct status_facts *f)
{
    struct discovery_state state = discovery_state(f->discovery);
    struct passed_path *list;
    size_t n;
    int64_t count = discovery_passed_over(f->discovery, &list, &n);

    if (count < 0) {
        json_fail(j, (int)count);
        return;
    }
    json_open_object(j, "skipped");
    json_put_count(j, "count", (uint64_t)count);
    json_put_text(j, "last", state.passed_path);
    json_put_text(j, "error", state.passed_error ? discovery_passed_reason(state.passed_error) : NULL);
    json_open_array(j, "paths");
    for (size_t i = 0; i < n && i < ERRORS_SHOWN; i++) {
        json_open_object(j, NULL);
        json_put_text(j, "path", list[i].path);
        json_put_text(j, "error", discovery_passed_reason(list[i].error));
        json_close_object(j);
    }
    json_close_array(j);
    json_close_object(j);
    discovery_passed_free(list, n);
}

/* The user's files. If one has an error, its last valid version is in force. */
static void put_settings(struct json *j, struct model *model)
{
    json_open_array(j, "settings");
    for (int i = 0; i < USER_FILES; i++) {
        struct settings_state state = settings_state(model->settings, (enum settings_file)i);

        json_open_object(j, NULL);
        json_put_text(j, "path", state.path);
        json_put_bool(j, "found", state.found);
        json_put_text(j, "error", state.error);
        json_close_object(j);
    }
    json_close_array(j);
}

static void put_errors(struct json *j, const struct catalog *c, const struct discovery *discovery)
{
    struct unread unread = {.n = 0};

    if (c->files.unreadable)
        find_unread(c, discovery, &unread);
    json_put_count(j, "fileErrors", c->files.unreadable);
    json_open_array(j, "errors");
    for (size_t i = 0; i < unread.n; i++) {
        json_open_object(j, NULL);
        json_put_text(j, "path", unread.items[i]->path);
        put_error(j, "error", unread.items[i]->error);
        json_put_bool(j, "counted", unread.items[i]->loaded);
        json_close_object(j);
    }
    json_close_array(j);
}

static void put_files(struct json *j, const struct catalog *c, const struct status_facts *facts)
{
    json_put_count(j, "transcriptBytes", c->files.bytes);
    json_put_count(j, "bytesScanned", facts->progress.bytes_read);
    json_put_count(j, "lines", c->files.lines);
    json_put_count(j, "badLines", c->files.bad_lines);
    json_put_count(j, "oddValues", c->files.odd_values);
}

int document_status(struct model *model, const struct status_facts *facts, struct oks_document *out)
{
    const struct catalog *c = &model->catalog;
    struct oks_document document = {.version = model->versions.all};
    struct measure all;
    struct json j = {0};
    int rc;

    sums_all(&model->sums, &all);
    document.mtime_ns = all.mtime_ns;
    json_open_object(&j, NULL);
    json_put_text(&j, "version", OKSTRAFS_VERSION);
    put_sources(&j, facts->discovery);
    put_hosts(&j, c);
    json_put_count(&j, "sessions", c->n_sessions);
    json_put_count(&j, "teams", c->n_teams);
    json_put_count(&j, "projects", c->n_projects);
    json_put_count(&j, "transcripts", c->n_transcripts);
    put_files(&j, c, facts);
    json_put_text(&j, "scanner", facts->scanner);
    put_progress(&j, &facts->progress);
    put_memory(&j, model);
    put_cache(&j, facts);
    put_history(&j, facts);
    put_revalidation(&j, facts);
    json_put_daemon(&j, facts->daemon);
    put_skipped(&j, facts);
    put_settings(&j, model);
    json_put_count(&j, "teamStateErrors", runs_errors(model->runs));
    put_errors(&j, c, facts->discovery);
    json_close_object(&j);
    rc = json_finish(&j, &document.bytes, &document.len);
    if (rc == 0)
        *out = document;
    return rc;
}
