/*
 * What was really asked of models, once each, over all transcripts: who owns a request, and the running sums
 * of it (private to the engine; everything under engine->lock).
 */
#ifndef OKSTRAFS_BILLING_BILLING_H
#define OKSTRAFS_BILLING_BILLING_H

#include <sys/queue.h>

#include "billing/billed.h"
#include "billing/billed_tree.h"
#include "billing/key_map.h"

struct measure_window;
struct oks_engine;
struct oks_prices;
struct project;
struct scan_outcome;
struct session;
struct transcript;

/* A request whose owner's own line is not the one that tells what it cost. */
struct loan {
    uint64_t key;
    struct transcript *owner;
    struct oks_request request; /* the line that tells it, without its strings */
    const char *model;          /* interned */
    struct billed_sum sum;
    LIST_ENTRY(loan) of_owner;
};

/* A transcript's part; zeroed: none yet. */
struct billing_part {
    uint32_t id;         /* in the map; 0: it has no rows there */
    uint64_t *counted;   /* bits: rows whose own values are in `share` */
    size_t rows;         /* that are in the map ... */
    size_t rows_room;    /* ... and bits that `counted` holds */
    const char **models; /* interned names of the store's models */
    size_t n_models;
    struct billed_bag
        share; /* what it has put into the sums above it; a session's is that of its transcripts */
    struct billed_tree *tree; /* of the counted rows; NULL: nobody has asked for a window yet */
    LIST_HEAD(, loan) loans;
};

struct billing {
    struct billing_map map;
    struct transcript **by_id; /* [0] is nobody */
    size_t n_ids, ids_room;
    uint32_t *free_ids;
    size_t n_free, free_room;
    uint64_t *pending; /* keys that wait for the end of a commit */
    size_t n_pending, pending_room;
    void *loans; /* tsearch tree by key */
    struct billed_bag all;
    uint64_t prices_version; /* of the prices in all sums */
    struct priced_model {
        const char *model;             /* interned */
        const struct oks_price *price; /* NULL: it has none */
    } * priced;                        /* what was looked up with these prices */
    size_t n_priced;
    bool ends;                    /* all transcripts are leaving: nothing is decided or summed any more */
    LIST_HEAD(, session) touched; /* sessions whose sum changed since billing_bump() */
};

void billing_init(struct oks_engine *e);
/* Before the transcripts leave at the end. */
void billing_end(struct oks_engine *e);

/*
 * What a scan found goes in: `rows` is the whole store of the transcript from now on (billing_enter), or came
 * on top of it (billing_gain). `tail` are the
 * requests of the unfinished line, which count until the next scan; NULL: none. 0, -ENOMEM or -EFBIG: then
 * billing_leave() makes the transcript as if it had none.
 */
int billing_enter(struct oks_engine *e, struct transcript *t, struct oks_requests *rows);
int billing_gain(struct oks_engine *e, struct transcript *t, const struct oks_requests *gain);
int billing_tail(struct oks_engine *e, struct transcript *t, const struct oks_requests *tail);
/* Takes the unfinished line's requests away again. */
int billing_untail(struct oks_engine *e, struct transcript *t);
/* Room for so many rows, which is a matter of speed alone. -ENOMEM. */
int billing_expect(struct oks_engine *e, size_t rows);
void billing_leave(struct oks_engine *e, struct transcript *t);
/* Adds what the session's transcripts own to a bag (-ENOMEM: nothing), or takes it out again. */
int billing_share_add(struct billed_bag *to, const struct session *s);
void billing_share_take(struct billed_bag *from, const struct session *s);
/* The transcript's session moved from one project (NULL: none) to another. */
void billing_moved(struct session *s, struct project *from, struct project *to);

/* After settings_refresh(): if the prices changed, all sums get their costs anew. */
void billing_prices(struct oks_engine *e);
/* New versions for the sessions whose sums changed. */
void billing_bump(struct oks_engine *e);

/* Adds what the session's requests in the window come to. 0 or -ENOMEM */
int billing_session(struct oks_engine *e, const struct session *s, const struct measure_window *w,
                    struct billed_bag *out);

/*
 * Calls fn for each request that the transcript owns, counted ones and second-hand ones alike, in no order of
 * time: `row` is the line that tells what it cost, `sum` what it adds. Stops at
 * the first non-zero value and returns it.
 */
struct billing_visit {
    const struct request_row *row; /* NULL where the line is another transcript's: see stamp, model */
    size_t i;
    struct oks_stamp stamp;
    const char *model; /* interned */
    const struct billed_sum *sum;
};

int billing_each(struct oks_engine *e, const struct transcript *t,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);

/* Who owns a request that t logs, and which line tells what it cost. */
struct billing_ruling {
    const struct transcript *owner, *teller;
    uint64_t line;     /* of the teller */
    uint64_t own_line; /* the one of t that counts among t's own */
    size_t files;      /* that log it */
    bool second_hand;
};

/* 0; -ENOENT: nobody logs it. */
int billing_ruling(struct oks_engine *e, const struct transcript *t, uint64_t key,
                   struct billing_ruling *out);

/* What one request adds to a sum, at the prices in force. */
void billing_sum_of(struct oks_engine *e, const struct oks_request *request, const char *model,
                    struct billed_sum *out);
/* The same for those whose own row is in [from, to), in its order; `row` is that row, also where it lends. */
int billing_each_owned(struct oks_engine *e, const struct transcript *t, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx);
void billing_part_clear(struct billing_part *part);

#endif
