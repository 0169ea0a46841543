/*
 * Which team-state files there are, and keeping up with them.
 *
 * okstra writes them under <project>/.okstra/tasks/<anything>/state/. The projects are the working
 * directories that transcripts name, and configured roots. Each such place is walked once and its folders are
 * watched; any change below it makes it stale, and a stale place is walked again. A place that does not exist
 * yet is watched at its nearest existing ancestor. A working directory comes from a transcript, so it is a
 * stranger's word: it is only listed and read, bounded in depth and number, and never entered where a FUSE
 * mount could hang us.
 *
 * Invariant: a place that is neither stale nor unwatched shows what is on disk.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine_private.h"
#include "okstrafs/discover.h"

enum {
    FOLDERS_MAX = 20000, /* of one place */
    PLACES_MAX = 10000,
};

/* A project folder that may hold .okstra/tasks. */
struct place {
    char *path; /* of the project folder */
    bool stale;
    bool unwatched;
    unsigned folders; /* visited by the walk in progress */
    LIST_ENTRY(place) of_store;
    bool waits; /* in store->waiting */
    TAILQ_ENTRY(place) of_waiting;
    LIST_HEAD(, run) runs;
    LIST_HEAD(, interest) interests;
};

/* A place wants to know what happens in a folder: anything, or only to one name. */
struct interest {
    struct place *place;
    struct spot *spot;
    char *name; /* NULL: anything */
    LIST_ENTRY(interest) of_place;
    LIST_ENTRY(interest) of_spot;
};

/* A watched folder. */
struct spot {
    char *path;
    int watch_id;
    LIST_HEAD(, interest) interests;
};

struct run_store {
    struct watch *watch; /* NULL: none to be had */
    void *places_by_path;
    void *spots_by_path;
    LIST_HEAD(, place) places;
    TAILQ_HEAD(waiting_places, place)
    waiting; /* to be looked at by the next refresh: all that are stale or unwatched */
    size_t n_places;
    uint64_t errors;
};

static int by_place_path(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

static int by_spot_path(const void *a, const void *b)
{
    return strcmp(((const struct spot *)a)->path, ((const struct spot *)b)->path);
}

/* --- watching --- */

static void spot_free(struct run_store *store, struct spot *spot)
{
    tdelete(spot, &store->spots_by_path, by_spot_path);
    if (spot->watch_id >= 0)
        watch_remove(store->watch, spot->watch_id);
    free(spot->path);
    free(spot);
}

static void interest_end(struct run_store *store, struct interest *i)
{
    struct spot *spot = i->spot;

    LIST_REMOVE(i, of_place);
    LIST_REMOVE(i, of_spot);
    free(i->name);
    free(i);
    if (LIST_EMPTY(&spot->interests))
        spot_free(store, spot);
}

static int spot_made(struct run_store *store, const char *path, struct spot **out)
{
    struct spot key = {.path = (char *)path}, **found = tfind(&key, &store->spots_by_path, by_spot_path);
    struct spot *spot;
    int rc;

    if (found) {
        *out = *found; /* its watch ends with the folder; one that took its place needs another */
        return (*found)->watch_id >= 0 ? 0 : watch_add(store->watch, path, *found, &(*found)->watch_id);
    }
    spot = calloc(1, sizeof(*spot));
    if (!spot)
        return -ENOMEM;
    spot->watch_id = -1;
    spot->path = strdup(path);
    rc = spot->path ? watch_add(store->watch, path, spot, &spot->watch_id) : -ENOMEM;
    if (rc == 0 && !tsearch(spot, &store->spots_by_path, by_spot_path))
        rc = -ENOMEM;
    if (rc < 0) {
        if (spot->watch_id >= 0)
            watch_remove(store->watch, spot->watch_id);
        free(spot->path);
        free(spot);
        return rc;
    }
    *out = spot;
    return 0;
}

static int interest_begin(struct run_store *store, struct place *place, const char *path, const char *name)
{
    struct interest *i;
    struct spot *spot;
    int rc = store->watch ? spot_made(store, path, &spot) : -ENOSYS;

    if (rc < 0)
        return rc;
    i = calloc(1, sizeof(*i));
    if (i && name)
        i->name = strdup(name);
    if (!i || (name && !i->name)) {
        free(i);
        if (LIST_EMPTY(&spot->interests))
            spot_free(store, spot);
        return -ENOMEM;
    }
    i->place = place;
    i->spot = spot;
    LIST_INSERT_HEAD(&place->interests, i, of_place);
    LIST_INSERT_HEAD(&spot->interests, i, of_spot);
    return 0;
}

static void look_again(struct run_store *store, struct place *place)
{
    if (place->waits)
        return;
    place->waits = true;
    TAILQ_INSERT_TAIL(&store->waiting, place, of_waiting);
}

static void place_spoilt(struct run_store *store, struct place *place)
{
    place->stale = true;
    look_again(store, place);
}

static void on_change(void *ctx, void *owner, enum watch_change change, const char *name)
{
    struct oks_engine *e = ctx;
    struct spot *spot = owner;
    struct interest *i;

    news_came(e);
    if (change == WATCH_ENDED)
        spot->watch_id = -1;
    LIST_FOREACH(i, &spot->interests, of_spot)
        if (!i->name || !name || strcmp(i->name, name) == 0)
            place_spoilt(e->runs, i->place);
}

/* --- runs --- */

static void run_end(struct oks_engine *e, struct run *run)
{
    struct team *team = run->team;

    LIST_REMOVE(run, of_team);
    LIST_REMOVE(run, of_place);
    team_state_clear(&run->state);
    free(run->path);
    free(run);
    team->version = engine_tick(e);
    registry_team_release(e, team);
}

/* Newest first: by the window's start, then by path. */
static bool run_before(const struct run *a, const struct run *b)
{
    int d = strcmp(a->state.since, b->state.since);

    return d ? d > 0 : strcmp(a->path, b->path) > 0;
}

static void run_insert(struct team *team, struct run *run)
{
    struct run *at, *last = NULL;

    LIST_FOREACH(at, &team->runs, of_team) {
        if (run_before(run, at))
            break;
        last = at;
    }
    if (last)
        LIST_INSERT_AFTER(last, run, of_team);
    else
        LIST_INSERT_HEAD(&team->runs, run, of_team);
}

static int run_begin(struct oks_engine *e, struct place *place, const char *path)
{
    struct run *run = calloc(1, sizeof(*run));
    int rc;

    if (!run)
        return -ENOMEM;
    rc = team_state_load(path, &run->state);
    if (rc < 0) {
        free(run);
        e->runs->errors += rc != -ENOENT;
        return rc == -ENOMEM ? rc : 0;
    }
    run->path = strdup(path);
    run->place = place->path;
    run->team = run->path ? registry_team_made(e, oks_slice_of(run->state.team_name)) : NULL;
    if (!run->team) {
        team_state_clear(&run->state);
        free(run->path);
        free(run);
        return -ENOMEM;
    }
    LIST_INSERT_HEAD(&place->runs, run, of_place);
    run_insert(run->team, run);
    run->team->version = engine_tick(e);
    return 0;
}

const struct run *runs_current(const struct team *team)
{
    return LIST_FIRST(&team->runs);
}

/* --- their names --- */

/* <task-type>-<seq> of .../team-state-<task-type>-<seq>.json, or <seq> alone. */
static struct oks_slice name_in(const struct run *run, bool whole)
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

static bool is_taken(const struct team *team, const struct run *run, bool whole)
{
    const struct run *other;

    LIST_FOREACH(other, &team->runs, of_team)
        if (other != run && oks_slice_eq(name_in(other, whole), name_in(run, whole)))
            return true;
    return false;
}

void runs_name(const struct team *team, const struct run *run, char out[OKS_NAME_MAX + 1])
{
    struct oks_slice name = name_in(run, is_taken(team, run, false));
    uint8_t hash[OKS_SHA256_BYTES] = {0};
    char raw[OKS_NAME_MAX + 1], hex[OKS_SHA256_HEX];

    if (!is_taken(team, run, true)) {
        oks_name_escape(name, out);
        return;
    }
    /* The same file name in two tasks. */
    name = name_in(run, true);
    oks_sha256(run->path, strlen(run->path), hash);
    oks_hex(hash, 4, hex);
    snprintf(raw, sizeof(raw), "%.*s~%s", (int)name.len, name.ptr, hex);
    oks_name_escape(oks_slice_of(raw), out);
}

const struct run *runs_named(const struct team *team, const char *name)
{
    char own[OKS_NAME_MAX + 1];
    const struct run *run;

    LIST_FOREACH(run, &team->runs, of_team) {
        runs_name(team, run, own);
        if (strcmp(own, name) == 0)
            return run;
    }
    return NULL;
}

/* Whether the session may be a worker's own transcript. */
static bool may_work_for(const struct run *run, const struct session *s)
{
    const struct source *source = session_source(s);

    for (size_t i = 0; source->id != OKS_SOURCE_CLAUDE && i < run->state.n_workers; i++)
        if (run->state.workers[i].agent && strcmp(run->state.workers[i].agent, source->name) == 0)
            return true;
    return false;
}

int runs_fd(const struct oks_engine *e)
{
    return e->runs->watch ? watch_fd(e->runs->watch) : -1;
}

bool runs_are_blind(const struct oks_engine *e)
{
    const struct place *place;

    LIST_FOREACH(place, &e->runs->places, of_store)
        if (place->unwatched || !e->runs->watch)
            return true;
    return false;
}

uint64_t runs_errors(const struct oks_engine *e)
{
    return e->runs->errors;
}

void runs_session_changed(struct oks_engine *e, const struct session *s, uint64_t version)
{
    struct place *place;
    struct run *run;

    if (!e->runs)
        return; /* at the end */
    LIST_FOREACH(place, &e->runs->places, of_store)
        LIST_FOREACH(run, &place->runs, of_place)
            if ((run->state.lead_session && strcmp(run->state.lead_session, s->id) == 0) ||
                may_work_for(run, s))
                run->team->version = version;
}

/* --- walking a place --- */

static bool is_state_file(const char *name)
{
    size_t n = strlen(name);

    return n > strlen("team-state-.json") && strncmp(name, "team-state-", 11) == 0 &&
           strcmp(name + n - 5, ".json") == 0;
}

struct place_walk {
    struct oks_engine *e;
    struct place *place;
};

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct place_walk *w = ctx;
    int rc;

    if (++w->place->folders > FOLDERS_MAX)
        return 1;
    rc = interest_begin(w->e->runs, w->place, path, NULL);
    w->place->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct place_walk *w = ctx;
    const char *base = strrchr(path, '/');

    if (base - path < 6 || strncmp(base - 6, "/state", 6) != 0)
        return 0;
    return run_begin(w->e, w->place, path);
}

static int walk_tasks(struct oks_engine *e, struct place *place, const char *path)
{
    struct place_walk walk = {e, place};
    const struct oks_walker walker = {
        .ctx = &walk,
        .folder = on_folder,
        .wants = is_state_file,
        .file = on_file,
    };
    int rc = oks_walk(path, "", &walker);

    return rc == -ENOMEM ? rc : 0;
}

/* The tasks folder is not there: watch its nearest existing ancestor for the name that is missing below it.
 */
static int wait_for(struct oks_engine *e, struct place *place, char *path)
{
    char real[PATH_MAX], *slash;
    int rc;

    while ((slash = strrchr(path, '/')) && slash != path) {
        *slash = '\0';
        rc = oks_resolve(path, real);
        if (rc == -ELOOP)
            return 0; /* a mount of ours: nobody's project */
        if (rc < 0)
            continue;
        rc = interest_begin(e->runs, place, real, slash + 1);
        place->unwatched |= rc < 0;
        *slash = '/';
        place->stale = oks_resolve(path, real) == 0; /* it may have come while we were looking */
        return rc == -ENOMEM ? rc : 0;
    }
    rc = interest_begin(e->runs, place, "/", path + 1);
    place->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
}

/* A folder is told that it was renamed, but not that one above it was: so these two are watched as well. */
static int watch_above(struct oks_engine *e, struct place *place)
{
    static const char *const above[] = {"", "/.okstra"}, *const names[] = {".okstra", "tasks"};
    char path[PATH_MAX], real[PATH_MAX];

    for (int i = 0; i < 2; i++) {
        int rc;

        if (snprintf(path, sizeof(path), "%s%s", place->path, above[i]) >= (int)sizeof(path) ||
            oks_resolve(path, real) < 0)
            continue; /* it went just now, which its folder tells */
        rc = interest_begin(e->runs, place, real, names[i]);
        if (rc == -ENOMEM)
            return rc;
        place->unwatched |= rc < 0;
    }
    return 0;
}

static void place_empty(struct oks_engine *e, struct place *place)
{
    while (!LIST_EMPTY(&place->runs))
        run_end(e, LIST_FIRST(&place->runs));
    while (!LIST_EMPTY(&place->interests))
        interest_end(e->runs, LIST_FIRST(&place->interests));
}

static int place_walk(struct oks_engine *e, struct place *place)
{
    char path[PATH_MAX], real[PATH_MAX];
    int rc;

    place->stale = place->unwatched = false;
    place->folders = 0;
    place_empty(e, place);
    if (snprintf(path, sizeof(path), "%s/.okstra/tasks", place->path) >= (int)sizeof(path))
        return 0;
    rc = oks_resolve(path, real);
    if (rc == -ENOMEM || rc == -ELOOP)
        return rc == -ENOMEM ? rc : 0;
    if (rc == 0)
        rc = watch_above(e, place) < 0 ? -ENOMEM : walk_tasks(e, place, real);
    else
        rc = e->once ? 0 : wait_for(e, place, path);
    if (rc < 0)
        place->stale = true;
    return rc;
}

int runs_add_place(struct oks_engine *e, const char *path)
{
    struct run_store *store = e->runs;
    struct place key = {.path = (char *)path}, *place;

    if (path[0] != '/' || store->n_places >= PLACES_MAX || tfind(&key, &store->places_by_path, by_place_path))
        return 0;
    place = calloc(1, sizeof(*place));
    if (place)
        place->path = strdup(path);
    if (!place || !place->path || !tsearch(place, &store->places_by_path, by_place_path)) {
        if (place)
            free(place->path);
        free(place);
        return -ENOMEM;
    }
    place_spoilt(store, place);
    LIST_INSERT_HEAD(&store->places, place, of_store);
    store->n_places++;
    return 0;
}

/* --- life --- */

int runs_new(struct oks_engine *e)
{
    e->runs = calloc(1, sizeof(*e->runs));
    if (!e->runs)
        return -ENOMEM;
    TAILQ_INIT(&e->runs->waiting);
    if (e->revalidate != OKS_REVALIDATE_STAT && !e->once)
        watch_new(&e->runs->watch);
    for (char **root = e->task_roots; *root; root++)
        if (runs_add_place(e, *root) < 0)
            return -ENOMEM;
    return 0;
}

void runs_free(struct oks_engine *e)
{
    if (!e->runs)
        return;
    while (!LIST_EMPTY(&e->runs->places)) {
        struct place *place = LIST_FIRST(&e->runs->places);

        place_empty(e, place);
        LIST_REMOVE(place, of_store);
        tdelete(place, &e->runs->places_by_path, by_place_path);
        free(place->path);
        free(place);
    }
    watch_free(e->runs->watch);
    free(e->runs);
    e->runs = NULL;
}

/* Only what waits is looked at: a team's document must not pay for all the projects of a machine. */
int runs_refresh(struct oks_engine *e)
{
    struct run_store *store = e->runs;
    struct waiting_places batch = TAILQ_HEAD_INITIALIZER(batch);
    struct place *place;
    int rc = 0, overflow = store->watch ? watch_drain(store->watch, on_change, e) : 0;

    if (overflow == 1)
        LIST_FOREACH(place, &store->places, of_store)
            look_again(store, place);
    TAILQ_CONCAT(&batch, &store->waiting, of_waiting);
    while ((place = TAILQ_FIRST(&batch))) {
        int walked;

        TAILQ_REMOVE(&batch, place, of_waiting);
        place->waits = false;
        if (!place->stale && e->once)
            continue;
        walked = place_walk(e, place);
        if (place->stale || place->unwatched || !store->watch)
            look_again(store, place);
        rc = rc < 0 ? rc : walked;
    }
    return rc;
}
