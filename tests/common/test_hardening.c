/* Hardening: each test gives everything up in a process of its own, and then tries what is forbidden. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/hardening.h"
#include "scratch.h"
#include "tap.h"

static const char *folder, *other;
static struct hardening state;

/* False: not here, and why is printed. */
static bool hardened(const char *const *readable)
{
    const char *const *lists[] = {readable, NULL};
    struct hardening_paths paths = {.writable = folder, .readable = lists, .n_readable = 2};

    hardening_apply(&paths, &state);
    if (state.note)
        fprintf(stderr, "# skipped, not in force: %s\n", state.note);
    return state.no_new_privileges;
}

static long long in_status(const char *key, int base)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    long long value = -1;

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
            value = strtoll(line + strlen(key) + 1, NULL, base);
    fclose(f);
    return value;
}

static int error_of(long rc)
{
    return rc < 0 ? errno : 0;
}

static int open_error(const char *path, const char *name, int flags)
{
    char full[PATH_MAX];
    int fd, rc;

    snprintf(full, sizeof(full), "%s/%s", path, name);
    fd = open(full, flags | O_CLOEXEC, 0600);
    rc = error_of(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

START_TEST(what_the_kernel_says)
{
    struct rlimit limit;

    if (!hardened(NULL))
        return;
    ck_assert(state.no_core_dumps);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 0);
    ck_assert_uint_eq(limit.rlim_max, 0);
    ck_assert_uint_eq(state.capabilities, 0);
    ck_assert_int_eq(in_status("CapEff", 16), 0);
    ck_assert_int_eq(in_status("CapPrm", 16), 0);
    ck_assert_int_eq(in_status("NoNewPrivs", 10), 1);
    ck_assert_int_eq(in_status("Seccomp", 10), state.seccomp ? 2 : 0);
}
END_TEST

START_TEST(programs_and_processes)
{
    char *const argv[] = {(char *)"true", NULL};

    if (!hardened(NULL) || !state.seccomp)
        return;
    ck_assert_int_eq(error_of(execv("/bin/true", argv)), EPERM);
    ck_assert_int_eq(error_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL)), EPERM);
    ck_assert_int_eq(error_of(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)), EPERM);
}
END_TEST

START_TEST(the_network)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};
    int fd;

    if (!hardened(NULL) || !state.seccomp)
        return;
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
        ck_assert_int_eq(error_of(socket(families[i], SOCK_DGRAM, 0)), EPERM);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* for the service manager */
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(mounts_and_namespaces)
{
    if (!hardened(NULL) || !state.seccomp)
        return;
    ck_assert_int_eq(error_of(mount("none", folder, "tmpfs", 0, NULL)), EPERM);
    ck_assert_int_eq(error_of(umount2(folder, MNT_DETACH)), EPERM);
    ck_assert_int_eq(error_of(unshare(CLONE_NEWUSER)), EPERM);
    ck_assert_int_eq(error_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)), EPERM);
    ck_assert_int_eq(error_of(chroot(folder)), EPERM);
    ck_assert_int_eq(error_of(setuid(getuid())), EPERM);
}
END_TEST

START_TEST(files_may_be_changed_in_one_folder)
{

    if (!hardened(NULL) || !state.landlock)
        return;
    ck_assert_int_eq(open_error(folder, "x", O_WRONLY | O_CREAT), 0);
    ck_assert_int_eq(open_error(folder, ".", O_TMPFILE | O_RDWR), 0);
    ck_assert_int_eq(mkdir(at("mine/d"), 0700), 0);
    ck_assert_int_eq(open_error(at("mine/d"), "y", O_WRONLY | O_CREAT), 0);
    ck_assert_int_eq(rename(at("mine/x"), at("mine/z")), 0);
    ck_assert_int_eq(truncate(at("mine/z"), 0), 0);
    ck_assert_int_eq(unlink(at("mine/z")), 0);

    ck_assert_int_eq(open_error(other, "x", O_WRONLY | O_CREAT), EACCES);
    ck_assert_int_eq(open_error(other, "there", O_WRONLY), EACCES);
    ck_assert_int_eq(open_error(other, "there", O_RDONLY), 0);
    ck_assert_int_eq(error_of(unlink(at("other/there"))), EACCES);
    ck_assert_int_eq(error_of(rmdir(other)), EACCES);
    ck_assert_int_eq(open_error("/etc", "passwd", O_RDONLY), EACCES);
    ck_assert_int_eq(open_error("/dev", "null", O_RDWR), 0);
    ck_assert_int_eq(open_error("/proc/self", "mountinfo", O_RDONLY), 0);
}
END_TEST

/* Also what is in a folder of the system, and what does not exist yet. */
START_TEST(roots_are_readable)
{
    const char *here[] = {"/etc/passwd", NULL}, *above[] = {"/etc/no-such-folder/deep", NULL};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (hardened(here) && state.landlock) {
            ck_assert_int_eq(open_error("/etc", "passwd", O_RDONLY), 0);
            ck_assert_int_eq(open_error("/etc", "group", O_RDONLY), EACCES);
        }
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    if (hardened(above) && state.landlock)
        ck_assert_int_eq(open_error("/etc", "group", O_RDONLY), 0);
}
END_TEST

static void *nothing(void *arg)
{
    return arg;
}

START_TEST(threads_children_and_memory_work)
{
    pthread_t thread;
    void *result;
    int status, fd;
    pid_t pid;

    if (!hardened(NULL))
        return;
    ck_assert_int_eq(pthread_create(&thread, NULL, nothing, &state), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &state);
    pid = fork();
    if (pid == 0)
        _exit(7);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    fd = (int)syscall(SYS_memfd_create, "x", 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}
END_TEST

/* Root keeps reading what belongs to others, if a root does. */
START_TEST(root_reads_the_files_of_others)
{
    const char *theirs[] = {other, NULL};

    if (geteuid() != 0 || chown(other, 65534, 65534) < 0 || chmod(other, 0700) < 0 || !hardened(theirs))
        return;
    ck_assert_uint_eq(state.capabilities, UINT64_C(1) << CAP_DAC_READ_SEARCH);
    ck_assert_int_eq(open_error(other, "there", O_RDONLY), 0);
}
END_TEST

/* Also of a root that is not there yet: it will be theirs. */
START_TEST(root_reads_what_appears_among_the_files_of_others)
{
    char later[PATH_MAX];
    const char *theirs[] = {later, NULL};

    snprintf(later, sizeof(later), "%s/agent/sessions", other);
    if (geteuid() != 0 || chown(other, 65534, 65534) < 0 || chmod(other, 0700) < 0 || !hardened(theirs))
        return;
    ck_assert_uint_eq(state.capabilities, UINT64_C(1) << CAP_DAC_READ_SEARCH);
}
END_TEST

START_TEST(nothing_is_given_up_if_it_is_off)
{
    struct hardening none;

    hardening_none(&none, "off");
    ck_assert_str_eq(none.note, "off");
    ck_assert(!none.no_core_dumps && !none.no_new_privileges && !none.landlock && !none.seccomp);
    ck_assert_int_eq((long long)none.capabilities, in_status("CapEff", 16));
    ck_assert_int_eq(in_status("NoNewPrivs", 10), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}
END_TEST

/* Not by a fixture: a process that gave everything up cannot clean up either. */
static bool make_folders(void)
{
    const char *base = getenv("TMPDIR");
    int fd;

    snprintf(scratch, sizeof(scratch), "%.40s/okstrafs-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(scratch))
        return false;
    folder = strdup(at("mine"));
    other = strdup(at("other"));
    fd = mkdir(folder, 0700) == 0 && mkdir(other, 0700) == 0
             ? open(at("other/there"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)
             : -1;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int main(void)
{
    Suite *suite = suite_create("hardening");
    int rc;

    if (!make_folders())
        return EXIT_FAILURE;
    TEST(suite, what_the_kernel_says);
    TEST(suite, programs_and_processes);
    TEST(suite, the_network);
    TEST(suite, mounts_and_namespaces);
    TEST(suite, files_may_be_changed_in_one_folder);
    TEST(suite, roots_are_readable);
    TEST(suite, threads_children_and_memory_work);
    TEST(suite, root_reads_the_files_of_others);
    TEST(suite, root_reads_what_appears_among_the_files_of_others);
    TEST(suite, nothing_is_given_up_if_it_is_off);
    rc = tap_run_apart(suite);
    scratch_teardown();
    return rc;
}
