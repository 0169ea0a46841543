/*
 * The overview: report.txt, and what `okstrafs report` prints without an argument.
 */
#include "report/sections.h"

enum { DAYS_SHOWN = 14, TOP_SHOWN = 8 };

int report_print_overview(const struct report_source *source, const struct report_style *style)
{
    struct sections o = {source, style, {0}};
    int rc = section_present(&o);

    if (rc == 0)
        rc = section_block(&o);
    if (rc == 0)
        rc = section_budgets(&o);
    if (rc == 0)
        rc = section_kind(&o, "days", DAYS_SHOWN);
    if (rc == 0)
        rc = section_kind(&o, "projects", TOP_SHOWN);
    if (rc == 0)
        rc = section_kind(&o, "models", TOP_SHOWN);
    if (rc == 0)
        cells_explain(&o.marks, style);
    return rc;
}
