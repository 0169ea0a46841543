/*
 * From Kimi's lines to records.
 *
 * Kimi Code writes a `step.end` with what a step used, and then a `usage.record` that repeats it; a
 * compaction has only the record. So a request is a record, or a step.end that no record follows. Which of
 * both came is kept until its counterpart comes: it has the same numbers, and so the same key. The record
 * names the alias of the model; the `llm.request` before it says which model that is.
 *
 * Kimi CLI writes the usage so far of a message into `StatusUpdate` events, some of them more than once, and
 * names no model: that of its configuration is taken (about.h).
 *
 * Neither names the session. A key is made of the transcript's path below its project (about.h), so a copy of
 * the home has the same.
 */
#include "sources/about.h"
#include "sources/kimi_fields.h"
#include "sources/scan_kimi.h"
#include "sources/source_key.h"

enum {
    MESSAGES = 16,     /* the last ones that are remembered, of Kimi CLI */
    KEYS = 0x6b696d69, /* what this source's keys begin with */
};

/* Which line of a step told its usage and waits for the other one. */
enum pending { PENDING_NONE, PENDING_STEP, PENDING_RECORD };

struct memory {
    struct source_name alias, model; /* of the last llm.request */
    struct source_name effort, profile;
    struct source_name trigger; /* of a compaction that has begun */
    struct step {
        enum pending pending;
        uint64_t key, used[KIMI_COUNTS];
    } step;
    uint64_t messages[MESSAGES];                /* keys; 0: none */
    uint64_t of_message[MESSAGES][KIMI_COUNTS]; /* what each of them has used */
    uint64_t next;                              /* place of the next message */
    uint64_t tools;                             /* calls since the last request */
    uint64_t prompt;                            /* tokens that the last request sent */
};

#include "sources/line_reader.h"

struct kimi {
    struct line_reader reader; /* the first member */
    /*
     * What is told of a line with usage, and of one without. In each only certain members are ever set, and
     * these each time, so that neither is cleared line by line.
     */
    struct oks_record request, plain;
    struct source_about about;
    uint64_t self;              /* what the keys of its requests begin with */
    bool placed;                /* a record of this scan had the working directory */
    struct source_name message; /* the id of the last message ... */
    uint64_t message_key;       /* ... and its key */
    uint64_t counted[OKS_COLUMNS];
    struct source_clock clock;
    char id[SOURCE_ID_MAX];
};

static const uint64_t unused[KIMI_COUNTS];

static int kimi_make(void **out)
{
    *out = calloc(1, sizeof(struct kimi));
    return *out ? 0 : -ENOMEM;
}

/* --- memo --- */

static const char memo_magic[] = "kimi1";

static void used_put(struct memo_writer *w, const uint64_t used[KIMI_COUNTS])
{
    for (int i = 0; i < KIMI_COUNTS; i++)
        memo_put(w, used[i]);
}

static void used_get(struct memo_reader *r, uint64_t used[KIMI_COUNTS])
{
    for (int i = 0; i < KIMI_COUNTS; i++)
        used[i] = memo_get(r);
}

static char *kimi_memo(void *reader)
{
    const struct memory *m = &((struct line_reader *)reader)->memory;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    source_name_put(&w, &m->alias);
    source_name_put(&w, &m->model);
    source_name_put(&w, &m->effort);
    source_name_put(&w, &m->profile);
    source_name_put(&w, &m->trigger);
    memo_put(&w, m->step.pending);
    memo_put(&w, m->step.key);
    used_put(&w, m->step.used);
    memo_put(&w, m->tools);
    memo_put(&w, m->prompt);
    for (uint64_t i = m->next < MESSAGES ? 0 : m->next - MESSAGES; i < m->next; i++) {
        memo_put(&w, m->messages[i % MESSAGES]);
        used_put(&w, m->of_message[i % MESSAGES]);
    }
    return memo_take(&w);
}

static int kimi_begin(void *reader, const char *memo, const char *peers)
{
    struct kimi *k = reader;
    struct memory *m = &k->reader.memory;
    struct memo_reader r = {memo};
    char magic[MEMO_TEXT_MAX + 1];

    about_read(peers, &k->about);
    k->self = source_key_text(KEYS, source_name_slice(&k->about.self));
    k->placed = false;
    k->message.len = 0;
    *m = (struct memory){0};
    memo_get_text(&r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return 0;
    source_name_get(&r, &m->alias);
    source_name_get(&r, &m->model);
    source_name_get(&r, &m->effort);
    source_name_get(&r, &m->profile);
    source_name_get(&r, &m->trigger);
    m->step.pending = memo_get(&r) % (PENDING_RECORD + 1);
    m->step.key = memo_get(&r);
    used_get(&r, m->step.used);
    m->tools = memo_get(&r);
    m->prompt = memo_get(&r);
    for (; !memo_is_over(&r); m->next++) {
        m->messages[m->next % MESSAGES] = memo_get(&r);
        used_get(&r, m->of_message[m->next % MESSAGES]);
    }
    return 0;
}

/* --- from line to record --- */

/* A line: where it is, and where its record goes. */
struct telling {
    const struct line_place *place;
    const struct oks_sink *sink;
};

static bool is_event(const struct line *l, const char *type)
{
    return l->event.present && is(l->event.type, type);
}

static bool is_message(const struct line *l, const char *type)
{
    return l->message.present && is(l->message.type, type);
}

/* Which kind of line has the usage. */
static bool is_record(const struct line *l)
{
    return l->usage.present && is(l->type, "usage.record");
}

static bool is_step_end(const struct line *l)
{
    return l->usage.present && is_event(l, "step.end");
}

static bool is_status(const struct line *l)
{
    return l->usage.present && is_message(l, "StatusUpdate");
}

static uint64_t line_odd(const struct line *l)
{
    return is_record(l) || is_step_end(l) || is_status(l) ? odd_of(l->usage.count, KIMI_COUNTS) : 0;
}

/* The time in milliseconds, of either form. */
static bool time_of(const struct line *l, uint64_t *ms)
{
    *ms = l->time.value;
    return (l->time.given && !l->time.odd) || source_seconds(l->seconds, ms);
}

/* What all lines have. */
static void put_common(struct kimi *k, const struct telling *t, struct oks_record *r)
{
    const struct line *l = &k->reader.shape.line;
    const struct oks_slice none = {0};
    uint64_t ms;

    r->offset = t->place->offset;
    r->length = t->place->length;
    r->odd = k->reader.record.odd;
    r->time = time_of(l, &ms) ? source_time(&k->clock, ms) : 0;
    r->is_sidechain = k->about.sidechain;
    r->agent_id = r->is_sidechain ? source_name_slice(&k->about.agent) : none;
    r->agent_name = r->is_sidechain ? source_name_slice(&k->reader.memory.profile) : none;
    r->effort = source_name_slice(&k->reader.memory.effort);
    r->cwd = !k->placed && *k->about.cwd ? oks_slice_of(k->about.cwd) : l->cwd;
    k->placed |= t->place->complete;
}

static int tell(const struct telling *t, const struct oks_record *r)
{
    return t->sink->record(t->sink->ctx, r, t->place->complete);
}

/* The model of an alias. */
static struct oks_slice model_of(const struct kimi *k, struct oks_slice alias)
{
    const struct memory *m = &k->reader.memory;
    struct oks_slice model = source_name_slice(&m->model);

    if (!alias.ptr)
        return model.ptr ? model : source_name_slice(&k->about.model);
    return model.ptr && oks_slice_eq(alias, source_name_slice(&m->alias)) ? model : alias;
}

/* A line with usage; `before` was counted already. A key of 0: nothing names the message. */
static int tell_request(struct kimi *k, const struct telling *t, uint64_t key, struct oks_slice model,
                        const uint64_t used[KIMI_COUNTS], const uint64_t before[KIMI_COUNTS])
{
    const char *self = *k->about.self.text ? k->about.self.text : "kimi";
    struct memory *m = &k->reader.memory;
    struct oks_record *r = &k->request;

    put_common(k, t, r);
    r->type = OKS_RECORD_ASSISTANT;
    r->again = memcmp(before, unused, sizeof(unused)) != 0;
    r->message.id = key ? source_id(self, key, k->id) : (struct oks_slice){0};
    r->message.model = model;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage.present = true;
    r->message.usage.input = used[KIMI_INPUT];
    r->message.usage.output = used[KIMI_OUTPUT];
    r->message.usage.cache_creation = r->message.usage.cache_creation_5m = used[KIMI_WRITE];
    r->message.usage.cache_read = used[KIMI_READ];
    /* The calls were counted when they were logged; here they say which request made them. */
    r->tool_uses = k->counted[OKS_TOOL_USES] = m->tools;
    k->counted[OKS_INPUT] = before[KIMI_INPUT];
    k->counted[OKS_OUTPUT] = before[KIMI_OUTPUT];
    k->counted[OKS_CACHE_CREATION] = k->counted[OKS_CACHE_CREATION_5M] = before[KIMI_WRITE];
    k->counted[OKS_CACHE_READ] = before[KIMI_READ];
    r->counted = k->counted;
    m->tools = 0;
    m->prompt = oks_tokens_add(oks_tokens_add(used[KIMI_INPUT], used[KIMI_READ]), used[KIMI_WRITE]);
    return tell(t, r);
}

static void used_of(const struct usage *u, uint64_t used[KIMI_COUNTS])
{
    for (int i = 0; i < KIMI_COUNTS; i++)
        used[i] = u->count[i].value;
}

static uint64_t key_of(const struct kimi *k, const struct telling *t, const uint64_t used[KIMI_COUNTS])
{
    uint64_t key, ms;

    key = source_key_number(k->self, time_of(&k->reader.shape.line, &ms) ? ms : t->place->offset);
    for (int i = 0; i < KIMI_COUNTS; i++)
        key = source_key_number(key, used[i]);
    return source_key_end(key);
}

/* A usage.record or a step.end. The second of two with one usage is the same request. */
static int tell_usage(struct kimi *k, const struct telling *t, enum pending kind)
{
    const struct line *l = &k->reader.shape.line;
    struct step *step = &k->reader.memory.step;
    uint64_t used[KIMI_COUNTS];
    bool again;

    used_of(&l->usage, used);
    again =
        step->pending != PENDING_NONE && step->pending != kind && memcmp(step->used, used, sizeof(used)) == 0;
    if (again)
        step->pending = PENDING_NONE;
    else
        *step = (struct step){.pending = kind, .key = key_of(k, t, used)};
    memcpy(step->used, used, sizeof(used));
    return tell_request(k, t, step->key, model_of(k, l->model), used, again ? used : unused);
}

/* What was told of a message of Kimi CLI; its place is made where there is none. */
static uint64_t *message_used(struct memory *m, uint64_t key)
{
    size_t i = (m->next + MESSAGES - 1) % MESSAGES; /* mostly the last one */

    if (m->messages[i] == key)
        return m->of_message[i];
    for (i = 0; i < MESSAGES; i++)
        if (m->messages[i] == key)
            return m->of_message[i];
    i = m->next++ % MESSAGES;
    m->messages[i] = key;
    memset(m->of_message[i], 0, sizeof(m->of_message[i]));
    return m->of_message[i];
}

/* Mostly that of the message before. */
static uint64_t message_key(struct kimi *k, struct oks_slice id)
{
    if (!k->message.len || !oks_slice_eq(id, source_name_slice(&k->message))) {
        source_name_set(&k->message, id);
        if (k->message.len != id.len) /* cut: another one may be equal to what is left */
            k->message.len = 0;
        k->message_key = source_key_end(source_key_text(k->self, id));
    }
    return k->message_key;
}

/* A StatusUpdate with usage. */
static int tell_status(struct kimi *k, const struct telling *t)
{
    const struct line *l = &k->reader.shape.line;
    struct oks_slice id = l->message.payload.id, model = model_of(k, (struct oks_slice){0});
    uint64_t used[KIMI_COUNTS], before[KIMI_COUNTS], key, *known;

    if (!id.ptr) {
        used_of(&l->usage, used);
        return tell_request(k, t, 0, model, used, unused);
    }
    key = message_key(k, id);
    known = message_used(&k->reader.memory, key);
    for (int i = 0; i < KIMI_COUNTS; i++) {
        used[i] = l->usage.count[i].value;
        before[i] = known[i];
        known[i] = used[i] > before[i] ? used[i] : before[i];
    }
    return tell_request(k, t, key, model, used, before);
}

static enum oks_record_type type_of(const struct line *l)
{
    if ((l->message.present && is(l->message.role, "user")) || is_message(l, "TurnBegin"))
        return OKS_RECORD_USER;
    if (is_event(l, "tool.call") || is_message(l, "ToolCall"))
        return OKS_RECORD_ASSISTANT;
    if (is(l->type, "context.apply_compaction") || is_message(l, "CompactionBegin"))
        return OKS_RECORD_SYSTEM;
    return OKS_RECORD_OTHER;
}

static struct oks_slice tool_of(const struct line *l)
{
    const struct payload *p = &l->message.payload;

    if (l->event.present)
        return l->event.name;
    return p->present && p->function.present ? p->function.name : (struct oks_slice){0};
}

/* A line without usage. */
static int tell_plain(struct kimi *k, const struct telling *t)
{
    const struct line *l = &k->reader.shape.line;
    struct memory *m = &k->reader.memory;
    const struct oks_slice none = {0};
    struct oks_record *r = &k->plain;
    bool call, compaction;

    put_common(k, t, r);
    r->type = type_of(l);
    call = r->type == OKS_RECORD_ASSISTANT;
    compaction = r->type == OKS_RECORD_SYSTEM;
    r->tool_uses = r->n_tools = call;
    r->tools[0] = call ? tool_of(l) : none;
    r->message.model = call ? model_of(k, none) : none;
    m->tools += call;
    r->compact_trigger = !compaction        ? none
                         : *m->trigger.text ? oks_slice_of(m->trigger.text)
                                            : OKS_SLICE("other");
    r->compact_pre_tokens = !compaction ? 0 : l->before.given ? l->before.value : m->prompt;
    return tell(t, r);
}

/* What later lines need of this one. */
static void note(struct kimi *k)
{
    const struct line *l = &k->reader.shape.line;
    struct memory *m = &k->reader.memory;

    if (is(l->type, "llm.request") && l->model.ptr) {
        source_name_set(&m->model, l->model);
        source_name_set(&m->alias, l->alias);
    }
    if (l->effort.ptr)
        source_name_set(&m->effort, l->effort);
    if (l->profile.ptr)
        source_name_set(&m->profile, l->profile);
    if (is(l->type, "full_compaction.begin"))
        source_name_set(&m->trigger, l->source);
    if (m->step.pending == PENDING_RECORD && is_event(l, "step.begin"))
        m->step.pending = PENDING_NONE; /* what ends now is another step */
}

static int line_tell(struct line_reader *reader, const struct line_place *place, const struct oks_sink *sink)
{
    const struct telling t = {place, sink};
    const struct line *l = &reader->shape.line;
    struct kimi *k = (struct kimi *)(void *)reader;

    if (is_record(l))
        return tell_usage(k, &t, PENDING_RECORD);
    if (is_step_end(l))
        return tell_usage(k, &t, PENDING_STEP);
    if (is_status(l))
        return tell_status(k, &t);
    note(k);
    return tell_plain(k, &t);
}

const struct oks_reader_ops READER(kimi) = {
    .make = kimi_make,
    .free = line_free,
    .trim = line_trim,
    .scalar = line_scalar,
    .walk = line_walk,
    .tell = line_told,
    .begin = kimi_begin,
    .memo = kimi_memo,
};
