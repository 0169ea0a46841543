/*
 * OpenCode as a source, and the agents that were made from it: where their sessions are.
 *
 * <data>/opencode.db (or opencode-<channel>.db) has one transcript for each session, and so has the older
 * folder <data>/storage/message/<session>/. After the agent has moved its sessions from the one to the other
 * both stay. A message that is in both counts in the database.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_end.h"
#include "sources/opencode.h"
#include "sources/opencode_time.h"
#include "sources/source.h"
#include "sources/tools.h"
#include "time/calendar.h"

static const char in_storage[] = "storage/message/";

bool opencode_is_id(const char *id, size_t len)
{
    if (len == 0 || len > OPENCODE_NAME_MAX || *id == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!(id[i] >= 'a' && id[i] <= 'z') && !(id[i] >= 'A' && id[i] <= 'Z') &&
            !(id[i] >= '0' && id[i] <= '9') && !strchr("_-.", id[i]))
            return false;
    return true;
}

/* --- paths --- */

static size_t name_length(const char *rel)
{
    return strcspn(rel, "/");
}

static bool is_database(const char *name, size_t len)
{
    return len > strlen(".db") && memcmp(name + len - strlen(".db"), ".db", strlen(".db")) == 0;
}

/* The session of a member's path below the root, or absent. */
static struct oks_slice id_of(const char *rel)
{
    size_t n = name_length(rel);

    if (strncmp(rel, in_storage, strlen(in_storage)) == 0)
        rel += strlen(in_storage);
    else if (is_database(rel, n) && rel[n])
        rel += n + 1;
    else
        return (struct oks_slice){0};
    n = name_length(rel);
    return opencode_is_id(rel, n) ? (struct oks_slice){rel, n} : (struct oks_slice){0};
}

/* Containers, and what is beside or in them, and members. */
static bool wants(const char *rel)
{
    static const char *const ends[] = {".db", ".db-wal"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (!strchr(rel, '/') && text_ends_with(rel, ends[i]))
            return true;
    return id_of(rel).ptr != NULL;
}

static bool enters(const char *rel)
{
    static const char *const folders[] = {"storage", "storage/message"};

    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        if (strcmp(rel, folders[i]) == 0)
            return true;
    return strncmp(rel, in_storage, strlen(in_storage)) == 0 && !strchr(rel + strlen(in_storage), '/');
}

static bool container(const char *rel, char *out, size_t size)
{
    struct oks_slice id = id_of(rel);
    size_t n = name_length(rel);

    if (id.ptr && strncmp(rel, in_storage, strlen(in_storage)) == 0)
        n = (size_t)(id.ptr + id.len - rel);
    else if (text_ends_with(rel, ".db-wal"))
        n -= strlen("-wal");
    else if (!is_database(rel, n))
        return false;
    return snprintf(out, size, "%.*s", (int)n, rel) < (int)size;
}

static bool is_in_database(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = (size_t)(slash - path);

    return is_database(path, n);
}

static int rank(const char *path)
{
    return !is_in_database(path);
}

void opencode_stamp(char to[OPENCODE_STAMP], uint64_t ms)
{
    uint64_t days = ms / 86400000, seconds = ms / 1000 % 86400;
    char *end = to;

    if (ms != 0 && days <= CALENDAR_LAST_DAY) {
        end = date_put(to, date_of_days((int64_t)days));
        *end++ = 'T';
        end = clock_put(end, (int32_t)seconds);
        end +=
            snprintf(end, sizeof(":00.000Z"), ":%02u.%03uZ", (unsigned)(seconds % 60), (unsigned)(ms % 1000));
    }
    *end = '\0';
}

/* --- members --- */

struct known {
    bool in_database;
    void *listing;
};

static void forget(void *known)
{
    struct known *k = known;

    if (!k)
        return;
    (k->in_database ? opencode_db_forget : opencode_files_forget)(k->listing);
    free(k);
}

static int list(const char *path, bool touched, void **known, const struct member_sink *sink)
{
    struct known *k = *known;

    if (!k) {
        *known = k = calloc(1, sizeof(*k));
        if (!k)
            return -ENOMEM;
        k->in_database = is_database(path, strlen(path));
    }
    return (k->in_database ? opencode_db_list : opencode_files_list)(path, touched, &k->listing, sink);
}

static int open_member(const char *path, void **out)
{
    struct opencode_member *member = NULL;
    const char *slash = strrchr(path, '/');
    char *database;
    int rc;

    if (!is_in_database(path)) {
        rc = opencode_files_open(path, &member);
    } else {
        database = strndup(path, (size_t)(slash - path));
        rc = database ? opencode_db_open(database, slash + 1, &member) : -ENOMEM;
        free(database);
    }
    *out = member;
    return rc;
}

static ssize_t read_member(void *reader, void *to, size_t size)
{
    struct opencode_member *member = reader;
    size_t n;

    if (member->at == member->line.len) {
        int rc;

        member->at = member->line.len = 0;
        rc = member->next(member);
        if (rc <= 0)
            return rc;
        if (member->line.error)
            return member->line.error;
    }
    n = member->line.len - member->at;
    n = n < size ? n : size;
    memcpy(to, member->line.ptr + member->at, n);
    member->at += n;
    return (ssize_t)n;
}

static void close_member(void *reader)
{
    struct opencode_member *member = reader;

    if (member)
        member->close(member);
}

void opencode_line(struct opencode_member *member, const char *kind, const char *id, const char *json,
                   size_t len)
{
    struct oks_bytes *b = &member->line;
    size_t from;

    oks_bytes_text(b, "{\"");
    oks_bytes_text(b, kind);
    oks_bytes_text(b, "\":{\"id\":\"");
    oks_bytes_json(b, oks_slice_of(id));
    oks_bytes_text(b, "\",\"data\":");
    from = b->len;
    oks_bytes_put(b, json, len);
    for (char *p = b->error ? NULL : b->ptr + from;
         p && (p = memchr(p, '\n', (size_t)(b->ptr + b->len - p)));)
        *p = ' ';
    oks_bytes_text(b, "}}\n");
}

bool opencode_part_counts(const char *json, size_t len)
{
    static const char *const types[] = {"\"step-finish\"", "\"tool\""};

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (memmem(json, len, types[i], strlen(types[i])))
            return true;
    return false;
}

static const struct source_members members = {
    .container = container,
    .list = list,
    .forget = forget,
    .open = open_member,
    .read = read_member,
    .close = close_member,
};

#define LIKE_OPENCODE(of_id, of_name, of_homes)                                                              \
    {                                                                                                        \
        .id = of_id, .name = of_name, .homes = of_homes, .folders = {""}, .reader = &oks_opencode_reader,    \
        .tools = &oks_opencode_tools, .members = &members, .wants = wants, .enters = enters, .id_of = id_of, \
        .late = true, .rank = rank, .parent_of = opencode_parent, .agrees = opencode_agrees                  \
    }

static const struct oks_source_home homes[] = {
    {.variable = "OPENCODE_DATA_DIR"},
    {.variable = "XDG_DATA_HOME",
     .folder = "~/.local/share",
     .below = "opencode",
     .unless = "OPENCODE_DATA_DIR",
     .xdg = true,
     .used = true},
    {.variable = "OPENCODE_DB", .file = true}, /* a relative path is one below the data folder */
    {0},
};

static const struct oks_source_home kilo_homes[] = {
    {.variable = "XDG_DATA_HOME", .folder = "~/.local/share", .below = "kilo", .xdg = true, .used = true},
    {0},
};

static const struct oks_source_home mimocode_homes[] = {
    {.variable = "XDG_DATA_HOME", .folder = "~/.local/share", .below = "mimocode", .xdg = true, .used = true},
    {0},
};

const struct source oks_source_opencode = LIKE_OPENCODE(OKS_SOURCE_OPENCODE, "opencode", homes);
const struct source oks_source_kilo = LIKE_OPENCODE(OKS_SOURCE_KILO, "kilo", kilo_homes);
const struct source oks_source_mimocode = LIKE_OPENCODE(OKS_SOURCE_MIMOCODE, "mimocode", mimocode_homes);
