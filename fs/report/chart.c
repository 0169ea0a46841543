/*
 * Bars over time as SVG.
 *
 * The size is that of the viewBox; a page may show it smaller. Colours come from classes, so that a page with
 * a strict Content-Security-Policy needs one style element only.
 */
#include "report/chart.h"

#include <stdio.h>
#include <string.h>

#include "report/markup.h"

enum { WIDTH = 640, HEIGHT = 200, LEFT = 60, TOP = 10, BOTTOM = 24, GRID_LINES = 4, LABELS = 6 };

void chart_number(double value, char out[CHART_TEXT_BYTES])
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(*units)) {
        value /= 1000;
        unit++;
    }
    snprintf(out, CHART_TEXT_BYTES, "%.3g%s", value, units[unit]);
}

/* The least of 1, 2, 2.5, 5 times a power of ten that is not below the value. */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double power = 1;

    if (value <= 0)
        return 1;
    while (power * 10 <= value)
        power *= 10;
    while (power > value)
        power /= 10;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (steps[i] * power >= value)
            return steps[i] * power;
    return 10 * power;
}

static double highest(const struct chart *c)
{
    double high = 0;

    for (size_t i = 0; i < c->n; i++)
        if (c->bars[i].value > high)
            high = c->bars[i].value;
    return high;
}

void chart_begin_file(struct markup *m, unsigned width, unsigned height, const char *title)
{
    markup_format(
        m,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" "
        "role=\"img\">"
        "<title>",
        width, height, width, height);
    markup_text(m, title);
    markup_format(m, "</title><style>%s</style><rect class=\"ground\" width=\"%u\" height=\"%u\"/>\n",
                  CHART_STYLE, width, height);
}

static void write_grid(struct markup *m, const struct chart *c, double top)
{
    for (int i = 0; i <= GRID_LINES; i++) {
        double y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (double)i / GRID_LINES);
        char number[CHART_TEXT_BYTES];

        chart_number(top * i / GRID_LINES, number);
        markup_raw(m, "<line class=\"grid\" x1=\"");
        markup_number(m, LEFT);
        markup_raw(m, "\" x2=\"");
        markup_number(m, WIDTH);
        markup_raw(m, "\" y1=\"");
        markup_tenths(m, y);
        markup_raw(m, "\" y2=\"");
        markup_tenths(m, y);
        markup_raw(m, "\"/><text class=\"faint\" x=\"");
        markup_number(m, LEFT - 5);
        markup_raw(m, "\" y=\"");
        markup_tenths(m, y + 4);
        markup_raw(m, "\" text-anchor=\"end\">");
        markup_raw(m, c->unit);
        markup_raw(m, number);
        markup_raw(m, "</text>\n");
    }
}

static void put_rect(struct markup *m, const char *begin, double x, double y, double width, double height)
{
    markup_raw(m, begin);
    markup_raw(m, " x=\"");
    markup_tenths(m, x);
    markup_raw(m, "\" y=\"");
    markup_tenths(m, y);
    markup_raw(m, "\" width=\"");
    markup_tenths(m, width);
    markup_raw(m, "\" height=\"");
    markup_tenths(m, height);
    markup_raw(m, "\"/>");
}

/* How bars stand. */
struct scale {
    double step;  /* from one to the next */
    double top;   /* the value of the highest line */
    size_t every; /* so many bars have one label */
};

static void put_label(struct markup *m, const struct chart_bar *bar, double x)
{
    const char *label = bar->label;

    markup_raw(m, "<text class=\"faint\" x=\"");
    markup_tenths(m, x);
    markup_raw(m, "\" y=\"");
    markup_number(m, HEIGHT - 8);
    markup_raw(m, "\">");
    markup_text(m, strlen(label) == strlen("2026-06-10") ? label + strlen("2026-") : label);
    markup_raw(m, "</text>\n");
}

static void write_bar(struct markup *m, const struct chart_bar *bar, size_t i, const struct scale *s)
{
    double room = HEIGHT - TOP - BOTTOM, height = room * bar->value / s->top, x = LEFT + s->step * (double)i;

    if (height < 1)
        height = 1;
    markup_raw(m, "<g><title>");
    markup_text(m, bar->label);
    markup_raw(m, ": ");
    markup_text(m, bar->text);
    markup_raw(m, "</title>");
    /* The title is on the full height, so that a day without a bar can be pointed at too. */
    put_rect(m, "<rect opacity=\"0\"", x, TOP, s->step, room);
    if (bar->value > 0)
        put_rect(m, "<rect class=\"bar\"", x + s->step * 0.1, TOP + room - height, s->step * 0.8, height);
    markup_raw(m, "</g>\n");
    if (i % s->every == 0)
        put_label(m, bar, x);
}

/* Bars that are kept as one piece. The last bar is one by itself, because it is today's. */
enum { PIECE = 10 };

static size_t piece_end(size_t at, size_t n)
{
    return at + 1 == n ? n : at + PIECE < n ? at + PIECE : n - 1;
}

struct piece_numbers {
    double top;
    uint64_t n; /* of the chart */
};

static void put_bars(struct markup *m, const struct chart *c, double top)
{
    const struct scale s = {(double)(WIDTH - LEFT) / (double)c->n, top, (c->n + LABELS - 1) / LABELS};
    const struct piece_numbers numbers = {top, c->n};
    struct cell_marks none = {0};

    for (size_t at = 0, end; at < c->n; at = end) {
        struct kept_key key = {&numbers, sizeof(numbers), &c->bars[at], 0};

        end = piece_end(at, c->n);
        key.n_text = (end - at) * sizeof(*c->bars);
        if (kept_again(c->kept, &key, m, &none))
            continue;
        for (size_t i = at; i < end; i++)
            write_bar(m, &c->bars[i], i, &s);
        kept_end(c->kept, &key, m, &none);
    }
}

static void begin(struct markup *m, const struct chart *c, bool alone)
{
    if (alone) {
        chart_begin_file(m, WIDTH, HEIGHT, c->title);
        return;
    }
    markup_format(m,
                  "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s\"><title "
                  "id=\"%s\">",
                  WIDTH, HEIGHT, c->id, c->id);
    markup_text(m, c->title);
    markup_raw(m, "</title>\n");
}

void chart_put(struct markup *m, const struct chart *c, bool alone)
{
    double top = round_up(highest(c));
    const struct kept_key key = {&top, sizeof(top), c->unit, strlen(c->unit)};
    struct cell_marks none = {0};

    kept_part(c->kept, c->id);
    if (!kept_again(c->kept, &key, m, &none)) {
        begin(m, c, alone);
        write_grid(m, c, top);
        kept_end(c->kept, &key, m, &none);
    }
    if (c->n > 0)
        put_bars(m, c, top);
    markup_raw(m, "</svg>\n");
}
