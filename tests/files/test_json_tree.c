/* Small JSON texts as trees: what is one, what the values are, and when memory runs out. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "files/json_tree.h"
#include "refused_memory.h"
#include "tap.h"

static int parse(struct json_tree *tree, const char *text, size_t len, bool any_bytes,
                 struct json_fault *fault)
{
    const struct json_rules rules = {.depth = 8, .any_bytes = any_bytes};

    return json_tree_parse(tree, (struct oks_slice){text, len}, &rules, fault);
}

static void refused(const char *text, size_t at, const char *what)
{
    struct json_tree tree;
    struct json_fault fault;

    ck_assert_int_eq(parse(&tree, text, strlen(text), false, &fault), -EINVAL);
    ck_assert_msg(fault.at == at && strcmp(fault.what, what) == 0, "%s: %zu, %s", text, fault.at, fault.what);
}

START_TEST(what_is_none)
{
    static const char middle[] = "the file ends in the middle", character[] = "unexpected character";

    refused("", 0, middle);
    refused(" [1", 3, middle);
    refused("{\"a", 3, middle);
    refused("{\"a\":tru", 8, middle);
    refused("[-", 2, middle);
    refused("[1,]", 3, character);
    refused("[1]]", 3, "more text behind the end");
    refused("[01]", 2, "a comma is missing");
    refused("[1.]", 3, "a number that is none");
    refused("[.5]", 1, character);
    refused("[NaN]", 1, character);
    refused("['a']", 1, character);
    refused("{a:1}", 1, "a key without quotes");
    refused("{\"a\" 1}", 5, "a key without a value");
    refused("[\"\\x\"]", 3, "an escape that is none");
    refused("[\"\\u12g4\"]", 6, "an escape that is none");
    refused("[\"\t\"]", 2, "a control character in a string");
    refused("[\"\xc0\xaf\"]", 2, "bytes that are no UTF-8");
    refused("[[[[[[[[1]]]]]]]]", 8, "nested too deeply");
}
END_TEST

START_TEST(values)
{
    static const char text[] =
        " {\"i\":-7,\"d\":1.5e3,\"s\":\"a\\n\\u00e9\\ud83d\\ude80\\ud800x\",\"t\":true,\"n\":null,"
        "\"big\":99999999999999999999,\"l\":[1,[2,3],{\"x\":[]}],\"s\":\"last\",\"z\":\"a\\u0000b\"} ";
    struct json_tree tree;
    struct json_fault fault;
    const struct json_value *list, *v;
    int n = 0;

    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, false, &fault), 0);
    ck_assert(json_is(tree.root, JSON_TYPE_OBJECT));
    ck_assert_uint_eq(tree.root->n, 8);
    for (v = json_first(tree.root); v; v = json_next(tree.root, v))
        n++;
    ck_assert_int_eq(n, 8); /* each key once, and of "s" the last */
    ck_assert_int_eq(json_int64(json_member(tree.root, "i")), -7);
    ck_assert_uint_eq(json_uint64(json_member(tree.root, "i")), 0);
    ck_assert_str_eq(json_member(tree.root, "d")->text, "1.5e3");
    ck_assert_int_eq(json_int64(json_member(tree.root, "d")), 1500);
    ck_assert_int_eq(json_int64(json_member(tree.root, "big")), INT64_MAX);
    ck_assert_uint_eq(json_uint64(json_member(tree.root, "big")), UINT64_MAX);
    ck_assert_str_eq(json_text(json_member(tree.root, "s")), "last");
    ck_assert_ptr_null(json_text(json_member(tree.root, "z")));
    ck_assert_uint_eq(json_member(tree.root, "z")->len, 3);
    ck_assert(json_is(json_member(tree.root, "t"), JSON_TYPE_BOOLEAN));
    ck_assert(json_is(json_member(tree.root, "n"), JSON_TYPE_NULL));
    ck_assert_ptr_null(json_member(tree.root, "missing"));
    ck_assert_ptr_null(json_member(json_member(tree.root, "i"), "x"));
    list = json_member(tree.root, "l");
    ck_assert_uint_eq(list->n, 3);
    v = json_next(list, json_next(list, json_first(list)));
    ck_assert(json_is(json_member(v, "x"), JSON_TYPE_ARRAY));
    ck_assert_ptr_null(json_first(json_member(v, "x")));
    ck_assert_ptr_null(json_next(list, v));
    json_tree_clear(&tree);
    ck_assert_ptr_null(tree.root);
    ck_assert_ptr_null(json_first(NULL));
}
END_TEST

START_TEST(bytes_of_any_kind)
{
    static const char text[] = "[\"\xff\t\xc0\"]";
    struct json_tree tree;
    struct json_fault fault;

    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, false, &fault), -EINVAL);
    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, true, &fault), 0);
    ck_assert_str_eq(json_text(json_first(tree.root)), "\xff\t\xc0");
    json_tree_clear(&tree);
}
END_TEST

/* A text that json-c takes when it is strict, and ours; strings and structure are compared. */
static void same(const struct json_value *v, struct json_object *o)
{
    if (json_is(v, JSON_TYPE_OBJECT)) {
        ck_assert_int_eq((int)v->n, json_object_object_length(o));
        for (const struct json_value *m = json_first(v); m; m = json_next(v, m)) {
            struct json_object *member = NULL;

            ck_assert(json_object_object_get_ex(o, m->key, &member));
            same(m, member);
        }
    } else if (json_is(v, JSON_TYPE_ARRAY)) {
        size_t i = 0;

        for (const struct json_value *m = json_first(v); m; m = json_next(v, m))
            same(m, json_object_array_get_idx(o, i++));
        ck_assert_uint_eq(i, json_object_array_length(o));
    } else if (json_is(v, JSON_TYPE_STRING)) {
        ck_assert_uint_eq(v->len, (size_t)json_object_get_string_len(o));
        ck_assert_mem_eq(v->text, json_object_get_string(o), v->len);
    } else if (json_is(v, JSON_TYPE_INT)) {
        ck_assert(json_int64(v) == json_object_get_int64(o));
    } else {
        ck_assert(json_is(v, JSON_TYPE_NULL) == (o == NULL));
    }
}

/* A value of at most `depth` levels, from a small alphabet of words. */
static size_t made(char *out, unsigned *seed, unsigned depth)
{
    static const char *const scalars[] = {"1",    "-20",  "0",          "3.25",           "true",
                                          "null", "\"\"", "\"a\\\"b\"", "\"\\u20ac\\t\"", "\"plain\""};
    unsigned pick = *seed = *seed * 1103515245 + 12345;
    size_t n = 0, items = (pick >> 8) % 4;
    bool object = (pick >> 16) & 1;

    if (depth <= 1 || (pick >> 20) % 3 == 0)
        return (size_t)sprintf(out, "%s", scalars[(pick >> 12) % (sizeof(scalars) / sizeof(*scalars))]);
    out[n++] = object ? '{' : '[';
    for (size_t i = 0; i < items; i++) {
        n += (size_t)sprintf(out + n, "%s", i ? ", " : " ");
        if (object)
            n += (size_t)sprintf(out + n, "\"k%u\" :", (*seed >> 10) % 3);
        n += made(out + n, seed, depth - 1);
    }
    out[n++] = object ? '}' : ']';
    out[n] = '\0';
    return n;
}

START_TEST(as_json_c_reads_it)
{
    static char text[1 << 16];

    for (unsigned seed = 1, i = 0; i < 2000; i++) {
        size_t len = made(text, &seed, 6);
        struct json_object *reference = json_tokener_parse(text);
        struct json_tree tree;
        struct json_fault fault;

        ck_assert_msg(parse(&tree, text, len, false, &fault) == 0, "%s: %s", text, fault.what);
        same(tree.root, reference);
        json_tree_clear(&tree);
        json_object_put(reference);
    }
}
END_TEST

START_TEST(without_memory)
{
    static const char text[] =
        "{\"a\":[1,2,3,{\"b\":null,\"c\":\"text\",\"b\":1}],\"d\":{\"e\":{},\"f\":[]}}";
    struct json_tree tree;
    struct json_fault fault;
    long n = 0;
    int rc;

    do {
        allowed = n++;
        rc = parse(&tree, text, sizeof(text) - 1, false, &fault);
        allowed = -1;
        ck_assert(rc == 0 || rc == -ENOMEM);
    } while (rc < 0);
    ck_assert_int_gt(n, 3);
    json_tree_clear(&tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_tree");

    TEST(suite, what_is_none);
    TEST(suite, values);
    TEST(suite, bytes_of_any_kind);
    TEST(suite, as_json_c_reads_it);
    TEST(suite, without_memory);
    return tap_run(suite);
}
