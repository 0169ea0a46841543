/* okstrafs.json: what is taken, and what refuses the whole file, with the line. */
#include <errno.h>

#include "okstrafs/names.h"
#include "settings/config.h"
#include "tap.h"

static struct config taken(const char *text)
{
    struct config config;
    char error[256] = "";

    ck_assert_msg(config_parse(&config, text, strlen(text), OKS_ZONEINFO, error) == 0, "%s", error);
    return config;
}

static void refused(const char *text, const char *why)
{
    struct config config;
    char error[256] = "";

    ck_assert_msg(config_parse(&config, text, strlen(text), OKS_ZONEINFO, error) == -EINVAL, "taken: %s",
                  text);
    ck_assert_str_eq(error, why);
}

START_TEST(an_empty_file_sets_nothing)
{
    struct config config = taken("{}");

    ck_assert_uint_eq(config.n_budgets, 0);
    ck_assert_ptr_null(config.zone_name);
    config_clear(&config);
    config = taken("{\"budgets\": {}}");
    config_clear(&config);
}
END_TEST

START_TEST(budgets_are_read_exactly_and_sorted)
{
    struct config config = taken(
        "{\"timeZone\": \"KST-9\", \"budgets\": {"
        "\"weekly\": {\"scope\": \"total\", \"limitUSD\": 0.1, \"warnAt\": 0.333, \"policy\": \"block\"},"
        "\"day\": {\"scope\": \"day\", \"limitTokens\": 1000},"
        "\"한글\": {\"scope\": \"agent-day\", \"of\": \"claude-worker\", \"limitUSD\": 20, \"policy\": "
        "\"prompt\","
        "\"warnAt\": 1}}}");

    ck_assert_uint_eq(config.n_budgets, 3);
    ck_assert_str_eq(config.zone_name, "KST-9");
    ck_assert_str_eq(config.budgets[0].name, "day");
    ck_assert_int_eq(config.budgets[0].scope, BUDGET_DAY);
    ck_assert(!config.budgets[0].in_usd);
    ck_assert_uint_eq(config.budgets[0].limit, 1000);
    ck_assert_int_eq(config.budgets[0].policy, BUDGET_WARN_CONTINUE);
    ck_assert_uint_eq(config.budgets[0].warn_at, OKS_USD / 10 * 8);
    ck_assert_str_eq(config.budgets[1].name, "weekly");
    ck_assert(config.budgets[1].in_usd);
    ck_assert_uint_eq(config.budgets[1].limit, OKS_USD / 10);
    ck_assert_uint_eq(config.budgets[1].warn_at, OKS_USD / 1000 * 333);
    ck_assert_int_eq(config.budgets[1].policy, BUDGET_BLOCK_RUN);
    ck_assert_str_eq(config.budgets[2].of, "claude-worker");
    ck_assert_int_eq(config.budgets[2].policy, BUDGET_PROMPT);
    config_clear(&config);
}
END_TEST

/* As long as a file's name may be. */
START_TEST(a_target_has_a_bound)
{
    char of[OKS_NAME_MAX + 2], text[512];
    struct config config;

    memset(of, 'a', sizeof(of));
    of[OKS_NAME_MAX] = '\0';
    snprintf(text, sizeof(text),
             "{\"budgets\": {\"b\": {\"scope\": \"team\", \"limitUSD\": 1, \"of\": \"%s\"}}}", of);
    config = taken(text);
    ck_assert_str_eq(config.budgets[0].of, of);
    config_clear(&config);
    of[OKS_NAME_MAX] = 'a';
    of[OKS_NAME_MAX + 1] = '\0';
    snprintf(text, sizeof(text),
             "{\"budgets\": {\"b\": {\"scope\": \"team\", \"limitUSD\": 1, \"of\": \"%s\"}}}", of);
    refused(text, "line 1: budget \"b\": \"of\" must be a name");
}
END_TEST

START_TEST(every_scope_and_policy_has_a_name)
{
    static const char *const scopes[] = {"run",     "day",       "session", "team",
                                         "project", "agent-day", "block",   "total"};
    static const char *const policies[] = {"block", "warn_continue", "prompt"};

    for (int s = 0; s < BUDGET_SCOPES; s++)
        for (int p = 0; p < BUDGET_POLICIES; p++) {
            char text[256];
            struct config config;

            snprintf(text, sizeof(text),
                     "{\"budgets\": {\"b\": {\"scope\": \"%s\", \"policy\": \"%s\","
                     " \"limitTokens\": 1}}}",
                     scopes[s], policies[p]);
            config = taken(text);
            ck_assert_int_eq(config.budgets[0].scope, s);
            ck_assert_int_eq(config.budgets[0].policy, p);
            ck_assert_str_eq(budget_scope_name((enum budget_scope)s), scopes[s]);
            ck_assert_str_eq(budget_policy_name((enum budget_policy)p), policies[p]);
            config_clear(&config);
        }
}
END_TEST

START_TEST(wrong_files_say_where)
{
    static const struct {
        const char *budget, *why;
    } wrongs[] = {
        {"\"limitTokens\": 1", "line 2: budget \"b\": scope is missing"},
        {"\"scope\": \"week\", \"limitTokens\": 1",
         "line 3: budget \"b\": scope must be day, block, total, session, project, team, run or agent-day"},
        {"\"scope\": \"day\"", "line 2: budget \"b\": one of limitUSD and limitTokens is needed"},
        {"\"scope\": \"day\", \"limitTokens\": 1, \"limitUSD\": 1",
         "line 2: budget \"b\": only one of limitUSD and limitTokens can be given: make two budgets of it"},
        {"\"scope\": \"day\", \"limitTokens\": 0",
         "line 3: budget \"b\": limitTokens must be a whole number above 0"},
        {"\"scope\": \"day\", \"limitTokens\": 1.5",
         "line 3: budget \"b\": limitTokens must be a whole number above 0"},
        {"\"scope\": \"day\", \"limitUSD\": \"5\"",
         "line 3: budget \"b\": limitUSD must be a number above 0"},
        {"\"scope\": \"day\", \"limitUSD\": -5", "line 3: budget \"b\": limitUSD must be a number above 0"},
        {"\"scope\": \"day\", \"limitUSD\": 1e300",
         "line 3: budget \"b\": limitUSD must be a number above 0"},
        {"\"scope\": \"day\", \"limitUSD\": 1e-13",
         "line 3: budget \"b\": limitUSD must be a number above 0"},
        {"\"scope\": \"day\", \"limitUSD\": 5, \"warnAt\": 80",
         "line 3: budget \"b\": warnAt must be a number above 0 and up to 1"},
        {"\"scope\": \"day\", \"limitUSD\": 5, \"warnAt\": 0",
         "line 3: budget \"b\": warnAt must be a number above 0 and up to 1"},
        {"\"scope\": \"day\", \"limitUSD\": 5, \"policy\": \"stop\"",
         "line 3: budget \"b\": policy must be block, prompt or warn_continue"},
        {"\"scope\": \"day\", \"limitUSD\": 5, \"of\": \"x\"",
         "line 3: budget \"b\": \"of\" means nothing for this scope"},
        {"\"scope\": \"team\", \"limitUSD\": 5, \"of\": \"\"", "line 3: budget \"b\": \"of\" must be a name"},
        {"\"scope\": \"team\", \"limitUSD\": 5, \"of\": null", "line 3: budget \"b\": \"of\" must be a name"},
        {"\"scope\": \"day\", \"limit\": 5",
         "line 3: budget \"b\": a key that is not known: \"limit\"; known are "
         "scope, of, limitUSD, limitTokens, policy, warnAt"},
    };

    for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
        char text[512];

        snprintf(text, sizeof(text), "{\"budgets\": {\n\"b\": {\n%s}}}", wrongs[i].budget);
        refused(text, wrongs[i].why);
    }
    refused("{\"budgets\": {\n\"b\": {\"scope\": \"day\",\n\"polcy\": \"block\", \"limitUSD\": 1}}}",
            "line 3: budget \"b\": a key that is not known: \"polcy\"; known are scope, of, limitUSD, "
            "limitTokens, policy, warnAt");
    /* Of two, one would be in force and the other not. */
    refused("{\"budgets\": {\"b\": {\"scope\": \"day\", \"limitUSD\": 1},\n"
            "\"c\": {\"scope\": \"day\", \"limitUSD\": 1},\n\"b\": {\"scope\": \"day\", \"limitUSD\": 2}}}",
            "line 3: \"b\" stands twice: only one of them could count");
    refused("{\"budgets\": {\"b\": {\"scope\": \"day\",\n\"limitUSD\": 1, \"limitUSD\": 2}}}",
            "line 2: \"limitUSD\" stands twice: only one of them could count");
    refused("{\"budgets\": {\"b\": {\"scope\": \"day\", \"limitUSD\": 1}},\n\"budgets\": {}}",
            "line 2: \"budgets\" stands twice: only one of them could count");
    refused("{", "line 1: the file ends in the middle");
    refused("{\n\"budget\": {}}",
            "line 2: \"budget\" is not known; known are budgets, timeZone, metrics, host and hosts");
    refused("{\n\"budgets\": []}", "line 2: budgets must be an object: names, and a budget behind each");
    refused("{\"budgets\": {\n\"b\": 5}}", "line 2: budget \"b\": it is no object");
    refused("{\"budgets\": {\"\": {}}}", "line 1: budget \"\": the name must be a file name of up to 100 "
                                         "bytes, without / and %, and not begin with a dot");
    refused("{\"budgets\": {\"a/b\": {}}}", "line 1: budget \"a/b\": the name must be a file name of up to "
                                            "100 bytes, without / and %, and not begin with a dot");
    refused("{\"budgets\": {\".a\": {}}}", "line 1: budget \".a\": the name must be a file name of up to 100 "
                                           "bytes, without / and %, and not begin with a dot");
    refused("{\n\"timeZone\":\n\"Mars/Olympus\"}",
            "line 3: timeZone must be a zone such as \"Asia/Seoul\" or \"KST-9\"");
    refused("{\"timeZone\": 9}", "line 1: timeZone must be a zone such as \"Asia/Seoul\" or \"KST-9\"");
}
END_TEST

START_TEST(metrics_have_a_bound_and_a_switch)
{
    struct config config = taken("{\"metrics\": {\"labelSets\": 10000, \"claudeCodeNames\": true}}");

    ck_assert_uint_eq(config.label_sets, 10000);
    ck_assert(config.claude_code_names);
    config_clear(&config);
    config = taken("{\"metrics\": {}}");
    ck_assert_uint_eq(config.label_sets, 0);
    ck_assert(!config.claude_code_names);
    config_clear(&config);
    refused("{\"metrics\": []}", "line 1: metrics must be an object");
    refused("{\"metrics\": {\n\"labelSets\": 0}}",
            "line 2: metrics: labelSets must be a whole number from 1 to 10000");
    refused("{\"metrics\": {\"labelSets\": 10001}}",
            "line 1: metrics: labelSets must be a whole number from 1 to 10000");
    refused("{\"metrics\": {\"labelSets\": \"9\"}}",
            "line 1: metrics: labelSets must be a whole number from 1 to 10000");
    refused("{\"metrics\": {\"claudeCodeNames\": 1}}", "line 1: metrics: claudeCodeNames is true or false");
    refused("{\"metrics\": {\"names\": 1}}",
            "line 1: metrics: \"names\" is not known; known are labelSets and claudeCodeNames");
    refused("{\"metrics\": {\"labelSets\": 1, \"labelSets\": 2}}",
            "line 1: \"labelSets\" stands twice: only one of them could count");
}
END_TEST

START_TEST(hosts_are_read_and_sorted)
{
    struct config config =
        taken("{\"hosts\": {\"laptop\": [\"/mnt/laptop//x/./\", \"/mnt/y\"], \"build 7\": \"/srv/7\"}}");

    ck_assert_uint_eq(config.n_hosts, 2);
    ck_assert_str_eq(config.hosts[0].name, "build 7");
    ck_assert_uint_eq(config.hosts[0].n_folders, 1);
    ck_assert_str_eq(config.hosts[0].folders[0], "/srv/7");
    ck_assert_str_eq(config.hosts[1].name, "laptop");
    ck_assert_uint_eq(config.hosts[1].n_folders, 2);
    ck_assert_str_eq(config.hosts[1].folders[0], "/mnt/laptop/x");
    ck_assert_str_eq(config.hosts[1].folders[1], "/mnt/y");
    config_clear(&config);
    config = taken("{\"hosts\": {}}");
    ck_assert_uint_eq(config.n_hosts, 0);
    config_clear(&config);
}
END_TEST

#define BAD_HOST_NAME \
    "the name must be a file name of up to 100 bytes, without / and %, and not begin with a dot"
#define BAD_FOLDER "a folder must be an absolute path without \"..\", and not \"/\""

START_TEST(wrong_hosts_say_where)
{
    refused("{\"hosts\": []}",
            "line 1: hosts must be an object: names, and a folder or a list of folders behind each");
    refused("{\"hosts\": {\n\"a/b\": \"/x\"}}", "line 2: host \"a/b\": " BAD_HOST_NAME);
    refused("{\"hosts\": {\"..\": \"/x\"}}", "line 1: host \"..\": " BAD_HOST_NAME);
    refused("{\"hosts\": {\"\": \"/x\"}}", "line 1: host \"\": " BAD_HOST_NAME);
    refused("{\"hosts\": {\"a\": \"x\"}}", "line 1: host \"a\": " BAD_FOLDER);
    refused("{\"hosts\": {\"a\": \"/x/../y\"}}", "line 1: host \"a\": " BAD_FOLDER);
    refused("{\"hosts\": {\"a\": \"/./\"}}", "line 1: host \"a\": " BAD_FOLDER);
    refused("{\"hosts\": {\"a\": 1}}", "line 1: host \"a\": " BAD_FOLDER);
    refused("{\"hosts\": {\"a\": [\"/x\", null]}}", "line 1: host \"a\": " BAD_FOLDER);
    refused("{\"hosts\": {\"a\": []}}", "line 1: host \"a\": it must have 1 to 16 folders");
    refused("{\"hosts\": {\"a\": [\"/x\", \"/x/\"]}}",
            "line 1: host \"a\": \"/x\" is already a folder of \"a\"");
    refused("{\"hosts\": {\"a\": \"/x\",\n\"b\": \"//x\"}}",
            "line 2: host \"b\": \"/x\" is already a folder of \"a\"");
    refused("{\"hosts\": {\"a\": \"/x\", \"a\": \"/y\"}}",
            "line 1: \"a\" stands twice: only one of them could count");
}
END_TEST

START_TEST(not_too_many)
{
    char *text = malloc(100000), error[256];
    size_t n = (size_t)sprintf(text, "{\"budgets\": {");
    struct config config;

    for (int i = 0; i <= CONFIG_BUDGETS_MAX; i++)
        n +=
            (size_t)sprintf(text + n, "%s\"b%d\": {\"scope\": \"day\", \"limitTokens\": 1}", i ? "," : "", i);
    sprintf(text + n, "}}");
    ck_assert_int_eq(config_parse(&config, text, strlen(text), NULL, error), -EINVAL);
    ck_assert_str_eq(error, "line 1: more than 256 budgets");
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");

    TEST(s, an_empty_file_sets_nothing);
    TEST(s, budgets_are_read_exactly_and_sorted);
    TEST(s, a_target_has_a_bound);
    TEST(s, every_scope_and_policy_has_a_name);
    TEST(s, wrong_files_say_where);
    TEST(s, metrics_have_a_bound_and_a_switch);
    TEST(s, hosts_are_read_and_sorted);
    TEST(s, wrong_hosts_say_where);
    TEST(s, not_too_many);
    return tap_run(s);
}
