/*
 * A parser of okstra's team-state files: the lead, the workers and the window of a run.
 *
 * Another program writes these files, and rewrites them at any time. So every member is optional except the
 * team's name, a value of another type than expected counts as absent, and a file that does not parse is
 * counted as an error and otherwise ignored.
 */
#include "teams/team_state.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/passing.h"
#include "files/external_json.h"
#include "files/walk.h"
#include "okstrafs/window.h"

/*
 * Converts an ISO time stamp to the collector's form, so that it compares with stamps. One that does not
 * parse leaves the bound open.
 */
static void bound(char out[RUN_BOUND], const char *s)
{
    struct oks_stamp stamp = oks_stamp_of(oks_slice_of(s));
    int64_t micros;
    bool aware;

    out[0] = '\0';
    if (!s)
        return;
    if (stamp.key < OKS_STAMP_KEY_TEXT) {
        snprintf(out, RUN_BOUND, "%s", s);
        return;
    }
    if (oks_stamp_micros(stamp, &micros, &aware) < 0)
        return;
    oks_time_text(micros >= 0 ? micros / 1000 : -((-micros + 999) / 1000), out);
    if (micros % 1000000 == 0)
        strcpy(out + strlen("2026-06-10T01:00:00"), "Z");
}

static bool is_over(const char *status)
{
    static const char *const words[] = {"completed", "complete", "done",      "finished", "failed",
                                        "error",     "timeout",  "cancelled", "canceled", "interrupted",
                                        "aborted",   "ended",    "succeeded"};

    for (size_t i = 0; status && i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(status, words[i]) == 0)
            return true;
    return false;
}

static int read_workers(json_object *root, struct team_state *state)
{
    json_object *list = foreign_member(root, "workers", json_type_array);
    size_t n = list ? json_object_array_length(list) : 0;

    if (n > TEAM_STATE_WORKERS_MAX)
        n = TEAM_STATE_WORKERS_MAX;
    state->workers = n ? calloc(n, sizeof(*state->workers)) : NULL;
    if (n && !state->workers)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        json_object *w = json_object_array_get_idx(list, i);
        struct run_worker *to = &state->workers[state->n_workers];

        if (!foreign_text(w, "workerId"))
            continue;
        state->n_workers++;
        if (foreign_copy(&to->worker_id, foreign_text(w, "workerId")) < 0 ||
            foreign_copy(&to->agent, foreign_text(w, "agent")) < 0 ||
            foreign_copy(&to->model, foreign_text(w, "model")) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_state(json_object *root, struct team_state *state)
{
    json_object *lead = foreign_member(root, "lead", json_type_object);
    const char *name = foreign_text(foreign_member(root, "team", json_type_object), "teamName");

    if (!name)
        name = foreign_text(root, "teamName");
    if (!name)
        return -EINVAL;
    bound(state->until, foreign_text(root, "runEndedAt"));
    if (!*state->until && (is_over(foreign_text(root, "status")) || is_over(foreign_text(root, "runStatus"))))
        oks_time_text(state->mtime_ns / 1000000, state->until);
    if (foreign_copy(&state->team_name, name) < 0 ||
        foreign_copy(&state->task_key, foreign_text(root, "taskKey")) < 0 ||
        foreign_copy(&state->lead_session, foreign_text(lead, "sessionId")) < 0 ||
        foreign_copy(&state->lead_model, foreign_text(lead, "model")) < 0)
        return -ENOMEM;
    return read_workers(root, state);
}

/* .../state/team-state-<x>.json -> .../manifests/run-manifest-<x>.json; NULL on ENOMEM. */
static char *manifest_path(const char *path)
{
    static const char prefix[] = "team-state-";
    const char *base = strrchr(path, '/') + 1, *folder = base - 1;
    char *out;

    while (folder > path && folder[-1] != '/')
        folder--;
    return asprintf(&out, "%.*smanifests/run-manifest-%s", (int)(folder - path), path,
                    base + sizeof(prefix) - 1) < 0
               ? NULL
               : out;
}

static int read_manifest(const char *path, struct team_state *state)
{
    char *manifest = manifest_path(path), own[PATH_MAX], folder[PATH_MAX];
    struct json_tree tree;
    int64_t mtime_ns;
    int rc;

    if (!manifest)
        return -ENOMEM;
    /* Its folder may be a symlink into a filesystem that does not answer. */
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(manifest, '/') - manifest), manifest);
    snprintf(own, sizeof(own), "%.*s", (int)(strrchr(path, '/') - path), path);
    rc = oks_resolve_link(own, folder, folder);
    if (rc == 0)
        rc = foreign_json_load(manifest, &tree, &mtime_ns);
    free(manifest);
    if (rc < 0)
        return passing(rc);
    bound(state->since, foreign_text(tree.root, "createdAt"));
    if (mtime_ns > state->mtime_ns)
        state->mtime_ns = mtime_ns;
    json_tree_clear(&tree);
    return 0;
}

int team_state_load(const char *path, struct team_state *out)
{
    struct team_state state = {0};
    struct json_tree tree;
    int rc = foreign_json_load(path, &tree, &state.mtime_ns);

    if (rc < 0)
        return rc;
    rc = read_state(tree.root, &state);
    json_tree_clear(&tree);
    if (rc == 0)
        rc = read_manifest(path, &state);
    if (rc < 0) {
        team_state_clear(&state);
        return rc;
    }
    *out = state;
    return 0;
}

void team_state_clear(struct team_state *state)
{
    for (size_t i = 0; i < state->n_workers; i++) {
        free(state->workers[i].worker_id);
        free(state->workers[i].agent);
        free(state->workers[i].model);
        free(state->workers[i].cwd);
    }
    free(state->workers);
    free(state->team_name);
    free(state->task_key);
    free(state->lead_session);
    free(state->lead_model);
    *state = (struct team_state){0};
}
