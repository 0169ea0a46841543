/*
 * Fuzzes the user's price file. A file that is taken has a document that is taken again and says the same,
 * and no request has a negative cost; a file that is refused says where.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "documents/documents.h"
#include "prices/prices.h"

static void check_costs(const struct oks_prices *prices, const char *model, size_t len)
{
    static const uint64_t counts[] = {0, 1, 200001, INT64_MAX};

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct oks_spend spend = {.input = counts[i],
                                  .output = counts[i],
                                  .cache_5m = 1,
                                  .cache_1h = counts[i],
                                  .cache_read = 7,
                                  .web_searches = i,
                                  .speed = OKS_SPEED_FAST,
                                  .geo = OKS_GEO_US,
                                  .tier = (enum oks_tier)i};
        struct oks_cost cost = {-1, -1};
        int rc = oks_price_cost(oks_prices_find(prices, (struct oks_slice){model, len}), &spend,
                                oks_stamp_of((struct oks_slice){model, len}), &cost);

        REQUIRE(rc == OKS_PRICED || rc == OKS_UNPRICED);
        REQUIRE(cost.known >= 0 && cost.missing >= 0);
        REQUIRE(rc == OKS_UNPRICED || cost.missing == 0);
    }
}

/* pricing.json's "models" is what is between its first "models" and the last brace. */
static void check_document(const struct oks_prices *prices)
{
    static const char key[] = "\n  \"models\": ";
    struct oks_prices *again;
    char *text, *models, error[256], *text_again;
    size_t len, len_again;

    REQUIRE(document_pricing_text(prices, &text, &len) == 0);
    models = strstr(text, key);
    REQUIRE(models);
    models += sizeof(key) - 1;
    REQUIRE(oks_prices_new(&again, models, len - 2 - (size_t)(models - text), error) == 0);
    REQUIRE(document_pricing_text(again, &text_again, &len_again) == 0);
    oks_prices_free(again);
    free(text_again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_prices *prices;
    char error[256];
    oks_money amount;
    const char *text = (const char *)data;
    int rc = oks_money_parse((struct oks_slice){text, size}, &amount);

    REQUIRE(rc == 0 || rc == 1 || rc == -EINVAL || rc == -ERANGE);
    REQUIRE(rc < 0 || amount >= 0);
    rc = oks_prices_new(&prices, text, size, error);
    REQUIRE(rc == 0 || rc == -EINVAL);
    REQUIRE(memchr(error, 0, sizeof(error)));
    if (rc < 0) {
        REQUIRE(strncmp(error, "line ", 5) == 0);
        REQUIRE(oks_prices_new(&prices, NULL, 0, NULL) == 0);
    } else {
        check_document(prices);
    }
    check_costs(prices, text, size);
    check_costs(prices, "m", 1);
    check_costs(prices, "claude-sonnet-4-5", 17);
    oks_prices_free(prices);
    return 0;
}
