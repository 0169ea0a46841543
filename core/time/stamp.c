/*
 * Stamps: strings that compare as strings but mostly travel as one number.
 *
 * A canonical string is exactly DDDD-DD-DDTDD:DD:DD.DDDZ or DDDD-DD-DDTDD:DD:DDZ, D being any ASCII digit.
 * Its key is the fourteen digits before the fraction as a number, times 1024, plus the milliseconds, or plus
 * 1000 where there is no fraction. That is a bijection, so equal keys are equal strings; and it keeps the
 * byte order: the fixed characters stand at the same places, digits sort as their values, and where the
 * fraction begins '.' sorts before 'Z', as 999 does before 1000.
 *
 * No calendar check is made here: "2026-99-99T99:99:99Z" sorts like any other string. What a stamp means in
 * time is asked only for durations (stamp_iso.c).
 */
#include "okstrafs/stamp.h"

#include <string.h>

#include "time/stamp_key.h"

enum {
    LEN_SECONDS = 20, /* 2026-06-10T01:00:00Z */
    LEN_MILLIS = 24,  /* 2026-06-10T01:00:00.123Z */
};

static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ";

/* Eight bytes at a time, in whatever order the machine has them. */
static uint64_t word(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof(w));
    return w;
}

static const uint64_t each = UINT64_MAX / 255; /* a 1 in each byte */

/* Eight bytes of text, with a digit wherever the shape has a '0', and else what the shape has. */
static bool fits(uint64_t text, uint64_t shape, uint64_t digits)
{
    uint64_t values = (text ^ shape) & digits;

    /* What is above 9 gets or has a high bit; a carry comes only from a byte that has one. */
    return (((values + each * 0x76) | values) & each * 0x80) == 0 && ((text ^ shape) & ~digits) == 0;
}

static uint64_t two(const char *p)
{
    return (uint64_t)(p[0] - '0') * 10 + (uint64_t)(p[1] - '0');
}

static bool canonical(struct oks_slice text, uint64_t *key)
{
    const char *p = text.ptr;
    uint64_t date, time, millis = STAMP_NO_FRACTION;

    if ((text.len != LEN_SECONDS && text.len != LEN_MILLIS) ||
        !fits(word(p), word("0000-00-"), word("\xff\xff\xff\xff\0\xff\xff")) ||
        !fits(word(p + 8), word("00T00:00"), word("\xff\xff\0\xff\xff\0\xff\xff")))
        return false;
    if (text.len == LEN_MILLIS) {
        if (!fits(word(p + 16), word(":00.000Z"), word("\0\xff\xff\0\xff\xff\xff")))
            return false;
        millis = two(p + 20) * 10 + (uint64_t)(p[22] - '0');
    } else if (!fits(word(p + 12), word("0:00:00Z"), word("\xff\0\xff\xff\0\xff\xff"))) {
        return false;
    }
    date = (two(p) * 100 + two(p + 2)) * 10000 + two(p + 5) * 100 + two(p + 8);
    time = two(p + 11) * 10000 + two(p + 14) * 100 + two(p + 17);
    *key = (date * 1000000 + time) << STAMP_KEY_SHIFT | millis;
    return true;
}

struct oks_stamp oks_stamp_of(struct oks_slice text)
{
    uint64_t key;

    if (!text.ptr || text.len == 0)
        return OKS_STAMP_NONE;
    if (canonical(text, &key))
        return (struct oks_stamp){key, NULL, 0};
    return (struct oks_stamp){OKS_STAMP_KEY_TEXT, text.ptr, text.len > UINT32_MAX ? UINT32_MAX : text.len};
}

int oks_stamp_cmp(struct oks_stamp a, struct oks_stamp b)
{
    char abuf[OKS_STAMP_TEXT], bbuf[OKS_STAMP_TEXT];

    if (a.key != OKS_STAMP_KEY_TEXT && b.key != OKS_STAMP_KEY_TEXT)
        return (a.key > b.key) - (a.key < b.key);
    return oks_slice_cmp(oks_stamp_text(a, abuf), oks_stamp_text(b, bbuf));
}

bool oks_stamp_within(struct oks_stamp stamp, struct oks_stamp since, struct oks_stamp until)
{
    /* Nearly always; no bound is the greatest of keys. */
    if (stamp.key < OKS_STAMP_KEY_TEXT && since.key != OKS_STAMP_KEY_TEXT && until.key != OKS_STAMP_KEY_TEXT)
        return (oks_stamp_is_none(since) || stamp.key >= since.key) && stamp.key <= until.key;
    if (oks_stamp_is_none(stamp))
        return true;
    return (oks_stamp_is_none(since) || oks_stamp_cmp(stamp, since) >= 0) &&
           (oks_stamp_is_none(until) || oks_stamp_cmp(stamp, until) <= 0);
}

/* Writes the digits of `number`, last first, into the places of the pattern before `end`. */
static void spell(char *buf, size_t from, size_t end, uint64_t number)
{
    for (size_t i = end; i-- > from;) {
        if (pattern[i] == 'd') {
            buf[i] = (char)('0' + number % 10);
            number /= 10;
        } else {
            buf[i] = pattern[i];
        }
    }
}

struct oks_slice oks_stamp_text(struct oks_stamp s, char buf[OKS_STAMP_TEXT])
{
    uint64_t millis = s.key & ((1u << STAMP_KEY_SHIFT) - 1);
    size_t len = millis == STAMP_NO_FRACTION ? LEN_SECONDS : LEN_MILLIS;

    if (oks_stamp_is_none(s))
        return (struct oks_slice){NULL, 0};
    if (s.key == OKS_STAMP_KEY_TEXT)
        return (struct oks_slice){s.text, s.len};
    spell(buf, 0, LEN_SECONDS - 1, s.key >> STAMP_KEY_SHIFT);
    if (len == LEN_MILLIS)
        spell(buf, LEN_SECONDS - 1, LEN_MILLIS, millis);
    buf[len - 1] = 'Z';
    buf[len] = '\0';
    return (struct oks_slice){buf, len};
}
