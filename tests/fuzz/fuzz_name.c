/*
 * Fuzzes file names made of untrusted bytes. An escaped name is always one that a folder can hold, distinct
 * names stay distinct, and folding is valid UTF-8 that folds to itself.
 *
 * An input is two names, cut where its first byte says.
 */
#include <string.h>

#include "base/fold.h"
#include "fuzz.h"
#include "okstrafs/names.h"

static void check_name(const char *name, size_t len)
{
    REQUIRE(len > 0 && len <= OKS_NAME_MAX && strlen(name) == len);
    REQUIRE(name[0] != '.');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        REQUIRE(c >= 0x20 && c != 0x7f && c != '/');
    }
}

static void check_fold(struct oks_slice raw)
{
    size_t len = 0, again_len = 0;
    char *folded = oks_name_fold(raw, &len);
    char *again;

    REQUIRE(folded && folded[len] == 0);
    again = oks_name_fold((struct oks_slice){folded, len}, &again_len);
    REQUIRE(again && again_len == len && memcmp(again, folded, len) == 0);
    free(again);
    free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char left[OKS_NAME_MAX + 1], right[OKS_NAME_MAX + 1];
    struct oks_slice a, b;
    size_t cut, left_len, right_len;

    if (size == 0)
        return 0;
    cut = data[0] * size / 256;
    a = (struct oks_slice){(const char *)data + 1, cut};
    b = (struct oks_slice){(const char *)data + 1 + cut, size - 1 - cut};
    left_len = oks_name_escape(a, left);
    right_len = oks_name_escape(b, right);
    check_name(left, left_len);
    check_name(right, right_len);
    REQUIRE(oks_slice_eq(a, b) == (strcmp(left, right) == 0));
    check_fold(a);
    check_fold(b);
    return 0;
}
