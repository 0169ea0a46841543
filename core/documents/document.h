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
 * negative errno.
 */
int document_locked(struct model *model, document_fn fn, void *ctx, struct oks_document *out);

#endif
