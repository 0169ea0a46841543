/*
 * Documents by path without a sync, and report.txt, which is made from them.
 *
 * report.txt shows several documents, each rendered under the engine's lock by itself. So that all of them
 * show one state it is made again if the data changed meanwhile, and its version is that from before.
 */
#include "tree/documents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "okstrafs/names.h"
#include "report/page.h"
#include "report/report.h"
#include "tree/node_private.h"

enum {
    REPORT_WIDTH = 80,
    TRIES = 4, /* then a transcript grows faster than the report is made, and the last state will do */
};

static int find(const struct tree_documents *d, const char *path, struct node *out)
{
    struct node node;
    int rc = 0;

    tree_root(&node);
    while (rc == 0 && *path) {
        size_t n = strcspn(path, "/");
        char name[OKS_NAME_MAX + 1];
        struct node child = {0};

        if (n < sizeof(name)) {
            snprintf(name, sizeof(name), "%.*s", (int)n, path);
            rc = tree_lookup_known(d->engine, &node, name, d->now_ms, &child);
        } else {
            rc = -ENOENT;
        }
        node_clear(&node);
        node = child;
        path += n + (path[n] == '/');
    }
    if (rc == 0)
        *out = node;
    return rc;
}

int tree_documents_find(const struct tree_documents *d, const char *path)
{
    struct node node;
    int rc = find(d, path, &node);

    if (rc == 0)
        node_clear(&node);
    return rc;
}

int tree_documents_sync(const struct tree_documents *d, const char *path)
{
    struct node node;
    uint64_t version;
    int rc = find(d, path, &node);

    if (rc < 0)
        return rc;
    rc = tree_version(d->engine, &node, NULL, &version);
    node_clear(&node);
    return rc;
}

static int read_document(void *ctx, const char *path, struct oks_document *out)
{
    const struct tree_documents *d = ctx;
    struct node node;
    int rc = find(d, path, &node);

    if (rc < 0)
        return rc;
    rc = tree_render(d->engine, &node, d->now_ms, out);
    node_clear(&node);
    return rc;
}

struct lister {
    int (*fn)(void *ctx, const char *name);
    void *ctx;
};

static int pass_on(void *ctx, const char *name, enum node_shape shape)
{
    const struct lister *l = ctx;

    return l->fn(l->ctx, name);
}

static int list_folder(void *ctx, const char *path, int (*fn)(void *ctx, const char *name), void *fn_ctx)
{
    const struct tree_documents *d = ctx;
    struct lister l = {fn, fn_ctx};
    struct node node;
    int rc = find(d, path, &node);

    if (rc < 0)
        return rc;
    rc = tree_has_list(&node) ? tree_list_known(d->engine, &node, pass_on, &l) : -ENOTDIR;
    node_clear(&node);
    return rc;
}

static int each_recent(void *ctx, size_t most, int (*fn)(void *ctx, const struct oks_session_row *row),
                       void *fn_ctx)
{
    const struct tree_documents *d = ctx;

    return oks_engine_recent_rows(d->engine, most, fn, fn_ctx);
}

static int each_row(void *ctx, const struct report_kind *kind, size_t most,
                    int (*fn)(void *ctx, const struct oks_row *row), void *fn_ctx,
                    struct oks_rows_total *total)
{
    const struct tree_documents *d = ctx;

    return kind->document ? oks_engine_rows(d->engine, kind->stats, d->now_ms, most, fn, fn_ctx, total)
                          : oks_engine_team_rows(d->engine, most, fn, fn_ctx, total);
}

struct report_source tree_documents_source(struct tree_documents *d)
{
    return (struct report_source){read_document, list_folder, each_recent, each_row, d};
}

/* --- reports and pages --- */

static void put_line(void *ctx, enum emphasis emphasis, const char *line)
{
    markup_raw(ctx, line);
    markup_raw(ctx, "\n");
}

typedef int (*print_fn)(struct tree_documents *d, const struct node *node, struct markup *m);

static int print_into(struct tree_documents *d, const struct node *node, print_fn print,
                      struct oks_document *out)
{
    struct oks_target target = node_target(node);
    struct oks_document total;
    struct markup m = {0};
    int rc = oks_document_total_tokens(d->engine, &target, NULL, &total);

    if (rc < 0)
        return rc;
    *out = (struct oks_document){.mtime_ns = total.mtime_ns, .version = total.version};
    oks_document_clear(&total);
    rc = print(d, node, &m);
    if (rc == 0 && m.failed)
        rc = -ENOMEM;
    if (rc < 0)
        free(m.ptr);
    out->bytes = m.ptr;
    out->len = m.len;
    return rc;
}

static int print_steady(struct oks_engine *engine, const struct node *node, int64_t now_ms, print_fn print,
                        struct oks_document *out)
{
    struct tree_documents d = {engine, now_ms};
    const struct oks_target target = node_target(node);
    struct oks_document document;
    int rc = print_into(&d, node, print, &document);

    for (int tries = 1; rc == 0 && tries < TRIES && oks_engine_version(engine, &target) != document.version;
         tries++) {
        oks_document_clear(&document);
        rc = print_into(&d, node, print, &document);
    }
    if (rc == 0)
        *out = document;
    return rc;
}

static int print_report(struct tree_documents *d, const struct node *node, struct markup *m)
{
    struct report_source source = tree_documents_source(d);
    struct report_style style = {.width = REPORT_WIDTH,
                                 .zone = oks_engine_zone(d->engine),
                                 .now_ms = d->now_ms,
                                 .line = put_line,
                                 .ctx = m};

    return report_print_overview(&source, &style);
}

int tree_documents_report(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    return print_steady(engine, node, now_ms, print_report, out);
}

static struct page_time time_of(const struct tree_documents *d)
{
    return (struct page_time){oks_engine_zone(d->engine), d->now_ms};
}

static int print_page(struct tree_documents *d, const struct node *node, struct markup *m)
{
    struct report_source source = tree_documents_source(d);
    struct page_time time = time_of(d);

    return page_print(m, &source, &time);
}

int tree_documents_page(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    return print_steady(engine, node, now_ms, print_page, out);
}

static int print_days(struct tree_documents *d, const struct node *node, struct markup *m)
{
    struct report_source source = tree_documents_source(d);
    struct page_time time = time_of(d);

    return page_print_days(m, &source, &time);
}

int tree_documents_days(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    return print_steady(engine, node, now_ms, print_days, out);
}

static int print_session(struct tree_documents *d, const struct node *node, struct markup *m)
{
    struct report_source source = tree_documents_source(d);

    return page_print_session(m, &source, node_target(node).name);
}

int tree_documents_session(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out)
{
    return print_steady(engine, node, now_ms, print_session, out);
}
