/*
 * The Gregorian calendar. Years begin with March here, so that the day that is sometimes there is the last.
 */
#include "report/dates.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum {
    DAYS_4 = 1461,      /* of 4 years */
    DAYS_100 = 36524,   /* of a century whose last year has 365 days */
    DAYS_400 = 146097,  /* of 400 years */
    EPOCH = 719468,     /* 1970-01-01, from 0000-03-01 */
    LAST_DAY = 2932896, /* 9999-12-31 */
    MONTHS_5 = 153,     /* days of five months, from March or August */
};

static void put_digits(char *to, int n, int number)
{
    for (int i = n; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
}

void date_text(int64_t day, char out[DATE_BYTES])
{
    int days = day < 0 || day > LAST_DAY ? EPOCH : (int)day + EPOCH, in_era = days % DAYS_400;
    int year_of_era = (in_era - in_era / (DAYS_4 - 1) + in_era / DAYS_100 - in_era / (DAYS_400 - 1)) / 365;
    int in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted = (5 * in_year + 2) / MONTHS_5, month = shifted < 10 ? shifted + 3 : shifted - 9;

    out[0] = '\0';
    if (day < 0 || day > LAST_DAY)
        return;
    memcpy(out, "0000-00-00", DATE_BYTES);
    put_digits(out, 4, days / DAYS_400 * 400 + year_of_era + (month <= 2));
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, in_year - (MONTHS_5 * shifted + 2) / 5 + 1);
}

static bool take_digits(const char *text, int n, int *number)
{
    *number = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        *number = *number * 10 + (text[i] - '0');
    }
    return true;
}

bool date_read(const char *text, int64_t *day)
{
    int year, month, in_month, in_year, years;
    char again[DATE_BYTES];

    if (!take_digits(text, 4, &year) || text[4] != '-' || !take_digits(text + 5, 2, &month) ||
        text[7] != '-' || !take_digits(text + 8, 2, &in_month))
        return false;
    years = year - (month <= 2);
    in_year = (MONTHS_5 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + in_month - 1;
    *day = (int64_t)years * 365 + years / 4 - years / 100 + years / 400 + in_year - EPOCH;
    date_text(*day, again);
    return memcmp(text, again, DATE_LEN) == 0;
}
