/* A rollout's state, there and back: see codex_memo.h. */
#include "sources/codex_memo.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void codex_name_set(struct codex_name *name, struct oks_slice s)
{
    size_t n = s.len < CODEX_NAME_MAX ? s.len : CODEX_NAME_MAX;

    if (n)
        memcpy(name->text, s.ptr, n);
    name->text[n] = '\0';
}

uint64_t codex_hash(const uint64_t v[CODEX_COUNTS])
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);

    for (int i = 0; i < CODEX_COUNTS; i++) {
        h = (h ^ v[i]) * UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 29;
    }
    return h;
}

/* --- memos --- */

static const char memo_magic[] = "codex1";

static void memo_names(struct memo_reader *r, struct codex_state *s)
{
    struct codex_name *names[] = {&s->session, &s->origin, &s->parent, &s->model};
    char text[MEMO_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        memo_get_text(r, text);
        codex_name_set(names[i], oks_slice_of(text));
    }
}

/* False where it is no memo of ours. What is left in *r are the hashes. */
static bool memo_head(struct memo_reader *r, struct codex_state *s)
{
    char magic[MEMO_TEXT_MAX + 1];
    uint64_t flags;

    memset(s, 0, sizeof(*s));
    memo_get_text(r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return false;
    memo_names(r, s);
    flags = memo_get(r);
    s->own = flags & 1;
    s->twin = flags & 2;
    s->flushed = flags & 4;
    s->measures = memo_get(r);
    s->replayed = memo_get(r);
    s->tools = memo_get(r);
    for (int i = 0; i < CODEX_COUNTS; i++)
        s->total[i] = memo_get(r);
    return true;
}

int codex_memo_read(const char *memo, struct codex_state *state, struct memo_numbers *seq)
{
    struct memo_reader r = {memo};

    seq->n = 0;
    if (!memo_head(&r, state))
        return 0;
    while (!memo_is_over(&r))
        if (memo_numbers_add(seq, memo_get(&r)) < 0)
            return -ENOMEM;
    return 0;
}

char *codex_memo_text(const struct codex_state *s, const struct memo_numbers *seq)
{
    const struct codex_name *names[] = {&s->session, &s->origin, &s->parent, &s->model};
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        memo_put_text(&w, oks_slice_of(names[i]->text));
    memo_put(&w, (uint64_t)(s->own | s->twin << 1 | s->flushed << 2));
    memo_put(&w, s->measures);
    memo_put(&w, s->replayed);
    memo_put(&w, s->tools);
    for (int i = 0; i < CODEX_COUNTS; i++)
        memo_put(&w, s->total[i]);
    for (size_t i = 0; i < seq->n; i++)
        memo_put(&w, seq->items[i]);
    return memo_take(&w);
}

int codex_peers_read(const char *peers, const char *session, struct memo_numbers *known, bool *twin)
{
    *known = (struct memo_numbers){0};
    *twin = false;
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct codex_state peer;

        if (!memo_head(&r, &peer))
            continue;
        if (strcmp(peer.session.text, session) == 0)
            *twin = true;
        else if (strcmp(peer.origin.text, session) == 0 && strcmp(session, peer.session.text) < 0)
            continue;
        while (!memo_is_over(&r))
            if (memo_numbers_add(known, memo_get(&r)) < 0) {
                memo_numbers_clear(known);
                return -ENOMEM;
            }
    }
    memo_numbers_sort(known);
    return 0;
}

bool codex_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    struct codex_state own;
    struct memo_numbers known;
    uint64_t replayed = 0;
    bool twin;

    if (!memo_head(&r, &own) || codex_peers_read(peers, own.session.text, &known, &twin) < 0)
        return true;
    while (!memo_is_over(&r) && memo_numbers_has(&known, memo_get(&r)))
        replayed++;
    memo_numbers_clear(&known);
    return replayed == own.replayed && twin == own.twin;
}

static bool text_of_memo(const char *memo, char *out, size_t size, size_t offset)
{
    struct memo_reader r = {memo};
    struct codex_state s;
    const struct codex_name *name = (const void *)((const char *)&s + offset);

    if (!memo_head(&r, &s) || !*name->text || strlen(name->text) >= size)
        return false;
    strcpy(out, name->text);
    return true;
}

bool codex_origin(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct codex_state, origin));
}

bool codex_parent(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct codex_state, parent));
}
