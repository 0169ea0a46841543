/*
 * A strict parser of a JSON file that a person writes, with line numbers in its errors.
 *
 * Such a file is wrong now and then, and "line 12: ..." is what helps. The tree does not say where a value
 * stood, so that is found by walking the text again: it is known to be valid JSON by then, and the walk only
 * has to skip strings and count brackets.
 */
#include "files/json_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- finding a line --- */

static size_t line_at(struct oks_slice text, size_t offset)
{
    size_t line = 1;

    for (size_t i = 0; i < offset && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return line;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct oks_slice text, size_t at)
{
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    return at;
}

/* Behind the string that starts at the quote `at`. */
static size_t skip_string(struct oks_slice text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++)
        at += text.ptr[at] == '\\';
    return at < text.len ? at + 1 : text.len;
}

/* Behind the value that starts at `at`. */
static size_t skip_value(struct oks_slice text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        char c = text.ptr[at];

        if (c == '"') {
            at = skip_string(text, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (depth == 0 && (c == ',' || is_space(c))) {
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0)
            return at;
    }
    return text.len;
}

/* Where the member of the container at `at` stands, or `at` itself. Of a repeated key the last one counts. */
static size_t find_member(struct oks_slice text, size_t at, const char *key)
{
    bool is_object = at < text.len && text.ptr[at] == '{';
    size_t found = at, index = 0, wanted = is_object ? 0 : strtoul(key, NULL, 10);

    if (!is_object && (at >= text.len || text.ptr[at] != '['))
        return at;
    for (size_t i = skip_space(text, at + 1); i < text.len && text.ptr[i] != '}' && text.ptr[i] != ']';
         index++) {
        bool matches = index == wanted;

        if (is_object) {
            size_t end = skip_string(text, i);
            struct oks_slice name = {text.ptr + i + 1, end > i + 1 ? end - i - 2 : 0};

            matches = oks_slice_eq(name, oks_slice_of(key));
            i = skip_space(text, skip_space(text, end) + 1);
        }
        if (matches)
            found = i;
        i = skip_space(text, skip_value(text, i));
        if (i < text.len && text.ptr[i] == ',')
            i = skip_space(text, i + 1);
    }
    return found;
}

int json_file_error(const struct json_file *file, const char *const *path, const char *format, ...)
{
    size_t at = skip_space(file->text, 0);
    va_list args;
    int n;

    for (; *path; path++) {
        size_t found = find_member(file->text, at, *path);

        if (found == at)
            break;
        at = found;
    }
    n = snprintf(file->error, 256, "line %zu: ", line_at(file->text, at));
    va_start(args, format);
    vsnprintf(file->error + n, 256 - (size_t)n, format, args);
    va_end(args);
    return -EINVAL;
}

/* --- parsing --- */

static int parse_error(struct json_file *file, size_t at, const char *what)
{
    snprintf(file->error, 256, "line %zu: %s", line_at(file->text, at), what);
    return -EINVAL;
}

int json_file_parse(struct json_file *out, const char *text, size_t len, int depth, char error[256])
{
    struct json_file file = {.text = {text, len}, .error = error};
    const struct json_rules rules = {.depth = (unsigned)depth};
    struct json_fault fault;
    int rc = json_tree_parse(&file.tree, file.text, &rules, &fault);

    if (rc == -EINVAL)
        parse_error(&file, fault.at, fault.what);
    else if (rc == 0 && !json_is(file.tree.root, JSON_TYPE_OBJECT))
        rc = parse_error(&file, 0, "the file is no JSON object");
    if (rc < 0)
        json_tree_clear(&file.tree);
    *out = file;
    return rc;
}

void json_file_clear(struct json_file *file)
{
    json_tree_clear(&file->tree);
}
