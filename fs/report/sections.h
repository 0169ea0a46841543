/*
 * The sections of the overview and of the live view (private to fs/report).
 *
 * A document that does not exist, because nothing is configured or nothing runs, leaves its lines out. Each
 * function returns 0 or a negative errno.
 */
#ifndef OKSTRAFS_FS_REPORT_SECTIONS_H
#define OKSTRAFS_FS_REPORT_SECTIONS_H

#include "report/cells.h"
#include "report/report.h"

struct sections {
    const struct report_source *source;
    const struct report_style *style;
    struct cell_marks marks; /* of all sections, to be explained at the end */
};

void section_line(const struct sections *o, enum emphasis emphasis, const char *text);
/* Prints a table that was filled, below an empty line, unless it has no row or `rc` is an error; frees it. */
int section_table(const struct sections *o, struct table *t, int rc);

/* Today, yesterday, this week, this month, all of time. */
int section_present(struct sections *o);
/* The running block. */
int section_block(struct sections *o);
/* Budgets; and what is wrong with the configuration, because then none may be in force. */
int section_budgets(struct sections *o);
/* At most so many rows of a kind of report. */
int section_kind(struct sections *o, const char *name, size_t most);

#endif
