/* SHA-256, the only thing that libcrypto is used for. */
#ifndef OKSTRAFS_BASE_HASH_H
#define OKSTRAFS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { OKS_SHA256_BYTES = 32, OKS_SHA256_HEX = 65 };

int oks_sha256(const void *bytes, size_t len, uint8_t out[OKS_SHA256_BYTES]); /* 0 or -EIO */
void oks_hex(const uint8_t *bytes, size_t len, char *out);                    /* 2 * len digits and a NUL */

#endif
