/*
 * A text of HTML or XML that grows.
 *
 *     struct markup m = {0};
 *
 *     markup_raw(&m, "<td>");
 *     markup_text(&m, name);
 *     markup_raw(&m, "</td>");
 *     if (m.failed) ...
 *     free(m.ptr);
 *
 * A page has thousands of short pieces, for which stdio's streams take longer than for all else of it.
 */
#ifndef OKSTRAFS_FS_REPORT_MARKUP_H
#define OKSTRAFS_FS_REPORT_MARKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zeroed: empty. */
struct markup {
    char *ptr; /* malloc'ed, NUL-terminated; NULL: nothing was written */
    size_t len, room;
    bool failed; /* ENOMEM; sticky */
};

/* Makes room for n bytes more and the NUL; false on ENOMEM. */
bool markup_reserve(struct markup *m, size_t n);

static inline void markup_bytes(struct markup *m, const char *bytes, size_t n)
{
    if (m->room - m->len <= n && !markup_reserve(m, n))
        return;
    memcpy(m->ptr + m->len, bytes, n);
    m->len += n;
    m->ptr[m->len] = '\0';
}

/* What is markup already. */
static inline void markup_raw(struct markup *m, const char *text)
{
    markup_bytes(m, text, strlen(text));
}

void markup_format(struct markup *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void markup_number(struct markup *m, uint64_t number);
/* With one digit behind the point, as %.1f; from 0 to 10^9. */
void markup_tenths(struct markup *m, double number);

/* As text or as the value of an attribute: nothing in it is markup. Hidden characters are shown as '?'. */
void markup_text(struct markup *m, const char *text);
/* The same with at most so many characters, and "…" behind them where there are more. */
void markup_text_cut(struct markup *m, const char *text, size_t most);

#endif
