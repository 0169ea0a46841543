/* The JSON writer against json-c, and when memory runs out: the linker hands its allocations to us. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "documents/json.h"
#include "okstrafs/stamp.h"
#include "prices/prices.h"
#include "tap.h"

static long allowed = -1; /* reallocations until all fail; < 0: none does */

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
    if (allowed == 0)
        return NULL;
    allowed -= allowed > 0;
    return __real_realloc(old, size);
}

static char *finished(struct json *j)
{
    char *bytes;
    size_t len;

    ck_assert_int_eq(json_finish(j, &bytes, &len), 0);
    ck_assert_uint_eq(strlen(bytes), len);
    return bytes;
}

static void check(struct json *j, const char *want)
{
    char *bytes = finished(j);

    ck_assert_str_eq(bytes, want);
    free(bytes);
}

/* --- json-c as the reference --- */

static const int flags[] = {
    [JSON_PRETTY] = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
    [JSON_COMPACT] = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
};

/* As one line; takes over the object. */
static void check_against(struct json *j, json_object *reference)
{
    const char *text = json_object_to_json_string_ext(reference, flags[j->style]);
    char *want;

    ck_assert_int_gt(asprintf(&want, "%s\n", text), 0);
    check(j, want);
    free(want);
    json_object_put(reference);
}

enum { TEXT_MAX = 40, KEY_MAX = TEXT_MAX + 16 };

static void random_text(char out[TEXT_MAX])
{
    static const char *const wide[] = {"\xc3\xa9", "\xe2\x82\xac", "\xef\xbf\xbd", "\xf0\x9f\x98\x80"};
    size_t len = 0;

    for (int n = rand() % 8; n > 0; n--) {
        if (rand() % 4 == 0) {
            strcpy(out + len, wide[rand() % 4]);
            len += strlen(out + len);
        } else {
            out[len++] = (char)(rand() % 127 + 1);
        }
    }
    out[len] = '\0';
}

static int64_t random_number(void)
{
    uint64_t bits = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();

    return (int64_t)(bits >> rand() % 64);
}

/* Writes a value, and gives the same as an object. Containers have members: see an_empty_container. */
static json_object *random_value(struct json *j, const char *key, int depth)
{
    char text[TEXT_MAX], member[KEY_MAX];
    json_object *object;
    int64_t number = random_number();

    switch (rand() % (depth > 0 ? 9 : 6)) {
    case 0:
        json_put_null(j, key);
        return NULL;
    case 1:
        json_put_bool(j, key, number & 1);
        return json_object_new_boolean(number & 1);
    case 2:
        json_put_count(j, key, (uint64_t)number);
        return json_object_new_uint64((uint64_t)number);
    case 3:
        json_put_integer(j, key, number);
        return json_object_new_int64(number);
    case 4:
        number &= INT64_MAX;
        oks_money_text(number, text);
        json_put_money(j, key, (unsigned __int128)number);
        return json_object_new_double_s(0.5, text);
    case 5:
        random_text(text);
        json_put_text(j, key, text);
        return json_object_new_string(text);
    case 6:
        object = json_object_new_array();
        json_open_array(j, key);
        for (int n = rand() % 4; n >= 0; n--)
            json_object_array_add(object, random_value(j, NULL, depth - 1));
        json_close_array(j);
        return object;
    default:
        object = json_object_new_object();
        json_open_object(j, key);
        for (int n = rand() % 5; n >= 0; n--) {
            random_text(text);
            snprintf(member, sizeof(member), "%s%d", text, n);
            json_object_object_add(object, member, random_value(j, member, depth - 1));
        }
        json_close_object(j);
        return object;
    }
}

START_TEST(random_trees_are_as_json_c_writes_them)
{
    srand(3);
    for (int i = 0; i < 20000; i++) {
        struct json j = {.style = i % 2 ? JSON_COMPACT : JSON_PRETTY};
        json_object *reference = random_value(&j, NULL, i % 7);

        check_against(&j, reference);
    }
}
END_TEST

START_TEST(every_ascii_character_is_as_json_c_writes_it)
{
    struct json j = {.style = JSON_COMPACT};
    json_object *reference = json_object_new_array();

    json_open_array(&j, NULL);
    for (int i = 0; i < 128; i++) {
        char c = (char)i;

        json_put_slice(&j, NULL, (struct oks_slice){&c, 1});
        json_object_array_add(reference, json_object_new_string_len(&c, 1));
    }
    json_close_array(&j);
    check_against(&j, reference);
}
END_TEST

/* --- by itself --- */

START_TEST(an_empty_container)
{
    struct json j = {0};

    json_open_object(&j, NULL);
    json_close_object(&j);
    check(&j, "{}\n");
    json_open_array(&j, NULL);
    json_close_array(&j);
    check(&j, "[\n]\n");
    json_open_array(&j, NULL);
    json_open_object(&j, NULL);
    json_open_array(&j, "a");
    json_close_array(&j);
    json_open_object(&j, "b");
    json_close_object(&j);
    json_close_object(&j);
    json_close_array(&j);
    check(&j, "[\n  {\n    \"a\": [\n    ],\n    \"b\": {}\n  }\n]\n");
    j.style = JSON_COMPACT;
    json_open_array(&j, NULL);
    json_open_array(&j, NULL);
    json_close_array(&j);
    json_open_object(&j, NULL);
    json_close_object(&j);
    json_close_array(&j);
    check(&j, "[[],{}]\n");
}
END_TEST

START_TEST(a_value_at_the_top_is_a_line)
{
    struct json j = {.style = JSON_COMPACT};

    json_open_object(&j, NULL);
    json_put_count(&j, "a", 1);
    json_put_null(&j, "b");
    json_close_object(&j);
    json_put_count(&j, NULL, 2);
    json_put_raw(&j, NULL, OKS_SLICE("unknown"));
    check(&j, "{\"a\":1,\"b\":null}\n2\nunknown\n");
    check(&j, "");
}
END_TEST

START_TEST(numbers_at_their_limits)
{
    struct json j = {.style = JSON_COMPACT};

    json_open_array(&j, NULL);
    json_put_count(&j, NULL, 0);
    json_put_count(&j, NULL, UINT64_MAX);
    json_put_integer(&j, NULL, INT64_MAX);
    json_put_integer(&j, NULL, INT64_MIN);
    json_put_integer(&j, NULL, -1);
    json_put_money(&j, NULL, 0);
    json_put_money(&j, NULL, 1);
    json_put_money(&j, NULL, (unsigned __int128)OKS_USD * 3 / 2);
    json_put_money(&j, NULL, OKS_MONEY_MAX);
    json_put_money(&j, NULL, ~(unsigned __int128)0);
    json_close_array(&j);
    check(&j, "[0,18446744073709551615,9223372036854775807,-9223372036854775808,-1,0,0.000000000001,1.5,"
              "9223372.036854775807,9223372.036854775807]\n");
}
END_TEST

START_TEST(invalid_utf8_becomes_replacement_characters)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"\xff", "\"\xef\xbf\xbd\"\n"},
        {"a\x80z", "\"a\xef\xbf\xbdz\"\n"},
        {"\xe2\x82", "\"\xef\xbf\xbd\"\n"},                             /* cut short */
        {"\xe2\x82\x22", "\"\xef\xbf\xbd\\\"\"\n"},                     /* by a quote */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"}, /* a surrogate */
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n"},                 /* overlong */
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct json j = {0};

        json_put_text(&j, NULL, cases[i].text);
        check(&j, cases[i].want);
    }
}
END_TEST

START_TEST(an_absent_text_is_null)
{
    struct json j = {0};

    json_put_text(&j, NULL, NULL);
    json_put_slice(&j, NULL, (struct oks_slice){0});
    json_put_text(&j, NULL, "");
    check(&j, "null\nnull\n\"\"\n");
}
END_TEST

START_TEST(the_first_error_sticks)
{
    struct json j = {0};
    char *bytes = NULL;
    size_t len = 7;

    json_fail(&j, 0);
    json_open_object(&j, NULL);
    json_fail(&j, -EFBIG);
    json_fail(&j, -ENOMEM);
    json_put_count(&j, "a", 1);
    json_close_object(&j);
    ck_assert_int_eq(json_finish(&j, &bytes, &len), -EFBIG);
    ck_assert_ptr_null(bytes);
    ck_assert_uint_eq(len, 7);
    json_put_count(&j, NULL, 1); /* it can be used again */
    check(&j, "1\n");
}
END_TEST

static void write_much(struct json *j)
{
    json_open_object(j, NULL);
    for (int i = 0; i < 1000; i++) {
        json_open_array(j, "texts");
        json_put_text(j, NULL, "some text \x01\xff");
        json_put_count(j, NULL, 1);
        json_put_money(j, NULL, 1);
        json_close_array(j);
    }
    json_close_object(j);
}

START_TEST(running_out_of_memory_sticks)
{
    char *bytes = NULL;
    size_t len;

    for (long n = 0; n < 6; n++) {
        struct json j = {0};

        allowed = n;
        write_much(&j);
        ck_assert_int_eq(j.text.error, -ENOMEM);
        allowed = -1; /* too late */
        write_much(&j);
        ck_assert_int_eq(json_finish(&j, &bytes, &len), -ENOMEM);
        ck_assert_ptr_null(bytes);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("json");

    TEST(s, random_trees_are_as_json_c_writes_them);
    TEST(s, every_ascii_character_is_as_json_c_writes_it);
    TEST(s, an_empty_container);
    TEST(s, a_value_at_the_top_is_a_line);
    TEST(s, numbers_at_their_limits);
    TEST(s, invalid_utf8_becomes_replacement_characters);
    TEST(s, an_absent_text_is_null);
    TEST(s, the_first_error_sticks);
    TEST(s, running_out_of_memory_sticks);
    return tap_run(s);
}
