/* How full a session's context is (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_CONTEXT_H
#define OKSTRAFS_DOCUMENTS_CONTEXT_H

#include "sums/model.h"

struct context_fill {
    struct oks_slice model; /* of the last request; empty: unknown */
    uint64_t tokens;        /* its prompt */
    uint64_t limit;         /* 0: unknown */
};

/* False: the session has no request. Under the lock. */
bool context_measure(struct model *model, struct session *s, struct context_fill *out);

#endif
