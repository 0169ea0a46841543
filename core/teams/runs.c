/*
 * The runs of teams: lead, workers and window of each, from team-state files and rosters.
 *
 * okstra writes a team-state file for each run, as
 * <project>/.okstra/tasks/<anything>/state/team-state-*.json. The projects are the working directories in
 * transcripts, and configured folders. Claude Code writes one roster for each team while it exists, as
 * <config>/teams/<team>/config.json. It has no window, so it counts as a run of all time, and yields to any
 * other.
 *
 * A stranger may make thousands of runs of one team. So runs are sorted and named when they are next used,
 * all at once, and found by name in a sorted array.
 *
 * Invariant: unless runs_changed is set, a team's runs are in the order in which they count, rosters last.
 * Every run that is listed has a team-state file.
 */
#include "base/text_end.h"
#include "teams/runs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/passing.h"
#include "catalog/catalog.h"
#include "teams/members.h"
#include "discovery/watched_dirs.h"
#include "teams/roster.h"

struct runs {
    struct discovery *discovery;
    struct catalog *catalog;
    LIST_HEAD(, team_run) all;
    uint64_t errors;
};

/* --- runs --- */

static void runs_changed(struct team *team)
{
    team->runs_changed = true;
    free(team->runs_by_name);
    team->runs_by_name = NULL;
}

static void run_unload(void *loaded)
{
    struct team_run *run = loaded;

    team_state_clear(&run->state);
    free(run->name);
    free(run->path);
    free(run);
}

/* How the team's name is written, if no session writes it. */
static void spelled_by(struct runs *runs, struct team *team, const struct team_run *run)
{
    team->spelled_by = run;
    team->run_spelling = run ? run->state.team_name : NULL;
    catalog_team_respelled(runs->catalog, team);
}

static bool spells_before(const struct team_run *run, const struct team_run *other)
{
    return !other || strcmp(run->path, other->path) < 0;
}

/* The run is about to go. All runs of a folder go in the order in which the one that counts is the last. */
static void spelled_by_another(struct runs *runs, struct team *team, const struct team_run *gone)
{
    const struct team_run *run, *first = NULL;

    if (team->spelled_by != gone)
        return;
    LIST_FOREACH(run, &team->runs, of_team)
        if (spells_before(run, first))
            first = run;
    spelled_by(runs, team, first);
}

static void run_end(struct runs *runs, struct team_run *run)
{
    struct team *team = run->team;

    LIST_REMOVE(run, of_all);
    LIST_REMOVE(run, of_team);
    spelled_by_another(runs, team, run);
    run_unload(run);
    runs_changed(team);
    catalog_team_arranged(runs->catalog, team);
    catalog_team_release(runs->catalog, team);
}

/* Newest first: by start of the window, then by path. */
static bool run_before(const struct team_run *a, const struct team_run *b)
{
    int d = strcmp(a->state.since, b->state.since);

    if (a->roster != b->roster)
        return b->roster;
    return d ? d > 0 : strcmp(a->path, b->path) > 0;
}

static int run_load(const char *path, bool roster, void **out)
{
    struct team_run *run = calloc(1, sizeof(*run));

    if (!run)
        return -ENOMEM;
    run->roster = roster;
    run->error = roster ? roster_load(path, &run->state) : team_state_load(path, &run->state);
    if (is_passing(run->error) || run->error == -ENOENT) {
        int rc = passing(run->error);

        free(run);
        return rc;
    }
    *out = run;
    return 0;
}

static int run_begin(void *ctx, struct watched_dir *dir, const char *path, void *loaded)
{
    struct runs *runs = ctx;
    struct team_run *run = loaded;

    if (run->error) {
        runs->errors++;
        run_unload(run);
        return 0;
    }
    if (run->state.lead_session)
        oks_name_escape(oks_slice_of(run->state.lead_session), run->lead);
    run->path = strdup(path);
    run->dir = dir->path;
    run->team = run->path ? catalog_team_made(runs->catalog, oks_slice_of(run->state.team_name)) : NULL;
    if (!run->team) {
        run_unload(run);
        return -ENOMEM;
    }
    LIST_INSERT_HEAD(&runs->all, run, of_all);
    run->next_in_dir = dir->found;
    dir->found = run;
    LIST_INSERT_HEAD(&run->team->runs, run, of_team);
    if (spells_before(run, run->team->spelled_by))
        spelled_by(runs, run->team, run);
    runs_changed(run->team);
    catalog_team_arranged(runs->catalog, run->team);
    return 0;
}

/* --- names of runs --- */

/* <task-type>-<seq> of .../team-state-<task-type>-<seq>.json, or <seq> alone. */
static struct oks_slice name_in(const struct team_run *run, bool whole)
{
    const char *base = strrchr(run->path, '/') + 1 + strlen("team-state-");
    struct oks_slice name = {base, strlen(base) - strlen(".json")};
    size_t digits = 0;

    while (digits < name.len && isdigit((unsigned char)name.ptr[name.len - 1 - digits]))
        digits++;
    if (whole || digits == 0 || (digits < name.len && name.ptr[name.len - 1 - digits] != '-'))
        return name;
    return (struct oks_slice){name.ptr + name.len - digits, digits};
}

static int by_slices(struct oks_slice a, struct oks_slice b)
{
    int d = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return d ? d : (a.len > b.len) - (a.len < b.len);
}

static bool short_before(const struct team_run *a, const struct team_run *b)
{
    if (a->roster || b->roster)
        return !a->roster && b->roster;
    return by_slices(name_in(a, false), name_in(b, false)) < 0;
}

static bool whole_before(const struct team_run *a, const struct team_run *b)
{
    if (a->roster || b->roster)
        return !a->roster && b->roster;
    return by_slices(name_in(a, true), name_in(b, true)) < 0;
}

typedef bool (*run_order)(const struct team_run *a, const struct team_run *b);

/* Sorts a chain of n runs, which ends in NULL; needs no memory. */
static struct team_run *chain_sort(struct team_run *first, size_t n, run_order before)
{
    struct team_run *middle = first, *rest, *sorted = NULL, **end = &sorted;

    if (n < 2)
        return first;
    for (size_t i = 1; i < n / 2; i++)
        middle = LIST_NEXT(middle, of_team);
    rest = LIST_NEXT(middle, of_team);
    LIST_NEXT(middle, of_team) = NULL;
    first = chain_sort(first, n / 2, before);
    rest = chain_sort(rest, n - n / 2, before);
    while (first && rest) {
        struct team_run **from = before(rest, first) ? &rest : &first;

        *end = *from;
        end = &LIST_NEXT(*from, of_team);
        *from = LIST_NEXT(*from, of_team);
    }
    *end = first ? first : rest;
    return sorted;
}

static void sort_runs(struct team *team, size_t n, run_order before)
{
    struct team_run *run = chain_sort(LIST_FIRST(&team->runs), n, before), *next, *last = NULL;

    LIST_INIT(&team->runs);
    for (; run; run = next) {
        next = LIST_NEXT(run, of_team);
        if (last)
            LIST_INSERT_AFTER(last, run, of_team);
        else
            LIST_INSERT_HEAD(&team->runs, run, of_team);
        last = run;
    }
}

/* Those that `before` holds for equal need a longer name than `naming`. */
static void name_apart(struct team *team, size_t n, run_order before, enum run_naming naming)
{
    struct team_run *run, *next;

    sort_runs(team, n, before);
    for (run = LIST_FIRST(&team->runs); run; run = next) {
        next = LIST_NEXT(run, of_team);
        if (next && !run->roster && !next->roster && !before(run, next))
            run->naming = next->naming = naming + 1;
    }
}

static void make_name(const struct team_run *run, char out[OKS_NAME_MAX + 1])
{
    struct oks_slice name = name_in(run, run->naming != RUN_BY_NUMBER);
    uint8_t hash[OKS_SHA256_BYTES] = {0};
    char raw[OKS_NAME_MAX + 1], hex[OKS_SHA256_HEX];

    if (run->naming != RUN_BY_PATH) {
        oks_name_escape(name, out);
        return;
    }
    /* Two tasks have a file of that name. */
    oks_sha256(run->path, strlen(run->path), hash);
    oks_hex(hash, 4, hex);
    snprintf(raw, sizeof(raw), "%.*s~%s", (int)name.len, name.ptr, hex);
    oks_name_escape(oks_slice_of(raw), out);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct team_run *const *)a)->name, (*(struct team_run *const *)b)->name);
}

/* On ENOMEM there is none, and runs are looked for one by one. */
static void make_index(struct team *team, size_t n)
{
    struct team_run **index = malloc((n ? n : 1) * sizeof(struct team_run *)), *run;
    char name[OKS_NAME_MAX + 1];
    bool whole = index != NULL;

    team->n_by_name = 0;
    LIST_FOREACH(run, &team->runs, of_team) {
        free(run->name);
        run->name = NULL;
        if (run->roster || !whole)
            continue;
        make_name(run, name);
        run->name = strdup(name);
        whole = run->name != NULL;
        index[team->n_by_name++] = run;
    }
    if (whole)
        qsort(index, team->n_by_name, sizeof(struct team_run *), by_name);
    else
        free(index);
    team->runs_by_name = whole ? index : NULL;
}

static void settle(struct team *team)
{
    struct team_run *run;
    size_t n = 0;

    if (!team->runs_changed)
        return;
    team->runs_changed = false;
    LIST_FOREACH(run, &team->runs, of_team) {
        run->naming = RUN_BY_NUMBER;
        n++;
    }
    name_apart(team, n, short_before, RUN_BY_NUMBER);
    name_apart(team, n, whole_before, RUN_BY_FILE);
    sort_runs(team, n, run_before);
    make_index(team, n);
}

const struct team_run *runs_current(struct team *team)
{
    settle(team);
    return LIST_FIRST(&team->runs);
}

void runs_name(struct team *team, const struct team_run *run, char out[OKS_NAME_MAX + 1])
{
    settle(team);
    if (run->name)
        strcpy(out, run->name);
    else
        make_name(run, out);
}

static int compare_name(const void *name, const void *item)
{
    return strcmp(name, (*(struct team_run *const *)item)->name);
}

const struct team_run *runs_named(struct team *team, const char *name)
{
    struct team_run **found;
    char own[OKS_NAME_MAX + 1];
    const struct team_run *run;

    settle(team);
    if (team->runs_by_name) {
        found = bsearch(name, team->runs_by_name, team->n_by_name, sizeof(*found), compare_name);
        return found ? *found : NULL;
    }
    LIST_FOREACH(run, &team->runs, of_team) {
        if (run->roster)
            continue;
        make_name(run, own);
        if (strcmp(own, name) == 0)
            return run;
    }
    return NULL;
}

void runs_session_changed(struct runs *runs, const struct session *s, uint64_t version)
{
    struct team_run *run;

    if (!runs)
        return;
    LIST_FOREACH(run, &runs->all, of_all)
        if (strcmp(run->lead, s->name) == 0 || member_own_worker(run, s) ||
            (run->roster && s->parent && strcmp(run->lead, s->parent) == 0) || member_may_have_joined(run, s))
            catalog_team_changed(runs->catalog, run->team, version);
}

/* --- the files --- */

static bool is_state_file(const char *name)
{
    return strncmp(name, "team-state-", strlen("team-state-")) == 0 && text_ends_with(name, ".json") &&
           strlen(name) > strlen("team-state-.json");
}

static int load_state(const char *path, const char *rel, void **out)
{
    const char *base = strrchr(path, '/');

    (void)rel;
    if (base - path < 6 || strncmp(base - 6, "/state", 6) != 0)
        return 0;
    return run_load(path, false, out);
}

static bool is_team_folder(const char *rel)
{
    return !strchr(rel, '/');
}

static bool is_roster(const char *name)
{
    return strcmp(name, "config.json") == 0;
}

static int load_roster(const char *path, const char *rel, void **out)
{
    return strchr(rel, '/') ? run_load(path, true, out) : 0;
}

static void end_all(void *ctx, struct watched_dir *dir)
{
    struct team_run *run;

    while ((run = dir->found)) {
        dir->found = run->next_in_dir;
        run_end(ctx, run);
    }
}

static const struct watched_dir_kind state_files = {
    .below = {".okstra", "tasks"},
    .wants = is_state_file,
    .load = load_state,
    .unload = run_unload,
    .found = run_begin,
    .empty = end_all,
};

static const struct watched_dir_kind rosters = {
    .below = {"teams"},
    .enters = is_team_folder,
    .only = "config.json",
    .wants = is_roster,
    .load = load_roster,
    .unload = run_unload,
    .found = run_begin,
    .empty = end_all,
};

int runs_add_project(struct runs *runs, const char *path)
{
    return discovery_watch_dir(runs->discovery, &state_files, runs, path);
}

void runs_remove_project(struct runs *runs, const char *path)
{
    discovery_unwatch_dir(runs->discovery, &state_files, path);
}

int runs_add_rosters(struct runs *runs, const struct root *root)
{
    const char *slash = strrchr(root->path, '/');
    char *config;
    int rc;

    if (!root->source->rosters || !slash || slash == root->path)
        return 0;
    config = strndup(root->path, (size_t)(slash - root->path));
    rc = config ? discovery_watch_dir(runs->discovery, &rosters, runs, config) : -ENOMEM;
    free(config);
    return rc;
}

uint64_t runs_errors(const struct runs *runs)
{
    return runs->errors;
}

/* --- life --- */

int runs_new(struct runs **out, struct discovery *discovery, struct catalog *catalog)
{
    struct runs *runs = calloc(1, sizeof(*runs));

    if (!runs)
        return -ENOMEM;
    runs->discovery = discovery;
    runs->catalog = catalog;
    *out = runs;
    return 0;
}

void runs_free(struct runs *runs)
{
    if (!runs)
        return;
    while (!LIST_EMPTY(&runs->all))
        run_end(runs, LIST_FIRST(&runs->all));
    free(runs);
}
