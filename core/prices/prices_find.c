/*
 * The price of a model id. An id says who serves a model, which model it is, and how it is used:
 *
 *     openrouter/anthropic/claude-sonnet-4.5:thinking       us.anthropic.claude-sonnet-4-5-20250929-v1:0
 *
 * Only words that are known to change no price may follow the name of an entry. A word that is not known may
 * name another model ("-mini", "-fast", "-next"). Then the id has no price, rather than a wrong one.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "prices/prices_private.h"

enum { ID_MAX = 256 };

/* Efforts, and how an answer is made; a version that is not final has the price of the final one. */
static const char *const harmless_words[] = {"thinking", "preview", "latest", "default", "none", "minimal",
                                             "low",      "medium",  "high",   "xhigh",   "1m"};

static bool is_text(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static bool starts_with(struct oks_slice s, const char *text)
{
    size_t n = strlen(text);

    return s.len >= n && memcmp(s.ptr, text, n) == 0;
}

/* The number that the whole word is, of at most eight digits; -1: it is none. */
static int number_of(struct oks_slice word)
{
    int value = 0;

    if (word.len == 0 || word.len > 8)
        return -1;
    for (size_t i = 0; i < word.len; i++) {
        if (!isdigit((unsigned char)word.ptr[i]))
            return -1;
        value = value * 10 + (word.ptr[i] - '0');
    }
    return value;
}

static bool is_month_and_day(int number)
{
    return number / 100 >= 1 && number / 100 <= 12 && number % 100 >= 1 && number % 100 <= 31;
}

static bool is_year(int number)
{
    return number >= 2020 && number < 2100;
}

/* The words behind an entry's name, and the separators before them. */
struct words {
    struct oks_slice rest;
    char separator; /* before `word` */
    struct oks_slice word;
};

static bool next_word(struct words *w)
{
    size_t n = 1;

    if (w->rest.len == 0)
        return false;
    while (n < w->rest.len && !strchr("-@:", w->rest.ptr[n]))
        n++;
    w->separator = *w->rest.ptr;
    w->word = (struct oks_slice){w->rest.ptr + 1, n - 1};
    w->rest.ptr += n;
    w->rest.len -= n;
    return true;
}

/* The number that is the next word, behind a dash of the same date. */
static int next_number(struct words *w)
{
    return next_word(w) && w->separator == '-' ? number_of(w->word) : -1;
}

/* -20260610, -2026-06-10, -0610, -260610; behind "preview" also -06-10 and -06-2026. */
static bool is_date(struct words *w, bool of_preview)
{
    int number = number_of(w->word), day;

    switch (w->word.len) {
    case 8:
        return is_year(number / 10000) && is_month_and_day(number % 10000);
    case 6:
        return is_year(2000 + number / 10000) && is_month_and_day(number % 10000);
    case 4:
        if (!is_year(number))
            return is_month_and_day(number);
        number = next_number(w);
        return w->word.len == 2 && (day = next_number(w)) >= 0 && w->word.len == 2 &&
               is_month_and_day(number * 100 + day);
    case 2:
        day = of_preview ? next_number(w) : -1;
        return (w->word.len == 2 && day >= 0 && is_month_and_day(number * 100 + day)) ||
               (is_year(day) && is_month_and_day(number * 100 + 1));
    default:
        return false;
    }
}

/* -001, -v1, :0: a provider's counter */
static bool is_counter(const struct words *w)
{
    if (w->separator == ':')
        return number_of(w->word) >= 0 && w->word.len <= 2;
    if (starts_with(w->word, "v"))
        return w->word.len <= 2 && number_of((struct oks_slice){w->word.ptr + 1, w->word.len - 1}) >= 0;
    return w->word.len == 3 && *w->word.ptr == '0' && number_of(w->word) >= 0;
}

static bool is_harmless_word(struct oks_slice word, bool claude)
{
    for (size_t i = 0; i < sizeof(harmless_words) / sizeof(*harmless_words); i++)
        if (is_text(word, harmless_words[i]))
            return true;
    /* An effort of Claude's models. Others have models of that name. */
    return claude && is_text(word, "max");
}

/* Whether only words that change no price follow the name of an entry. */
static bool is_harmless(struct oks_slice rest, bool claude)
{
    struct words w = {.rest = rest};
    bool of_preview = false;

    while (next_word(&w)) {
        if (is_harmless_word(w.word, claude))
            of_preview = is_text(w.word, "preview");
        else if (!is_counter(&w) && !is_date(&w, of_preview))
            return false;
    }
    return true;
}

/* The longest entry of at most `longest` bytes from which the id goes on without another word. */
static const struct oks_price *find_within(const struct oks_prices *prices, struct oks_slice id,
                                           size_t longest)
{
    bool claude = starts_with(id, "claude");

    for (size_t n = longest; n > 0; n--) {
        const struct oks_price *price;

        if (n < id.len && !strchr("-@:", id.ptr[n]))
            continue;
        price = prices_exact(prices, (struct oks_slice){id.ptr, n});
        if (price && is_harmless((struct oks_slice){id.ptr + n, id.len - n}, claude))
            return price;
    }
    return NULL;
}

static const struct oks_price *find_beginning(const struct oks_prices *prices, struct oks_slice id)
{
    return find_within(prices, id, id.len);
}

const struct oks_price *prices_base(const struct oks_prices *prices, struct oks_slice name)
{
    return find_within(prices, name, name.len - 1);
}

/* "bedrock/us-east-1/": who serves the model. */
static struct oks_slice without_folders(struct oks_slice id)
{
    const char *slash = memrchr(id.ptr, '/', id.len);

    if (slash) {
        id.len -= (size_t)(slash + 1 - id.ptr);
        id.ptr = slash + 1;
    }
    return id;
}

/* "us.anthropic.": a profile of Bedrock, and whether it is one that keeps requests in a region. */
static struct oks_slice without_profile(struct oks_slice id, bool *regional)
{
    static const char vendor[] = "anthropic.";
    static const struct {
        const char *name;
        bool regional;
    } profiles[] = {{"", false},     {"global.", false}, {"us.", true}, {"eu.", true},
                    {"apac.", true}, {"au.", true},      {"jp.", true}};

    *regional = false;
    for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
        size_t n = strlen(profiles[i].name);
        struct oks_slice rest = {id.ptr + n, id.len - n};

        if (!starts_with(id, profiles[i].name) || !starts_with(rest, vendor))
            continue;
        *regional = profiles[i].regional;
        return (struct oks_slice){rest.ptr + sizeof(vendor) - 1, rest.len - (sizeof(vendor) - 1)};
    }
    return id;
}

/* Gateways write claude-sonnet-4.5 for what Anthropic calls claude-sonnet-4-5. */
static void undot_claude(char *id, size_t len)
{
    if (len < 6 || memcmp(id, "claude", 6) != 0)
        return;
    for (size_t i = 0; i < len; i++)
        if (id[i] == '.')
            id[i] = '-';
}

static size_t letters_of(struct oks_slice name)
{
    size_t n = 0;

    while (n < name.len && isalpha((unsigned char)name.ptr[n]))
        n++;
    return n;
}

int oks_prices_context_above(const struct oks_prices *prices, struct oks_slice model, uint64_t occupied,
                             uint64_t *tokens)
{
    uint64_t found = UINT64_MAX;
    bool regional;
    size_t family;

    if (!model.ptr)
        return OKS_UNPRICED;
    model = without_profile(without_folders(model), &regional);
    family = letters_of(model);
    for (size_t i = 0; family && i < prices->n_entries; i++) {
        const struct oks_price *price = &prices->entries[i];
        struct oks_slice name = oks_slice_of(price->name);

        if (letters_of(name) == family && strncasecmp(name.ptr, model.ptr, family) == 0 &&
            price->max_input >= occupied && price->max_input > 0 && price->max_input < found)
            found = price->max_input;
    }
    if (found == UINT64_MAX)
        return OKS_UNPRICED;
    *tokens = found;
    return OKS_PRICED;
}

struct oks_model_price oks_prices_find(const struct oks_prices *prices, struct oks_slice model)
{
    static const char wide_context[] = "[1m]";
    struct oks_model_price found = {.prices = prices};
    struct oks_slice id;
    char buf[ID_MAX];

    if (!model.ptr || model.len == 0 || model.len > sizeof(buf) || memchr(model.ptr, 0, model.len))
        return found;
    found.price = prices_exact(prices, model);
    if (found.price)
        return found;
    for (size_t i = 0; i < model.len; i++)
        buf[i] = (char)tolower((unsigned char)model.ptr[i]);
    id = (struct oks_slice){buf, model.len};
    if (id.len > 4 && memcmp(buf + id.len - 4, wide_context, 4) == 0)
        id.len -= 4;
    found.price = find_beginning(prices, id);
    if (found.price)
        return found;
    id = without_folders(id);
    found.price = find_beginning(prices, id);
    if (found.price)
        return found;
    id = without_profile(id, &found.regional);
    undot_claude(buf + (id.ptr - buf), id.len);
    found.price = find_beginning(prices, id);
    return found;
}
