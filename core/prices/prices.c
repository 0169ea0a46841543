/*
 * Reading price tables: LiteLLM's model_prices_and_context_window.json.
 *
 * The table inside is such a file too (prices_table.json), so that there is one reader, and a user can copy
 * an entry and change it. Numbers are never doubles here: the tree keeps the text of a number, and that
 * text is read as picodollars.
 *
 * Four keys are not LiteLLM's: "source", "valid_from", "valid_until", and "earlier", a list of the model's
 * entries of the time before. A program that does not read them sees the newest price.
 *
 * A file is taken as a whole or not at all: a price that is not a number must not turn into another price.
 * What the file says besides prices (there are a hundred other keys) is nobody's business, unless it looks
 * like a misspelt price: then that is a doubt, which doctor shows.
 *
 * Invariants: entries are sorted by name, then by time; the periods of a name do not overlap; a user's
 * entries replace all those inside of that name, if they have any price.
 */
#include "prices/prices_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "files/json_file.h"
#include "prices_table.h"
#include "time/calendar.h"

const char *const price_kind_keys[PRICE_KINDS] = {
    [PRICE_INPUT] = "input_cost_per_token",
    [PRICE_OUTPUT] = "output_cost_per_token",
    [PRICE_WRITE_5M] = "cache_creation_input_token_cost",
    [PRICE_WRITE_1H] = "cache_creation_input_token_cost_above_1hr",
    [PRICE_READ] = "cache_read_input_token_cost",
};

const char *const price_tier_suffixes[] = {
    [OKS_TIER_STANDARD] = "",
    [OKS_TIER_PRIORITY] = "_priority",
    [OKS_TIER_FLEX] = "_flex",
    [OKS_TIER_BATCH] = "_batches",
};

enum {
    TIERS = OKS_TIER_BATCH + 1,
    NAME_MAX_BYTES = 256,
    SOURCE_MAX_BYTES = 512,
    DEPTH_MAX = 32,
    DATE_LENGTH = 10
};

struct reading {
    struct json_file file;
    struct oks_prices *prices;
    bool inside;
};

/* --- keys --- */

struct price_key {
    enum price_kind kind;
    uint32_t threshold_k;
    enum oks_tier tier;
};

/* "_above_<n>k_tokens" off the front; false where it is there and means nothing. */
static bool take_threshold(const char **s, uint32_t *threshold_k)
{
    static const char before[] = "_above_", behind[] = "k_tokens";
    uint32_t value = 0;
    const char *p = *s;

    *threshold_k = 0;
    if (strncmp(p, before, sizeof(before) - 1) != 0)
        return true;
    for (p += sizeof(before) - 1; isdigit((unsigned char)*p) && value < PRICE_THRESHOLD_MAX; p++)
        value = value * 10 + (uint32_t)(*p - '0');
    if (value == 0 || value >= PRICE_THRESHOLD_MAX || strncmp(p, behind, sizeof(behind) - 1) != 0)
        return false;
    *threshold_k = value;
    *s = p + sizeof(behind) - 1;
    return true;
}

static bool take_tier(const char *s, enum oks_tier *tier)
{
    for (int i = 0; i < TIERS; i++)
        if (strcmp(s, price_tier_suffixes[i]) == 0) {
            *tier = (enum oks_tier)i;
            return true;
        }
    return false;
}

/* Whether a key is a price of tokens. The longest name first: one is the beginning of another. */
static bool parse_key(const char *key, struct price_key *out)
{
    static const enum price_kind order[] = {PRICE_WRITE_1H, PRICE_WRITE_5M, PRICE_READ, PRICE_INPUT,
                                            PRICE_OUTPUT};

    for (size_t i = 0; i < PRICE_KINDS; i++) {
        struct price_key found = {.kind = order[i]};
        size_t n = strlen(price_kind_keys[order[i]]);
        const char *rest = key + n;

        if (strncmp(key, price_kind_keys[order[i]], n) == 0 && take_threshold(&rest, &found.threshold_k) &&
            take_tier(rest, &found.tier)) {
            *out = found;
            return true;
        }
    }
    return false;
}

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/*
 * Whether a key that is no price was meant to be one. LiteLLM's other costs are per something that is no
 * token ("input_cost_per_image"), or of a kind of token ("cache_creation_input_audio_token_cost").
 */
static bool looks_like_price(const char *key)
{
    if (!strcasestr(key, "cost") && !strcasestr(key, "price"))
        return false;
    if (strcasestr(key, "_1m") || strcasestr(key, "million") || strcasestr(key, "mtok"))
        return true;
    if (begins(key, "input_cost_per_token") || begins(key, "output_cost_per_token"))
        return strstr(key, "_per_token")[strlen("_per_token")] != '_';
    return !strstr(key, "_per_") && !strstr(key, "_token_cost");
}

__attribute__((format(printf, 2, 3))) static void doubt(struct oks_prices *prices, const char *format, ...)
{
    va_list args;

    if (prices->n_doubts++ > 0)
        return;
    va_start(args, format);
    vsnprintf(prices->doubt, sizeof(prices->doubt), format, args);
    va_end(args);
}

const char *oks_prices_doubt(const struct oks_prices *prices)
{
    return prices->n_doubts ? prices->doubt : NULL;
}

/* --- one entry --- */

static int rate_order(const struct rate *r, const struct price_key *key)
{
    if (r->tier != key->tier)
        return r->tier < key->tier ? -1 : 1;
    return (r->threshold_k < key->threshold_k) - (r->threshold_k > key->threshold_k);
}

/* The rate for the key, made in its place where need be; NULL: there are too many. */
static struct rate *rate_made(struct rate *rates, size_t *n, const struct price_key *key)
{
    size_t at = 0;

    while (at < *n && rate_order(&rates[at], key) < 0)
        at++;
    if (at < *n && rate_order(&rates[at], key) == 0)
        return &rates[at];
    if (*n == PRICE_RATES_MAX)
        return NULL;
    memmove(rates + at + 1, rates + at, (*n - at) * sizeof(*rates));
    (*n)++;
    rates[at] = (struct rate){.threshold_k = key->threshold_k, .tier = key->tier};
    for (int k = 0; k < PRICE_KINDS; k++)
        rates[at].price[k] = PRICE_NONE;
    return &rates[at];
}

/* A number as it stands in the file, or a string that holds one. */
static int read_money(json_object *value, oks_money *out)
{
    char room[24];
    const char *text =
        json_object_is_type(value, json_type_string) ? json_text(value) : json_number(value, room);

    return text ? oks_money_parse(oks_slice_of(text), out) : -EINVAL;
}

static int read_rates(struct reading *r, const char *name, json_object *entry, struct oks_price *out)
{
    struct rate rates[PRICE_RATES_MAX];
    size_t n = 0;

    json_object_object_foreach(entry, key, value)
    {
        struct price_key parsed;
        struct rate *rate;
        oks_money price;

        if (!value)
            continue;
        if (!parse_key(key, &parsed)) {
            if (!r->inside && looks_like_price(key))
                doubt(r->prices, "\"%.60s\" of \"%.60s\" is no price that is known, such as %s", key, name,
                      price_kind_keys[strcasestr(key, "out") ? PRICE_OUTPUT : PRICE_INPUT]);
            continue;
        }
        if (read_money(value, &price) < 0)
            return json_file_error(&r->file, (const char *[]){name, key, NULL},
                                   "\"%.80s\" of \"%.80s\" is no price", key, name);
        rate = rate_made(rates, &n, &parsed);
        if (!rate)
            return json_file_error(&r->file, (const char *[]){name, key, NULL},
                                   "\"%.80s\" has too many prices", name);
        rate->price[parsed.kind] = price;
    }
    out->rates = malloc((n ? n : 1) * sizeof(*rates));
    if (!out->rates)
        return -ENOMEM;
    memcpy(out->rates, rates, n * sizeof(*rates));
    out->n_rates = n;
    return 0;
}

static int read_multiplier(struct reading *r, const char *name, json_object *entry, const char *key,
                           uint32_t *out)
{
    json_object *value = json_member(json_member(entry, "provider_specific_entry"), key);
    oks_money times;

    if (!value)
        return 0;
    if (read_money(value, &times) < 0 || times > PRICE_MULTIPLIER_MAX * OKS_USD ||
        times < OKS_USD / PRICE_MULTIPLIER)
        return json_file_error(&r->file, (const char *[]){name, "provider_specific_entry", key, NULL},
                               "\"%s\" of \"%.80s\" is no multiplier from 0.000001 to %d", key, name,
                               PRICE_MULTIPLIER_MAX);
    *out = (uint32_t)((times + OKS_USD / PRICE_MULTIPLIER / 2) / (OKS_USD / PRICE_MULTIPLIER));
    return 0;
}

static bool is_anthropic(const char *name, json_object *entry)
{
    const char *provider;

    if (strstr(name, "claude"))
        return true;
    provider = json_text(json_member(entry, "litellm_provider"));
    return provider && strcmp(provider, "anthropic") == 0;
}

static uint64_t read_limit(json_object *entry)
{
    int64_t limit = json_int64(json_member(entry, "max_input_tokens"));

    return limit > 0 ? (uint64_t)limit : 0;
}

/* 2026-08-21 as a day; null and absent: not known, *out stays. */
static int read_day(struct reading *r, const char *name, json_object *entry, const char *key, int64_t *out)
{
    json_object *value = json_member(entry, key);
    const char *text = json_text(value);
    struct date date;
    int n = 0;

    if (!value)
        return 0;
    if (!text || sscanf(text, "%4d-%2d-%2d%n", &date.year, &date.month, &date.day, &n) != 3 ||
        n != DATE_LENGTH || strlen(text) != DATE_LENGTH || !date_valid(date))
        return json_file_error(&r->file, (const char *[]){name, key, NULL},
                               "\"%s\" of \"%.80s\" is no date like 2026-08-21", key, name);
    *out = date_to_days(date);
    return 0;
}

static int read_source(json_object *entry, char **out)
{
    const char *source = json_text(json_member(entry, "source"));

    if (!source)
        return 0;
    *out = strndup(source, SOURCE_MAX_BYTES);
    return *out ? 0 : -ENOMEM;
}

static void price_clear(struct oks_price *price)
{
    free(price->name);
    free(price->source);
    free(price->rates);
    *price = (struct oks_price){0};
}

static int read_entry(struct reading *r, const char *name, json_object *entry, struct oks_price *out)
{
    struct oks_price price = {.inside = r->inside, .from_day = PRICE_DAY_FIRST, .until_day = PRICE_DAY_LAST};
    int rc;

    if (!json_object_is_type(entry, json_type_object))
        return json_file_error(&r->file, (const char *[]){name, NULL}, "\"%.80s\" is no object", name);
    price.anthropic = is_anthropic(name, entry);
    price.max_input = read_limit(entry);
    rc = read_rates(r, name, entry, &price);
    if (rc == 0)
        rc = read_multiplier(r, name, entry, "fast", &price.fast);
    if (rc == 0)
        rc = read_multiplier(r, name, entry, "us", &price.us);
    if (rc == 0)
        rc = read_multiplier(r, name, entry, "bedrock_regional", &price.regional);
    if (rc == 0)
        rc = read_day(r, name, entry, "valid_from", &price.from_day);
    if (rc == 0)
        rc = read_day(r, name, entry, "valid_until", &price.until_day);
    if (rc == 0)
        rc = read_source(entry, &price.source);
    if (rc == 0) {
        price.name = strdup(name);
        rc = price.name ? 0 : -ENOMEM;
    }
    if (rc < 0) {
        price_clear(&price);
        return rc;
    }
    *out = price;
    return 0;
}

/* --- the table --- */

static int by_time(const struct oks_price *x, const struct oks_price *y)
{
    return (x->from_day > y->from_day) - (x->from_day < y->from_day);
}

/* Of equal names the user's are first. */
static int by_name(const void *a, const void *b)
{
    const struct oks_price *x = a, *y = b;
    int d = strcmp(x->name, y->name);

    if (d == 0)
        d = x->inside - y->inside;
    return d ? d : by_time(x, y);
}

/* Multipliers are no prices: those that a user's entry does not name stay. */
static void keep_multipliers(struct oks_price *user, const struct oks_price *inside)
{
    user->fast = user->fast ? user->fast : inside->fast;
    user->us = user->us ? user->us : inside->us;
    user->regional = user->regional ? user->regional : inside->regional;
}

/* LiteLLM's list has entries of dated names too, and does not name all multipliers. */
static void keep_multipliers_of_base(struct oks_prices *prices)
{
    for (size_t i = 0; i < prices->n_entries; i++) {
        struct oks_price *price = &prices->entries[i]; /* shorter names come before it */
        const struct oks_price *base = price->inside ? NULL : prices_base(prices, oks_slice_of(price->name));

        if (base)
            keep_multipliers(price, base);
    }
}

/* Of an entry without prices: what else it says counts, and the prices inside stay. */
static void overlay(struct oks_price *inside, const struct oks_price *user)
{
    inside->max_input = user->max_input ? user->max_input : inside->max_input;
    inside->fast = user->fast ? user->fast : inside->fast;
    inside->us = user->us ? user->us : inside->us;
    inside->regional = user->regional ? user->regional : inside->regional;
}

static bool has_price(const struct oks_price *price, enum price_kind kind)
{
    for (size_t i = 0; i < price->n_rates; i++)
        if (price->rates[i].price[kind] != PRICE_NONE)
            return true;
    return false;
}

/* Prices that are lost with the entry that is replaced. */
static void doubt_missing(struct oks_prices *prices, const struct oks_price *user,
                          const struct oks_price *inside)
{
    static const enum price_kind kinds[] = {PRICE_INPUT, PRICE_OUTPUT, PRICE_READ};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (has_price(inside, kinds[i]) && !has_price(user, kinds[i]) &&
            !(kinds[i] == PRICE_READ && user->anthropic))
            doubt(prices, "\"%.80s\" has no %s: it replaces an entry of the table inside, which has one",
                  user->name, price_kind_keys[kinds[i]]);
}

static bool says_nothing(const struct oks_price *price)
{
    return !price->n_rates && !price->max_input && !price->fast && !price->us && !price->regional;
}

/* Of the entries of one name, `users` of the user's file and then those inside: how many stay, in front. */
static size_t settle_name(struct oks_prices *prices, struct oks_price *entries, size_t users, size_t n)
{
    struct oks_price *inside = entries + users;
    bool priced = false;

    for (size_t i = 0; i < users; i++)
        priced |= entries[i].n_rates > 0;
    if (users == 0 || users == n)
        return n;
    if (says_nothing(&entries[users - 1]))
        doubt(prices, "\"%.80s\" has no price of a token, such as %s: the prices inside stay", entries->name,
              price_kind_keys[PRICE_INPUT]);
    for (size_t i = 0; i < users; i++)
        for (size_t k = users; k < n; k++) {
            if (priced)
                keep_multipliers(&entries[i], &entries[k]);
            else
                overlay(&entries[k], &entries[i]);
        }
    if (priced)
        doubt_missing(prices, &entries[users - 1], &entries[n - 1]);
    for (size_t i = 0; i < n; i++)
        if (priced == entries[i].inside)
            price_clear(&entries[i]);
    if (priced)
        return users;
    memmove(entries, inside, (n - users) * sizeof(*entries));
    return n - users;
}

/* Sorts the entries, and drops those inside that a user's entry replaces. */
static void settle(struct oks_prices *prices)
{
    struct oks_price *entries = prices->entries;
    size_t kept = 0, n;

    if (prices->n_entries)
        qsort(entries, prices->n_entries, sizeof(*entries), by_name);
    for (size_t i = 0; i < prices->n_entries; i += n) {
        size_t users = 0, stay;

        for (n = 0; i + n < prices->n_entries && strcmp(entries[i + n].name, entries[i].name) == 0; n++)
            users += !entries[i + n].inside;
        stay = settle_name(prices, entries + i, users, n);
        for (size_t k = 0; k < stay; k++) {
            entries[kept] = entries[i + k];
            entries[kept++].n_earlier = k;
        }
    }
    prices->n_entries = kept;
}

static void raise_to(uint32_t *highest, uint32_t value)
{
    *highest = value > *highest ? value : *highest;
}

/* Of the table inside. */
static void find_dearest(struct oks_prices *prices)
{
    prices->dearest_fast = prices->dearest_region = PRICE_MULTIPLIER;
    for (size_t i = 0; i < prices->n_entries; i++) {
        const struct oks_price *price = &prices->entries[i];

        raise_to(&prices->dearest_fast, price->fast);
        raise_to(&prices->dearest_region, price->us);
        raise_to(&prices->dearest_region, price->regional);
        for (size_t k = 0; k < price->n_rates * PRICE_KINDS; k++) {
            oks_money each = price->rates[k / PRICE_KINDS].price[k % PRICE_KINDS];
            oks_money *dearest = &prices->dearest[k % PRICE_KINDS];

            *dearest = each > *dearest ? each : *dearest;
        }
    }
}

/* LiteLLM's first entry explains the keys; ours says of which day the table is. */
static void read_spec(struct reading *r, json_object *spec)
{
    const char *date = r->inside ? json_text(json_member(spec, "date")) : NULL;

    if (date)
        snprintf(r->prices->date, sizeof(r->prices->date), "%s", date);
}

static int add_entry(struct reading *r, const char *name, json_object *entry)
{
    struct oks_prices *prices = r->prices;
    int rc;

    if (prices->n_entries >= OKS_PRICES_ENTRIES_MAX)
        return json_file_error(&r->file, (const char *[]){name, NULL}, "more than %d models",
                               OKS_PRICES_ENTRIES_MAX);
    if (!OKS_GROW(prices->entries, prices->n_entries, prices->room))
        return -ENOMEM;
    rc = read_entry(r, name, entry, &prices->entries[prices->n_entries]);
    prices->n_entries += rc == 0;
    return rc;
}

/* Whether the periods of entries of one name do not overlap. */
static bool follow_each_other(struct oks_price *entries, size_t n)
{
    if (n > 1)
        qsort(entries, n, sizeof(*entries), by_name);
    for (size_t i = 0; i < n; i++)
        if (entries[i].from_day > entries[i].until_day ||
            (i > 0 && entries[i - 1].until_day >= entries[i].from_day))
            return false;
    return true;
}

/* All periods of a model. */
static int read_model(struct reading *r, const char *name, json_object *entry)
{
    struct oks_prices *prices = r->prices;
    size_t first = prices->n_entries;
    int rc = add_entry(r, name, entry);
    json_object *earlier = NULL;
    size_t n;

    if (rc == 0 && json_object_object_get_ex(entry, "earlier", &earlier) &&
        !json_object_is_type(earlier, json_type_array))
        return json_file_error(&r->file, (const char *[]){name, "earlier", NULL},
                               "\"earlier\" of \"%.80s\" is no list", name);
    n = earlier ? json_object_array_length(earlier) : 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_entry(r, name, json_object_array_get_idx(earlier, i));
    if (rc == 0 && !follow_each_other(prices->entries + first, prices->n_entries - first))
        return json_file_error(&r->file, (const char *[]){name, NULL},
                               "the times of the prices of \"%.80s\" overlap", name);
    return rc;
}

static int read_entries(struct reading *r, json_object *root)
{
    json_object_object_foreach(root, name, entry)
    {
        int rc;

        if (strcmp(name, "sample_spec") == 0) {
            read_spec(r, entry);
            continue;
        }
        if (!*name || strlen(name) > NAME_MAX_BYTES)
            continue; /* nothing can ask for it */
        rc = read_model(r, name, entry);
        if (rc < 0)
            return rc;
        r->prices->n_user += !r->inside;
    }
    return 0;
}

static int read_table(struct oks_prices *prices, const char *text, size_t len, bool inside, char error[256])
{
    struct reading r = {.prices = prices, .inside = inside};
    int rc = json_file_parse(&r.file, text, len, DEPTH_MAX, error);

    if (rc == 0)
        rc = read_entries(&r, r.file.tree.root);
    json_file_clear(&r.file);
    return rc;
}

int oks_prices_new(struct oks_prices **out, const char *user, size_t len, char error[256])
{
    struct oks_prices *prices = calloc(1, sizeof(*prices));
    char unwanted[256];
    int rc;

    if (!prices)
        return -ENOMEM;
    error = error ? error : unwanted;
    *error = '\0';
    rc = read_table(prices, prices_table, sizeof(prices_table), true, error);
    if (rc == 0)
        find_dearest(prices);
    if (rc == 0 && user)
        rc = read_table(prices, user, len, false, error);
    if (rc < 0) {
        oks_prices_free(prices);
        return rc;
    }
    settle(prices);
    keep_multipliers_of_base(prices);
    *out = prices;
    return 0;
}

void oks_prices_free(struct oks_prices *prices)
{
    if (!prices)
        return;
    for (size_t i = 0; i < prices->n_entries; i++)
        price_clear(&prices->entries[i]);
    free(prices->entries);
    free(prices);
}

const struct oks_price *prices_exact(const struct oks_prices *prices, struct oks_slice name)
{
    size_t low = 0, high = prices->n_entries;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (oks_slice_cmp(oks_slice_of(prices->entries[mid].name), name) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && oks_slice_eq(oks_slice_of(prices->entries[low - 1].name), name)
               ? &prices->entries[low - 1]
               : NULL;
}
