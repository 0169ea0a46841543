/*
 * The floor: one file that never changes, with everything cached that the kernel can cache.
 *
 *   bench_static_fs MOUNTPOINT
 *
 * Its name and attributes are asked for once and its pages read once, so open + read + close of it is one
 * round trip, OPEN. No FUSE filesystem that sees its opens is faster. It ends on SIGTERM.
 */
#define FUSE_USE_VERSION 35

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_INO = 2 };

static const double for_ever = 86400.0 * 365;
static const char file_name[] = "usage.json";
static char content[700]; /* as long as a session's usage.json */

static struct stat attributes(fuse_ino_t ino)
{
    struct stat st = {.st_ino = ino, .st_nlink = 1};

    st.st_mode = ino == FILE_INO ? S_IFREG | 0444 : S_IFDIR | 0555;
    st.st_size = ino == FILE_INO ? (off_t)sizeof(content) : 0;
    return st;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry = {
        .ino = FILE_INO, .attr = attributes(FILE_INO), .attr_timeout = for_ever, .entry_timeout = for_ever};

    if (parent == FUSE_ROOT_ID && strcmp(name, file_name) == 0)
        fuse_reply_entry(req, &entry);
    else
        fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st = attributes(ino);

    fuse_reply_attr(req, &st, for_ever);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fi->keep_cache = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    size_t start = (size_t)offset < sizeof(content) ? (size_t)offset : sizeof(content);
    size_t left = sizeof(content) - start;

    fuse_reply_buf(req, content + start, left < size ? left : size);
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = op_lookup, .getattr = op_getattr, .open = op_open, .read = op_read};

int main(int argc, char **argv)
{
    char *fuse_argv[] = {argv[0], NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, fuse_argv);
    struct fuse_session *session;
    int rc = -1;

    if (argc != 2)
        return 2;
    memset(content, 'x', sizeof(content));
    session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    if (session && fuse_set_signal_handlers(session) == 0) {
        if (fuse_session_mount(session, argv[1]) == 0) {
            rc = fuse_session_loop(session);
            fuse_session_unmount(session);
        }
        fuse_remove_signal_handlers(session);
    }
    if (session)
        fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
