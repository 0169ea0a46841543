/*
 * Running sums by label.
 *
 * A session's shares are made anew as a whole, because a change of one line may move any of them: its
 * project may be another one, and what its requests were billed depends on other sessions. Then each row gets
 * the difference between the shares before and now.
 *
 * Invariant: a row is the sum of its shares, and has at least one; a session has one share of a row at most.
 */
#include "sums/labels.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/text.h"
#include "base/tree.h"
#include "history/requests.h"
#include "history/tags.h"
#include "history/tools.h"
#include "sums/shares.h"

/* Of what is added before others get the lock: a session is 1, and its requests are. */
enum { SOME = 256, REQUESTS_PER_STEP = 64 };

/* --- one session --- */

struct collecting {
    struct sums *sums;
    enum label_kind kind;
    const struct transcript *t;
    struct label_part part;
    int (*fn)(void *ctx, const struct label_part *part);
    void *ctx;
    int rc;
};

static void emit(struct collecting *c, struct oks_slice name)
{
    c->part.name = name.ptr ? name : OKS_SLICE("");
    if (c->rc == 0)
        c->rc = c->fn(c->ctx, &c->part);
}

static void emit_tag(struct collecting *c, struct oks_slice text)
{
    struct tag tag = tag_of(text);

    emit(c, c->kind == LABEL_BRANCH ? tag.branch : tag.effort);
}

static void collect_tag(void *ctx, const char *name, const struct oks_totals *totals)
{
    struct collecting *c = ctx;
    struct measure m = {.totals = *totals, .sessions = 1, .mtime_ns = c->t->mark.mtime_ns};

    m.duration_ms = oks_duration_ms(totals->first, totals->last);
    m.agent_name = oks_intern(c->sums->names, transcript_agent_name(c->t));
    m.model = oks_intern(c->sums->names, transcript_model(c->t));
    c->part.measure = &m;
    emit_tag(c, oks_slice_of(name));
    c->part.measure = NULL;
}

static int collect_calls(void *ctx, struct oks_slice name, uint64_t calls)
{
    struct collecting *c = ctx;

    c->part.calls = calls;
    emit(c, name);
    return c->rc;
}

static void collect_tools(void *ctx, const char *name, const struct oks_totals *totals)
{
    tool_set_each(name, totals->events, totals->count[OKS_TOOL_USES], collect_calls, ctx);
}

static int collect_bill(void *ctx, struct oks_slice tag, const struct billed_bag *bag)
{
    struct collecting *c = ctx;

    c->part.billed = bag;
    emit_tag(c, tag);
    c->part.billed = NULL;
    return c->rc;
}

static void collect_events(struct collecting *c, const struct transcript *t, const struct measure_window *w)
{
    bool of_tools = c->kind == LABEL_TOOL;
    enum oks_label label = of_tools ? OKS_LABEL_TOOLS : OKS_LABEL_TAG;

    c->t = t;
    if (sums_is_twin(t))
        return;
    switch (transcript_overlap(t, w->since, w->until)) {
    case TRANSCRIPT_INSIDE:
        transcript_by(t, label, of_tools ? collect_tools : collect_tag, c);
        break;
    case TRANSCRIPT_CUT:
        transcript_window_by(t, label, w->since, w->until, of_tools ? collect_tools : collect_tag, c);
        break;
    case TRANSCRIPT_OUTSIDE:
        break;
    }
}

int labels_of_session(struct sums *sums, struct billing *b, enum label_kind kind, const struct session *s,
                      const struct measure_window *w, int (*fn)(void *ctx, const struct label_part *part),
                      void *ctx)
{
    struct collecting c = {.sums = sums, .kind = kind, .fn = fn, .ctx = ctx};
    const struct transcript *t;

    if (kind == LABEL_BRANCH) {
        c.part.project = oks_intern(sums->names, groups_project_of(s));
        if (!c.part.project)
            return -ENOMEM;
    }
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        collect_events(&c, t, w);
    if (c.rc == 0 && kind != LABEL_TOOL)
        c.rc = tag_bills_session(b, s, w, collect_bill, &c);
    return c.rc;
}

/* --- rows --- */

static int by_place(const void *a, const void *b)
{
    const struct label_row *x = a, *y = b;
    int d = x->project == y->project ? 0 : strcmp(x->project, y->project);

    return d ? d : strcmp(x->name, y->name);
}

static void row_free(void *item)
{
    struct label_row *row = item;

    billed_bag_clear(&row->billed);
    ranked_row_clear(&row->shown);
    free(row->name);
    free(row);
}

/* The rows of a kind. */
struct label_table {
    void **rows;
    struct row_ranks *ranks;
};

static struct label_table table_of(struct sums *sums, enum label_kind kind)
{
    return (struct label_table){&sums->labels.rows[kind], &sums->labels.ranks[kind]};
}

/* NULL on ENOMEM. */
static struct label_row *row_at(const struct label_table *table, const char *project, struct oks_slice name)
{
    char *copy = oks_slice_copy(name);
    struct label_row wanted = {.project = project, .name = copy}, *row, **found;

    found = copy ? tfind(&wanted, table->rows, by_place) : NULL;
    if (found) {
        free(copy);
        return *found;
    }
    row = copy ? malloc(sizeof(*row)) : NULL;
    if (row)
        *row = wanted;
    if (row && tsearch(row, table->rows, by_place)) {
        aggregate_reset(&row->sum);
        ranked_row_start(&row->shown, table->ranks);
        return row;
    }
    free(row);
    free(copy);
    return NULL;
}

/* NULL: it has no events. */
static const struct measure *counted(const struct label_share *share)
{
    return share && share->bill && share->bill->measure.sessions ? &share->bill->measure : NULL;
}

void label_row_measure(struct label_row *row, struct measure *out)
{
    const struct label_share *share;

    if (row->sum.stale) {
        aggregate_reset(&row->sum);
        LIST_FOREACH(share, &row->shares, of_row)
            aggregate_replace(&row->sum, NULL, counted(share));
    }
    if (!row->sum.stale) {
        aggregate_show(&row->sum, out);
        return;
    }
    /* With a stamp of another form: added up each time. */
    measure_start(out);
    LIST_FOREACH(share, &row->shares, of_row)
        if (counted(share))
            measure_add(out, counted(share));
}

/* --- shares --- */

static void share_clear(struct label_share *share)
{
    if (share->bill)
        billed_bag_clear(&share->bill->billed);
    free(share->bill);
}

void label_shares_free(struct label_shares *shares)
{
    for (size_t i = 0; i < shares->n; i++)
        share_clear(&shares->items[i]);
    free(shares->items);
    *shares = (struct label_shares){0};
}

struct making {
    struct label_table table;
    const struct session *s;
    bool of_tools;
    struct label_shares to;
    size_t room;
};

/* The session's share of a row, made if there is none; NULL on ENOMEM. */
static struct label_share *share_at(struct making *m, struct label_row *row)
{
    struct label_share *share;

    if (row->of == m->s && row->at < m->to.n && m->to.items[row->at].row == row)
        return &m->to.items[row->at];
    if (!OKS_GROW(m->to.items, m->to.n, m->room))
        return NULL;
    share = &m->to.items[m->to.n];
    *share = (struct label_share){.row = row, .bill = m->of_tools ? NULL : calloc(1, sizeof(*share->bill))};
    if (!share->bill && !m->of_tools)
        return NULL;
    if (share->bill)
        measure_start(&share->bill->measure);
    row->of = m->s;
    row->at = m->to.n++;
    return share;
}

static int make_part(void *ctx, const struct label_part *part)
{
    struct making *m = ctx;
    struct label_row *row = row_at(&m->table, part->project, part->name);
    struct label_share *share = row ? share_at(m, row) : NULL;

    if (!share)
        return -ENOMEM;
    share->calls = oks_tokens_add(share->calls, part->calls);
    if (part->measure)
        measure_add(&share->bill->measure, part->measure);
    return part->billed ? billed_bag_add(&share->bill->billed, part->billed) : 0;
}

/* Adds a bag to the row's; on ENOMEM nothing is added. */
static int row_gains(struct label_row *row, struct label_share *share)
{
    const struct label_share *before = row->before;

    if (share->bill && billed_bag_add(&row->billed, &share->bill->billed) < 0)
        return -ENOMEM;
    aggregate_replace(&row->sum, counted(before), counted(share));
    row->calls += share->calls;
    row->sessions++;
    ranked_row_changed(&row->shown);
    LIST_INSERT_HEAD(&row->shares, share, of_row);
    return 0;
}

static void row_loses(struct label_row *row, struct label_share *share)
{
    LIST_REMOVE(share, of_row);
    if (share->bill)
        billed_bag_take(&row->billed, &share->bill->billed);
    row->calls -= share->calls;
    row->sessions--;
    ranked_row_changed(&row->shown);
}

static void row_release(void **rows, struct label_row *row)
{
    if (!LIST_EMPTY(&row->shares))
        return;
    tdelete(row, rows, by_place);
    row_free(row);
}

/* Replaces the shares of a session. -ENOMEM: the rows are incomplete. */
static int replace(void **rows, struct label_shares *from, struct label_shares *to)
{
    int rc = 0;

    for (size_t i = 0; i < from->n; i++)
        from->items[i].row->before = &from->items[i];
    for (size_t i = 0; rc == 0 && i < to->n; i++) {
        struct label_row *row = to->items[i].row;

        rc = row_gains(row, &to->items[i]);
        if (row->before)
            row_loses(row, row->before);
        row->before = NULL;
    }
    for (size_t i = 0; i < from->n; i++) {
        struct label_row *row = from->items[i].row;

        if (!row->before)
            continue;
        aggregate_replace(&row->sum, counted(row->before), NULL);
        row_loses(row, row->before);
        row->before = NULL;
        row_release(rows, row);
    }
    label_shares_free(from);
    *from = *to;
    return rc;
}

static int renew(struct sums *sums, struct billing *b, struct session *s, enum label_kind kind)
{
    static const struct measure_window open = {.since = {.key = OKS_STAMP_KEY_NONE},
                                               .until = {.key = OKS_STAMP_KEY_NONE}};
    struct making m = {.table = table_of(sums, kind), .s = s, .of_tools = kind == LABEL_TOOL};
    int rc = labels_of_session(sums, b, kind, s, &open, make_part, &m);
    struct label_share *fitting;

    if (rc < 0) {
        label_shares_free(&m.to);
        return rc;
    }
    fitting = m.to.n ? realloc(m.to.items, m.to.n * sizeof(*fitting)) : NULL;
    m.to.items = fitting ? fitting : m.to.items;
    return replace(m.table.rows, &s->sums->labels[kind], &m.to);
}

/* --- sessions --- */

static void put_due(struct sums *sums, struct session_sums *own)
{
    if (own->labels_due)
        return;
    own->labels_due = true;
    LIST_INSERT_HEAD(&sums->labels.due, own, of_labels_due);
}

static bool any_kept(const struct sums *sums)
{
    for (int kind = 0; kind < LABEL_KINDS; kind++)
        if (sums->labels.kept[kind])
            return true;
    return false;
}

void labels_due(struct sums *sums, struct session *s)
{
    if (any_kept(sums))
        put_due(sums, s->sums);
}

static void visit_due(void *ctx, void *item)
{
    put_due(ctx, ((struct session *)item)->sums);
}

void labels_want(struct sums *sums, enum label_kind kind)
{
    if (!sums->labels.kept[kind])
        oks_tree_each(sums->catalog->sessions, visit_due, sums);
    sums->labels.kept[kind] = true;
}

static void not_due(struct session_sums *own)
{
    if (own->labels_due)
        LIST_REMOVE(own, of_labels_due);
    own->labels_due = false;
}

void labels_leave(struct sums *sums, struct session *s)
{
    for (int kind = 0; kind < LABEL_KINDS; kind++)
        replace(&sums->labels.rows[kind], &s->sums->labels[kind], &(struct label_shares){0});
    not_due(s->sums);
}

static void forget_session(void *ctx, void *item)
{
    struct session_sums *own = ((struct session *)item)->sums;

    (void)ctx;
    for (int kind = 0; kind < LABEL_KINDS; kind++)
        label_shares_free(&own->labels[kind]);
    not_due(own);
}

void labels_forget(struct sums *sums)
{
    if (!any_kept(sums))
        return;
    oks_tree_each(sums->catalog->sessions, forget_session, NULL);
    labels_free(sums);
}

static size_t steps_of(const struct session *s)
{
    const struct transcript *t;
    size_t steps = 1;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        steps += requests_len(t->state.requests) / REQUESTS_PER_STEP;
    return steps;
}

int labels_complete_some(struct sums *sums, struct billing *b)
{
    struct session_sums *own;
    size_t steps = 0;
    int rc = 0;

    while (rc == 0 && (own = LIST_FIRST(&sums->labels.due))) {
        if (steps >= SOME)
            return 1;
        steps += steps_of(own->session);
        not_due(own);
        for (int kind = 0; rc == 0 && kind < LABEL_KINDS; kind++)
            if (sums->labels.kept[kind])
                rc = renew(sums, b, own->session, (enum label_kind)kind);
    }
    if (rc < 0)
        labels_forget(sums);
    return rc;
}

const void *labels_tree(const struct sums *sums, enum label_kind kind)
{
    return sums->labels.rows[kind];
}

void labels_free(struct sums *sums)
{
    for (int kind = 0; kind < LABEL_KINDS; kind++)
        tdestroy(sums->labels.rows[kind], row_free);
    sums->labels = (struct label_sums){0};
}
