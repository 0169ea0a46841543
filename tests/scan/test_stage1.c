/*
 * Stage 1 of the scanner: the entries of valid lines, exactly, against a loop that finds them byte by byte;
 * and of each mistake at least one.
 *
 * An entry that is missing makes no wrong total, for the walk then leaves the line to the scalar reader; but
 * it makes the scanner slow, and no other test would tell.
 */
#include <stdlib.h>
#include <string.h>

#include "effort.h"
#include "tap.h"

#include "scan/json_lex.h"
#include "scan/scan_stage1.h"
#include "scan/scanner.h"

enum { ROOM = 64 << 10, ENTRIES = ROOM + OKS_ENTRIES_PER_BATCH };

static char memory[OKS_PAD + ROOM + OKS_PAD];
static char *const text = memory + OKS_PAD;
static uint32_t wanted[ENTRIES], found[ENTRIES];

/* What scan_stage1.h promises for lines without mistakes. */
static size_t plain_index(const char *s, size_t len)
{
    bool string = false, run = false;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                string = false;
            continue;
        }
        if (strchr("{}[]\n\"", s[i])) {
            wanted[n++] = (uint32_t)i;
            string = s[i] == '"';
            run = false;
        } else if (strchr(" :,\t\r", s[i])) {
            run = false;
        } else {
            if (!run)
                wanted[n++] = (uint32_t)i;
            run = true;
        }
    }
    return n;
}

static void check(oks_stage1 *stage1, const char *name, size_t len)
{
    struct oks_index index = {.entries = found, .cap = ENTRIES};
    size_t n = plain_index(text, len);

    stage1(text, 0, len, &index);
    ck_assert_msg(index.n == n, "%s: %zu entries, not %zu, of %zu bytes", name, index.n, n, len);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(found[i] == wanted[i], "%s: entry %zu is at %u, not %u", name, i, found[i], wanted[i]);
}

/* Of what is wrong in [from, to), inside a string, one entry is enough: a reader trips over it. */
static void check_wrong(oks_stage1 *stage1, const char *name, size_t len, size_t from, size_t to)
{
    struct oks_index index = {.entries = found, .cap = ENTRIES};

    stage1(text, 0, len, &index);
    for (size_t i = 0; i < index.n; i++)
        if (found[i] >= from && found[i] < to && !strchr("{}[]\"", text[found[i]]))
            return;
    ck_abort_msg("%s: no entry in %zu ... %zu of %zu bytes", name, from, to, len);
}

/* With to = 0: the text has no mistakes. */
static void check_all(size_t len, size_t from, size_t to)
{
#ifdef __x86_64__
    static const struct {
        enum oks_isa isa;
        oks_stage1 *stage1;
    } ways[] = {{OKS_ISA_SSE2, oks_stage1_sse2},
                {OKS_ISA_AVX2, oks_stage1_avx2},
                {OKS_ISA_AVX512, oks_stage1_avx512}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct oks_scanner *scanner;

        if (oks_scanner_new(&scanner, ways[i].isa) < 0)
            scanner = NULL; /* not on this CPU */
        else if (to)
            check_wrong(ways[i].stage1, oks_isa_name(ways[i].isa), len, from, to);
        else
            check(ways[i].stage1, oks_isa_name(ways[i].isa), len);
        oks_scanner_free(scanner);
    }
#endif
}

static size_t put(size_t at, const char *s)
{
    memcpy(text + at, s, strlen(s));
    return at + strlen(s);
}

static size_t fill(size_t at, size_t n, const char *with)
{
    for (size_t i = 0; i < n; i++)
        text[at + i] = with[i % strlen(with)];
    return at + n;
}

/* Every place of a block and of a batch for the first quote, and strings that end on every place too. */
START_TEST(strings_of_every_length_on_every_place)
{
    for (size_t before = 0; before < 66; before++)
        for (size_t len = 0; len < 200; len += by_effort(7, 1, 1)) {
            size_t at;

            memset(memory, 0, sizeof(memory));
            at = put(0, "{\"k\":\"");
            at = put(fill(at, before, "x"), "\",\"v\":\"");
            at = put(fill(at, len, "y"), "\",\"w\":[1,true,{}], \"z\": -1.5e3}\n");
            check_all(at, 0, 0);
        }
}
END_TEST

START_TEST(long_strings_over_batches)
{
    for (size_t before = 4000; before < 4200; before += by_effort(7, 1, 1)) {
        size_t at;

        memset(memory, 0, sizeof(memory));
        at = put(fill(put(0, "{\"k\":\""), before, "\\\\"), before % 2 ? "\\\",\"v\":\"" : "\",\"v\":\"");
        at = put(fill(at, 9000, "z"), "\",\"n\":12345678}\n");
        at = put(at, "\n\r\n{}\n");
        check_all(at, 0, 0);
    }
}
END_TEST

START_TEST(escapes_and_foreign_letters_are_no_entries)
{
    static const char *const pieces[] = {
        "\\n", "\\\"", "\\u00e9", "\xc3\xa9", "\xe2\x9c\x93", "\xf0\x9f\x9a\x80", "\\\\"};

    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++)
        for (size_t before = 0; before < 140; before++) {
            size_t at;

            memset(memory, 0, sizeof(memory));
            at = put(fill(put(0, "[\""), before, "x"), pieces[p]);
            at = put(put(put(at, pieces[p]), "\" , \""), pieces[p]);
            at = put(fill(at, 140 - before, "x"), "\"]\n[null]\n");
            check_all(at, 0, 0);
        }
}
END_TEST

/*
 * `piece` on every place around every border of a text of several batches, among ASCII and among foreign
 * letters. The borders are those of vectors, blocks and batches.
 */
static void around_borders(const char *piece, bool wrong)
{
    static const size_t borders[] = {16, 32, 64, 4096, 4096 + 64, 8192, 12288};
    static const char *const fillings[] = {"x", "\xc3\xa9", "\xf0\x9f\x9a\x80"};

    for (size_t f = 0; f < sizeof(fillings) / sizeof(fillings[0]); f += by_effort(3, 1, 1))
        for (size_t b = 0; b < sizeof(borders) / sizeof(borders[0]); b++)
            for (size_t place = borders[b] - 8; place < borders[b] + 6; place++) {
                size_t unit = strlen(fillings[f]), at, begin;

                memset(memory, 0, sizeof(memory));
                at = fill(put(0, "[\""), (place - 2) % unit, "y");
                at = begin = fill(at, place - at, fillings[f]);
                at = fill(put(at, piece), 100 * unit, fillings[f]);
                at = put(at, "\"]\n");
                at = put(fill(put(at, "[\""), 9000, "z"), "\"]\n");
                check_all(at, begin - 1, wrong ? begin + strlen(piece) + unit : 0);
            }
}

START_TEST(mistakes_are_entries_around_every_border)
{
    static const char *const wrong[] = {
        "\x01",
        "\t",
        "\x1f", /* control characters */
        "\\x",
        "\\u12g4",
        "\\u123\\", /* escapes */
        "\xc3",
        "\xe2",
        "\xe2\x9c",
        "\xf0",
        "\xf0\x9f",
        "\xf0\x9f\x9a", /* cut off */
        "\x80",
        "\xbf\xbf",
        "\xc3\xa9\x80",
        "\xe2\x9c\x93\x80",
        "\xf0\x9f\x9a\x80\x80", /* too long */
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        around_borders(wrong[i], true);
}
END_TEST

START_TEST(the_last_of_each_kind_is_right_around_every_border)
{
    static const char *const right[] = {
        " ",
        "\x7f",
        "\\\"",
        "\\\\",
        "\\u12f4",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        around_borders(right[i], false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stage1");
    TCase *tcase = tcase_create("entries");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, strings_of_every_length_on_every_place);
    tcase_add_test(tcase, long_strings_over_batches);
    tcase_add_test(tcase, escapes_and_foreign_letters_are_no_entries);
    tcase_add_test(tcase, mistakes_are_entries_around_every_border);
    tcase_add_test(tcase, the_last_of_each_kind_is_right_around_every_border);
    suite_add_tcase(suite, tcase);
    return tap_run(suite);
}
