/* What a sub-agent's .meta.json may hold, and what is taken from it. */
#include <errno.h>

#include "sources/labels.h"
#include "sources/source.h"
#include "scratch.h"
#include "tap.h"

static const struct label untouched = {(char *)"untouched", (char *)"untouched"};

static struct label both_of(const char *content, size_t len)
{
    struct label label = untouched;

    make_file("agent-a.meta.json", content, len);
    ck_assert_int_eq(label_load(at("agent-a.meta.json"), &label), 0);
    return label;
}

static void is(const char *got, const char *want, const char *content)
{
    ck_assert_msg(got && want ? strcmp(got, want) == 0 : got == want, "%s: %s", content, got);
}

static void check(const char *content, const char *want)
{
    struct label label = both_of(content, strlen(content));

    is(label.name, want, content);
    label_clear(&label);
}

static void check_team(const char *content, const char *want)
{
    struct label label = both_of(content, strlen(content));

    is(label.team, want, content);
    label_clear(&label);
    ck_assert(!label.name && !label.team);
}

START_TEST(a_teammate_has_a_team)
{
    check_team("{\"name\":\"a\",\"taskKind\":\"in_process_teammate\",\"teamName\":\"crew\"}", "crew");
    check_team("{\"name\":\"a\",\"teamName\":\"crew\"}", "crew");
    check_team("{\"name\":\"a\",\"taskKind\":\"in_process_teammate\"}", "");
    check_team("{\"name\":\"a\",\"taskKind\":\"in_process_teammate\",\"teamName\":7}", "");
    check_team("{\"name\":\"a\",\"taskKind\":\"local_agent\",\"teamName\":\"crew\"}", NULL);
    check_team("{\"name\":\"a\",\"teamName\":\"\"}", NULL);
    check_team("{\"name\":\"a\"}", NULL);
    check_team("", NULL);
}
END_TEST

START_TEST(the_name_goes_before_the_type)
{
    check("{\"agentType\":\"Explore\",\"name\":\"scout\"}", "scout");
    check("{\"agentType\":\"Explore\",\"description\":\"what it was told\"}", "Explore");
    check("{\"agentType\":\"Explore\",\"name\":\"\"}", "Explore");
    check("{\"agentType\":\"Explore\",\"name\":7}\n", "Explore");
    check("{\"agentType\":\"Explore\",\"name\":\"a\\u0000b\"}", "Explore");
    check("{\"name\":\"\\ud55c\\uad6d\\uc5b4/ x\"}", "한국어/ x");
}
END_TEST

START_TEST(what_tells_none)
{
    check("{\"description\":\"what it was told\",\"toolUseId\":\"toolu_1\"}", NULL);
    check("{\"name\":null,\"agentType\":[\"a\"]}", NULL);
    check("", NULL);
    check("[\"name\"]", NULL);
    check("{\"name\":\"scout\"", NULL);
    check("{\"name\":\"scout\"}}", NULL);
    check("{\"meta\":{\"name\":\"scout\"}}", NULL);
}
END_TEST

/* "é" is two bytes: 255 do not hold 128 of them. */
START_TEST(a_long_name_is_cut_at_a_character)
{
    char content[600] = "{\"name\":\"", want[300] = "";

    for (int i = 0; i < 200; i++)
        strcat(content, "é");
    strcat(content, "\"}");
    for (int i = 0; i < LABEL_BYTES_MAX / 2; i++)
        strcat(want, "é");
    check(content, want);
}
END_TEST

static void tells_nothing(const char *name)
{
    struct label label = untouched;

    ck_assert_int_eq(label_load(at(name), &label), 0);
    ck_assert_ptr_null(label.name);
    ck_assert_ptr_null(label.team);
}

START_TEST(what_is_no_file_to_read)
{
    char *large = calloc(1, 5 << 20);

    tells_nothing("missing");
    make_folder("folder");
    tells_nothing("folder");
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    tells_nothing("fifo");
    ck_assert_int_eq(symlink("loop", at("loop")), 0);
    tells_nothing("loop");
    ck_assert_ptr_nonnull(large);
    make_file("large", large, 5 << 20);
    tells_nothing("large");
    free(large);
}
END_TEST

START_TEST(which_file_lies_beside_which)
{
    const struct source *claude = &oks_source_claude;
    char out[64];

    ck_assert(claude->label("/p/s/subagents/agent-a1.jsonl", out, sizeof(out)));
    ck_assert_str_eq(out, "/p/s/subagents/agent-a1.meta.json");
    ck_assert(claude->labelled("/p/s/subagents/agent-a1.meta.json", out, sizeof(out)));
    ck_assert_str_eq(out, "/p/s/subagents/agent-a1.jsonl");
    ck_assert(!claude->label("/p/s.jsonl", out, sizeof(out)));
    ck_assert(!claude->label("/p/agent-x/s.jsonl", out, sizeof(out)));
    ck_assert(!claude->labelled("/p/agent-x.json", out, sizeof(out)));
    ck_assert(!claude->label("/p/agent-a1.jsonl", out, strlen("/p/agent-a1.meta.json")));
    ck_assert(claude->label("/p/agent-a1.jsonl", out, strlen("/p/agent-a1.meta.json") + 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("labels");

    SCRATCH_TEST(suite, the_name_goes_before_the_type);
    SCRATCH_TEST(suite, what_tells_none);
    SCRATCH_TEST(suite, a_teammate_has_a_team);
    SCRATCH_TEST(suite, a_long_name_is_cut_at_a_character);
    SCRATCH_TEST(suite, what_is_no_file_to_read);
    SCRATCH_TEST(suite, which_file_lies_beside_which);
    return tap_run(suite);
}
