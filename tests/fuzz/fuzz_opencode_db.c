/*
 * Fuzzes OpenCode's database: the input is the file. It is listed twice, and the sessions that the listing
 * reports are read to their end. Whatever it is, that ends, and a second listing of the same file reports
 * nothing.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "sources/source.h"

enum { READ_MAX = 4, NAME = 256 };

struct reported {
    char names[READ_MAX][NAME];
    size_t n;
};

static int seen(void *ctx, const char *name, const struct member_mark *mark)
{
    struct reported *r = ctx;

    (void)mark;
    REQUIRE(strlen(name) < NAME && !strchr(name, '/'));
    if (r->n < READ_MAX)
        strcpy(r->names[r->n], name);
    r->n++;
    return 0;
}

static int gone(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    REQUIRE(false);
    return 0;
}

static void read_member(const struct source_members *members, const char *path)
{
    static char buffer[65536];
    void *reader = NULL;

    if (members->open(path, &reader) == 0)
        while (members->read(reader, buffer, sizeof(buffer)) > 0)
            ;
    members->close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct source_members *members = oks_source_opencode.members;
    struct reported reported = {0}, again = {0};
    const struct member_sink sink = {&reported, seen, gone}, second = {&again, seen, gone};
    const char *top = getenv("TMPDIR");
    char folder[256], path[300], member[600];
    void *known = NULL;
    FILE *file;
    int rc;

    snprintf(folder, sizeof(folder), "%s/okstrafs-fuzz-%d", top ? top : "/tmp", (int)getpid());
    snprintf(path, sizeof(path), "%s/opencode.db", folder);
    mkdir(folder, 0700);
    file = fopen(path, "wbe");
    REQUIRE(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    rc = members->list(path, true, &known, &sink);
    for (size_t i = 0; rc >= 0 && i < reported.n && i < READ_MAX; i++) {
        snprintf(member, sizeof(member), "%s/%s", path, reported.names[i]);
        read_member(members, member);
    }
    if (rc >= 0 && members->list(path, true, &known, &second) >= 0)
        REQUIRE(again.n == 0);
    members->forget(known);
    unlink(path);
    rmdir(folder);
    return 0;
}
