/* The structs of billing and its parts (private to core/billing). */
#ifndef OKSTRAFS_BILLING_PARTS_H
#define OKSTRAFS_BILLING_PARTS_H

#include <sys/queue.h>

#include "billing/billed_tree.h"
#include "billing/billing.h"
#include "billing/key_map.h"
#include "billing/key_links.h"

/* A substitute row: a row of another part that gives the cost of a request of `owner`. */
struct substitute {
    uint64_t key;
    struct billing_part *owner;
    struct oks_request request; /* the row, without its strings */
    const char *model;          /* interned */
    struct billed_sum sum;
    LIST_ENTRY(substitute) of_owner;
    char stamp_text[]; /* of a stamp of another form */
};

struct billing_part {
    void *owner;
    const char *path;
    struct oks_requests *rows; /* NULL: none yet */
    uint32_t id;               /* in the map; 0: no row of it is there */
    size_t n_rows;             /* rows in the map ... */
    uint64_t *counted;         /* bits: of these, those that count with their own values ... */
    size_t rows_room;          /* ... and bits that there is room for */
    const char **models;       /* interned names of the store's models */
    size_t n_models;
    bool retained;            /* its file is gone: billing_retain() */
    uint64_t foreign;         /* sum of the keys of its rows whose request another part owns */
    struct billed_bag share;  /* the sum of what it owns */
    struct billed_tree *tree; /* of the counted rows; NULL: no window was needed yet */
    LIST_HEAD(, substitute) substitutes;
};

/* A key whose owner is to be elected. `part` is not NULL if all that changed is that its row i came. */
struct pending {
    uint64_t key;
    struct billing_part *part;
    size_t i;
};

struct billing {
    const struct billing_events *events;
    void *ctx;
    struct oks_intern *names;
    const struct oks_prices *prices; /* NULL: none yet */
    struct billing_map map;
    struct key_links links;
    bool has_links;              /* some row is a link, or was */
    struct billing_part **by_id; /* [0] is unused */
    size_t n_ids, ids_room;
    uint32_t *free_ids;
    size_t n_free, free_room;
    struct pending *pending; /* to be decided at the end of a call */
    size_t n_pending, pending_room;
    bool undecided;    /* without memory something was not decided: billing_settle() */
    void *substitutes; /* tsearch tree by key */
    struct billed_bag all;
    struct priced_model {
        const char *model; /* interned */
        struct oks_model_price price;
    } * priced; /* models whose price was looked up */
    size_t n_priced, priced_room;
    bool stopped;
};

/* --- postings.c: adding to the sums, and subtracting --- */

int billing_post(struct billing *b, struct billing_part *part, size_t i, struct oks_stamp stamp,
                 const char *model, const struct billed_sum *sum);
void billing_unpost(struct billing *b, struct billing_part *part, size_t i, struct oks_stamp stamp,
                    const char *model, const struct billed_sum *sum);
/*
 * Makes the sums of the models of a part's rows from there on, so that posting to them cannot fail. A part
 * may have thousands of models, and gains its rows one by one. 0 or -ENOMEM
 */
int billing_make_sums(struct billing *b, struct billing_part *part, const struct oks_requests *rows,
                      size_t from);
/* Posts a bag that billing_count_row_in() filled. */
int billing_post_bag(struct billing *b, struct billing_part *part, const struct billed_bag *batch);
/* The cost of one request, in a sum of nothing else. */
void billing_cost_of(struct billing *b, const struct oks_request *r, const char *model,
                     struct billed_sum *out);
void billing_row_sum(struct billing *b, const struct billing_part *part, const struct request_row *row,
                     struct billed_sum *out);
bool billing_is_counted(const struct billing_part *part, size_t i);
void billing_set_counted(struct billing_part *part, size_t i, bool counted);
int billing_count_row(struct billing *b, struct billing_part *part, size_t i, const struct request_row *row);
/* The same, but the row's values are added to the bag, for billing_post_bag(). */
int billing_count_row_in(struct billing *b, struct billing_part *part, size_t i,
                         const struct request_row *row, struct billed_bag *batch);
void billing_uncount_row(struct billing *b, struct billing_part *part, size_t i);
/* Marks a sum as one of requests that are in no file. */
void billing_mark_retained(const struct billing_part *part, struct billed_sum *sum);
struct substitute *billing_substitute_of(const struct billing *b, uint64_t key);
void billing_substitute_end(struct billing *b, struct substitute *substitute);
/* `row` of another part gives the cost of the request of `owner` that has this key there. */
int billing_substitute(struct billing *b, struct billing_part *owner, uint64_t key,
                       const struct billing_part *from, const struct request_row *row);

/* --- rows.c --- */

/* The part's own row of that key, or SIZE_MAX. */
size_t billing_own_row(const struct billing *b, const struct billing_part *part, uint64_t key);
/* The key is decided at the end of the call. -ENOMEM */
int billing_pend(struct billing *b, uint64_t key);
/* The same, if all that changed is that row i of the part came. */
int billing_pend_row(struct billing *b, uint64_t key, struct billing_part *part, size_t i);

/* Iterates over the rows of a request, under all keys that belong together with this one. */
struct billing_rows {
    uint64_t key;
    const struct linked *set; /* NULL: that key alone */
    size_t k, at;
};

struct billing_rows billing_rows_of(const struct billing *b, uint64_t key);
bool billing_rows_next(const struct billing *b, struct billing_rows *rows, struct billing_row_ref *out);

/*
 * A row has entered the map, and there are links. A link says something only if another row has its key: most
 * have none, and are never looked at again. 0 or -ENOMEM
 */
int billing_link(struct billing *b, const struct request_row *row);
/* Joins what the links of a key say that belongs together, unless it is. 0 or -ENOMEM */
int billing_join(struct billing *b, uint64_t key);
/*
 * Links of a key have gone: takes apart what they joined, and puts it in front of the list; then, when all
 * have gone, joins and decides it again by the links that are left. 0 or -ENOMEM
 */
void billing_unlink(struct billing *b, uint64_t key, struct linked **parted);
int billing_relink(struct billing *b, struct linked *parted);

/* --- ownership.c --- */

int billing_decide(struct billing *b); /* decides all pending keys; 0 or -ENOMEM */

#endif
