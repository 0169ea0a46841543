/* Names, ids and times of readers of lines: see source_text.h. */
#include "sources/source_text.h"

#include "scan/json_lex.h"
#include "time/calendar.h"

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

/* Puts the time's minute into the clock. */
static void clock_turn(struct source_clock *clock, uint64_t ms)
{
    enum { DATE = sizeof("2026-06-10") - 1 };

    if (ms / DAY_MS != clock->minute / DAY_MS || !*clock->text)
        date_put(clock->text, date_of_days((int64_t)(ms / DAY_MS)));
    clock->text[DATE] = 'T';
    clock_put(clock->text + DATE + 1, (int32_t)(ms % DAY_MS / 1000));
    clock->minute = ms - ms % MINUTE_MS;
}

struct oks_slice source_stamp(struct source_clock *clock, uint64_t ms, char out[OKS_STAMP_TEXT])
{
    enum { MINUTE = sizeof("2026-06-10T01:00") - 1, END = sizeof("2026-06-10T01:00:00.123Z") - 1 };
    uint32_t rest;

    if (ms - clock->minute >= MINUTE_MS || !*clock->text) {
        if (ms / DAY_MS > CALENDAR_LAST_DAY)
            return (struct oks_slice){0};
        clock_turn(clock, ms);
    }
    rest = (uint32_t)(ms - clock->minute);
    memcpy(out, clock->text, MINUTE);
    out[MINUTE] = ':';
    out[MINUTE + 1] = (char)('0' + rest / 10000);
    out[MINUTE + 2] = (char)('0' + rest / 1000 % 10);
    out[MINUTE + 3] = '.';
    out[MINUTE + 4] = (char)('0' + rest / 100 % 10);
    out[MINUTE + 5] = (char)('0' + rest / 10 % 10);
    out[MINUTE + 6] = (char)('0' + rest % 10);
    out[END - 1] = 'Z';
    return (struct oks_slice){out, END};
}

struct oks_slice source_id(const char *name, uint64_t key, char out[SOURCE_ID_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = strlen(name);

    memcpy(out, name, n);
    out[n++] = '/';
    for (int shift = 60; shift >= 0; shift -= 4)
        out[n++] = digits[key >> shift & 15];
    return (struct oks_slice){out, n};
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
