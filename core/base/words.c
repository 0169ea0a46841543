/*
 * Words of memos, there and back. A memo is rewritten at every scan that gains something, so this avoids
 * printf and scanf.
 */
#include "base/words.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

static bool room_for(struct memo_writer *w, size_t n)
{
    if (!w->failed && !OKS_ROOM(w->bytes, w->len + n + 1, w->room))
        w->failed = true;
    return !w->failed;
}

static void put_char(struct memo_writer *w, char c)
{
    w->bytes[w->len++] = c;
    w->bytes[w->len] = '\0';
}

static bool begin_word(struct memo_writer *w, size_t most)
{
    if (!room_for(w, most + 1))
        return false;
    if (w->len)
        put_char(w, ' ');
    return true;
}

void memo_put(struct memo_writer *w, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = 60;

    if (!begin_word(w, 16))
        return;
    while (shift && !(number >> shift))
        shift -= 4;
    for (;; shift -= 4) {
        put_char(w, digits[number >> shift & 15]);
        if (shift == 0)
            return;
    }
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._/:@+-", c));
}

void memo_put_text(struct memo_writer *w, struct oks_slice text)
{
    static const char digits[] = "0123456789ABCDEF";

    if (text.len > MEMO_TEXT_MAX)
        text.len = MEMO_TEXT_MAX;
    if (!begin_word(w, 3 * text.len + 1))
        return;
    if (!text.ptr || text.len == 0) {
        put_char(w, '-');
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        /* A dash alone would read as absent. */
        if (is_plain((char)c) && !(c == '-' && text.len == 1)) {
            put_char(w, (char)c);
            continue;
        }
        put_char(w, '%');
        put_char(w, digits[c >> 4]);
        put_char(w, digits[c & 15]);
    }
}

char *memo_take(struct memo_writer *w)
{
    if (!w->failed)
        room_for(w, 1);
    if (w->failed) {
        free(w->bytes);
        return NULL;
    }
    w->bytes[w->len] = '\0';
    return w->bytes;
}

static bool is_end(char c)
{
    return c == '\0' || c == '\n';
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void skip_space(struct memo_reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

uint64_t memo_get(struct memo_reader *r)
{
    uint64_t number = 0;

    skip_space(r);
    for (; hex(*r->p) >= 0; r->p++)
        number = number << 4 | (uint64_t)hex(*r->p);
    while (!is_end(*r->p) && *r->p != ' ')
        r->p++;
    return number;
}

void memo_skip(struct memo_reader *r)
{
    skip_space(r);
    while (!is_end(*r->p) && *r->p != ' ')
        r->p++;
}

bool memo_get_text(struct memo_reader *r, char *out)
{
    size_t n = 0;

    skip_space(r);
    if (*r->p == '-' && (is_end(r->p[1]) || r->p[1] == ' '))
        r->p++;
    for (; !is_end(*r->p) && *r->p != ' '; r->p++) {
        char c = *r->p;

        if (c == '%' && hex(r->p[1]) >= 0 && hex(r->p[2]) >= 0) {
            c = (char)(hex(r->p[1]) << 4 | hex(r->p[2]));
            r->p += 2;
        }
        if (n < MEMO_TEXT_MAX)
            out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}

bool memo_is_over(const struct memo_reader *r)
{
    const char *p = r->p;

    while (*p == ' ')
        p++;
    return is_end(*p);
}

const char *memo_next(const char *memos)
{
    const char *end = strchr(memos, '\n');

    return end && end[1] ? end + 1 : NULL;
}

int memo_numbers_add(struct memo_numbers *numbers, uint64_t number)
{
    if (!OKS_GROW(numbers->items, numbers->n, numbers->room))
        return -ENOMEM;
    numbers->items[numbers->n++] = number;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

void memo_numbers_sort(struct memo_numbers *numbers)
{
    if (numbers->n)
        qsort(numbers->items, numbers->n, sizeof(*numbers->items), by_number);
}

bool memo_numbers_has(const struct memo_numbers *numbers, uint64_t number)
{
    return numbers->n && bsearch(&number, numbers->items, numbers->n, sizeof(number), by_number);
}

void memo_numbers_clear(struct memo_numbers *numbers)
{
    free(numbers->items);
    *numbers = (struct memo_numbers){0};
}
