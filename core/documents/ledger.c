/*
 * sessions/<id>/ledger.jsonl: every line that carries usage, and what became of it.
 *
 * The transcripts are read once more, line by line, as a scan reads them; then, under the lock, each request
 * is looked up where all transcripts meet. So whoever doubts a total can add up the lines that say "counted",
 * and look at the others in the files at the offsets that are given. A file that grew meanwhile is read
 * again.
 *
 * Nothing here is remembered: it costs a pass over the session's files, and only when somebody looks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/usage.h"
#include "history/requests.h"
#include "catalog/reread.h"

enum { ENTRIES_MAX = 1 << 21, TEXT_MAX = 256 << 20, TRIES = 16 };

enum kind { KIND_RESPONSE, KIND_ADVISOR, KIND_PROGRESS, KIND_OTHER };

static const char *const kind_names[] = {"response", "advisor", "progress", "other"};

struct entry {
    uint64_t offset, key;
    enum kind kind;
    const char *why; /* KIND_OTHER: why it is no request */
    struct oks_spend spend;
    char *model, *message_id, *request_id; /* NULL: none */
};

struct file {
    struct rescan_file read;
    char *name;
    struct entry *entries;
    size_t n, room;
};

struct ledger {
    struct oks_engine *e;
    const struct oks_target *target;
    bool wanting;
    struct file *files;
    size_t n;
};

/* --- reading --- */

static char *copy_of(struct oks_slice s)
{
    size_t n = s.ptr ? strnlen(s.ptr, s.len < REQUEST_ID_MAX ? s.len : REQUEST_ID_MAX) : 0;

    return n ? strndup(s.ptr, n) : NULL;
}

static struct entry *entry_new(struct file *f)
{
    if (f->n == f->room) {
        size_t room = f->room * 2 + 64;
        struct entry *entries = reallocarray(f->entries, room, sizeof(*entries));

        if (!entries)
            return NULL;
        f->entries = entries;
        f->room = room;
    }
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
                  : line->request.advisor   ? KIND_ADVISOR
                                            : KIND_RESPONSE;
    entry->spend = line->request.spend;
    entry->model = copy_of(line->request.model);
    entry->message_id = copy_of(line->message_id);
    entry->request_id = copy_of(line->request_id);
    return 0;
}

/* A line with usage that tells of no request. */
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
    entry->spend = (struct oks_spend){.input = m->usage.input,
                                      .output = m->usage.output,
                                      .cache_5m = m->usage.cache_creation_5m,
                                      .cache_1h = m->usage.cache_creation_1h,
                                      .cache_read = m->usage.cache_read};
    entry->message_id = copy_of(m->id);
    return 0;
}

static int read_record(void *ctx, const struct oks_record *r)
{
    struct request_line lines[REQUESTS_OF_RECORD];
    struct file *f = ctx;
    size_t n = request_lines(r, oks_slice_of(f->name), lines);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_request(f, &lines[i]);
    if (n == 0 && (r->message.usage.present || (r->nested_present && r->nested.usage.present)))
        rc = add_other(f, r);
    return rc;
}

/* --- writing --- */

static bool put_place(json_object *o, const char *key, const char *path, uint64_t offset)
{
    json_object *place = json_object_new_object();

    if (place && put_text(place, "transcript", path) && put_count(place, "offset", offset))
        return put(o, key, place);
    json_object_put(place);
    return false;
}

static bool put_verdict(json_object *o, const char *verdict, const char *why)
{
    return put_text(o, "verdict", verdict) && put_text(o, "why", why);
}

static int put_ruling(struct ledger *l, json_object *o, const struct transcript *t, const struct entry *entry)
{
    struct billing_ruling r;
    int rc = billing_ruling(l->e->billing, entry->key, &r);
    bool ok;

    if (rc < 0)
        return put_verdict(o, "dropped", "unknown") ? 0 : -ENOMEM;
    if (r.teller == t && r.line != entry->offset)
        ok = put_verdict(o, "merged", "another line of this response counts") &&
             put_place(o, "into", t->path, r.line);
    else if (r.teller == t && r.second_hand)
        ok = put_verdict(o, "dropped", "second-hand");
    else if (r.teller == t && r.owner == t)
        ok = put_verdict(o, "counted", NULL);
    else if (r.teller == t)
        ok = put_verdict(o, "counted", "for the transcript that owns it") && put_text(o, "for", r.owner_path);
    else if (r.owner == t)
        ok = put_verdict(o, "merged", "a line elsewhere tells more") &&
             put_place(o, "into", r.teller_path, r.line);
    else
        ok = put_verdict(o, "dropped", "duplicate") && put_place(o, "into", r.teller_path, r.line) &&
             put_text(o, "for", r.owner_path);
    return ok ? 0 : -ENOMEM;
}

static int entry_object(struct ledger *l, const struct file *f, const struct transcript *t,
                        const struct entry *entry, json_object **out)
{
    json_object *o = json_object_new_object();
    char key[17];
    int rc = -ENOMEM;

    snprintf(key, sizeof(key), "%016" PRIx64, entry->key);
    if (o && put_text(o, "transcript", f->name) && put_count(o, "offset", entry->offset) &&
        put_text(o, "kind", kind_names[entry->kind]) &&
        put_text(o, "key", entry->kind == KIND_OTHER ? NULL : key) &&
        put_text(o, "messageId", entry->message_id) && put_text(o, "requestId", entry->request_id) &&
        put_text(o, "model", entry->model) && put_count(o, "inputTokens", entry->spend.input) &&
        put_count(o, "outputTokens", entry->spend.output) &&
        put_count(o, "cacheCreation5mTokens", entry->spend.cache_5m) &&
        put_count(o, "cacheCreation1hTokens", entry->spend.cache_1h) &&
        put_count(o, "cacheReadTokens", entry->spend.cache_read))
        rc = entry->kind == KIND_OTHER ? (put_verdict(o, "dropped", entry->why) ? 0 : -ENOMEM)
                                       : put_ruling(l, o, t, entry);
    if (rc == 0)
        *out = o;
    else
        json_object_put(o);
    return rc;
}

struct text {
    char *bytes;
    size_t len, room;
};

/* Takes over the object. */
static int put_line(struct text *text, json_object *o)
{
    size_t n;
    const char *line =
        o ? json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n)
          : NULL;
    int rc = line ? 0 : -ENOMEM;

    if (rc == 0 && text->room - text->len < n + 2) {
        size_t room = (text->len + n + 2) * 2;
        char *bytes = room <= TEXT_MAX ? realloc(text->bytes, room) : NULL;

        rc = bytes ? 0 : room <= TEXT_MAX ? -ENOMEM : -EFBIG;
        text->bytes = bytes ? bytes : text->bytes;
        text->room = bytes ? room : text->room;
    }
    if (rc == 0) {
        memcpy(text->bytes + text->len, line, n);
        text->len += n;
        memcpy(text->bytes + text->len, "\n", 2);
        text->len++;
    }
    json_object_put(o);
    return rc;
}

static json_object *head_object(const struct file *f)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "transcript", f->name) && put_text(o, "path", f->read.path) &&
        put_count(o, "bytes", f->read.end) && put_count(o, "entries", f->n))
        return o;
    json_object_put(o);
    return NULL;
}

static int write_file(struct ledger *l, const struct file *f, struct text *text)
{
    const struct transcript *t = registry_transcript(l->e, f->read.path);
    int rc;

    if (!t || t->mark.size != f->read.end)
        return -EAGAIN;
    rc = put_line(text, head_object(f));
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        json_object *o = NULL;
        int got = entry_object(l, f, t, &f->entries[i], &o);

        rc = got < 0 ? got : put_line(text, o);
    }
    return rc;
}

static int ledger_document(void *ctx, struct oks_document *out)
{
    struct ledger *l = ctx;
    const struct session *s = registry_session(l->e, l->target->name);
    struct text text = {strdup(""), 0, 1};
    int rc = s ? text.bytes ? 0 : -ENOMEM : -ENOENT;

    for (size_t i = 0; rc == 0 && i < l->n; i++)
        rc = write_file(l, &l->files[i], &text);
    if (rc == 0)
        *out = (struct oks_document){
            .bytes = text.bytes, .len = text.len, .mtime_ns = s->share.mtime_ns, .version = l->e->version};
    else
        free(text.bytes);
    return rc;
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
        rescan_file_clear(&f->read);
    }
    free(l->files);
    l->files = NULL;
    l->n = 0;
}

static int files_list(struct ledger *l)
{
    const struct session *s = registry_session(l->e, l->target->name);
    const struct transcript *t;
    int rc = 0;

    if (!s)
        return -ENOENT;
    LIST_FOREACH(t, &s->transcripts, of_session) {
        struct file *files = reallocarray(l->files, l->n + 1, sizeof(*files)), *f;

        if (!files)
            return -ENOMEM;
        l->files = files;
        f = &files[l->n++];
        *f = (struct file){0};
        rc = rescan_file_init(l->e, t, &f->read);
        f->name = rc < 0 ? NULL : strdup(t->cache_name);
        if (!f->name)
            return -ENOMEM;
    }
    return rc;
}

int oks_document_ledger(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    int rc = -EAGAIN;

    for (int tries = 0; rc == -EAGAIN && tries < TRIES; tries++) {
        struct ledger l = {.e = e, .target = target};

        pthread_mutex_lock(&e->lock);
        rc = files_list(&l);
        pthread_mutex_unlock(&e->lock);
        for (size_t i = 0; rc == 0 && i < l.n; i++)
            rc = rescan_file_read(e->isa, &l.files[i].read, read_record, &l.files[i]);
        if (rc == -ENOENT)
            rc = -EAGAIN; /* gone meanwhile */
        if (rc == 0)
            rc = document_locked(e, ledger_document, &l, out);
        files_free(&l);
    }
    return rc == -EAGAIN ? -EIO : rc;
}
