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

enum {
    LEN_SECONDS = 20, /* 2026-06-10T01:00:00Z */
    LEN_MILLIS = 24,  /* 2026-06-10T01:00:00.123Z */
    KEY_SHIFT = 10,
    NO_FRACTION = 1000,
};

static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ";

/* Matches `n` bytes against the pattern from `from` on and adds their digits to *number. */
static bool match(const char *p, size_t from, size_t n, uint64_t *number)
{
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned char)p[i] - '0';

        if (pattern[from + i] != 'd') {
            if (p[i] != pattern[from + i])
                return false;
        } else if (digit > 9) {
            return false;
        } else {
            *number = *number * 10 + digit;
        }
    }
    return true;
}

static bool canonical(struct oks_slice text, uint64_t *key)
{
    uint64_t number = 0, millis = 0;

    if (text.len != LEN_SECONDS && text.len != LEN_MILLIS)
        return false;
    if (!match(text.ptr, 0, LEN_SECONDS - 1, &number))
        return false;
    if (text.len == LEN_MILLIS) {
        if (!match(text.ptr + LEN_SECONDS - 1, LEN_SECONDS - 1, 5, &millis))
            return false;
    } else {
        if (text.ptr[LEN_SECONDS - 1] != 'Z')
            return false;
        millis = NO_FRACTION;
    }
    *key = number << KEY_SHIFT | millis;
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
    uint64_t millis = s.key & ((1u << KEY_SHIFT) - 1);
    size_t len = millis == NO_FRACTION ? LEN_SECONDS : LEN_MILLIS;

    if (oks_stamp_is_none(s))
        return (struct oks_slice){NULL, 0};
    if (s.key == OKS_STAMP_KEY_TEXT)
        return (struct oks_slice){s.text, s.len};
    spell(buf, 0, LEN_SECONDS - 1, s.key >> KEY_SHIFT);
    if (len == LEN_MILLIS)
        spell(buf, LEN_SECONDS - 1, LEN_MILLIS, millis);
    buf[len - 1] = 'Z';
    buf[len] = '\0';
    return (struct oks_slice){buf, len};
}
