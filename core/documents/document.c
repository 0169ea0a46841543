/*
 * The frame of every document: it takes the lock, calls a writing function, and hands over the bytes.
 *
 * So a document shows one state of the data. It is a function of that data and the window alone: no clock, no
 * state of the process. Long ones are written in slices (slices.h).
 */
#include "documents/document.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/tree.h"
#include "documents/slices.h"
#include "internal/digest.h"
#include "sums/model.h"

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

bool document_goes_on(struct json *j)
{
    if (j->slices && !j->text.error && !slices_go_on(j->slices))
        json_fail(j, -EAGAIN);
    return !j->text.error;
}

void document_each(struct json *j, const void *tree, void (*fn)(void *ctx, void *item), void *ctx)
{
    void **items;
    size_t n;
    int rc = oks_tree_list(tree, &items, &n);

    json_fail(j, rc);
    if (rc < 0)
        return;
    for (size_t i = 0; i < n && document_goes_on(j); i++)
        fn(ctx, items[i]);
    free(items);
}

bool document_knows_spans(struct json *j, struct model *model)
{
    int rc = spans_complete(&model->sums, model->billing);

    json_fail(j, rc);
    return rc == 0 && spans_are_of_all(&model->sums);
}

bool document_each_in_window(struct json *j, struct model *model, const struct measure_window *w,
                             void (*fn)(void *ctx, void *session), void *ctx)
{
    const struct spans *spans = &model->sums.spans;

    if (!document_knows_spans(j, model)) {
        document_each(j, model->catalog.sessions, fn, ctx);
        return false;
    }
    for (size_t i = 0; i < spans->n; i++) {
        if (!span_reaches(&spans->items[i], w))
            continue;
        if (!document_goes_on(j))
            break;
        fn(ctx, spans->items[i].session);
    }
    return true;
}

static int document_written(struct slices *slices, document_fn fn, void *ctx, struct oks_document *out)
{
    struct oks_document document = {0};
    struct json j = {.slices = slices};
    int rc;

    json_fail(&j, fn(ctx, &j, &document));
    document.window_at = j.window_at;
    document.window_len = j.window_len;
    rc = j.text.len || j.text.error ? json_finish(&j, &document.bytes, &document.len)
                                    : 0; /* rows were picked */
    if (rc == 0)
        *out = document;
    return rc;
}

/* If the data changes faster than the document is written, it is written without slices in the end. */
enum { SLICED_TRIES = 8 };

int document_locked(struct model *model, document_fn fn, void *ctx, struct oks_document *out)
{
    struct slices slices = {.torn = true};
    int rc = 0;

    pthread_mutex_lock(&model->lock);
    for (int tries = 0; slices.torn && tries < SLICED_TRIES; tries++) {
        slices_begin(&slices, model);
        rc = document_written(&slices, fn, ctx, out);
    }
    if (slices.torn)
        rc = document_written(NULL, fn, ctx, out);
    pthread_mutex_unlock(&model->lock);
    return rc;
}
