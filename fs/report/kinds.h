/*
 * The kinds of reports: of which documents each is made, and what its columns are. A new kind is one entry in
 * kinds.c.
 */
#ifndef OKSTRAFS_FS_REPORT_KINDS_H
#define OKSTRAFS_FS_REPORT_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "okstrafs/engine.h"

enum cell_type {
    CELL_NAME,
    CELL_COUNT,
    CELL_USD,     /* with the mark of a lower bound, if "lowerBound" beside it is true */
    CELL_TIME,    /* local, to the minute */
    CELL_PERCENT, /* of a ratio */
    CELL_FLAG,    /* the column's title in lower case, if true */
    CELL_SHARE,   /* of the total cost; without a cost of the total tokens */
};

struct report_column {
    const char *title; /* NULL: the end of the list */
    const char *path;  /* of the member in a row, with dots */
    enum cell_type type;
    unsigned keep; /* see table_column() */
};

enum report_order { REPORT_BY_KEY, REPORT_BY_COST, REPORT_BY_END };

struct report_kind {
    const char *name;  /* as the command takes it */
    const char *title; /* of the key */
    /* The document in stats/ with "rows" and "total"; NULL: one document for each entry of `folder`. */
    const char *document;
    enum oks_stats stats; /* the same */
    const char *folder;
    enum cell_type key;
    enum report_order order;
    bool of_calls; /* its rows have calls, and no tokens and costs */
    const struct report_column *columns;
};

/* NULL: no such kind. */
const struct report_kind *report_kind_find(const char *name);
/* One after the other; NULL: no more. */
const struct report_kind *report_kind_at(size_t i);

#endif
