/*
 * okstra's own description of a run: who leads, who works, since when.
 *
 * These files belong to another program and are rewritten while we look, so everything in them is optional
 * but the team's name, every value of another type than expected counts as absent, and a file that does not
 * parse is reported by its error and shown as if it were not there.
 */
#include "team_state.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "okstrafs/discover.h"
#include "okstrafs/window.h"

static int read_whole(const char *path, char **bytes, size_t *len, int64_t *mtime_ns)
{
    struct stat st;
    int fd = oks_open_regular(path, &st), rc = 0;
    size_t got = 0;
    char *buf;

    if (fd < 0)
        return fd;
    if (st.st_size > TEAM_STATE_BYTES_MAX) {
        close(fd);
        return -E2BIG;
    }
    buf = malloc((size_t)st.st_size + 1);
    while (buf && got < (size_t)st.st_size) {
        ssize_t n = read(fd, buf + got, (size_t)st.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n < 0 ? -errno : 0;
            break;
        }
        got += (size_t)n;
    }
    close(fd);
    if (!buf || rc < 0) {
        free(buf);
        return buf ? rc : -ENOMEM;
    }
    *mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    *bytes = buf;
    *len = got;
    return 0;
}

/* json-c stops behind the first value; a file that goes on is being written, or is something else. */
static bool ends_there(json_tokener *tokener, const char *bytes, size_t len)
{
    size_t end = json_tokener_get_parse_end(tokener);

    while (end < len && strchr(" \t\r\n", bytes[end]) && bytes[end])
        end++;
    return end == len;
}

static int load_json(const char *path, json_object **out, int64_t *mtime_ns)
{
    json_tokener *tokener;
    json_object *root;
    char *bytes;
    size_t len;
    int rc = read_whole(path, &bytes, &len, mtime_ns);

    if (rc < 0)
        return rc;
    tokener = json_tokener_new_ex(64);
    root = tokener ? json_tokener_parse_ex(tokener, bytes, (int)len) : NULL;
    rc = !tokener ? -ENOMEM : 0;
    if (rc == 0 && (!json_object_is_type(root, json_type_object) || !ends_there(tokener, bytes, len))) {
        json_object_put(root);
        rc = -EINVAL;
    }
    json_tokener_free(tokener);
    free(bytes);
    if (rc == 0)
        *out = root;
    return rc;
}

static json_object *member(json_object *object, const char *key, json_type type)
{
    json_object *value;

    if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, type))
        return NULL;
    return value;
}

/* A non-empty string without NUL, or NULL. Borrowed. */
static const char *text(json_object *object, const char *key)
{
    json_object *value = member(object, key, json_type_string);
    const char *s = value ? json_object_get_string(value) : NULL;

    return s && *s && strlen(s) == (size_t)json_object_get_string_len(value) ? s : NULL;
}

/* *out = a copy, or NULL where there is nothing to copy. */
static int copy(char **out, const char *s)
{
    *out = s ? strdup(s) : NULL;
    return s && !*out ? -ENOMEM : 0;
}

/* Any ISO form becomes the collector's, so that it compares with stamps; what does not parse leaves the bound
 * open. */
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
    json_object *list = member(root, "workers", json_type_array);
    size_t n = list ? json_object_array_length(list) : 0;

    if (n > TEAM_STATE_WORKERS_MAX)
        n = TEAM_STATE_WORKERS_MAX;
    state->workers = n ? calloc(n, sizeof(*state->workers)) : NULL;
    if (n && !state->workers)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        json_object *w = json_object_array_get_idx(list, i);
        struct run_worker *to = &state->workers[state->n_workers];

        if (!text(w, "workerId"))
            continue;
        state->n_workers++;
        if (copy(&to->worker_id, text(w, "workerId")) < 0 || copy(&to->agent, text(w, "agent")) < 0 ||
            copy(&to->model, text(w, "model")) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_state(json_object *root, struct team_state *state)
{
    json_object *lead = member(root, "lead", json_type_object);
    const char *name = text(member(root, "team", json_type_object), "teamName");

    if (!name)
        name = text(root, "teamName");
    if (!name)
        return -EINVAL;
    bound(state->until, text(root, "runEndedAt"));
    if (!*state->until && (is_over(text(root, "status")) || is_over(text(root, "runStatus"))))
        oks_time_text(state->mtime_ns / 1000000, state->until);
    if (copy(&state->team_name, name) < 0 || copy(&state->task_key, text(root, "taskKey")) < 0 ||
        copy(&state->lead_session, text(lead, "sessionId")) < 0 ||
        copy(&state->lead_model, text(lead, "model")) < 0)
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
    char *manifest = manifest_path(path);
    json_object *root;
    int64_t mtime_ns;
    int rc;

    if (!manifest)
        return -ENOMEM;
    rc = load_json(manifest, &root, &mtime_ns);
    free(manifest);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    bound(state->since, text(root, "createdAt"));
    if (mtime_ns > state->mtime_ns)
        state->mtime_ns = mtime_ns;
    json_object_put(root);
    return 0;
}

int team_state_load(const char *path, struct team_state *out)
{
    struct team_state state = {0};
    json_object *root;
    int rc = load_json(path, &root, &state.mtime_ns);

    if (rc < 0)
        return rc;
    rc = read_state(root, &state);
    json_object_put(root);
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
    }
    free(state->workers);
    free(state->team_name);
    free(state->task_key);
    free(state->lead_session);
    free(state->lead_model);
    *state = (struct team_state){0};
}
