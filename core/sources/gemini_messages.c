/*
 * The table of a chat's messages, and its memo: see gemini_messages.h.
 *
 * Invariants: `slots` is open addressing, at most half full; no two items have the same id.
 */
#include "sources/gemini_messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

uint64_t gemini_hash(struct oks_slice s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    return h ? h : 1;
}

enum { NUMBER_BITS = 20 };
_Static_assert(GEMINI_MESSAGES_MAX < 1 << NUMBER_BITS, "a slot has room for the number of an item");

static uint64_t slot_of(uint64_t id, size_t number)
{
    return id >> NUMBER_BITS << NUMBER_BITS | number;
}

static size_t slot_number(uint64_t slot)
{
    return slot & ((1 << NUMBER_BITS) - 1);
}

static int slots_grow(struct gemini_messages *m)
{
    size_t n_slots = m->n_slots ? m->n_slots * 2 : 256;
    uint64_t *slots = calloc(n_slots, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < m->n; i++) {
        size_t at = m->items[i].id & (n_slots - 1);

        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = slot_of(m->items[i].id, i + 1);
    }
    free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    return 0;
}

struct gemini_message *gemini_message_of(struct gemini_messages *m, uint64_t id, bool make)
{
    size_t at;

    if (2 * m->n >= m->n_slots && slots_grow(m) < 0)
        return NULL;
    for (at = id & (m->n_slots - 1); m->slots[at]; at = (at + 1) & (m->n_slots - 1)) {
        size_t number = slot_number(m->slots[at]);

        /* Most other messages are told apart without a look at them. */
        if (m->slots[at] == slot_of(id, number) && m->items[number - 1].id == id)
            return &m->items[number - 1];
    }
    if (!make || m->n == GEMINI_MESSAGES_MAX)
        return NULL;
    if (!OKS_GROW(m->items, m->n, m->room))
        return NULL;
    m->slots[at] = slot_of(id, m->n + 1);
    m->items[m->n] = (struct gemini_message){.id = id};
    return &m->items[m->n++];
}

/* --- memos --- */

static const char memo_magic[] = "gemini1";

enum { MESSAGE_TOLD = 1, MESSAGE_FOREIGN = 2, MESSAGE_MEASURED = 4 };

static bool memo_head(struct memo_reader *r, char session[MEMO_TEXT_MAX + 1])
{
    char magic[MEMO_TEXT_MAX + 1];

    memo_get_text(r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return false;
    memo_get_text(r, session);
    return true;
}

static void memo_message(struct memo_reader *r, struct gemini_message *e)
{
    uint64_t flags;

    *e = (struct gemini_message){.id = memo_get(r)};
    flags = memo_get(r);
    e->told = flags & MESSAGE_TOLD;
    e->foreign = flags & MESSAGE_FOREIGN;
    e->measured = flags & MESSAGE_MEASURED;
    e->stamp = memo_get(r);
    e->model = memo_get(r);
    for (int i = 0; i < GEMINI_COLUMNS; i++)
        e->count[i] = memo_get(r);
}

char *gemini_messages_memo(const struct gemini_messages *m)
{
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put_text(&w, oks_slice_of(m->session));
    memo_put(&w, m->unnamed);
    for (size_t i = 0; i < m->n; i++) {
        const struct gemini_message *e = &m->items[i];

        memo_put(&w, e->id);
        memo_put(&w, (e->told ? MESSAGE_TOLD : 0u) | (e->foreign ? MESSAGE_FOREIGN : 0u) |
                         (e->measured ? MESSAGE_MEASURED : 0u));
        memo_put(&w, e->stamp);
        memo_put(&w, e->model);
        for (int k = 0; k < GEMINI_COLUMNS; k++)
            memo_put(&w, e->count[k]);
    }
    return memo_take(&w);
}

/* The ids that the peers tell of. */
static int read_peers(const char *peers, struct memo_numbers *known)
{
    char session[MEMO_TEXT_MAX + 1];

    *known = (struct memo_numbers){0};
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct gemini_message message;

        if (!memo_head(&r, session))
            continue;
        memo_get(&r);
        while (!memo_is_over(&r)) {
            memo_message(&r, &message);
            if (memo_numbers_add(known, message.id) < 0) {
                memo_numbers_clear(known);
                return -ENOMEM;
            }
        }
    }
    memo_numbers_sort(known);
    return 0;
}

bool gemini_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    char session[MEMO_TEXT_MAX + 1];
    struct memo_numbers known;
    bool same = true;

    if (!memo_head(&r, session) || read_peers(peers, &known) < 0)
        return true;
    memo_get(&r);
    while (same && !memo_is_over(&r)) {
        struct gemini_message e;

        memo_message(&r, &e);
        same = e.foreign == memo_numbers_has(&known, e.id);
    }
    memo_numbers_clear(&known);
    return same;
}

/* --- life --- */

void gemini_messages_forget(struct gemini_messages *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->items[i].kept);
    free(m->slots);
    memo_numbers_clear(&m->known);
    m->slots = NULL;
    m->n = m->n_slots = 0;
    m->unnamed = 0;
    m->session[0] = '\0';
}

void gemini_messages_clear(struct gemini_messages *m)
{
    gemini_messages_forget(m);
    free(m->items);
    *m = (struct gemini_messages){0};
}

int gemini_messages_begin(struct gemini_messages *m, const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    char session[MEMO_TEXT_MAX + 1];
    int rc;

    gemini_messages_forget(m);
    rc = read_peers(peers, &m->known);
    if (rc < 0 || !memo_head(&r, session))
        return rc;
    session[GEMINI_NAME_MAX] = '\0';
    strcpy(m->session, session);
    m->unnamed = memo_get(&r);
    while (!memo_is_over(&r)) {
        struct gemini_message read, *message;

        memo_message(&r, &read);
        message = gemini_message_of(m, read.id, true);
        if (!message)
            return -ENOMEM;
        *message = read;
    }
    return 0;
}
