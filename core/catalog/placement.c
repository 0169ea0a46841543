/*
 * Placement: assigns sessions and projects to transcripts whose path does not name them, and finds repeated
 * transcripts.
 *
 * Claude Code's paths name a transcript's project and session. For other sources both are in the file, so a
 * transcript can be assigned only after it was read.
 *
 * Some transcripts repeat what others hold: a fork begins with its parent's requests, an archived copy has
 * all of its original's, a page begins with the last count of the page before. Which lines are repeated
 * depends on files that may be read later, or never. So each scan gets the keys of the requests that others
 * own, and the reader states of the peers, as they are known by then. When an owner or a peer changes, a
 * transcript that would now return other records is scanned again, in the same sync.
 *
 * Invariant: at the end of a sync, no transcript's events depend on the order in which files were read.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/utf8.h"
#include "base/words.h"
#include "catalog/catalog.h"

enum {
    FAMILY_NAME = 256,
    FAMILY_STEPS = 64, /* from a session to an older one */
};

/* --- projects --- */

enum { PROJECT_MAX = 200 };

/* Claude Code's SDK cuts long names and appends this hash of the path in UTF-16. */
static void put_hash(const uint16_t *units, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    int32_t h = 0;
    uint32_t value;
    char text[16];
    size_t k = sizeof(text);

    for (size_t i = 0; i < n; i++)
        h = (int32_t)((uint32_t)h * 31u + units[i]);
    value = h < 0 ? 0u - (uint32_t)h : (uint32_t)h;
    do
        text[--k] = digits[value % 36];
    while ((value /= 36) != 0);
    out[0] = '-';
    memcpy(out + 1, text + k, sizeof(text) - k);
    out[1 + sizeof(text) - k] = '\0';
}

static bool is_plain(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || (code >= '0' && code <= '9');
}

void placement_project_of_cwd(const char *cwd, char out[OKS_NAME_MAX + 1])
{
    size_t left = strlen(cwd), n = 0, len;
    uint16_t units[PATH_MAX];
    uint32_t code;

    while (left > 0 && n + 2 < sizeof(units) / sizeof(*units)) {
        utf8_next(cwd, left, &code, &len);
        if (code > 0xffff) {
            units[n++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
            units[n++] = (uint16_t)(0xdc00 + (code & 0x3ff));
        } else {
            units[n++] = (uint16_t)code;
        }
        cwd += len;
        left -= len;
    }
    for (size_t i = 0; i < n && i < PROJECT_MAX; i++)
        out[i] = is_plain(units[i]) ? (char)units[i] : '-';
    out[n < PROJECT_MAX ? n : PROJECT_MAX] = '\0';
    if (n > PROJECT_MAX)
        put_hash(units, n, out + PROJECT_MAX);
}

bool placement_project(const struct session *s, char out[OKS_NAME_MAX + 1])
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (t->state.cwds.len) {
            placement_project_of_cwd(t->state.cwds.items[0].ptr, out);
            return true;
        }
    return false;
}

void placement_parent(struct catalog *c, struct session *s)
{
    const struct transcript *t = LIST_FIRST(&s->transcripts);
    char id[OKS_NAME_MAX + 1];

    if (!t->source->parent_of)
        return; /* the path names it */
    if (t->state.reader_state && t->source->parent_of(t->state.reader_state, id, sizeof(id)))
        catalog_set_parent(c, s, oks_slice_of(id));
    else
        catalog_set_parent(c, s, (struct oks_slice){0});
}

/* --- repeated transcripts --- */

static bool precedes(const struct transcript *a, const struct transcript *b)
{
    int d = a->source->rank ? a->source->rank(a->path) - b->source->rank(b->path) : 0;

    if (d == 0) /* one of them may be archived */
        d = strcmp(strrchr(a->path, '/'), strrchr(b->path, '/'));
    return d ? d < 0 : strcmp(a->path, b->path) < 0;
}

static bool same_file(const struct transcript *a, const struct transcript *b)
{
    return a->mark.ino && a->mark.ino == b->mark.ino && a->mark.dev == b->mark.dev;
}

/*
 * Whether t may repeat what `other` has. A remnant has no events. So what it repeats counts in t, except
 * where billing says what is repeated.
 */
static bool is_peer(const struct transcript *t, const struct transcript *other)
{
    return other != t && other->source == t->source && (!other->remnant || t->source->assumed);
}

/* The same of its own session. One file with two names counts once anyway. */
static bool is_twin(const struct transcript *t, const struct transcript *other)
{
    return is_peer(t, other) && precedes(other, t) && !same_file(other, t);
}

static struct session *origin_of(struct catalog *c, const struct transcript *t)
{
    return t->origin && strcmp(t->origin, t->session->name) != 0 ? catalog_session(c, t->origin) : NULL;
}

/* Its records depend on no peer, as far as it was read. */
static bool is_alone(const struct transcript *t)
{
    return t->loaded && t->state.reader_state && t->source->alone && t->source->alone(t->state.reader_state);
}

/* Appends the transcript's reader state, if it has one, and a newline. */
static void add_state(struct oks_bytes *text, const struct transcript *t)
{
    if (!t->state.reader_state)
        return;
    oks_bytes_text(text, t->state.reader_state);
    oks_bytes_text(text, "\n");
}

static const char *older_than(struct catalog *c, const char *id)
{
    char name[OKS_NAME_MAX + 1];
    const struct transcript *t;
    const struct session *s;

    oks_name_escape(oks_slice_of(id), name);
    s = catalog_session(c, name);
    if (s)
        LIST_FOREACH(t, &s->transcripts, of_session)
            if (t->oldest && strcmp(t->oldest, id) != 0)
                return t->oldest;
    return NULL;
}

/* The transcript's family (struct source); NULL: it was not read yet. Of a ring it is the least. */
static const char *family_of(struct catalog *c, const struct transcript *t)
{
    const char *id = t->oldest ? t->session->id : NULL, *least = id, *older = NULL;
    int steps = 0;

    while (id && steps < FAMILY_STEPS && (older = older_than(c, id))) {
        id = older;
        least = strcmp(id, least) < 0 ? id : least;
        steps++;
    }
    return steps < FAMILY_STEPS ? id : least;
}

static int add_foreign(void *ctx, uint64_t key)
{
    memo_put(ctx, key);
    return 0;
}

/* The line about the transcript itself, see struct source. */
static void add_self(struct catalog *c, struct oks_bytes *text, const struct transcript *t)
{
    const char *family = family_of(c, t);
    struct memo_writer w = {0};
    char *line;

    if (!t->source->assumed)
        return;
    memo_put_text(&w, OKS_SLICE("self"));
    memo_put_text(&w, oks_slice_of(t->cache_name));
    memo_put_text(&w, family ? oks_slice_of(family) : (struct oks_slice){0});
    if (c->billing)
        billing_each_foreign(c->billing, t->billed, add_foreign, &w);
    line = memo_take(&w);
    if (!line)
        text->error = -ENOMEM;
    oks_bytes_text(text, line ? line : "");
    oks_bytes_text(text, "\n");
    free(line);
}

/* *waiting: one of the peers has not been read yet. */
static char *peer_states_of(struct catalog *c, const struct transcript *t, bool *waiting)
{
    const struct session *origin = origin_of(c, t);
    const struct transcript *other;
    struct oks_bytes text = {0};

    *waiting = false;
    if (!t->source->agrees)
        return strdup("");
    add_self(c, &text, t);
    LIST_FOREACH(other, &t->session->transcripts, of_session) {
        if (is_alone(t))
            break;
        if (!is_twin(t, other))
            continue;
        *waiting |= other->unplaced;
        add_state(&text, other);
    }
    if (origin && !is_alone(t))
        LIST_FOREACH(other, &origin->transcripts, of_session) {
            if (!is_peer(t, other))
                continue;
            *waiting |= other->unplaced;
            add_state(&text, other);
        }
    oks_bytes_put(&text, "", 1); /* the NUL */
    if (!text.error)
        return text.ptr;
    free(text.ptr);
    return NULL;
}

char *placement_peer_states(struct catalog *c, const struct transcript *t)
{
    bool waiting;

    return peer_states_of(c, t, &waiting);
}

static void check(struct catalog *c, struct transcript *t)
{
    bool waiting;
    char *peer_states;

    if (!t->source->agrees || !t->loaded || !t->state.reader_state || is_alone(t))
        return;
    if (t->retained && !t->source->amend)
        return; /* there is no file to scan again */
    peer_states = peer_states_of(c, t, &waiting);
    if (peer_states && !waiting && !t->source->agrees(t->state.reader_state, peer_states)) {
        t->anew = true;
        catalog_mark_dirty(c, t, true);
    }
    free(peer_states);
}

static void origin_renew(struct catalog *c, struct transcript *t, bool leaves)
{
    char id[OKS_NAME_MAX + 1], name[OKS_NAME_MAX + 1];

    if (t->origin)
        LIST_REMOVE(t, of_forks);
    free(t->origin);
    t->origin = NULL;
    if (leaves || !t->source->origin || !t->state.reader_state ||
        !t->source->origin(t->state.reader_state, id, sizeof(id)))
        return;
    oks_name_escape(oks_slice_of(id), name);
    t->origin = strdup(name);
    if (t->origin)
        LIST_INSERT_HEAD(&c->forks, t, of_forks);
}

/* What the transcript names, and whether its family makes a difference. */
static void family_renew(struct catalog *c, struct transcript *t, bool leaves)
{
    const char *memo = leaves ? NULL : t->state.reader_state;
    char id[FAMILY_NAME] = "";

    if (t->related)
        LIST_REMOVE(t, of_related);
    t->related = memo && t->source->family(memo, id, sizeof(id));
    if (t->related)
        LIST_INSERT_HEAD(&c->related, t, of_related);
    if (!memo || !t->source->oldest(memo, id, sizeof(id)))
        *id = '\0';
    if (strcmp(t->oldest ? t->oldest : "", id) == 0)
        return;
    free(t->oldest);
    t->oldest = *id ? strdup(id) : NULL;
    c->families_changed = true;
}

void placement_changed(struct catalog *c, struct transcript *t, bool leaves)
{
    struct transcript *other;
    char *reader_state = NULL;

    if (!t->source->agrees)
        return;
    origin_renew(c, t, leaves);
    if (t->source->assumed)
        family_renew(c, t, leaves);
    if (!leaves)
        placement_suspect(c, t);
    if (leaves) { /* the others must not see it any more */
        reader_state = t->state.reader_state;
        t->state.reader_state = NULL;
    } else {
        check(c, t);
    }
    LIST_FOREACH(other, &t->session->transcripts, of_session)
        if (other->source == t->source && is_twin(other, t))
            check(c, other);
    LIST_FOREACH(other, &c->forks, of_forks)
        if (other != t && other->source == t->source && strcmp(other->origin, t->session->name) == 0)
            check(c, other);
    if (leaves)
        t->state.reader_state = reader_state;
}

/* --- requests that others own --- */

void placement_suspect(struct catalog *c, struct transcript *t)
{
    if (t->suspect || !t->source->assumed)
        return;
    t->suspect = true;
    LIST_INSERT_HEAD(&c->suspects, t, of_suspects);
}

static bool is_of_family(struct catalog *c, const struct transcript *t)
{
    const char *family = family_of(c, t);
    char id[FAMILY_NAME];

    return !family || !t->source->family(t->state.reader_state, id, sizeof(id)) || strcmp(family, id) == 0;
}

/* A retained one has no file to be read anew. */
static bool is_outdated(struct catalog *c, const struct transcript *t)
{
    return t->loaded && !t->retained && t->state.reader_state &&
           (t->source->assumed(t->state.reader_state) != billing_foreign(t->billed) || !is_of_family(c, t));
}

/* While transcripts wait for their first scan, neither families nor owners are final. */
void placement_check(struct catalog *c)
{
    struct transcript *t;

    if (c->n_unplaced == 0 && c->families_changed) {
        c->families_changed = false;
        LIST_FOREACH(t, &c->related, of_related)
            placement_suspect(c, t);
    }

    while (c->n_unplaced == 0 && (t = LIST_FIRST(&c->suspects))) {
        LIST_REMOVE(t, of_suspects);
        t->suspect = false;
        if (!is_outdated(c, t))
            continue;
        t->anew = true;
        catalog_mark_dirty(c, t, true);
    }
}
