/*
 * Memos: what a source remembers of a transcript from scan to scan, as one line of printable ASCII.
 *
 * Words stand between single spaces: numbers in hexadecimal, texts with every byte but [A-Za-z0-9._/:@+-]
 * as %XX, "-" where there is none. A memo is read back from a cache file that is sealed; whatever does not
 * parse all the same reads as zeros and absent texts.
 */
#ifndef OKSTRAFS_BASE_WORDS_H
#define OKSTRAFS_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

enum { MEMO_TEXT_MAX = 1024 }; /* bytes of one text; a longer one is cut */

struct memo_writer {
    char *bytes; /* NUL-terminated once something was put */
    size_t len, room;
    bool failed; /* out of memory */
};

void memo_put(struct memo_writer *w, uint64_t number);
void memo_put_text(struct memo_writer *w, struct oks_slice text); /* ptr NULL: absent */
char *memo_take(struct memo_writer *w);                           /* the memo, malloc'ed; NULL on ENOMEM */

struct memo_reader {
    const char *p; /* ends at NUL or newline */
};

uint64_t memo_get(struct memo_reader *r);
/* Into out[MEMO_TEXT_MAX + 1], NUL-terminated; false and "" where it is absent. */
bool memo_get_text(struct memo_reader *r, char *out);
void memo_skip(struct memo_reader *r); /* one word */
bool memo_is_over(const struct memo_reader *r);

/* The next line's begin, or NULL. */
const char *memo_next(const char *memos);

/* Numbers out of memos, such as what the peers of a transcript have. Zeroed: none. */
struct memo_numbers {
    uint64_t *items;
    size_t n, room;
};

int memo_numbers_add(struct memo_numbers *numbers, uint64_t number); /* -ENOMEM */
/* Puts them in order: only then memo_numbers_has() finds them. */
void memo_numbers_sort(struct memo_numbers *numbers);
bool memo_numbers_has(const struct memo_numbers *numbers, uint64_t number);
void memo_numbers_clear(struct memo_numbers *numbers);

#endif
