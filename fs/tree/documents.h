/*
 * The tree's documents by their paths, from the last sync: the source of reports (report/rows.h).
 *
 *     struct tree_documents documents = {engine, now_ms};
 *     struct report_source source = tree_documents_source(&documents);
 *
 *     rc = tree_documents_sync(&documents, "stats/by-day.json");
 */
#ifndef OKSTRAFS_FS_TREE_DOCUMENTS_H
#define OKSTRAFS_FS_TREE_DOCUMENTS_H

#include "report/rows.h"
#include "tree/tree.h"

struct tree_documents {
    struct oks_engine *engine;
    int64_t now_ms;
};

/* Borrows the argument. Nothing is synced. */
struct report_source tree_documents_source(struct tree_documents *documents);
/* Whether the name is well formed: 0 or -ENOENT. An entry of a list may still not exist. */
int tree_documents_find(const struct tree_documents *documents, const char *path);
/* Syncs what the file depends on. 0, -ENOENT, or another negative errno. */
int tree_documents_sync(const struct tree_documents *documents, const char *path);

/* The content of report.txt, report.html, by-day.svg, and a session's report.svg. */
int tree_documents_report(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out);
int tree_documents_page(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out);
int tree_documents_days(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out);
int tree_documents_session(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out);

#endif
