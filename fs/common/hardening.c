/*
 * Hardening by system calls that need no library: prctl(2), capset(2), Landlock, and a seccomp filter.
 *
 * Files are read anywhere, because transcripts name the folders of projects, and those may be anywhere. So
 * Landlock allows reading below every folder of "/" but those of the system's own settings and devices. It
 * allows changes in one folder only. A rule belongs to a folder that exists: what appears in it later is
 * covered.
 *
 * The filter names what is forbidden, because the C library, libfuse and OpenSSL of other versions make other
 * system calls. It returns an error and never kills.
 */
#include "common/hardening.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- where it cannot work --- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

/* NULL: nowhere here. */
static const char *obstacle(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

#ifdef SANITIZED
    return "this program was built with a sanitizer, which writes its reports anywhere";
#endif
    if (preloaded && strstr(preloaded, "vgpreload"))
        return "this program runs under valgrind";
    return NULL;
}

/* Of the runtimes that count coverage: what they count is written at the end, next to the object files. */
void __gcov_init(void *) __attribute__((weak));
extern int __llvm_profile_runtime __attribute__((weak));

static bool counts_coverage(void)
{
    return __gcov_init || &__llvm_profile_runtime;
}

/* --- core dumps --- */

bool hardening_no_core_dumps(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0;
}

/* --- capabilities --- */

static const uint64_t reading = UINT64_C(1) << CAP_DAC_READ_SEARCH, unmounting = UINT64_C(1) << CAP_SYS_ADMIN;

static uint64_t capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (syscall(SYS_capget, &head, data) < 0)
        return UINT64_MAX;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* Of those in force, keeps these. They cannot come back by exec(2) either. */
static void keep_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    kept &= capabilities();
    for (int cap = 0; cap < 64; cap++)
        if (!(kept >> cap & 1))
            prctl(PR_CAPBSET_DROP, cap);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    data[0].effective = data[0].permitted = (uint32_t)kept;
    data[1].effective = data[1].permitted = (uint32_t)(kept >> 32);
    syscall(SYS_capset, &head, data);
}

void hardening_keep_unmounting(void)
{
    if (!obstacle() && capabilities())
        keep_capabilities(unmounting | reading);
}

/* Of what may appear later, the owner of the nearest folder above counts. False: also where that is not
 * known. */
static bool is_ours(const char *path)
{
    char *copy = strdup(path), *slash = copy;
    struct stat st;
    int rc = copy ? -ENOENT : -ENOMEM;

    while (slash && (rc == -ENOENT || rc == -ENOTDIR)) {
        rc = stat(*copy ? copy : "/", &st) < 0 ? -errno : 0;
        slash = strrchr(copy, '/');
        if (slash)
            *slash = '\0';
    }
    free(copy);
    return rc == 0 && st.st_uid == geteuid();
}

/* Whether root needs its power to read what belongs to others. */
static bool are_all_ours(const struct hardening_paths *paths)
{
    if (paths->reads_others)
        return false;
    for (unsigned i = 0; i < paths->n_readable; i++)
        for (const char *const *path = paths->readable[i]; path && *path; path++)
            if (!is_ours(*path))
                return false;
    return true;
}

/* --- Landlock --- */

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
                      all_rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, /* of version 1 */
    change_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE,
                      file_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                    LANDLOCK_ACCESS_FS_TRUNCATE;

/* What the kernel's version of Landlock can forbid. */
static uint64_t handled_rights(int version)
{
    return all_rights | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
           (version >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0);
}

struct ruleset {
    int fd;
    uint64_t handled;
};

/* Nothing here sends a request to the own mount, which nobody answers yet. 0 or a negative errno */
static int allow(const struct ruleset *rules, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & rules->handled,
                                              .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct statx st;
    int rc = rule.parent_fd < 0 ||
                     statx(rule.parent_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0
                 ? -errno
                 : 0;

    if (rc == 0 && !S_ISDIR(st.stx_mode))
        rule.allowed_access &= file_rights;
    if (rc == 0 && syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        rc = -errno;
    if (rule.parent_fd >= 0)
        close(rule.parent_fd);
    return rc;
}

/* Or the nearest folder above that exists, where it may appear. */
static void allow_future(const struct ruleset *rules, const char *path, uint64_t rights)
{
    char *copy = strdup(path), *slash = copy;

    while (copy && slash && allow(rules, *copy ? copy : "/", rights) < 0) {
        slash = strrchr(copy, '/');
        if (slash)
            *slash = '\0';
    }
    free(copy);
}

/* Projects are in none of these. Of /proc, what matters is refused between processes anyway. */
static bool is_of_system(const char *name)
{
    static const char *const names[] = {".", "..", "boot", "dev", "etc", "lost+found", "sys"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void allow_top(const struct ruleset *rules)
{
    DIR *top = opendir("/");
    const struct dirent *entry;
    char path[sizeof(entry->d_name) + 1];

    while (top && (entry = readdir(top)))
        if (!is_of_system(entry->d_name)) {
            snprintf(path, sizeof(path), "/%s", entry->d_name);
            allow(rules, path, read_rights);
        }
    if (top)
        closedir(top);
}

static void allow_paths(const struct ruleset *rules, const struct hardening_paths *paths)
{
    /* What libraries read when they are first used. */
    static const char *const of_libraries[] = {"/etc/ld.so.cache", "/etc/localtime", "/etc/ssl",
                                               "/dev/random",      "/dev/urandom",   "/dev/shm"};

    allow_top(rules);
    for (size_t i = 0; i < sizeof(of_libraries) / sizeof(*of_libraries); i++)
        allow(rules, of_libraries[i], read_rights);
    allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (unsigned i = 0; i < paths->n_readable; i++)
        for (const char *const *path = paths->readable[i]; path && *path; path++)
            allow_future(rules, *path, read_rights);
    if (paths->writable)
        allow(rules, paths->writable, read_rights | change_rights);
    if (paths->mount)
        allow(rules, paths->mount, rules->handled);
}

/* Its version, or 0. */
static int landlock(const struct hardening_paths *paths)
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr = {.handled_access_fs = handled_rights(version)};
    struct ruleset rules = {.handled = attr.handled_access_fs};

    if (version <= 0)
        return 0;
    rules.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (rules.fd < 0)
        return 0;
    allow_paths(&rules, paths);
    if (counts_coverage())
        allow(&rules, "/", rules.handled);
    if (syscall(SYS_landlock_restrict_self, rules.fd, 0) < 0)
        version = 0;
    close(rules.fd);
    return counts_coverage() ? 0 : version;
}

/* --- seccomp --- */

#if defined(__x86_64__) && defined(__LP64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

static const int forbidden[] = {
    /* programs, and the memory of others */
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_kcmp,
    /* mounts and namespaces */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_open_by_handle_at,
    /* users */
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_capset,
    /* the kernel */
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_fanotify_init,
    SYS_personality,
    /* the machine */
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_syslog,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_quotactl,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

enum {
    NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                 CLONE_NEWNET
};

#define COUNT(array)                 (sizeof(array) / sizeof(*(array)))
#define OF_CALL(field)               offsetof(struct seccomp_data, field)
#define LOAD(offset)                 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(value)                BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS(test, value, skipped) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, skipped)
#define REFUSE                       RETURN(SECCOMP_RET_ERRNO | EPERM)

enum { HEAD = 20, PROGRAM_MAX = HEAD + 2 * COUNT(forbidden) + 1 };

static size_t write_program(struct sock_filter *program)
{
    const struct sock_filter head[] = {
        LOAD(OF_CALL(arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        REFUSE,
        LOAD(OF_CALL(nr)),
        UNLESS(BPF_JGE, 0x40000000, 1), /* of another ABI of the same machine */
        REFUSE,
        /* Its flags are in memory, where a filter sees nothing. The C library falls back to clone. */
        UNLESS(BPF_JEQ, SYS_clone3, 1),
        RETURN(SECCOMP_RET_ERRNO | ENOSYS),
        UNLESS(BPF_JEQ, SYS_clone, 4),
        LOAD(OF_CALL(args[0])),
        UNLESS(BPF_JSET, NAMESPACES, 1),
        REFUSE,
        RETURN(SECCOMP_RET_ALLOW),
        /* The service manager listens on a socket of this machine. */
        UNLESS(BPF_JEQ, SYS_socket, 4),
        LOAD(OF_CALL(args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
        REFUSE,
        RETURN(SECCOMP_RET_ALLOW),
    };
    size_t n = COUNT(head);

    _Static_assert(COUNT(head) <= HEAD, "the program has room for the head");
    memcpy(program, head, sizeof(head));
    for (size_t i = 0; i < COUNT(forbidden); i++) {
        program[n++] = (struct sock_filter)UNLESS(BPF_JEQ, (unsigned)forbidden[i], 1);
        program[n++] = (struct sock_filter)REFUSE;
    }
    program[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    return n;
}

static bool seccomp(void)
{
    struct sock_filter filter[PROGRAM_MAX];
    struct sock_fprog program = {.len = (unsigned short)write_program(filter), .filter = filter};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

static bool seccomp(void)
{
    return false;
}

#endif

/* --- all of it --- */

void hardening_none(struct hardening *state, const char *note)
{
    *state = (struct hardening){.note = note, .capabilities = capabilities()};
}

void hardening_apply(const struct hardening_paths *paths, struct hardening *state)
{
    hardening_none(state, obstacle());
    if (state->note)
        return;
    state->tried = true;
    state->no_core_dumps = hardening_no_core_dumps();
    state->no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    state->landlock = state->no_new_privileges ? landlock(paths) : 0;
    keep_capabilities(are_all_ours(paths) ? 0 : reading);
    state->capabilities = capabilities();
    state->seccomp = state->no_new_privileges && seccomp();
    if (!state->no_new_privileges)
        state->note = "PR_SET_NO_NEW_PRIVS is refused here";
    else if (!state->landlock)
        state->note = counts_coverage() ? "this program counts coverage, and writes it anywhere"
                                        : "this kernel has no Landlock";
    else if (!state->seccomp)
        state->note = "this kernel has no seccomp filters, or not for this CPU";
}
