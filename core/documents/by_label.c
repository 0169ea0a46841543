/*
 * stats/by-branch.json, by-effort.json and by-tool.json: rows by what lines say of themselves.
 *
 * A row of branches is a project, as in by-project.json, with a git branch. No URL of a repository is shown:
 * it may hold a user's name. What has no branch or effort is in a row without one, so the rows add up to the
 * total.
 *
 * Transcripts keep sums by tag and by tools, so a document costs the transcripts, and the rows of those that
 * a window cuts.
 */
#include "documents/by_label.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "base/tree.h"
#include "history/tags.h"
#include "sums/model.h"
#include "sums/tag_bills.h"

struct label_row {
    const char *project; /* interned; NULL where rows are not by project */
    char *name;          /* "": not known */
    struct measure measure;
    struct billed_bag billed;
    uint64_t calls;
    size_t sessions;
    const struct session *last; /* counted in `sessions` */
};

struct labels {
    struct stats *s;
    void *rows; /* tsearch tree */
    const struct session *session;
    const char *project; /* of the session */
    const struct transcript *t;
    int error;
};

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
    free(row->name);
    free(row);
}

/* NULL: an error is noted. */
static struct label_row *row_at(struct labels *l, const char *project, struct oks_slice name)
{
    char *copy = oks_slice_copy(name.ptr ? name : OKS_SLICE(""));
    struct label_row wanted = {.project = project, .name = copy}, *row, **found;

    found = copy ? tfind(&wanted, &l->rows, by_place) : NULL;
    if (found) {
        free(copy);
        return *found;
    }
    row = copy ? calloc(1, sizeof(*row)) : NULL;
    if (row)
        *row = wanted;
    if (row && tsearch(row, &l->rows, by_place)) {
        measure_start(&row->measure);
        return row;
    }
    free(row);
    free(copy);
    l->error = -ENOMEM;
    return NULL;
}

static struct label_row *row_of_tag(struct labels *l, struct oks_slice text)
{
    struct tag tag = tag_of(text);

    return l->s->by == OKS_STATS_BY_BRANCH ? row_at(l, l->project, tag.branch) : row_at(l, NULL, tag.effort);
}

/* --- adding up --- */

static void add_tag(void *ctx, const char *name, const struct oks_totals *totals)
{
    struct labels *l = ctx;
    struct label_row *row = row_of_tag(l, oks_slice_of(name));
    struct oks_intern *names = &l->s->model->names;
    struct measure m = {.totals = *totals, .sessions = 1, .mtime_ns = l->t->mark.mtime_ns};

    m.duration_ms = oks_duration_ms(totals->first, totals->last);
    m.agent_name = oks_intern(names, transcript_agent_name(l->t));
    m.model = oks_intern(names, transcript_model(l->t));
    if (row)
        measure_add(&row->measure, &m);
}

static int add_calls(void *ctx, struct oks_slice name, uint64_t calls)
{
    struct labels *l = ctx;
    struct label_row *row = row_at(l, NULL, name);

    if (!row)
        return 0;
    row->calls = oks_tokens_add(row->calls, calls);
    row->sessions += row->last != l->session;
    row->last = l->session;
    return 0;
}

static void add_tools(void *ctx, const char *name, const struct oks_totals *totals)
{
    tool_set_each(name, totals->events, totals->count[OKS_TOOL_USES], add_calls, ctx);
}

static void add_events(struct labels *l, const struct transcript *t)
{
    enum oks_label label = l->s->by == OKS_STATS_BY_TOOL ? OKS_LABEL_TOOLS : OKS_LABEL_TAG;
    const struct measure_window *w = &l->s->w;

    l->t = t;
    if (sums_is_twin(t))
        return;
    switch (transcript_overlap(t, w->since, w->until)) {
    case TRANSCRIPT_INSIDE:
        transcript_by(t, label, label == OKS_LABEL_TOOLS ? add_tools : add_tag, l);
        break;
    case TRANSCRIPT_CUT:
        transcript_window_by(t, label, w->since, w->until, label == OKS_LABEL_TOOLS ? add_tools : add_tag, l);
        break;
    case TRANSCRIPT_OUTSIDE:
        break;
    }
}

static int add_bag(void *ctx, struct oks_slice tag, const struct billed_bag *bag)
{
    struct labels *l = ctx;
    struct label_row *row = row_of_tag(l, tag);

    return row ? billed_bag_add(&row->billed, bag) : -ENOMEM;
}

static void add_session(void *ctx, void *item)
{
    struct labels *l = ctx;
    const struct transcript *t;
    int rc = 0;

    l->session = item;
    if (l->s->by == OKS_STATS_BY_BRANCH)
        l->project = oks_intern(&l->s->model->names, groups_project_of(l->session));
    if (l->s->by == OKS_STATS_BY_BRANCH && !l->project)
        rc = -ENOMEM;
    if (rc == 0)
        TAILQ_FOREACH(t, &l->session->transcripts, of_session)
            add_events(l, t);
    if (rc == 0 && l->s->by != OKS_STATS_BY_TOOL)
        rc = tag_bills_session(l->s->model->billing, l->session, &l->s->w, add_bag, l);
    if (rc < 0)
        l->error = rc;
}

/* --- writing --- */

/* malloc'ed; NULL: an error is noted. */
static char *key_of(struct stats *s, const struct label_row *row)
{
    struct oks_bytes key = {0};

    if (s->by == OKS_STATS_BY_BRANCH) {
        oks_bytes_text(&key, row->project);
        oks_bytes_text(&key, *row->name ? "@" : "");
        oks_bytes_text(&key, row->name);
    } else {
        oks_bytes_text(&key, *row->name ? row->name : "unknown");
    }
    oks_bytes_put(&key, "", 1);
    json_fail(s->j, key.error);
    return key.error ? free(key.ptr), NULL : key.ptr;
}

static void pick_row(struct stats *s, const char *key, const struct label_row *row)
{
    struct picked_row picked = {
        .counted = oks_totals_tokens(&row->measure.totals),
        .row = {.of_tool = s->by == OKS_STATS_BY_TOOL, .calls = row->calls, .sessions = row->sessions}};

    billed_bag_total(&row->billed, &picked.sum);
    picked_add(s->picked, key, &picked);
}

static void write_row(struct stats *s, const char *key, const struct label_row *row)
{
    json_open_object(s->j, NULL);
    json_put_text(s->j, "key", key);
    if (s->by == OKS_STATS_BY_BRANCH) {
        json_put_text(s->j, "project", row->project);
        json_put_text(s->j, "branch", *row->name ? row->name : NULL);
    }
    if (s->by == OKS_STATS_BY_TOOL) {
        json_put_count(s->j, "calls", row->calls);
        json_put_count(s->j, "sessions", row->sessions);
    } else {
        stats_put_counts(s, &row->measure, &row->billed);
    }
    json_close_object(s->j);
}

static void put_row(void *ctx, void *item)
{
    const struct label_row *row = item;
    struct stats *s = ctx;
    char *key;

    if (row->measure.sessions == 0 && billed_bag_is_zero(&row->billed) && row->calls == 0)
        return;
    key = key_of(s, row);
    if (key && s->picked)
        pick_row(s, key, row);
    else if (key)
        write_row(s, key, row);
    free(key);
}

void stats_put_by_label(struct stats *s)
{
    struct labels l = {.s = s};

    oks_tree_each(s->model->catalog.sessions, add_session, &l);
    json_fail(s->j, l.error);
    oks_tree_each(l.rows, put_row, s);
    tdestroy(l.rows, row_free);
}

int stats_prepare_labels(struct stats *s)
{
    const struct timespec pause = {.tv_nsec = 100000};
    struct model *model = s->model;
    int rc = s->by == OKS_STATS_BY_TOOL ? 0 : 1;

    while (rc > 0) {
        pthread_mutex_lock(&model->lock);
        rc = tag_bills_complete_some(model->billing, &model->catalog);
        pthread_mutex_unlock(&model->lock);
        if (rc > 0)
            nanosleep(&pause, NULL);
    }
    return rc;
}
