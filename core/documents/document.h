/*
 * The frame of every document: lock, write, hand over.
 *
 *     static int write_it(void *ctx, struct json *j, struct oks_document *out);
 *
 *     return document_locked(model, write_it, &args, out);
 */
#ifndef OKSTRAFS_DOCUMENTS_DOCUMENT_H
#define OKSTRAFS_DOCUMENTS_DOCUMENT_H

#include "documents/json.h"
#include "documents/documents.h"

/*
 * Writes a document, and sets its time and version in *out. 0 or a negative errno; an error in *j counts as
 * well.
 */
typedef int (*document_fn)(void *ctx, struct json *j, struct oks_document *out);

/*
 * Calls fn under the lock. What it wrote becomes the bytes of *out, which is set on success only. 0 or a
 * negative errno. It is called again if the data changes while document_goes_on() has released the lock; so
 * it begins with empty sums each time.
 */
int document_locked(struct model *model, document_fn fn, void *ctx, struct oks_document *out);

/*
 * In loops over what strangers may make many of: lets others have the lock now and then. False: the document
 * has failed, or the data has changed meanwhile, so nothing that was found in the model may be used any more.
 */
bool document_goes_on(struct json *j);
/* For each item of a tree, ascending, while the document goes on. */
void document_each(struct json *j, const void *tree, void (*fn)(void *ctx, void *item), void *ctx);

/* Whether all sessions are in the sums and have a span, which spans_reach() compares with a window. */
bool document_knows_spans(struct json *j, struct model *model);

/*
 * The same for each session that may have something in the window, in no order. True: others were passed
 * over, and all sessions are in the sums.
 */
bool document_each_in_window(struct json *j, struct model *model, const struct measure_window *w,
                             void (*fn)(void *ctx, void *session), void *ctx);

#endif
