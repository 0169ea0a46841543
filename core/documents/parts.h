/* Members that several documents have. */
#ifndef OKSTRAFS_DOCUMENTS_PARTS_H
#define OKSTRAFS_DOCUMENTS_PARTS_H

#include "base/money.h"
#include "documents/json.h"
#include "documents/documents.h"

enum { RATIO_TEXT = 48 };

/* The usage of these sessions is unknown: their token counts are null. */
bool document_is_unknown(const struct measure *m);
/* The thirteen keys, in their order. */
void json_put_measure(struct json *j, const struct measure *m);
/* "billed": what the bag holds */
void json_put_billed(struct json *j, const struct billed_bag *bag);
/* What is billed, or null where it is not known. */
void json_put_cost(struct json *j, const char *key, const struct billed_sum *sum);
/* The same as text; "": it is not known. */
void document_cost_text(const struct billed_sum *sum, char out[OKS_MONEY_TEXT]);
/* A sum of tokens as a count: it saturates. */
uint64_t document_tokens(unsigned __int128 n);
/* part / whole, with four digits behind the point; `whole` is not 0. */
void document_ratio_text(unsigned __int128 part, unsigned __int128 whole, char out[RATIO_TEXT]);
void json_put_ratio(struct json *j, const char *key, unsigned __int128 part, unsigned __int128 whole);
/* "window": {"since": ..., "until": ...}; empty bounds and NULL are null */
void json_put_window(struct json *j, const char *since, const char *until);
void json_put_measure_window(struct json *j, const struct measure_window *w);
void json_put_time(struct json *j, const char *key, int64_t ms);

#endif
