/* Where the transcripts of hosts are, and whether they are there. Under the model's lock. */
#ifndef OKSTRAFS_DOCUMENTS_HOST_H
#define OKSTRAFS_DOCUMENTS_HOST_H

#include "documents/json.h"
#include "documents/documents.h"

/* Whether one of its folders cannot be read now. This machine never is. */
bool host_is_away(const struct host *host);
/* Calls fn for each of its folders; `reason` NULL: it can be read. The first non-zero value of fn, or 0. */
int host_each_folder(const struct host *host,
                     int (*fn)(void *ctx, const char *host, const char *folder, const char *reason),
                     void *ctx);
/* The members of an object. */
void json_put_host(struct json *j, const struct host *host);

#endif
