/*
 * From Copilot CLI's lines to records.
 *
 * An `assistant.message` is one request, and tells its output only. What its prompt took stands in the next
 * `session.shutdown`, by model and for all requests so far. So each message is told with its output, and the
 * rest of a model's tokens in one record at the shutdown (`rest` of struct oks_record), under a key made of
 * the first message that it belongs to. A session that crashed has messages without a shutdown: their rest
 * never comes.
 *
 * Whether the numbers of a shutdown are of the session since it began, or only since it was resumed, depends
 * on the version, and nothing says which. The outputs of the messages do: the sum that equals the shutdown's
 * output tells which messages it counts. If none does, numbers that fell began anew; others go on.
 *
 * Requests that a shutdown counts and that have no message are told there, without tokens.
 *
 * Newer versions have a row for each request in a database (copilot_store.h). Of a session with such rows
 * these are told, and no usage of its lines. A row has no branch and no effort: they are those of the lines
 * up to its time. So it is told in front of the first later line, or at the end.
 */
#include "scan/request.h"
#include "sources/about.h"
#include "sources/copilot_fields.h"
#include "sources/copilot_store.h"
#include "sources/scan_copilot.h"
#include "sources/source_key.h"

enum {
    SILENT_MAX = 1000, /* requests without a message that one shutdown tells of a model */
    KEYS = 0x636f7069, /* what this source's keys begin with */
};

/* A model of the session. */
struct use {
    struct source_name model;          /* "": messages that name none */
    uint64_t total[COPILOT_COUNTS];    /* of the last shutdown */
    uint64_t output, messages;         /* since that shutdown */
    uint64_t leg_output, leg_messages; /* since the session was started or resumed */
    uint64_t all_output;               /* since the session began */
    uint64_t rest;     /* the key of what is missing of the messages since the shutdown; 0: there are none */
    uint64_t leg_rest; /* the same of those since it was resumed, if there were some before; 0: none */
    bool resumed;      /* messages since the shutdown were before it was resumed */
    bool shut;         /* there was a shutdown since it was started or resumed */
};

struct memory {
    bool told;    /* usage of lines was told */
    bool stored;  /* the database has the session's requests */
    uint64_t row; /* number of the last row that was told */
    struct source_name model, effort, branch;
    struct use uses[COPILOT_MODELS];
    size_t n_uses;
};

#include "sources/line_reader.h"

struct copilot {
    struct line_reader reader; /* the first member */
    struct source_name session;
    char *rows;       /* as words, to be told; NULL: none */
    const char *rest; /* those that are not told yet */
    uint64_t end;     /* behind the last complete line of this scan; 0: there was none */
    char stamp[SOURCE_NAME_MAX + 2];
};

static int copilot_make(void **out)
{
    *out = calloc(1, sizeof(struct copilot));
    return *out ? 0 : -ENOMEM;
}

static void copilot_free(void *reader)
{
    if (reader)
        free(((struct copilot *)reader)->rows);
    line_free(reader);
}

/* --- memo --- */

static const char memo_magic[] = "copilot3";

enum { USE_RESUMED = 1, USE_SHUT = 2 };

static char *copilot_memo(void *reader)
{
    const struct memory *s = &((struct line_reader *)reader)->memory;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put(&w, s->row);
    memo_put(&w, s->told);
    memo_put(&w, s->stored);
    source_name_put(&w, &s->model);
    source_name_put(&w, &s->effort);
    source_name_put(&w, &s->branch);
    for (size_t i = 0; i < s->n_uses; i++) {
        const struct use *u = &s->uses[i];

        source_name_put(&w, &u->model);
        for (int k = 0; k < COPILOT_COUNTS; k++)
            memo_put(&w, u->total[k]);
        memo_put(&w, u->output);
        memo_put(&w, u->messages);
        memo_put(&w, u->leg_output);
        memo_put(&w, u->leg_messages);
        memo_put(&w, u->all_output);
        memo_put(&w, u->rest);
        memo_put(&w, u->leg_rest);
        memo_put(&w, (u->resumed ? USE_RESUMED : 0u) | (u->shut ? USE_SHUT : 0u));
    }
    return memo_take(&w);
}

static bool is_ours(struct memo_reader *r)
{
    char magic[MEMO_TEXT_MAX + 1];

    memo_get_text(r, magic);
    return strcmp(magic, memo_magic) == 0;
}

#ifndef READERS_AVX2 /* once */
uint64_t copilot_rows_told(const char *memo)
{
    struct memo_reader r = {memo};

    return is_ours(&r) ? memo_get(&r) : 0;
}
#endif

/* False: it is of another version. */
static bool memory_read(struct memo_reader *r, struct memory *s)
{
    memset(s, 0, sizeof(*s));
    if (memo_is_over(r))
        return true;
    if (!is_ours(r))
        return false;
    s->row = memo_get(r);
    s->told = memo_get(r);
    s->stored = memo_get(r);
    source_name_get(r, &s->model);
    source_name_get(r, &s->effort);
    source_name_get(r, &s->branch);
    for (; !memo_is_over(r) && s->n_uses < COPILOT_MODELS; s->n_uses++) {
        struct use *u = &s->uses[s->n_uses];
        uint64_t flags;

        source_name_get(r, &u->model);
        for (int k = 0; k < COPILOT_COUNTS; k++)
            u->total[k] = memo_get(r);
        u->output = memo_get(r);
        u->messages = memo_get(r);
        u->leg_output = memo_get(r);
        u->leg_messages = memo_get(r);
        u->all_output = memo_get(r);
        u->rest = memo_get(r);
        u->leg_rest = memo_get(r);
        flags = memo_get(r);
        u->resumed = flags & USE_RESUMED;
        u->shut = flags & USE_SHUT;
    }
    return true;
}

/* Rows that appear later make what was told of the lines wrong. */
static int copilot_begin(void *reader, const char *memo, const char *peers)
{
    struct copilot *c = reader;
    struct memory *s = &c->reader.memory;
    struct memo_reader r = {memo};
    struct source_about about;

    about_read(peers, &about);
    c->session = about.self;
    free(c->rows);
    c->rows = NULL;
    c->end = 0;
    if (!memory_read(&r, s))
        return -ESTALE;
    r.p = about.rest;
    if (memo_is_over(&r))
        return 0;
    if (s->told)
        return -ESTALE;
    s->stored = true;
    memo_skip(&r);
    c->rest = c->rows = strndup(r.p, strcspn(r.p, "\n"));
    return c->rows ? 0 : -ENOMEM;
}

/* --- rows as words --- */

#ifndef READERS_AVX2
void copilot_row_put(struct memo_writer *w, const struct copilot_row *row)
{
    memo_put(w, row->number);
    source_name_put(w, &row->id);
    source_name_put(w, &row->time);
    source_name_put(w, &row->model);
    source_name_put(w, &row->agent);
    memo_put(w, row->input);
    memo_put(w, row->output);
    memo_put(w, row->read);
    memo_put(w, row->written);
}

bool copilot_row_get(struct memo_reader *r, struct copilot_row *row)
{
    if (memo_is_over(r))
        return false;
    row->number = memo_get(r);
    source_name_get(r, &row->id);
    source_name_get(r, &row->time);
    source_name_get(r, &row->model);
    source_name_get(r, &row->agent);
    row->input = memo_get(r);
    row->output = memo_get(r);
    row->read = memo_get(r);
    row->written = memo_get(r);
    return true;
}
#endif

/* --- from line to record --- */

/* The place of a line in the file, and where its records go. */
struct telling {
    const struct line_place *place;
    const struct oks_sink *sink;
};

static bool is_type(const struct line *l, const char *text)
{
    return l->data.present && is(l->type, text);
}

static uint64_t line_odd(const struct line *l)
{
    return is_type(l, "assistant.message") ? l->data.output.odd : l->data.present ? l->data.metrics.odd : 0;
}
static struct oks_record *record_start(struct line_reader *c, const struct telling *at)
{
    struct oks_record *r = line_record(c, at->place);

    r->timestamp = c->shape.line.timestamp;
    r->branch = source_name_slice(&c->memory.branch);
    r->effort = source_name_slice(&c->memory.effort);
    return r;
}

static int tell(struct line_reader *c, const struct telling *at)
{
    return at->sink->record(at->sink->ctx, &c->record, at->place->complete);
}

/* A record with usage of a model. */
static struct oks_record *usage_start(struct line_reader *c, const struct telling *at, struct oks_slice model)
{
    struct oks_record *r = record_start(c, at);

    r->type = OKS_RECORD_ASSISTANT;
    r->message.model = model;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage.present = true;
    r->context = OKS_PROMPT_UNKNOWN;
    return r;
}

/* NULL: there are too many. */
static struct use *use_of(struct memory *s, struct oks_slice model)
{
    struct source_name name;

    source_name_set(&name, model);
    for (size_t i = 0; i < s->n_uses; i++)
        if (strcmp(s->uses[i].model.text, name.text) == 0)
            return &s->uses[i];
    if (s->n_uses == COPILOT_MODELS)
        return NULL;
    s->uses[s->n_uses] = (struct use){.model = name};
    return &s->uses[s->n_uses++];
}

/* --- messages --- */

/* The key of what is missing of a message and of those behind it. */
static uint64_t rest_key(struct oks_slice id, struct oks_slice model)
{
    return source_key_end(source_key_text(source_key_text(KEYS, id), model));
}

/* Counts the message. Returns the key of what is missing, if the message is the first one of it. */
static uint64_t use_message(struct use *u, uint64_t output, uint64_t key)
{
    u->output = oks_tokens_add(u->output, output);
    u->leg_output = oks_tokens_add(u->leg_output, output);
    u->all_output = oks_tokens_add(u->all_output, output);
    u->messages++;
    u->leg_messages++;
    if (!u->rest)
        return u->rest = key;
    if (u->resumed && !u->leg_rest)
        return u->leg_rest = key;
    return 0;
}

static void put_calls(struct oks_record *r, const struct calls *calls)
{
    if (!calls->present)
        return;
    r->tool_uses = calls->n;
    r->n_tools = (unsigned)(calls->n < OKS_TOOLS_MAX ? calls->n : OKS_TOOLS_MAX);
    memcpy(r->tools, calls->names, r->n_tools * sizeof(*r->tools));
}

static int tell_message(struct line_reader *c, const struct telling *at)
{
    const struct data *d = &c->shape.line.data;
    struct oks_slice model = d->model.ptr ? d->model : source_name_slice(&c->memory.model);
    struct oks_slice id = d->message.ptr ? d->message : c->shape.line.id;
    struct oks_record *r = usage_start(c, at, model);
    struct use *u = use_of(&c->memory, model);

    if (!d->agent.ptr)
        source_name_set(&c->memory.model, model);
    r->message.id = id;
    r->is_sidechain = d->agent.ptr != NULL;
    r->agent_id = d->agent;
    r->message.usage.output = d->output.value;
    put_calls(r, &d->calls);
    if (u)
        r->rest = use_message(u, d->output.value, rest_key(id, model));
    return tell(c, at);
}

/* A message whose request the database has. */
static int tell_answer(struct line_reader *c, const struct telling *at)
{
    const struct data *d = &c->shape.line.data;
    struct oks_record *r = record_start(c, at);

    r->type = OKS_RECORD_ASSISTANT;
    r->message.model = d->model;
    r->is_sidechain = d->agent.ptr != NULL;
    r->agent_id = d->agent;
    put_calls(r, &d->calls);
    return tell(c, at);
}

/* --- rows of the database --- */

static bool all_digits(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

/* A time of SQLite's, or seconds or milliseconds since 1970, as a transcript has it. */
static struct oks_slice row_stamp(struct copilot *c, const struct source_name *time)
{
    enum { DATE = 10, SECONDS_DIGITS = 11 };
    size_t n = strlen(time->text);

    if (all_digits(time->text) && n < OKS_STAMP_TEXT - 8) {
        uint64_t value = strtoull(time->text, NULL, 10);

        return source_stamp(n < SECONDS_DIGITS ? value * 1000 : value, c->stamp);
    }
    memcpy(c->stamp, time->text, n + 1);
    if (n > DATE && c->stamp[DATE] == ' ') {
        c->stamp[DATE] = 'T';
        memcpy(c->stamp + n, "Z", 2);
    }
    return *c->stamp ? oks_slice_of(c->stamp) : (struct oks_slice){0};
}

static int tell_row(struct copilot *c, const struct telling *at, const struct copilot_row *row,
                    struct oks_slice stamp)
{
    struct oks_record *r = record_start(&c->reader, at);
    uint64_t odd = r->odd, key = source_key_text(source_key_text(KEYS, source_name_slice(&c->session)),
                                                 source_name_slice(&row->id));
    int rc;

    r->type = OKS_RECORD_ASSISTANT;
    r->again = true; /* its message is in the events */
    r->timestamp = stamp;
    r->agent_id = source_name_slice(&row->agent);
    r->is_sidechain = r->agent_id.ptr != NULL;
    r->message.model = source_name_slice(&row->model);
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage = (struct oks_usage){
        .present = true,
        .input = less(less(row->input, row->read), row->written),
        .output = row->output,
        .cache_creation = row->written,
        .cache_creation_5m = row->written,
        .cache_read = row->read,
    };
    r->key = source_key_end(source_key_number(key, row->input));
    r->odd = 0; /* it is the line's */
    rc = at->sink->record(at->sink->ctx, r, true);
    r->odd = odd;
    return rc;
}

static bool is_later(struct oks_slice stamp, struct oks_slice until)
{
    struct oks_stamp a = oks_stamp_of(stamp), b = oks_stamp_of(until);

    return !oks_stamp_is_none(a) && (oks_stamp_is_none(b) || oks_stamp_cmp(a, b) > 0);
}

/* Tells the rows up to the time of the line at hand, or all. Their place is behind the lines before. */
static int tell_rows(struct copilot *c, uint64_t offset, bool all, const struct oks_sink *sink)
{
    const struct line_place place = {.offset = offset, .complete = true};
    const struct telling at = {&place, sink};
    struct memo_reader r = {c->rest};
    struct copilot_row row;
    int rc = 0;

    while (c->rows && rc == 0 && copilot_row_get(&r, &row)) {
        struct oks_slice stamp = row_stamp(c, &row.time);

        if (!all && is_later(stamp, c->reader.shape.line.timestamp))
            return 0;
        rc = tell_row(c, &at, &row, stamp);
        c->reader.memory.row = row.number;
        c->rest = r.p;
    }
    free(c->rows);
    c->rows = NULL;
    return rc;
}

/* --- shutdowns --- */

/* What a shutdown says is new. */
struct gain {
    uint64_t count[COPILOT_COUNTS];
    uint64_t output, messages; /* of the messages that it counts */
    bool all; /* it counts all messages since the shutdown before, not only those since it was resumed */
};

static bool any_fell(const struct use *u, const uint64_t now[COPILOT_COUNTS])
{
    for (int i = 0; i < COPILOT_COUNTS; i++)
        if (now[i] < u->total[i])
            return true;
    return false;
}

/* Whether the numbers go on from those of the shutdown before. *all: see struct gain. */
static bool goes_on(const struct use *u, const uint64_t now[COPILOT_COUNTS], bool *all)
{
    uint64_t output = now[COPILOT_OUTPUT];
    uint64_t leg = u->shut ? u->output : u->leg_output; /* what began at the last line of this kind */

    *all = true;
    if (output && output == u->all_output && output != leg)
        return true;
    *all = u->shut;
    if (output && output == leg)
        return false;
    *all = true;
    if (output && output == u->output)
        return false;
    if (output && u->shut && output == u->leg_output)
        return true;
    if (!any_fell(u, now))
        return true;
    *all = u->shut || output >= u->output;
    return false;
}

static struct gain gain_of(const struct use *u, const uint64_t now[COPILOT_COUNTS])
{
    struct gain g = {0};
    bool on = goes_on(u, now, &g.all);

    for (int i = 0; i < COPILOT_COUNTS; i++)
        g.count[i] = on ? less(now[i], u->total[i]) : now[i];
    g.output = g.all ? u->output : u->leg_output;
    g.messages = g.all ? u->messages : u->leg_messages;
    return g;
}

/* Requests that have no message. */
static uint64_t silent_of(const struct gain *g, bool any)
{
    uint64_t n = less(g->count[COPILOT_REQUESTS], g->messages);

    if (n == 0 && g->messages == 0)
        n = any;
    return n < SILENT_MAX ? n : SILENT_MAX;
}

static int tell_silent(struct line_reader *c, const struct telling *at, struct oks_slice model, uint64_t n)
{
    uint64_t seed = rest_key(c->shape.line.id, model);
    int rc = 0;

    for (uint64_t i = 1; rc == 0 && i <= n; i++) {
        struct oks_record *r = usage_start(c, at, model);

        r->odd = 0;
        r->key = source_key_end(source_key_number(seed, i));
        rc = tell(c, at);
    }
    return rc;
}

/* The tokens under the key of what is missing; all zero: there was nothing more. */
static int tell_rest(struct line_reader *c, const struct telling *at, struct oks_slice model, uint64_t key,
                     const uint64_t count[COPILOT_COUNTS])
{
    struct oks_record *r = usage_start(c, at, model);
    const struct data *d = &c->shape.line.data;
    struct oks_usage *u = &r->message.usage;

    u->input = less(less(count[COPILOT_INPUT], count[COPILOT_READ]), count[COPILOT_WRITE]);
    u->output = count[COPILOT_OUTPUT];
    u->cache_read = count[COPILOT_READ];
    u->cache_creation = u->cache_creation_5m = count[COPILOT_WRITE];
    r->rest = key;
    r->is_rest = r->again = true;
    if (d->context_tokens.value && oks_slice_eq(d->current, model))
        r->context = d->context_tokens.value;
    return tell(c, at);
}

/* Messages that named no model are those of the only one. */
static void name_unnamed(struct line_reader *c, struct oks_slice model)
{
    struct memory *s = &c->memory;

    for (size_t i = 0; i < s->n_uses; i++)
        if (strcmp(s->uses[i].model.text, "") == 0 && s->uses[i].messages && c->shape.n_items == 1) {
            struct use *u = use_of(s, model);

            if (u == &s->uses[s->n_uses - 1] && u->all_output == 0 && u->messages == 0) {
                s->n_uses--; /* it was made here */
                source_name_set(&s->uses[i].model, model);
            }
            return;
        }
}

static int tell_metric(struct line_reader *c, const struct telling *at, const struct named_metric *m)
{
    static const uint64_t none[COPILOT_COUNTS];
    struct oks_slice model = {m->name, m->len};
    uint64_t now[COPILOT_COUNTS], rest;
    struct use *u, unknown = {0};
    struct gain g;
    bool any = false;
    int rc = 0;

    for (int i = 0; i < COPILOT_TOKENS; i++)
        now[i] = m->metric.usage.count[i].value;
    now[COPILOT_REQUESTS] = m->metric.requests.value;
    name_unnamed(c, model);
    u = use_of(&c->memory, model);
    if (!u)
        u = &unknown;
    g = gain_of(u, now);
    for (int i = 0; i < COPILOT_TOKENS; i++)
        any |= g.count[i] != 0;
    g.count[COPILOT_OUTPUT] = less(g.count[COPILOT_OUTPUT], g.output);
    rest = !g.all && u->resumed ? u->leg_rest : u->rest;
    if (any || rest)
        rc = tell_rest(c, at, model, rest ? rest : rest_key(c->shape.line.id, model), g.count);
    if (rc == 0 && at->place->complete && g.all && u->leg_rest)
        rc = tell_rest(c, at, model, u->leg_rest, none);
    if (rc == 0 && at->place->complete)
        rc = tell_silent(c, at, model, silent_of(&g, any));
    memcpy(u->total, now, sizeof(now));
    u->output = u->messages = u->rest = u->leg_rest = 0;
    u->resumed = false;
    u->shut = true;
    return rc;
}

/* One record only can be told of an unfinished line. */
static int tell_shutdown(struct line_reader *c, const struct telling *at)
{
    int rc = 0;

    if (!at->place->complete && c->shape.n_items > 1)
        return 0;
    for (size_t i = 0; rc == 0 && i < c->shape.n_items; i++)
        if (c->shape.items[i].metric.usage.present) {
            rc = tell_metric(c, at, &c->shape.items[i]);
            c->record.odd = 0;
        }
    return rc;
}

/* --- other lines --- */

static void resume(struct memory *s)
{
    for (size_t i = 0; i < s->n_uses; i++) {
        struct use *u = &s->uses[i];

        u->leg_output = u->leg_messages = 0;
        u->resumed = u->rest != 0;
        u->shut = false;
    }
}

static void note(struct line_reader *c)
{
    const struct data *d = &c->shape.line.data;
    struct memory *s = &c->memory;

    if (is_type(&c->shape.line, "session.start") || is_type(&c->shape.line, "session.resume"))
        resume(s);
    if (d->new_model.ptr || d->selected.ptr)
        source_name_set(&s->model, d->new_model.ptr ? d->new_model : d->selected);
    else if (is_type(&c->shape.line, "tool.execution_complete") && d->model.ptr && !d->agent.ptr)
        source_name_set(&s->model, d->model);
    if (d->effort.ptr)
        source_name_set(&s->effort, d->effort);
    if (d->where.present && d->where.branch.ptr)
        source_name_set(&s->branch, d->where.branch);
}

static int tell_plain(struct line_reader *c, const struct telling *at)
{
    const struct data *d = &c->shape.line.data;
    struct oks_record *r = record_start(c, at);

    if (is_type(&c->shape.line, "user.message"))
        r->type = OKS_RECORD_USER;
    if (d->present && d->where.present)
        r->cwd = d->where.cwd;
    if (d->present)
        r->version = d->version;
    if (is_type(&c->shape.line, "session.compaction_complete")) {
        r->type = OKS_RECORD_SYSTEM;
        r->compact_trigger = OKS_SLICE("other");
        r->compact_pre_tokens = d->compacted_tokens.value;
    }
    return tell(c, at);
}

static int line_tell(struct line_reader *c, const struct line_place *place, const struct oks_sink *sink)
{
    struct copilot *copilot = (struct copilot *)(void *)c;
    const struct telling at = {place, sink};
    const struct line *l = &c->shape.line;
    bool shutdown = l->data.metrics.present && is_type(l, "session.shutdown");
    int rc = 0;

    if (place->complete) {
        rc = tell_rows(copilot, place->offset, false, sink);
        copilot->end = place->offset + place->length + 1; /* the newline */
    }
    if (rc == 0 && is_type(l, "assistant.message")) {
        c->memory.told |= !c->memory.stored;
        return c->memory.stored ? tell_answer(c, &at) : tell_message(c, &at);
    }
    if (l->data.present)
        note(c);
    if (rc == 0 && shutdown && !c->memory.stored) {
        c->memory.told = true;
        rc = tell_shutdown(c, &at);
        if (!place->complete)
            return rc;
    }
    return rc ? rc : tell_plain(c, &at);
}

static int copilot_end(void *reader, const struct oks_sink *sink)
{
    struct copilot *c = reader;

    return c->end ? tell_rows(c, c->end, true, sink) : 0;
}

const struct oks_reader_ops READER(copilot) = {
    .make = copilot_make,
    .free = copilot_free,
    .trim = line_trim,
    .scalar = line_scalar,
    .walk = line_walk,
    .tell = line_told,
    .begin = copilot_begin,
    .end = copilot_end,
    .memo = copilot_memo,
};
