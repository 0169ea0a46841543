/*
 * Claude Code's limits: read from what it hands to a status line, and kept in a file.
 *
 * The file is small and derived: one that is damaged is as if it were not there, and the next status line
 * writes it.
 */
#include "settings/plan_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cache/cache_parts.h"
#include "files/json_tree.h"
#include "files/read_file.h"
#include "internal/hidden.h"

enum {
    DEPTH = 16,
    SAME_WINDOW_S = 60,      /* two ends so close are of one window */
    USED_MAX = 100000 * 100, /* more than a hundred percent is possible where a plan allows extra use */
};

static const char *const file_keys[OKS_PLAN_SPANS] = {"fiveHours", "sevenDays"};
static const char *const status_keys[OKS_PLAN_SPANS] = {"five_hour", "seven_day"};

static int parse(struct json_tree *tree, struct oks_slice text)
{
    struct json_fault fault;
    int rc = json_tree_parse(tree, text, &(struct json_rules){.depth = DEPTH}, &fault);

    if (rc == 0 && !json_object_is_type(tree->root, json_type_object)) {
        json_tree_clear(tree);
        rc = -EINVAL;
    }
    return rc;
}

/* A number that is not negative, in hundredths, cut. False: there is none. */
static bool hundredths(json_object *value, uint32_t *out)
{
    char room[24];
    const char *text = json_number(value, room);
    double number = text ? strtod(text, NULL) * 100 : -1;

    if (!(number >= 0 && number <= USED_MAX))
        return false;
    *out = (uint32_t)(number + 0.5);
    return true;
}

/* --- the file --- */

int plan_limits_parse(struct oks_plan_limits *out, const char *bytes, size_t len)
{
    struct json_tree tree;
    int rc = parse(&tree, (struct oks_slice){bytes, len});

    *out = (struct oks_plan_limits){0};
    if (rc < 0)
        return rc;
    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        json_object *window = json_member(tree.root, file_keys[i]);
        struct oks_plan_window *w = &out->window[i];

        w->given = hundredths(json_member(window, "usedPercent"), &w->used);
        w->resets_at = json_int64(json_member(window, "resetsAt"));
        w->as_of_ms = json_int64(json_member(window, "asOfMs"));
    }
    json_tree_clear(&tree);
    return 0;
}

static int print(const struct oks_plan_limits *limits, char out[PLAN_LIMITS_BYTES_MAX])
{
    const char *before = "{";
    int n = 0;

    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        const struct oks_plan_window *w = &limits->window[i];

        if (!w->given)
            continue;
        n += snprintf(out + n, (size_t)(PLAN_LIMITS_BYTES_MAX - n),
                      "%s\"%s\":{\"usedPercent\":%" PRIu32 ".%02" PRIu32 ",\"resetsAt\":%" PRId64
                      ",\"asOfMs\":%" PRId64 "}",
                      before, file_keys[i], w->used / 100, w->used % 100, w->resets_at, w->as_of_ms);
        before = ",";
    }
    return n + snprintf(out + n, (size_t)(PLAN_LIMITS_BYTES_MAX - n), "}\n");
}

/* Whether `fresh` says more than the window that is kept. */
static bool is_news(const struct oks_plan_window *kept, const struct oks_plan_window *fresh, int64_t now_ms)
{
    if (!fresh->given || !kept->given)
        return fresh->given;
    if (kept->resets_at * 1000 <= now_ms) /* it has ended */
        return fresh->resets_at != kept->resets_at || fresh->used != kept->used;
    if (fresh->resets_at > kept->resets_at + SAME_WINDOW_S)
        return true;
    return fresh->resets_at > kept->resets_at - SAME_WINDOW_S && fresh->used > kept->used;
}

static int open_folder(const char *okstra_home)
{
    char sub[] = "okstrafs";
    char *const subs[2] = {sub, NULL};

    return oks_cache_folder_open(okstra_home, subs, "limits", true);
}

static int read_kept(const char *okstra_home, struct oks_plan_limits *out)
{
    char *path, *bytes;
    size_t len;
    int rc;

    if (asprintf(&path, "%s/" OKS_PLAN_LIMITS_FILE, okstra_home) < 0)
        return -ENOMEM;
    rc = read_file_whole(path, PLAN_LIMITS_BYTES_MAX, &bytes, &len);
    free(path);
    if (rc == 0) {
        rc = plan_limits_parse(out, bytes, len);
        free(bytes);
    }
    if (rc < 0)
        *out = (struct oks_plan_limits){0};
    return rc == -ENOMEM ? rc : 0;
}

int oks_plan_limits_keep(const char *okstra_home, struct oks_plan_limits *limits, int64_t now_ms)
{
    struct oks_plan_limits kept;
    char text[PLAN_LIMITS_BYTES_MAX];
    bool news = false;
    int64_t now;
    int folder, rc = read_kept(okstra_home, &kept);

    if (rc < 0)
        return rc;
    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        if (!is_news(&kept.window[i], &limits->window[i], now_ms))
            continue;
        kept.window[i] = limits->window[i];
        news = true;
    }
    if (news) {
        folder = open_folder(okstra_home);
        if (folder < 0)
            return folder;
        rc = oks_cache_replace(folder, strrchr(OKS_PLAN_LIMITS_FILE, '/') + 1, text,
                               (size_t)print(&kept, text), &now);
        close(folder);
    }
    if (rc == 0)
        *limits = kept;
    return rc;
}

/* --- a status line's input --- */

static void copy_text(char out[OKS_STATUS_TEXT], json_object *value)
{
    const char *text = json_text(value);

    snprintf(out, OKS_STATUS_TEXT, "%s", text ? text : "");
    oks_text_show_hidden(out); /* also what the cut has left of a character */
}

/* Only digits and a point: it is printed as it is. */
static void copy_amount(char out[OKS_STATUS_TEXT], json_object *value)
{
    char room[24];
    const char *text = json_number(value, room);

    if (!text || strlen(text) >= OKS_STATUS_TEXT || text[strspn(text, "0123456789.")])
        text = "";
    strcpy(out, text);
}

static void copy_limits(struct oks_plan_limits *out, json_object *limits, int64_t now_ms)
{
    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        json_object *window = json_member(limits, status_keys[i]);
        struct oks_plan_window *w = &out->window[i];

        w->given = hundredths(json_member(window, "used_percentage"), &w->used);
        w->resets_at = json_int64(json_member(window, "resets_at"));
        w->as_of_ms = now_ms;
        if (w->resets_at < 0 || w->resets_at > INT32_MAX * INT64_C(16))
            w->resets_at = 0;
    }
}

int oks_claude_status_read(struct oks_slice text, int64_t now_ms, struct oks_claude_status *out)
{
    struct json_tree tree;
    json_object *context;
    const char *session;
    uint32_t percent;
    int rc = parse(&tree, text);

    if (rc < 0)
        return rc;
    *out = (struct oks_claude_status){.context_percent = -1};
    session = json_text(json_member(tree.root, "session_id"));
    if (session && strlen(session) <= OKS_NAME_MAX && !strchr(session, '/') && *session != '.')
        strcpy(out->session, session);
    copy_text(out->model, json_member(json_member(tree.root, "model"), "display_name"));
    copy_amount(out->cost, json_member(json_member(tree.root, "cost"), "total_cost_usd"));
    context = json_member(tree.root, "context_window");
    if (hundredths(json_member(context, "used_percentage"), &percent))
        out->context_percent = percent / 100;
    copy_limits(&out->limits, json_member(tree.root, "rate_limits"), now_ms);
    json_tree_clear(&tree);
    return 0;
}
