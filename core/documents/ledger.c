/*
 * sessions/<id>/ledger.jsonl: every line with usage, and what became of it.
 *
 * The transcripts are read again, line by line, as a scan does. Then each request is looked up in billing,
 * under the lock. To check a total, add up the lines that are "counted" or "retained", and find the others in
 * the files at the given offsets. If the session changes meanwhile, everything is read again: lines of one
 * state and verdicts of the next would contradict each other, and no later read would replace them.
 *
 * Requests that are in no file any more have one line each, from the rows in memory.
 *
 * Nothing is cached: a read of this document costs a pass over the session's files.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "cache/cache_ids.h"
#include "catalog/rescan.h"
#include "documents/document.h"
#include "history/requests.h"

enum { ENTRIES_MAX = 1 << 21, TEXT_MAX = 256 << 20, TRIES = 16 };

enum kind {
    KIND_RESPONSE,
    KIND_ADVISOR,
    KIND_COMPACTION,
    KIND_ATTEMPT,
    KIND_SEARCH,
    KIND_REST,
    KIND_PROGRESS,
    KIND_REPEAT,
    KIND_OTHER
};

static const char *const kind_names[] = {"response", "advisor",  "compaction", "attempt", "search",
                                         "rest",     "progress", "repeat",     "other"};
static const enum kind kinds[OKS_PARTS] = {
    [OKS_PART_RESPONSE] = KIND_RESPONSE,     [OKS_PART_ADVISOR] = KIND_ADVISOR,
    [OKS_PART_COMPACTION] = KIND_COMPACTION, [OKS_PART_ATTEMPT] = KIND_ATTEMPT,
    [OKS_PART_SEARCH] = KIND_SEARCH,         [OKS_PART_REST] = KIND_REST,
};

struct entry {
    uint64_t offset, key;
    enum kind kind;
    const char *why; /* KIND_OTHER: why it is no request */
    struct oks_spend spend;
    char *model, *message_id, *request_id; /* NULL: none */
};

struct file {
    struct rescan_file read;
    char *name, *path;         /* of the transcript; the path as it is shown */
    struct oks_requests *rows; /* of a retained transcript; else NULL */
    bool remnant;
    struct request_runs runs;
    struct entry *entries;
    size_t n, room;
};

struct ledger {
    struct model *model;
    struct history_store *history;
    const struct oks_target *target;
    struct file *files;
    size_t n, room;
    uint64_t version; /* of the session, when the files were listed */
};

/* --- reading --- */

/* *out: a copy; NULL: there is nothing to copy. False: ENOMEM. */
static bool copy_of(struct oks_slice s, char **out)
{
    size_t n = s.ptr ? strnlen(s.ptr, s.len < REQUEST_ID_MAX ? s.len : REQUEST_ID_MAX) : 0;

    *out = n ? oks_slice_copy((struct oks_slice){s.ptr, n}) : NULL;
    return !n || *out;
}

static struct entry *entry_new(struct file *f)
{
    if (!OKS_GROW(f->entries, f->n, f->room))
        return NULL;
    f->entries[f->n] = (struct entry){0};
    return &f->entries[f->n++];
}

static int add_request(struct file *f, const struct request_line *line)
{
    struct entry *entry = f->n < ENTRIES_MAX ? entry_new(f) : NULL;

    if (!entry)
        return f->n < ENTRIES_MAX ? -ENOMEM : -EFBIG;
    entry->offset = line->offset;
    entry->key = line->request.key;
    entry->kind = line->request.second_hand ? KIND_PROGRESS
                  : line->request.alias     ? KIND_REPEAT
                                            : kinds[line->request.part];
    entry->spend = line->request.spend;
    return copy_of(line->request.model, &entry->model) && copy_of(line->message_id, &entry->message_id) &&
                   copy_of(line->request_id, &entry->request_id)
               ? 0
               : -ENOMEM;
}

static struct oks_spend spend_of(const struct oks_usage *u)
{
    return (struct oks_spend){.input = u->input,
                              .output = u->output,
                              .cache_5m = u->cache_creation_5m,
                              .cache_1h = u->cache_creation_1h,
                              .cache_read = u->cache_read};
}

/* A line with usage that is not a request. */
static int add_other(struct file *f, const struct oks_record *r)
{
    const struct oks_message *m = r->nested_present && r->nested.usage.present ? &r->nested : &r->message;
    bool synthetic = m->model.ptr && oks_slice_eq(m->model, OKS_SLICE("<synthetic>"));
    struct entry *entry = f->n < ENTRIES_MAX ? entry_new(f) : NULL;

    if (!entry)
        return f->n < ENTRIES_MAX ? -ENOMEM : -EFBIG;
    entry->offset = r->offset;
    entry->kind = KIND_OTHER;
    entry->why = synthetic ? "synthetic" : "not a response";
    entry->spend = spend_of(&m->usage);
    return copy_of(m->id, &entry->message_id) ? 0 : -ENOMEM;
}

static int read_record(void *ctx, const struct oks_record *r)
{
    struct request_line lines[REQUESTS_OF_RECORD];
    struct file *f = ctx;
    size_t n = request_lines(&f->runs, r, oks_slice_of(f->name), lines);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (lines[i].request.part == OKS_PART_LINK || (lines[i].request.alias && r->key))
            continue; /* the record's own entry is enough */
        rc = add_request(f, &lines[i]);
        if (rc == 0 && lines[i].request.alias)
            f->entries[f->n - 1].spend = spend_of(&r->message.usage);
    }
    if (n == 0 && (r->message.usage.present || (r->nested_present && r->nested.usage.present)))
        rc = add_other(f, r);
    return rc;
}

static int read_row(void *ctx, size_t i, const struct request_row *row)
{
    struct file *f = ctx;
    struct request_line line = {.request = row->request,
                                .offset = row->line,
                                .message_id = row->message_id,
                                .request_id = row->request_id};

    (void)i;
    line.request.model = requests_model(f->rows, row->model);
    return add_request(f, &line);
}

/* The rows of a retained transcript, with the ids that are not in memory. Without the lock. */
static int read_rows(const struct ledger *l, struct file *f)
{
    const struct request_ids_where where = {
        .folder = "", .name = f->name, .history = f->remnant ? NULL : l->history, .path = f->path, .fd = -1};
    struct oks_requests *whole;
    int rc = request_ids_restore(&whole, f->rows, &where);

    if (rc < 0)
        return rc;
    if (whole) {
        oks_requests_free(f->rows);
        f->rows = whole;
    }
    return requests_each(f->rows, 0, requests_len(f->rows), read_row, f);
}

static int read_file(const struct ledger *l, enum oks_isa isa, struct file *f)
{
    int rc = f->rows ? read_rows(l, f) : rescan_file_read(isa, &f->read, read_record, f);

    return rc == -ENOENT ? -EAGAIN : rc; /* dropped meanwhile */
}

/* --- writing --- */

static void put_place(struct json *j, const char *key, const char *path, uint64_t offset)
{
    json_open_object(j, key);
    json_put_text(j, "transcript", path);
    json_put_count(j, "offset", offset);
    json_close_object(j);
}

static void put_verdict(struct json *j, const char *verdict, const char *why)
{
    json_put_text(j, "verdict", verdict);
    json_put_text(j, "why", why);
}

static void put_ruling(struct json *j, const struct transcript *t, const struct entry *entry, int rc,
                       const struct billing_ruling *ruling)
{
    const struct billing_ruling r = *ruling;

    if (rc < 0) {
        put_verdict(j, "dropped", "unknown");
    } else if (entry->kind == KIND_REPEAT) {
        put_verdict(j, "merged", "a record of this response counts");
    } else if (r.alias) {
        put_verdict(j, "merged", "a record of this response counts");
        put_place(j, "into", r.winner_path, r.line);
    } else if (r.winner == t && r.line != entry->offset) {
        put_verdict(j, "merged", "another line of this response counts");
        put_place(j, "into", t->path, r.line);
    } else if (r.winner == t && r.second_hand) {
        put_verdict(j, "dropped", "second-hand");
    } else if (r.winner == t && r.owner == t) {
        put_verdict(j, t->retained ? "retained" : "counted", t->retained ? "no file has it any more" : NULL);
    } else if (r.winner == t) {
        put_verdict(j, "counted", "for the transcript that owns it");
        json_put_text(j, "for", transcript_file(r.owner));
    } else if (r.owner == t) {
        put_verdict(j, "merged", "a line elsewhere tells more");
        put_place(j, "into", transcript_file(r.winner), r.line);
    } else {
        put_verdict(j, "dropped", "duplicate");
        put_place(j, "into", transcript_file(r.winner), r.line);
        json_put_text(j, "for", transcript_file(r.owner));
    }
}

static void put_entry(struct ledger *l, struct json *j, const struct file *f, const struct transcript *t,
                      const struct entry *entry)
{
    struct billing_ruling r = {0};
    int rc = entry->kind == KIND_OTHER ? 0 : billing_ruling(l->model->billing, entry->key, &r);
    char key[17];

    if (f->remnant && r.winner != t && r.owner != t)
        return; /* the file has it */
    snprintf(key, sizeof(key), "%016" PRIx64, entry->key);
    json_open_object(j, NULL);
    json_put_text(j, "transcript", f->name);
    json_put_count(j, "offset", entry->offset);
    json_put_text(j, "kind", kind_names[entry->kind]);
    json_put_text(j, "key", entry->kind == KIND_OTHER ? NULL : key);
    json_put_text(j, "messageId", entry->message_id);
    json_put_text(j, "requestId", entry->request_id);
    json_put_text(j, "model", entry->model);
    json_put_count(j, "inputTokens", entry->spend.input);
    json_put_count(j, "outputTokens", entry->spend.output);
    json_put_count(j, "cacheCreation5mTokens", entry->spend.cache_5m);
    json_put_count(j, "cacheCreation1hTokens", entry->spend.cache_1h);
    json_put_count(j, "cacheReadTokens", entry->spend.cache_read);
    if (entry->kind == KIND_OTHER)
        put_verdict(j, "dropped", entry->why);
    else
        put_ruling(j, t, entry, rc, &r);
    json_close_object(j);
}

static void put_head(struct json *j, const struct file *f)
{
    json_open_object(j, NULL);
    json_put_text(j, "transcript", f->name);
    json_put_text(j, "path", f->path);
    json_put_count(j, "bytes", f->read.end);
    json_put_count(j, "entries", f->n);
    json_close_object(j);
}

static void put_file(struct ledger *l, struct json *j, const struct file *f)
{
    const struct transcript *t = catalog_transcript(&l->model->catalog, f->read.path);

    if (!t || t->mark.size != f->read.end) {
        json_fail(j, -EAGAIN);
        return;
    }
    put_head(j, f);
    for (size_t i = 0; i < f->n && !j->text.error; i++) {
        put_entry(l, j, f, t, &f->entries[i]);
        if (j->text.len > TEXT_MAX)
            json_fail(j, -EFBIG);
    }
}

static int ledger_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct ledger *l = ctx;
    const struct session *s = catalog_session(&l->model->catalog, l->target->name);

    if (!s)
        return -ENOENT;
    if (s->version != l->version)
        return -EAGAIN;
    j->style = JSON_COMPACT;
    for (size_t i = 0; i < l->n; i++)
        put_file(l, j, &l->files[i]);
    out->mtime_ns = sums_share(s)->mtime_ns;
    out->version = l->model->versions.all;
    return 0;
}

/* --- all of it --- */

static void files_free(struct ledger *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct file *f = &l->files[i];

        for (size_t k = 0; k < f->n; k++) {
            free(f->entries[k].model);
            free(f->entries[k].message_id);
            free(f->entries[k].request_id);
        }
        free(f->entries);
        free(f->name);
        free(f->path);
        oks_requests_free(f->rows);
        rescan_file_clear(&f->read);
    }
    free(l->files);
    l->files = NULL;
    l->n = l->room = 0;
}

static int files_list(struct ledger *l)
{
    const struct session *s = catalog_session(&l->model->catalog, l->target->name);
    const struct transcript *t;
    int rc = 0;

    if (!s)
        return -ENOENT;
    l->version = s->version;
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        struct file *f;

        if (!OKS_GROW(l->files, l->n, l->room))
            return -ENOMEM;
        f = &l->files[l->n++];
        *f = (struct file){0};
        rc = rescan_file_init(&l->model->catalog, t, &f->read);
        f->name = strdup(t->cache_name);
        f->path = strdup(transcript_file(t));
        f->remnant = t->remnant;
        if (rc == 0 && t->retained)
            rc = requests_copy_whole(&f->rows, t->state.requests);
        if (rc < 0 || !f->name || !f->path)
            return -ENOMEM;
    }
    return rc;
}

int document_ledger(struct model *model, struct history_store *history, enum oks_isa isa,
                    const struct oks_target *target, struct oks_document *out)
{
    int rc = -EAGAIN;

    for (int tries = 0; rc == -EAGAIN && tries < TRIES; tries++) {
        struct ledger l = {.model = model, .history = history, .target = target};

        pthread_mutex_lock(&model->lock);
        rc = files_list(&l);
        pthread_mutex_unlock(&model->lock);
        for (size_t i = 0; rc == 0 && i < l.n; i++)
            rc = read_file(&l, isa, &l.files[i]);
        if (rc == 0)
            rc = document_locked(model, ledger_document, &l, out);
        files_free(&l);
    }
    return rc == -EAGAIN ? -EIO : rc;
}
