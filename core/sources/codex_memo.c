/* A rollout's state, there and back, and the keys of its requests: see codex_memo.h. */
#include "sources/codex_memo.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "sources/source_key.h"

void codex_name_set(struct codex_name *name, struct oks_slice s)
{
    size_t n = s.len < CODEX_NAME_MAX ? s.len : CODEX_NAME_MAX;

    if (n)
        memcpy(name->text, s.ptr, n);
    name->text[n] = '\0';
    name->len = (uint8_t)strlen(name->text);
}

/* --- keys --- */

enum { KEY_RECORD = 1, KEY_TURN, KEY_COUNT, KEY_COUNT_OF_FAMILY, KEY_MEASURE, KEY_TEXT };

static uint64_t mix(uint64_t h, uint64_t value)
{
    unsigned __int128 product =
        (unsigned __int128)(h ^ UINT64_C(0xa0761d6478bd642f)) * (value ^ UINT64_C(0xe7037ed1a0b428db));

    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ h << 1;
}

static uint64_t mix_text(uint64_t h, struct oks_slice s)
{
    size_t at = 0;

    h = mix(h, s.len);
    for (; s.len - at >= sizeof(uint64_t); at += sizeof(uint64_t))
        h = mix(h, source_key_word(s.ptr + at));
    return at < s.len ? mix(h, source_key_tail(s)) : h;
}

static uint64_t mix_five(uint64_t h, const uint64_t five[CODEX_FIVE])
{
    for (int i = 0; i < CODEX_FIVE; i++)
        h = mix(h, five[i]);
    return h;
}

static uint64_t key_end(uint64_t h)
{
    h = mix(h, UINT64_C(0x8ebc6af09c88c6e3));
    return h ? h : 1;
}

uint64_t codex_thread_hash(struct oks_slice thread)
{
    return mix_text(KEY_RECORD, thread);
}

uint64_t codex_record_key(uint64_t thread, struct oks_slice response, const uint64_t used[CODEX_FIVE])
{
    return key_end(mix_five(mix_text(thread, response), used));
}

uint64_t codex_turn_key(struct oks_slice thread, struct oks_slice turn, const uint64_t total[CODEX_FIVE])
{
    return key_end(mix_five(mix_text(mix_text(KEY_TURN, thread), turn), total));
}

/* By arithmetic, for all bytes at once. */
static bool is_uuid(struct oks_slice s)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    unsigned differ = 0;

    if (s.len != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        unsigned char c = (unsigned char)s.ptr[i], digit = (unsigned char)(c - '0');
        unsigned char letter = (unsigned char)((c | 0x20) - 'a');
        unsigned char kind = digit < 10 || letter < 6 ? 'x' : c;

        differ |= kind ^ (unsigned char)form[i];
    }
    return differ == 0;
}

/* What follows from the turn's id: each of its counts needs it. */
static void turn_settle(struct codex_state *s)
{
    struct oks_slice turn = codex_name_slice(&s->turn);

    s->turn_hash = turn.len ? codex_text_hash(turn) : 0;
    s->turn_key = is_uuid(turn) ? mix_text(KEY_COUNT, turn) : 0;
}

void codex_turn_set(struct codex_state *s, struct oks_slice id)
{
    if (oks_slice_eq(id, codex_name_slice(&s->turn)))
        return;
    codex_name_set(&s->turn, id);
    turn_settle(s);
}

/* `h`: of what the turn's id is unique in, and of that. */
static uint64_t count_key(uint64_t h, const uint64_t total[CODEX_FIVE], const uint64_t last[CODEX_FIVE])
{
    return key_end(mix_five(mix_five(h, total), last));
}

static uint64_t turn_key_in(const struct codex_state *s, struct oks_slice family, uint64_t rollout)
{
    uint64_t h = mix_text(KEY_COUNT_OF_FAMILY, family);

    return mix_text(family.len ? h : mix(h, rollout), codex_name_slice(&s->turn));
}

static struct oks_slice family_of(const struct codex_state *s)
{
    return codex_name_slice(s->family.len ? &s->family : &s->oldest);
}

uint64_t codex_count_key(struct codex_state *s, const uint64_t total[CODEX_FIVE],
                         const uint64_t last[CODEX_FIVE])
{
    s->related |= !s->turn_key;
    return count_key(s->turn_key ? s->turn_key : turn_key_in(s, family_of(s), s->rollout), total, last);
}

uint64_t codex_count_alias(const struct codex_state *s, const uint64_t total[CODEX_FIVE],
                           const uint64_t last[CODEX_FIVE])
{
    struct oks_slice session = codex_name_slice(&s->session);

    if (s->turn_key || !session.len || oks_slice_eq(family_of(s), session))
        return 0;
    return count_key(turn_key_in(s, session, 0), total, last);
}

uint64_t codex_measure(const uint64_t total[CODEX_FIVE], const uint64_t last[CODEX_FIVE])
{
    return key_end(mix_five(mix_five(KEY_MEASURE, total), last));
}

uint64_t codex_text_hash(struct oks_slice text)
{
    return key_end(mix_text(KEY_TEXT, text));
}

/* --- memos --- */

/*
 * Memos of deleted rollouts may be of an older version. The first has no limits and no branch, the second
 * no efforts and no `opened`.
 */
enum version { NO_MEMO, WITHOUT_LIMITS, WITHOUT_EFFORTS, MEMO };
static const char *const memo_magics[] = {
    [NO_MEMO] = NULL, [WITHOUT_LIMITS] = "codex2", [WITHOUT_EFFORTS] = "codex3", [MEMO] = "codex4"};
static const char self_magic[] = "self";

enum { NAMES = 9, FLAGS = 11, NUMBERS = 9, LIMIT_TEXTS = 5 };

static void names_of(struct codex_state *s, struct codex_name *out[NAMES])
{
    struct codex_name *names[NAMES] = {&s->session, &s->origin, &s->parent, &s->oldest, &s->family,
                                       &s->turn,    &s->model,  &s->branch, &s->effort};

    memcpy(out, names, sizeof(names));
}

static void flags_of(struct codex_state *s, bool *out[FLAGS])
{
    bool *flags[FLAGS] = {&s->own,      &s->copies,  &s->told,     &s->dropped,   &s->nameless, &s->base,
                          &s->repeated, &s->counted, &s->recorded, &s->compacted, &s->related};

    memcpy(out, flags, sizeof(flags));
}

static void numbers_of(struct codex_state *s, uint64_t *out[NUMBERS])
{
    uint64_t *numbers[NUMBERS] = {&s->assumed, &s->opening,       &s->tools,   &s->prompt,       &s->record,
                                  &s->pending, &s->pending_tools, &s->rollout, &s->turns[0].turn};

    memcpy(out, numbers, sizeof(numbers));
}

static void get_name(struct memo_reader *r, struct codex_name *name)
{
    char text[MEMO_TEXT_MAX + 1];

    memo_get_text(r, text);
    codex_name_set(name, oks_slice_of(text));
}

static void limit_texts_of(struct codex_limit *l, struct source_limit_text *out[LIMIT_TEXTS])
{
    struct source_limit_text *texts[LIMIT_TEXTS] = {&l->id, &l->name, &l->plan, &l->reached, &l->stamp};

    memcpy(out, texts, sizeof(texts));
}

void codex_limit_text_set(struct source_limit_text *to, struct oks_slice s)
{
    size_t n = s.len < sizeof(to->text) ? s.len : 0; /* one that does not fit is not kept */

    if (n)
        memcpy(to->text, s.ptr, n);
    to->text[n] = '\0';
}

static void get_limits(struct memo_reader *r, struct codex_state *s)
{
    uint64_t n = memo_get(r);

    for (uint64_t i = 0; i < n && i < CODEX_LIMITS; i++) {
        struct codex_limit *l = &s->limits[s->n_limits++];
        struct source_limit_text *texts[LIMIT_TEXTS];
        char text[MEMO_TEXT_MAX + 1];

        limit_texts_of(l, texts);
        for (int k = 0; k < LIMIT_TEXTS; k++) {
            memo_get_text(r, text);
            codex_limit_text_set(texts[k], oks_slice_of(text));
        }
        for (int k = 0; k < SOURCE_LIMIT_WINDOWS; k++) {
            struct source_limit_window *w = &l->window[k];

            w->given = memo_get(r);
            w->used = w->given ? memo_get(r) : 0;
            w->minutes = w->given ? memo_get(r) : 0;
            w->resets_at = w->given ? memo_get(r) : 0;
        }
    }
}

static void put_limits(struct memo_writer *writer, struct codex_state *s)
{
    memo_put(writer, s->n_limits);
    for (unsigned i = 0; i < s->n_limits; i++) {
        struct source_limit_text *texts[LIMIT_TEXTS];

        limit_texts_of(&s->limits[i], texts);
        for (int k = 0; k < LIMIT_TEXTS; k++)
            memo_put_text(writer, *texts[k]->text ? oks_slice_of(texts[k]->text) : (struct oks_slice){0});
        for (int k = 0; k < SOURCE_LIMIT_WINDOWS; k++) {
            const struct source_limit_window *w = &s->limits[i].window[k];

            memo_put(writer, w->given);
            if (!w->given)
                continue;
            memo_put(writer, w->used);
            memo_put(writer, w->minutes);
            memo_put(writer, w->resets_at);
        }
    }
}

static enum version version_of(struct memo_reader *r)
{
    char magic[MEMO_TEXT_MAX + 1];
    enum version version = MEMO;

    memo_get_text(r, magic);
    while (version > NO_MEMO && strcmp(magic, memo_magics[version]) != 0)
        version--;
    return version;
}

/* False where it is no memo of ours. What is left in *r are the measures. */
static bool memo_head(struct memo_reader *r, struct codex_state *s)
{
    struct codex_name *names[NAMES];
    uint64_t *numbers[NUMBERS], bits;
    bool *flags[FLAGS];
    enum version version = version_of(r);

    memset(s, 0, sizeof(*s));
    if (version == NO_MEMO)
        return false;
    if (version > WITHOUT_LIMITS)
        get_limits(r, s);
    s->opened = version == MEMO ? memo_get(r) : 0;
    names_of(s, names);
    flags_of(s, flags);
    numbers_of(s, numbers);
    for (int i = 0; i < NAMES - (MEMO - (int)version); i++)
        get_name(r, names[i]);
    turn_settle(s);
    bits = memo_get(r);
    for (int i = 0; i < FLAGS; i++)
        *flags[i] = bits >> i & 1;
    for (int i = 0; i < NUMBERS; i++)
        *numbers[i] = memo_get(r);
    for (int i = 0; i < CODEX_FIVE; i++)
        s->total[i] = memo_get(r);
    for (int i = 0; s->pending && i < CODEX_FIVE; i++)
        s->pending_last[i] = memo_get(r);
    for (int i = 0; i < CODEX_TURNS && s->turns[i].turn; i++) {
        get_name(r, &s->turns[i].model);
        if (version > WITHOUT_EFFORTS)
            get_name(r, &s->turns[i].effort);
        if (i + 1 < CODEX_TURNS)
            s->turns[i + 1].turn = memo_get(r);
    }
    return true;
}

/* What a comparison of pages needs of a memo, which is a small part of it. */
struct memo_gist {
    uint64_t rollout, opening, assumed;
    bool base, repeated;
};

static void skip_words(struct memo_reader *r, int n)
{
    while (n-- > 0)
        memo_skip(r);
}

static void skip_limits(struct memo_reader *r)
{
    uint64_t n = memo_get(r);

    for (uint64_t i = 0; i < n && i < CODEX_LIMITS; i++) {
        skip_words(r, LIMIT_TEXTS);
        for (int k = 0; k < SOURCE_LIMIT_WINDOWS; k++)
            skip_words(r, memo_get(r) ? 3 : 0);
    }
}

/* The same order as in memo_head(). */
static bool memo_gist(struct memo_reader *r, struct memo_gist *gist)
{
    struct codex_state order = {0};
    uint64_t *numbers[NUMBERS], bits, turn;
    bool *flags[FLAGS];
    enum version version = version_of(r);

    if (version == NO_MEMO)
        return false;
    if (version > WITHOUT_LIMITS)
        skip_limits(r);
    skip_words(r, version == MEMO); /* `opened` */
    skip_words(r, NAMES - (MEMO - (int)version));
    flags_of(&order, flags);
    numbers_of(&order, numbers);
    bits = memo_get(r);
    for (int i = 0; i < FLAGS; i++)
        *flags[i] = bits >> i & 1;
    for (int i = 0; i < NUMBERS; i++)
        *numbers[i] = memo_get(r);
    skip_words(r, CODEX_FIVE + (order.pending ? CODEX_FIVE : 0));
    turn = order.turns[0].turn;
    for (int i = 0; i < CODEX_TURNS && turn; i++) {
        skip_words(r, version > WITHOUT_EFFORTS ? 2 : 1);
        turn = i + 1 < CODEX_TURNS ? memo_get(r) : 0;
    }
    *gist = (struct memo_gist){order.rollout, order.opening, order.assumed, order.base, order.repeated};
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

char *codex_memo_text(const struct codex_state *state, const struct memo_numbers *seq)
{
    struct codex_state s = *state;
    struct codex_name *names[NAMES];
    uint64_t *numbers[NUMBERS], bits = 0;
    bool *flags[FLAGS];
    struct memo_writer w = {0};

    names_of(&s, names);
    flags_of(&s, flags);
    numbers_of(&s, numbers);
    memo_put_text(&w, oks_slice_of(memo_magics[MEMO]));
    put_limits(&w, &s);
    memo_put(&w, s.opened);
    for (int i = 0; i < NAMES; i++)
        memo_put_text(&w, oks_slice_of(names[i]->text));
    for (int i = 0; i < FLAGS; i++)
        bits |= (uint64_t)*flags[i] << i;
    memo_put(&w, bits);
    for (int i = 0; i < NUMBERS; i++)
        memo_put(&w, *numbers[i]);
    for (int i = 0; i < CODEX_FIVE; i++)
        memo_put(&w, s.total[i]);
    for (int i = 0; s.pending && i < CODEX_FIVE; i++)
        memo_put(&w, s.pending_last[i]);
    for (int i = 0; i < CODEX_TURNS && s.turns[i].turn; i++) {
        memo_put_text(&w, oks_slice_of(s.turns[i].model.text));
        memo_put_text(&w, oks_slice_of(s.turns[i].effort.text));
        if (i + 1 < CODEX_TURNS)
            memo_put(&w, s.turns[i + 1].turn);
    }
    for (size_t i = 0; i < seq->n; i++)
        memo_put(&w, seq->items[i]);
    return memo_take(&w);
}

int codex_peers_read(const char *peers, uint64_t rollout, struct memo_numbers *known)
{
    *known = (struct memo_numbers){0};
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct memo_gist peer;

        if (!memo_gist(&r, &peer) || (rollout && peer.rollout == rollout))
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

static bool rest_has(struct memo_reader *r, uint64_t measure)
{
    while (!memo_is_over(r))
        if (memo_get(r) == measure)
            return true;
    return false;
}

bool codex_peers_in_turn(const char *peers, const struct codex_state *s)
{
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct codex_state peer;

        if (memo_head(&r, &peer) && !(s->rollout && peer.rollout == s->rollout) &&
            strcmp(peer.turn.text, s->turn.text) == 0 && rest_has(&r, s->opening))
            return true;
    }
    return false;
}

int codex_self_read(const char *peers, struct codex_name *file, struct codex_name *family,
                    struct memo_numbers *foreign)
{
    char magic[MEMO_TEXT_MAX + 1];
    struct memo_reader r = {peers};

    *file = *family = (struct codex_name){0};
    foreign->n = 0;
    memo_get_text(&r, magic);
    if (strcmp(magic, self_magic) != 0)
        return 0;
    get_name(&r, file);
    get_name(&r, family);
    while (!memo_is_over(&r))
        if (memo_numbers_add(foreign, memo_get(&r)) < 0)
            return -ENOMEM;
    memo_numbers_sort(foreign);
    return 0;
}

uint64_t codex_assumed(const char *memo)
{
    struct memo_reader r = {memo};
    struct memo_gist gist;

    return memo_gist(&r, &gist) ? gist.assumed : 0;
}

bool codex_alone(const char *memo)
{
    struct memo_reader r = {memo};
    struct memo_gist gist;

    return memo_gist(&r, &gist) && !gist.base;
}

bool codex_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    struct memo_gist own;
    struct memo_numbers known;
    bool repeated;

    if (!memo_gist(&r, &own) || !own.opening || codex_peers_read(peers, own.rollout, &known) < 0)
        return true;
    repeated = memo_numbers_has(&known, own.opening);
    memo_numbers_clear(&known);
    return repeated == own.repeated;
}

/* The first count of a page may be in the turn of the page before: then its key is that of the request
 * itself, which another transcript owns. */
int codex_amend(const char *memo, const char *peers, char **now, uint64_t *repeated)
{
    struct memo_numbers seq = {0}, foreign = {0};
    struct codex_name file, family;
    struct codex_state s;
    int rc = codex_memo_read(memo, &s, &seq);

    if (rc == 0)
        rc = codex_self_read(peers, &file, &family, &foreign);
    if (rc == 0) {
        s.repeated = !s.repeated;
        *repeated = s.repeated && !memo_numbers_has(&foreign, s.opened) ? s.opened : 0;
        *now = codex_memo_text(&s, &seq);
        rc = *now ? 0 : -ENOMEM;
    }
    memo_numbers_clear(&seq);
    memo_numbers_clear(&foreign);
    return rc;
}

/* Whether the memo of a peer, but for a copy of this rollout, has the measure. */
static bool has_measure(const char *memo, const struct memo_gist *own)
{
    struct memo_reader r = {memo};
    struct memo_gist peer;

    if (!memo_gist(&r, &peer) || (own->rollout && peer.rollout == own->rollout))
        return false;
    return rest_has(&r, own->opening);
}

bool codex_concerns(const char *memo, const char *before, const char *after)
{
    struct memo_reader r = {memo};
    struct memo_gist own;

    return memo_gist(&r, &own) && own.opening && has_measure(before, &own) != has_measure(after, &own);
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

bool codex_oldest(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct codex_state, oldest));
}

bool codex_branch(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct codex_state, branch));
}

static const char *known(const struct source_limit_text *text)
{
    return *text->text ? text->text : NULL;
}

int codex_limits(const char *memo, source_limit_fn *fn, void *ctx)
{
    struct memo_reader r = {memo};
    struct codex_state s;
    int rc = 0;

    s.n_limits = 0;
    if (version_of(&r) > WITHOUT_LIMITS)
        get_limits(&r, &s);
    for (unsigned i = 0; rc == 0 && i < s.n_limits; i++) {
        const struct codex_limit *l = &s.limits[i];
        struct source_limit limit = {.id = l->id.text,
                                     .stamp = l->stamp.text,
                                     .name = known(&l->name),
                                     .plan = known(&l->plan),
                                     .reached = known(&l->reached)};

        memcpy(limit.window, l->window, sizeof(limit.window));
        rc = fn(ctx, &limit);
    }
    return rc;
}

bool codex_family(const char *memo, char *out, size_t size)
{
    struct memo_reader r = {memo};
    struct codex_state s;

    if (!memo_head(&r, &s) || !s.related)
        return false;
    if (!text_of_memo(memo, out, size, offsetof(struct codex_state, family)) &&
        !codex_oldest(memo, out, size))
        *out = '\0';
    return true;
}
