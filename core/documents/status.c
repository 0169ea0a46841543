/*
 * status.json: what was found, read, refused, and could not be written.
 *
 * Everything that a read passes over in silence (a bad line, an unreadable file, a cache that could not be
 * written) is counted here, because nobody reads a daemon's log to find out why a number looks small.
 */
#include <errno.h>
#include <string.h>

#include "documents/usage.h"

enum { ERRORS_SHOWN = 20 };

struct sums {
    uint64_t size, lines, bad, odd;
    uint64_t errors;
    int64_t mtime_ns;
    json_object *error_list;
    bool ok;
};

static bool add_error(json_object *list, const char *path, int error)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "path", path) && put_text(o, "error", strerror(-error)) &&
        json_object_array_add(list, o) == 0)
        return true;
    json_object_put(o);
    return false;
}

static void add_transcript(struct sums *sums, const struct transcript *t)
{
    sums->size += t->mark.size;
    sums->lines += t->state.lines;
    sums->bad += t->state.bad;
    sums->odd += t->state.odd;
    if (t->mark.mtime_ns > sums->mtime_ns)
        sums->mtime_ns = t->mark.mtime_ns;
    if (!t->error)
        return;
    if (sums->errors++ < ERRORS_SHOWN)
        sums->ok &= add_error(sums->error_list, t->path, t->error);
}

static json_object *source_object(struct oks_engine *e, struct root *root, struct sums *sums)
{
    json_object *o = json_object_new_object();
    const struct transcript *t;
    const struct folder *f;
    uint64_t files = 0, folders = 0;

    LIST_FOREACH(f, &root->folders, of_root) {
        folders++;
        LIST_FOREACH(t, &f->transcripts, of_folder) {
            files++;
            add_transcript(sums, t);
        }
    }
    if (o && put_text(o, "source", root->source->name) && put_text(o, "path", root->path) &&
        put(o, "found", json_object_new_boolean(root->found)) && put_count(o, "folders", folders) &&
        put_count(o, "files", files))
        return o;
    json_object_put(o);
    return NULL;
}

static bool put_sources(json_object *o, struct oks_engine *e, struct sums *sums)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; list && i < e->n_roots; i++) {
        json_object *source = source_object(e, &e->roots[i], sums);

        if (!source || json_object_array_add(list, source) < 0) {
            json_object_put(source);
            json_object_put(list);
            return false;
        }
    }
    return put(o, "sources", list);
}

static bool put_cache(json_object *o, struct oks_engine *e)
{
    json_object *c = json_object_new_object();

    if (c && put(c, "enabled", json_object_new_boolean(e->cache != NULL)) &&
        put_count(c, "hits", e->cache_hits) && put_count(c, "misses", e->cache_misses) &&
        put_count(c, "writes", e->cache_writes) && put_count(c, "writeErrors", e->cache_errors) &&
        put_text(c, "lastWriteError", e->cache_error ? strerror(-e->cache_error) : NULL))
        return put(o, "cache", c);
    json_object_put(c);
    return false;
}

static bool put_revalidation(json_object *o, struct oks_engine *e)
{
    static const char *const asked[] = {"auto", "inotify", "stat"};
    bool inotify = e->watch != NULL;
    json_object *r = json_object_new_object();

    if (r && put_text(r, "asked", asked[e->revalidate]) &&
        put_text(r, "mode",
                 inotify   ? "inotify"
                 : e->once ? "once"
                           : "stat") &&
        put_count(r, "foldersByStat", e->unwatched) && put_count(r, "overflows", e->overflows) &&
        put_text(r, "reason", e->watch_error ? strerror(-e->watch_error) : NULL))
        return put(o, "revalidation", r);
    json_object_put(r);
    return false;
}

static bool put_progress(json_object *o, struct oks_engine *e)
{
    struct oks_progress progress;
    json_object *p = json_object_new_object();

    progress_now(e, &progress);
    if (put_count(o, "lagBytes", progress.bytes_left) && p &&
        put_count(p, "filesLeft", progress.files_left) && put_count(p, "bytesLeft", progress.bytes_left) &&
        put_count(p, "filesBeingRead", progress.scanning))
        return put(o, "scan", p);
    json_object_put(p);
    return false;
}

static bool put_memory(json_object *o, struct oks_engine *e)
{
    json_object *m = json_object_new_object();

    if (m && put_count(m, "requests", billing_requests(e->billing)) &&
        put_count(m, "requestMapBytes", billing_bytes(e->billing)))
        return put(o, "memory", m);
    json_object_put(m);
    return false;
}

static bool put_skipped(json_object *o, struct oks_engine *e)
{
    json_object *s = json_object_new_object();

    if (s && put_count(s, "count", e->skipped) && put_text(s, "last", e->skipped ? e->skipped_path : NULL) &&
        put_text(s, "error", e->skipped_error ? strerror(-e->skipped_error) : NULL))
        return put(o, "skipped", s);
    json_object_put(s);
    return false;
}

static bool put_setting(json_object *list, struct settings_state state)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "path", state.path) && put(o, "found", json_object_new_boolean(state.found)) &&
        put_text(o, "error", state.error) && json_object_array_add(list, o) == 0)
        return true;
    json_object_put(o);
    return false;
}

/* The user's files; where one has an error, the last good one is in force. */
static bool put_settings(json_object *o, struct oks_engine *e)
{
    json_object *list = json_object_new_array();

    for (int i = 0; list && i < SETTINGS_FILES; i++)
        if (!put_setting(list, settings_state(e, (enum settings_file)i))) {
            json_object_put(list);
            return false;
        }
    return put(o, "settings", list);
}

static json_object *status_object(struct oks_engine *e, int64_t *mtime_ns)
{
    json_object *o = json_object_new_object();
    struct sums sums = {.error_list = json_object_new_array(), .ok = true};
    bool ok = o && sums.error_list && put_text(o, "version", OKSTRAFS_VERSION) && put_sources(o, e, &sums) &&
              put_count(o, "sessions", e->n_sessions) && put_count(o, "teams", e->n_teams) &&
              put_count(o, "projects", e->n_projects) && put_count(o, "transcripts", e->n_transcripts) &&
              put_count(o, "transcriptBytes", sums.size) && put_count(o, "bytesScanned", e->bytes_read) &&
              put_count(o, "lines", sums.lines) && put_count(o, "badLines", sums.bad) &&
              put_count(o, "oddValues", sums.odd) &&
              put_text(o, "scanner",
                       e->n_idle_scanners ? oks_isa_name(oks_scanner_isa(e->idle_scanners[0])) : NULL) &&
              put_progress(o, e) && put_memory(o, e) && put_cache(o, e) && put_revalidation(o, e) &&
              put_skipped(o, e) && put_settings(o, e) && put_count(o, "teamStateErrors", e->runs_errors) &&
              put_count(o, "fileErrors", sums.errors) && sums.ok;

    if (ok && put(o, "errors", sums.error_list)) {
        *mtime_ns = sums.mtime_ns;
        return o;
    }
    if (!ok)
        json_object_put(sums.error_list);
    json_object_put(o);
    return NULL;
}

int oks_document_status(struct oks_engine *e, struct oks_document *out)
{
    int64_t mtime_ns = 0;
    json_object *o;
    uint64_t version;

    pthread_mutex_lock(&e->lock);
    o = status_object(e, &mtime_ns);
    version = e->version;
    pthread_mutex_unlock(&e->lock);
    return o ? document_finish(o, mtime_ns, version, out) : -ENOMEM;
}
