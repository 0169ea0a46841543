/* SHA-256, and MD5 for names that another program made with it: all that libcrypto is used for. */
#ifndef OKSTRAFS_BASE_HASH_H
#define OKSTRAFS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { OKS_SHA256_BYTES = 32, OKS_SHA256_HEX = 65, OKS_MD5_BYTES = 16, OKS_MD5_HEX = 33 };

int oks_sha256(const void *bytes, size_t len, uint8_t out[OKS_SHA256_BYTES]); /* 0 or -EIO */
int oks_md5(const void *bytes, size_t len, uint8_t out[OKS_MD5_BYTES]);       /* the same */
void oks_hex(const uint8_t *bytes, size_t len, char *out);                    /* 2 * len digits and a NUL */

#endif
