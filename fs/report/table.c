/*
 * Tables of text: widths, columns that are left out, names that are cut.
 *
 * The texts of all cells are in one buffer, because a table may have ten thousand rows.
 */
#include "report/table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal/hidden.h"
#include "report/width.h"

enum {
    COLUMNS_MAX = 16,
    GAP = 2,        /* between columns */
    BAR = 10,       /* columns of a full bar */
    NAME_SOFT = 24, /* the first column is cut to this, or a third, before others are left out, */
    NAME_LEAST = 8, /* and to this before a line is longer than the width */
    TEXT_MOST = 24, /* of other columns of text */
    ROOM_LEAST = 64,
};

struct column {
    const char *title;
    enum table_align align;
    unsigned keep;
    bool has_bars;
};

struct cell {
    size_t at;   /* of its text */
    int32_t bar; /* in thousandths; -1: none */
};

struct table {
    struct column columns[COLUMNS_MAX];
    size_t n_columns;
    char *text;
    size_t text_len, text_room;
    struct cell *cells;
    size_t n_cells, cells_room;
    enum emphasis *emphases; /* of the rows that have begun */
    size_t n_rows, rows_room;
    enum emphasis next;
    int error;
};

struct layout {
    const struct table *t;
    const struct report_style *style;
    size_t width[COLUMNS_MAX];
    bool shown[COLUMNS_MAX];
    char *line;
    size_t len, room;
    int error;
};

/* Room for so many items. False: no memory. */
static bool grow(void *items, size_t need, size_t *room, size_t size)
{
    size_t wanted = *room ? *room * 2 : ROOM_LEAST;
    void *memory;

    if (need <= *room)
        return true;
    if (wanted < need)
        wanted = need;
    memcpy(&memory, items, sizeof(memory));
    memory = reallocarray(memory, wanted, size);
    if (!memory)
        return false;
    memcpy(items, &memory, sizeof(memory));
    *room = wanted;
    return true;
}

struct table *table_new(const struct table_title *titles)
{
    struct table *t = calloc(1, sizeof(*t));

    for (; t && titles && titles->text; titles++)
        table_column(t, titles->text, titles->align, titles->keep);
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->text);
    free(t->cells);
    free(t->emphases);
    free(t);
}

void table_column(struct table *t, const char *title, enum table_align align, unsigned keep)
{
    if (t->n_columns < COLUMNS_MAX)
        t->columns[t->n_columns++] = (struct column){.title = title, .align = align, .keep = keep};
    else
        t->error = -EINVAL;
}

void table_emphasis(struct table *t, enum emphasis emphasis)
{
    t->next = emphasis;
}

static void add_cell(struct table *t, const char *text, int32_t bar)
{
    size_t len = text ? strlen(text) : 0;

    if (t->error)
        return;
    if (!grow(&t->text, t->text_len + len + 1, &t->text_room, 1) ||
        !grow(&t->cells, t->n_cells + 1, &t->cells_room, sizeof(*t->cells)) ||
        !grow(&t->emphases, t->n_rows + 1, &t->rows_room, sizeof(*t->emphases))) {
        t->error = -ENOMEM;
        return;
    }
    if (t->n_cells % t->n_columns == 0) {
        t->emphases[t->n_rows++] = t->next;
        t->next = EMPHASIS_NONE;
    }
    if (bar >= 0)
        t->columns[t->n_cells % t->n_columns].has_bars = true;
    t->cells[t->n_cells++] = (struct cell){t->text_len, bar};
    memcpy(t->text + t->text_len, text ? text : "", len + 1);
    oks_text_show_hidden(t->text + t->text_len);
    t->text_len += len + 1;
}

size_t table_rows(const struct table *t)
{
    return t->n_rows;
}

void table_cell(struct table *t, const char *text)
{
    add_cell(t, text, -1);
}

void table_bar(struct table *t, const char *text, unsigned thousandths)
{
    add_cell(t, text, thousandths > 1000 ? 1000 : (int32_t)thousandths);
}

/* --- widths --- */

static const char *text_at(const struct table *t, size_t row, size_t column)
{
    return t->text + t->cells[row * t->n_columns + column].at;
}

static void measure(struct layout *l)
{
    const struct table *t = l->t;

    for (size_t c = 0; c < t->n_columns; c++) {
        bool is_text = t->columns[c].align == TABLE_LEFT;
        size_t most = 0;

        for (size_t row = 0; row < t->n_rows; row++) {
            size_t width = text_width(text_at(t, row, c));

            most = width > most ? width : most;
        }
        if (c > 0 && is_text && most > TEXT_MOST)
            most = TEXT_MOST;
        l->shown[c] = c == 0 || most > 0 || t->n_rows == 0;
        l->width[c] = text_width(t->columns[c].title);
        if (most > l->width[c])
            l->width[c] = most;
        if (t->columns[c].has_bars)
            l->width[c] += 1 + BAR;
    }
}

/* The width of all columns but the first. */
static size_t rest(const struct layout *l)
{
    size_t sum = 0;

    for (size_t c = 1; c < l->t->n_columns; c++)
        sum += l->shown[c] ? GAP + l->width[c] : 0;
    return sum;
}

static bool leave_one_out(struct layout *l)
{
    size_t least = 0;

    for (size_t c = 1; c < l->t->n_columns; c++)
        if (l->shown[c] && (least == 0 || l->t->columns[c].keep < l->t->columns[least].keep))
            least = c;
    if (least)
        l->shown[least] = false;
    return least;
}

static void fit(struct layout *l)
{
    size_t width = l->style->width, wanted = l->width[0],
           soft = width / 3 < NAME_SOFT ? width / 3 : NAME_SOFT, room;

    soft = wanted < soft ? wanted : soft;
    while (soft + rest(l) > width && leave_one_out(l))
        ;
    room = width > rest(l) ? width - rest(l) : 0;
    if (room < NAME_LEAST)
        room = NAME_LEAST;
    if (wanted > room)
        l->width[0] = room;
}

/* --- lines --- */

static void put(struct layout *l, const char *text, size_t n)
{
    if (l->error || !grow(&l->line, l->len + n + 1, &l->room, 1)) {
        l->error = -ENOMEM;
        return;
    }
    memcpy(l->line + l->len, text, n);
    l->len += n;
    l->line[l->len] = '\0';
}

static void put_spaces(struct layout *l, size_t n)
{
    static const char spaces[] = "                                                                ";

    for (size_t most = sizeof(spaces) - 1, part; n > 0; n -= part) {
        part = n < most ? n : most;
        put(l, spaces, part);
    }
}

static void put_repeated(struct layout *l, const char *text, size_t times)
{
    while (times-- > 0)
        put(l, text, strlen(text));
}

static void put_padded(struct layout *l, const char *text, size_t width, enum table_align align)
{
    size_t used = text_width(text), pad = used < width ? width - used : 0;

    put_spaces(l, align == TABLE_RIGHT ? pad : 0);
    put(l, text, strlen(text));
    put_spaces(l, align == TABLE_LEFT ? pad : 0);
}

/* What is too long loses its middle: of a path the end says most. */
static void put_cut(struct layout *l, const char *text, size_t width)
{
    const char *mark = l->style->unicode ? "\u2026" : "..";
    size_t all = text_width(text), mark_width = text_width(mark), head, head_width, tail, passed;

    if (all <= width || width <= mark_width) {
        put_padded(l, text, width, TABLE_LEFT);
        return;
    }
    head = text_fit(text, (width - mark_width) / 2, &head_width);
    put(l, text, head);
    put(l, mark, strlen(mark));
    width -= head_width + mark_width;
    tail = text_fit(text, all - width, &passed);
    if (all - passed > width) /* half of a wide character would be too much */
        tail += text_fit(text + tail, 2, &passed);
    put_padded(l, text + tail, width, TABLE_LEFT);
}

static void put_bar(struct layout *l, unsigned thousandths)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    unsigned steps = (thousandths * BAR * 8 + 500) / 1000;

    if (l->style->unicode) {
        put_repeated(l, "\u2588", steps / 8);
        put(l, eighths[steps % 8], strlen(eighths[steps % 8]));
    } else {
        put_repeated(l, "#", (steps + 4) / 8);
    }
}

static void put_cell(struct layout *l, size_t c, const char *text, int32_t bar)
{
    const struct column *column = &l->t->columns[c];

    if (c > 0)
        put_spaces(l, GAP);
    if (column->has_bars) {
        size_t before = l->len, width;

        put_padded(l, text, l->width[c] - 1 - BAR, TABLE_RIGHT);
        put(l, " ", 1);
        if (bar >= 0)
            put_bar(l, (unsigned)bar);
        width = l->error ? l->width[c] : text_width(l->line + before);
        put_spaces(l, width < l->width[c] ? l->width[c] - width : 0);
    } else if (column->align == TABLE_LEFT) {
        put_cut(l, text, l->width[c]);
    } else {
        put_padded(l, text, l->width[c], TABLE_RIGHT);
    }
}

static void end_line(struct layout *l, enum emphasis emphasis)
{
    while (l->len > 0 && l->line[l->len - 1] == ' ')
        l->len--;
    if (l->line)
        l->line[l->len] = '\0';
    if (!l->error)
        l->style->line(l->style->ctx, emphasis, l->line ? l->line : "");
    l->len = 0;
}

static void put_titles(struct layout *l)
{
    for (size_t c = 0; c < l->t->n_columns; c++)
        if (l->shown[c])
            put_cell(l, c, l->t->columns[c].title, -1);
    end_line(l, EMPHASIS_HEADING);
}

static void put_rule(struct layout *l)
{
    put_repeated(l, "-", l->width[0] + rest(l));
    end_line(l, EMPHASIS_FAINT);
}

static void put_row(struct layout *l, size_t row)
{
    const struct table *t = l->t;

    for (size_t c = 0; c < t->n_columns; c++)
        if (l->shown[c])
            put_cell(l, c, text_at(t, row, c), t->cells[row * t->n_columns + c].bar);
    end_line(l, t->emphases[row]);
}

int table_print(const struct table *t, const struct report_style *style)
{
    struct layout l = {.t = t, .style = style, .error = t->error};
    bool has_rule = false;

    if (t->error)
        return t->error;
    measure(&l);
    fit(&l);
    put_titles(&l);
    for (size_t row = 0; row < t->n_rows; row++) {
        if (t->emphases[row] == EMPHASIS_TOTAL && !has_rule) {
            put_rule(&l);
            has_rule = true;
        }
        put_row(&l, row);
    }
    free(l.line);
    return l.error;
}

int table_print_left_out(const struct table *t, const struct report_style *style)
{
    struct layout l = {.t = t, .style = style, .error = t->error};
    bool had[COLUMNS_MAX];
    const char *lead = "Not shown here: ";

    if (t->error)
        return t->error;
    measure(&l);
    memcpy(had, l.shown, sizeof(had));
    fit(&l);
    for (size_t c = 1; c < t->n_columns; c++) {
        if (!had[c] || l.shown[c])
            continue;
        put(&l, lead, strlen(lead));
        put(&l, t->columns[c].title, strlen(t->columns[c].title));
        lead = ", ";
    }
    if (l.len > 0 && text_width(l.line) <= style->width)
        end_line(&l, EMPHASIS_FAINT);
    free(l.line);
    return l.error;
}
