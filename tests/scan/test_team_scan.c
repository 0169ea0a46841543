/* The search for team names against one that looks at every byte. */
#include <ctype.h>
#include <string.h>

#include "scan/scanner.h"
#include "scan/team_scan.h"
#include "tap.h"

static const char key[] = "\"teamname\":\"";

struct names {
    struct oks_slice names[64];
    size_t n;
    int stop; /* returned by the first call */
};

static int note(void *ctx, struct oks_slice name)
{
    struct names *names = ctx;

    names->names[names->n++] = name;
    return names->stop;
}

static bool is_key(const char *s)
{
    for (size_t i = 0; i < sizeof(key) - 1; i++)
        if (tolower((unsigned char)s[i]) != key[i])
            return false;
    return true;
}

/* The rule, step by step. */
static void plainly(const char *s, size_t len, struct names *names, size_t *rest)
{
    size_t open = len;

    for (size_t i = 0; i + OKS_TEAM_KEY_LEN <= len; i++) {
        size_t from = i + OKS_TEAM_KEY_LEN, n = 0;

        if (!is_key(s + i))
            continue;
        while (from + n < len && s[from + n] != '"' && s[from + n] != '\n' && n <= OKS_TEAM_NAME_MAX)
            n++;
        if (from + n < len && s[from + n] == '"' && n <= OKS_TEAM_NAME_MAX)
            note(names, (struct oks_slice){s + from, n});
        else if (from + n == len && n <= OKS_TEAM_NAME_MAX && open == len)
            open = i;
    }
    if (open == len)
        open = len < OKS_TEAM_KEY_LEN ? 0 : len - (OKS_TEAM_KEY_LEN - 1);
    *rest = open;
}

static void compare(const char *s, size_t len)
{
    struct names want = {.n = 0}, found = {.n = 0};
    size_t want_rest, rest = 12345;

    plainly(s, len, &want, &want_rest);
    ck_assert_int_eq(oks_team_scan(s, len, note, &found, &rest), 0);
    ck_assert_msg(rest == want_rest, "%.*s: %zu", (int)len, s, rest);
    ck_assert_msg(found.n == want.n, "%.*s", (int)len, s);
    for (size_t i = 0; i < found.n; i++)
        ck_assert(found.names[i].ptr == want.names[i].ptr && found.names[i].len == want.names[i].len);
}

/* Of the letters of the key, as often wrong as right: every jump is taken from every place. */
START_TEST(any_letters_of_the_key)
{
    uint64_t seed = 7;

    for (unsigned round = 0; round < 20000; round++) {
        char text[80];
        size_t len = 0;

        while (len < 60) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            if ((seed >> 33) % 3 == 0) {
                size_t n = (seed >> 40) % sizeof(key);

                for (size_t i = 0; i < n; i++)
                    text[len++] = (char)((seed >> 50) % 2 ? toupper((unsigned char)key[i]) : key[i]);
            } else {
                text[len++] = key[(seed >> 40) % (sizeof(key) - 1)];
            }
        }
        compare(text, len);
    }
}
END_TEST

START_TEST(every_cut_says_where_to_look_again)
{
    static const char text[] =
        "x\"teamName\":\"one\",\"TEAMNAME\":\"\",\"teamname\":\"t\nwo\"\"teamname\":\"three";

    for (size_t len = 0; len < sizeof(text); len++)
        compare(text, len);
}
END_TEST

START_TEST(the_longest_names)
{
    char text[OKS_TEAM_KEY_LEN + OKS_TEAM_NAME_MAX + 8];

    for (size_t n = OKS_TEAM_NAME_MAX - 2; n <= OKS_TEAM_NAME_MAX + 2; n++) {
        memcpy(text, key, OKS_TEAM_KEY_LEN);
        memset(text + OKS_TEAM_KEY_LEN, 'n', n);
        text[OKS_TEAM_KEY_LEN + n] = '"';
        compare(text, OKS_TEAM_KEY_LEN + n);
        compare(text, OKS_TEAM_KEY_LEN + n + 1);
        text[OKS_TEAM_KEY_LEN + n] = '\n';
        compare(text, OKS_TEAM_KEY_LEN + n + 1);
    }
}
END_TEST

START_TEST(the_callback_ends_it)
{
    static const char text[] = "\"teamname\":\"a\"\"teamname\":\"b\"";
    struct names names = {.stop = -7};
    size_t rest = 12345;

    ck_assert_int_eq(oks_team_scan(text, sizeof(text) - 1, note, &names, &rest), -7);
    ck_assert_uint_eq(names.n, 1);
    ck_assert_uint_eq(rest, 12345);
    names = (struct names){.n = 0};
    ck_assert_int_eq(oks_team_scan(text, sizeof(text) - 1, note, &names, NULL), 0);
    ck_assert_uint_eq(names.n, 2);
}
END_TEST

START_TEST(keys_that_may_end_one)
{
    ck_assert(oks_team_may_end(strrchr("\"teamName\"", '"')));
    ck_assert(oks_team_may_end(strrchr("\"TEAMNAME\"", '"')));
    ck_assert(!oks_team_may_end(strrchr("\"teanName\"", '"')));
    ck_assert(!oks_team_may_end(strrchr("\"teamNames\"", '"')));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("team_scan");

    TEST(suite, any_letters_of_the_key);
    TEST(suite, every_cut_says_where_to_look_again);
    TEST(suite, the_longest_names);
    TEST(suite, the_callback_ends_it);
    TEST(suite, keys_that_may_end_one);
    return tap_run(suite);
}
