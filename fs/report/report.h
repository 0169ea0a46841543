/*
 * Reports: the mount's documents as text for people and as CSV.
 *
 * Nothing here computes a number a second time: each is one of a document, rounded or grouped. Only shares
 * are computed, of two numbers of one document.
 */
#ifndef OKSTRAFS_FS_REPORT_REPORT_H
#define OKSTRAFS_FS_REPORT_REPORT_H

#include <stdio.h>

#include "report/rows.h"
#include "report/table.h"

/* One kind as a table, totals last. 0 or -ENOMEM. */
int report_print_table(const struct report_rows *rows, const struct report_style *style);

/*
 * RFC 4180, with a header. The columns are the key and all members of the rows and of the total that are
 * single values, named by their paths; a list of names is one cell. Numbers are as in the document. A text
 * that a spreadsheet would take for a formula gets an apostrophe in front. 0 or -ENOMEM; errors of `f` are
 * the caller's.
 */
int report_print_csv(const struct report_rows *rows, FILE *f);

/* A first look: today, this week, this month, all; the last days; projects and models; the running block;
 * budgets. 0 or a negative errno. */
int report_print_overview(const struct report_source *source, const struct report_style *style);

/* The live view: the overview without its days, projects and models, and with these sessions, how full their
 * contexts are, and the limits of the user's plans. 0 or a negative errno. */
int report_print_live(const struct report_source *source, const char *const *sessions, size_t n,
                      const struct report_style *style);

#endif
