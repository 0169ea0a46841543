/* Finding the form of a line (json_forms.h). Included by json_walk.h for shapes that have forms. */
#include "scan/json_forms.h"

/*
 * Whether the node's piece is in front of s: from its end on, where those behind one node mostly differ.
 * Bytes in front of the line and behind its newline may be read, and do not matter.
 */
static inline bool form_is(const struct form_node *node, const char *s)
{
#ifdef __SSE2__
    const char *text = node->text + FORM_ROOM;
    size_t left = node->len;
    uint32_t same;

    for (;; left -= 32) {
        s -= 32;
        text -= 32;
#ifdef __AVX2__
        same = (uint32_t)_mm256_movemask_epi8(
            _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)s),
                              _mm256_load_si256((const __m256i *)(const void *)text)));
#else
        same =
            (uint32_t)(lex_same16(_mm_load_si128((const __m128i *)(const void *)text), s) |
                       lex_same16(_mm_load_si128((const __m128i *)(const void *)(text + 16)), s + 16) << 16);
#endif
        if (left <= 32)
            return (uint64_t)(uint32_t)~same >> (32 - left) == 0;
        if (~same)
            return false;
    }
#else
    return memcmp(s - node->len, node->text + FORM_ROOM - node->len, node->len) == 0;
#endif
}

/*
 * Whether the piece stands in front of, and with, the entry at `next`, and begins at `begin`, or up to `span`
 * bytes behind it.
 */
static inline bool form_fits(const struct form_node *node, const char *next, const char *begin, size_t span)
{
    const char *s = next - node->lead;

    return (size_t)(s - begin) <= span && form_is(node, s + node->len) &&
           (node->kind != FORM_ATOM || lex_is(s + node->to, LEX_NUMBER));
}

/* The one behind `before` that fits, if it is not the first one: then it becomes that. */
static __attribute__((noinline)) struct form_node *form_other(struct form_node *before, const char *next,
                                                              const char *begin, size_t span)
{
    struct form_node *last = before->first, *node;

    if (!last)
        return NULL;
    for (; (node = last->other); last = node) {
        if (!form_fits(node, next, begin, span))
            continue;
        last->other = node->other;
        node->other = before->first;
        before->first = node;
        break;
    }
    return node;
}

static __attribute__((noinline)) void forms_call(struct shape *shape, const struct form_call *call,
                                                 unsigned n, const char *s)
{
    for (; n > 0; call++, n--) {
        if (call->what == CALL_VALUE)
            fields_word(shape, call->field, call->context, s + call->at, call->len);
        else if (call->what == CALL_KEY)
            shape_key(shape, call->context, s + call->at, call->len);
        else if (call->what == CALL_CLOSE)
            shape_close(shape, call->context);
        else
            shape_open(shape, call->context, call->field, call->what == CALL_ARRAY);
    }
}

/* Whether so many digits are all of those of a number: an integer, but for a fraction or an exponent. */
static inline bool form_is_plain(const char *s, unsigned digits)
{
    return digits - 1 < LEX_DIGITS - 1 && (*s != '0' || digits == 1);
}

/*
 * A number that is not plain: collects it, and returns what is behind it; NULL: it is none. `digits` stand in
 * front: of a time mostly, with a fraction.
 */
static __attribute__((noinline)) const char *forms_number(struct shape *shape, const struct field *field,
                                                          const char *s, unsigned digits)
{
    unsigned fraction = s[digits] == '.' ? lex_count_digits(s + digits + 1) : 0;
    const char *end = s + digits + 1 + fraction;
    enum json_kind kind = JSON_FLOAT;

    if (!form_is_plain(s, digits) || fraction - 1 >= LEX_DIGITS - 1 || !lex_is(end, LEX_END))
        end = oks_lex_atom(s, &kind);
    if (end && field)
        fields_number(shape, field, kind, s, (size_t)(end - s));
    return end;
}

/*
 * Collects the line that begins at buf[from] and has its entries at *cursor, which is moved to the one of the
 * newline. JSON_LINE_DOUBT: it has none of these forms, and has to be begun anew.
 */
static __attribute__((noinline)) int forms_line(struct shape *shape, struct json_forms *forms,
                                                const char *buf, size_t from, const uint32_t **cursor)
{
    struct form_node *before = forms->nodes, *node;
    const struct field *field = NULL; /* of the string in front of the piece */
    const char *begin = buf + from, *s;
    const uint32_t *p = *cursor;
    size_t span = 0;
    unsigned digits;
    int r;

    for (;; before = node) {
        s = buf + *p;
        node = before->first;
        if ((!node || !form_fits(node, s, begin, span)) && !(node = form_other(before, s, begin, span)))
            return JSON_LINE_DOUBT;
        s -= node->lead;
        p += node->entries;
        if (buf + p[-1] != s + node->to)
            return JSON_LINE_DOUBT;
        if (field && (r = shape_scalar(shape, field, JSON_STRING, begin, (size_t)(s - begin))))
            return r;
        if (node->n_calls)
            forms_call(shape, &forms->calls[node->calls], node->n_calls, s);
        s += node->to;
        if (node->kind == FORM_STRING) {
            begin = s + 1;
            span = SIZE_MAX / 2;
            field = node->field;
            continue;
        }
        if (node->kind == FORM_END)
            break;
        digits = lex_count_digits(s);
        begin = s + digits;
        span = 0;
        field = NULL;
        if (!form_is_plain(s, digits) || !lex_is(begin, LEX_END)) {
            begin = forms_number(shape, node->field, s, digits);
            if (!begin)
                return JSON_LINE_DOUBT;
        } else if (node->field) {
            fields_digits(shape, node->field, s, digits);
        }
    }
    *cursor = p - 1;
    forms->credit += forms->credit < FORMS_CREDIT ? FORM_GAIN : 0;
    return JSON_LINE_OBJECT;
}
