/*
 * The live view: what happens now.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum {
    PATH_BYTES = 600,
    LINE_BYTES = 300,
    ID_SHOWN = 18,  /* bytes of a session's id that are shown as a whole; */
    ID_PREFIX = 13, /* of a longer one the beginning, which is enough to find it */
};

/* --- sessions --- */

/* The first line of sessions/<id>/project: a folder's name. */
static int put_project(struct sections *o, struct table *t, const char *session)
{
    struct oks_document project;
    char path[PATH_BYTES];
    int rc;

    snprintf(path, sizeof(path), "sessions/%s/project", session);
    rc = o->source->read(o->source->ctx, path, &project);
    if (rc == -ENOENT) {
        table_cell(t, "");
        return 0;
    }
    if (rc < 0)
        return rc;
    project.bytes[strcspn(project.bytes, "\n")] = '\0';
    table_cell(t, project.bytes);
    oks_document_clear(&project);
    return 0;
}

static int put_context(struct sections *o, struct table *t, const char *session)
{
    const struct value *ratio;
    struct report_document context;
    char path[PATH_BYTES], text[CELL_BYTES];
    int rc;

    snprintf(path, sizeof(path), "sessions/%s/context.json", session);
    rc = report_document_read(&context, o->source, path);
    if (rc < 0) {
        table_cell(t, "");
        return rc == -ENOENT ? 0 : rc;
    }
    ratio = value_member(context.tree.root, "ratio");
    if (value_is(ratio, VALUE_NULL) || !ratio)
        table_cell(t, "");
    else
        table_bar(t, cell_percent(ratio, text), cell_ratio(ratio));
    report_document_clear(&context);
    return 0;
}

static int put_session(struct sections *o, struct table *t, const char *name)
{
    const struct value *usage, *in = NULL, *cost;
    struct report_document document;
    char path[PATH_BYTES], text[CELL_BYTES];
    int rc;

    snprintf(path, sizeof(path), "sessions/%s/usage.json", name);
    rc = report_document_read(&document, o->source, path);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    usage = document.tree.root;
    cost = report_member(usage, "billed.costUSD", &in);
    snprintf(text, sizeof(text), "%.*s", strlen(name) > ID_SHOWN ? ID_PREFIX : ID_SHOWN, name);
    table_cell(t, text);
    rc = put_project(o, t, name);
    table_cell(t, cell_name(value_member(usage, "agentName")));
    table_cell(t, cell_name(value_member(usage, "model")));
    table_cell(t, cell_count(report_member(usage, "billed.totalTokens", NULL), text));
    table_cell(t, cell_usd(cost, in, &o->marks, text));
    if (rc == 0)
        rc = put_context(o, t, name);
    table_cell(t, cell_time(value_member(usage, "endedAt"), o->style->zone, text));
    report_document_clear(&document);
    return rc;
}

static int put_sessions(struct sections *o, const char *const *sessions, size_t n)
{
    static const struct table_title titles[] = {
        {"Session", TABLE_LEFT, 0},  {"Project", TABLE_LEFT, 3},       {"Agent", TABLE_LEFT, 2},
        {"Model", TABLE_LEFT, 4},    {"Tokens", TABLE_RIGHT, 5},       {"Cost USD", TABLE_RIGHT, 7},
        {"Context", TABLE_RIGHT, 8}, {"Last activity", TABLE_LEFT, 6}, {0}};
    struct table *t = table_new(titles);
    int rc = t ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_session(o, t, sessions[i]);
    return section_table(o, t, rc);
}

/* --- limits of plans --- */

static void put_limit(struct sections *o, struct table *t, const char *agent, const struct value *limit,
                      const char *which)
{
    const struct value *window = value_member(limit, which), *used = value_member(window, "usedPercent");
    const struct value whole = {.type = VALUE_NUMBER, .text = "100"};
    char text[CELL_BYTES], line[LINE_BYTES];

    if (!value_is(window, VALUE_OBJECT))
        return;
    snprintf(line, sizeof(line), "%s %.64s", agent, cell_name(value_member(limit, "limitId")));
    table_cell(t, line);
    table_cell(t, which);
    snprintf(line, sizeof(line), "%.32s%%", cell_count(used, text));
    table_bar(t, line, cell_share(used, &whole));
    table_cell(t, cell_time(value_member(window, "resetsAt"), o->style->zone, text));
    table_cell(t, value_is_true(value_member(window, "over")) ? "has ended since" : "");
}

static int put_limits_of(struct sections *o, struct table *t, const char *file)
{
    struct report_document document;
    const struct value *limits;
    char path[PATH_BYTES], agent[PATH_BYTES];
    int rc;

    snprintf(path, sizeof(path), "limits/%s", file);
    snprintf(agent, sizeof(agent), "%.*s", (int)strcspn(file, "."), file);
    rc = report_document_read(&document, o->source, path);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    limits = value_member(document.tree.root, "limits");
    for (const struct value *v = value_first(limits); v; v = value_next(limits, v)) {
        put_limit(o, t, agent, v, "primary");
        put_limit(o, t, agent, v, "secondary");
    }
    report_document_clear(&document);
    return 0;
}

static int put_limits(struct sections *o)
{
    static const char *const files[] = {"claude.json", "codex.json"};
    static const struct table_title titles[] = {{"Limit", TABLE_LEFT, 0}, {"Window", TABLE_LEFT, 1},
                                                {"Used", TABLE_RIGHT, 4}, {"Resets", TABLE_LEFT, 3},
                                                {"", TABLE_LEFT, 2},      {0}};
    struct table *t = table_new(titles);
    int rc = t ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(*files); i++)
        rc = put_limits_of(o, t, files[i]);
    return section_table(o, t, rc);
}

int report_print_live(const struct report_source *source, const char *const *sessions, size_t n,
                      const struct report_style *style)
{
    struct sections o = {source, style, {0}};
    int rc = section_present(&o);

    if (rc == 0)
        rc = section_block(&o);
    if (rc == 0)
        rc = put_sessions(&o, sessions, n);
    if (rc == 0)
        rc = section_budgets(&o);
    if (rc == 0)
        rc = put_limits(&o);
    if (rc == 0)
        cells_explain(&o.marks, style);
    return rc;
}
