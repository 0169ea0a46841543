/*
 * The exporter: writes the entries of the tree that patterns choose as files and links into a folder, and
 * then what has changed.
 *
 *     struct exporter_events events = {report, ctx};
 *
 *     rc = exporter_new(&e, engine, &patterns, &top, &events);
 *     for (;;) {
 *         oks_engine_changes_seen(engine);
 *         rc = oks_engine_sync(engine, &all, false, cancel);
 *         rc = exporter_round(e, now_ms);
 *         ...                                  wait: see okstrafs/change_fd.h
 *     }
 *     exporter_free(e);
 *
 * A round costs what has changed: of the folders of sessions, teams and projects only those with a new
 * version are visited. It holds no content. Not thread safe.
 */
#ifndef OKSTRAFS_FS_EXPORT_EXPORTER_H
#define OKSTRAFS_FS_EXPORT_EXPORTER_H

#include "export/folder.h"
#include "export/patterns.h"
#include "tree/tree.h"

struct exporter_events {
    /* An entry could not be written: a negative errno; -EEXIST: there is something that no export wrote. */
    void (*failed)(void *ctx, const char *path, int error);
    void *ctx;
};

struct exporter;

/* All are borrowed. 0 or -ENOMEM */
int exporter_new(struct exporter **out, struct oks_engine *engine, const struct patterns *patterns,
                 struct export_folder *top, const struct exporter_events *events);
void exporter_free(struct exporter *e); /* NULL is fine */

/*
 * Writes what has changed since the last round. 0; -ECANCELED; or -EIO: an entry could not be written, and
 * the next round does everything again.
 */
int exporter_round(struct exporter *e, int64_t now_ms, const atomic_bool *cancel);
/* The next round does everything again, because the clock alone changes some of it. */
void exporter_forget(struct exporter *e);
/* Whether something that was written changes with the clock alone. */
bool exporter_follows_clock(const struct exporter *e);
/* Whether the last round has left something out, because there is something that no export wrote. */
bool exporter_refused(const struct exporter *e);
/* The first pattern without wildcards that led to nothing in the last round; NULL: none. */
const char *exporter_missing(const struct exporter *e);

#endif
