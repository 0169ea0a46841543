/*
 * From Grok Build's lines to records.
 *
 * A `turn_completed` update has what a turn took, by model: it may have been several requests, and counts as
 * one. A later line with the same prompt_id replaces it. So turns are gathered in a table, and told when the
 * complete lines are over: those that are new, and those that have grown, with what of them was counted
 * before. One that became less cannot be told as a gain: -ESTALE.
 *
 * Cached tokens, read or written, are parts of Grok's input and are taken out of it; reasoning is in the
 * output. Sessions of versions without such lines say nothing of tokens: their usage is unknown.
 */
#include "base/array.h"
#include "scan/request.h"
#include "sources/about.h"
#include "sources/grok_fields.h"
#include "sources/scan_grok.h"
#include "sources/source_key.h"

enum {
    TURNS_MAX = 4096, /* that are remembered; then the older half is forgotten */
    SLOTS = 2 * TURNS_MAX,
    KEYS = 0x67726f6b, /* what this source's keys begin with */
};

/* What a turn took of one model. */
struct turn {
    uint64_t prompt, key;          /* hashes of the prompt's id, and of that and the model */
    uint64_t time;                 /* milliseconds of its first line, plus 1; 0: not known */
    uint64_t used[GROK_COUNTS];    /* as it is now */
    uint64_t counted[GROK_COUNTS]; /* as it was told */
    bool told;
    struct fresh *fresh; /* NULL: it was told as it is */
    uint32_t older;      /* number of another one of the prompt, plus 1; 0: none */
};

struct memory {
    uint64_t unnamed; /* turns without an id */
    uint64_t tools;   /* calls since the last turn */
};

#include "sources/line_reader.h"

struct grok {
    struct line_reader reader; /* the first member */
    struct source_about about;
    bool placed; /* a record of this scan had the working directory */
    struct turn *turns;
    size_t n_turns, room;
    struct slot {
        uint32_t turn; /* number of a prompt's newest turn, plus 1; 0: free */
        uint32_t tag;  /* of the prompt, so that turns of others need not be looked at */
    } slots[SLOTS];    /* open addressing */
    uint64_t counted[OKS_COLUMNS];
    struct source_clock clock;
    char id[SOURCE_ID_MAX];
};

/* What telling a turn needs. */
struct fresh {
    struct line_place place;
    uint64_t tools; /* calls that were counted when they were logged */
    struct source_name model;
};

/* --- the table of turns --- */

static void turns_clear(struct grok *g)
{
    for (size_t i = 0; i < g->n_turns; i++)
        free(g->turns[i].fresh);
    g->n_turns = 0;
}

/* Where the number of the prompt's newest turn is, or belongs. */
static struct slot *slot_of(struct grok *g, uint64_t prompt)
{
    uint32_t tag = (uint32_t)(prompt >> 32);
    size_t at = prompt % SLOTS;

    while (g->slots[at].turn && (g->slots[at].tag != tag || g->turns[g->slots[at].turn - 1].prompt != prompt))
        at = (at + 1) % SLOTS;
    return &g->slots[at];
}

static void turn_index(struct grok *g, size_t i)
{
    uint64_t prompt = g->turns[i].prompt;
    struct slot *slot = slot_of(g, prompt);

    g->turns[i].older = slot->turn;
    *slot = (struct slot){.turn = (uint32_t)i + 1, .tag = (uint32_t)(prompt >> 32)};
}

/* After turns were moved. */
static void turns_index(struct grok *g)
{
    memset(g->slots, 0, sizeof(g->slots));
    for (size_t i = 0; i < g->n_turns; i++)
        turn_index(g, i);
}

/* The newest turn of a prompt, and the one before; NULL: there is none. */
static struct turn *turn_first(struct grok *g, uint64_t prompt)
{
    uint32_t n = slot_of(g, prompt)->turn;

    return n ? &g->turns[n - 1] : NULL;
}

static struct turn *turn_next(struct grok *g, const struct turn *turn)
{
    return turn->older ? &g->turns[turn->older - 1] : NULL;
}

static struct turn *turn_find(struct grok *g, uint64_t prompt, uint64_t key)
{
    struct turn *turn = turn_first(g, prompt);

    while (turn && turn->key != key)
        turn = turn_next(g, turn);
    return turn;
}

static uint64_t turn_key(uint64_t prompt, struct oks_slice model)
{
    return source_key_end(source_key_text(prompt, model));
}

/* --- the reader's life --- */

static int grok_make(void **out)
{
    *out = calloc(1, sizeof(struct grok));
    return *out ? 0 : -ENOMEM;
}

static void grok_free(void *reader)
{
    struct grok *g = reader;

    if (!g)
        return;
    turns_clear(g);
    free(g->turns);
    line_free(reader);
}

static const char memo_magic[] = "grok1";

static char *grok_memo(void *reader)
{
    const struct grok *g = reader;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    source_name_put(&w, &g->about.parent);
    memo_put(&w, g->reader.memory.unnamed);
    memo_put(&w, g->reader.memory.tools);
    for (size_t i = 0; i < g->n_turns; i++) {
        memo_put(&w, g->turns[i].prompt);
        memo_put(&w, g->turns[i].key);
        memo_put(&w, g->turns[i].time);
        for (int k = 0; k < GROK_COUNTS; k++)
            memo_put(&w, g->turns[i].counted[k]);
    }
    return memo_take(&w);
}

static int grok_begin(void *reader, const char *memo, const char *peers)
{
    struct grok *g = reader;
    struct memo_reader r = {memo};
    char magic[MEMO_TEXT_MAX + 1];

    turns_clear(g);
    about_read(peers, &g->about);
    g->placed = false;
    g->reader.memory = (struct memory){0};
    memo_get_text(&r, magic);
    if (strcmp(magic, memo_magic) != 0) {
        turns_index(g);
        return 0;
    }
    memo_skip(&r);
    g->reader.memory.unnamed = memo_get(&r);
    g->reader.memory.tools = memo_get(&r);
    while (!memo_is_over(&r) && g->n_turns < TURNS_MAX) {
        struct turn *turn;

        if (!OKS_GROW(g->turns, g->n_turns, g->room))
            return -ENOMEM;
        turn = &g->turns[g->n_turns++];
        *turn = (struct turn){.prompt = memo_get(&r), .told = true};
        turn->key = memo_get(&r);
        turn->time = memo_get(&r);
        for (int k = 0; k < GROK_COUNTS; k++)
            turn->used[k] = turn->counted[k] = memo_get(&r);
    }
    turns_index(g);
    return 0;
}

/* --- from line to record --- */

/* The update that ends a turn, or NULL: it is another one, or has no usage. */
static const struct update *turn_of(const struct line *l)
{
    const struct params *p = &l->params;
    bool turn = p->present && p->update.present && p->update.turn.present;

    return turn && is(p->update.kind, "turn_completed") ? &p->update : NULL;
}

static uint64_t line_odd(const struct line *l)
{
    const struct update *u = turn_of(l);

    if (!u)
        return 0;
    return u->turn.models.present ? u->turn.models.odd : odd_of(u->turn.all.count, GROK_COUNTS);
}

static struct oks_record *record_of(struct grok *g, const struct line_place *place)
{
    struct oks_record *r = line_record(&g->reader, place);

    r->branch = source_name_slice(&g->about.branch);
    r->is_sidechain = g->about.sidechain;
    if (r->is_sidechain) {
        r->agent_id = source_name_slice(&g->about.self);
        r->agent_name = source_name_slice(&g->about.agent);
    }
    if (!g->placed && *g->about.cwd)
        r->cwd = oks_slice_of(g->about.cwd);
    return r;
}

static int tell(struct grok *g, const struct oks_record *r, const struct line_place *place,
                const struct oks_sink *sink)
{
    g->placed |= place->complete;
    return sink->record(sink->ctx, r, place->complete);
}

/* By enum oks_column. */
static void columns_of(const uint64_t used[GROK_COUNTS], uint64_t to[OKS_COLUMNS])
{
    memset(to, 0, OKS_COLUMNS * sizeof(*to));
    to[OKS_INPUT] = less(less(used[GROK_INPUT], used[GROK_READ]), used[GROK_WRITE]);
    to[OKS_OUTPUT] = used[GROK_OUTPUT];
    to[OKS_CACHE_READ] = used[GROK_READ];
    to[OKS_CACHE_CREATION] = to[OKS_CACHE_CREATION_5M] = used[GROK_WRITE];
}

static bool only_grew(const uint64_t before[GROK_COUNTS], const uint64_t now[GROK_COUNTS])
{
    uint64_t was[OKS_COLUMNS], has[OKS_COLUMNS];

    columns_of(before, was);
    columns_of(now, has);
    for (int i = 0; i < OKS_COLUMNS; i++)
        if (has[i] < was[i])
            return false;
    return true;
}

/* The turn as it is now: one record. */
static int tell_turn(struct grok *g, const struct turn *turn, const struct fresh *f,
                     const struct oks_sink *sink)
{
    struct oks_record *r = record_of(g, &f->place);
    uint64_t now[OKS_COLUMNS];

    columns_of(turn->used, now);
    columns_of(turn->counted, g->counted);
    r->type = OKS_RECORD_ASSISTANT;
    r->again = turn->told;
    if (turn->time)
        r->time = source_time(&g->clock, turn->time - 1);
    r->message.id = source_id(*g->about.self.text ? g->about.self.text : "grok", turn->key, g->id);
    r->message.model = source_name_slice(&f->model);
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage = (struct oks_usage){
        .present = true,
        .input = now[OKS_INPUT],
        .output = now[OKS_OUTPUT],
        .cache_creation = now[OKS_CACHE_CREATION],
        .cache_creation_5m = now[OKS_CACHE_CREATION_5M],
        .cache_read = now[OKS_CACHE_READ],
    };
    r->context = OKS_PROMPT_UNKNOWN;
    r->tool_uses = g->counted[OKS_TOOL_USES] = f->tools; /* they were counted when they were logged */
    r->counted = g->counted;
    return tell(g, r, &f->place, sink);
}

/* A line without usage, or one whose usage is told at the end. */
static int tell_plain(struct grok *g, const struct line_place *place, const struct oks_sink *sink)
{
    struct oks_record *r = record_of(g, place);
    const struct params *p = &g->reader.shape.line.params;
    const struct update *u = &p->update;
    bool update = p->present && u->present;
    uint64_t ms;

    if (source_seconds(g->reader.shape.line.seconds, &ms))
        r->time = source_time(&g->clock, ms);
    if (update && is(u->kind, "user_message_chunk"))
        r->type = OKS_RECORD_USER;
    if (update && is(u->kind, "tool_call")) {
        r->type = OKS_RECORD_ASSISTANT;
        r->tool_uses = r->n_tools = 1;
        r->tools[0] = u->meta.present && u->meta.tool.present ? u->meta.tool.name : (struct oks_slice){0};
        r->message.model = source_name_slice(&g->about.model);
        g->reader.memory.tools++;
    }
    return tell(g, r, place, sink);
}

/* --- turns --- */

/* Tells and forgets the older half. */
static int turns_shed(struct grok *g, const struct oks_sink *sink)
{
    size_t n = g->n_turns / 2;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && g->turns[i].fresh)
            rc = tell_turn(g, &g->turns[i], g->turns[i].fresh, sink);
        free(g->turns[i].fresh);
    }
    memmove(g->turns, g->turns + n, (g->n_turns - n) * sizeof(*g->turns));
    g->n_turns -= n;
    turns_index(g);
    return rc;
}

static struct turn *turn_made(struct grok *g, uint64_t prompt, uint64_t key)
{
    struct turn *turn = turn_find(g, prompt, key);
    uint64_t ms;

    if (turn)
        return turn;
    if (!OKS_GROW(g->turns, g->n_turns, g->room))
        return NULL;
    turn = &g->turns[g->n_turns++];
    *turn = (struct turn){.prompt = prompt, .key = key};
    if (source_seconds(g->reader.shape.line.seconds, &ms))
        turn->time = ms + 1;
    turn_index(g, g->n_turns - 1);
    return turn;
}

static uint64_t prompt_of(struct grok *g, const struct update *u)
{
    uint64_t key = source_key_text(KEYS, source_name_slice(&g->about.self));

    if (u->prompt.ptr)
        return source_key_text(key, u->prompt);
    return source_key_number(key, ++g->reader.memory.unnamed);
}

static void used_of(const struct usage *u, uint64_t used[GROK_COUNTS])
{
    for (int i = 0; i < GROK_COUNTS; i++)
        used[i] = u->count[i].value;
}

/* The usage of one model, as the present line says. */
struct taking {
    uint64_t prompt;
    const struct usage *usage;
    struct oks_slice model;
};

/* Into the table. */
static int take_usage(struct grok *g, const struct taking *t, const struct line_place *place)
{
    struct turn *turn = turn_made(g, t->prompt, turn_key(t->prompt, t->model));

    if (turn && !turn->fresh)
        turn->fresh = malloc(sizeof(*turn->fresh));
    if (!turn || !turn->fresh)
        return -ENOMEM;
    used_of(t->usage, turn->used);
    *turn->fresh = (struct fresh){.place = *place, .tools = g->reader.memory.tools};
    g->reader.memory.tools = 0;
    source_name_set(&turn->fresh->model, t->model);
    return turn->told && !only_grew(turn->counted, turn->used) ? -ESTALE : 0;
}

/* What an earlier line said of the prompt is not true any more. */
static void withdraw(struct grok *g, uint64_t prompt)
{
    for (struct turn *turn = turn_first(g, prompt); turn; turn = turn_next(g, turn)) {
        if (turn->fresh)
            g->reader.memory.tools += turn->fresh->tools;
        free(turn->fresh);
        turn->fresh = NULL;
        memset(turn->used, 0, sizeof(turn->used));
    }
}

/* A model that the line does not have any more, and that was told. */
static bool any_lost(struct grok *g, uint64_t prompt)
{
    for (struct turn *turn = turn_first(g, prompt); turn; turn = turn_next(g, turn))
        if (turn->told && !turn->fresh)
            return true;
    return false;
}

/* Usage i of the present line; false: there are no more. */
static bool usage_at(const struct grok *g, const struct update *u, size_t i, struct taking *t)
{
    const struct shape *s = &g->reader.shape;

    t->usage = &u->turn.all;
    t->model = source_name_slice(&g->about.model);
    if (!u->turn.models.present)
        return i == 0;
    if (i >= s->n_items)
        return false;
    t->usage = &s->items[i].usage;
    t->model = (struct oks_slice){s->items[i].name, s->items[i].len};
    return true;
}

static int take_turn(struct grok *g, const struct update *u, const struct line_place *place,
                     const struct oks_sink *sink)
{
    struct taking t = {.prompt = prompt_of(g, u)};
    int rc = g->n_turns + GROK_MODELS > TURNS_MAX ? turns_shed(g, sink) : 0;

    withdraw(g, t.prompt);
    for (size_t i = 0; rc == 0 && usage_at(g, u, i, &t); i++)
        rc = take_usage(g, &t, place);
    return rc == 0 && any_lost(g, t.prompt) ? -ESTALE : rc;
}

/* An unfinished line counts while it is the last one. One record only can be told of it. */
static int tell_unfinished(struct grok *g, const struct update *u, const struct line_place *place,
                           const struct oks_sink *sink)
{
    struct fresh fresh = {.place = *place, .tools = g->reader.memory.tools};
    struct taking t = {.prompt = prompt_of(g, u)}, more;
    struct turn turn = {.prompt = t.prompt};
    const struct turn *known;
    uint64_t ms;

    if (!usage_at(g, u, 0, &t) || usage_at(g, u, 1, &more))
        return 0;
    if (source_seconds(g->reader.shape.line.seconds, &ms))
        turn.time = ms + 1;
    turn.key = turn_key(t.prompt, t.model);
    known = turn_find(g, t.prompt, turn.key);
    if (known)
        turn = *known;
    memcpy(turn.counted, turn.used, sizeof(turn.counted)); /* what complete lines come to */
    used_of(t.usage, turn.used);
    if (!only_grew(turn.counted, turn.used))
        return 0;
    source_name_set(&fresh.model, t.model);
    return tell_turn(g, &turn, &fresh, sink);
}

static int line_tell(struct line_reader *reader, const struct line_place *place, const struct oks_sink *sink)
{
    struct grok *g = (struct grok *)(void *)reader;
    const struct update *u = turn_of(&reader->shape.line);
    int rc = 0;

    if (u && !place->complete)
        return tell_unfinished(g, u, place, sink);
    if (u)
        rc = take_turn(g, u, place, sink);
    return rc ? rc : tell_plain(g, place, sink);
}

static int grok_end(void *reader, const struct oks_sink *sink)
{
    struct grok *g = reader;
    size_t kept = 0;
    int rc = 0;

    g->reader.record.odd = 0; /* it was counted by line */
    for (size_t i = 0; i < g->n_turns; i++) {
        struct turn turn = g->turns[i];

        if (turn.fresh && rc == 0) {
            rc = tell_turn(g, &turn, turn.fresh, sink);
            turn.told = true;
            memcpy(turn.counted, turn.used, sizeof(turn.counted));
        }
        free(turn.fresh);
        turn.fresh = NULL;
        if (turn.told) /* else a later line took it back */
            g->turns[kept++] = turn;
    }
    if (kept < g->n_turns) {
        g->n_turns = kept;
        turns_index(g);
    }
    return rc;
}

const struct oks_reader_ops READER(grok) = {
    .make = grok_make,
    .free = grok_free,
    .trim = line_trim,
    .scalar = line_scalar,
    .walk = line_walk,
    .tell = line_told,
    .begin = grok_begin,
    .end = grok_end,
    .memo = grok_memo,
};
