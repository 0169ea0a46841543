/*
 * Charts as SVG: bars over time, and the card of a session. Drawn by numbers of documents; the text beside a
 * bar is the document's own number.
 */
#ifndef OKSTRAFS_FS_REPORT_CHART_H
#define OKSTRAFS_FS_REPORT_CHART_H

#include <stdbool.h>
#include "report/kept.h"

enum { CHART_LABEL_BYTES = 16, CHART_TEXT_BYTES = 64, CHART_BARS_MAX = 92 };

struct chart_bar {
    char label[CHART_LABEL_BYTES]; /* "2026-06-10" */
    char text[CHART_TEXT_BYTES];   /* the number for people */
    double value;                  /* what the height shows; not negative */
};

struct chart {
    const char *id;    /* of the elements that name it; unique in a page */
    const char *title; /* what is shown, and in which unit */
    const char *unit;  /* in front of the numbers of the axis: "$" or "" */
    const struct chart_bar *bars;
    size_t n;
    struct kept *kept; /* may be NULL */
};

/* An <svg> element; `alone`: as a file of its own, with its style. */
void chart_put(struct markup *m, const struct chart *chart, bool alone);

/* Rules that charts need, light and dark. Text has a contrast of at least 4.5 with the ground, bars of 3. */
#define CHART_STYLE                                                                                    \
    ".ground{fill:#fff}.bar{fill:#2f6fb5}.part2{fill:#b3561f}.part3{fill:#6b7a2a}.part4{fill:#8a8f98}" \
    ".grid{stroke:#d5d9df;stroke-width:1}.ink{fill:#1c1f24}.faint{fill:#555b65}"                       \
    "svg text{font:11px system-ui,sans-serif}"                                                         \
    "@media (prefers-color-scheme:dark){.ground{fill:#15181c}.bar{fill:#6aa7e8}.part2{fill:#e39563}"   \
    ".part3{fill:#a9ba5c}.part4{fill:#7d838c}.grid{stroke:#343a42}.ink{fill:#e8eaed}.faint{fill:#a8afb9}}"
/* The start of an SVG file of that size, with its style. */
void chart_begin_file(struct markup *m, unsigned width, unsigned height, const char *title);

/* The number on an axis: 0, 0.5, 20, 1.5k, 3M. */
void chart_number(double value, char out[CHART_TEXT_BYTES]);

#endif
