/*
 * Reading documents, and sorting their rows.
 */
#include "report/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/name_list.h"
#include "report/pieces.h"
#include "report/row_values.h"

void report_document_clear(struct report_document *document)
{
    values_clear(&document->tree);
    oks_document_clear(&document->text);
    *document = (struct report_document){0};
}

static int parse(struct values *out, struct oks_slice text)
{
    return values_parse(out, text);
}

int report_document_read(struct report_document *out, const struct report_source *source, const char *path)
{
    struct report_document document = {0};
    int rc = source->read(source->ctx, path, &document.text);

    if (rc < 0)
        return rc;
    rc = parse(&document.tree, (struct oks_slice){document.text.bytes, document.text.len});
    if (rc < 0) {
        oks_document_clear(&document.text);
        return rc;
    }
    *out = document;
    return 0;
}

const struct value *report_member(const struct value *row, const char *path, const struct value **in)
{
    while (row) {
        const char *dot = strchr(path, '.');
        size_t n = dot ? (size_t)(dot - path) : strlen(path);

        if (in)
            *in = row;
        row = value_member_of(row, (struct oks_slice){path, n});
        if (!path[n])
            return row;
        path += n + 1;
    }
    return NULL;
}

const char *report_row_key(const struct report_row *row)
{
    const struct value *key = row->name ? NULL : value_member(row->tree.root, "key");

    return row->name ? row->name : value_is(key, VALUE_STRING) ? key->text : "";
}

/* --- paths --- */

static int path_of(char out[REPORT_PATH_BYTES], const char *folder, const char *name, const char *window)
{
    int n = *window ? snprintf(out, REPORT_PATH_BYTES, "%s%s%s%swindow/%s.json", folder, *folder ? "/" : "",
                               name, *name ? "/" : "", window)
                    : snprintf(out, REPORT_PATH_BYTES, "%s%s%s%susage.json", folder, *folder ? "/" : "", name,
                               *name ? "/" : "");

    return n < REPORT_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

int report_main_path(const struct report_kind *kind, const char *window, char out[REPORT_PATH_BYTES])
{
    int n;

    if (!kind->document)
        return path_of(out, "", "", window);
    n = snprintf(out, REPORT_PATH_BYTES, "stats/%s%s%s%s", *window ? "window/" : "", window,
                 *window ? "/" : "", kind->document);
    return n < REPORT_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

/* --- order --- */

static double number_of(const struct value *row, const char *path)
{
    const struct value *v = report_member(row, path, NULL);

    return value_is(v, VALUE_NUMBER) ? strtod(v->text, NULL) : 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(report_row_key(a), report_row_key(b));
}

static int by_cost(const void *a, const void *b)
{
    static const char *const paths[] = {"billed.costUSD", "billed.totalTokens", "totalTokens", "calls"};
    const struct report_row *one = a, *other = b;

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        double x = number_of(one->tree.root, paths[i]), y = number_of(other->tree.root, paths[i]);

        if (x != y)
            return x < y ? 1 : -1;
    }
    return by_key(a, b);
}

static int by_end(const void *a, const void *b)
{
    const char *one = value_string(value_member(((const struct report_row *)a)->tree.root, "endedAt"));
    const char *other = value_string(value_member(((const struct report_row *)b)->tree.root, "endedAt"));
    int order = strcmp(one ? one : "", other ? other : "");

    return order ? order : by_key(a, b);
}

static void row_clear(struct report_row *row)
{
    free(row->name);
    oks_document_clear(&row->text);
    values_clear(&row->tree);
}

/* Sorts the rows, and drops all but `most`. */
static void sort_and_cut(struct report_rows *r, size_t most)
{
    static int (*const orders[])(const void *, const void *) = {by_key, by_cost, by_end};
    size_t over = r->n > most ? r->n - most : 0, first = r->kind->order == REPORT_BY_COST ? most : 0;

    if (r->n)
        qsort(r->rows, r->n, sizeof(*r->rows), orders[r->kind->order]);
    for (size_t i = 0; i < over; i++)
        row_clear(&r->rows[first + i]);
    if (over && first == 0)
        memmove(r->rows, r->rows + over, most * sizeof(*r->rows));
    r->n -= over;
}

/* --- reading --- */

/* Takes the row over, also on failure. */
static int add_row(struct report_rows *r, struct report_row *row, size_t most)
{
    if (r->n == r->room) {
        size_t room = r->room ? r->room * 2 : 16;
        struct report_row *rows = reallocarray(r->rows, room, sizeof(*rows));

        if (!rows) {
            row_clear(row);
            return -ENOMEM;
        }
        r->rows = rows;
        r->room = room;
    }
    r->rows[r->n++] = *row;
    r->n_all++;
    if (r->n / 2 >= most) /* so that what is sorted is half new each time */
        sort_and_cut(r, most);
    return 0;
}

/*
 * How many rows of the document cannot be among the `most` that are kept: rows by key stand in their order,
 * so only the last ones have to be parsed.
 */
static size_t rows_to_skip(const struct report_rows *r, struct oks_slice rows, size_t most)
{
    struct oks_slice key, value;
    struct pieces pieces;
    size_t n = 0;

    if (r->kind->order != REPORT_BY_KEY || most == SIZE_MAX)
        return 0;
    pieces_begin(&pieces, rows);
    while (pieces_next(&pieces, &key, &value))
        n++;
    return n > most ? n - most : 0;
}

static int read_stats(struct report_rows *r, size_t most)
{
    struct oks_slice text = {r->text.bytes, r->text.len}, key, value;
    struct oks_slice total = pieces_member(text, "total"), rows = pieces_member(text, "rows");
    size_t skip = rows_to_skip(r, rows, most);
    struct pieces pieces;
    int rc = total.len ? parse(&r->total, total) : 0;

    pieces_begin(&pieces, rows);
    while (rc == 0 && pieces_next(&pieces, &key, &value)) {
        struct report_row row = {0};

        if (r->n_all < skip) {
            r->n_all++;
            continue;
        }
        rc = parse(&row.tree, value);
        if (rc == 0)
            rc = add_row(r, &row, most);
    }
    return rc;
}

static bool has_activity(const struct value *usage)
{
    const struct value *requests = report_member(usage, "billed.requests", NULL);

    return value_string(value_member(usage, "endedAt")) ||
           (value_is(requests, VALUE_NUMBER) && strcmp(requests->text, "0") != 0);
}

static int add_name(void *ctx, const char *name)
{
    return name_list_add(ctx, name);
}

static int read_entry(struct report_rows *r, const struct report_source *source, const char *window,
                      const char *name, size_t most)
{
    struct report_document document;
    struct report_row row = {0};
    char path[REPORT_PATH_BYTES];
    int rc = path_of(path, r->kind->folder, name, window);

    if (rc == 0)
        rc = report_document_read(&document, source, path);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc; /* it is gone */
    row = (struct report_row){strdup(name), document.text, document.tree};
    if (row.name && (!*window || has_activity(row.tree.root)))
        return add_row(r, &row, most);
    rc = row.name ? 0 : -ENOMEM;
    row_clear(&row);
    return rc;
}

static int read_folder(struct report_rows *r, const struct report_source *source, const char *window,
                       size_t most)
{
    struct name_list *names = name_list_new();
    int rc = names ? source->list(source->ctx, r->kind->folder, add_name, names) : -ENOMEM;

    if (rc == 0)
        name_list_sort(names);
    for (size_t i = 0; rc == 0 && i < names->len; i++)
        rc = read_entry(r, source, window, names->items[i], most);
    name_list_free(names);
    return rc < 0 ? rc : parse(&r->total, (struct oks_slice){r->text.bytes, r->text.len});
}

/* --- budgets --- */

static int add_budget(void *ctx, const char *name)
{
    size_t n = strlen(name), suffix = strlen(".json");

    return n > suffix && strcmp(name + n - suffix, ".json") == 0 ? name_list_add(ctx, name) : 0;
}

int report_each_budget(const struct report_source *source, size_t most,
                       int (*fn)(void *ctx, const struct value *budget), void *ctx, size_t *n)
{
    struct name_list *names = name_list_new();
    int rc = names ? source->list(source->ctx, "budgets", add_budget, names) : -ENOMEM;

    if (rc == 0)
        name_list_sort(names);
    for (size_t i = 0; rc == 0 && i < names->len && i < most; i++) {
        struct report_document document;
        char path[REPORT_PATH_BYTES];

        snprintf(path, sizeof(path), "budgets/%s", names->items[i]);
        rc = report_document_read(&document, source, path);
        if (rc == 0) {
            rc = fn(ctx, document.tree.root);
            report_document_clear(&document);
        } else if (rc == -ENOENT) {
            rc = 0; /* it is gone */
        }
    }
    if (rc == 0)
        *n = names->len;
    name_list_free(names);
    return rc;
}

/* --- rows as numbers --- */

static int take_row(void *ctx, const struct oks_row *numbers)
{
    struct report_row row = {0};
    int rc = row_values(&row.tree, numbers);

    return rc < 0 ? rc : add_row(ctx, &row, SIZE_MAX);
}

/* In the order in which they come. */
static int read_numbers(struct report_rows *out, const struct report_kind *kind,
                        const struct report_source *source, size_t most)
{
    struct report_rows r = {.kind = kind};
    struct oks_rows_total total = {0};
    int rc = source->rows(source->ctx, kind, most, take_row, &r, &total);

    if (rc == 0)
        rc = row_values(
            &r.total, &(struct oks_row){.bill = total.bill, .of_tool = kind->of_calls, .calls = total.calls});
    if (rc < 0) {
        report_rows_clear(&r);
        return rc;
    }
    r.n_all = total.n;
    *out = r;
    return 0;
}

int report_rows_read(struct report_rows *out, const struct report_kind *kind,
                     const struct report_source *source, const char *window, size_t most)
{
    struct report_rows r = {.kind = kind};
    char path[REPORT_PATH_BYTES];
    int rc;

    if (source->rows && !*window && most <= OKS_ROWS_MAX && kind->order != REPORT_BY_END)
        return read_numbers(out, kind, source, most);
    rc = report_main_path(kind, window, path);
    if (rc == 0)
        rc = source->read(source->ctx, path, &r.text);
    if (rc == 0)
        rc = kind->document ? read_stats(&r, most) : read_folder(&r, source, window, most);
    if (rc < 0) {
        report_rows_clear(&r);
        return rc;
    }
    sort_and_cut(&r, most);
    *out = r;
    return 0;
}

void report_rows_sort_by_name(struct report_rows *r)
{
    if (r->n)
        qsort(r->rows, r->n, sizeof(*r->rows), by_key);
}

void report_rows_clear(struct report_rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        row_clear(&r->rows[i]);
    oks_document_clear(&r->text);
    values_clear(&r->total);
    free(r->rows);
    *r = (struct report_rows){0};
}
