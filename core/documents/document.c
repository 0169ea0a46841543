/*
 * The frame of every document: it takes the lock, calls a writing function, and hands over the bytes.
 *
 * So a document shows one state of the data. It is a function of that data and the window alone: no clock, no
 * state of the process.
 */
#include "documents/document.h"

#include <stdlib.h>

#include "base/hash.h"
#include "internal/digest.h"

void oks_document_clear(struct oks_document *document)
{
    free(document->bytes);
    *document = (struct oks_document){0};
}

_Static_assert((int)OKS_DIGEST_BYTES == (int)OKS_SHA256_BYTES, "a digest is a SHA-256");

int oks_digest(const void *bytes, size_t len, uint8_t out[OKS_DIGEST_BYTES])
{
    return oks_sha256(bytes, len, out);
}

static int document_written(document_fn fn, void *ctx, struct oks_document *out)
{
    struct oks_document document = {0};
    struct json j = {0};
    int rc;

    json_fail(&j, fn(ctx, &j, &document));
    document.window_at = j.window_at;
    document.window_len = j.window_len;
    rc = json_finish(&j, &document.bytes, &document.len);
    if (rc == 0)
        *out = document;
    return rc;
}

int document_locked(struct model *model, document_fn fn, void *ctx, struct oks_document *out)
{
    int rc;

    pthread_mutex_lock(&model->lock);
    rc = document_written(fn, ctx, out);
    pthread_mutex_unlock(&model->lock);
    return rc;
}
