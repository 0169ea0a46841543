/*
 * Billing: counts every request once, over all transcripts. A hash map from a request's key to the rows that
 * log it decides which transcript owns the request, and which row gives its cost.
 *
 * A part is the requests of one transcript, as a store (history/requests.h). Billing keeps the sum of each
 * part and of all parts. It reports changes of them through a table of callbacks, and depends on no session,
 * stream or timeline.
 *
 *     billing_new(&b, names, &events, ctx);
 *     billing_reprice_begin(b, prices); billing_reprice(b);
 *     for each transcript:
 *         billing_part_new(&part, owner, path);
 *         billing_enter(b, part, rows);                    all of its requests
 *         billing_gain(b, part, gain);                     after a scan: the requests added
 *         billing_tail(b, part, tail); billing_untail(b, part);    around the scan of an unfinished last line
 *         billing_leave(b, part); billing_settle(b); billing_part_free(part);
 *     billing_free(b);
 *
 * Not thread safe: the model's lock covers it.
 */
#ifndef OKSTRAFS_BILLING_BILLING_H
#define OKSTRAFS_BILLING_BILLING_H

#include "base/intern.h"
#include "billing/billed.h"
#include "prices/prices.h"

struct billing;
struct billing_part;

/*
 * Callbacks, called during the calls of this header. They may call the functions under "questions". `owner`
 * is that of the part.
 */
struct billing_events {
    /*
     * The part's requests of a model come to `sum` more, or (comes is false) less. -ENOMEM is allowed only
     * for a sum of zero, which prepares the sums of a model.
     */
    int (*posted)(void *ctx, void *owner, const char *model, const struct billed_sum *sum, bool comes);
    /* The same sum by time: requests of one stamp are added or removed. Of row i, or SIZE_MAX: of another
     * part's row. */
    void (*timed)(void *ctx, void *owner, size_t i, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum, bool comes);
    /* The values of row i changed, or whether it counts. `before`: the time that its request had. */
    void (*row_changed)(void *ctx, void *owner, size_t i, struct oks_stamp before);
    /*
     * All rows of the part are about to leave, and are still there: subtract them from sums by time now
     * (billing_each). `posted` follows, `timed` does not.
     */
    void (*leaves)(void *ctx, void *owner);
};

/* `names` interns the names of models in all sums. `events` and `names` are borrowed. 0 or -ENOMEM */
int billing_new(struct billing **out, struct oks_intern *names, const struct billing_events *events,
                void *ctx);
void billing_free(struct billing *b);
/* At the end of all parts: from now on nothing is decided, summed or reported. NULL is fine. */
void billing_stop(struct billing *b);

/* `path` orders equal parts, and is borrowed; `owner` is passed to callbacks. 0 or -ENOMEM */
int billing_part_new(struct billing_part **out, void *owner, const char *path);
void billing_part_free(struct billing_part *part); /* after billing_leave; NULL is fine */

/*
 * Adds requests. billing_enter: `rows` is the whole store of the part from now on. It is borrowed until
 * billing_leave() or the next billing_enter(), during which it must still be valid. billing_gain: requests
 * that came on top. billing_tail: the requests of the unfinished last line, which count until
 * billing_untail(). 0; -ENOMEM or -EFBIG: then call billing_leave(), which makes the part empty.
 */
int billing_enter(struct billing *b, struct billing_part *part, struct oks_requests *rows);
int billing_gain(struct billing *b, struct billing_part *part, const struct oks_requests *gain);
int billing_tail(struct billing *b, struct billing_part *part, const struct oks_requests *tail);
/* Removes the requests of the unfinished last line. */
int billing_untail(struct billing *b, struct billing_part *part);
void billing_leave(struct billing *b, struct billing_part *part);
/*
 * After billing_leave(), and after what failed: decides what could not be decided without memory. Mostly
 * there is nothing. 0; -ENOMEM: then the sums may be too small, and this is to be called again.
 */
int billing_settle(struct billing *b);
/* The part's file is gone, or (false) there again: its requests count as retained. 0; -ENOMEM: as above */
int billing_retain(struct billing *b, struct billing_part *part, bool retained);
/* Reserves room for so many rows, for speed. 0 or -ENOMEM */
int billing_expect(struct billing *b, size_t rows);

/*
 * New prices (borrowed): billing_reprice_begin() removes all costs from the sums of billing; the caller does
 * the same with its own sums; billing_reprice() posts all costs again.
 */
void billing_reprice_begin(struct billing *b, const struct oks_prices *prices);
void billing_reprice(struct billing *b);

/* --- questions --- */

const struct billed_bag *billing_all(const struct billing *b);
size_t billing_requests(const struct billing *b); /* rows in the map */
size_t billing_bytes(const struct billing *b);    /* of the map, keys included */

size_t billing_part_rows(const struct billing_part *part);
/*
 * The requests that the part logs and another part owns: the sum of their keys, modulo 2^64 (0: there are
 * none), and one by one. billing_each_foreign: 0 or the first non-zero value of fn.
 */
uint64_t billing_foreign(const struct billing_part *part);
int billing_each_foreign(const struct billing *b, const struct billing_part *part,
                         int (*fn)(void *ctx, uint64_t key), void *ctx);
/* The sum of the requests that the part owns. */
const struct billed_bag *billing_share(const struct billing_part *part);
/* Whether a row of another part gives the cost of a request of this part. */
bool billing_has_substitutes(const struct billing_part *part);

/* Adds the part's requests in the window to *out. 0 or -ENOMEM */
int billing_window(struct billing *b, struct billing_part *part, struct oks_stamp since,
                   struct oks_stamp until, struct billed_bag *out);

/* A request that a part owns, also a second-hand one. */
struct billing_visit {
    const struct request_row *row; /* NULL if a row of another part is used: see stamp, model */
    size_t i;
    struct oks_stamp stamp;
    const char *model;            /* interned */
    const struct billed_sum *sum; /* what it adds to the sums */
};

/*
 * Calls fn for each request that the part owns, not sorted by time: those of its rows in [from, to), and with
 * the last row those that rows of other parts replace. Returns 0 or the first non-zero value of fn.
 */
int billing_each(struct billing *b, const struct billing_part *part, size_t from, size_t to,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);
/*
 * The same for requests whose own row is in [from, to), in that order. `row` is the own row, even if a row of
 * another part gives the cost.
 */
int billing_each_owned(struct billing *b, const struct billing_part *part, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);

/* The same for any one row: one whose request the part does not own adds nothing to the sums. */
int billing_row(struct billing *b, const struct billing_part *part, size_t i,
                int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);

/* Which part owns a request, and which row gives its cost. */
struct billing_ruling {
    const void *owner, *winner; /* owners of parts, and their paths */
    size_t row;                 /* of the owner */
    const char *owner_path, *winner_path;
    uint64_t line; /* line number in the winner */
    size_t files;  /* number of files that log it */
    bool second_hand, alias;
};

/* 0, or -ENOENT: no part logs it. */
int billing_ruling(const struct billing *b, uint64_t key, struct billing_ruling *out);
/* Whether `is` holds for the time of any row that logs the request. */
bool billing_any_stamp(const struct billing *b, uint64_t key,
                       bool (*is)(const void *ctx, struct oks_stamp stamp), const void *ctx);
/* Whether a request counts under this key. */
bool billing_counts(const struct billing *b, uint64_t key);
/*
 * The revision of the request of row i of a part: 0 while this row alone logs it. It grows with each revision
 * of a row, and with each row more, as long as no part leaves.
 */
uint64_t billing_revision(const struct billing *b, const struct billing_part *part, size_t i,
                          const struct request_row *row);

/* What one request adds to a sum, at the prices in force. */
void billing_sum_of(struct billing *b, const struct oks_request *request, const char *model,
                    struct billed_sum *out);

#endif
