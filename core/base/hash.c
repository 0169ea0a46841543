/*
 * SHA-256 and MD5 by libcrypto; a refusal is an error, never a wrong digest.
 *
 * By its old functions, which libcrypto 3 calls deprecated and still has: the new ones first read a
 * configuration and load providers, which takes milliseconds of every start, and then look up the algorithm
 * for each few hundred bytes that we hash.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <errno.h>
#include <string.h>

#include <openssl/md5.h>
#include <openssl/sha.h>

int oks_sha256(const void *bytes, size_t len, uint8_t out[OKS_SHA256_BYTES])
{
    SHA256_CTX ctx;
    uint8_t digest[SHA256_DIGEST_LENGTH];

    _Static_assert(sizeof(digest) == OKS_SHA256_BYTES, "a digest is what SHA-256 makes");
    if (SHA256_Init(&ctx) != 1 || SHA256_Update(&ctx, len ? bytes : "", len) != 1 ||
        SHA256_Final(digest, &ctx) != 1)
        return -EIO;
    memcpy(out, digest, OKS_SHA256_BYTES);
    return 0;
}

int oks_md5(const void *bytes, size_t len, uint8_t out[OKS_MD5_BYTES])
{
    MD5_CTX ctx;
    uint8_t digest[MD5_DIGEST_LENGTH];

    _Static_assert(sizeof(digest) == OKS_MD5_BYTES, "a digest is what MD5 makes");
    if (MD5_Init(&ctx) != 1 || MD5_Update(&ctx, len ? bytes : "", len) != 1 || MD5_Final(digest, &ctx) != 1)
        return -EIO;
    memcpy(out, digest, OKS_MD5_BYTES);
    return 0;
}

void oks_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digit[bytes[i] >> 4];
        *out++ = digit[bytes[i] & 15];
    }
    *out = '\0';
}
