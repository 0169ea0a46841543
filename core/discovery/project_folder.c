/*
 * Which folder a project's transcripts come from, where no record says.
 *
 * Claude Code names a project folder after the working directory: every character that is no letter or digit
 * becomes '-', so the way back is not unique. okstra's collector replaces only the slashes. Here the file
 * system decides: from the root down, each existing folder whose encoded name fits is tried, by both rules,
 * until the whole name is used up. Records nearly always name their cwd, so this is the exception.
 *
 * Invariant: no FUSE mount is entered (it could be our own), no symlink followed, and the number of folders
 * opened is bounded.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "files/mounts.h"

enum { FOLDERS_MAX = 512 };

struct guess {
    char path[4096];
    unsigned folders;
};

/* Bytes of `rest` that the encoded name takes, or 0: by Claude Code's rule, or by the collector's. */
static size_t match_claude(const char *name, const char *rest)
{
    size_t used = 0;

    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        size_t dashes = 1;

        if ((*p & 0xc0) == 0x80)
            continue; /* the rest of a character */
        if (*p >= 0xf0)
            dashes = 2; /* two UTF-16 units */
        if (isascii(*p) && isalnum(*p)) {
            if (rest[used++] != (char)*p)
                return 0;
            continue;
        }
        while (dashes-- > 0)
            if (rest[used++] != '-')
                return 0;
    }
    return used;
}

static size_t match_collector(const char *name, const char *rest)
{
    size_t n = strlen(name);

    return strncmp(name, rest, n) == 0 ? n : 0;
}

static bool descend(struct guess *g, int folder, const char *rest);

static int enter(int folder, const char *name)
{
    int handle = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;

    if (handle < 0)
        return -errno;
    fd =
        oks_mount_crossing(folder, handle) < 0 ? -1 : openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(handle);
    return fd;
}

/* The child takes `used` bytes of the rest: the end, or a '-' for the next slash, must follow. */
static bool try_child(struct guess *g, int folder, const char *name, const char *rest, size_t used)
{
    size_t len = strlen(g->path);
    int fd;
    bool found;

    if (used == 0 || (rest[used] != '\0' && rest[used] != '-') || ++g->folders > FOLDERS_MAX)
        return false;
    if (snprintf(g->path + len, sizeof(g->path) - len, "/%s", name) >= (int)(sizeof(g->path) - len)) {
        g->path[len] = '\0';
        return false;
    }
    fd = enter(folder, name);
    found = fd >= 0 && (rest[used] == '\0' || descend(g, fd, rest + used + 1));
    if (fd >= 0)
        close(fd);
    if (!found)
        g->path[len] = '\0';
    return found;
}

static bool descend(struct guess *g, int folder, const char *rest)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    bool found = false;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    while (!found && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        size_t by_claude, by_collector;

        if ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) || strcmp(name, ".") == 0 ||
            strcmp(name, "..") == 0)
            continue;
        by_claude = match_claude(name, rest);
        by_collector = match_collector(name, rest);
        found = try_child(g, folder, name, rest, by_claude);
        if (!found && by_collector != by_claude)
            found = try_child(g, folder, name, rest, by_collector);
    }
    closedir(dir);
    return found;
}

bool guess_project_folder(const char *project, char out[4096])
{
    struct guess g = {.path = ""};
    int root;
    bool found;

    if (project[0] != '-')
        return false;
    root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return false;
    found = descend(&g, root, project + 1);
    close(root);
    if (found)
        strcpy(out, g.path);
    return found;
}
