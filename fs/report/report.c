/*
 * One kind of report as a table.
 */
#include "report/report.h"

#include <errno.h>

#include "report/cells.h"

/* A pause between two blocks is a row of the document, but nothing to read. */
static bool is_gap(const struct value *row)
{
    return value_is_true(value_member(row, "isGap"));
}

static void put_key(const struct report_rows *r, size_t i, struct table *t, const struct report_style *style,
                    const struct value *total, struct cell_marks *marks)
{
    const struct report_row *row = &r->rows[i];
    const char *key = report_row_key(row);
    char time[CELL_BYTES];

    if (r->kind->key == CELL_TIME)
        key = cell_time(value_member(row->tree.root, "key"), style->zone, time);
    cells_row(t, r->kind, key, row->tree.root, total, style, marks);
}

int report_print_table(const struct report_rows *r, const struct report_style *style)
{
    struct table *t = table_new(NULL);
    struct cell_marks marks = {0};
    int rc;

    if (!t)
        return -ENOMEM;
    cells_columns(t, r->kind);
    for (size_t i = 0; i < r->n; i++)
        if (!is_gap(r->rows[i].tree.root))
            put_key(r, i, t, style, r->total.root, &marks);
    if (r->total.root) {
        table_emphasis(t, EMPHASIS_TOTAL);
        /* The sessions of a team may be another team's too: no sum of the rows is true. */
        cells_row(t, r->kind, r->kind->document ? "Total" : "All sessions", r->total.root, r->total.root,
                  style, &marks);
    }
    rc = table_print(t, style);
    if (rc == 0)
        rc = table_print_left_out(t, style);
    table_free(t);
    if (rc == 0)
        cells_explain(&marks, style);
    return rc;
}
