/*
 * The public calls that render documents: each takes the lock, and hands what it needs to documents/.
 */
#include "engine/engine_private.h"

int oks_document_prices(struct oks_engine *e, struct oks_document *out)
{
    struct oks_document document = {0};
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = oks_prices_document(settings_prices(e->settings), &document.bytes, &document.len);
    document.mtime_ns = settings_state(e->settings, PRICES_FILE).mtime_ns;
    document.version = e->version;
    pthread_mutex_unlock(&e->lock);
    if (rc == 0)
        *out = document;
    return rc;
}
