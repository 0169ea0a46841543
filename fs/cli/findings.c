/*
 * The output of `doctor`: lines for a person, or one JSON document.
 *
 * Texts have paths in them, and paths may hold any bytes. Hidden characters, and what is no UTF-8, are
 * replaced first, so in JSON only quotes and backslashes are left to be escaped.
 */
#include "cli/findings.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/local.h"
#include "internal/hidden.h"

enum state { GOOD, NOTE, FAULT, STATES };

static const char *const lines[STATES] = {"ok     ", "note   ", "FAULT  "};
static const char *const names[STATES] = {"ok", "note", "fault"};

static bool as_json;
static const char *mount;
static unsigned n_found[STATES];

void findings_begin(bool json)
{
    as_json = json;
    if (json)
        fputs("{\n  \"version\": \"" OKSTRAFS_VERSION "\",\n  \"checks\": [", stdout);
}

void findings_of_mount(const char *path)
{
    mount = path;
}

/* NULL is null. */
static void put_member(const char *key, const char *text)
{
    char *copy = NULL;

    printf(", \"%s\": ", key);
    if (!text || asprintf(&copy, "%s", text) < 0) {
        fputs("null", stdout);
        return;
    }
    oks_text_show_hidden(copy);
    putchar('"');
    for (const char *c = copy; *c; c++) {
        if (*c == '"' || *c == '\\')
            putchar('\\');
        putchar(*c);
    }
    putchar('"');
    free(copy);
}

static void put_json(enum state state, const char *check, const char *fix, const char *text)
{
    bool first = n_found[GOOD] + n_found[NOTE] + n_found[FAULT] == 0;

    printf("%s\n    {\"check\": \"%s\", \"state\": \"%s\"", first ? "" : ",", check, names[state]);
    put_member("mount", mount);
    put_member("text", text);
    put_member("fix", fix);
    putchar('}');
}

static void put_line(const char *lead, const char *text)
{
    char *copy = NULL;

    if (asprintf(&copy, "%s", text) < 0)
        return;
    oks_text_show_hidden(copy);
    printf("%s%s\n", lead, copy);
    free(copy);
}

__attribute__((format(printf, 4, 0))) static void found(enum state state, const char *check, const char *fix,
                                                        const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        return;
    if (as_json)
        put_json(state, check, fix, text);
    else
        put_line(lines[state], text);
    if (!as_json && fix)
        put_line("       fix: ", fix);
    free(text);
    n_found[state]++;
}

void found_good(const char *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    found(GOOD, check, NULL, format, args);
    va_end(args);
}

void found_note(const char *check, const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    found(NOTE, check, fix, format, args);
    va_end(args);
}

void found_fault(const char *check, const char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    found(FAULT, check, fix, format, args);
    va_end(args);
}

const char *fix_with_path(const char *before, const char *path, const char *after)
{
    static char fix[PATH_MAX + 192];

    snprintf(fix, sizeof(fix), "%s'%s'%s", before, path, after);
    return fix;
}

int findings_end(void)
{
    if (as_json)
        printf("\n  ],\n  \"faults\": %u,\n  \"notes\": %u\n}\n", n_found[FAULT], n_found[NOTE]);
    return !local_flush(0) || n_found[FAULT];
}
