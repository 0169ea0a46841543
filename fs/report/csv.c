/*
 * Rows as CSV. The columns are what the rows have: a key that a document gains is a column without a change
 * here.
 */
#include "internal/hidden.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 256, PATH_BYTES = 128, LEVELS = 4 };

struct columns {
    char paths[COLUMNS_MAX][PATH_BYTES];
    size_t n;
    size_t next; /* where the next path is expected: documents have their members in one order */
};

static void add_column(struct columns *columns, const char *path)
{
    if (columns->next < columns->n && strcmp(columns->paths[columns->next], path) == 0) {
        columns->next++;
        return;
    }
    for (size_t i = 0; i < columns->n; i++)
        if (strcmp(columns->paths[i], path) == 0) {
            columns->next = i + 1;
            return;
        }
    if (columns->n == COLUMNS_MAX)
        return;
    /* Beside its neighbours, so that "burnRate.…" of one row does not come behind all others. */
    memmove(columns->paths[columns->next + 1], columns->paths[columns->next],
            (columns->n - columns->next) * PATH_BYTES);
    strcpy(columns->paths[columns->next++], path);
    columns->n++;
}

/* An array of anything but names is a table of its own. */
static bool is_cell(const struct value *v)
{
    if (!value_is(v, VALUE_ARRAY))
        return true;
    for (const struct value *item = value_first(v); item; item = value_next(v, item))
        if (!value_is(item, VALUE_STRING))
            return false;
    return true;
}

static void add_members(struct columns *columns, const struct value *object, const char *above,
                        unsigned level)
{
    for (const struct value *v = value_first(object); v; v = value_next(object, v)) {
        char path[PATH_BYTES];

        if (snprintf(path, sizeof(path), "%s%s%s", above, *above ? "." : "", v->key) >= (int)sizeof(path))
            continue;
        if (value_is(v, VALUE_OBJECT) && level < LEVELS)
            add_members(columns, v, path, level + 1);
        else if (!value_is(v, VALUE_OBJECT) && is_cell(v) && strcmp(path, "key") != 0)
            add_column(columns, path);
    }
}

/* --- cells --- */

/* Always in quotes. An apostrophe in front of what a spreadsheet would take for a formula. */
static void put_text(FILE *f, const char *text)
{
    putc('"', f);
    if (*text && strchr("=+-@", *text))
        putc('\'', f);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}

/* A copy without hidden characters; `text` may end early, at a NUL. */
static char *shown(const char *text)
{
    char *copy = strdup(text);

    if (copy)
        oks_text_show_hidden(copy);
    return copy;
}

static int put_name(FILE *f, const char *name)
{
    char *text = shown(name);

    if (!text)
        return -ENOMEM;
    put_text(f, text);
    free(text);
    return 0;
}

static int put_list(FILE *f, const struct value *list)
{
    char *joined;
    size_t len = 1, at = 0;
    int rc;

    for (const struct value *v = value_first(list); v; v = value_next(list, v))
        len += strlen(v->text) + 1;
    joined = malloc(len);
    if (!joined)
        return -ENOMEM;
    for (const struct value *v = value_first(list); v; v = value_next(list, v))
        at += (size_t)sprintf(joined + at, "%s%s", at ? "|" : "", v->text);
    joined[at] = '\0';
    rc = put_name(f, joined);
    free(joined);
    return rc;
}

static int put_value(FILE *f, const struct value *v)
{
    if (!v)
        return 0;
    switch (v->type) {
    case VALUE_STRING:
        return put_name(f, v->text);
    case VALUE_ARRAY:
        return value_first(v) && is_cell(v) ? put_list(f, v) : 0;
    case VALUE_NUMBER:
        fputs(v->text, f);
        return 0;
    case VALUE_FALSE:
    case VALUE_TRUE:
        fputs(v->type == VALUE_TRUE ? "true" : "false", f);
        return 0;
    default:
        return 0;
    }
}

static int put_row(FILE *f, const struct columns *columns, const struct report_row *row)
{
    int rc = put_name(f, report_row_key(row));

    for (size_t i = 0; rc == 0 && i < columns->n; i++) {
        putc(',', f);
        rc = put_value(f, report_member(row->tree.root, columns->paths[i], NULL));
    }
    fputs("\r\n", f);
    return rc;
}

int report_print_csv(const struct report_rows *r, FILE *f)
{
    struct columns *columns = calloc(1, sizeof(*columns));
    int rc = 0;

    if (!columns)
        return -ENOMEM;
    /* That of a folder's rows is another document, with other members. */
    if (r->total.root && (r->kind->document || r->n == 0))
        add_members(columns, r->total.root, "", 1);
    for (size_t i = 0; i < r->n; i++) {
        columns->next = 0;
        add_members(columns, r->rows[i].tree.root, "", 1);
    }
    fputs("key", f);
    for (size_t i = 0; i < columns->n; i++)
        fprintf(f, ",%s", columns->paths[i]);
    fputs("\r\n", f);
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = put_row(f, columns, &r->rows[i]);
    free(columns);
    return rc;
}
