/*
 * Retained transcripts: deleted, and still counted from the history store (private to core/engine; under the
 * lock).
 */
#ifndef OKSTRAFS_ENGINE_RETAINED_H
#define OKSTRAFS_ENGINE_RETAINED_H

#include <stdbool.h>

struct folder;
struct oks_engine;
struct session;
struct transcript;

enum { RETAINED_MAX = 1000000 };

/* The transcript's file is gone. 1: it stays, retained; 0: it must be dropped; or a failure that passes */
int retained_keep(struct oks_engine *e, struct transcript *t);
/* Whether the store had the transcript's state, and `okstrafs forget` has run since this engine began. */
bool retained_may_be_forgotten(const struct oks_engine *e, const struct transcript *t);
/*
 * After it was loaded. 1: it stays; 0: its file goes on elsewhere; it must be dropped, and what has to stay
 * stays; or a failure that passes
 */
int retained_stays(struct oks_engine *e, struct transcript *t);
/* 1: an existing transcript is the same file under another name; 0: none is; or a failure that passes */
int retained_moved(struct oks_engine *e, const struct transcript *t);
/*
 * After a transcript's first scan: drops a retained one that is the same file under another name. 0 or a
 * failure that passes
 */
int retained_came_back(struct oks_engine *e, const struct transcript *t);
/* The file exists again, in this folder. */
void retained_return(struct oks_engine *e, struct transcript *t, struct folder *folder);
/* If the session has an existing transcript, of its retained ones only remnants stay. */
void retained_replaced(struct oks_engine *e, struct session *s);
/*
 * Adds the transcripts and remnants that are only in the history store, and once those that are only in
 * caches; after the first walk. 0 or -ENOMEM
 */
int retained_find(struct oks_engine *e); /* retained_find.c */
/* From now on only another marker than this one means that something was forgotten. */
void retained_marker_seen(struct oks_engine *e);
void retained_found(struct oks_engine *e, struct transcript *t);
/* Drops what `okstrafs forget` removed since. 0; 1: not all of it yet; or a failure that passes */
int retained_refresh(struct oks_engine *e);
/* The path of the marker file; malloc'ed, NULL on ENOMEM. */
char *retained_marker(const char *okstra_home);

#endif
