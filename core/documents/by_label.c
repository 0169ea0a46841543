/*
 * stats/by-branch.json, by-effort.json and by-tool.json: rows by what lines say of themselves.
 *
 * A row of branches is a project, as in by-project.json, with a git branch. No URL of a repository is shown:
 * it may hold a user's name. What has no branch or effort is in a row without one, so the rows add up to the
 * total.
 *
 * Over all time rows are running sums (sums/labels.h). In a window they are added up: transcripts keep sums
 * by tag and by tools, so that costs the transcripts, and the rows of those that the window cuts.
 */
#include "documents/by_label.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "base/tree.h"
#include "documents/document.h"
#include "documents/parts.h"
#include "documents/ranked.h"
#include "sums/model.h"
#include "sums/tag_bills.h"

/* A row as it is shown. */
struct label_shown {
    const char *project; /* interned; NULL where rows are not by project */
    char *name;          /* "": not known */
    struct measure measure;
    struct billed_bag billed;
    uint64_t calls;
    size_t sessions;
};

static enum label_kind kind_of(const struct stats *s)
{
    return s->by == OKS_STATS_BY_BRANCH   ? LABEL_BRANCH
           : s->by == OKS_STATS_BY_EFFORT ? LABEL_EFFORT
                                          : LABEL_TOOL;
}

/* --- writing --- */

/* malloc'ed; NULL: an error is noted. */
static char *key_of(struct stats *s, const struct label_shown *row)
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

/* And keeps the text, unless `kept` is NULL. */
static void write_row(struct stats *s, struct row_text *kept, const char *key, const struct label_shown *row)
{
    size_t start = s->j->text.len;

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
    if (kept)
        stats_keep(s, kept, start);
}

static void put_shown(struct stats *s, struct row_text *kept, const struct label_shown *row)
{
    char *key;

    if (row->measure.sessions == 0 && billed_bag_is_zero(&row->billed) && row->calls == 0)
        return;
    if (kept && stats_put_kept(s, kept))
        return;
    key = key_of(s, row);
    if (key)
        write_row(s, kept, key, row);
    free(key);
}

/* What a row over all time comes to. */
static int sum_row(struct stats *s, struct ranked_row *shown)
{
    struct label_row *row = (struct label_row *)shown;
    struct label_shown of = {.project = row->project, .name = row->name};
    struct measure m;
    char *key;

    label_row_measure(row, &m);
    if (m.sessions == 0 && billed_bag_is_zero(&row->billed) && row->calls == 0)
        return 0; /* as in put_shown() */
    key = key_of(s, &of);
    if (key)
        stats_keep_sum(&shown->text, key, &m, &row->billed);
    free(key);
    if (!shown->text.has_sum)
        return -ENOMEM;
    shown->text.sum->calls = document_tokens(row->calls);
    shown->text.sum->sessions = row->sessions;
    return 1;
}

static void write_label_row(void *ctx, void *item)
{
    struct label_row *row = item;
    struct stats *s = ctx;
    struct label_shown shown = {.project = row->project,
                                .name = row->name,
                                .billed = row->billed,
                                .calls = document_tokens(row->calls),
                                .sessions = row->sessions};

    label_row_measure(row, &shown.measure);
    put_shown(s, &row->shown.text, &shown);
}

/* --- over all time --- */

static int put_rows(struct stats *s)
{
    struct sums *sums = &s->model->sums;
    int rc;

    labels_want(sums, kind_of(s));
    do /* usually nothing is left: see stats_prepare_labels() */
        rc = labels_complete_some(sums, s->model->billing);
    while (rc > 0);
    if (rc == 0 && s->picked)
        ranked_pick(s, &sums->labels.ranks[kind_of(s)], labels_tree(sums, kind_of(s)), sum_row);
    else if (rc == 0)
        oks_tree_each(labels_tree(sums, kind_of(s)), write_label_row, s);
    return rc;
}

/* --- in a window: added up from the transcripts --- */

struct window_row {
    struct label_shown shown;
    const struct session *last; /* counted in shown.sessions */
};

struct window_rows {
    struct stats *s;
    void *rows; /* tsearch tree */
    const struct session *session;
    int error;
};

static int by_place(const void *a, const void *b)
{
    const struct label_shown *x = a, *y = b;
    int d = x->project == y->project ? 0 : strcmp(x->project, y->project);

    return d ? d : strcmp(x->name, y->name);
}

static void row_free(void *item)
{
    struct window_row *row = item;

    billed_bag_clear(&row->shown.billed);
    free(row->shown.name);
    free(row);
}

/* NULL on ENOMEM. */
static struct window_row *row_at(struct window_rows *w, const char *project, struct oks_slice name)
{
    char *copy = oks_slice_copy(name);
    struct label_shown wanted = {.project = project, .name = copy};
    struct window_row *row, **found;

    found = copy ? tfind(&wanted, &w->rows, by_place) : NULL;
    if (found) {
        free(copy);
        return *found;
    }
    row = copy ? calloc(1, sizeof(*row)) : NULL;
    if (row)
        row->shown = wanted;
    if (row && tsearch(row, &w->rows, by_place)) {
        measure_start(&row->shown.measure);
        return row;
    }
    free(row);
    free(copy);
    return NULL;
}

static int add_part(void *ctx, const struct label_part *part)
{
    struct window_rows *w = ctx;
    struct window_row *row = row_at(w, part->project, part->name);
    struct label_shown *shown = &row->shown;

    if (!row)
        return -ENOMEM;
    if (part->measure)
        measure_add(&shown->measure, part->measure);
    if (part->calls) {
        shown->calls = oks_tokens_add(shown->calls, part->calls);
        shown->sessions += row->last != w->session;
        row->last = w->session;
    }
    return part->billed ? billed_bag_add(&shown->billed, part->billed) : 0;
}

static void add_session(void *ctx, void *item)
{
    struct window_rows *w = ctx;
    struct stats *s = w->s;

    w->session = item;
    if (w->error == 0)
        w->error =
            labels_of_session(&s->model->sums, s->model->billing, kind_of(s), item, &s->w, add_part, w);
}

static void put_window_row(void *ctx, void *item)
{
    put_shown(ctx, NULL, &((struct window_row *)item)->shown);
}

static int put_window_rows(struct stats *s)
{
    struct window_rows w = {.s = s};

    document_each_in_window(s->j, s->model, &s->w, add_session, &w);
    if (w.error == 0)
        document_each(s->j, w.rows, put_window_row, s);
    tdestroy(w.rows, row_free);
    return w.error;
}

/* --- both --- */

void stats_put_by_label(struct stats *s)
{
    json_fail(s->j, s->window ? put_window_rows(s) : put_rows(s));
}

/* One step of what a document needs: 1: there is more. */
static int prepare_some(struct stats *s)
{
    struct model *model = s->model;

    if (!s->window) {
        labels_want(&model->sums, kind_of(s));
        return labels_complete_some(&model->sums, model->billing);
    }
    return s->by == OKS_STATS_BY_TOOL ? 0 : tag_bills_complete_some(model->billing, &model->catalog);
}

int stats_prepare_labels(struct stats *s)
{
    const struct timespec pause = {.tv_nsec = 100000};
    int rc = 1;

    while (rc > 0) {
        pthread_mutex_lock(&s->model->lock);
        rc = prepare_some(s);
        pthread_mutex_unlock(&s->model->lock);
        if (rc > 0)
            nanosleep(&pause, NULL);
    }
    return rc;
}
