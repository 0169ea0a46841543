/* SHA-256 against the published vectors. */
#include <string.h>

#include "base/hash.h"
#include "tap.h"

static void check(const char *text, size_t len, const char *want)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];

    ck_assert_int_eq(oks_sha256(text, len, sha256), 0);
    oks_hex(sha256, sizeof(sha256), hex);
    ck_assert_str_eq(hex, want);
}

START_TEST(known_digests)
{
    char million[1000];

    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    memset(million, 'a', sizeof(million));
    check(million, sizeof(million), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}
END_TEST

START_TEST(known_digests_of_md5)
{
    uint8_t md5[OKS_MD5_BYTES];
    char hex[OKS_MD5_HEX];

    ck_assert_int_eq(oks_md5("abc", 3, md5), 0);
    oks_hex(md5, sizeof(md5), hex);
    ck_assert_str_eq(hex, "900150983cd24fb0d6963f7d28e17f72");
    ck_assert_int_eq(oks_md5(NULL, 0, md5), 0);
    oks_hex(md5, sizeof(md5), hex);
    ck_assert_str_eq(hex, "d41d8cd98f00b204e9800998ecf8427e");
}
END_TEST

START_TEST(hex_is_lower_case_and_terminated)
{
    static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xab, 0xff};
    char hex[2 * sizeof(bytes) + 1];

    memset(hex, 'x', sizeof(hex));
    oks_hex(bytes, sizeof(bytes), hex);
    ck_assert_str_eq(hex, "000ff0abff");
    oks_hex(bytes, 0, hex);
    ck_assert_str_eq(hex, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hash");

    TEST(suite, known_digests);
    TEST(suite, known_digests_of_md5);
    TEST(suite, hex_is_lower_case_and_terminated);
    return tap_run(suite);
}
