/*
 * `okstrafs report`: tables for people, made from the tree without FUSE.
 *
 * Every report is made from documents of the tree, so this finds out which, reads them and has them printed
 * (fs/report). Without a kind it prints what report.txt shows, for this terminal.
 */
#include "cli/report.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/local.h"
#include "common/clock.h"
#include "common/log.h"
#include "report/report.h"
#include "tree/documents.h"

enum { BOUND_BYTES = 128, WIDTH_DEFAULT = 80 };

/* --- the terminal --- */

static size_t width_of_terminal(const struct options *o)
{
    struct winsize size;

    if (o->columns)
        return o->columns;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

static void put_plain(void *ctx, enum emphasis emphasis, const char *line)
{
    puts(line);
}

static void put_coloured(void *ctx, enum emphasis emphasis, const char *line)
{
    static const char *const codes[] = {[EMPHASIS_NONE] = "",
                                        [EMPHASIS_HEADING] = "1",
                                        [EMPHASIS_TOTAL] = "1",
                                        [EMPHASIS_ALARM] = "31",
                                        [EMPHASIS_FAINT] = "2"};

    if (*codes[emphasis] && *line)
        printf("\033[%sm%s\033[0m\n", codes[emphasis], line);
    else
        puts(line);
}

static struct report_style style_of(const struct options *o)
{
    bool on_terminal = isatty(STDOUT_FILENO);

    setlocale(LC_CTYPE, "");
    return (struct report_style){
        .width = width_of_terminal(o),
        .unicode = on_terminal && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .zone = o->zone,
        .line = on_terminal && !o->no_colour ? put_coloured : put_plain,
    };
}

/* --- the window --- */

/* A bound as a window's name has it: of a window that is named, its first instant or its last. */
static int bound_of(const struct tree_documents *documents, const char *option, const char *text,
                    char out[BOUND_BYTES])
{
    bool is_since = strcmp(option, "--since") == 0;
    struct report_source source = tree_documents_source((struct tree_documents *)documents);
    struct report_document window;
    const char *instant;
    char path[REPORT_PATH_BYTES];

    out[0] = '\0';
    if (!text)
        return 0;
    if (*text && !strchr(text, '/') && strlen(text) < BOUND_BYTES) {
        snprintf(path, sizeof(path), is_since ? "window/%s_.json" : "window/_%s.json", text);
        if (tree_documents_find(documents, path) == 0) {
            strcpy(out, text);
            return 0;
        }
        snprintf(path, sizeof(path), "window/%s.json", text);
        if (report_document_read(&window, &source, path) == 0) {
            instant = value_string(
                report_member(window.tree.root, is_since ? "window.since" : "window.until", NULL));
            snprintf(out, BOUND_BYTES, "%s", instant ? instant : "");
            report_document_clear(&window);
            return 0;
        }
    }
    log_error(
        "%s %s: no such time; say a date (2026-06-10), a time (2026-06-10T09:00Z), -5h, -7d, or a window "
        "that 'okstrafs ls window' shows",
        option, text);
    return EX_USAGE;
}

/* Whether nothing can lie between the bounds. A day that a zone has skipped is empty too, but no mistake. */
static bool is_reversed(const struct options *o, const struct tree_documents *documents, const char *window)
{
    char name[2 * BOUND_BYTES + sizeof(".json")];
    struct oks_window bounds;

    if (!o->since || !o->until || strcmp(o->since, o->until) == 0)
        return false;
    snprintf(name, sizeof(name), "%s.json", window);
    return oks_window_parse(oks_slice_of(name), o->zone, documents->now_ms, &bounds) == 0 &&
           oks_stamp_cmp(oks_window_since(&bounds), oks_window_until(&bounds)) > 0;
}

/* "<since>_<until>", or "" for all of time. 0 or an exit code. */
static int window_of(const struct options *o, const struct tree_documents *documents,
                     char out[2 * BOUND_BYTES])
{
    char since[BOUND_BYTES], until[BOUND_BYTES];
    int rc = bound_of(documents, "--since", o->since, since);

    if (rc == 0)
        rc = bound_of(documents, "--until", o->until, until);
    if (rc == 0)
        snprintf(out, 2 * BOUND_BYTES, "%s%s%s", since, *since || *until ? "_" : "", until);
    if (rc == 0 && is_reversed(o, documents, out)) {
        log_error("--since %s is after --until %s, so there is nothing between them", o->since, o->until);
        rc = EX_USAGE;
    }
    return rc;
}

/* --- reports --- */

static int print_json(struct report_rows *rows)
{
    report_rows_sort_by_name(rows);
    if (rows->kind->document)
        fwrite(rows->text.bytes, 1, rows->text.len, stdout);
    else
        for (size_t i = 0; i < rows->n; i++)
            fwrite(rows->rows[i].text.bytes, 1, rows->rows[i].text.len, stdout);
    return 0;
}

static int print_rows(const struct options *o, struct report_rows *rows)
{
    struct report_style style;

    if (o->json)
        return print_json(rows);
    if (o->csv)
        return report_print_csv(rows, stdout);
    style = style_of(o);
    return report_print_table(rows, &style);
}

static int fail(const char *path, int rc)
{
    log_error("%s: %s", path, strerror(-rc));
    return 1;
}

static int print_kind(const struct options *o, struct tree_documents *documents,
                      const struct report_kind *kind)
{
    struct report_source source = tree_documents_source(documents);
    char path[REPORT_PATH_BYTES], window[2 * BOUND_BYTES];
    struct report_rows rows;
    int rc = report_main_path(kind, "", path);

    if (rc == 0)
        rc = tree_documents_sync(documents, path);
    if (rc == -ENOENT) {
        log_error("report %s: this version of okstrafs has no %s, which the report is made from", kind->name,
                  path);
        return 1;
    }
    if (rc < 0)
        return fail(path, rc);
    rc = window_of(o, documents, window);
    if (rc)
        return rc;
    rc = report_rows_read(&rows, kind, &source, window, SIZE_MAX);
    if (rc < 0)
        return fail(path, rc);
    rc = print_rows(o, &rows);
    report_rows_clear(&rows);
    return rc < 0 ? fail(path, rc) : 0;
}

static int print_overview(const struct options *o, struct tree_documents *documents)
{
    struct report_source source = tree_documents_source(documents);
    struct report_style style = style_of(o);
    int rc = tree_documents_sync(documents, "report.txt");

    style.now_ms = documents->now_ms;
    if (rc == 0)
        rc = report_print_overview(&source, &style);
    return rc < 0 ? fail("report", rc) : 0;
}

static int refuse_kind(const char *name)
{
    char names[256] = "";
    const struct report_kind *kind;

    for (size_t i = 0; (kind = report_kind_at(i)); i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "", kind->name);
    log_error("report %s: no such report; there are %s", name, names);
    return EX_USAGE;
}

int report_run(const struct options *o)
{
    const struct report_kind *kind = o->n_paths ? report_kind_find(o->paths[0]) : NULL;
    struct tree_documents documents = {.now_ms = now_ms()};
    int rc;

    if (o->n_paths && !kind)
        return refuse_kind(o->paths[0]);
    if (!kind && (o->since || o->until || o->json || o->csv)) {
        log_error("report: --since, --until, --json and --csv need a table, such as "
                  "'okstrafs report days --since 2026-06-01 --csv'");
        return EX_USAGE;
    }
    if (!local_engine(o, &documents.engine))
        return 1;
    rc = kind ? print_kind(o, &documents, kind) : print_overview(o, &documents);
    if (!local_flush(0))
        rc = 1;
    if (rc == 0)
        local_say_what_is_missing(o, documents.engine);
    oks_engine_save(documents.engine);
    return rc;
}
