/*
 * Answers questions about the leaves of the core, one per line of standard input, for diff_leaves.py. Strings
 * come and go as hexadecimal, "-" being the absent one.
 *
 *   w NOW ZONE NAME         the window: since until relative, or "none"
 *   m STAMP                 microseconds and awareness, or "none"
 *   d FIRST LAST            the duration in milliseconds
 *   c A B                   -1, 0, 1 as the stamps compare
 *   t STAMP                 the stamp as text again
 *   f NAME                  the folded name
 *   x NAME                  the escaped name
 *   e STAMP COUNT * 7       appends an event
 *   q SINCE UNTIL           totals of a window: counts, tokens, events, stamped, first, last
 *   y ZONE FIRST END        the local days, by number, on which there were events
 *   r                       forgets all events
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fold.h"
#include "history/events.h"
#include "okstrafs/names.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"

enum { WORDS_MAX = 12 };

static char *words[WORDS_MAX];
static char strings[WORDS_MAX][1 << 16];
static struct oks_events *events;

static unsigned nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* The i-th word as a string; its bytes live as long as the question. */
static struct oks_slice string_at(int i)
{
    size_t len = strlen(words[i]) / 2;

    if (strcmp(words[i], "-") == 0)
        return (struct oks_slice){NULL, 0};
    for (size_t j = 0; j < len; j++)
        strings[i][j] = (char)(nibble(words[i][2 * j]) << 4 | nibble(words[i][2 * j + 1]));
    return (struct oks_slice){strings[i], len};
}

static struct oks_stamp stamp_at(int i)
{
    return oks_stamp_of(string_at(i));
}

static void say(struct oks_slice s)
{
    if (!s.ptr)
        putchar('-');
    for (size_t i = 0; i < s.len; i++)
        printf("%02x", (unsigned char)s.ptr[i]);
}

static void say_stamp(const char *before, struct oks_stamp stamp)
{
    char buf[OKS_STAMP_TEXT];

    fputs(before, stdout);
    say(oks_stamp_text(stamp, buf));
}

/* Zones are read once and kept. */
static const struct oks_zone *zone_at(int i)
{
    static struct {
        char name[64];
        struct oks_zone *zone;
    } known[16];
    struct oks_slice name = string_at(i);

    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
        if (known[k].zone && oks_slice_eq(name, oks_slice_of(known[k].name)))
            return known[k].zone;
        if (known[k].zone)
            continue;
        snprintf(known[k].name, sizeof(known[k].name), "%.*s", (int)name.len, name.ptr);
        if (oks_zone_new(&known[k].zone, known[k].name, OKS_ZONEINFO) < 0)
            abort();
        return known[k].zone;
    }
    abort();
}

static void window(void)
{
    struct oks_window window;

    if (oks_window_parse(string_at(3), zone_at(2), strtoll(words[1], NULL, 10), &window) < 0)
        fputs("none", stdout);
    else
        printf("%s|%s|%d", window.since, window.until, window.relative);
}

static void micros(void)
{
    int64_t micros;
    bool aware;

    if (oks_stamp_micros(stamp_at(1), &micros, &aware) < 0)
        fputs("none", stdout);
    else
        printf("%" PRId64 " %d", micros, aware);
}

static void compare(void)
{
    int order = oks_stamp_cmp(stamp_at(1), stamp_at(2));

    printf("%d", (order > 0) - (order < 0));
}

static void text(void)
{
    say_stamp("", stamp_at(1));
}

static void fold(void)
{
    size_t len;
    char *folded = oks_name_fold(string_at(1), &len);

    if (!folded)
        abort();
    say((struct oks_slice){folded, len});
    free(folded);
}

static void escape(void)
{
    char name[OKS_NAME_MAX + 1];
    size_t len = oks_name_escape(string_at(1), name);

    say((struct oks_slice){name, len});
}

static void duration(void)
{
    printf("%" PRId64, oks_duration_ms(stamp_at(1), stamp_at(2)));
}

static void append(void)
{
    struct oks_event event = {.stamp = stamp_at(1)};

    for (int i = 0; i < OKS_COLUMNS; i++)
        event.count[i] = strtoull(words[2 + i], NULL, 10);
    if (oks_events_append(events, &event) < 0)
        abort();
}

static void query(void)
{
    struct oks_totals totals;

    oks_events_window(events, stamp_at(1), stamp_at(2), &totals);
    for (int i = 0; i < OKS_COLUMNS; i++)
        printf("%" PRIu64 " ", totals.count[i]);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64, oks_totals_tokens(&totals), totals.events, totals.stamped);
    say_stamp(" ", totals.first);
    say_stamp(" ", totals.last);
}

static int say_day(void *ctx, int64_t day)
{
    printf("%" PRId64 " ", day);
    return 0;
}

static void days(void)
{
    oks_events_days(events, zone_at(1), strtoll(words[2], NULL, 10), strtoll(words[3], NULL, 10), say_day,
                    NULL);
}

static void reset(void)
{
    oks_events_free(events);
    if (oks_events_new(&events) < 0)
        abort();
}

static const struct {
    char name;
    int words;
    void (*run)(void);
} questions[] = {
    {'w', 4, window}, {'m', 2, micros}, {'d', 3, duration}, {'c', 3, compare},
    {'t', 2, text},   {'f', 2, fold},   {'x', 2, escape},   {'e', 9, append},
    {'q', 3, query},  {'y', 4, days},   {'r', 1, reset},
};

static int answer(char *line)
{
    int n = 0;

    for (char *word = strtok(line, " \n"); word && n < WORDS_MAX; word = strtok(NULL, " \n"))
        words[n++] = word;
    for (size_t i = 0; n && i < sizeof(questions) / sizeof(questions[0]); i++)
        if (words[0][0] == questions[i].name && n == questions[i].words) {
            questions[i].run();
            putchar('\n');
            return 0;
        }
    return -1;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    int r = 0;

    reset();
    while (r == 0 && getline(&line, &room, stdin) > 0)
        r = answer(line);
    free(line);
    oks_events_free(events);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
