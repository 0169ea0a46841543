/*
 * From Gemini's lines to records.
 *
 * A message is written again whenever it changes, alone or within a `$set` that rebuilds all of them, and its
 * last form counts; what `$rewindTo` takes out of the conversation was spent all the same. Where an old and a
 * new file of one session stand side by side, the old one only adds the messages that the new one does not
 * have.
 *
 * Cached tokens are a part of Gemini's input and are taken out of it; thoughts are billed as output, and what
 * tools put into the prompt as input.
 *
 * So messages are gathered in a table (gemini_messages.h), and told when the complete lines are over: those
 * that are new, and those that have grown, with what of them was counted before. A message that became less,
 * or another model's, cannot be told as a gain: -ESTALE. The table is the memo.
 */
#include <stdio.h>

#include "scan/counts.h"
#include "sources/gemini_messages.h"
#include "sources/scan_gemini.h"
#include "sources/source_text.h"

/* These in this order: the fields are what the readers are made for. */
#include "sources/gemini_fields.h"

static inline void shape_begin(struct shape *shape, size_t length)
{
    fields_begin(&shape->text, length);
    memset(&shape->line, 0, sizeof(shape->line));
    shape->session = shape->kind = (struct oks_slice){0};
    shape->set.present = shape->messages.present = false;
    shape->n_items = 0;
    shape->no_memory = false;
}

#include "scan/json_scalar.h"
#include "scan/json_walk.h"

/* A text that the next line mostly has again: a message is written twice, and the model stays. */
struct hashed {
    struct source_name text;
    uint64_t hash; /* 0: none yet */
};

struct gemini {
    struct shape shape;
    struct oks_record record;
    struct gemini_messages messages;
    uint64_t counted[OKS_COLUMNS];
    struct hashed id_before, stamp_before, model_before;
    char id[SOURCE_ID_MAX];
};

/* --- the reader's life --- */

static int gemini_make(void **out)
{
    *out = calloc(1, sizeof(struct gemini));
    return *out ? 0 : -ENOMEM;
}

static void gemini_free(void *reader)
{
    struct gemini *g = reader;

    if (!g)
        return;
    gemini_messages_clear(&g->messages);
    free(g->shape.items);
    fields_free(&g->shape.text);
    free(g);
}

static void gemini_trim(void *reader)
{
    fields_trim(&((struct gemini *)reader)->shape.text);
}

static int gemini_begin(void *reader, const char *memo, const char *peers)
{
    return gemini_messages_begin(&((struct gemini *)reader)->messages, memo, peers);
}

static char *gemini_memo(void *reader)
{
    return gemini_messages_memo(&((struct gemini *)reader)->messages);
}

static uint64_t odd_of(const struct message *m)
{
    uint64_t odd = 0;

    for (int i = 0; m->tokens.present && i < COUNTS; i++)
        odd += m->tokens.count[i].odd;
    return odd + (m->tokens.present && m->tokens.tool.odd);
}

static int judge_line(struct gemini *g, struct oks_record **record)
{
    if (g->shape.no_memory)
        return -ENOMEM;
    g->record.odd = odd_of(&g->shape.line);
    for (size_t i = 0; i < g->shape.n_items; i++)
        g->record.odd += odd_of(&g->shape.items[i]);
    *record = &g->record;
    return JSON_LINE_OBJECT;
}

static int gemini_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                         bool *teams)
{
    struct gemini *g = reader;
    int r;

    r = scalar_line(&g->shape, buf + from, buf + to, teams);
    return r == JSON_LINE_OBJECT ? judge_line(g, record) : r;
}

static int gemini_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                       struct oks_record **record, bool *teams)
{
    struct gemini *g = reader;
    int r;

    r = walk_line(&g->shape, buf, from, to, cursor, teams);
    return r == JSON_LINE_OBJECT ? judge_line(g, record) : r;
}

/* --- from message to record --- */

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static struct oks_slice known_text(const char *text)
{
    return *text ? oks_slice_of(text) : (struct oks_slice){0};
}

static struct oks_record *record_start(struct gemini *g, uint64_t offset, uint64_t length)
{
    struct oks_record *r = &g->record;

    oks_record_clear(r);
    r->offset = offset;
    r->length = length;
    r->session_id = known_text(g->messages.session);
    return r;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return oks_tokens_add(a, b);
}

static void columns_of(const struct message *m, uint64_t count[GEMINI_COLUMNS])
{
    memset(count, 0, GEMINI_COLUMNS * sizeof(*count));
    for (int i = 0; m->tokens.present && i < COUNTS; i++)
        count[i] = m->tokens.count[i].value;
    if (m->tokens.present)
        count[GEMINI_INPUT] = add(count[GEMINI_INPUT], m->tokens.tool.value);
    count[GEMINI_TOOLS] = m->calls.present ? m->calls.n : 0;
}

/* By enum oks_column. */
static void counts_of(const uint64_t from[GEMINI_COLUMNS], uint64_t to[OKS_COLUMNS])
{
    memset(to, 0, OKS_COLUMNS * sizeof(*to));
    to[OKS_INPUT] = from[GEMINI_INPUT] > from[GEMINI_CACHED] ? from[GEMINI_INPUT] - from[GEMINI_CACHED] : 0;
    to[OKS_OUTPUT] = add(from[GEMINI_OUTPUT], from[GEMINI_THOUGHTS]);
    to[OKS_CACHE_READ] = from[GEMINI_CACHED];
    to[OKS_TOOL_USES] = from[GEMINI_TOOLS];
}

/* The texts of a message. */
struct texts {
    struct oks_slice stamp, model;
    size_t n_tools;
    struct oks_slice tools[OKS_TOOLS_MAX]; /* of its first calls */
};

/* The names of the calls that are new, as far as they are known. */
static void name_tools(struct oks_record *r, const struct texts *texts, uint64_t before, uint64_t now)
{
    for (; before < now && before < texts->n_tools; before++)
        r->tools[r->n_tools++] = texts->tools[before];
}

/* A message of the model, all of it; `before` (by enum counts) was counted already, if it is told again. */
static int tell_message(struct gemini *g, uint64_t id, const uint64_t now[GEMINI_COLUMNS],
                        const uint64_t before[GEMINI_COLUMNS], bool again, bool measured,
                        const struct texts *texts, uint64_t offset, uint64_t length, bool complete,
                        const struct oks_sink *sink)
{
    struct oks_record *r = record_start(g, offset, length);
    uint64_t counts[OKS_COLUMNS];

    counts_of(now, counts);
    counts_of(before, g->counted);
    r->type = OKS_RECORD_ASSISTANT;
    r->again = again;
    r->timestamp = texts->stamp;
    r->message.id = source_id(g->messages.session, id, g->id);
    r->message.model = texts->model;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage = (struct oks_usage){
        .present = measured,
        .input = counts[OKS_INPUT],
        .output = counts[OKS_OUTPUT],
        .cache_read = counts[OKS_CACHE_READ],
    };
    /* Each call stands on one record of its message. */
    r->tool_uses = counts[OKS_TOOL_USES] - g->counted[OKS_TOOL_USES];
    name_tools(r, texts, g->counted[OKS_TOOL_USES], counts[OKS_TOOL_USES]);
    g->counted[OKS_TOOL_USES] = 0;
    r->counted = g->counted;
    return sink->record(sink->ctx, r, complete);
}

static int tell_plain(struct gemini *g, struct oks_slice stamp, enum oks_record_type type, uint64_t offset,
                      uint64_t length, bool complete, const struct oks_sink *sink)
{
    struct oks_record *r = record_start(g, offset, length);

    r->timestamp = stamp;
    r->type = type;
    return sink->record(sink->ctx, r, complete);
}

/* What was counted before can be topped up to the new form. */
static bool only_grew(const uint64_t before[GEMINI_COLUMNS], const uint64_t now[GEMINI_COLUMNS])
{
    uint64_t was[OKS_COLUMNS], has[OKS_COLUMNS];

    counts_of(before, was);
    counts_of(now, has);
    for (int i = 0; i < OKS_COLUMNS; i++)
        if (has[i] < was[i])
            return false;
    return true;
}

static struct oks_slice model_of(const struct gemini *g, const struct message *m)
{
    struct oks_slice model = m->model.ptr ? m->model : g->shape.line.model;

    return model.len > GEMINI_NAME_MAX ? (struct oks_slice){0} : model;
}

static uint64_t hash_of(struct hashed *before, struct oks_slice text)
{
    if (!before->hash || !oks_slice_eq(text, source_name_slice(&before->text))) {
        source_name_set(&before->text, text);
        before->hash = gemini_hash(text);
    }
    return before->hash;
}

static uint64_t id_of_message(struct gemini *g, const struct message *m)
{
    char text[32];
    int n;

    if (m->id.ptr)
        return hash_of(&g->id_before, m->id);
    n = snprintf(text, sizeof(text), "#%llu", (unsigned long long)g->messages.unnamed++);
    return gemini_hash((struct oks_slice){text, (size_t)n});
}

/* A name has no NUL in it, because one ends it. */
static struct oks_slice tool_of(const struct calls *calls, size_t i)
{
    struct oks_slice name = i < calls->n ? calls->names[i] : (struct oks_slice){0};
    size_t n = name.ptr ? strnlen(name.ptr, name.len) : 0;

    return (struct oks_slice){name.ptr, n < GEMINI_NAME_MAX ? n : GEMINI_NAME_MAX};
}

static struct oks_slice stamp_of(const struct message *m)
{
    return m->timestamp.len > GEMINI_NAME_MAX ? (struct oks_slice){0} : m->timestamp;
}

static void texts_of(const struct gemini *g, const struct message *m, struct texts *texts)
{
    texts->stamp = stamp_of(m);
    texts->model = model_of(g, m);
    texts->n_tools = 0;
    while (m->calls.present && texts->n_tools < m->calls.n && texts->n_tools < OKS_TOOLS_MAX) {
        texts->tools[texts->n_tools] = tool_of(&m->calls, texts->n_tools);
        texts->n_tools++;
    }
}

/* What was told of the message. */
static void counted_before(const struct gemini_message *e, uint64_t counted[GEMINI_COLUMNS])
{
    if (e->fresh)
        memcpy(counted, e->kept, sizeof(e->count));
    else if (e->told)
        memcpy(counted, e->count, sizeof(e->count));
    else
        memset(counted, 0, sizeof(e->count));
}

static char *put_text(char *to, struct oks_slice text)
{
    if (text.len)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return to + text.len + 1;
}

static int keep(struct gemini_message *e, const struct texts *texts)
{
    uint64_t counted[GEMINI_COLUMNS];
    size_t bytes = sizeof(counted) + texts->stamp.len + texts->model.len + 2 + texts->n_tools;
    char *to;

    for (size_t i = 0; i < texts->n_tools; i++)
        bytes += texts->tools[i].len;
    counted_before(e, counted);
    to = bytes > e->room ? realloc(e->kept, bytes) : e->kept;
    if (!to)
        return -ENOMEM;
    e->kept = to;
    e->room = bytes > e->room ? (uint32_t)bytes : e->room;
    memcpy(to, counted, sizeof(counted));
    to = put_text(put_text(to + sizeof(counted), texts->stamp), texts->model);
    for (size_t i = 0; i < texts->n_tools; i++)
        to = put_text(to, texts->tools[i]);
    return 0;
}

static struct oks_slice take_text(const char **at)
{
    struct oks_slice text = known_text(*at);

    *at += text.len + 1;
    return text;
}

static void kept_texts(const struct gemini_message *e, struct texts *texts)
{
    const char *at = e->kept + sizeof(e->count);
    uint64_t calls = e->count[GEMINI_TOOLS];

    texts->stamp = take_text(&at);
    texts->model = take_text(&at);
    texts->n_tools = calls < OKS_TOOLS_MAX ? (size_t)calls : OKS_TOOLS_MAX;
    for (size_t i = 0; i < texts->n_tools; i++)
        texts->tools[i] = take_text(&at);
}

/* Puts the message's present form into the table. */
static int take_message(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                        const struct oks_sink *sink)
{
    static const uint64_t none[GEMINI_COLUMNS];
    uint64_t id = id_of_message(g, m), count[GEMINI_COLUMNS], counted[GEMINI_COLUMNS];
    struct gemini_message *e = gemini_message_of(&g->messages, id, true);
    uint64_t stamp_hash = hash_of(&g->stamp_before, stamp_of(m));
    uint64_t model_hash = hash_of(&g->model_before, model_of(g, m));
    struct texts texts;

    columns_of(m, count);
    if (!e && g->messages.n < GEMINI_MESSAGES_MAX)
        return -ENOMEM;
    if (e && (e->told || e->fresh) && e->stamp == stamp_hash && e->model == model_hash &&
        e->measured == m->tokens.present && memcmp(e->count, count, sizeof(count)) == 0)
        return 0;
    if (e && e->told) {
        counted_before(e, counted);
        if (e->stamp != stamp_hash || (e->model != model_hash && e->measured) || !only_grew(counted, count))
            return -ESTALE;
    }
    texts_of(g, m, &texts);
    if (!e)
        return tell_message(g, id, count, none, false, m->tokens.present, &texts, offset, length, true, sink);
    if (keep(e, &texts) < 0)
        return -ENOMEM;
    e->stamp = stamp_hash;
    e->model = model_hash;
    e->measured = m->tokens.present;
    memcpy(e->count, count, sizeof(count));
    e->fresh = true;
    e->foreign = memo_numbers_has(&g->messages.known, id);
    e->offset = offset;
    e->length = (uint32_t)length;
    return 0;
}

static bool is_models(const struct message *m)
{
    return is(m->type, "gemini") || is(m->type, "model") || m->tokens.present;
}

static enum oks_record_type type_of(const struct message *m)
{
    return is(m->type, "user") ? OKS_RECORD_USER : OKS_RECORD_OTHER;
}

static int take_any(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                    const struct oks_sink *sink)
{
    if (is_models(m))
        return take_message(g, m, offset, length, sink);
    return tell_plain(g, m->timestamp, type_of(m), offset, length, true, sink);
}

/* An unfinished line counts while it is the last one, and leaves no trace. */
static int tell_unfinished(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                           const struct oks_sink *sink)
{
    static const uint64_t none[GEMINI_COLUMNS];
    const struct gemini_message *e;
    uint64_t count[GEMINI_COLUMNS];
    struct texts texts;

    if (!is_models(m))
        return tell_plain(g, m->timestamp, type_of(m), offset, length, false, sink);
    texts_of(g, m, &texts);
    e = m->id.ptr ? gemini_message_of(&g->messages, gemini_hash(m->id), false) : NULL;
    columns_of(m, count);
    if (e && (e->foreign || !only_grew(e->count, count))) /* the complete lines come to e->count */
        return 0;
    return tell_message(g, m->id.ptr ? gemini_hash(m->id) : 1, count, e ? e->count : none, e != NULL,
                        m->tokens.present, &texts, offset, length, false, sink);
}

static int gemini_tell(void *reader, uint64_t offset, uint64_t length, bool complete,
                       const struct oks_sink *sink)
{
    struct gemini *g = reader;
    const struct shape *s = &g->shape;
    bool items = s->messages.present || (s->set.present && s->set.messages.present), named = false;
    int rc = 0;

    if (s->session.ptr && !*g->messages.session && complete && s->session.len <= GEMINI_NAME_MAX) {
        memcpy(g->messages.session, s->session.ptr, s->session.len);
        g->messages.session[s->session.len] = '\0';
        named = true;
    }
    if (!complete)
        return s->line.type.ptr || s->line.tokens.present ? tell_unfinished(g, &s->line, offset, length, sink)
                                                          : 0;
    if (named)
        rc = tell_plain(g, (struct oks_slice){0}, OKS_RECORD_OTHER, offset, length, true, sink);
    if (rc == 0 && (s->line.type.ptr || s->line.tokens.present))
        rc = take_any(g, &s->line, offset, length, sink);
    for (size_t i = 0; rc == 0 && items && i < s->n_items; i++)
        rc = take_any(g, &s->items[i], offset, length, sink);
    return rc;
}

static int gemini_end(void *reader, const struct oks_sink *sink)
{
    struct gemini *g = reader;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->messages.n; i++) {
        struct gemini_message *e = &g->messages.items[i];
        uint64_t counted[GEMINI_COLUMNS];
        struct texts texts;

        if (!e->fresh)
            continue;
        kept_texts(e, &texts);
        counted_before(e, counted);
        if (!e->foreign)
            rc = tell_message(g, e->id, e->count, counted, e->told, e->measured, &texts, e->offset, e->length,
                              true, sink);
        e->told = true;
        e->fresh = false;
        free(e->kept);
        e->kept = NULL;
        e->room = 0;
    }
    return rc;
}

const struct oks_reader_ops READER(gemini) = {
    .make = gemini_make,
    .free = gemini_free,
    .trim = gemini_trim,
    .scalar = gemini_scalar,
    .walk = gemini_walk,
    .begin = gemini_begin,
    .tell = gemini_tell,
    .end = gemini_end,
    .memo = gemini_memo,
};
