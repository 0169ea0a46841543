/* What the files billing*.c share among themselves (private to them). */
#ifndef OKSTRAFS_BILLING_BILLING_PRIVATE_H
#define OKSTRAFS_BILLING_BILLING_PRIVATE_H

#include "billing/billing.h"
#include "engine/engine_private.h"

struct entering {
    struct oks_engine *e;
    struct transcript *t;
    const struct oks_requests *rows;
    size_t end;
    struct billed_bag batch; /* what rows that are alone come to: goes into all sums in one go */
};

enum { BILLING_BAGS = 3 + GROUP_KINDS };

/* billing_sums.c */
int billing_put_in(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                   const struct billed_sum *sum);
void billing_take_out(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                      const struct billed_sum *sum);
void billing_cost_of(struct oks_engine *e, const struct oks_request *r, const char *model,
                     struct billed_sum *out);
void billing_row_sum(struct oks_engine *e, const struct transcript *t, const struct request_row *row,
                     struct billed_sum *out);
bool billing_is_counted(const struct billing_part *part, size_t i);
void billing_set_counted(struct billing_part *part, size_t i, bool counted);
int billing_count_row(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *row);
/* The same, but for the sums: what the row comes to is added to the bag, for billing_put_bag(). */
int billing_count_row_in(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *row,
                         struct billed_bag *batch);
/* Fails for none of the transcript's models once billing_make_places() has succeeded. -ENOMEM */
int billing_put_bag(struct oks_engine *e, struct transcript *t, const struct billed_bag *batch);
int billing_make_places(struct oks_engine *e, struct transcript *t);
void billing_uncount_row(struct oks_engine *e, struct transcript *t, size_t i);
struct loan *billing_loan_of(struct billing *b, uint64_t key);
void billing_loan_end(struct oks_engine *e, struct loan *loan);
int billing_lend(struct oks_engine *e, struct transcript *owner, const struct transcript *lender,
                 const struct request_row *row);
int billing_bags_of(struct oks_engine *e, struct transcript *t, struct billed_bag *bags[BILLING_BAGS]);
void billing_touch(struct oks_engine *e, struct session *s);

/* billing_elect.c */
int billing_decide(struct oks_engine *e); /* all that is pending; 0 or -ENOMEM */
int billing_pend(struct billing *b, uint64_t key);
struct transcript *billing_at(const struct billing *b, struct billing_place place);
bool billing_same_telling(const struct oks_request *a, const struct oks_request *b);

/* billing.c */
size_t billing_own_row(const struct oks_engine *e, const struct transcript *t, uint64_t key);

#endif
