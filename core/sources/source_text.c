/* Names, ids and times of readers of lines: see source_text.h. */
#include "sources/source_text.h"

#include "base/decimal.h"
#include "time/calendar.h"

void source_name_set(struct source_name *name, struct oks_slice s)
{
    size_t n = s.len < SOURCE_NAME_MAX ? s.len : SOURCE_NAME_MAX;

    if (n)
        memcpy(name->text, s.ptr, n);
    name->text[n] = '\0';
}

struct oks_slice source_name_slice(const struct source_name *name)
{
    return *name->text ? oks_slice_of(name->text) : (struct oks_slice){0};
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

struct oks_slice source_stamp(struct source_clock *clock, uint64_t ms, char out[OKS_STAMP_TEXT])
{
    enum { DATE = 10 };
    const uint64_t day_ms = 86400000;
    uint64_t day = ms / day_ms;
    char *p = out + DATE;

    if (day > CALENDAR_LAST_DAY)
        return (struct oks_slice){0};
    if (day != clock->day || !*clock->date) {
        date_put(clock->date, date_of_days((int64_t)day));
        clock->day = day;
    }
    memcpy(out, clock->date, DATE);
    ms %= day_ms;
    *p++ = 'T';
    p = clock_put(p, (int32_t)(ms / 1000));
    *p++ = ':';
    p = decimal_put(p, ms / 1000 % 60, 2);
    *p++ = '.';
    p = decimal_put(p, ms % 1000, 3);
    *p++ = 'Z';
    return (struct oks_slice){out, (size_t)(p - out)};
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

bool source_seconds(struct oks_slice number, uint64_t *ms)
{
    enum { DIGITS_MAX = 12, FRACTION = 3 };
    uint64_t value = 0;
    size_t i = 0, n = 0;

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
