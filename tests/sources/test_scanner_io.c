/*
 * How bytes come to the scanner: reads and their borders, tails, lines beyond any bound, stops, teams; and
 * that all instruction sets agree on lines that were damaged at random.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "effort.h"
#include "scan_text.h"

static const struct oks_sink nothing = {.ctx = NULL, .record = NULL, .team = NULL};

static int file_of(const char *bytes, size_t len)
{
    int fd = memfd_create("scan", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    while (len) {
        ssize_t n = write(fd, bytes, len);

        ck_assert_int_gt(n, 0);
        bytes += n;
        len -= (size_t)n;
    }
    return fd;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct tally {
    uint64_t records, bytes, next, tails, teams, team_offset, output;
    uint64_t stop_record, stop_team; /* at which one; 0: never */
    char name[64];
};

static int tally_record(void *ctx, const struct oks_record *r, bool complete)
{
    struct tally *t = ctx;

    ck_assert_uint_ge(r->offset, t->next);
    t->next = r->offset + r->length;
    t->records++;
    t->tails += !complete;
    t->bytes += r->length;
    t->output += r->message.usage.output;
    return t->records == t->stop_record ? 7 : 0;
}

static int tally_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    struct tally *t = ctx;

    t->teams++;
    t->team_offset = offset;
    snprintf(t->name, sizeof(t->name), "%.*s", (int)name.len, name.ptr);
    return t->teams == t->stop_team ? 8 : 0;
}

START_TEST(carries_lines_over_reads)
{
    size_t size = 3 << 20, len = 0;
    char *bytes = malloc(size);
    uint64_t state = 1, n = 0, payload = 0;

    /* Lines of all lengths, some longer than a read: every border falls somewhere else in a line. */
    while (len < size - (700 << 10)) {
        size_t pad =
            next_random(&state) % 50 ? next_random(&state) % 3000 : next_random(&state) % (600 << 10);
        size_t from = len;

        len += (size_t)sprintf(bytes + len, "{\"message\":{\"usage\":{\"output_tokens\":3}},\"p\":\"");
        memset(bytes + len, 'p', pad);
        len += pad;
        len += (size_t)sprintf(bytes + len, "\"}");
        payload += len - from;
        bytes[len++] = '\n';
        n++;
    }
    EACH_ISA(s)
    {
        struct tally t = {0};
        struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
        struct oks_scan_result r;
        int fd = file_of(bytes, len);

        ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
        ck_assert_uint_eq(t.records, n);
        ck_assert_uint_eq(t.bytes, payload);
        ck_assert_uint_eq(t.output, 3 * n);
        ck_assert(r.lines == n && r.bad == 0 && r.cursor == len && r.end == len && r.bytes_read == len);
        close(fd);
    }
    free(bytes);
}
END_TEST

START_TEST(says_whether_the_first_line_is_an_object)
{
    static const struct {
        const char *text;
        bool sound;
    } cases[] = {{"{}\nx\n", true},  {" {\"a\":1} \n", true}, {"{\"a\":1}", true},
                 {"x\n{}\n", false}, {"\n{}\n", false},       {"[1]\n{}\n", false},
                 {"1}", false},      {"}\n{}\n{}\n", false},  {" \n{}\n", false},
                 {"", false}};

    EACH_ISA(s)
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tally t = {0};
        struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
        struct oks_scan_result r;

        ck_assert_int_eq(oks_scanner_scan_bytes(s, cases[i].text, strlen(cases[i].text), 1000, &sink, &r), 0);
        ck_assert_msg(r.sound_start == cases[i].sound, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(leaves_an_unfinished_line_for_later)
{
    static const char head[] = "{\"uuid\":\"1\"}\n",
                      tail[] = "{\"uuid\":\"22\",\"message\":{\"usage\":{\"input_tokens\":-1}}}";
    char text[256];

    EACH_ISA(s)
    {
        for (size_t cut = 0; cut <= strlen(tail); cut++) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_result r;
            int n = sprintf(text, "%s%.*s", head, (int)cut, tail);
            int fd = file_of(text, (size_t)n);
            bool whole = cut == strlen(tail);

            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
            ck_assert(t.records == (whole ? 2 : 1) && t.tails == whole);
            ck_assert(r.cursor == strlen(head) && r.end == (uint64_t)n && r.lines == 1 && r.bad == 0 &&
                      r.odd == 0);
            ck_assert_int_eq(pwrite(fd, "\n", 1, n), 1);
            t.next = r.cursor;
            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, r.cursor, &sink, NULL, &r), 0);
            ck_assert(r.cursor == (uint64_t)n + 1 && r.lines == (cut > 0) && r.odd == whole);
            ck_assert(r.bytes_read == cut + 1 && t.records == (whole ? 3 : 1));
            close(fd);
        }
    }
}
END_TEST

START_TEST(scans_large_memory_as_it_does_files)
{
    size_t size = 3 << 20, len = 0;
    char *bytes = malloc(size);
    uint64_t state = 7, lines = 0;

    while (len < size - (500 << 10)) {
        size_t pad =
            next_random(&state) % 60 ? next_random(&state) % 2000 : next_random(&state) % (400 << 10);

        len += (size_t)sprintf(bytes + len, "{\"teamName\":\"t\",\"p\":\"%*s\"}%s\n", (int)pad, "",
                               pad % 7 ? "" : "x");
        lines++;
    }
    /* Cut at many places: all of the last lines lie near the end of the memory, which nothing may be read
     * behind. */
    for (unsigned cut = 0; cut < 40; cut += by_effort(5, 1, 1)) {
        size_t n = len - (cut < 20 ? cut : next_random(&state) % (len / 4));
        char *exact = malloc(n);

        memcpy(exact, bytes, n);
        EACH_ISA(s)
        {
            struct tally a = {0}, b = {0};
            struct oks_sink sink_a = {.ctx = &a, .record = tally_record, .team = tally_team},
                            sink_b = {.ctx = &b, .record = tally_record, .team = tally_team};
            struct oks_scan_result ra, rb;
            int fd = file_of(exact, n);

            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink_a, NULL, &ra), 0);
            ck_assert_int_eq(oks_scanner_scan_bytes(s, exact, n, 0, &sink_b, &rb), 0);
            ck_assert(a.records == b.records && a.teams == b.teams && a.bytes == b.bytes &&
                      a.tails == b.tails);
            ck_assert(a.teams >= a.records && a.records > 0 && a.teams <= lines);
            ck_assert(ra.cursor == rb.cursor && ra.end == n && rb.end == n && ra.lines == rb.lines);
            ck_assert(ra.bad == rb.bad && ra.bytes_read == n && rb.bytes_read == n);
            close(fd);
        }
        free(exact);
    }
    free(bytes);
}
END_TEST

START_TEST(passes_over_lines_beyond_the_bound)
{
    /* Around the bound, around one read, and over several. */
    static const size_t lengths[] = {999,    1000, 1001, 5000, (256 << 10) - 1, 256 << 10, (256 << 10) + 1,
                                     1 << 20};
    char *bytes = malloc(2 << 20);

    EACH_ISA(s)
    {
        oks_scanner_set_line_max(s, 1000);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_result r;
            size_t n = (size_t)sprintf(bytes, "{}\n{\"a\":\"%*s\"}", (int)lengths[i] - 8, "");
            int fd = file_of(bytes, n);
            bool fits = lengths[i] <= 1000;

            /* Unfinished: the cursor waits in front of it. */
            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
            ck_assert(r.cursor == 3 && r.end == n && r.lines == 1 && r.bad == 0 && t.tails == fits);
            t = (struct tally){0};
            ck_assert_int_eq(pwrite(fd, "\n{}\n{}", 6, (off_t)n), 6);
            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
            ck_assert(r.cursor == n + 4 && r.end == n + 6 && r.lines == 3 && r.bad == !fits);
            ck_assert(t.records == (fits ? 4 : 3) && t.tails == 1);
            close(fd);
        }
    }
    free(bytes);
}
END_TEST

static void put_at(int fd, const char *text, uint64_t offset)
{
    ck_assert_int_eq(pwrite(fd, text, strlen(text), (off_t)offset), (ssize_t)strlen(text));
}

/* A hole of gigabytes is not read, and its line is bad, wherever it begins and ends. */
START_TEST(passes_holes_over)
{
    static const uint64_t sizes[] = {UINT64_C(1) << 20, (UINT64_C(1) << 20) + 77, UINT64_C(5) << 30};
    static const char first[] = "{}\n{\"teamName\":\"before\",", last[] = "\"teamName\":\"behind\"}\n{}\n{}";

    EACH_ISA(s)
    {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint64_t end = sizes[i] + sizeof(last) - 1;
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_part on = {.offset = 3};
            struct oks_scan_result r;
            int fd = file_of(first, sizeof(first) - 1);

            ck_assert_int_eq(ftruncate(fd, (off_t)sizes[i]), 0);
            if (lseek(fd, 0, SEEK_HOLE) == (off_t)sizes[i]) {
                close(fd); /* this filesystem has no holes */
                return;
            }
            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
            ck_assert(r.cursor == 3 && r.end == sizes[i] && r.passed == sizes[i] && r.lines == 1);
            ck_assert(r.bytes_read < (2 << 20) && t.records == 1 && t.teams == 1 && !r.more);

            /* From where it ended only what is new is read. */
            put_at(fd, last, sizes[i]);
            on.passed = r.passed;
            ck_assert_int_eq(oks_scanner_scan_part(s, fd, &on, &sink, NULL, &r), 0);
            ck_assert(r.cursor == end - 2 && r.end == end && r.passed == 0 &&
                      r.bytes_read == sizeof(last) - 1);
            ck_assert(r.lines == 2 && r.bad == 1 && !r.sound_start && t.records == 3 && t.tails == 1);
            ck_assert(t.teams == 2 && t.team_offset == 3);
            ck_assert_str_eq(t.name, "behind");

            /* All of it at once says the same. */
            t = (struct tally){0};
            ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, NULL, &r), 0);
            ck_assert(r.cursor == end - 2 && r.lines == 3 && r.bad == 1 && r.bytes_read < (2 << 20));
            ck_assert(t.records == 3 && t.teams == 2 && t.tails == 1);
            close(fd);
        }
    }
}
END_TEST

/* What parts say together is what one scan says. */
START_TEST(scans_in_parts)
{
    enum { LINES = 40000, LONG = 700 << 10 };
    char *bytes = malloc(LINES * 64 + LONG + 16), *o = bytes;
    size_t n;

    for (int i = 0; i < LINES; i++) {
        o += sprintf(o, "{\"n\":%d,\"message\":{\"usage\":{\"output_tokens\":1}}}\n", i);
        if (i == LINES / 2) {
            memset(o, 'x', LONG);
            o += LONG;
            *o++ = '\n';
        }
    }
    o = stpcpy(o, "{}");
    n = (size_t)(o - bytes);
    EACH_ISA(s)
    {
        for (uint64_t limit = 1; limit < n; limit = limit * 3 + (256 << 10)) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_part part = {.limit = limit};
            struct oks_scan_result r;
            uint64_t lines = 0, bad = 0, parts = 0;
            int fd = file_of(bytes, n);

            oks_scanner_set_line_max(s, 4096);
            do {
                ck_assert_int_eq(oks_scanner_scan_part(s, fd, &part, &sink, NULL, &r), 0);
                ck_assert(r.cursor > part.offset || r.passed > part.passed || !r.more);
                ck_assert(r.bytes_read < limit + (4 << 20));
                part.offset = r.cursor;
                part.passed = r.passed;
                lines += r.lines;
                bad += r.bad;
                parts++;
            } while (r.more);
            ck_assert(r.cursor == n - 2 && r.end == n && lines == LINES + 1 && bad == 1 && t.tails == 1);
            ck_assert(t.records == LINES + 1 && t.output == LINES && parts > 1);
            close(fd);
        }
    }
    free(bytes);
}
END_TEST

START_TEST(holds_lines_with_more_entries_than_the_index)
{
    size_t n = 400 << 10, len;
    char *bytes = malloc(3 * n + 96), *o;

    o = stpcpy(bytes, "{}\n{\"a\":[0");
    for (size_t i = 0; i < n; i++)
        o = stpcpy(o, i % 2 ? ",{}" : ",[]");
    o = stpcpy(o, "],\"message\":{\"usage\":{\"output_tokens\":5}}}\n{}\n");
    len = (size_t)(o - bytes);
    EACH_ISA(s)
    {
        struct tally t = {0};
        struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
        struct oks_scan_result r;

        ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, len, 0, &sink, &r), 0);
        ck_assert(r.lines == 3 && r.bad == 0 && t.records == 3 && t.output == 5 && r.cursor == len);
    }
    free(bytes);
}
END_TEST

START_TEST(finds_teams_in_any_line)
{
    static const char bytes[] =
        "{\"teamName\":\"One\"}\n"
        "not json \"TEAMNAME\":\"two\" at all, \"teamname\":\"t\\u0068ree\" neither\n"
        "\n\xff\"teamName\":\"\"\n"
        "{\"teamName\": \"space\",\"teamName\" :\"x\",\"xteamName\":\"y\",\"teamNam\xc5\xbf\":\"z\"}\n"
        "{\"a\":\"\\\"teamName\\\":\\\"escaped\\\"\"}\n"
        "\"teamName\":\"cut by the line\n"
        "\"teamname\":\"teamname\":\"twice\"\n"
        "{\"teamName\":\"tail\",";
    static const char want[] = "team 0 name=<One>\n0+18 type=0\n"
                               "team 19 name=<two>\nteam 19 name=<t\\u0068ree>\n"
                               "team 86 name=<>\n"
                               "101+69 type=0\n"
                               "171+32 type=0\n"
                               "team 232 name=<teamname>\nteam 232 name=<twice>\n"
                               "team 262 name=<tail>\n";
    struct oks_scan_result r;

    EACH_ISA(s)
    {
        char *text = text_of(s, bytes, sizeof(bytes) - 1, &r);

        ck_assert_str_eq(text, want);
        free(text);
    }
}
END_TEST

START_TEST(finds_teams_at_every_place)
{
    char line[512];

    EACH_ISA(s)
    {
        for (int pad = 0; pad < 200; pad++) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_result r;
            int n = sprintf(line, "%*s\"teamName\":\"n%d\"\n", pad, "", pad);

            ck_assert_int_eq(oks_scanner_scan_bytes(s, line, (size_t)n, 0, &sink, &r), 0);
            ck_assert_uint_eq(t.teams, 1);
            ck_assert_int_eq(atoi(t.name + 1), pad);

            /* In a valid line, where it can end a key that goes on before it. */
            t = (struct tally){0};
            n = sprintf(line, "{\"a\":{\"%*s\\\"teamName\":\"n%d\"}}\n", pad, "", pad);
            ck_assert_int_eq(oks_scanner_scan_bytes(s, line, (size_t)n, 0, &sink, &r), 0);
            ck_assert(t.records == 1 && t.teams == 1 && atoi(t.name + 1) == pad);
        }
    }
}
END_TEST

START_TEST(bounds_team_names)
{
    char *line = malloc(OKS_TEAM_NAME_MAX + 64);

    EACH_ISA(s)
    {
        for (int len = OKS_TEAM_NAME_MAX - 1; len <= OKS_TEAM_NAME_MAX + 1; len++) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_result r;
            int n = sprintf(line, "\"teamName\":\"%*s\"", len, "");

            ck_assert_int_eq(oks_scanner_scan_bytes(s, line, (size_t)n, 0, &sink, &r), 0);
            ck_assert_uint_eq(t.teams, len <= OKS_TEAM_NAME_MAX);
        }
    }
    free(line);
}
END_TEST

START_TEST(finds_teams_in_lines_beyond_the_bound)
{
    size_t read = 256 << 10, size = 3 * read;
    char *bytes = malloc(size);

    EACH_ISA(s)
    {
        oks_scanner_set_line_max(s, 4096);
        /* The key, its name and the quote behind it lie over the end of the second read in all ways. */
        for (int shift = -40; shift < 4; shift++) {
            struct tally t = {0};
            struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};
            struct oks_scan_result r;

            memset(bytes, 'x', size);
            memcpy(bytes, "{}\n", 3);
            memcpy(bytes + 10, "\"teamName\":\"early\"", 18);
            memcpy(bytes + 2 * (ptrdiff_t)read + shift, "\"teamName\":\"a-team-on-the-border\"", 33);
            bytes[size - 1] = '\n';
            ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, size, 0, &sink, &r), 0);
            ck_assert_uint_eq(t.teams, 2);
            ck_assert_str_eq(t.name, "a-team-on-the-border");
            ck_assert_uint_eq(t.team_offset, 3);
            ck_assert(r.lines == 2 && r.bad == 1 && r.cursor == size);
        }
    }
    free(bytes);
}
END_TEST

START_TEST(stops_where_a_callback_says)
{
    static const char bytes[] = "{}\n{\"teamName\":\"a\"}\n{\"teamName\":\"b\"}\n{}\n{}";

    EACH_ISA(s)
    {
        struct oks_scan_result r;
        struct tally t = {.stop_record = 2};
        struct oks_sink sink = {.ctx = &t, .record = tally_record, .team = tally_team};

        ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, sizeof(bytes) - 1, 100, &sink, &r), 7);
        ck_assert(t.records == 2 && t.teams == 1 && r.lines == 2 && r.cursor == 120);
        t = (struct tally){.stop_team = 2};
        ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, sizeof(bytes) - 1, 100, &sink, &r), 8);
        ck_assert(t.records == 2 && t.teams == 2 && r.lines == 3 && r.cursor == 137);
        t = (struct tally){.stop_record = 5};
        ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, sizeof(bytes) - 1, 100, &sink, &r), 7);
        ck_assert(t.tails == 1 && r.lines == 4 && r.cursor == 140 && r.end == 142);
        ck_assert_int_eq(oks_scanner_scan_bytes(s, bytes, sizeof(bytes) - 1, 100, &nothing, &r), 0);
        ck_assert(r.lines == 4 && r.cursor == 140);
    }
}
END_TEST

struct canceller {
    atomic_bool cancel;
    uint64_t records;
};

static int cancel_after_first(void *ctx, const struct oks_record *r, bool complete)
{
    struct canceller *c = ctx;

    (void)r, (void)complete;
    c->records++;
    atomic_store(&c->cancel, true);
    return 0;
}

START_TEST(can_be_cancelled_between_reads)
{
    size_t size = 1 << 20;
    char *bytes = malloc(size);

    for (size_t i = 0; i + 4 <= size; i += 4)
        memcpy(bytes + i, "{} \n", 4);
    EACH_ISA(s)
    {
        struct canceller c = {false, 0};
        struct oks_sink sink = {.ctx = &c, .record = cancel_after_first, .team = NULL};
        struct oks_scan_result r, rest;
        int fd = file_of(bytes, size);

        ck_assert_int_eq(oks_scanner_scan_fd(s, fd, 0, &sink, &c.cancel, &r), -ECANCELED);
        ck_assert(r.cursor > 0 && r.cursor < size && r.lines == c.records && r.cursor == 4 * r.lines);
        ck_assert_int_eq(oks_scanner_scan_fd(s, fd, r.cursor, &nothing, NULL, &rest), 0);
        ck_assert_uint_eq(r.lines + rest.lines, size / 4);
        close(fd);
    }
    free(bytes);
}
END_TEST

START_TEST(says_what_went_wrong)
{
    struct oks_scanner *s = NULL;
    struct oks_scan_result r;
    enum oks_isa isa;
    int fds[2];

    ck_assert_int_eq(source_scanner_new(&s, OKS_ISA_AUTO, OKS_SOURCE_CLAUDE), 0);
    ck_assert_int_ne(oks_scanner_isa(s), OKS_ISA_AUTO);
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(oks_scanner_scan_fd(s, fds[0], 5, &nothing, NULL, &r), -ESPIPE);
    ck_assert(r.cursor == 5 && r.end == 5 && r.bytes_read == 0);
    ck_assert_int_eq(oks_scanner_scan_fd(s, -1, 0, &nothing, NULL, &r), -EBADF);
    close(fds[0]);
    close(fds[1]);
    oks_scanner_free(s);
    oks_scanner_free(NULL);
    ck_assert_int_eq(oks_isa_parse("avx2", &isa), 0);
    ck_assert_int_eq(isa, OKS_ISA_AVX2);
    ck_assert_int_eq(oks_isa_parse("auto", &isa), 0);
    ck_assert_int_eq(oks_isa_parse("mmx", &isa), -EINVAL);
    ck_assert_str_eq(oks_isa_name(OKS_ISA_SCALAR), "scalar");
}
END_TEST

static const char *const originals[] = {
    "{\"type\":\"assistant\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"uuid\":\"0a\",\"message\":{\"id\":"
    "\"msg\",\"model\":\"m\","
    "\"content\":[{\"type\":\"tool_use\",\"input\":{\"command\":\"ls "
    "\\\"-l\\\"\\n\"}}],\"usage\":{\"input_tokens\":10,"
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":7},\"output_tokens\":2,\"cache_creation_input_"
    "tokens\":7}}}",
    "{\"type\":\"user\",\"cwd\":\"/h\xc3\xa9/"
    "\xed\x95\x9c\",\"teamName\":\"Red\",\"message\":{\"content\":\"caf\\u00e9 \xf0\x9f\x98\x80 "
    "and some longer text, so that a block lies wholly inside of it: lorem ipsum dolor sit amet, "
    "consectetur\"}}",
    "{\"type\":\"progress\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"uuid\":\"n\",\"message\":{"
    "\"id\":\"i\",\"usage\":{"
    "\"output_tokens\":1}}}},\"toolUseResult\":{\"a\":[1,-2.5e3,true,null,[],{}]}}",
};
static const char *const damage[] = {
    "\"",
    "\\",
    "\\\\",
    "\\n",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\x",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\t",
    "\r",
    "\v",
    "\x01",
    "\x7f",
    "\xc3",
    "\xa9",
    "\xe2\x82\xac",
    "\xf0\x9f\x98",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\"teamname\":\"x\"",
    "1",
    "-",
    ".",
    "e5",
    "null",
    "NaN",
    "\"type\":\"tool_use\"",
    "\"input_tokens\":9,",
    "                                                           ",
};

/* One of the originals with a few places damaged; no newline in it. */
static size_t damaged(uint64_t *state, char *out)
{
    size_t len = (size_t)sprintf(out, "%s", originals[next_random(state) % 3]);

    for (uint64_t n = next_random(state) % 4; n; n--) {
        const char *piece = damage[next_random(state) % (sizeof(damage) / sizeof(damage[0]))];
        size_t at = next_random(state) % (len + 1), gone = next_random(state) % 3;

        if (gone > len - at)
            gone = len - at;
        memmove(out + at + strlen(piece), out + at + gone, len - at - gone);
        memcpy(out + at, piece, strlen(piece));
        len += strlen(piece) - gone;
    }
    return len;
}

START_TEST(agrees_with_scalar_on_damaged_lines)
{
    size_t size = 8 << 20, len = 0;
    char *bytes = malloc(size), *want = NULL;
    struct oks_scan_result wanted = {0}, r;
    uint64_t state = 42;

    for (int i = 0; i < 6000; i++) {
        len += damaged(&state, bytes + len);
        bytes[len++] = '\n';
    }
    len--;
    EACH_ISA(s)
    {
        char *text = text_of(s, bytes, len, &r);

        if (!want) {
            want = text;
            wanted = r;
            ck_assert(r.bad > 1000 && r.lines - r.bad > 1000);
            continue;
        }
        ck_assert_msg(strcmp(text, want) == 0, "%s", oks_isa_name(oks_scanner_isa(s)));
        ck_assert(r.lines == wanted.lines && r.bad == wanted.bad && r.odd == wanted.odd);
        free(text);
    }
    free(want);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner_io");

    TEST(suite, carries_lines_over_reads);
    TEST(suite, says_whether_the_first_line_is_an_object);
    TEST(suite, leaves_an_unfinished_line_for_later);
    TEST(suite, scans_large_memory_as_it_does_files);
    TEST(suite, passes_over_lines_beyond_the_bound);
    TEST(suite, passes_holes_over);
    TEST(suite, scans_in_parts);
    TEST(suite, holds_lines_with_more_entries_than_the_index);
    TEST(suite, finds_teams_in_any_line);
    TEST(suite, finds_teams_at_every_place);
    TEST(suite, bounds_team_names);
    TEST(suite, finds_teams_in_lines_beyond_the_bound);
    TEST(suite, stops_where_a_callback_says);
    TEST(suite, can_be_cancelled_between_reads);
    TEST(suite, says_what_went_wrong);
    TEST(suite, agrees_with_scalar_on_damaged_lines);
    return tap_run(suite);
}
