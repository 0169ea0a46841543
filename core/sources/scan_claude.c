/*
 * From a line of Claude Code to a record.
 *
 * One table says it all: for each container that matters (a context) and each key that matters, what to do
 * with the value and where it goes. Both readers (json_scalar.h, json_walk.h) drive the same few setters
 * through it.
 *
 * Keys may come in any order and more than once, so nothing is decided before the line ends: values are kept
 * raw in `struct shape`, and shape_finish() makes the record of them. Every sub-object begins with
 * `present`. A key that comes (again) first clears all of what it stands for, whatever its value is: the last
 * one wins, with its whole subtree. So what lies behind a false `present` is never looked at, and need not be
 * cleared per line.
 */
#include <errno.h>
#include <stdlib.h>

#include "sources/claude_fields.h"
#include "scan/json_lex.h"
#include "sources/scan_claude.h"

struct oks_claude {
    struct shape shape;
};

enum {
    CLAUDE_PLAIN_KEPT = 1 << 20, /* bytes */
    VENDOR_ID_MIN = 20,          /* letters and digits */
};

/* memset() to 0 of a multiple of 8 bytes, for few of them: what compilers make of that takes longer. */
static inline void clear(void *at, size_t size)
{
    uint64_t *word = at;
#ifdef __SSE2__
    __m128i zero = _mm_setzero_si128();

    __asm__("" : "+x"(zero)); /* or else it is a memset() again */
#pragma GCC unroll 4
    for (; size >= sizeof(zero); word += 2, size -= sizeof(zero))
        _mm_storeu_si128((__m128i *)(void *)word, zero);
    if (size)
        *word = 0;
#else
    memset(word, 0, size);
#endif
}

static inline const struct field *shape_key(struct shape *shape, unsigned context, const char *s, size_t len)
{
    unsigned slot = claude_slot(s, len);
    const struct field *field = &fields[context][slot];

    (void)shape;
    return field->kind != FIELD_NONE && claude_is(s, slot) ? field : NULL;
}

/* Undoes the escapes of a string. */
static __attribute__((noinline)) int unescaped_text(struct shape *shape, const char *s, size_t len,
                                                    struct oks_slice *out)
{
    char *plain;

    if (shape->plain_cap < shape->length) {
        /* Nothing points here yet: the room of a line is found at its first escape, for all of it. */
        free(shape->plain);
        shape->plain_cap = 0;
        shape->plain = malloc(shape->length);
        if (!shape->plain)
            return -ENOMEM;
        shape->plain_cap = shape->length;
    }
    plain = shape->plain + shape->plain_len;
    len = oks_lex_unescape(s, len, plain);
    shape->plain_len += len;
    *out = (struct oks_slice){plain, len};
    return 0;
}

/* Sets the high bit of each byte of a word that is no letter or digit of ASCII. */
static inline uint64_t not_alnum(uint64_t word)
{
    uint64_t low = word & ~LEX_HIGH, letter = low | LEX_ONES * 0x20;
    uint64_t is_digit = (low + LEX_ONES * (0x80 - '0')) & ~(low + LEX_ONES * (0x7f - '9'));
    uint64_t is_letter = (letter + LEX_ONES * (0x80 - 'a')) & ~(letter + LEX_ONES * (0x7f - 'z'));

    return (~(is_digit | is_letter) | word) & LEX_HIGH;
}

/* Of at least 8 bytes. Every record has such an id, so it is read by words. */
static bool letters_and_digits(const char *p, size_t n)
{
    uint64_t bad = not_alnum(lex_load(p + n - 8));

    for (; n > 8; p += 8, n -= 8)
        bad |= not_alnum(lex_load(p));
    return bad == 0;
}

/*
 * Whether the vendor made this id: msg_, perhaps the cloud that served it, and at least twenty letters and
 * digits. Such an id is given once in the world. Relays that answer in the vendor's format make ids of their
 * own, and many give one id to all responses, or the same one within a millisecond.
 */
static bool vendor_id(struct oks_slice id)
{
    static const char *const prefixes[] = {"msg_bdrk_", "msg_vrtx_", "msg_"};
    size_t n = 0;

    for (size_t i = 0; n == 0 && i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (id.len > strlen(prefixes[i]) && memcmp(id.ptr, prefixes[i], strlen(prefixes[i])) == 0)
            n = strlen(prefixes[i]);
    if (n == 0 || id.len - n < VENDOR_ID_MIN)
        return false;
    return letters_and_digits(id.ptr + n, id.len - n);
}

static inline bool is_text(struct oks_slice s, const char *text, size_t len)
{
    return s.len == len && memcmp(s.ptr, text, len) == 0;
}

#define IS(slice, text) is_text(slice, text, sizeof(text) - 1)

static enum oks_record_type record_type(struct oks_slice s)
{
    if (IS(s, "assistant"))
        return OKS_RECORD_ASSISTANT;
    if (IS(s, "user"))
        return OKS_RECORD_USER;
    if (IS(s, "system"))
        return OKS_RECORD_SYSTEM;
    if (IS(s, "progress"))
        return OKS_RECORD_PROGRESS;
    if (IS(s, "attachment"))
        return OKS_RECORD_ATTACHMENT;
    return IS(s, "summary") ? OKS_RECORD_SUMMARY : OKS_RECORD_OTHER;
}

/* A value that is not what its key mostly has, or takes more work: absent for a text, odd for a count. */
static __attribute__((noinline)) int set_other(struct shape *shape, const struct field *field,
                                               enum json_kind kind, const char *s, size_t len)
{
    void *at = (char *)shape + field->offset;
    struct count *count = at;

    if (kind == JSON_STRING && field->kind <= FIELD_NAME)
        return unescaped_text(shape, s, len, at);
    if (field->kind == FIELD_TRUE) {
        *(bool *)at = kind == JSON_TRUE;
    } else if (field->kind == FIELD_COUNT) {
        count->value = 0;
        count->given = kind != JSON_NULL;
        count->odd = count->given && !(kind == JSON_INT && oks_lex_count(s, len, &count->value));
    } else {
        clear(at, field->size);
    }
    return 0;
}

/*
 * A string as it is meant: the line's own bytes where it has no escape. No switch: a jump by table is
 * foretold worse than these few branches, which follow the order of keys.
 */
static inline __attribute__((always_inline)) int shape_scalar(struct shape *shape, const struct field *field,
                                                              enum json_kind kind, const char *s, size_t len)
{
    void *at = (char *)shape + field->offset;

    if (kind == JSON_STRING && field->kind <= FIELD_NAME && !lex_has_backslash(s, len)) {
        *(struct oks_slice *)at = (struct oks_slice){len || field->kind == FIELD_TEXT ? s : NULL, len};
        return 0;
    }
    if (kind == JSON_INT && field->kind == FIELD_COUNT && lex_short_int(s) == len) {
        *(struct count *)at = (struct count){.value = lex_short_value(s, len), .given = true};
        return 0;
    }
    return set_other(shape, field, kind, s, len);
}

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    if (!field) {
        if (array)
            return CTX_SKIP;
        if (context == CTX_CONTENT) {
            clear(&shape->block, sizeof(shape->block));
            return CTX_BLOCK;
        }
        if (context == CTX_STEPS) {
            clear(&shape->step, sizeof(shape->step));
            shape->step.usage.present = true;
            return CTX_STEP;
        }
        return CTX_SKIP;
    }
    if (field->kind != (array ? FIELD_ARRAY : FIELD_OBJECT)) {
        set_other(shape, field, array ? JSON_ARRAY : JSON_OBJECT, NULL, 0);
        return CTX_SKIP;
    }
    clear((char *)shape + field->offset, field->size);
    *(bool *)((char *)shape + field->offset) = true;
    return field->context;
}

static inline uint64_t put_count(const struct count *from, uint64_t *to)
{
    *to = from->value;
    return from->odd;
}

/* Into one that is all zero. Returns how many of its values were odd. */
static uint64_t put_usage(const struct usage *from, struct oks_usage *to)
{
    uint64_t odd = 0;

    if (!from->present)
        return 0;
    to->present = true;
    to->speed = from->speed;
    to->inference_geo = from->inference_geo;
    to->service_tier = from->service_tier;
    odd += put_count(&from->input, &to->input);
    odd += put_count(&from->output, &to->output);
    odd += put_count(&from->cache_creation, &to->cache_creation);
    odd += put_count(&from->cache_read, &to->cache_read);
    if (from->split.present && (from->split.m5.given || from->split.h1.given)) {
        odd += put_count(&from->split.m5, &to->cache_creation_5m);
        odd += put_count(&from->split.h1, &to->cache_creation_1h);
    } else {
        /* Without a split, all of it counts as the cheaper tier. */
        to->cache_creation_5m = to->cache_creation;
    }
    if (from->tools.present)
        odd += put_count(&from->tools.web_search, &to->web_search_requests);
    return odd;
}

static bool step_type(struct oks_slice s, enum oks_step_type *out)
{
    if (IS(s, "message"))
        *out = OKS_STEP_MESSAGE;
    else if (IS(s, "fallback_message"))
        *out = OKS_STEP_FALLBACK;
    else if (IS(s, "advisor_message"))
        *out = OKS_STEP_ADVISOR;
    else if (IS(s, "compaction"))
        *out = OKS_STEP_COMPACTION;
    else
        return false;
    return true;
}

static void end_step(struct shape *shape)
{
    struct steps *steps = &shape->message.steps;
    enum oks_step_type type;
    struct oks_step *step;
    uint64_t odd;

    if (!step_type(shape->step.type, &type))
        return;
    if (steps->n == OKS_STEPS_MAX) {
        steps->dropped++;
        return;
    }
    step = &shape->record.steps[steps->n++];
    step->type = type;
    step->model = shape->step.model;
    clear(&step->usage, sizeof(step->usage));
    odd = put_usage(&shape->step.usage, &step->usage);
    if (type == OKS_STEP_ADVISOR || type == OKS_STEP_COMPACTION)
        steps->odd += odd;
}

/* What a tool returned, or the use of one. The searches of WebSearch are billed. */
static inline void end_block(struct shape *shape)
{
    struct content *content = &shape->message.content;
    const struct block *block = &shape->block;

    if (IS(block->type, "tool_use")) {
        if (content->tool_uses < OKS_TOOLS_MAX)
            shape->record.tools[content->tool_uses] = block->name;
        content->tool_uses++;
        if (IS(block->name, "WebSearch") && block->id.ptr && content->n_searches < OKS_SEARCHES_MAX)
            shape->record.searches[content->n_searches++] = block->id;
    } else if (IS(block->type, "tool_result")) {
        if (!content->tool_result)
            content->result_of = block->tool_use_id;
        content->tool_result = true;
    }
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_BLOCK)
        end_block(shape);
    else if (context == CTX_STEP)
        end_step(shape);
}

static void shape_begin(struct shape *shape, size_t length)
{
    struct oks_record *r = &shape->record;

    /* steps[], searches[] and tools[] are large and say nothing behind n_steps, n_searches and n_tools. */
    clear(r, offsetof(struct oks_record, steps));
    clear(&r->n_steps, sizeof(*r) - offsetof(struct oks_record, n_steps));
    shape->message.present = shape->data.present = shape->compact.present = shape->micro.present = false;
    shape->result.present = false;
    shape->type = (struct oks_slice){NULL, 0};
    shape->length = length;
    shape->plain_len = 0;
}

/* Returns how many of its usage values were odd. */
static uint64_t put_message(const struct message *from, struct oks_message *to)
{
    to->id = from->id;
    to->model = from->model;
    to->stop_reason = from->stop_reason;
    to->foreign_id = from->usage.present && from->id.len && !vendor_id(from->id);
    return put_usage(&from->usage, &to->usage);
}

static void finish_message(struct shape *shape)
{
    const struct message *m = &shape->message;
    struct oks_record *r = &shape->record;

    r->odd = put_message(m, &r->message);
    if (m->usage.present && m->steps.present) {
        r->n_steps = m->steps.n;
        r->steps_dropped = m->steps.dropped;
        r->odd += m->steps.odd;
    }
    if (m->content.present) {
        r->tool_uses = m->content.tool_uses;
        r->n_tools = (unsigned)(r->tool_uses < OKS_TOOLS_MAX ? r->tool_uses : OKS_TOOLS_MAX);
        r->n_searches = m->content.n_searches;
        r->is_tool_result = m->content.tool_result;
        r->result_of = m->content.result_of;
    }
    if (!r->timestamp.ptr)
        r->timestamp = m->timestamp;
}

static void finish_nested(struct shape *shape)
{
    const struct data *data = &shape->data;
    struct oks_record *r = &shape->record;

    if (!data->present || !IS(data->type, "agent_progress") || !data->nest.present)
        return;
    r->nested_present = true;
    r->nested_uuid = data->nest.uuid;
    r->nested_request_id = data->nest.request_id;
    r->nested_timestamp = data->nest.timestamp;
    if (data->nest.message.present)
        put_message(&data->nest.message, &r->nested);
}

static void finish_compact(struct shape *shape)
{
    const struct compact *compact = shape->compact.present ? &shape->compact : &shape->micro;

    if (compact->present) {
        shape->record.compact_trigger = compact->trigger;
        shape->record.compact_pre_tokens = compact->pre_tokens.value;
    }
}

static void shape_finish(struct shape *shape)
{
    shape->record.type = record_type(shape->type);
    if (shape->message.present)
        finish_message(shape);
    if (shape->result.present)
        shape->record.search_count = shape->result.searches.value;
    if (shape->record.type == OKS_RECORD_PROGRESS)
        finish_nested(shape);
    else if (shape->record.type == OKS_RECORD_SYSTEM)
        finish_compact(shape);
}

#include "scan/json_scalar.h"
#include "scan/json_walk.h"

static int claude_make(void **out)
{
    struct oks_claude *claude = calloc(1, sizeof(*claude));

    if (!claude)
        return -ENOMEM;
    *out = claude;
    return 0;
}

static void claude_free(void *reader)
{
    struct oks_claude *claude = reader;

    if (!claude)
        return;
    free(claude->shape.plain);
    free(claude);
}

static void claude_trim(void *reader)
{
    struct shape *shape = &((struct oks_claude *)reader)->shape;

    if (shape->plain_cap > CLAUDE_PLAIN_KEPT) {
        free(shape->plain);
        shape->plain = NULL;
        shape->plain_cap = 0;
    }
}

static int claude_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                         bool *teams)
{
    struct shape *shape = &((struct oks_claude *)reader)->shape;
    int r;

    r = scalar_line(shape, buf + from, buf + to, teams);
    if (r == JSON_LINE_OBJECT) {
        shape_finish(shape);
        *record = &shape->record;
    }
    return r;
}

static int claude_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                       struct oks_record **record, bool *teams)
{
    struct shape *shape = &((struct oks_claude *)reader)->shape;
    int r;

    r = walk_line(shape, buf, from, to, cursor, teams);
    if (r == JSON_LINE_OBJECT) {
        shape_finish(shape);
        *record = &shape->record;
    }
    return r;
}

const struct oks_reader_ops READER(claude) = {
    .make = claude_make,
    .free = claude_free,
    .trim = claude_trim,
    .scalar = claude_scalar,
    .walk = claude_walk,
};
