/* The member "daemon" of status.json (private to core/documents). */
#ifndef OKSTRAFS_DOCUMENTS_DAEMON_STATE_H
#define OKSTRAFS_DOCUMENTS_DAEMON_STATE_H

#include "documents/json.h"
#include "internal/daemon_state.h"

/* NULL: null, because no daemon renders the document. */
void json_put_daemon(struct json *j, const struct oks_daemon_state *daemon);

#endif
