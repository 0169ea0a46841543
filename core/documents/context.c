/*
 * sessions/<id>/context.json: how full the context was at the last request. A member's is that of its session
 * that asked last: a worker that was dispatched again has begun with an empty one.
 *
 * The last request is the last one outside a side chain that the session's transcripts log (of a sub-agent's,
 * which knows side chains only, the last one), its own or repeated: it says what the model was last shown. A
 * compaction that came later makes that figure a thing of the past, and says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/usage.h"
#include "teams/members.h"
#include "history/requests.h"

enum { THRESHOLD_TENTHS = 7, RATIO_DIGITS = 10000 };

struct last {
    bool found;
    bool sidechain;
    struct request_row row;
    const struct transcript *t;
};

struct chunk {
    struct last *last;
    const struct transcript *t;
    bool found, sidechain; /* in this transcript so far */
    struct request_row row;
};

/* Later rows of a transcript replace earlier ones, unless they are of a lesser kind. */
static int look(void *ctx, size_t i, const struct request_row *row)
{
    struct chunk *c = ctx;
    const struct oks_request *r = &row->request;

    (void)i;
    if (r->second_hand || r->advisor || (c->found && r->sidechain && !c->sidechain))
        return 0;
    c->found = true;
    c->sidechain = r->sidechain;
    c->row = *row;
    return 0;
}

static bool is_later(const struct last *last, const struct chunk *c)
{
    struct oks_stamp a = c->row.request.stamp, b = last->row.request.stamp;

    if (!last->found || last->sidechain != c->sidechain)
        return !last->found || last->sidechain;
    if (oks_stamp_is_none(a) || oks_stamp_is_none(b))
        return oks_stamp_is_none(b);
    return oks_stamp_cmp(a, b) >= 0;
}

enum { CHUNK = 64 };

/* From the end in small steps: it is nearly always among the last rows. */
static void look_back(struct last *last, const struct transcript *t)
{
    const struct oks_requests *rows = t->state.requests;
    struct chunk c = {.last = last, .t = t, .sidechain = true};

    for (size_t to = billing_part_rows(t->billed); to > 0 && (!c.found || c.sidechain);) {
        size_t from = to > CHUNK ? to - CHUNK : 0;
        struct chunk next = {.last = last, .t = t};

        requests_each(rows, from, to, look, &next);
        if (next.found && (!c.found || !next.sidechain))
            c = next;
        to = from;
    }
    if (c.found && is_later(last, &c))
        *last = (struct last){true, c.sidechain, c.row, t};
}

struct compaction {
    unsigned long long offset, tokens;
    char kind;
    char time[OKS_STAMP_TEXT], trigger[16];
};

static bool parse(const char *text, struct compaction *out)
{
    return sscanf(text, "%llu %llu %c %24s %15s", &out->offset, &out->tokens, &out->kind, out->time,
                  out->trigger) == 5;
}

static json_object *compaction_object(const struct compaction *c)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "t", *c->time == '-' ? NULL : c->time) &&
        put_text(o, "kind", c->kind == 'm' ? "micro" : "full") && put_text(o, "trigger", c->trigger) &&
        put_count(o, "tokensBefore", c->tokens))
        return o;
    json_object_put(o);
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    const struct compaction *x = a, *y = b;
    int d = strcmp(x->time, y->time);

    return d ? d : (x->offset > y->offset) - (x->offset < y->offset);
}

/* A copy of a transcript repeats its compactions. */
static bool is_repeated(const struct compaction *all, size_t n, const struct compaction *c)
{
    for (size_t i = 0; i < n; i++)
        if (by_time(&all[i], c) == 0 && all[i].tokens == c->tokens)
            return true;
    return false;
}

static json_object *compactions_of(const struct session *s, const struct last *last, bool *since)
{
    json_object *list = json_object_new_array();
    struct compaction *all;
    const struct transcript *t;
    size_t n = 0, room = 0;
    char buf[OKS_STAMP_TEXT] = "";

    LIST_FOREACH(t, &s->transcripts, of_session)
        room += t->state.compactions.len;
    all = calloc(room + 1, sizeof(*all));
    LIST_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; all && i < t->state.compactions.len; i++)
            if (parse(t->state.compactions.items[i].ptr, &all[n]) && !is_repeated(all, n, &all[n]))
                n++;
    if (all)
        qsort(all, n, sizeof(*all), by_time);
    if (last->found && last->row.request.stamp.key < OKS_STAMP_KEY_TEXT)
        oks_stamp_text(last->row.request.stamp, buf);
    *since = false;
    for (size_t i = 0; all && list && i < n; i++) {
        json_object *o = compaction_object(&all[i]);

        *since |= all[i].kind == 'c' && *buf && strcmp(all[i].time, buf) > 0;
        if (o && json_object_array_add(list, o) == 0)
            continue;
        json_object_put(o);
        json_object_put(list);
        list = NULL;
    }
    if (!all) {
        json_object_put(list);
        list = NULL;
    }
    free(all);
    return list;
}

static json_object *ratio_object(uint64_t part, uint64_t whole)
{
    unsigned __int128 ratio = ((unsigned __int128)part * RATIO_DIGITS + whole / 2) / whole;
    char text[48];

    snprintf(text, sizeof(text), "%llu.%04u", (unsigned long long)(ratio / RATIO_DIGITS),
             (unsigned)(ratio % RATIO_DIGITS));
    return json_object_new_double_s(strtod(text, NULL), text);
}

static bool put_last(struct oks_engine *e, json_object *o, const struct last *last, bool since)
{
    const struct oks_spend *s = &last->row.request.spend;
    struct oks_slice model =
        last->found ? requests_model(last->t->state.requests, last->row.model) : OKS_SLICE("");
    uint64_t limit, occupancy = oks_tokens_add(oks_tokens_add(s->input, s->cache_read),
                                               oks_tokens_add(s->cache_5m, s->cache_1h));
    bool known = oks_prices_context(settings_prices(e), model, &limit) == OKS_PRICED;
    char buf[OKS_STAMP_TEXT];
    struct oks_slice time =
        last->found ? oks_stamp_text(last->row.request.stamp, buf) : (struct oks_slice){0};
    json_object *t = time.ptr && last->row.request.stamp.key < OKS_STAMP_KEY_TEXT ? text_object(buf) : NULL;

    if (!last->found)
        return put_text(o, "t", NULL) && put_text(o, "model", NULL) && put_text(o, "occupancyTokens", NULL) &&
               put_text(o, "contextLimit", NULL) && put(o, "contextLimitKnown", json_object_new_boolean(0)) &&
               put_text(o, "ratio", NULL) && put(o, "threshold", json_object_new_double_s(0.7, "0.7")) &&
               put(o, "shouldCompact", json_object_new_boolean(0));
    return (t ? put(o, "t", t) : put_text(o, "t", NULL)) &&
           put_text(o, "model", model.len ? model.ptr : NULL) && put_count(o, "occupancyTokens", occupancy) &&
           put_count(o, "contextLimit", limit) &&
           put(o, "contextLimitKnown", json_object_new_boolean(known)) &&
           put(o, "ratio", ratio_object(occupancy, limit)) &&
           put(o, "threshold", json_object_new_double_s(0.7, "0.7")) &&
           put(o, "shouldCompact",
               json_object_new_boolean(!since && (unsigned __int128)occupancy * 10 >
                                                     (unsigned __int128)limit * THRESHOLD_TENTHS));
}

struct context {
    struct oks_engine *e;
    const struct oks_target *target;
    bool wanting;
};

/* The session's last request, if it is later than the one that is known; true: it is. */
static bool look_at_session(struct context *c, struct session *s, struct last *last)
{
    const struct transcript *before = last->t;
    struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        look_back(last, t);
    return last->t != before;
}

/* Of a member's sessions in its team's run, the one with the latest request: *out, or NULL. 0 or -errno. */
static int look_at_member(struct context *c, struct session **out, struct last *last)
{
    const struct team *team = registry_team(c->e, c->target->name);
    const struct run *run = team ? runs_current(team) : NULL;
    struct session **sessions = team ? team_sessions(c->e, team, run) : NULL;
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE, &c->wanting, c->e};
    struct session *first = NULL;

    if (!sessions)
        return team ? -ENOMEM : -ENOENT;
    team_own_window(run, &w);
    *out = NULL;
    for (size_t i = 0; sessions[i]; i++) {
        char name[OKS_NAME_MAX + 1];
        struct measure m;

        session_member(run, sessions[i], name);
        if (strcmp(name, c->target->member) != 0)
            continue;
        first = first ? first : sessions[i];
        measure_session(sessions[i], &w, &m);
        if (m.totals.events > 0 && look_at_session(c, sessions[i], last))
            *out = sessions[i];
    }
    free(sessions);
    *out = *out ? *out : first;
    return first ? 0 : -ENOENT;
}

static bool put_who(json_object *o, const struct context *c, const struct session *s)
{
    return put_text(o, "sessionId", s->id) && put_text(o, "source", session_source(s)->name) &&
           (c->target->kind != OKS_MEMBER ||
            (put_text(o, "team", c->target->name) && put_text(o, "member", c->target->member)));
}

static uint64_t version_of(const struct context *c, const struct session *s)
{
    const struct team *team = c->target->kind == OKS_MEMBER ? registry_team(c->e, c->target->name) : NULL;

    return priced_version(c->e, team ? team->version : s->version);
}

static int context_document(void *ctx, struct oks_document *out)
{
    struct context *c = ctx;
    struct session *s = NULL;
    struct last last = {0};
    json_object *o, *list;
    bool since;
    int rc = 0;

    if (c->target->kind == OKS_MEMBER)
        rc = look_at_member(c, &s, &last);
    else if ((s = registry_session(c->e, c->target->name)))
        look_at_session(c, s, &last);
    if (!s)
        return rc ? rc : -ENOENT;
    o = json_object_new_object();
    list = compactions_of(s, &last, &since);
    if (o && list && put_who(o, c, s) && put_last(c->e, o, &last, since) &&
        put(o, "compactedSince", json_object_new_boolean(since)) && put(o, "compactions", list))
        return document_finish(o, s->share.mtime_ns, version_of(c, s), out);
    json_object_put(o);
    json_object_put(list);
    return -ENOMEM;
}

int oks_document_context(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    struct context c = {.e = e, .target = target};

    return document_locked(e, context_document, &c, out);
}
