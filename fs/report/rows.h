/*
 * The rows of a report: read from the mount's documents, in the order in which they are shown.
 *
 *     struct report_rows rows;
 *
 *     rc = report_rows_read(&rows, kind, &source, "", SIZE_MAX);
 *     if (rc == 0) {
 *         rc = report_print_table(&rows, &style);
 *         report_rows_clear(&rows);
 *     }
 */
#ifndef OKSTRAFS_FS_REPORT_ROWS_H
#define OKSTRAFS_FS_REPORT_ROWS_H

#include "internal/rows.h"
#include "report/values.h"
#include "report/kinds.h"

/* Where documents come from: a mount, or an engine. Each function returns 0 or a negative errno. */
struct report_source {
    int (*read)(void *ctx, const char *path, struct oks_document *out);
    /* Calls fn with each name in a folder; ends with its first value that is not 0. */
    int (*list)(void *ctx, const char *path, int (*fn)(void *ctx, const char *name), void *fn_ctx);
    /* The same with the sessions that were active last, the newest first. NULL: the source cannot tell. */
    int (*recent)(void *ctx, size_t most, int (*fn)(void *ctx, const struct oks_session_row *row),
                  void *fn_ctx);
    /*
     * The rows of a kind that say most, and what all of them come to, as numbers (internal/rows.h). NULL: the
     * source has documents only.
     */
    int (*rows)(void *ctx, const struct report_kind *kind, size_t most,
                int (*fn)(void *ctx, const struct oks_row *row), void *fn_ctx, struct oks_rows_total *total);
    void *ctx;
};

/* A document and its values. Zeroed: none. */
struct report_document {
    struct oks_document text;
    struct values tree;
};

/* 0; -ENOENT: no such document; -EINVAL: it is no JSON; another negative errno of the source. */
int report_document_read(struct report_document *out, const struct report_source *source, const char *path);
void report_document_clear(struct report_document *document);

struct report_row {
    char *name;               /* of the entry in the folder; NULL: the member "key" is the name */
    struct oks_document text; /* of the entry; else none */
    struct values tree;       /* of an object */
};

struct report_rows {
    const struct report_kind *kind;
    struct oks_document text; /* with the total, and the rows but for those of a folder */
    struct report_row *rows;
    size_t n, room;
    size_t n_all;        /* rows that there are */
    struct values total; /* .root NULL: there is none */
};

/*
 * `window` is "<since>_<until>", or "" for all of time; then what had no activity in it is left out of a
 * folder's rows. Of more than `most` rows those are kept that say most: the last ones, or those that cost
 * most. 0; -ENOENT: the document does not exist (report_main_path() names it); another negative errno.
 */
int report_rows_read(struct report_rows *out, const struct report_kind *kind,
                     const struct report_source *source, const char *window, size_t most);
void report_rows_clear(struct report_rows *rows);
/* For a folder's rows: in the order of their names. */
void report_rows_sort_by_name(struct report_rows *rows);

/* The path of the document that the total is in. */
enum { REPORT_PATH_BYTES = 1024 };
int report_main_path(const struct report_kind *kind, const char *window, char out[REPORT_PATH_BYTES]);

/*
 * Calls fn with at most so many budgets, ascending by name. *n: how many there are. 0, the first non-zero
 * value of fn, or another negative errno.
 */
int report_each_budget(const struct report_source *source, size_t most,
                       int (*fn)(void *ctx, const struct value *budget), void *ctx, size_t *n);

/* A member by its path with dots, or NULL. *in (may be NULL): the object that it is a member of. */
const struct value *report_member(const struct value *row, const char *path, const struct value **in);
/* The name of a row, borrowed. */
const char *report_row_key(const struct report_row *row);

#endif
