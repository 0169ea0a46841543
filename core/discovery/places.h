/*
 * Folders that may hold what other programs say of teams, found again whenever something below them changes
 * (private to the engine; under the lock).
 *
 * A place is the folder of which such files lie at a known depth: a project, or a configuration folder. It
 * need not exist.
 */
#ifndef OKSTRAFS_DISCOVERY_PLACES_H
#define OKSTRAFS_DISCOVERY_PLACES_H

#include <stdbool.h>
#include <sys/queue.h>

struct interest;
struct oks_engine;
struct place;
struct place_store;
struct run;

enum { PLACE_NAMES_MAX = 2 };

struct place_kind {
    /* The names that lead from the place to the folder that is walked; NULL: no more. */
    const char *below[PLACE_NAMES_MAX];
    bool (*enters)(const char *rel); /* a folder below that one, by its path; NULL: all of them */
    const char *only;                /* the one name in these that says anything; NULL: any does */
    bool (*wants)(const char *name);
    /* A file that is wanted was found. 0 or -ENOMEM. */
    int (*found)(struct oks_engine *e, struct place *place, const char *path, const char *rel);
    /* All that was found is to be found anew. */
    void (*empty)(struct oks_engine *e, struct place *place);
};

struct place {
    char *path;
    const struct place_kind *kind;
    LIST_HEAD(, run) runs; /* what was found in it */

    /* places.c */
    bool stale;
    bool unwatched;
    unsigned folders; /* visited by the walk in progress */
    LIST_ENTRY(place) of_store;
    bool waits; /* in store->waiting */
    TAILQ_ENTRY(place) of_waiting;
    LIST_HEAD(, interest) interests;
};

int places_new(struct oks_engine *e); /* -ENOMEM */
void places_free(struct oks_engine *e);
/* `path` is a stranger's word. Further ones than a bound are left out. 0 or -ENOMEM */
int places_add(struct oks_engine *e, const struct place_kind *kind, const char *path);
/* Looks again at what changed. 0 or -ENOMEM. */
int places_refresh(struct oks_engine *e);
/* The descriptor of their queue of changes, -1: none; and whether some changes are not in it. */
int places_fd(const struct oks_engine *e);
bool places_are_blind(const struct oks_engine *e);

#endif
