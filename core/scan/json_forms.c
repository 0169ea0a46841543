/* Keeping the forms of lines: see json_forms.h. */
#include "scan/json_forms.h"

#include <stdlib.h>
#include <string.h>

static void forms_clear(struct json_forms *forms)
{
    memset(&forms->nodes[0], 0, sizeof(forms->nodes[0]));
    forms->n_nodes = 1;
    forms->n_calls = 0;
}

static struct json_forms *forms_new(void)
{
    struct json_forms *forms = aligned_alloc(_Alignof(struct json_forms), sizeof(*forms));

    if (!forms)
        return NULL;
    forms_clear(forms);
    forms->credit = FORMS_CREDIT;
    return forms;
}

/* What is left of the line: it begins at `begin`, and has the values from number `value` on. */
struct rest {
    const struct form_draft *draft;
    const uint32_t *newline;
    size_t begin;
    unsigned value;
};

static bool is_literal(enum json_kind kind)
{
    return kind <= JSON_FALSE;
}

/* What stays in its piece, if it has room there. */
static bool is_word(const struct form_draft *draft, const struct form_value *value)
{
    const char *s = draft->buf + value->from + 1, *end = draft->buf + value->to;

    if (value->kind != JSON_STRING || end - s > FORM_WORD)
        return is_literal(value->kind);
    while (s < end && lex_is(s, LEX_WORD))
        s++;
    return s == end;
}

/* Where a piece ends that has value number i behind it, or the newline. */
static size_t piece_end(const struct rest *rest, unsigned i)
{
    const struct form_value *value = &rest->draft->values[i];

    return i == rest->draft->n_values ? *rest->newline + 1 : value->from + (value->kind == JSON_STRING);
}

static enum form_kind kind_of(const struct rest *rest, unsigned i)
{
    if (i == rest->draft->n_values)
        return FORM_END;
    return rest->draft->values[i].kind == JSON_STRING ? FORM_STRING : FORM_ATOM;
}

static const char *form_text(const struct form_node *node)
{
    return node->text + FORM_ROOM - node->len;
}

/* Whether the node's text begins with what stands from there up to `end`. */
static bool begins(const struct form_node *node, const struct rest *rest, size_t end)
{
    size_t len = end - rest->begin;

    return node->len >= len && memcmp(form_text(node), rest->draft->buf + rest->begin, len) == 0;
}

/* Whether as many are known as may be that differ in this word. */
static bool is_crowded(const struct form_node *before, const struct rest *rest, unsigned i)
{
    unsigned n = 0;

    for (const struct form_node *node = before->first; node; node = node->other)
        n += begins(node, rest, piece_end(rest, i));
    return rest->draft->values[i].kind == JSON_STRING && n >= FORMS_WORDS;
}

/* The value behind the next piece, or the number of values for the newline. False: that would be too long. */
static bool find_value(const struct form_node *before, const struct rest *rest, unsigned *value)
{
    const struct form_draft *draft = rest->draft;
    unsigned i = rest->value;

    while (i < draft->n_values && is_word(draft, &draft->values[i]) && !is_crowded(before, rest, i))
        i++;
    while (piece_end(rest, i) - rest->begin > FORM_TEXT ||
           (i < draft->n_values && is_literal(draft->values[i].kind)))
        if (i-- == rest->value)
            return false;
    *value = i;
    return i == draft->n_values || draft->values[i].kind == JSON_STRING ||
           lex_is(draft->buf + draft->values[i].from, LEX_NUMBER);
}

/* The known node that has the next piece, and the value behind that. */
static struct form_node *find_node(const struct form_node *before, const struct rest *rest, unsigned *value)
{
    for (struct form_node *node = before->first; node; node = node->other)
        for (unsigned i = rest->value; i <= rest->draft->n_values; i++)
            if (piece_end(rest, i) - rest->begin == node->len && kind_of(rest, i) == node->kind &&
                begins(node, rest, piece_end(rest, i)) &&
                (node->kind != FORM_ATOM || lex_is(rest->draft->buf + piece_end(rest, i), LEX_NUMBER))) {
                *value = i;
                return node;
            }
    return NULL;
}

static void put_call(struct json_forms *forms, struct form_node *node, const struct form_call *call)
{
    forms->calls[forms->n_calls++] = *call;
    node->n_calls++;
}

/* The calls of the draft from one number to another. */
static void put_calls(struct json_forms *forms, struct form_node *node, const struct rest *rest,
                      unsigned from, unsigned to)
{
    for (; from < to; from++) {
        struct form_call call = rest->draft->calls[from];

        if (call.what == CALL_KEY)
            call.at = (uint8_t)(rest->draft->keys[from] - rest->begin);
        put_call(forms, node, &call);
    }
}

/* A word or literal in the piece. */
static void put_value(struct json_forms *forms, struct form_node *node, const struct rest *rest,
                      const struct form_value *value)
{
    size_t from = value->from + (value->kind == JSON_STRING);
    const struct form_call call = {.field = value->field,
                                   .what = CALL_VALUE,
                                   .context = (uint8_t)value->kind,
                                   .at = (uint8_t)(from - rest->begin),
                                   .len = (uint8_t)(value->to - from)};

    if (value->field)
        put_call(forms, node, &call);
}

/* Makes a node of the next piece, which has value number `end` behind it. */
static void make_node(struct json_forms *forms, struct form_node *node, const struct rest *rest, unsigned end)
{
    const struct form_draft *draft = rest->draft;
    const struct form_value *before = rest->value ? &draft->values[rest->value - 1] : NULL;
    const struct form_value *next = end < draft->n_values ? &draft->values[end] : NULL;
    uint32_t first = before ? before->entry + 1 : 0;
    uint32_t last = next ? next->entry : (uint32_t)(rest->newline - draft->entries);
    unsigned call = before ? before->n_calls : 0;

    memset(node, 0, sizeof(*node));
    node->len = (uint8_t)(piece_end(rest, end) - rest->begin);
    memcpy(node->text + FORM_ROOM - node->len, draft->buf + rest->begin, node->len);
    node->lead = (uint8_t)(draft->entries[first] - rest->begin);
    node->to = (uint8_t)(draft->entries[last] - rest->begin);
    node->entries = (uint8_t)(last - first + 1);
    node->kind = (uint8_t)kind_of(rest, end);
    node->field = next ? next->field : NULL;
    node->calls = (uint16_t)forms->n_calls;
    for (unsigned i = rest->value; i < end; i++) {
        put_calls(forms, node, rest, call, draft->values[i].n_calls);
        put_value(forms, node, rest, &draft->values[i]);
        call = draft->values[i].n_calls;
    }
    put_calls(forms, node, rest, call, next ? next->n_calls : draft->n_calls);
}

/* Adds it, and takes out those with a word where it has a string. False: there are too many. */
static bool add_node(struct form_node *before, struct form_node *node, const struct rest *rest)
{
    struct form_node **link = &before->first;
    unsigned n = 0;

    while (*link) {
        if (node->kind == FORM_STRING && begins(*link, rest, rest->begin + node->len)) {
            *link = (*link)->other;
        } else {
            link = &(*link)->other;
            n++;
        }
    }
    if (n >= FORMS_ALIKE)
        return false;
    node->other = before->first;
    before->first = node;
    return true;
}

/* Room for one more line. */
static void make_room(struct json_forms *forms)
{
    if (forms->n_nodes + FORM_VALUES + 1 > FORMS_NODES ||
        forms->n_calls + FORM_CALLS + FORM_VALUES > FORMS_CALLS)
        forms_clear(forms);
}

void json_forms_keep(struct json_forms **to, const struct form_draft *draft, size_t from,
                     const uint32_t *newline)
{
    struct rest rest = {draft, newline, from, 0};
    struct json_forms *forms = *to;
    struct form_node *before, *node;
    unsigned value;

    if (!draft->fits || (!forms && !(forms = *to = forms_new())))
        return;
    make_room(forms);
    for (before = forms->nodes; rest.value <= draft->n_values; before = node) {
        node = find_node(before, &rest, &value);
        if (!node) {
            if (!find_value(before, &rest, &value))
                return;
            node = &forms->nodes[forms->n_nodes++];
            make_node(forms, node, &rest, value);
            if (!add_node(before, node, &rest))
                return;
        }
        rest.begin = value < draft->n_values ? draft->values[value].to : 0;
        rest.value = value + 1;
    }
}
