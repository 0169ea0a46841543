/*
 * The content of generations. A write to the spool that fails (a full disk) leaves the bytes in memory.
 */
#include "inodes/content.h"

#include <stdlib.h>
#include <string.h>

static void make_digest(struct content *c)
{
    c->has_digest = oks_digest(c->bytes, c->len, c->digest) == 0;
}

void content_init(struct content *c, struct spool *spool, char *bytes, size_t len)
{
    *c = (struct content){.len = len, .bytes = bytes};
    if (!spool || len <= CONTENT_MEMORY_MAX)
        return;
    make_digest(c);
    if (spool_append(spool, &c->spooled, bytes, len) < 0) {
        spool_drop(spool, &c->spooled);
        return;
    }
    free(bytes);
    c->bytes = NULL;
}

static void drop_bytes(struct content *c, struct spool *spool)
{
    free(c->bytes);
    c->bytes = NULL;
    if (c->spooled.n_extents)
        spool_drop(spool, &c->spooled);
}

void content_clear(struct content *c, struct spool *spool)
{
    drop_bytes(c, spool);
    *c = (struct content){0};
}

void content_give_up(struct content *c, struct spool *spool)
{
    if (!c->has_digest)
        make_digest(c);
    drop_bytes(c, spool);
    c->given_up = true;
}

void content_take(struct content *c, struct content *from)
{
    c->bytes = from->bytes;
    c->spooled = from->spooled;
    c->given_up = false;
    *from = (struct content){0};
}

bool content_equal(const struct content *a, const struct content *b)
{
    uint8_t digests[2][OKS_DIGEST_BYTES];
    const struct content *both[] = {a, b};

    if (a->len != b->len || a->len == 0)
        return a->len == b->len;
    if (a->bytes && b->bytes)
        return memcmp(a->bytes, b->bytes, a->len) == 0;
    for (int i = 0; i < 2; i++) {
        if (both[i]->has_digest)
            memcpy(digests[i], both[i]->digest, OKS_DIGEST_BYTES);
        else if (!both[i]->bytes || oks_digest(both[i]->bytes, both[i]->len, digests[i]) < 0)
            return false;
    }
    return memcmp(digests[0], digests[1], OKS_DIGEST_BYTES) == 0;
}

ssize_t content_read(const struct content *c, struct spool *spool, size_t offset, char *buf, size_t size)
{
    size_t left = offset < c->len ? c->len - offset : 0, n = left < size ? left : size;

    if (n == 0)
        return 0;
    if (!c->bytes)
        return spool_read(spool, &c->spooled, offset, buf, n);
    memcpy(buf, c->bytes + offset, n);
    return (ssize_t)n;
}
