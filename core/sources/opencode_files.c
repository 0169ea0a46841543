/*
 * OpenCode's older folder of JSON files: storage/message/<session>/<message>.json.
 *
 * The folder of a session is a container with one member, itself. Beside it are storage/session/<project>/
 * <session>.json, storage/project/<project>.json, and storage/part/<message>/. Parts are written before their
 * message is written again, so only the messages are watched. Files are rewritten in place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/passing.h"
#include "base/text_end.h"
#include "files/read_file.h"
#include "files/walk.h"
#include "sources/opencode.h"

/* --- the mark --- */

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Of one file; the order in which files are listed does not matter. */
static uint64_t digest_of(const struct stat *st)
{
    uint64_t h = mix(mix(3, st->st_ino), (uint64_t)st->st_size);

    return mix(mix(h, (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
}

static bool is_json(const char *name)
{
    return text_ends_with(name, ".json") && opencode_is_id(name, strlen(name) - strlen(".json"));
}

static int read_mark(const char *path, struct member_mark *mark)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    struct stat st;
    int rc = 0;

    if (!dir)
        return errno == ENOTDIR ? -ENOENT : -errno;
    *mark = (struct member_mark){0};
    while (errno = 0, rc == 0 && (entry = readdir(dir))) {
        int64_t ms;

        if (!is_json(entry->d_name))
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            rc = errno == ENOENT ? 0 : -errno;
            continue;
        }
        if (!S_ISREG(st.st_mode))
            continue;
        ms = st.st_mtim.tv_sec * INT64_C(1000) + st.st_mtim.tv_nsec / 1000000;
        mark->time_ms = ms > mark->time_ms ? ms : mark->time_ms;
        mark->digest += digest_of(&st);
    }
    rc = rc < 0 ? rc : -errno; /* a listing that ended early does not show that files are gone */
    closedir(dir);
    return rc < 0 ? rc : mark->digest ? 0 : -ENOENT;
}

int opencode_files_list(const char *path, bool touched, void **known, const struct member_sink *sink)
{
    struct member_mark mark, *before = *known, *now;
    int rc = read_mark(path, &mark);

    if (rc == -ENOENT && before) {
        int ended = sink->gone(sink->ctx, "");

        rc = ended ? ended : rc;
    }
    if (rc < 0)
        return rc;
    now = before ? before : malloc(sizeof(*now));
    if (!now)
        return -ENOMEM;
    /* The times of a file move in ticks, so one that was written to may look as it was. */
    if (touched || !before || before->time_ms != mark.time_ms || before->digest != mark.digest)
        rc = sink->seen(sink->ctx, "", &mark);
    *now = mark;
    *known = now;
    return rc;
}

void opencode_files_forget(void *known)
{
    free(known);
}

/* --- the lines --- */

struct names {
    struct dirent **items;
    size_t n;
};

struct files_member {
    struct opencode_member member;
    char path[PATH_MAX];
    struct names messages, parts;
    size_t next_message, next_part;
    char parts_path[PATH_MAX];
    enum { STAGE_PROJECT, STAGE_SESSION, STAGE_MESSAGES } stage;
};

static int is_wanted(const struct dirent *entry)
{
    return is_json(entry->d_name);
}

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

/* The names of JSON files, in order; a folder that does not exist has none. */
static int list_names(const char *path, struct names *out)
{
    int n;

    names_clear(out);
    n = scandir(path, &out->items, is_wanted, alphasort);
    out->n = n > 0 ? (size_t)n : 0;
    return n < 0 ? passing(-errno) : 0;
}

static void files_close(struct opencode_member *member)
{
    struct files_member *m = (struct files_member *)member;

    names_clear(&m->messages);
    names_clear(&m->parts);
    free(m->member.line.ptr);
    free(m);
}

/* storage/ has the folder of messages in it. */
static int storage_of(const struct files_member *m)
{
    return (int)(strrchr(m->path, '/') - m->path - (ptrdiff_t)strlen("/message"));
}

static const char *session_of(const struct files_member *m)
{
    return strrchr(m->path, '/') + 1;
}

/* A line with the content of a file. One that cannot be read, or is too large, has none, and is a bad line.
 */
static int file_line(struct files_member *m, const char *kind, const char *id, const char *path)
{
    char *json = NULL;
    size_t len = 0;
    struct stat st;
    int fd = oks_open_regular(path, &st);
    int rc = fd < 0 ? fd : read_file_opened(fd, &st, OPENCODE_TEXT_MAX, &json, &len);

    if (is_passing(rc))
        return rc;
    opencode_line(&m->member, kind, id, rc < 0 ? "" : json, len);
    free(json);
    return 1;
}

/* Any session's file is in the folder of its project, whose name is not known. 1: found, 0: there is none. */
static int find_session(const struct files_member *m, char out[PATH_MAX], char project[PATH_MAX])
{
    const char *session = session_of(m);
    int storage = storage_of(m);
    const struct dirent *entry;
    bool found = false;
    char top[PATH_MAX];
    struct stat st;
    int rc = 0;
    DIR *dir;

    snprintf(top, sizeof(top), "%.*s/session", storage, m->path);
    dir = opendir(top);
    if (!dir)
        return passing(-errno);
    while (errno = 0, rc == 0 && !found && (entry = readdir(dir))) {
        if (!opencode_is_id(entry->d_name, strlen(entry->d_name)))
            continue;
        if (snprintf(out, PATH_MAX, "%s/%s/%s.json", top, entry->d_name, session) >= PATH_MAX ||
            snprintf(project, PATH_MAX, "%.*s/project/%s.json", storage, m->path, entry->d_name) >= PATH_MAX)
            continue;
        found = lstat(out, &st) == 0;
        rc = found ? 0 : passing(-errno);
    }
    rc = found || rc < 0 ? rc : passing(-errno);
    closedir(dir);
    return rc < 0 ? rc : found;
}

static int session_lines(struct files_member *m)
{
    char path[PATH_MAX], project[PATH_MAX];
    int found = find_session(m, path, project);
    bool first = m->stage == STAGE_PROJECT;

    if (found < 0)
        return found;
    m->stage = first && found ? STAGE_SESSION : STAGE_MESSAGES;
    if (found)
        return first ? file_line(m, "project", "", project) : file_line(m, "session", session_of(m), path);
    opencode_line(&m->member, "session", session_of(m), "{}", 2);
    return 1;
}

static int message_line(struct files_member *m)
{
    const char *name = m->messages.items[m->next_message++]->d_name;
    char id[OPENCODE_NAME_MAX + 1], path[PATH_MAX];
    int rc;

    snprintf(id, sizeof(id), "%.*s", (int)(strlen(name) - strlen(".json")), name);
    m->next_part = 0;
    if (snprintf(m->parts_path, sizeof(m->parts_path), "%.*s/part/%s", storage_of(m), m->path, id) >=
            PATH_MAX ||
        snprintf(path, sizeof(path), "%s/%s", m->path, name) >= PATH_MAX)
        return -ENAMETOOLONG;
    rc = list_names(m->parts_path, &m->parts);
    return rc < 0 ? rc : file_line(m, "message", id, path);
}

static int part_line(struct files_member *m)
{
    const char *name = m->parts.items[m->next_part++]->d_name;
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", m->parts_path, name) >= PATH_MAX)
        return -ENAMETOOLONG;
    return file_line(m, "part", "", path);
}

static int files_next(struct opencode_member *member)
{
    struct files_member *m = (struct files_member *)member;

    if (m->stage != STAGE_MESSAGES)
        return session_lines(m);
    if (m->next_part < m->parts.n)
        return part_line(m);
    return m->next_message < m->messages.n ? message_line(m) : 0;
}

int opencode_files_open(const char *path, struct opencode_member **out)
{
    struct files_member *m = calloc(1, sizeof(*m));
    int rc;

    if (!m)
        return -ENOMEM;
    rc = (size_t)snprintf(m->path, sizeof(m->path), "%s", path) < sizeof(m->path)
             ? list_names(path, &m->messages)
             : -ENAMETOOLONG;
    if (rc == 0 && m->messages.n == 0)
        rc = -ENOENT;
    m->member.next = files_next;
    m->member.close = files_close;
    if (rc < 0)
        files_close(&m->member);
    else
        *out = &m->member;
    return rc;
}
