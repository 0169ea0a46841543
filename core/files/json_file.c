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

/* A member of an object or an array. */
struct member {
    struct oks_slice name; /* as it is written; of an array: empty */
    size_t value;          /* where it stands */
    size_t next;           /* where the next member stands */
};

static bool opens(struct oks_slice text, size_t at)
{
    return at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[');
}

/* The member at `i`; false: the end of the container. */
static bool read_member(struct oks_slice text, bool is_object, size_t i, struct member *out)
{
    if (i >= text.len || text.ptr[i] == '}' || text.ptr[i] == ']')
        return false;
    out->name = (struct oks_slice){text.ptr + i, 0};
    if (is_object) {
        size_t end = skip_string(text, i);

        out->name = (struct oks_slice){text.ptr + i + 1, end > i + 1 ? end - i - 2 : 0};
        i = skip_space(text, skip_space(text, end) + 1);
    }
    out->value = i;
    i = skip_space(text, skip_value(text, i));
    if (i < text.len && text.ptr[i] == ',')
        i = skip_space(text, i + 1);
    out->next = i;
    return true;
}

/* Where the member of the container at `at` stands, or `at` itself. Of a repeated key the last one counts. */
static size_t find_member(struct oks_slice text, size_t at, struct oks_slice key)
{
    bool is_object = at < text.len && text.ptr[at] == '{';
    size_t found = at, index = 0, wanted = is_object ? 0 : strtoul(key.ptr, NULL, 10);
    struct member m;

    if (!opens(text, at))
        return at;
    for (size_t i = skip_space(text, at + 1); read_member(text, is_object, i, &m); i = m.next, index++)
        if (is_object ? oks_slice_eq(m.name, key) : index == wanted)
            found = m.value;
    return found;
}

/* Where the member at the path stands, or the nearest container of it that is there. */
static size_t find_path(struct oks_slice text, const char *const *path)
{
    size_t at = skip_space(text, 0);

    for (; *path; path++) {
        size_t found = find_member(text, at, oks_slice_of(*path));

        if (found == at)
            break;
        at = found;
    }
    return at;
}

int json_file_error(const struct json_file *file, const char *const *path, const char *format, ...)
{
    va_list args;
    int n = snprintf(file->error, 256, "line %zu: ", line_at(file->text, find_path(file->text, path)));

    va_start(args, format);
    vsnprintf(file->error + n, 256 - (size_t)n, format, args);
    va_end(args);
    return -EINVAL;
}

static int twice(const struct json_file *file, size_t at, struct oks_slice name)
{
    snprintf(file->error, 256, "line %zu: \"%.*s\" stands twice: only one of them could count",
             line_at(file->text, at), (int)(name.len < 100 ? name.len : 100), name.ptr);
    return -EINVAL;
}

int json_file_unique(const struct json_file *file, const char *const *path, json_object *object)
{
    size_t at = find_path(file->text, path), n = 0;
    struct oks_slice first = {0};
    struct member m;

    for (size_t i = skip_space(file->text, at + 1); read_member(file->text, true, i, &m); i = m.next)
        n++;
    if (n == (size_t)json_object_object_length(object))
        return 0;
    for (size_t i = skip_space(file->text, at + 1); read_member(file->text, true, i, &m); i = m.next) {
        size_t last = find_member(file->text, at, m.name);

        first = m.name;
        if (last != m.value)
            return twice(file, last, m.name);
    }
    return twice(file, at, first); /* one of them is written with escapes */
}

/* --- parsing --- */

/* Characters in front of `at` in its line, and one. */
static size_t column_at(struct oks_slice text, size_t at)
{
    size_t column = 1;

    for (size_t i = at; i > 0 && text.ptr[i - 1] != '\n'; i--)
        column += ((unsigned char)text.ptr[i - 1] & 0xc0) != 0x80;
    return column;
}

/* What people write who think of another language. */
static const char *hint_at(struct oks_slice text, size_t at)
{
    size_t before = at;

    while (before > 0 && is_space(text.ptr[before - 1]))
        before--;
    if (text.ptr[at] == '\'')
        return ": names and texts stand in double quotes";
    if (text.ptr[at] == '/' || text.ptr[at] == '#')
        return ": JSON has no comments";
    if ((text.ptr[at] == '}' || text.ptr[at] == ']') && before > 0 && text.ptr[before - 1] == ',')
        return ": the comma before it is one too many";
    return "";
}

static int parse_error(struct json_file *file, size_t at, const char *what)
{
    char c = at < file->text.len ? file->text.ptr[at] : '\0', shown[8] = "";

    if (c > ' ' && c < 0x7f)
        snprintf(shown, sizeof(shown), " at %c", c);
    if (at < file->text.len)
        snprintf(file->error, 256, "line %zu: %s%s, column %zu%s", line_at(file->text, at), what, shown,
                 column_at(file->text, at), hint_at(file->text, at));
    else
        snprintf(file->error, 256, "line %zu: %s", line_at(file->text, at), what);
    return -EINVAL;
}

/* The file ended before its value did. */
static int end_error(struct json_file *file)
{
    if (skip_space(file->text, 0) < file->text.len)
        return parse_error(file, file->text.len, "the file ends in the middle");
    snprintf(file->error, 256,
             "line 1: the file ends in the middle: it is empty (delete it, or write {} into it)");
    return -EINVAL;
}

static int no_object(struct json_file *file)
{
    snprintf(file->error, 256, "line 1: the file is no JSON object: it begins with {");
    return -EINVAL;
}

int json_file_parse(struct json_file *out, const char *text, size_t len, int depth, char error[256])
{
    struct json_file file = {.text = {text, len}, .error = error};
    const struct json_rules rules = {.depth = (unsigned)depth};
    struct json_fault fault;
    int rc = json_tree_parse(&file.tree, file.text, &rules, &fault);

    if (rc == -EINVAL && fault.at == len)
        end_error(&file);
    else if (rc == -EINVAL)
        parse_error(&file, fault.at, fault.what);
    else if (rc == 0 && !json_object_is_type(file.tree.root, json_type_object))
        rc = no_object(&file);
    if (rc < 0)
        json_tree_clear(&file.tree);
    *out = file;
    return rc;
}

void json_file_clear(struct json_file *file)
{
    json_tree_clear(&file->tree);
}
