/* SHA-256 by libcrypto; an engine that refuses (no memory, a provider that failed to load) is an error, never
 * a wrong digest. */
#include "okstrafs/hash.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

int oks_sha256(const void *bytes, size_t len, uint8_t out[OKS_SHA256_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (EVP_Digest(len ? bytes : "", len, digest, &size, EVP_sha256(), NULL) != 1 || size != OKS_SHA256_BYTES)
        return -EIO;
    memcpy(out, digest, OKS_SHA256_BYTES);
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
