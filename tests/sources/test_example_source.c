/* That the new source of docs/architecture.md is one: it compiles, and reads its lines. */
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define OKS_SOURCE_EXAMPLE ((enum oks_source)OKS_SOURCES)
/* clang-format off */
#include "example_source.inc"
/* clang-format on */

struct seen {
    unsigned n;
    uint64_t input, output, key;
};

static int see(void *ctx, const struct oks_record *r, bool complete)
{
    struct seen *seen = ctx;

    ck_assert(complete && oks_slice_eq(r->message.model, OKS_SLICE("m")));
    seen->n++;
    seen->input += r->message.usage.input;
    seen->output += r->message.usage.output;
    seen->key ^= r->key;
    return 0;
}

START_TEST(it_reads_its_lines)
{
    static const char text[] =
        "{\"id\":\"a\",\"time\":\"2026-09-06T13:07:00Z\",\"cwd\":\"/w\",\"model\":\"m\",\"in\":5,\"out\":2}\n"
        "{\"id\":\"a\",\"model\":\"m\",\"in\":7,\"out\":\"x\",\"more\":[{\"in\":1}]}\n";
    struct seen seen = {0};
    const struct oks_sink sink = {.ctx = &seen, .record = see};
    struct oks_scan_result result;
    struct oks_scanner *scanner;

    ck_assert_int_eq(oks_scanner_new(&scanner, OKS_ISA_AUTO), 0);
    ck_assert_int_eq(oks_scanner_set_reader(scanner, oks_source_example.reader, "", ""), 0);
    ck_assert_int_eq(oks_scanner_scan_bytes(scanner, text, strlen(text), 0, &sink, &result), 0);
    ck_assert_uint_eq(seen.n, 2);
    ck_assert_uint_eq(seen.input, 12);
    ck_assert_uint_eq(seen.output, 2);
    ck_assert_uint_eq(seen.key, 0); /* both have the same */
    ck_assert_uint_eq(result.odd, 1);
    oks_scanner_free(scanner);
    ck_assert(oks_source_example.wants("s.jsonl") && !oks_source_example.wants("s.json"));
    ck_assert(oks_slice_eq(oks_source_example.id_of("s.jsonl"), OKS_SLICE("s")));
}
END_TEST

static char *content_of(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

START_TEST(it_is_in_the_documentation)
{
    char *page = content_of(SOURCE_ROOT "/docs/architecture.md"),
         *example = content_of(SOURCE_ROOT "/tests/sources/example_source.inc");
    unsigned lines = 0;

    ck_assert_msg(strstr(page, example) != NULL,
                  "docs/architecture.md has another tests/sources/example_source.inc");
    for (const char *p = example; *p; p++)
        lines += *p == '\n';
    ck_assert_uint_le(lines, 55);
    free(page);
    free(example);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("example_source");

    TEST(s, it_reads_its_lines);
    TEST(s, it_is_in_the_documentation);
    return tap_run(s);
}
