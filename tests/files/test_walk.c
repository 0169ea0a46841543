/*
 * Discovery among hostile neighbours. Where a test needs root (devices, mounts), it makes what it can in a
 * mount namespace of its own and otherwise returns early; the rest runs for anybody.
 */
#include "files/walk.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

/* --- a walker that writes down what it is told --- */

struct log {
    char *text;
    size_t len;
    const char *skip_rel;
    const char *remove_rel; /* removed when its parent's listing is over */
    int stop_folder;
    int stop_file;
    unsigned files;
    unsigned folders;
    unsigned skips;
    int last_error;
};

static void note(struct log *log, char kind, const char *rel)
{
    size_t n = strlen(rel);

    log->text = realloc(log->text, log->len + n + 3);
    ck_assert_ptr_nonnull(log->text);
    log->text[log->len] = kind;
    memcpy(log->text + log->len + 1, rel, n);
    memcpy(log->text + log->len + 1 + n, ";", 2);
    log->len += n + 2;
}

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct log *log = ctx;

    log->folders++;
    note(log, 'd', rel);
    if (log->skip_rel && strcmp(rel, log->skip_rel) == 0)
        return 1;
    return log->stop_folder;
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct log *log = ctx;

    log->files++;
    note(log, 'f', rel);
    ck_assert_str_eq(path + strlen(path) - strlen(rel), rel);
    if (log->remove_rel) {
        ck_assert_int_eq(rmdir(at(log->remove_rel)), 0);
        log->remove_rel = NULL;
    }
    return log->stop_file;
}

static void on_skip(void *ctx, const char *path, int error)
{
    struct log *log = ctx;

    log->skips++;
    log->last_error = error;
}

static struct oks_walker walker_of(struct log *log)
{
    return (struct oks_walker){
        .ctx = log, .enter = on_folder, .wants = oks_is_transcript, .file = on_file, .skipped = on_skip};
}

static int walk(struct log *log, const char *start)
{
    struct oks_walker walker = walker_of(log);

    return oks_walk(scratch, start, &walker);
}

static void expect(const char *start, const char *text)
{
    struct log log = {0};

    ck_assert_int_eq(walk(&log, start), 0);
    ck_assert_str_eq(log.text, text);
    ck_assert_int_eq(log.skips, 0);
    free(log.text);
}

static void make_tree(void)
{
    make_folder("p");
    make_folder("p/s");
    make_folder("p/s/subagents");
    make_folder("a");
    make_file("p/s.jsonl", "x\n", 2);
    make_file("p/s/subagents/agent-1.jsonl", "x\n", 2);
    make_file("p/B.jsonl", "", 0);
    make_file("p/journal.jsonl", "x\n", 2);
    make_file("p/s.json", "x\n", 2);
    make_file("p/jsonl", "x\n", 2);
}

#define TREE "d;da;dp;fp/B.jsonl;dp/s;dp/s/subagents;fp/s/subagents/agent-1.jsonl;fp/s.jsonl;"

/* --- the ordinary tree --- */

START_TEST(names_what_is_there_in_byte_order)
{
    make_tree();
    expect("", TREE);
}
END_TEST

START_TEST(starts_below_the_root)
{
    make_tree();
    expect("p/s", "dp/s;dp/s/subagents;fp/s/subagents/agent-1.jsonl;");
    expect("p/s/", "dp/s;dp/s/subagents;fp/s/subagents/agent-1.jsonl;");
}
END_TEST

START_TEST(refuses_a_start_that_is_no_folder_below)
{
    struct log log = {0};

    make_tree();
    ck_assert_int_eq(symlink("p", at("link")), 0);
    ck_assert_int_eq(walk(&log, ".."), -EINVAL);
    ck_assert_int_eq(walk(&log, "p/../p"), -EINVAL);
    ck_assert_int_eq(walk(&log, "/p"), -EINVAL);
    ck_assert_int_eq(walk(&log, "p//s"), -EINVAL);
    ck_assert_int_eq(walk(&log, "gone"), -ENOENT);
    ck_assert_int_eq(walk(&log, "p/s.jsonl"), -ENOTDIR);
    ck_assert_int_lt(walk(&log, "link"), 0);
    ck_assert_ptr_null(log.text);
}
END_TEST

START_TEST(a_missing_root_is_enoent)
{
    struct log log = {0};
    struct oks_walker walker = walker_of(&log);

    ck_assert_int_eq(oks_walk(at("gone"), "", &walker), -ENOENT);
    ck_assert_int_eq(oks_walk("", "", &walker), -ENOENT);
    make_file("file", "x", 1);
    ck_assert_int_eq(oks_walk(at("file"), "", &walker), -ENOTDIR);
}
END_TEST

START_TEST(the_root_may_be_a_link_and_end_in_slashes)
{
    struct log log = {0};
    struct oks_walker walker = walker_of(&log);

    make_tree();
    ck_assert_int_eq(symlink("p", at("link")), 0);
    ck_assert_int_eq(oks_walk(at("link//"), "", &walker), 0);
    ck_assert_str_eq(log.text, "d;fB.jsonl;ds;ds/subagents;fs/subagents/agent-1.jsonl;fs.jsonl;");
    free(log.text);
}
END_TEST

START_TEST(a_callback_skips_or_stops)
{
    struct log log = {.skip_rel = "p/s"};

    make_tree();
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_str_eq(log.text, "d;da;dp;fp/B.jsonl;dp/s;fp/s.jsonl;");
    free(log.text);
    log = (struct log){.stop_file = 7};
    ck_assert_int_eq(walk(&log, ""), 7);
    ck_assert_str_eq(log.text, "d;da;dp;fp/B.jsonl;");
    free(log.text);
    log = (struct log){.stop_folder = -EINTR};
    ck_assert_int_eq(walk(&log, ""), -EINTR);
    ck_assert_str_eq(log.text, "d;");
    free(log.text);
}
END_TEST

START_TEST(callbacks_may_be_absent)
{
    struct oks_walker walker = {.wants = oks_is_transcript};

    make_tree();
    ck_assert_int_eq(oks_walk(scratch, "", &walker), 0);
}
END_TEST

START_TEST(names_are_any_bytes)
{
    make_file("a\nb.jsonl", "", 0);
    make_file("\xff\xfe.jsonl", "", 0);
    make_file(".jsonl", "", 0);
    make_file(" %2F\x1b[0m.jsonl", "", 0);
    make_folder("-\t\"\\");
    make_file("-\t\"\\/x.jsonl", "", 0);
    expect("", "d;f %2F\x1b[0m.jsonl;d-\t\"\\;f-\t\"\\/x.jsonl;f.jsonl;fa\nb.jsonl;f\xff\xfe.jsonl;");
    expect("-\t\"\\", "d-\t\"\\;f-\t\"\\/x.jsonl;");
}
END_TEST

START_TEST(more_files_than_the_bound_are_left_out)
{
    struct log log = {0};
    struct oks_walker walker = walker_of(&log);

    make_tree();
    walker.files_max = 2;
    ck_assert_int_eq(oks_walk(scratch, "", &walker), -E2BIG);
    ck_assert_str_eq(log.text, "d;da;dp;fp/B.jsonl;dp/s;dp/s/subagents;fp/s/subagents/agent-1.jsonl;");
    walker.files_max = 3;
    ck_assert_int_eq(oks_walk(scratch, "", &walker), 0);
    free(log.text);
}
END_TEST

/* --- neighbours --- */

static void make_socket(const char *rel)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_uint_lt(strlen(at(rel)), sizeof(address.sun_path));
    strcpy(address.sun_path, at(rel));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

START_TEST(only_regular_files_and_folders_are_named)
{
    make_tree();
    ck_assert_int_eq(mkfifo(at("a/fifo.jsonl"), 0600), 0);
    make_socket("a/socket.jsonl");
    ck_assert_int_eq(symlink("loop.jsonl", at("a/loop.jsonl")), 0);
    ck_assert_int_eq(symlink("gone", at("a/dangling.jsonl")), 0);
    ck_assert_int_eq(symlink("../p/s.jsonl", at("a/link.jsonl")), 0);
    ck_assert_int_eq(symlink("..", at("a/up")), 0);
    ck_assert_int_eq(symlink("/", at("a/slash.jsonl")), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(mknod(at("a/zero.jsonl"), S_IFCHR | 0600, makedev(1, 5)), 0);
    expect("", TREE);
}
END_TEST

START_TEST(a_folder_named_like_a_transcript_is_a_folder)
{
    make_folder("x.jsonl");
    make_file("x.jsonl/y.jsonl", "", 0);
    expect("", "d;dx.jsonl;fx.jsonl/y.jsonl;");
}
END_TEST

START_TEST(depth_is_bounded)
{
    char rel[4 * OKS_WALK_DEPTH_MAX] = "";
    struct log log = {0};

    for (int i = 0; i < OKS_WALK_DEPTH_MAX; i++) {
        strcat(rel, i ? "/d" : "d");
        make_folder(rel);
    }
    strcat(rel, "/x.jsonl");
    make_file(rel, "", 0);
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_int_eq(log.files, 1);
    ck_assert_int_eq(log.folders, OKS_WALK_DEPTH_MAX + 1);
    ck_assert_int_eq(log.skips, 0);
    strcpy(strrchr(rel, '/'), "/d");
    make_folder(rel);
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_int_eq(log.skips, 1);
    ck_assert_int_eq(log.last_error, -ELOOP);
    ck_assert_int_eq(walk(&log, rel), -ELOOP);
    free(log.text);
}
END_TEST

START_TEST(a_path_past_path_max_is_reported)
{
    char name[NAME_MAX + 1];
    struct log log = {0};
    int depth, fd = open(scratch, O_PATH | O_CLOEXEC);

    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    for (depth = 0; depth < 20; depth++) { /* 20 * 256 > PATH_MAX */
        int next;

        ck_assert_int_eq(mkdirat(fd, name, 0700), 0);
        next = openat(fd, name, O_PATH | O_CLOEXEC);
        ck_assert_int_ge(next, 0);
        close(fd);
        fd = next;
    }
    close(fd);
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_int_eq(log.skips, 1);
    ck_assert_int_eq(log.last_error, -ENAMETOOLONG);
    free(log.text);
    for (; depth > 0; depth--) { /* too long for nftw: unlink from the inside */
        int at_depth = open(scratch, O_PATH | O_CLOEXEC);

        for (int i = 1; i < depth; i++) {
            int next = openat(at_depth, name, O_PATH | O_CLOEXEC);

            close(at_depth);
            at_depth = next;
        }
        ck_assert_int_eq(unlinkat(at_depth, name, AT_REMOVEDIR), 0);
        close(at_depth);
    }
}
END_TEST

START_TEST(a_folder_that_vanishes_in_the_middle_is_nothing)
{
    struct log log = {.remove_rel = "p/zz"};

    make_tree();
    make_folder("p/zz");
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_str_eq(log.text, TREE);
    ck_assert_int_eq(log.skips, 0);
    free(log.text);
}
END_TEST

static void as_nobody(void (*body)(void))
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
            _exit(2);
        body();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
}

static void walk_locked(void)
{
    struct log log = {0};
    struct stat st;

    if (walk(&log, "") != 0 || strcmp(log.text, "d;fa.jsonl;fz.jsonl;") != 0)
        _exit(3);
    if (log.skips != 1 || log.last_error != -EACCES || walk(&log, "locked") != -EACCES)
        _exit(4);
    if (oks_open_regular(at("a.jsonl"), &st) != -EACCES)
        _exit(5);
    free(log.text);
}

START_TEST(what_may_not_be_read_is_left_out)
{
    struct log log = {0};

    make_folder("locked");
    make_file("locked/x.jsonl", "", 0);
    make_file("a.jsonl", "", 0);
    make_file("z.jsonl", "", 0);
    ck_assert_int_eq(chmod(at("a.jsonl"), 0), 0);
    ck_assert_int_eq(chmod(at("locked"), 0), 0);
    ck_assert_int_eq(chmod(scratch, 0755), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(walk(&log, ""), 0);
        ck_assert_str_eq(log.text, "d;fa.jsonl;dlocked;flocked/x.jsonl;fz.jsonl;");
        free(log.text);
    }
    as_nobody(walk_locked);
    ck_assert_int_eq(chmod(at("locked"), 0700), 0);
}
END_TEST

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

START_TEST(descriptors_are_given_back)
{
    struct log log = {0};
    int before;

    make_tree();
    walk(&log, ""); /* the table of mounts stays open */
    before = open_descriptors();
    for (int i = 0; i < 50; i++) {
        walk(&log, i % 2 ? "" : "p/s");
        walk(&log, "gone");
    }
    free(log.text);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* --- mounts --- */

static bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A FUSE mount that nobody serves: whoever asks it something waits. Returns its descriptor. */
static int hung_mount(const char *rel)
{
    char options[128];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return -1;
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    if (mount("okstrafs", at(rel), "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Does lstat() of it hang? The proof that the mount in the tests above it is one that must not be asked. */
static void assert_hangs(const char *rel, int fuse)
{
    struct stat st;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        close(fuse);
        _exit(lstat(at(rel), &st) == 0 ? 0 : 1);
    }
    usleep(200000);
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
    close(fuse); /* the end of the connection sets it free */
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static void walk_around_a_hung_mount(void)
{
    struct log log = {0};
    int fuse;

    make_tree();
    if (!own_mounts() || (fuse = hung_mount("p/s")) < 0)
        return;
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_str_eq(log.text, "d;da;dp;fp/B.jsonl;fp/s.jsonl;");
    ck_assert_int_eq(log.skips, 1);
    ck_assert_int_eq(log.last_error, -EXDEV);
    ck_assert_int_eq(walk(&log, "p/s"), -EXDEV);
    free(log.text);
    assert_hangs("p/s", fuse);
    ck_assert_int_eq(umount2(at("p/s"), MNT_DETACH), 0);
}

START_TEST(a_fuse_mount_is_never_asked)
{
    walk_around_a_hung_mount();
}
END_TEST

static void walk_over_mounts(void)
{
    struct log log = {0};

    make_tree();
    make_folder("twin");
    if (!own_mounts() || mount("none", at("a"), "tmpfs", 0, NULL) < 0)
        return;
    make_file("a/t.jsonl", "", 0);
    ck_assert_int_eq(mount(at("p"), at("twin"), "", MS_BIND, NULL), 0);
    ck_assert_int_eq(walk(&log, ""), 0);
    ck_assert_str_eq(log.text, "d;da;fa/t.jsonl;dp;fp/B.jsonl;dp/s;dp/s/subagents;"
                               "fp/s/subagents/agent-1.jsonl;fp/s.jsonl;");
    free(log.text);
    log = (struct log){0};
    ck_assert_int_eq(walk(&log, "twin/s"), 0);
    ck_assert_str_eq(log.text, "dtwin/s;dtwin/s/subagents;ftwin/s/subagents/agent-1.jsonl;");
    free(log.text);
    ck_assert_int_eq(umount2(at("twin"), MNT_DETACH), 0);
    ck_assert_int_eq(umount2(at("a"), MNT_DETACH), 0);
}

START_TEST(other_mounts_are_entered_and_bind_loops_end)
{
    walk_over_mounts();
}
END_TEST

START_TEST(a_root_inside_our_own_mount_is_refused)
{
    struct log log = {0};
    int fuse;

    make_tree();
    if (!own_mounts())
        return;
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fuse >= 0) {
        char options[128];

        snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,subtype=okstrafs",
                 fuse);
        if (mount("okstrafs", at("p"), "fuse.okstrafs", 0, options) == 0 ||
            mount("okstrafs", at("p"), "fuse", 0, options) == 0) {
            struct oks_walker walker = walker_of(&log);

            ck_assert_int_eq(oks_walk(at("p"), "", &walker), -ELOOP);
            close(fuse);
            ck_assert_int_eq(umount2(at("p"), MNT_DETACH), 0);
        }
    }
}
END_TEST

/* From here on openat2 does not exist for this process, as on Linux 5.5 or under a strict filter. */
static void forbid_openat2(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    ck_assert_int_eq(syscall(SYS_openat2, -1, "", NULL, 0), -1);
    ck_assert(errno == error || errno == ENOSYS); /* valgrind knows no openat2 either */
}

START_TEST(without_openat2_the_tree_is_the_same)
{
    forbid_openat2(ENOSYS);
    make_tree();
    ck_assert_int_eq(symlink("..", at("a/up")), 0);
    expect("", TREE);
    expect("p/s", "dp/s;dp/s/subagents;fp/s/subagents/agent-1.jsonl;");
}
END_TEST

START_TEST(without_openat2_a_fuse_mount_is_never_asked)
{
    forbid_openat2(EPERM);
    walk_around_a_hung_mount();
}
END_TEST

START_TEST(without_openat2_other_mounts_are_entered)
{
    forbid_openat2(ENOSYS);
    walk_over_mounts();
}
END_TEST

/* --- opening --- */

START_TEST(opens_a_regular_file)
{
    struct stat st, same;
    char bytes[4];
    int fd;

    make_file("x.jsonl", "abc", 3);
    fd = oks_open_regular(at("x.jsonl"), &st);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(st.st_size, 3);
    ck_assert_int_eq(fstat(fd, &same), 0);
    ck_assert(same.st_ino == st.st_ino && same.st_dev == st.st_dev);
    ck_assert_int_eq(read(fd, bytes, 4), 3);
    ck_assert_int_eq(write(fd, "x", 1), -1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}
END_TEST

START_TEST(opens_nothing_else)
{
    struct stat st = {.st_size = 77};
    int before = open_descriptors();

    make_folder("folder.jsonl");
    make_socket("socket.jsonl");
    make_file("file.jsonl", "", 0);
    ck_assert_int_eq(symlink("file.jsonl", at("link.jsonl")), 0);
    ck_assert_int_eq(symlink("loop.jsonl", at("loop.jsonl")), 0);
    ck_assert_int_eq(symlink("gone", at("dangling.jsonl")), 0);
    ck_assert_int_eq(oks_open_regular(at("gone.jsonl"), &st), -ENOENT);
    ck_assert_int_eq(oks_open_regular(at("file.jsonl/x"), &st), -ENOTDIR);
    ck_assert_int_eq(oks_open_regular(at("folder.jsonl"), &st), -EINVAL);
    ck_assert_int_eq(oks_open_regular(at("socket.jsonl"), &st), -EINVAL);
    ck_assert_int_eq(oks_open_regular(at("link.jsonl"), &st), -ELOOP);
    ck_assert_int_eq(oks_open_regular(at("loop.jsonl"), &st), -ELOOP);
    ck_assert_int_eq(oks_open_regular(at("dangling.jsonl"), &st), -ELOOP);
    ck_assert_int_eq(oks_open_regular("/dev/zero", &st), -EINVAL);
    ck_assert_int_eq(st.st_size, 77);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_fifo_neither_blocks_nor_loses_its_data)
{
    struct stat st;
    char bytes[8];
    int fd;

    ck_assert_int_eq(mkfifo(at("x.jsonl"), 0600), 0);
    ck_assert_int_eq(oks_open_regular(at("x.jsonl"), &st), -EINVAL); /* nobody writes */
    fd = open(at("x.jsonl"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "secret", 6), 6);
    ck_assert_int_eq(oks_open_regular(at("x.jsonl"), &st), -EINVAL);
    ck_assert_int_eq(read(fd, bytes, sizeof(bytes)), 6);
    close(fd);
}
END_TEST

START_TEST(opens_without_proc)
{
    struct stat st;
    int fd, gone, fifo;

    make_file("x.jsonl", "abc", 3);
    ck_assert_int_eq(mkfifo(at("f.jsonl"), 0600), 0);
    if (!own_mounts() || mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        return;
    fd = oks_open_regular(at("x.jsonl"), &st);
    gone = oks_open_regular(at("gone.jsonl"), &st);
    fifo = oks_open_regular(at("f.jsonl"), &st);
    ck_assert_int_eq(umount2("/proc", MNT_DETACH), 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(gone, -ENOENT);
    ck_assert_int_eq(fifo, -EINVAL);
    close(fd);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("discover");

    SCRATCH_TEST(suite, names_what_is_there_in_byte_order);
    SCRATCH_TEST(suite, starts_below_the_root);
    SCRATCH_TEST(suite, refuses_a_start_that_is_no_folder_below);
    SCRATCH_TEST(suite, a_missing_root_is_enoent);
    SCRATCH_TEST(suite, the_root_may_be_a_link_and_end_in_slashes);
    SCRATCH_TEST(suite, a_callback_skips_or_stops);
    SCRATCH_TEST(suite, callbacks_may_be_absent);
    SCRATCH_TEST(suite, names_are_any_bytes);
    SCRATCH_TEST(suite, more_files_than_the_bound_are_left_out);
    SCRATCH_TEST(suite, only_regular_files_and_folders_are_named);
    SCRATCH_TEST(suite, a_folder_named_like_a_transcript_is_a_folder);
    SCRATCH_TEST(suite, depth_is_bounded);
    SCRATCH_TEST(suite, a_path_past_path_max_is_reported);
    SCRATCH_TEST(suite, a_folder_that_vanishes_in_the_middle_is_nothing);
    SCRATCH_TEST(suite, what_may_not_be_read_is_left_out);
    SCRATCH_TEST(suite, descriptors_are_given_back);
    SCRATCH_TEST(suite, a_fuse_mount_is_never_asked);
    SCRATCH_TEST(suite, other_mounts_are_entered_and_bind_loops_end);
    SCRATCH_TEST(suite, a_root_inside_our_own_mount_is_refused);
    SCRATCH_TEST(suite, without_openat2_the_tree_is_the_same);
    SCRATCH_TEST(suite, without_openat2_a_fuse_mount_is_never_asked);
    SCRATCH_TEST(suite, without_openat2_other_mounts_are_entered);
    SCRATCH_TEST(suite, opens_a_regular_file);
    SCRATCH_TEST(suite, opens_nothing_else);
    SCRATCH_TEST(suite, a_fifo_neither_blocks_nor_loses_its_data);
    SCRATCH_TEST(suite, opens_without_proc);
    return suite;
}

int main(void)
{
    return tap_run(suite());
}
