/*
 * A session's report.svg: what it cost and used, and how full its context is, on a card.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/cells.h"
#include "report/chart.h"
#include "report/markup.h"
#include "report/page.h"

enum { WIDTH = 480, HEIGHT = 150, MARGIN = 16, PATH_BYTES = 300, NAME_SHOWN = 44, PARTS = 4 };

struct part {
    const char *title, *path, *class;
};

static const struct part parts[PARTS] = {
    {"input", "billed.inputTokens", "bar"},
    {"output", "billed.outputTokens", "part2"},
    {"cache write", "billed.cacheCreationTokens", "part3"},
    {"cache read", "billed.cacheReadTokens", "part4"},
};

static double number(const struct value *v)
{
    return value_is(v, VALUE_NUMBER) ? strtod(v->text, NULL) : 0;
}

static void put_line(struct markup *m, int y, const char *class, const char *text)
{
    markup_format(m, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, MARGIN, y);
    markup_text_cut(m, text, NAME_SHOWN * 2);
    markup_raw(m, "</text>\n");
}

/* One bar of all tokens, and what each part of it is. */
static void put_parts(struct markup *m, const struct value *usage)
{
    double all = 0, x = MARGIN;
    int legend = MARGIN;

    for (size_t i = 0; i < PARTS; i++)
        all += number(report_member(usage, parts[i].path, NULL));
    for (size_t i = 0; i < PARTS; i++) {
        const struct value *v = report_member(usage, parts[i].path, NULL);
        double width = all > 0 ? number(v) / all * (WIDTH - 2 * MARGIN) : 0;
        char count[CELL_BYTES], text[CHART_TEXT_BYTES];

        if (width > 0)
            markup_format(m, "<rect class=\"%s\" x=\"%.1f\" y=\"70\" width=\"%.1f\" height=\"10\"/>\n",
                          parts[i].class, x, width);
        x += width;
        chart_number(number(v), text);
        markup_format(m, "<g><title>%s: ", parts[i].title);
        markup_text(m, cell_count(v, count));
        markup_format(m,
                      "</title><rect class=\"%s\" x=\"%d\" y=\"88\" width=\"8\" height=\"8\"/><text "
                      "class=\"faint\" x=\"%d\" "
                      "y=\"96\">%s %s</text></g>\n",
                      parts[i].class, legend, legend + 12, parts[i].title, text);
        legend += (WIDTH - 2 * MARGIN) / PARTS;
    }
}

static void put_context(struct markup *m, const struct value *context)
{
    const struct value *ratio = value_member(context, "ratio");
    unsigned share = cell_ratio(ratio);
    char tokens[CELL_BYTES], limit[CELL_BYTES], line[CELL_BYTES * 3];

    if (!value_is(ratio, VALUE_NUMBER))
        return;
    snprintf(line, sizeof(line), "context %u%%: %.60s of %.60s tokens", (share + 5) / 10,
             cell_count(value_member(context, "occupancyTokens"), tokens),
             cell_count(value_member(context, "contextLimit"), limit));
    put_line(m, 124, "faint", line);
    markup_format(m,
                  "<rect class=\"part4\" opacity=\"0.3\" x=\"%d\" y=\"130\" width=\"%d\" height=\"6\"/>"
                  "<rect class=\"bar\" x=\"%d\" y=\"130\" width=\"%u\" height=\"6\"/>\n",
                  MARGIN, WIDTH - 2 * MARGIN, MARGIN, (WIDTH - 2 * MARGIN) * share / 1000);
}

static void put_card(struct markup *m, const char *id, const struct value *usage, const struct value *context)
{
    const struct value *in = NULL, *cost = report_member(usage, "billed.costUSD", &in);
    struct cell_marks marks = {0};
    char usd[CELL_BYTES], requests[CELL_BYTES], line[CELL_BYTES * 3];

    snprintf(line, sizeof(line), "Session %.120s", id);
    chart_begin_file(m, WIDTH, HEIGHT, line);
    put_line(m, 26, "ink", line);
    snprintf(line, sizeof(line), "%.60s USD, %.60s requests", cell_usd(cost, in, &marks, usd),
             cell_count(report_member(usage, "billed.requests", NULL), requests));
    put_line(m, 44, "ink", line);
    put_line(m, 62, "faint", cell_name(value_member(usage, "model")));
    put_parts(m, usage);
    put_context(m, context);
    markup_raw(m, "</svg>\n");
}

int page_print_session(struct markup *m, const struct report_source *source, const char *id)
{
    struct report_document usage, context = {0};
    char path[PATH_BYTES];
    int rc;

    snprintf(path, sizeof(path), "sessions/%.255s/usage.json", id);
    rc = report_document_read(&usage, source, path);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "sessions/%.255s/context.json", id);
    rc = report_document_read(&context, source, path);
    if (rc == 0 || rc == -ENOENT) {
        rc = 0;
        put_card(m, id, usage.tree.root, context.tree.root);
    }
    report_document_clear(&context);
    report_document_clear(&usage);
    return rc;
}
