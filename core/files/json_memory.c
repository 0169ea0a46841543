/*
 * The allocator of a json-c that does not check its allocations.
 *
 * During a parse all blocks are in a list, and none is freed before the whole tree is: so a failed allocation
 * can leave json-c by longjmp() wherever it is. Outside of a parse, which is in tests only, these are the C
 * library's functions.
 *
 * json-c also makes a locale, for the decimal point. The C library has that one ready.
 */
#include "files/json_memory.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What json-c calls instead (core/meson.build). */
void *oks_json_malloc(size_t size);
void *oks_json_calloc(size_t n, size_t size);
void *oks_json_realloc(void *old, size_t size);
char *oks_json_strdup(const char *s);
void oks_json_free(void *bytes);
locale_t oks_json_newlocale(int categories, const char *name, locale_t base);
locale_t oks_json_duplocale(locale_t locale);
void oks_json_freelocale(locale_t locale);

struct json_block {
    struct json_block *next;
    size_t size;
    max_align_t bytes[];
};

static __thread struct json_block **blocks; /* of this thread's parse; NULL: there is none */
static __thread jmp_buf no_memory;

void *oks_json_malloc(size_t size)
{
    struct json_block *block = size < PTRDIFF_MAX ? malloc(sizeof(*block) + size) : NULL;

    if (!block && blocks)
        longjmp(no_memory, 1);
    if (!block)
        return NULL;
    *block = (struct json_block){.next = blocks ? *blocks : NULL, .size = size};
    if (blocks)
        *blocks = block;
    return block->bytes;
}

void *oks_json_calloc(size_t n, size_t size)
{
    size_t bytes;
    void *out = oks_json_malloc(__builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes);

    return out ? memset(out, 0, bytes) : NULL;
}

static struct json_block *block_of(void *bytes)
{
    return (struct json_block *)((char *)bytes - offsetof(struct json_block, bytes));
}

void *oks_json_realloc(void *old, size_t size)
{
    void *out = oks_json_malloc(size);
    size_t had = old ? block_of(old)->size : 0;

    if (!out || !old)
        return out;
    memcpy(out, old, had < size ? had : size);
    oks_json_free(old);
    return out;
}

char *oks_json_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *out = oks_json_malloc(n);

    return out ? memcpy(out, s, n) : NULL;
}

void oks_json_free(void *bytes)
{
    if (bytes && !blocks)
        free(block_of(bytes));
}

locale_t oks_json_newlocale(int categories, const char *name, locale_t base)
{
    (void)categories;
    (void)name;
    (void)base;
    return newlocale(LC_ALL_MASK, "C", (locale_t)0); /* which allocates nothing */
}

locale_t oks_json_duplocale(locale_t locale)
{
    return locale;
}

void oks_json_freelocale(locale_t locale)
{
    (void)locale;
}

int json_memory_parse(struct json_block **out, int (*parse)(void *ctx), void *ctx)
{
    locale_t before = uselocale((locale_t)0);
    int rc;

    *out = NULL;
    blocks = out;
    if (setjmp(no_memory) == 0) {
        rc = parse(ctx);
    } else {
        rc = -ENOMEM;
        uselocale(before);
    }
    blocks = NULL;
    if (rc < 0) {
        json_memory_free(*out);
        *out = NULL;
    }
    return rc;
}

void json_memory_free(struct json_block *block)
{
    while (block) {
        struct json_block *next = block->next;

        free(block);
        block = next;
    }
}
