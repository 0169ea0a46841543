/* Transcripts whose file was deleted, and that still count (private to the engine; under the lock). */
#ifndef OKSTRAFS_ENGINE_RETAINED_H
#define OKSTRAFS_ENGINE_RETAINED_H

#include <stdbool.h>

struct folder;
struct oks_engine;
struct session;
struct transcript;

enum { RETAINED_MAX = 1000000 };

/* The transcript's file is gone: whether it stays, retained. */
bool retained_keep(struct oks_engine *e, struct transcript *t);
/* Whether a transcript that is there is the same file under another name. */
bool retained_moved(struct oks_engine *e, const struct transcript *t);
/* A transcript was read for the first time: if it is a retained one's file under another name, that one goes.
 */
void retained_came_back(struct oks_engine *e, const struct transcript *t);
/* Its file is there again, in this folder. */
void retained_return(struct oks_engine *e, struct transcript *t, struct folder *folder);
/* Drops the session's retained transcripts where it has another one. */
void retained_replaced(struct oks_engine *e, struct session *s);
/* Finds what caches tell of that is not there; once, after the first walk. 0 or -ENOMEM. */
int retained_find(struct oks_engine *e);
void retained_found(struct oks_engine *e, struct transcript *t);
/* Drops what was forgotten by others; false: not yet all of it. */
bool retained_refresh(struct oks_engine *e);
/* The path of the file that tells of it; malloc'ed, NULL on ENOMEM. */
char *retained_marker(const char *okstra_home);

#endif
