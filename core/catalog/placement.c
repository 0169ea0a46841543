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
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/utf8.h"
#include "base/words.h"
#include "catalog/catalog.h"

enum {
    PEERS_MAX = 64, /* of a session, on either side of a transcript in it */
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

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (t->state.cwds.len) {
            placement_project_of_cwd(t->state.cwds.items[0].ptr, out);
            return true;
        }
    return false;
}

int placement_parent(struct catalog *c, struct session *s)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);
    char id[OKS_NAME_MAX + 1];

    if (!t->source->parent_of)
        return 0; /* the path names it */
    if (t->state.reader_state && t->source->parent_of(t->state.reader_state, id, sizeof(id)))
        return catalog_set_parent(c, s, oks_slice_of(id));
    return catalog_set_parent(c, s, (struct oks_slice){0});
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

/* The same of its own session, as far as it is known of one that was not read yet. */
static bool may_be_twin(const struct transcript *t, const struct transcript *other)
{
    return is_peer(t, other) && precedes(other, t);
}

/* One file with two names counts once anyway. */
static bool is_twin(const struct transcript *t, const struct transcript *other)
{
    return may_be_twin(t, other) && !same_file(other, t);
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

static bool names_older(const struct transcript *t)
{
    return t->oldest && strcmp(t->oldest, t->session->id) != 0;
}

static int name_cmp(const struct transcript *a, const struct transcript *b)
{
    return strcmp(strrchr(a->path, '/'), strrchr(b->path, '/'));
}

/* Its pages may name different ones. The first of them by name tells, wherever it lies. */
static const char *older_than(struct catalog *c, const char *id)
{
    char name[OKS_NAME_MAX + 1];
    const struct transcript *t;
    struct session *s;

    oks_name_escape(oks_slice_of(id), name);
    s = catalog_session(c, name);
    if (!s || !s->n_older)
        return NULL;
    if (!s->older)
        TAILQ_FOREACH(t, &s->transcripts, of_session)
            if (names_older(t) && (!s->older || name_cmp(t, s->older) < 0))
                s->older = t;
    return s->older ? s->older->oldest : NULL;
}

/*
 * The transcript's family (struct source); NULL: it was not read yet. Of a ring it is the least. A transcript
 * that lost its head names no session, but its file does.
 */
static const char *family_of(struct catalog *c, const struct transcript *t)
{
    const char *id = t->oldest || t->loaded ? t->session->id : NULL, *least = id, *older = NULL;
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

/*
 * A thread may have thousands of pages, but a page goes on from one of the last. So of a session only those
 * near a transcript count, and of its origin the last ones.
 */
static struct transcript *few_before(const struct transcript *t)
{
    struct transcript *at = (struct transcript *)t, *before;

    for (int i = 0; at && i < PEERS_MAX; i++) {
        before = TAILQ_PREV(at, session_transcripts, of_session);
        if (!before)
            break;
        at = before;
    }
    return at;
}

/* Calls fn with each peer; stops at the first non-zero value and returns it. */
static int each_peer(struct catalog *c, const struct transcript *t,
                     int (*fn)(void *ctx, const struct transcript *peer), void *ctx)
{
    const struct session *origin = origin_of(c, t);
    const struct transcript *other = few_before(t);
    int rc = 0;

    if (is_alone(t))
        return 0;
    for (int n = 0; rc == 0 && other && n <= PEERS_MAX; other = TAILQ_NEXT(other, of_session)) {
        n += n > 0 || other == t; /* from t on */
        if (is_twin(t, other))
            rc = fn(ctx, other);
    }
    other = origin ? few_before(TAILQ_LAST(&origin->transcripts, session_transcripts)) : NULL;
    for (; rc == 0 && other; other = TAILQ_NEXT(other, of_session))
        if (is_peer(t, other))
            rc = fn(ctx, other);
    return rc;
}

static int is_unread(void *ctx, const struct transcript *peer)
{
    (void)ctx;
    return peer->unplaced;
}

/* Appends the transcript's reader state, if it has one, and a newline. */
static int add_state(void *ctx, const struct transcript *t)
{
    struct oks_bytes *text = ctx;

    if (!t->state.reader_state)
        return 0;
    oks_bytes_text(text, t->state.reader_state);
    oks_bytes_text(text, "\n");
    return 0;
}

char *placement_peer_states(struct catalog *c, const struct transcript *t)
{
    struct oks_bytes text = {0};

    if (!t->source->agrees)
        return strdup("");
    add_self(c, &text, t);
    each_peer(c, t, add_state, &text);
    oks_bytes_put(&text, "", 1); /* the NUL */
    if (!text.error)
        return text.ptr;
    free(text.ptr);
    return NULL;
}

static void check(struct catalog *c, struct transcript *t)
{
    char *peer_states;

    if (!t->source->agrees || !t->loaded || !t->state.reader_state || is_alone(t))
        return;
    if (t->retained && !t->source->amend)
        return; /* there is no file to scan again */
    if (each_peer(c, t, is_unread, NULL))
        return; /* it is checked when that one was read */
    peer_states = placement_peer_states(c, t);
    if (peer_states && !t->source->agrees(t->state.reader_state, peer_states)) {
        t->anew = true;
        catalog_mark_dirty(c, t, true);
    }
    free(peer_states);
}

/* --- origins --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct origin *)a)->name, ((const struct origin *)b)->name);
}

static struct origin *origin_named(const struct catalog *c, const char *name)
{
    struct origin key = {.name = (char *)name}, **found = tfind(&key, &c->origins, by_name);

    return found ? *found : NULL;
}

static struct origin *origin_made(struct catalog *c, const char *name)
{
    struct origin *origin = origin_named(c, name);

    if (origin)
        return origin;
    origin = calloc(1, sizeof(*origin));
    if (origin)
        origin->name = strdup(name);
    if (origin && origin->name && tsearch(origin, &c->origins, by_name))
        return origin;
    if (origin)
        free(origin->name);
    free(origin);
    return NULL;
}

static void leave_origin(struct catalog *c, struct transcript *t)
{
    struct origin *origin = t->fork_of;

    if (!origin)
        return;
    LIST_REMOVE(t, of_forks);
    t->fork_of = NULL;
    t->origin = NULL;
    if (!LIST_EMPTY(&origin->forks))
        return;
    tdelete(origin, &c->origins, by_name);
    free(origin->name);
    free(origin);
}

static void origin_renew(struct catalog *c, struct transcript *t, bool leaves)
{
    char id[OKS_NAME_MAX + 1], name[OKS_NAME_MAX + 1];

    leave_origin(c, t);
    if (leaves || !t->source->origin || !t->state.reader_state ||
        !t->source->origin(t->state.reader_state, id, sizeof(id)))
        return;
    oks_name_escape(oks_slice_of(id), name);
    t->fork_of = origin_made(c, name);
    if (!t->fork_of)
        return;
    t->origin = t->fork_of->name;
    LIST_INSERT_HEAD(&t->fork_of->forks, t, of_forks);
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
    t->session->n_older -= names_older(t);
    free(t->oldest);
    t->oldest = *id ? strdup(id) : NULL;
    t->session->n_older += names_older(t);
    t->session->older = NULL;
    c->families_changed = true;
}

void placement_changes(struct transcript *t)
{
    if (!t->source->concerns || !t->loaded || !t->state.reader_state)
        return;
    free(t->memo_before);
    t->memo_before = strdup(t->state.reader_state); /* on ENOMEM all are checked */
}

/* The transcript changed from what memo_before says; NULL: it came, or goes. */
static void check_other(struct catalog *c, const struct transcript *t, struct transcript *other)
{
    const char *memo = other->state.reader_state;

    if (t->memo_before && t->state.reader_state && memo &&
        !t->source->concerns(memo, t->memo_before, t->state.reader_state))
        return;
    check(c, other);
}

void placement_changed(struct catalog *c, struct transcript *t, bool leaves)
{
    const struct origin *origin;
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
    other = few_before(t);
    for (int n = 0; other && n <= PEERS_MAX; other = TAILQ_NEXT(other, of_session)) {
        n += n > 0 || other == t;  /* from t on */
        if (may_be_twin(other, t)) /* its check may have waited for this one */
            check_other(c, t, other);
    }
    origin = origin_named(c, t->session->name);
    if (origin)
        LIST_FOREACH(other, &origin->forks, of_forks)
            if (other != t && other->source == t->source)
                check_other(c, t, other);
    if (leaves)
        t->state.reader_state = reader_state;
    free(t->memo_before);
    t->memo_before = NULL;
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
