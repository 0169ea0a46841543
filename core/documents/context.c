/*
 * sessions/<id>/context.json: how full the context was at the last request. A member's is that of its session
 * with the latest request: a worker that was dispatched again has begun with an empty context.
 *
 * The last request is the last one outside of a side chain in the session's transcripts (in a sub-agent's,
 * which has side chains only, the last one), repeated ones included: it shows what the model was last sent.
 * Of a response of several passes (an advisor was asked, say) it is the prompt of the last one, because the
 * response's own numbers are their sum. If a compaction came later, the figure is outdated, and the document
 * says so.
 *
 * A limit that a request of the session went beyond is none. Then the next larger one of the model's family
 * is shown, which is a guess, or null. No compaction is suggested by it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/context.h"
#include "documents/document.h"
#include "documents/parts.h"
#include "history/requests.h"
#include "teams/members.h"

enum { THRESHOLD_TENTHS = 7 };

#define THRESHOLD_TEXT "0.7"

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

/* A source that logs what a prompt took apart from its requests may say there how large the last one was. */
static bool shows_context(const struct oks_request *r)
{
    if (r->second_hand || r->alias || r->spend.context == OKS_PROMPT_UNKNOWN)
        return false;
    return r->part == OKS_PART_RESPONSE || (r->part == OKS_PART_REST && r->spend.context);
}

/* Later rows replace earlier ones, but a row of a side chain never replaces one outside. */
static int consider_row(void *ctx, size_t i, const struct request_row *row)
{
    struct chunk *c = ctx;
    const struct oks_request *r = &row->request;

    (void)i;
    if (!shows_context(r) || (c->found && r->sidechain && !c->sidechain))
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

/* Searches backwards in small steps, because it is nearly always among the last rows. */
static void search_back(struct last *last, const struct transcript *t)
{
    const struct oks_requests *rows = t->state.requests;
    struct chunk c = {.last = last, .t = t, .sidechain = true};

    for (size_t to = billing_part_rows(t->billed); to > 0 && (!c.found || c.sidechain);) {
        size_t from = to > CHUNK ? to - CHUNK : 0;
        struct chunk next = {.last = last, .t = t};

        requests_each(rows, from, to, consider_row, &next);
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

struct compactions {
    struct compaction *items; /* ascending by time */
    size_t n;
    bool since; /* one came after the last request */
};

static int compactions_make(struct compactions *c, const struct session *s, const struct last *last)
{
    const struct transcript *t;
    size_t room = 0;
    char buf[OKS_STAMP_TEXT] = "";

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        room += t->state.compactions.len;
    *c = (struct compactions){.items = calloc(room + 1, sizeof(*c->items))};
    if (!c->items)
        return -ENOMEM;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; i < t->state.compactions.len; i++)
            if (parse(t->state.compactions.items[i].ptr, &c->items[c->n]) &&
                !is_repeated(c->items, c->n, &c->items[c->n]))
                c->n++;
    qsort(c->items, c->n, sizeof(*c->items), by_time);
    if (last->found && last->row.request.stamp.key < OKS_STAMP_KEY_TEXT)
        oks_stamp_text(last->row.request.stamp, buf);
    for (size_t i = 0; i < c->n; i++)
        c->since |= c->items[i].kind == 'c' && *buf && strcmp(c->items[i].time, buf) > 0;
    return 0;
}

static void put_compactions(struct json *j, const struct compactions *all)
{
    json_put_bool(j, "compactedSince", all->since);
    json_open_array(j, "compactions");
    for (size_t i = 0; i < all->n; i++) {
        const struct compaction *c = &all->items[i];

        json_open_object(j, NULL);
        json_put_text(j, "t", *c->time == '-' ? NULL : c->time);
        json_put_text(j, "kind", c->kind == 'm' ? "micro" : "full");
        json_put_text(j, "trigger", c->trigger);
        json_put_count(j, "tokensBefore", c->tokens);
        json_close_object(j);
    }
    json_close_array(j);
}

static void put_no_request(struct json *j)
{
    json_put_null(j, "t");
    json_put_null(j, "model");
    json_put_null(j, "occupancyTokens");
    json_put_null(j, "contextLimit");
    json_put_bool(j, "contextLimitKnown", false);
    json_put_null(j, "ratio");
    json_put_raw(j, "threshold", OKS_SLICE(THRESHOLD_TEXT));
    json_put_bool(j, "shouldCompact", false);
}

/* The highest occupancy of a model in a session, if it is above `limit`; else something up to that. */
static uint64_t highest_occupancy(const struct session *s, struct oks_slice model, uint64_t limit)
{
    uint64_t highest = 0, peak;
    struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        if (billing_part_rows(t->billed) == 0 || requests_highest(t->state.requests) <= limit)
            continue;
        peak = requests_peak(t->state.requests, model, shows_context);
        highest = peak > highest ? peak : highest;
    }
    return highest;
}

struct limit {
    uint64_t tokens; /* 0: unknown, and no guess is left */
    bool known;
    bool beaten; /* the limit that was thought to be the model's */
};

/* The limit that the transcript tells; 0: it tells none. */
static uint64_t told_limit(const struct transcript *t)
{
    return t->source->window && t->state.reader_state ? t->source->window(t->state.reader_state) : 0;
}

static struct limit limit_of(const struct oks_prices *prices, const struct session *s,
                             const struct last *last, struct oks_slice model)
{
    struct limit limit = {.tokens = told_limit(last->t)};
    uint64_t highest;

    limit.known = limit.tokens || oks_prices_context(prices, model, &limit.tokens) == OKS_PRICED;
    highest = highest_occupancy(s, model, limit.tokens);
    limit.beaten = highest > limit.tokens;
    if (!limit.beaten)
        return limit;
    limit.known = false;
    if (oks_prices_context_above(prices, model, highest, &limit.tokens) != OKS_PRICED)
        limit.tokens = 0;
    return limit;
}

static void put_limit(struct json *j, const struct limit *limit, uint64_t occupancy)
{
    if (limit->tokens)
        json_put_count(j, "contextLimit", limit->tokens);
    else
        json_put_null(j, "contextLimit");
    json_put_bool(j, "contextLimitKnown", limit->known);
    if (limit->tokens)
        json_put_ratio(j, "ratio", occupancy, limit->tokens);
    else
        json_put_null(j, "ratio");
}

/* The session's last request, if it is later than the one so far. True: it is. */
static bool visit_session(struct session *s, struct last *last)
{
    const struct transcript *before = last->t;
    struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!t->remnant) /* the conversation goes on without those */
            search_back(last, t);
    return last->t != before;
}

bool context_measure(struct model *model, struct session *s, struct context_fill *out)
{
    struct last last = {0};
    struct limit limit;

    if (!visit_session(s, &last))
        return false;
    out->model = requests_model(last.t->state.requests, last.row.model);
    limit = limit_of(settings_prices(model->settings), s, &last, out->model);
    out->tokens = request_occupancy(&last.row.request);
    out->limit = limit.tokens;
    return true;
}

static void put_request(const struct oks_prices *prices, struct json *j, const struct session *session,
                        const struct last *last, bool compacted)
{
    const struct oks_request *r = &last->row.request;
    struct oks_slice model = requests_model(last->t->state.requests, last->row.model);
    struct limit limit = limit_of(prices, session, last, model);
    uint64_t occupancy = request_occupancy(r);
    char buf[OKS_STAMP_TEXT];

    json_put_slice(j, "t",
                   r->stamp.key < OKS_STAMP_KEY_TEXT ? oks_stamp_text(r->stamp, buf) : (struct oks_slice){0});
    json_put_text(j, "model", model.len ? model.ptr : NULL);
    json_put_count(j, "occupancyTokens", occupancy);
    put_limit(j, &limit, occupancy);
    json_put_raw(j, "threshold", OKS_SLICE(THRESHOLD_TEXT));
    json_put_bool(j, "shouldCompact",
                  !compacted && !limit.beaten &&
                      (unsigned __int128)occupancy * 10 > (unsigned __int128)limit.tokens * THRESHOLD_TENTHS);
}

struct context {
    struct model *model;
    const struct oks_target *target;
};

/* Of a member's sessions in its team's run, the one with the latest request: *out, or NULL. 0 or -errno */
static int visit_member(struct context *c, struct session **out, struct last *last)
{
    struct team *team = catalog_team(&c->model->catalog, c->target->name);
    const struct team_run *run = team ? runs_current(team) : NULL;
    const struct team_members *members = team ? team_members(&c->model->catalog, team, run) : NULL;
    const char *member = c->target->member;
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE};
    struct session *first = NULL;

    if (!members)
        return team ? -ENOMEM : -ENOENT;
    runs_window(run, &w.since, &w.until);
    *out = NULL;
    for (size_t i = team_members_of(members, member); team_members_are(members, i, member); i++) {
        struct session *s = members->items[i].session;
        struct measure m;

        first = first ? first : s;
        measure_session(s, &w, &m);
        if (m.totals.events > 0 && visit_session(s, last))
            *out = s;
    }
    *out = *out ? *out : first;
    return first ? 0 : -ENOENT;
}

/* When the session began. NULL: not known. */
static const char *branch_of(const struct session *s, char *out, size_t size)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (t->source->branch && t->state.reader_state && t->source->branch(t->state.reader_state, out, size))
            return out;
    return NULL;
}

static void put_who(struct json *j, const struct context *c, const struct session *s)
{
    char branch[OKS_NAME_MAX + 1];

    json_put_text(j, "sessionId", s->id);
    json_put_text(j, "source", session_source(s)->name);
    json_put_text(j, "gitBranch", branch_of(s, branch, sizeof(branch)));
    if (c->target->kind != OKS_MEMBER)
        return;
    json_put_text(j, "team", c->target->name);
    json_put_text(j, "member", c->target->member);
}

static uint64_t version_of(const struct context *c, const struct session *s)
{
    const struct team *team =
        c->target->kind == OKS_MEMBER ? catalog_team(&c->model->catalog, c->target->name) : NULL;

    return version_priced(&c->model->versions, team ? team->version : s->version);
}

static int context_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct context *c = ctx;
    struct session *s = NULL;
    struct last last = {0};
    struct compactions compactions;
    int rc = 0;

    if (c->target->kind == OKS_MEMBER)
        rc = visit_member(c, &s, &last);
    else if ((s = catalog_session(&c->model->catalog, c->target->name)))
        visit_session(s, &last);
    if (!s)
        return rc ? rc : -ENOENT;
    if (compactions_make(&compactions, s, &last) < 0)
        return -ENOMEM;
    json_open_object(j, NULL);
    put_who(j, c, s);
    if (last.found)
        put_request(settings_prices(c->model->settings), j, s, &last, compactions.since);
    else
        put_no_request(j);
    put_compactions(j, &compactions);
    json_close_object(j);
    free(compactions.items);
    out->mtime_ns = sums_share(s)->mtime_ns;
    out->version = version_of(c, s);
    return 0;
}

int document_context(struct model *model, const struct oks_target *target, struct oks_document *out)
{
    struct context c = {.model = model, .target = target};

    return document_locked(model, context_document, &c, out);
}
