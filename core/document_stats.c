/*
 * The statistics: everything, cut by model or by project.
 *
 * Rows come from the running sums (sums.c), so a document costs its rows and not its sessions; those
 * of projects are kept as text, so it costs those that changed.
 */
#include <errno.h>
#include <search.h>

#include "document.h"

struct rows {
    struct oks_engine *e;
    json_object *list;
    bool ok;
};

static json_object *row_made(const char *key, const struct measure *m)
{
    json_object *row = json_object_new_object();

    if (row && put_text(row, "key", key) && put_measure(row, m))
        return row;
    json_object_put(row);
    return NULL;
}

static void add_row(struct rows *rows, const char *key, const struct measure *m)
{
    json_object *row = rows->ok ? row_made(key, m) : NULL;

    if (row && json_object_array_add(rows->list, row) == 0)
        return;
    json_object_put(row);
    rows->ok = false;
}

static void add_model(void *ctx, const char *name, const struct measure *m)
{
    add_row(ctx, *name ? name : "unknown", m);
}

/* --- rows of projects: there may be hundreds, and hardly ever does more than one change --- */

enum { ROW_LEVEL = 2 }; /* containers around a row */

static void visit_project(const void *node, VISIT visit, void *ctx)
{
    static const struct measure_window open = {.since = {.key = OKS_STAMP_KEY_NONE},
                                               .until = {.key = OKS_STAMP_KEY_NONE}};
    struct project *p = *(struct project *const *)node;
    struct rows *rows = ctx;
    json_object *row;
    struct measure m;

    if ((visit != postorder && visit != leaf) || !rows->ok)
        return;
    if (remembered_is(&p->row, p->version, &open, ROW_LEVEL)) {
        row = remembered_part(&p->row);
    } else {
        sums_project(rows->e, p, &m);
        row = remembered_keep(&p->row, row_made(p->name, &m), p->version, &open, ROW_LEVEL);
    }
    rows->ok = row && json_object_array_add(rows->list, row) == 0;
    if (!rows->ok)
        json_object_put(row);
}

/* --- documents --- */

static json_object *stats_document(struct oks_engine *e, enum oks_stats by, struct measure *all)
{
    json_object *o = json_object_new_object(), *total = json_object_new_object();
    struct rows rows = {e, json_object_new_array(), true};

    sums_all(e, all);
    if (by == OKS_STATS_BY_MODEL && rows.list)
        sums_models(e, add_model, &rows);
    else if (rows.list)
        twalk_r(e->projects, visit_project, &rows);
    if (!o || !rows.list || !rows.ok || !total || !put_measure(total, all)) {
        json_object_put(rows.list);
        json_object_put(total);
        json_object_put(o);
        return NULL;
    }
    rows.ok = put(o, "rows", rows.list);
    rows.ok &= put(o, "total", total);
    if (rows.ok)
        return o;
    json_object_put(o);
    return NULL;
}

int oks_document_stats(struct oks_engine *e, enum oks_stats by, struct oks_document *out)
{
    struct measure all;
    json_object *o;
    int rc;

    pthread_mutex_lock(&e->lock);
    o = stats_document(e, by, &all);
    rc = o ? document_finish(o, all.mtime_ns, e->version, out) : -ENOMEM;
    pthread_mutex_unlock(&e->lock);
    return rc;
}
