/*
 * Reading the ids of requests from their transcript: one line each, by its offset.
 *
 * For rows whose ids the store has forgotten (requests_forget_ids), of sources whose lines say them alone
 * (`ids_by_line` of struct source). Under the owner's lock: list the rows with request_places(). Without it:
 * open the transcript, and call request_ids_read().
 */
#ifndef OKSTRAFS_HISTORY_REQUEST_IDS_H
#define OKSTRAFS_HISTORY_REQUEST_IDS_H

#include "history/requests.h"
#include "scan/scanner.h"

struct request_place {
    size_t row;
    uint64_t key, first; /* the offset of its first line, which says its ids */
    enum oks_part part;
};

/* The rows of [from, to) without ids, malloc'ed; *n is 0 and *out NULL where there are none. -ENOMEM */
int request_places(const struct oks_requests *requests, size_t from, size_t to, struct request_place **out,
                   size_t *n);

/* Ids are borrowed, absent where the line says none, and at most REQUEST_ID_MAX bytes. */
typedef int request_id_fn(void *ctx, size_t row, uint64_t key, struct oks_slice message_id,
                          struct oks_slice request_id);

/*
 * Calls fn for each of the places, in order; they are read fastest by ascending offset. The scanner reads the
 * lines of the transcript's source. `name` is the file's, as for request_lines(). -ESTALE: the file has
 * another line there, and all of it is to be scanned anew; -ENOMEM; what pread(2) fails with; or the first
 * non-zero value of fn.
 */
int request_ids_read(struct oks_scanner *scanner, int fd, struct oks_slice name,
                     const struct request_place *places, size_t n, request_id_fn *fn, void *ctx);

#endif
