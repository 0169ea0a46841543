/* Names, ids and times of readers of lines: see source_text.h. */
#include "sources/source_text.h"

#include <endian.h>

#include "scan/json_lex.h"
#include "time/calendar.h"
#include "time/stamp_key.h"

void source_name_set(struct source_name *name, struct oks_slice s)
{
    size_t n = s.len < SOURCE_NAME_MAX ? s.len : SOURCE_NAME_MAX;

    if (n)
        memcpy(name->text, s.ptr, n);
    name->text[n] = '\0';
    name->len = (uint8_t)strlen(name->text);
}

void source_name_get(struct memo_reader *r, struct source_name *name)
{
    char text[MEMO_TEXT_MAX + 1];

    memo_get_text(r, text);
    source_name_set(name, oks_slice_of(text));
}

void source_name_put(struct memo_writer *w, const struct source_name *name)
{
    memo_put_text(w, source_name_slice(name));
}

enum { MINUTE_MS = 60000, DAY_MS = 86400000 };

/* Turns the clock to the time's minute. False: it is after the year 9999. */
static bool clock_turn(struct source_clock *clock, uint64_t ms)
{
    uint64_t day = ms / DAY_MS, minutes = ms % DAY_MS / MINUTE_MS;

    if (day > CALENDAR_LAST_DAY)
        return false;
    if (day != clock->day || !clock->key) {
        struct date date = date_of_days((int64_t)day);

        clock->day = day;
        clock->date = ((uint64_t)date.year * 100 + (uint64_t)date.month) * 100 + (uint64_t)date.day;
    }
    clock->minute = ms - ms % MINUTE_MS;
    clock->key = ((clock->date * 100 + minutes / 60) * 100 + minutes % 60) * 100 << STAMP_KEY_SHIFT;
    return true;
}

uint64_t source_time(struct source_clock *clock, uint64_t ms)
{
    uint64_t rest;

    if ((ms - clock->minute >= MINUTE_MS || !clock->key) && !clock_turn(clock, ms))
        return 0;
    rest = ms - clock->minute;
    return clock->key + (rest / 1000 << STAMP_KEY_SHIFT) + rest % 1000;
}

struct oks_slice source_stamp(uint64_t ms, char out[OKS_STAMP_TEXT])
{
    struct source_clock clock = {0};
    uint64_t key = source_time(&clock, ms);

    return key ? oks_stamp_text((struct oks_stamp){.key = key}, out) : (struct oks_slice){0};
}

/* Eight hexadecimal digits at once: each half byte becomes a byte, then its digit. */
static void hex_put(char *out, uint32_t value)
{
    uint64_t w = value;

    w = (w | w << 16) & UINT64_C(0x0000ffff0000ffff);
    w = (w | w << 8) & UINT64_C(0x00ff00ff00ff00ff);
    w = (w | w << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    w += LEX_ONES * '0' + ((w + LEX_ONES * 6) >> 4 & LEX_ONES) * ('a' - '0' - 10);
    w = htobe64(w); /* the first digit is the highest one */
    memcpy(out, &w, sizeof(w));
}

struct oks_slice source_id(const char *name, uint64_t key, char out[SOURCE_ID_MAX])
{
    enum { DIGITS = 8 };
    size_t n = strlen(name);

    memcpy(out, name, n);
    out[n++] = '/';
    hex_put(out + n, (uint32_t)(key >> 32));
    hex_put(out + n + DIGITS, (uint32_t)key);
    return (struct oks_slice){out, n + 2 * DIGITS};
}

/* What nearly all have: ten digits and a fraction of up to seven. In a number only a sign and digits stand in
 * front of the point. */
static bool usual_seconds(struct oks_slice number, uint64_t *ms)
{
    enum { WHOLE = 10, WORD = 8, FRACTION_MAX = 7 };
    const char *s = number.ptr, *fraction;
    size_t digits = number.len - (WHOLE + 1);
    uint64_t w;

    if (digits - 1 >= FRACTION_MAX || s[WHOLE] != '.' || *s == '-')
        return false;
    fraction = s + WHOLE + 1;
    if (lex_count_digits(fraction) != digits)
        return false;
    w = (lex_load(fraction) ^ LEX_ONES * '0') & ~(~UINT64_C(0) << 8 * digits);
    *ms = ((uint64_t)(s[0] - '0') * 10 + (uint64_t)(s[1] - '0')) * UINT64_C(100000000000) +
          lex_short_value(s + WHOLE - WORD, WORD) * 1000 + (w & 15) * 100 + (w >> 8 & 15) * 10 +
          (w >> 16 & 15);
    return true;
}

bool source_seconds(struct oks_slice number, uint64_t *ms)
{
    enum { DIGITS_MAX = 12, FRACTION = 3, WORD = sizeof(uint64_t) };
    uint64_t value = 0;
    size_t i = 0, n = 0;

    if (usual_seconds(number, ms))
        return true;
    if (number.len >= WORD && lex_eight_digits(number.ptr)) {
        value = lex_short_value(number.ptr, WORD);
        i = WORD;
    }
    for (; i < number.len && number.ptr[i] >= '0' && number.ptr[i] <= '9'; i++)
        value = i < DIGITS_MAX ? value * 10 + (uint64_t)(number.ptr[i] - '0') : 0;
    if (i == 0 || i > DIGITS_MAX)
        return false;
    if (i < number.len && number.ptr[i] == '.')
        for (i++; i < number.len && number.ptr[i] >= '0' && number.ptr[i] <= '9'; i++)
            if (n < FRACTION) {
                value = value * 10 + (uint64_t)(number.ptr[i] - '0');
                n++;
            }
    for (; n < FRACTION; n++)
        value *= 10;
    *ms = value;
    return i == number.len;
}
