/*
 * Numbers as values: so that tables and pages show rows in one way, whether they were read from a document or
 * come from the engine. All of a row is in one block of memory.
 */
#include "report/row_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 24, NUMBERS_MAX = 16, NUMBER_BYTES = OKS_COST_BYTES };

struct block {
    struct value values[VALUES_MAX];
    char numbers[NUMBERS_MAX][NUMBER_BYTES];
    size_t n, n_numbers;
    char text[];
};

static struct value *add(struct block *b, const char *key, enum value_type type, const char *text)
{
    struct value *value = &b->values[b->n++];

    *value = (struct value){.key = key, .text = text, .size = 1, .type = type};
    return value;
}

static void end(const struct block *b, struct value *container)
{
    container->size = (uint32_t)(&b->values[b->n] - container);
}

static void add_count(struct block *b, const char *key, uint64_t count)
{
    char *to = b->numbers[b->n_numbers++] + NUMBER_BYTES - 1;

    *to = '\0';
    do
        *--to = (char)('0' + count % 10);
    while (count /= 10);
    add(b, key, VALUE_NUMBER, to);
}

static void add_cost(struct block *b, const char *key, const char *cost)
{
    if (*cost)
        add(b, key, VALUE_NUMBER, strcpy(b->numbers[b->n_numbers++], cost));
    else
        add(b, key, VALUE_NULL, NULL);
}

static void add_bill(struct block *b, const struct oks_bill *bill)
{
    struct value *billed = add(b, "billed", VALUE_OBJECT, NULL);

    add_count(b, "requests", bill->requests);
    add_count(b, "totalTokens", bill->total_tokens);
    add_count(b, "inputTokens", bill->input_tokens);
    add_count(b, "outputTokens", bill->output_tokens);
    add_count(b, "cacheCreationTokens", bill->cache_creation_tokens);
    add_count(b, "cacheReadTokens", bill->cache_read_tokens);
    add_cost(b, "costUSD", bill->cost);
    add(b, "lowerBound", bill->lower_bound ? VALUE_TRUE : VALUE_FALSE, NULL);
    end(b, billed);
}

static void add_rate(struct block *b, const struct oks_row *row)
{
    struct value *object = add(b, "burnRate", VALUE_OBJECT, NULL);

    add_count(b, "tokensPerMinute", row->tokens_per_minute);
    add_cost(b, "costUSDPerHour", row->cost_per_hour);
    end(b, object);
    object = add(b, "projection", VALUE_OBJECT, NULL);
    add_count(b, "totalTokens", row->tokens_at_end);
    add_cost(b, "costUSD", row->cost_at_end);
    add_count(b, "remainingMinutes", row->minutes_left);
    end(b, object);
}

int row_values(struct values *out, const struct oks_row *row)
{
    size_t key_bytes = row->key ? strlen(row->key) + 1 : 0;
    struct block *b = malloc(sizeof(*b) + key_bytes + sizeof(row->end));
    struct value *root;

    if (!b)
        return -ENOMEM;
    b->n = b->n_numbers = 0;
    root = add(b, NULL, VALUE_OBJECT, NULL);
    if (row->key)
        add(b, "key", VALUE_STRING, memcpy(b->text, row->key, key_bytes));
    if (*row->end) {
        add(b, "endTime", VALUE_STRING, strcpy(b->text + key_bytes, row->end));
        add(b, "isActive", row->running ? VALUE_TRUE : VALUE_FALSE, NULL);
    }
    if (row->has_rate)
        add_rate(b, row);
    if (row->of_tool) {
        add_count(b, "calls", row->calls);
        add_count(b, "sessions", row->sessions);
    } else {
        add_bill(b, &row->bill);
    }
    end(b, root);
    *out = (struct values){.root = b->values};
    return 0;
}
