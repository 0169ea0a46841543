/*
 * Sets of tools.
 *
 * Invariant: each event of a set with names has as many calls as the set has names. The calls of all names of
 * all sets add up to the tool uses of all events.
 */
#include "history/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "history/events.h"
#include "scan/counts.h"

/* --- a set as text --- */

/* A name up to a NUL or a newline, in whole characters; a call without one is called "(others)". */
static struct oks_slice name_of(struct oks_slice s)
{
    size_t n = s.ptr ? strnlen(s.ptr, s.len) : 0;
    const char *end = n ? memchr(s.ptr, '\n', n) : NULL;

    n = end ? (size_t)(end - s.ptr) : n;
    if (n > TOOL_NAME_MAX)
        for (n = TOOL_NAME_MAX; n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80;)
            n--;
    return n ? (struct oks_slice){s.ptr, n} : OKS_SLICE(TOOLS_OTHERS);
}

static void sort_names(struct oks_slice *names, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && oks_slice_cmp(names[k - 1], names[k]) > 0; k--) {
            struct oks_slice name = names[k];

            names[k] = names[k - 1];
            names[k - 1] = name;
        }
}

static struct oks_slice others(char out[TOOL_SET_MAX])
{
    const struct oks_slice text = OKS_SLICE(TOOLS_OTHERS);

    memcpy(out, text.ptr, text.len);
    return (struct oks_slice){out, text.len};
}

struct oks_slice tool_set_text(const struct oks_record *record, uint64_t calls, char out[TOOL_SET_MAX])
{
    struct oks_slice names[OKS_TOOLS_MAX];
    size_t len = 0;

    if (calls == 0 || record->n_tools == 0)
        return (struct oks_slice){out, 0};
    if (calls != record->n_tools)
        return others(out);
    for (size_t i = 0; i < calls; i++)
        names[i] = name_of(record->tools[i]);
    sort_names(names, calls);
    for (size_t i = 0; i < calls; i++) {
        if (len + (i > 0) + names[i].len > TOOL_SET_MAX)
            return others(out);
        if (i > 0)
            out[len++] = '\n';
        memcpy(out + len, names[i].ptr, names[i].len);
        len += names[i].len;
    }
    return (struct oks_slice){out, len};
}

static bool has_names(const char *text)
{
    return *text && strcmp(text, TOOLS_OTHERS) != 0;
}

int tool_set_each(const char *text, uint64_t events, uint64_t calls,
                  int (*fn)(void *ctx, struct oks_slice name, uint64_t calls), void *ctx)
{
    int rc = 0;

    if (!has_names(text))
        return calls ? fn(ctx, oks_slice_of(text), calls) : 0;
    while (rc == 0) {
        size_t n = strcspn(text, "\n");

        if (events)
            rc = fn(ctx, (struct oks_slice){text, n}, events);
        if (!text[n])
            break;
        text += n + 1;
    }
    return rc;
}

/* --- the list --- */

static struct oks_tool_set *find(const struct oks_tool_sets *sets, struct oks_slice text)
{
    for (size_t i = 0; i < sets->len; i++)
        if (oks_slice_eq(oks_slice_of(sets->items[i].text), text))
            return &sets->items[i];
    return NULL;
}

/* An exact fit: the list is kept for good, and there is one for each transcript. */
static struct oks_tool_set *append(struct oks_tool_sets *sets, struct oks_slice text)
{
    struct oks_tool_set *items = reallocarray(sets->items, sets->len + 1, sizeof(*items));
    char *copy = items ? oks_slice_copy(text) : NULL;

    if (items)
        sets->items = items;
    if (!copy)
        return NULL;
    items[sets->len] = (struct oks_tool_set){.text = copy};
    return &items[sets->len++];
}

int oks_tool_sets_add(struct oks_tool_sets *sets, struct oks_slice text, uint64_t events, uint64_t calls,
                      uint8_t *place)
{
    struct oks_tool_set *set = find(sets, text);

    if (!set && sets->len + 1 >= OKS_PLACES_MAX) {
        text = OKS_SLICE(TOOLS_OTHERS);
        set = find(sets, text);
    }
    if (!set)
        set = append(sets, text);
    if (!set)
        return -ENOMEM;
    set->events = oks_tokens_add(set->events, events);
    set->calls = oks_tokens_add(set->calls, calls);
    if (place)
        *place = (uint8_t)(set - sets->items);
    return 0;
}

void oks_tool_sets_clear(struct oks_tool_sets *sets)
{
    for (size_t i = 0; i < sets->len; i++)
        free(sets->items[i].text);
    free(sets->items);
    *sets = (struct oks_tool_sets){0};
}
