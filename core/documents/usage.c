/*
 * The usage documents: what a target has used, as JSON.
 *
 * A document is rendered under the engine's lock, so it shows one state of the data, and it is a function of
 * that data and the window alone: no clock, no process state. json-c does the writing.
 */
#include "documents/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teams/members.h"
#include "base/utf8.h"

void oks_document_clear(struct oks_document *document)
{
    free(document->bytes);
    *document = (struct oks_document){0};
}

bool put(json_object *object, const char *key, json_object *value)
{
    if (!object || !value)
        return false;
    return json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY) == 0;
}

static bool is_ascii(const char *text, size_t n)
{
    unsigned char all = 0;

    for (size_t i = 0; i < n; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

/* Session ids, projects and paths are file names, and those may hold any bytes; JSON may not. */
json_object *text_object(const char *text)
{
    size_t n = strlen(text), used = 0;
    json_object *object;
    char *clean;

    if (is_ascii(text, n)) /* almost always */
        return json_object_new_string_len(text, (int)n);
    clean = malloc(n * UTF8_MAX + 1); /* an invalid byte becomes three */
    if (!clean)
        return NULL;
    while (n > 0) {
        uint32_t code;
        size_t len;

        utf8_next(text, n, &code, &len);
        used += utf8_put(code, clean + used);
        text += len;
        n -= len;
    }
    object = json_object_new_string_len(clean, (int)used);
    free(clean);
    return object;
}

bool put_text(json_object *object, const char *key, const char *text)
{
    if (!text)
        return object && json_object_object_add_ex(object, key, NULL, JSON_C_OBJECT_ADD_CONSTANT_KEY) == 0;
    return put(object, key, text_object(text));
}

bool put_count(json_object *object, const char *key, uint64_t count)
{
    return put(object, key, json_object_new_int64((int64_t)count));
}

static bool put_stamp(json_object *object, const char *key, struct oks_stamp stamp)
{
    char buf[OKS_STAMP_TEXT];
    struct oks_slice text = oks_stamp_text(stamp, buf);

    if (!text.ptr)
        return put_text(object, key, NULL);
    return put(object, key, json_object_new_string_len(text.ptr, (int)text.len));
}

bool measure_is_unknown(const struct measure *m)
{
    return m->sessions && m->unknown == m->sessions;
}

/* A count of tokens, or null where nobody can know it. */
static bool put_tokens(json_object *o, const char *key, const struct measure *m, uint64_t count)
{
    return measure_is_unknown(m) ? put_text(o, key, NULL) : put_count(o, key, count);
}

bool put_measure(json_object *o, const struct measure *m)
{
    const uint64_t *count = m->totals.count;

    return put_tokens(o, "totalTokens", m, oks_totals_tokens(&m->totals)) &&
           put_tokens(o, "inputTokens", m, count[OKS_INPUT]) &&
           put_tokens(o, "outputTokens", m, count[OKS_OUTPUT]) &&
           put_tokens(o, "cacheCreationTokens", m, count[OKS_CACHE_CREATION]) &&
           put_tokens(o, "cacheCreation5mTokens", m, count[OKS_CACHE_CREATION_5M]) &&
           put_tokens(o, "cacheCreation1hTokens", m, count[OKS_CACHE_CREATION_1H]) &&
           put_tokens(o, "cacheReadTokens", m, count[OKS_CACHE_READ]) &&
           put_count(o, "toolUses", count[OKS_TOOL_USES]) &&
           put_count(o, "durationMs", (uint64_t)m->duration_ms) && put_text(o, "agentName", m->agent_name) &&
           put_text(o, "model", m->model) && put_stamp(o, "startedAt", m->totals.first) &&
           put_stamp(o, "endedAt", m->totals.last);
}

bool put_window(json_object *object, const char *since, const char *until)
{
    json_object *window = json_object_new_object();

    if (put_text(window, "since", since && *since ? since : NULL) &&
        put_text(window, "until", until && *until ? until : NULL))
        return put(object, "window", window);
    json_object_put(window);
    return false;
}

bool put_measure_window(json_object *object, const struct measure_window *w)
{
    char since[OKS_STAMP_TEXT], until[OKS_STAMP_TEXT];

    oks_stamp_text(w->since, since);
    oks_stamp_text(w->until, until);
    return put_window(object, oks_stamp_is_none(w->since) ? NULL : since,
                      oks_stamp_is_none(w->until) ? NULL : until);
}

/* Inside a string its quotes would be escaped. */
static void find_window(struct oks_document *document)
{
    static const char key[] = "\"window\": {";
    const char *at = strstr(document->bytes, key), *end = at ? strchr(at, '}') : NULL;

    if (!end)
        return;
    document->window_at = (size_t)(at - document->bytes);
    document->window_len = (size_t)(end - at);
}

int document_finish(json_object *object, int64_t mtime_ns, uint64_t version, struct oks_document *out)
{
    const char *text;
    size_t len;
    char *bytes = NULL;
    bool has_window = object && json_object_object_get_ex(object, "window", NULL);

    text = object ? json_object_to_json_string_length(object, document_style, &len) : NULL;
    if (text)
        bytes = remembered_write(text, len, 2, &len);
    if (bytes)
        memcpy(bytes + len, "\n", 2);
    json_object_put(object);
    if (!bytes)
        return -ENOMEM;
    *out = (struct oks_document){.bytes = bytes, .len = len + 1, .mtime_ns = mtime_ns, .version = version};
    if (has_window)
        find_window(out);
    return 0;
}

/* What a document is rendered with. */
struct render {
    struct oks_engine *e;
    const struct oks_target *target;
    const struct oks_window *window; /* NULL: the target's own */
    bool wanting;                    /* dropped events are needed first */
};

static struct measure_window window_of(struct render *r)
{
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE, &r->wanting, r->e};

    if (r->window) {
        w.since = oks_window_since(r->window);
        w.until = oks_window_until(r->window);
    }
    return w;
}

static bool put_given_window(json_object *o, const struct oks_window *window)
{
    return put_window(o, window ? window->since : NULL, window ? window->until : NULL);
}

/* `complete` is the verdict on all the puts: NULL, with the object freed, where one failed. */
static json_object *kept(json_object *o, bool complete)
{
    if (complete)
        return o;
    json_object_put(o);
    return NULL;
}

/* What is known of a session that does not say what it used is that. */
static bool put_unknown(json_object *o)
{
    return put_text(o, "usage", "unknown") && put_text(o, "billed", NULL);
}

static json_object *session_document(struct render *r, const struct session *s, struct measure *m,
                                     struct billed_bag *bag)
{
    struct measure_window w = window_of(r);
    json_object *o = json_object_new_object();

    measure_session(s, &w, m);
    return kept(o, o && billed_session_window(r->e->billing, s, &w, bag) == 0 && put_measure(o, m) &&
                       put_text(o, "sessionId", s->id) && put_text(o, "source", session_source(s)->name) &&
                       put_given_window(o, r->window) &&
                       put_count(o, "transcripts", session_transcripts(s)) &&
                       put(o, "retained", json_object_new_boolean(retained_session(s))) &&
                       (measure_is_unknown(m) ? put_unknown(o) : put_billed(o, bag)));
}

static int project_measure(struct render *r, struct project *p, struct measure *sum, struct billed_bag *bag)
{
    struct measure_window w = window_of(r);
    const struct session *s;
    int rc = 0;

    if (!r->window) {
        sums_project(r->e, p, sum);
        return bag ? billed_bag_add(bag, &p->billed) : 0;
    }
    measure_start(sum);
    LIST_FOREACH(s, &p->sessions, of_project) {
        struct measure part;

        measure_session(s, &w, &part);
        measure_add(sum, &part);
        if (rc == 0 && bag)
            rc = billed_session_window(r->e->billing, s, &w, bag);
    }
    return rc;
}

/* How many sessions were summed, and of how many it is not known what they used. */
static bool put_sessions(json_object *o, const struct measure *m)
{
    return put_count(o, "sessions", m->sessions) &&
           (m->unknown == 0 || put_count(o, "unknownSessions", m->unknown));
}

static json_object *project_document(struct render *r, struct project *p, struct measure *m,
                                     struct billed_bag *bag)
{
    json_object *o = json_object_new_object();
    int rc = project_measure(r, p, m, bag);

    return kept(o, o && rc == 0 && put_measure(o, m) && put_text(o, "project", p->name) &&
                       put_given_window(o, r->window) && put_sessions(o, m) && put_billed(o, bag));
}

/* The run that the target is about; NULL: none. */
static const struct run *run_of(const struct render *r, const struct team *team)
{
    return r->target->kind == OKS_RUN ? runs_named(team, r->target->member) : runs_current(team);
}

static struct measure_window team_window_of(struct render *r, const struct team *team)
{
    struct measure_window w = window_of(r);

    if (!r->window)
        team_own_window(run_of(r, team), &w);
    return w;
}

static json_object *member_document(struct render *r, const struct team *team, struct measure *m,
                                    struct billed_bag *bag, int *rc)
{
    struct measure_window w = team_window_of(r, team);
    json_object *o;

    *rc = member_measure(r->e, team, r->target->member, &w, m, bag);
    if (*rc < 0)
        return NULL;
    *rc = -ENOMEM;
    o = json_object_new_object();
    return kept(o, o && put_measure(o, m) && put_text(o, "team", team->name) &&
                       put_text(o, "member", r->target->member) && put_measure_window(o, &w) &&
                       put_sessions(o, m) && put_billed(o, bag));
}

/* --- all targets --- */

static uint64_t version_of(struct oks_engine *e, const struct oks_target *target)
{
    const struct session *s;
    const struct project *p;
    const struct team *t;

    switch (target->kind) {
    case OKS_SESSION:
        s = registry_session(e, target->name);
        return s ? priced_version(e, s->version) : 0;
    case OKS_PROJECT:
        p = registry_project(e, target->name);
        return p ? priced_version(e, p->version) : 0;
    case OKS_RUN:
        t = registry_team(e, target->name);
        return t && runs_named(t, target->member) ? priced_version(e, t->version) : 0;
    case OKS_TEAM:
    case OKS_MEMBER:
        t = registry_team(e, target->name);
        return t ? priced_version(e, t->version) : 0;
    default:
        return e->version;
    }
}

uint64_t oks_engine_version(struct oks_engine *e, const struct oks_target *target)
{
    uint64_t version;

    pthread_mutex_lock(&e->lock);
    version = version_of(e, target);
    pthread_mutex_unlock(&e->lock);
    return version;
}

/* The document, with the bag to work in. */
static json_object *usage_object(struct render *r, struct measure *m, struct billed_bag *bag, int *rc)
{
    const char *name = r->target->name;
    struct measure_window w;
    struct team *team;

    *rc = -ENOMEM;
    switch (r->target->kind) {
    case OKS_SESSION:
        return session_document(r, registry_session(r->e, name), m, bag);
    case OKS_PROJECT:
        return project_document(r, registry_project(r->e, name), m, bag);
    case OKS_TEAM:
    case OKS_RUN:
        team = registry_team(r->e, name);
        w = team_window_of(r, team);
        return team_document(r->e, team, run_of(r, team), &w, &m->mtime_ns);
    case OKS_MEMBER:
        return member_document(r, registry_team(r->e, name), m, bag, rc);
    default:
        *rc = -ENOENT;
        return NULL;
    }
}

static int usage_document(void *ctx, struct oks_document *out)
{
    struct render *r = ctx;
    uint64_t version = version_of(r->e, r->target);
    struct measure m = {0};
    struct billed_bag bag = {0};
    json_object *o;
    int rc;

    if (!version)
        return -ENOENT;
    o = usage_object(r, &m, &bag, &rc);
    billed_bag_clear(&bag);
    return o ? document_finish(o, m.mtime_ns, version, out) : rc;
}

/* `bag` NULL: what was billed is not asked for. */
static int measure_target(struct render *r, struct measure *m, struct billed_bag *bag)
{
    struct measure_window w = window_of(r);
    const struct session *s;
    const struct team *team;

    switch (r->target->kind) {
    case OKS_SESSION:
        s = registry_session(r->e, r->target->name);
        measure_session(s, &w, m);
        return bag ? billed_session_window(r->e->billing, s, &w, bag) : 0;
    case OKS_PROJECT:
        return project_measure(r, registry_project(r->e, r->target->name), m, bag);
    case OKS_TEAM:
    case OKS_RUN:
    case OKS_MEMBER:
        team = registry_team(r->e, r->target->name);
        w = team_window_of(r, team);
        if (r->target->kind == OKS_MEMBER)
            return member_measure(r->e, team, r->target->member, &w, m, bag);
        return team_measure(r->e, team, run_of(r, team), &w, m, bag);
    default:
        return -ENOENT;
    }
}

/* One line, which takes over `text`. */
static int scalar_document(char *text, const struct measure *m, uint64_t version, struct oks_document *out)
{
    if (!text)
        return -ENOMEM;
    *out = (struct oks_document){
        .bytes = text, .len = strlen(text), .mtime_ns = m->mtime_ns, .version = version};
    return 0;
}

static int total_document(void *ctx, struct oks_document *out)
{
    struct render *r = ctx;
    uint64_t version = version_of(r->e, r->target);
    struct measure m;
    char *text = NULL;
    int rc = version ? measure_target(r, &m, NULL) : -ENOENT;

    if (rc < 0)
        return rc;
    if ((measure_is_unknown(&m)
             ? asprintf(&text, "unknown\n")
             : asprintf(&text, "%llu\n", (unsigned long long)oks_totals_tokens(&m.totals))) < 0)
        return -ENOMEM;
    return scalar_document(text, &m, version, out);
}

static int cost_document(void *ctx, struct oks_document *out)
{
    struct render *r = ctx;
    uint64_t version = version_of(r->e, r->target);
    char amount[OKS_MONEY_TEXT], *text = NULL;
    struct billed_bag bag = {0};
    struct billed_sum sum;
    struct measure m;
    int rc = version ? measure_target(r, &m, &bag) : -ENOENT;

    billed_bag_total(&bag, &sum);
    billed_bag_clear(&bag);
    if (rc < 0)
        return rc;
    oks_money_text(sum.cost < OKS_MONEY_MAX ? (oks_money)sum.cost : OKS_MONEY_MAX, amount);
    if (measure_is_unknown(&m))
        strcpy(amount, "unknown");
    if (asprintf(&text, "%s\n", amount) < 0)
        return -ENOMEM;
    return scalar_document(text, &m, version, out);
}

int document_locked(struct oks_engine *e, int (*fn)(void *ctx, struct oks_document *out), void *ctx,
                    struct oks_document *out)
{
    struct oks_document document = {0};
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = fn(ctx, &document);
    pthread_mutex_unlock(&e->lock);
    if (rc == 0)
        *out = document;
    else
        oks_document_clear(&document);
    return rc;
}

int oks_document_usage(struct oks_engine *e, const struct oks_target *target, const struct oks_window *window,
                       struct oks_document *out)
{
    struct render r = {e, target, window, false};

    return document_locked(e, usage_document, &r, out);
}

int oks_document_total_tokens(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    struct render r = {e, target, NULL, false};

    return document_locked(e, total_document, &r, out);
}

int oks_document_cost(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    struct render r = {e, target, NULL, false};

    return document_locked(e, cost_document, &r, out);
}
