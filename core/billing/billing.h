/*
 * Billing: every request once, over all transcripts. A hash map from a request's key to the rows that log it
 * decides which transcript owns the request, and which row says what it cost.
 *
 * Billing knows parts: what one transcript logs, as a store of requests (history/requests.h). It posts what a
 * part owns to its user through a table of callbacks, and keeps the sums of each part and of all.
 *
 * Order of calls: billing_new, billing_reprice (the prices in force), then for each transcript
 * billing_part_new, billing_enter with its rows, billing_gain with what came on top, billing_tail and
 * billing_untail around an unfinished line, billing_leave, billing_part_free.
 *
 * Not thread safe: the owner locks.
 */
#ifndef OKSTRAFS_BILLING_BILLING_H
#define OKSTRAFS_BILLING_BILLING_H

#include "base/intern.h"
#include "billing/billed.h"
#include "prices/prices.h"

struct billing;
struct billing_part;

/* Called while a call of this header runs: questions may be asked meanwhile. `owner` is that of the part. */
struct billing_events {
    /* The part's requests of a model come to `sum` more, or (comes false) less. A sum of nothing makes the
     * place for a model: only then -ENOMEM may be returned. */
    int (*posted)(void *ctx, void *owner, const char *model, const struct billed_sum *sum, bool comes);
    /* The same sum by time: requests of one stamp come or leave. */
    void (*timed)(void *ctx, void *owner, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum, bool comes);
    /* What row i says, or whether it counts, is no longer what it was. */
    void (*row_changed)(void *ctx, void *owner, size_t i);
    /* All rows of the part are about to leave, and are still there: sums by time take them out now
     * (billing_each); `posted` follows, `timed` does not. */
    void (*leaves)(void *ctx, void *owner);
};

/* `names` holds the names of models in all sums; `events` and `names` stay the caller's. -ENOMEM */
int billing_new(struct billing **out, struct oks_intern *names, const struct billing_events *events,
                void *ctx);
void billing_free(struct billing *b);
/* All parts are about to leave: from now on nothing is decided, summed or posted. NULL is fine. */
void billing_stop(struct billing *b);

/* `path` tells equal parts apart, and is borrowed; `owner` is passed to callbacks. -ENOMEM */
int billing_part_new(struct billing_part **out, void *owner, const char *path);
void billing_part_free(struct billing_part *part); /* after billing_leave; NULL is fine */

/*
 * What a scan found goes in: `rows` is the whole store of the part from now on (billing_enter; borrowed until
 * it leaves or others enter, and the old store must be valid during the call), or came on top of it
 * (billing_gain). `tail` are the requests of the unfinished line, which count until the next scan. 0, -ENOMEM
 * or -EFBIG: then billing_leave() makes the part as if it had none.
 */
int billing_enter(struct billing *b, struct billing_part *part, struct oks_requests *rows);
int billing_gain(struct billing *b, struct billing_part *part, const struct oks_requests *gain);
int billing_tail(struct billing *b, struct billing_part *part, const struct oks_requests *tail);
/* Takes the unfinished line's requests away again. */
int billing_untail(struct billing *b, struct billing_part *part);
void billing_leave(struct billing *b, struct billing_part *part);
/* Room for so many rows, which is a matter of speed alone. -ENOMEM. */
int billing_expect(struct billing *b, size_t rows);

/*
 * Other prices (borrowed): billing_reprice_begin takes all costs out of the sums of billing; the caller does
 * the same with his own; billing_reprice posts them anew.
 */
void billing_reprice_begin(struct billing *b, const struct oks_prices *prices);
void billing_reprice(struct billing *b);

/* --- questions --- */

const struct billed_bag *billing_all(const struct billing *b);
size_t billing_requests(const struct billing *b); /* rows in the map */
size_t billing_bytes(const struct billing *b);    /* of the map, keys included */

size_t billing_part_rows(const struct billing_part *part);
/* What the part owns. */
const struct billed_bag *billing_share(const struct billing_part *part);
/* Whether a request of the part takes what it cost from a row of another part. */
bool billing_has_substitutes(const struct billing_part *part);

/* Adds what the part's requests in the window come to. 0 or -ENOMEM */
int billing_window(struct billing *b, struct billing_part *part, struct oks_stamp since,
                   struct oks_stamp until, struct billed_bag *out);

/* A request that a part owns: counted ones and second-hand ones alike. */
struct billing_visit {
    const struct request_row *row; /* NULL where the row is another part's: see stamp, model */
    size_t i;
    struct oks_stamp stamp;
    const char *model;            /* interned */
    const struct billed_sum *sum; /* what it adds */
};

/* Calls fn for each request that the part owns, in no order of time. Stops at the first non-zero value and
 * returns it. */
int billing_each(struct billing *b, const struct billing_part *part,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);
/* The same for those whose own row is in [from, to), in its order; `row` is that row, also where another
 * part's row says what it cost. */
int billing_each_owned(struct billing *b, const struct billing_part *part, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);

/* Who owns a request, and which row says what it cost. */
struct billing_ruling {
    const void *owner, *winner; /* owners of parts, and their paths */
    const char *owner_path, *winner_path;
    uint64_t line; /* of the winner */
    size_t files;  /* that log it */
    bool second_hand;
};

/* 0; -ENOENT: no part logs it. */
int billing_ruling(const struct billing *b, uint64_t key, struct billing_ruling *out);

/* What one request adds to a sum, at the prices in force. */
void billing_sum_of(struct billing *b, const struct oks_request *request, const char *model,
                    struct billed_sum *out);

#endif
