/*
 * Joining two stores of requests: what a later scan found, or what another version of the same transcript
 * has.
 */
#include "history/requests.h"

struct joining {
    struct oks_requests *to;
    const struct oks_requests *from;
    uint64_t history; /* user and assistant records before the first line of `from` */
    bool versions;    /* rows of one key are two versions of one line, not two lines */
};

static int join_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct joining *j = ctx;
    size_t at = requests_find(j->to, row->request.key);
    struct oks_slice model = requests_model(j->from, row->model);
    struct request_row own = *row, line = *row;

    (void)i;
    own.request.tag = line.request.tag = requests_tag(j->from, row->tag);
    own.history += j->history;
    if (at == SIZE_MAX)
        return requests_append(j->to, &own, model, requests_agent(j->from, row->agent));
    requests_get(j->to, at, &own);
    own.request.tag = requests_tag(j->to, own.tag);
    if (j->versions) {
        if (request_rank(&row->request, &own.request) < 0)
            return 0;
        if (row->revision > own.revision)
            own.revision = row->revision;
        own.request = line.request;
        own.line = row->line;
    } else if (!requests_merge(j->to, at, true, &own, &line)) {
        model = requests_model(j->to, own.model);
    }
    if (own.first > own.line) /* the line that counts was further up in the other version */
        own.first = own.line;
    return requests_set(j->to, at, &own, model);
}

int requests_gain(struct oks_requests *to, const struct oks_requests *gain)
{
    struct joining j = {to, gain, requests_history(to), false};
    int rc = requests_each(gain, 0, requests_len(gain), join_row, &j);

    if (rc < 0)
        return rc;
    *requests_edit_runs(to) = *requests_runs(gain);
    requests_set_history(to, j.history + requests_history(gain),
                         requests_after(gain) + (requests_len(gain) ? 0 : requests_after(to)));
    return 0;
}

int requests_unite(struct oks_requests *to, const struct oks_requests *other)
{
    struct joining j = {to, other, 0, true};

    return requests_each(other, 0, requests_len(other), join_row, &j);
}

struct comparing {
    const struct oks_requests *before;
    struct oks_requests *now, *lost; /* `lost` is made with its first row */
};

static bool same_counts(const struct oks_request *a, const struct oks_request *b)
{
    const struct oks_spend *x = &a->spend, *y = &b->spend;

    return a->stamp.key == b->stamp.key && x->input == y->input && x->output == y->output &&
           x->cache_5m == y->cache_5m && x->cache_1h == y->cache_1h && x->cache_read == y->cache_read;
}

/* The other version of the file has the row as `own`: that is a later revision of what was counted. */
static int revise(struct oks_requests *now, size_t at, struct request_row *own, const struct request_row *row)
{
    unsigned revision = row->revision + !same_counts(&row->request, &own->request);

    if (own->revision >= revision || revision > REVISION_MAX)
        return 0;
    own->revision = revision;
    own->request.tag = requests_tag(now, own->tag);
    return requests_set(now, at, own, requests_model(now, own->model));
}

/*
 * Whether `now` still has the line that the row was of, although a later line counts now that ranks the same.
 * A row tells where its first line and the one that counts begin, and the lines up to the first one seldom
 * change: it is that line if it begins where the row's did.
 */
static bool still_has_line(const struct request_row *own, const struct request_row *row)
{
    return own->first == row->line && own->line > own->first;
}

/* `now` has the row if its own is better, says the same, or is a later line of the same file. */
static int take_lost(void *ctx, size_t i, const struct request_row *row)
{
    struct comparing *c = ctx;
    size_t at = requests_find(c->now, row->request.key);
    struct request_row own, lost = *row;
    int rc = 0;

    (void)i;
    if (at != SIZE_MAX) {
        int rank;

        requests_get(c->now, at, &own);
        rc = revise(c->now, at, &own, row);
        if (rc < 0)
            return rc;
        rank = request_rank(&row->request, &own.request);
        if (rank < 0)
            return 0;
        if (rank == 0 && (same_counts(&row->request, &own.request) || still_has_line(&own, row)))
            return 0;
    }
    if (!c->lost)
        rc = oks_requests_new(&c->lost);
    lost.request.tag = requests_tag(c->before, row->tag);
    return rc < 0 ? rc
                  : requests_append(c->lost, &lost, requests_model(c->before, row->model),
                                    requests_agent(c->before, row->agent));
}

int requests_lost(const struct oks_requests *before, struct oks_requests *now, struct oks_requests **out)
{
    struct comparing c = {.before = before, .now = now};
    int rc = requests_each_whole(before, take_lost, &c);

    if (rc < 0) {
        oks_requests_free(c.lost);
        return rc;
    }
    *out = c.lost;
    return 0;
}

struct looking {
    const struct oks_requests *in;
    size_t next;
};

/* Both are in the order of their first lines. */
static int is_missing(void *ctx, size_t i, const struct request_row *row)
{
    struct looking *l = ctx;
    struct request_row other;

    (void)i;
    for (; l->next < requests_len(l->in); l->next++) {
        requests_get(l->in, l->next, &other);
        if (other.first > row->first)
            break;
        if (other.first == row->first && other.line == row->line &&
            other.request.alias == row->request.alias && same_counts(&other.request, &row->request))
            return 0;
    }
    return 1;
}

bool requests_have_lines(const struct oks_requests *in, const struct oks_requests *of)
{
    struct looking l = {in, 0};

    return requests_each_whole(of, is_missing, &l) == 0;
}
