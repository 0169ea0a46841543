/*
 * The digest of a document, to compare it with one that is not kept.
 */
#ifndef OKSTRAFS_INTERNAL_DIGEST_H
#define OKSTRAFS_INTERNAL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The SHA-256 of some bytes. 0 or -EIO. Thread safe. */
enum { OKS_DIGEST_BYTES = 32 };
int oks_digest(const void *bytes, size_t len, uint8_t out[OKS_DIGEST_BYTES]);

#ifdef __cplusplus
}
#endif

#endif
