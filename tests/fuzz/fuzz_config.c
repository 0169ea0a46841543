/* Fuzzes okstrafs.json: what is taken keeps its promises, what is refused says where. */
#include <errno.h>
#include <string.h>

#include "settings/budget.h"
#include "fuzz.h"

static void check_budget(const struct budget *b, const struct budget *before)
{
    struct budget_window window;

    REQUIRE(b->limit > 0 && b->limit <= INT64_MAX);
    REQUIRE(b->warn_at > 0 && b->warn_at <= OKS_USD);
    REQUIRE(*b->name && strlen(b->name) <= CONFIG_NAME_MAX && !strchr(b->name, '/'));
    REQUIRE(!before || strcmp(before->name, b->name) < 0);
    REQUIRE(!b->of || budget_has_target(b->scope));
    REQUIRE(budget_state_of(b, b->limit, 0) == BUDGET_EXCEEDED);
    REQUIRE(budget_state_of(b, b->limit - 1, 0) != BUDGET_EXCEEDED);
    budget_window_day(NULL, (int64_t)b->limit % 253402300800000, &window);
    REQUIRE(strlen(window.since) == 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    char error[256];
    int rc = config_parse(&config, (const char *)data, size, NULL, error);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc < 0) {
        REQUIRE(memchr(error, 0, sizeof(error)));
        REQUIRE(strncmp(error, "line ", 5) == 0);
        return 0;
    }
    for (size_t i = 0; i < config.n_budgets; i++)
        check_budget(&config.budgets[i], i ? &config.budgets[i - 1] : NULL);
    REQUIRE(!config.zone_name == !config.zone);
    config_clear(&config);
    return 0;
}
