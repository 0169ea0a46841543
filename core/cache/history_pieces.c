/*
 * The states that the history store holds: its pieces, read and joined to the live and the lost part of a
 * file.
 */
#include "cache/history_store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/passing.h"
#include "cache/cache_parts.h"
#include "files/read_file.h"
#include "history/requests.h"

/* A state from a payload. OKS_CACHE_HIT, OKS_CACHE_MISS or a failure that passes */
static int read_piece(struct history_store *s, const struct piece *piece, struct oks_state *state)
{
    char *bytes = malloc(piece->len + 1);
    int rc = OKS_CACHE_MISS;

    if (!bytes)
        return -ENOMEM;
    if (piece->waiting) {
        memcpy(bytes, piece->waiting->payload, piece->len);
        rc = 0;
    } else if (s->fd >= 0) {
        rc = read_file_at(s->fd, bytes, piece->len, piece->at);
        rc = rc < 0 && !is_passing(rc) ? OKS_CACHE_MISS : rc;
    }
    bytes[piece->len] = '\0';
    if (rc == 0)
        rc = oks_cache_parse_kept(bytes, piece->len, state);
    free(bytes);
    return rc;
}

static int unite_names(struct oks_state *lost, struct oks_state *piece)
{
    int rc = 0;

    if (piece->reader_state) { /* later files repeat what it says, also when it is gone */
        free(lost->reader_state);
        lost->reader_state = piece->reader_state;
        piece->reader_state = NULL;
    }

    for (size_t i = 0; rc >= 0 && i < piece->teams.len; i++)
        rc = oks_strings_add_folded(&lost->teams,
                                    (struct oks_slice){piece->teams.items[i].ptr, piece->teams.items[i].len},
                                    OKS_TEAMS_MAX);
    for (size_t i = 0; rc >= 0 && i < piece->cwds.len; i++)
        rc = oks_strings_add(&lost->cwds,
                             (struct oks_slice){piece->cwds.items[i].ptr, piece->cwds.items[i].len},
                             OKS_CWDS_MAX);
    if (rc >= 0 && !lost->session_id && piece->session_id) {
        lost->session_id = strdup(piece->session_id);
        rc = lost->session_id ? 0 : -ENOMEM;
    }
    return rc == -ENOMEM ? rc : 0;
}

static int add_live(struct oks_state *live, struct oks_state *piece)
{
    if (!live->label) { /* of the whole one; what was added has none */
        live->label = piece->label;
        piece->label = NULL;
    }
    return oks_state_gain(live, piece);
}

/* Adds the pieces of a live part to its state. Under `io`. */
int history_read_live(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *live)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct oks_state piece;

        rc = oks_state_init(&piece);
        if (rc < 0)
            return rc;
        rc = read_piece(s, &pieces[i], &piece);
        if (rc == OKS_CACHE_HIT)
            rc = requests_gain(live->requests, piece.requests);
        if (rc == 0)
            rc = add_live(live, &piece);
        rc = rc == OKS_CACHE_MISS ? 0 : rc;
        oks_state_clear(&piece);
    }
    return rc;
}

/* Makes the payload of a record that is still gathered. Under `lock`. 0, -ENOMEM or -EFBIG */
int history_render(struct history_store *s, struct waiting *w, struct piece *piece)
{
    size_t len;
    int rc = w->gathered ? oks_cache_render(w->gathered, &w->payload, &len) : 0;

    if (rc < 0 || !w->gathered)
        return rc;
    history_gathered_free(w);
    w->head.payload_len = len;
    s->queued_bytes += len - w->queued;
    w->queued = len;
    if (piece) {
        s->used += len - piece->len;
        piece->len = len;
    }
    return 0;
}

/* The last piece, if additions are gathered in it. */
struct piece *history_gathering(const struct history_file *f)
{
    struct piece *piece = f->n > f->n_shed ? &f->pieces[f->n - 1] : NULL;

    return piece && piece->waiting && piece->waiting->gathered ? piece : NULL;
}

static int render_gathered(struct history_store *s, struct history_file *f)
{
    for (size_t i = f->n; i-- > 0 && f->pieces[i].waiting;) {
        int rc = history_render(s, f->pieces[i].waiting, &f->pieces[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Adds a version of the file to what it has lost, and frees it. NULL: none. */
static int unite_version(struct oks_state *lost, struct oks_requests *version)
{
    int rc = version ? requests_unite(lost->requests, version) : 0;

    oks_requests_free(version);
    return rc;
}

/*
 * The same of a lost part. Its pieces are versions of the file, one after the other; what was added to one
 * belongs to it. Under `io`.
 */
int history_read_lost(struct history_store *s, const struct piece *pieces, size_t n, struct oks_state *lost)
{
    struct oks_requests *version = NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct oks_state piece;
        int found;

        if (!pieces[i].more) {
            rc = unite_version(lost, version);
            version = NULL;
        }
        if (rc == 0)
            rc = oks_state_init(&piece);
        if (rc < 0)
            break;
        found = read_piece(s, &pieces[i], &piece);
        if (found == OKS_CACHE_HIT && version) {
            rc = requests_gain(version, piece.requests);
        } else if (found == OKS_CACHE_HIT) {
            version = piece.requests;
            piece.requests = NULL;
        }
        if (rc == 0 && found == OKS_CACHE_HIT)
            rc = unite_names(lost, &piece);
        rc = found < 0 ? found : rc;
        oks_state_clear(&piece);
    }
    if (rc == 0)
        return unite_version(lost, version);
    oks_requests_free(version);
    return rc;
}

int history_store_load(struct history_store *s, const char *path, struct oks_state *live,
                       struct oks_state *lost)
{
    struct history_file *f;
    struct piece *pieces = NULL;
    size_t n = 0, n_shed = 0;
    int rc;

    pthread_mutex_lock(&s->io); /* what waits may be written meanwhile, and freed */
    pthread_mutex_lock(&s->lock);
    f = history_file_of(s, path);
    rc = f ? render_gathered(s, f) : 0;
    if (f && rc == 0) {
        pieces = malloc(f->n * sizeof(*pieces));
        n = f->n;
        n_shed = f->n_shed;
        if (pieces)
            memcpy(pieces, f->pieces, n * sizeof(*pieces));
        else
            rc = -ENOMEM;
    }
    pthread_mutex_unlock(&s->lock);
    if (rc == 0 && lost)
        rc = history_read_lost(s, pieces, n_shed, lost);
    if (rc == 0 && live)
        rc = history_read_live(s, n > n_shed ? pieces + n_shed : NULL, n - n_shed, live);
    pthread_mutex_unlock(&s->io);
    free(pieces);
    return rc;
}

struct looking {
    request_id_fn *fn;
    void *ctx;
};

static int look_at_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct looking *l = ctx;

    return l->fn(l->ctx, i, row->request.key, row->message_id, row->request_id);
}

int history_store_each_id(struct history_store *s, const char *path, size_t from, size_t to,
                          request_id_fn *fn, void *ctx)
{
    struct looking l = {fn, ctx};
    struct oks_state live;
    int rc = oks_state_init(&live);

    if (rc < 0)
        return rc;
    rc = history_store_load(s, path, &live, NULL);
    if (rc == 0) {
        size_t n = requests_len(live.requests);

        rc = requests_each(live.requests, from < n ? from : n, to < n ? to : n, look_at_row, &l);
    }
    oks_state_clear(&live);
    return rc;
}
