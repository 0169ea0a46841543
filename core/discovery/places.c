/*
 * Keeping up with folders that may or may not be there.
 *
 * Each place is walked once and its folders are watched; any change below it makes it stale, and a stale
 * place is walked again. A place that does not exist yet is watched at its nearest existing ancestor. A
 * working directory comes from a transcript, so it is a stranger's word: it is only listed and read, bounded
 * in depth and number, and never entered where a FUSE mount could hang us.
 *
 * Invariant: a place that is neither stale nor unwatched shows what is on disk.
 */
#include "discovery/places.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine_private.h"
#include "files/walk.h"

enum {
    FOLDERS_MAX = 20000, /* of one place */
    PLACES_MAX = 10000,
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

struct place_store {
    struct watch *watch; /* NULL: none to be had */
    void *places_by_path;
    void *spots_by_path;
    LIST_HEAD(, place) places;
    TAILQ_HEAD(waiting_places, place)
    waiting; /* to be looked at by the next refresh: all that are stale or unwatched */
    size_t n_places;
};

static int by_place_path(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->path, y->path);
}

static int by_spot_path(const void *a, const void *b)
{
    return strcmp(((const struct spot *)a)->path, ((const struct spot *)b)->path);
}

/* --- watching --- */

static void spot_free(struct place_store *store, struct spot *spot)
{
    tdelete(spot, &store->spots_by_path, by_spot_path);
    if (spot->watch_id >= 0)
        watch_remove(store->watch, spot->watch_id);
    free(spot->path);
    free(spot);
}

static void interest_end(struct place_store *store, struct interest *i)
{
    struct spot *spot = i->spot;

    LIST_REMOVE(i, of_place);
    LIST_REMOVE(i, of_spot);
    free(i->name);
    free(i);
    if (LIST_EMPTY(&spot->interests))
        spot_free(store, spot);
}

static int spot_made(struct place_store *store, const char *path, struct spot **out)
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

static int interest_begin(struct place_store *store, struct place *place, const char *path, const char *name)
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

static void look_again(struct place_store *store, struct place *place)
{
    if (place->waits)
        return;
    place->waits = true;
    TAILQ_INSERT_TAIL(&store->waiting, place, of_waiting);
}

static void place_spoilt(struct place_store *store, struct place *place)
{
    place->stale = true;
    look_again(store, place);
}

static void on_change(void *ctx, void *owner, enum watch_change change, const char *name)
{
    struct oks_engine *e = ctx;
    struct spot *spot = owner;
    struct interest *i;

    if (change == WATCH_ENDED)
        spot->watch_id = -1;
    LIST_FOREACH(i, &spot->interests, of_spot)
        if (!i->name || !name || strcmp(i->name, name) == 0) {
            place_spoilt(e->places, i->place);
            news_came(e);
        }
}

/* --- walking a place --- */

struct place_walk {
    struct oks_engine *e;
    struct place *place;
};

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct place_walk *w = ctx;
    const struct place_kind *kind = w->place->kind;
    int rc;

    if ((*rel && kind->enters && !kind->enters(rel)) || ++w->place->folders > FOLDERS_MAX)
        return 1;
    rc = interest_begin(w->e->places, w->place, path, *rel ? kind->only : NULL);
    w->place->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct place_walk *w = ctx;

    return w->place->kind->found(w->e, w->place, path, rel);
}

static int walk_folder(struct oks_engine *e, struct place *place, const char *path)
{
    struct place_walk walk = {e, place};
    const struct oks_walker walker = {
        .ctx = &walk,
        .folder = on_folder,
        .wants = place->kind->wants,
        .file = on_file,
    };
    int rc = oks_walk(path, "", &walker);

    return rc == -ENOMEM ? rc : 0;
}

/* The folder to be walked is not there: watch its nearest existing ancestor for the name that is missing
 * below it. */
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
        rc = interest_begin(e->places, place, real, slash + 1);
        place->unwatched |= rc < 0;
        *slash = '/';
        place->stale = oks_resolve(path, real) == 0; /* it may have come while we were looking */
        return rc == -ENOMEM ? rc : 0;
    }
    rc = interest_begin(e->places, place, "/", path + 1);
    place->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
}

/* The place's path with the first names that lead to its folder; false where that is too long. */
static bool path_below(const struct place *place, int names, char out[PATH_MAX])
{
    size_t len = strlen(place->path);

    if (len >= PATH_MAX)
        return false;
    strcpy(out, place->path);
    for (int i = 0; i < names && place->kind->below[i]; i++) {
        len += (size_t)snprintf(out + len, PATH_MAX - len, "/%s", place->kind->below[i]);
        if (len >= PATH_MAX)
            return false;
    }
    return true;
}

/* A folder is told that it was renamed, but not that one above it was: so those up to the place are watched
 * as well. */
static int watch_above(struct oks_engine *e, struct place *place)
{
    char path[PATH_MAX], real[PATH_MAX];

    for (int i = 0; i < PLACE_NAMES_MAX && place->kind->below[i]; i++) {
        int rc;

        if (!path_below(place, i, path) || oks_resolve(path, real) < 0)
            continue; /* it went just now, which its folder tells */
        rc = interest_begin(e->places, place, real, place->kind->below[i]);
        if (rc == -ENOMEM)
            return rc;
        place->unwatched |= rc < 0;
    }
    return 0;
}

static void place_empty(struct oks_engine *e, struct place *place)
{
    place->kind->empty(e, place);
    while (!LIST_EMPTY(&place->interests))
        interest_end(e->places, LIST_FIRST(&place->interests));
}

static int place_walk(struct oks_engine *e, struct place *place)
{
    char path[PATH_MAX], real[PATH_MAX];
    int rc;

    place->stale = place->unwatched = false;
    place->folders = 0;
    place_empty(e, place);
    if (!path_below(place, PLACE_NAMES_MAX, path))
        return 0;
    rc = oks_resolve(path, real);
    if (rc == -ENOMEM || rc == -ELOOP)
        return rc == -ENOMEM ? rc : 0;
    if (rc == 0)
        rc = watch_above(e, place) < 0 ? -ENOMEM : walk_folder(e, place, real);
    else
        rc = e->once ? 0 : wait_for(e, place, path);
    if (rc < 0)
        place->stale = true;
    return rc;
}

int places_add(struct oks_engine *e, const struct place_kind *kind, const char *path)
{
    struct place_store *store = e->places;
    struct place key = {.path = (char *)path, .kind = kind}, *place;

    if (path[0] != '/' || store->n_places >= PLACES_MAX || tfind(&key, &store->places_by_path, by_place_path))
        return 0;
    place = calloc(1, sizeof(*place));
    if (place) {
        place->path = strdup(path);
        place->kind = kind;
    }
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

int places_fd(const struct oks_engine *e)
{
    return e->places->watch ? watch_fd(e->places->watch) : -1;
}

bool places_are_blind(const struct oks_engine *e)
{
    const struct place *place;

    LIST_FOREACH(place, &e->places->places, of_store)
        if (place->unwatched || !e->places->watch)
            return true;
    return false;
}

/* --- life --- */

int places_new(struct oks_engine *e)
{
    e->places = calloc(1, sizeof(*e->places));
    if (!e->places)
        return -ENOMEM;
    TAILQ_INIT(&e->places->waiting);
    if (e->revalidate != OKS_REVALIDATE_STAT && !e->once)
        watch_new(&e->places->watch);
    return 0;
}

void places_free(struct oks_engine *e)
{
    if (!e->places)
        return;
    while (!LIST_EMPTY(&e->places->places)) {
        struct place *place = LIST_FIRST(&e->places->places);

        place_empty(e, place);
        LIST_REMOVE(place, of_store);
        tdelete(place, &e->places->places_by_path, by_place_path);
        free(place->path);
        free(place);
    }
    watch_free(e->places->watch);
    free(e->places);
    e->places = NULL;
}

/* Only what waits is looked at: a team's document must not pay for all the projects of a machine. */
int places_refresh(struct oks_engine *e)
{
    struct place_store *store = e->places;
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
