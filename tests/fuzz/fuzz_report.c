/* Fuzzes reports: of whatever document, a table fits its width, nothing hidden is shown, and a CSV has one
 * width. The first byte is the width. */
#include <errno.h>
#include <string.h>

#include "internal/hidden.h"
#include "report/report.h"
#include "report/width.h"
#include "fuzz.h"

struct input {
    const char *bytes;
    size_t len;
};

static int read_document(void *ctx, const char *path, struct oks_document *out)
{
    const struct input *input = ctx;
    char *bytes = malloc(input->len + 1);

    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, input->bytes, input->len);
    bytes[input->len] = '\0';
    *out = (struct oks_document){.bytes = bytes, .len = input->len};
    return 0;
}

static int list_folder(void *ctx, const char *path, int (*fn)(void *ctx, const char *name), void *fn_ctx)
{
    static const char *const names[] = {"b.json", "=a", "\u202e"};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(*names); i++)
        rc = fn(fn_ctx, names[i]);
    return rc;
}

struct check {
    size_t most; /* columns of a line */
};

static void check_line(void *ctx, enum emphasis emphasis, const char *line)
{
    const struct check *check = ctx;
    char *copy = strdup(line);

    REQUIRE(copy);
    oks_text_show_hidden(copy);
    REQUIRE(strcmp(copy, line) == 0);
    REQUIRE(text_width(line) <= check->most);
    free(copy);
}

static void check_csv(const char *csv, size_t len)
{
    size_t fields = 0, n = 1;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        REQUIRE(csv[i] || !"a NUL");
        if (csv[i] == '"') {
            quoted = !quoted;
            REQUIRE(!quoted || csv[i + 1] != '=');
        }
        if (quoted)
            continue;
        n += csv[i] == ',';
        if (csv[i] == '\n') {
            REQUIRE(i > 0 && csv[i - 1] == '\r');
            REQUIRE(!fields || fields == n);
            fields = n;
            n = 1;
        }
    }
    REQUIRE(!quoted && n == 1);
}

static void print_kind(const struct report_kind *kind, const struct report_source *source,
                       struct report_style *style, size_t most)
{
    struct report_rows rows;
    char *csv = NULL;
    size_t len = 0;
    FILE *f;

    if (report_rows_read(&rows, kind, source, most == SIZE_MAX ? "" : "_", most) < 0)
        return;
    REQUIRE(report_print_table(&rows, style) == 0);
    f = open_memstream(&csv, &len);
    REQUIRE(f && report_print_csv(&rows, f) == 0 && fclose(f) == 0);
    check_csv(csv, len);
    free(csv);
    report_rows_clear(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {(const char *)data + 1, size - 1};
    struct report_source source = {.read = read_document, .list = list_folder, .ctx = &input};
    struct report_style style = {.line = check_line};
    static const char *const sessions[] = {"a", "b"};
    const struct report_kind *kind;
    struct check check;

    if (size == 0)
        return 0;
    style.ctx = &check;
    style.unicode = data[0] & 1;
    check.most = style.width = 30 + data[0];
    for (size_t i = 0; (kind = report_kind_at(i)); i++) {
        print_kind(kind, &source, &style, SIZE_MAX);
        print_kind(kind, &source, &style, 2);
    }
    check.most = SIZE_MAX; /* some lines are no table */
    report_print_overview(&source, &style);
    report_print_live(&source, sessions, 2, &style);
    return 0;
}
