/*
 * Retained transcripts: deleted, and still counted from their cache file (private to core/engine; under the
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

/* The transcript's file is gone. True: it stays, retained. */
bool retained_keep(struct oks_engine *e, struct transcript *t);
/* Whether an existing transcript is the same file under another name. */
bool retained_moved(struct oks_engine *e, const struct transcript *t);
/* After a transcript's first scan: drops a retained one that is the same file under another name. */
void retained_came_back(struct oks_engine *e, const struct transcript *t);
/* The file exists again, in this folder. */
void retained_return(struct oks_engine *e, struct transcript *t, struct folder *folder);
/* Drops the session's retained transcripts if it has an existing one. */
void retained_replaced(struct oks_engine *e, struct session *s);
/* Adds the transcripts that exist only in the cache; once, after the first walk. 0 or -ENOMEM */
int retained_find(struct oks_engine *e); /* retained_find.c */
/* From now on only another marker than this one means that something was forgotten. */
void retained_marker_seen(struct oks_engine *e);
void retained_found(struct oks_engine *e, struct transcript *t);
/* Drops what `okstrafs forget` removed since. False: not all of it yet. */
bool retained_refresh(struct oks_engine *e);
/* The path of the marker file; malloc'ed, NULL on ENOMEM. */
char *retained_marker(const char *okstra_home);

#endif
