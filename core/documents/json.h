/*
 * A JSON writer into a growing buffer.
 *
 *     struct json j = {.style = JSON_PRETTY};
 *
 *     json_open_object(&j, NULL);
 *     json_put_text(&j, "name", "x");
 *     json_open_array(&j, "counts");
 *     json_put_count(&j, NULL, 1);
 *     json_close_array(&j);
 *     json_close_object(&j);
 *     rc = json_finish(&j, &bytes, &len);
 *
 * Each value is written with its key, which is NULL in an array and at the top. The first error sticks: all
 * later calls do nothing, and json_finish() returns it. So no other call has to be checked.
 */
#ifndef OKSTRAFS_DOCUMENTS_JSON_H
#define OKSTRAFS_DOCUMENTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "okstrafs/slice.h"

enum json_style {
    JSON_PRETTY,  /* one member a line, two spaces a level */
    JSON_COMPACT, /* no spaces, one value at the top a line */
};

struct slices;

/* Zeroed: empty, and pretty. */
struct json {
    enum json_style style;
    struct oks_bytes text;
    unsigned level;               /* open containers */
    bool has_members;             /* of the innermost container */
    size_t window_at, window_len; /* see struct oks_document */
    struct slices *slices;        /* see document_goes_on(); NULL: the lock is not released */
};

void json_open_object(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);

/* Invalid UTF-8 becomes U+FFFD. NULL: null. */
void json_put_text(struct json *j, const char *key, const char *text);
void json_put_slice(struct json *j, const char *key, struct oks_slice text);
void json_put_count(struct json *j, const char *key, uint64_t count);
void json_put_integer(struct json *j, const char *key, int64_t value);
/* Picodollars as a decimal number of dollars, at most OKS_MONEY_MAX; any number in 10^-12 too. */
void json_put_money(struct json *j, const char *key, unsigned __int128 amount);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);
/* A value that is JSON already. */
void json_put_raw(struct json *j, const char *key, struct oks_slice value);

/* Sets the error, if there is none yet; 0: no error. */
void json_fail(struct json *j, int error);
/* Hands over the bytes, NUL-terminated behind *len, or frees them. 0 or the error. */
int json_finish(struct json *j, char **bytes, size_t *len);

#endif
