/*
 * Fuzzes the FUSE operations: requests as the kernel sends them, without a mount.
 *
 * An input is a program: bytes that choose the next request, its node, its name and its numbers, or a change
 * of the transcripts. This file is the kernel. It keeps to its contract: a node id is one that was replied
 * and not forgotten, a file handle is one that is open, only a folder is looked into, and whatever was looked
 * up is forgotten at the end. Each request must be replied exactly once, with a known errno or a body of the
 * right size, and after all is forgotten nothing may be left in the inode table.
 *
 * The session's custom I/O takes the replies, so nothing needs /dev/fuse.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "inodes/inode.h"
#include "ops/ops.h"
#include "watchers/write_gate.h"

enum {
    NODES = 64,
    HANDLES = 24,
    STEPS_MAX = 400,
    BODY_MAX = 1 << 17,
    SESSIONS = 4,
    TOUCHER = 4242, /* its process id */
    READER = 4243,
};

struct known {
    uint64_t id; /* 0: none */
    uint64_t nlookup;
    mode_t type;
    bool of_gate; /* only the toucher can reach it */
};

struct handle {
    uint64_t node; /* 0: none */
    uint64_t fh;
    bool is_dir, is_direct;
};

/* --- what is served --- */

static char home[PATH_MAX];
static atomic_bool stopping;
static _Atomic pid_t toucher = TOUCHER;
static struct connection connection = {
    .mount = {.wakeups = {.lock = PTHREAD_MUTEX_INITIALIZER}, .clock_lock = PTHREAD_MUTEX_INITIALIZER},
    .pages = {.lock = PTHREAD_MUTEX_INITIALIZER},
    .dirs = {.lock = PTHREAD_MUTEX_INITIALIZER},
    .stopping = &stopping,
};
static struct fuse_session *session;

/* The reply to the request in progress. */
static struct {
    uint64_t unique;
    unsigned n; /* how many there were */
    int error;
    size_t len; /* of the body */
    char body[BODY_MAX];
} reply;

static ssize_t take_reply(int fd, struct iovec *iov, int count, void *ctx)
{
    struct fuse_out_header out;
    size_t len = 0, kept = 0;

    (void)fd;
    (void)ctx;
    REQUIRE(count >= 1 && iov[0].iov_len >= sizeof(out));
    memcpy(&out, iov[0].iov_base, sizeof(out));
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    REQUIRE(len == out.len);
    if (out.unique == 0) /* a notification: `error` is its code */
        return (ssize_t)len;
    REQUIRE(out.unique == reply.unique);
    REQUIRE(out.error <= 0 && out.error > -1000);
    REQUIRE(out.error == 0 || len == sizeof(out));
    reply.n++;
    reply.error = out.error;
    reply.len = len - sizeof(out);
    for (int i = 0; i < count; i++) {
        const char *from = iov[i].iov_base;
        size_t n = iov[i].iov_len;

        if (i == 0) {
            from += sizeof(out);
            n -= sizeof(out);
        }
        if (n > sizeof(reply.body) - kept)
            n = sizeof(reply.body) - kept;
        if (n) /* every byte is read: a sanitizer sees one that is not there */
            memcpy(reply.body + kept, from, n);
        kept += n;
    }
    return (ssize_t)len;
}

static ssize_t read_nothing(int fd, void *buf, size_t len, void *ctx)
{
    (void)fd;
    (void)buf;
    (void)len;
    (void)ctx;
    errno = ENODEV;
    return -1;
}

/* Sends one request. The number of replies must be `replies`. */
static void send_request(uint32_t opcode, uint64_t node, uint32_t pid, const void *body, size_t len,
                         unsigned replies)
{
    static uint64_t unique;
    struct fuse_in_header in = {.len = (uint32_t)(sizeof(in) + len),
                                .opcode = opcode,
                                .unique = unique += 2,
                                .nodeid = node,
                                .uid = getuid(),
                                .gid = getgid(),
                                .pid = pid};
    struct fuse_buf buf = {.size = in.len};
    char *bytes = malloc(in.len);

    REQUIRE(bytes);
    memcpy(bytes, &in, sizeof(in));
    if (len)
        memcpy(bytes + sizeof(in), body, len);
    buf.mem = bytes;
    reply.unique = in.unique;
    reply.n = 0;
    reply.error = 0;
    reply.len = 0;
    fuse_session_process_buf(session, &buf);
    REQUIRE(reply.n == replies);
    free(bytes);
}

/* --- the home --- */

static void write_file(const char *rel, const char *text, int flags)
{
    char path[PATH_MAX + 256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", home, rel);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void make_folder(const char *rel)
{
    char path[PATH_MAX + 256];

    snprintf(path, sizeof(path), "%s/%s", home, rel);
    REQUIRE(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void line_of(char *out, size_t size, unsigned i)
{
    snprintf(
        out, size,
        "{\"type\":\"assistant\",\"sessionId\":\"s%u\",\"cwd\":\"/w/%u\",\"teamName\":\"crew\",\"agentName\":"
        "\"a%u\",\"timestamp\":\"2026-06-%02uT10:%02u:00.000Z\",\"uuid\":\"u%u\",\"message\":{\"id\":\"msg_%"
        "024u\","
        "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%u,"
        "\"output_tokens\":3,\"cache_read_input_tokens\":70}}}\n",
        i % SESSIONS, i % 2, i % 3, 1 + i % 28, i % 60, i, i, i + 1);
}

static void name_of_session(char *out, size_t size, unsigned i)
{
    if (i % SESSIONS == 3)
        snprintf(out, size, "claude/projects/-w-1/s1/subagents/agent-x.jsonl");
    else
        snprintf(out, size, "claude/projects/-w-%u/s%u.jsonl", i % 2, i % SESSIONS);
}

/* What agents and people do while the mount is used. */
static void change(unsigned what, unsigned i)
{
    char rel[128], path[PATH_MAX + 256], line[1024];

    name_of_session(rel, sizeof(rel), i);
    snprintf(path, sizeof(path), "%s/%s", home, rel);
    line_of(line, sizeof(line), what * 17 + i);
    switch (what % 8) {
    case 0:
        unlink(path);
        break;
    case 1:
        write_file(rel, "", O_TRUNC);
        break;
    case 2:
        line[strlen(line) / 2] = '\0';
        write_file(rel, line, O_APPEND);
        break;
    case 3:
        write_file(rel, "\nno JSON\n", O_APPEND);
        break;
    default:
        write_file(rel, line, O_APPEND);
        break;
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_home(void)
{
    nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_home(void)
{
    static const char *const folders[] = {"claude",
                                          "claude/projects",
                                          "claude/projects/-w-0",
                                          "claude/projects/-w-1",
                                          "claude/projects/-w-1/s1",
                                          "claude/projects/-w-1/s1/subagents",
                                          "claude/teams",
                                          "claude/teams/crew",
                                          "config"};
    const char *base = getenv("TMPDIR");

    snprintf(home, sizeof(home), "%s/okstrafs-fuzz-XXXXXX", base ? base : "/tmp");
    REQUIRE(mkdtemp(home));
    atexit(remove_home);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        make_folder(folders[i]);
    write_file(
        "claude/teams/crew/config.json",
        "{\"name\":\"crew\",\"leadSessionId\":\"s0\",\"members\":[{\"name\":\"a0\",\"agentId\":\"a0@crew\"},"
        "{\"name\":\"a1\",\"agentId\":\"a1@crew\"}]}",
        O_TRUNC);
}

/* --- the session --- */

static void initialise(void)
{
    struct fuse_init_in init = {
        .major = FUSE_KERNEL_VERSION, .minor = 38, .max_readahead = 1 << 17, .flags = 0x7fffff};

    send_request(FUSE_INIT, 0, 0, &init, sizeof(init), 1);
    REQUIRE(reply.error == 0);
}

static void quiet(enum fuse_log_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
}

static void start(void)
{
    static const struct fuse_custom_io io = {.writev = take_reply, .read = read_nothing};
    static char claude[PATH_MAX + 16], okstra[PATH_MAX + 16], none[PATH_MAX + 16];
    const char *dirs[] = {claude, NULL}, *empty[] = {none, NULL};
    struct oks_config config = {.okstra_home = okstra,
                                .dirs[OKS_SOURCE_CLAUDE] = dirs,
                                .dirs[OKS_SOURCE_CODEX] = empty,
                                .dirs[OKS_SOURCE_GEMINI] = empty,
                                .no_cache = true};
    char *argv[] = {"fuzz_ops", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct mount *m = &connection.mount;
    struct inodes_config inodes = {.idle_max = 1 << 20, .default_ns = 1000};

    make_home();
    snprintf(claude, sizeof(claude), "%s/claude", home);
    snprintf(okstra, sizeof(okstra), "%s/okstra", home);
    snprintf(none, sizeof(none), "%s/none", home);
    fuse_set_log_func(quiet);
    REQUIRE(oks_engine_new(&m->engine, &config) == 0);
    m->spool = spool_new(NULL);
    inodes.spool = m->spool;
    REQUIRE(m->spool && inodes_new(&m->inodes, &inodes) == 0);
    REQUIRE(write_gate_new(&connection.gate, m->inodes, &toucher) == 0);
    session = fuse_session_new(&args, &mount_ops, sizeof(mount_ops), &connection);
    REQUIRE(session && fuse_session_custom_io(session, &io, open("/dev/null", O_RDWR | O_CLOEXEC)) == 0);
    fuse_opt_free_args(&args);
    connection.pages.session = session;
    initialise();
}

/* --- the program of an input --- */

struct program {
    const uint8_t *p, *end;
    struct known nodes[NODES];
    struct handle handles[HANDLES];
    uint32_t pid;
    /* the gate is open for an act, with references to both */
    struct inode *gate_dir, *gate_inode;
};

static unsigned byte(struct program *pr)
{
    return pr->p < pr->end ? *pr->p++ : 0;
}

static uint64_t number(struct program *pr)
{
    static const uint64_t odd[] = {0, 1, 4095, 4096, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MAX - 4095};
    unsigned kind = byte(pr);

    if (kind < 8)
        return odd[kind];
    return kind < 128 ? byte(pr) : byte(pr) << 8 | byte(pr);
}

static const char *const names[] = {
    "sessions",
    "teams",
    "projects",
    "stats",
    "window",
    "usage.json",
    "requests.jsonl",
    "events.jsonl",
    "ledger.jsonl",
    "status.json",
    "README.txt",
    "pricing.json",
    "metrics.prom",
    "total_tokens",
    "cost_usd",
    "cache_hit_ratio",
    "context.json",
    "by-model.json",
    "by-day.json",
    "by-hour.json",
    "by-week.json",
    "by-month.json",
    "yesterday",
    "this-week.json",
    "2026-W24",
    "blocks.json",
    "by-project.json",
    "s0",
    "s1",
    "s2",
    "s",
    "crew",
    "CREW",
    "members",
    "a0",
    "a1",
    "runs",
    "-w-0",
    "-w-1",
    "subagents",
    "agent-x",
    "project",
    "projection.json",
    "today",
    "2026-06-10",
    "_now.json",
    "_.json",
    "2026-06-10_.json",
    "-1h_now",
    "@0_@99999999999.json",
    "2026-06-10T01:00Z_2026-06-20.json",
    ".",
    "..",
    "budgets",
    ".okstrafs-gate",
    "inode",
    "nothing",
    "last-5h",
    "yesterday",
    "current",
};

/* One of the names above, or any bytes; with a NUL behind. Returns the length with it. */
static size_t name_of(struct program *pr, char out[300])
{
    unsigned kind = byte(pr);
    size_t n = 0, len;

    if (kind < sizeof(names) / sizeof(*names)) {
        snprintf(out, 300, "%s", names[kind]);
        return strlen(out) + 1;
    }
    len = 1 + (kind == 255 ? 255 : kind % 40);
    while (n < len) {
        unsigned c = byte(pr);

        out[n++] = c == 0 || c == '/' ? 'x' : (char)c;
    }
    out[n] = '\0';
    return n + 1;
}

static struct known *node_at(struct program *pr, mode_t type)
{
    unsigned at = byte(pr) % NODES;

    for (unsigned i = 0; i < NODES; i++) {
        struct known *k = &pr->nodes[(at + i) % NODES];

        if (k->id && (!type || (k->type & S_IFMT) == type)) {
            pr->pid = k->of_gate || byte(pr) % 8 == 7 ? TOUCHER : READER;
            return k;
        }
    }
    return NULL;
}

static struct handle *handle_at(struct program *pr, bool is_dir)
{
    unsigned at = byte(pr) % HANDLES;

    for (unsigned i = 0; i < HANDLES; i++) {
        struct handle *h = &pr->handles[(at + i) % HANDLES];

        if (h->node && h->is_dir == is_dir)
            return h;
    }
    return NULL;
}

/* Node ids are pointers, so a reply for one that is known must be of its type. */
static void remember(struct program *pr, const struct fuse_entry_out *entry, bool of_gate)
{
    struct known *room = NULL;

    REQUIRE(entry->nodeid > FUSE_ROOT_ID);
    REQUIRE(S_ISDIR(entry->attr.mode) || S_ISREG(entry->attr.mode) || S_ISLNK(entry->attr.mode));
    REQUIRE(entry->attr.ino != 0 && (S_ISLNK(entry->attr.mode) || !(entry->attr.mode & 0222)));
    for (int i = 0; i < NODES; i++) {
        struct known *k = &pr->nodes[i];

        if (k->id == entry->nodeid) {
            REQUIRE((k->type & S_IFMT) == (entry->attr.mode & S_IFMT));
            k->nlookup++;
            return;
        }
        if (!k->id && !room)
            room = k;
    }
    if (room) {
        *room = (struct known){entry->nodeid, 1, entry->attr.mode, of_gate};
    } else {
        struct fuse_forget_in forget = {.nlookup = 1};

        send_request(FUSE_FORGET, entry->nodeid, READER, &forget, sizeof(forget), 0);
    }
}

static void take_entry(struct program *pr, size_t more, bool of_gate)
{
    struct fuse_entry_out entry;

    if (reply.error)
        return;
    REQUIRE(reply.len == sizeof(entry) + more);
    memcpy(&entry, reply.body, sizeof(entry));
    remember(pr, &entry, of_gate);
}

static void look_up(struct program *pr)
{
    struct known *dir = node_at(pr, S_IFDIR);
    bool of_gate;
    char name[300];
    size_t len = name_of(pr, name);

    if (!dir)
        return;
    send_request(FUSE_LOOKUP, dir->id, pr->pid, name, len, 1);
    of_gate = dir->of_gate || (pr->pid == TOUCHER && strcmp(name, GATE_FOLDER) == 0);
    take_entry(pr, 0, of_gate);
}

/* Not of what is open: the kernel holds a reference for it. */
static void forget(struct program *pr, struct known *k, uint64_t nlookup)
{
    struct fuse_forget_in in = {.nlookup = nlookup < k->nlookup ? nlookup : k->nlookup};

    for (int i = 0; i < HANDLES; i++)
        if (pr->handles[i].node == k->id && in.nlookup == k->nlookup)
            in.nlookup--;
    if (k->id == FUSE_ROOT_ID || in.nlookup == 0)
        return;
    send_request(FUSE_FORGET, k->id, READER, &in, sizeof(in), 0);
    k->nlookup -= in.nlookup;
    if (k->nlookup == 0)
        k->id = 0;
}

static void forget_several(struct program *pr)
{
    struct {
        struct fuse_batch_forget_in head;
        struct fuse_forget_one one[8];
    } in = {.head.count = 0};

    for (int i = 0; i < NODES && in.head.count < 8; i++) {
        struct known *k = &pr->nodes[i];

        if (k->nlookup < 2 || k->id == FUSE_ROOT_ID)
            continue;
        in.one[in.head.count++] = (struct fuse_forget_one){.nodeid = k->id, .nlookup = 1};
        k->nlookup--;
    }
    if (in.head.count)
        send_request(FUSE_BATCH_FORGET, 0, READER, &in, sizeof(in.head) + in.head.count * sizeof(in.one[0]),
                     0);
}

static void open_one(struct program *pr, bool is_dir)
{
    static const int modes[] = {O_RDONLY, O_RDONLY,           O_RDONLY,           O_WRONLY,
                                O_RDWR,   O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND};
    struct known *k = node_at(pr, is_dir ? S_IFDIR : S_IFREG);
    struct fuse_open_in in = {.flags = is_dir ? O_RDONLY : (uint32_t)modes[byte(pr) % 7]};
    struct fuse_open_out out;

    if (!k || k->of_gate)
        return;
    for (int i = 0; i < HANDLES; i++) {
        struct handle *h = &pr->handles[i];

        if (h->node)
            continue;
        send_request(is_dir ? FUSE_OPENDIR : FUSE_OPEN, k->id, pr->pid, &in, sizeof(in), 1);
        if (reply.error)
            return;
        REQUIRE(reply.len == sizeof(out));
        memcpy(&out, reply.body, sizeof(out));
        REQUIRE(in.flags == O_RDONLY || pr->pid == TOUCHER);
        *h = (struct handle){k->id, out.fh, is_dir, out.open_flags & FOPEN_DIRECT_IO};
        return;
    }
}

static void check_names(size_t len)
{
    size_t at = 0;

    while (at < len) {
        const struct fuse_dirent *d = (const void *)(reply.body + at);

        REQUIRE(len - at >= FUSE_NAME_OFFSET + d->namelen);
        REQUIRE(d->namelen > 0 && d->namelen <= 255 && !memchr(d->name, '/', d->namelen));
        REQUIRE(d->ino != 0);
        at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d->namelen);
    }
}

static void read_one(struct program *pr, bool is_dir)
{
    struct handle *h = handle_at(pr, is_dir);
    struct fuse_read_in in = {.size = (uint32_t)number(pr) % BODY_MAX, .offset = number(pr)};

    if (!h)
        return;
    in.fh = h->fh;
    if (!is_dir && in.offset > (uint64_t)INT64_MAX - in.size)
        in.offset = INT64_MAX - in.size; /* the kernel checks that */
    send_request(is_dir ? FUSE_READDIR : FUSE_READ, h->node, READER, &in, sizeof(in), 1);
    REQUIRE(reply.len <= in.size);
    if (is_dir && !reply.error)
        check_names(reply.len);
}

static void poll_one(struct program *pr)
{
    struct handle *h = handle_at(pr, false);
    struct fuse_poll_in in = {.kh = 77, .flags = byte(pr) & FUSE_POLL_SCHEDULE_NOTIFY, .events = 0xffff};

    if (!h)
        return;
    in.fh = h->fh;
    send_request(FUSE_POLL, h->node, READER, &in, sizeof(in), 1);
}

static void release(struct handle *h)
{
    struct fuse_release_in in = {.fh = h->fh};

    send_request(h->is_dir ? FUSE_RELEASEDIR : FUSE_RELEASE, h->node, READER, &in, sizeof(in), 1);
    REQUIRE(reply.error == 0);
    h->node = 0;
}

static void get_attributes(struct program *pr)
{
    struct fuse_getattr_in in = {0};
    struct known *k = node_at(pr, 0);
    struct fuse_attr_out out;

    if (!k)
        return;
    send_request(FUSE_GETATTR, k->id, pr->pid, &in, sizeof(in), 1);
    REQUIRE(reply.error == 0 && reply.len == sizeof(out));
    memcpy(&out, reply.body, sizeof(out));
    REQUIRE((out.attr.mode & S_IFMT) == (k->type & S_IFMT));
}

static void set_attributes(struct program *pr)
{
    struct fuse_setattr_in in = {.valid = (uint32_t)number(pr), .size = number(pr)};
    struct known *k = node_at(pr, 0);

    if (k && byte(pr) % 2)
        in.valid = FATTR_MTIME | FATTR_MTIME_NOW | FATTR_CTIME;
    in.valid &= ~(uint32_t)FATTR_FH;
    if (!k)
        return;
    send_request(FUSE_SETATTR, k->id, pr->pid, &in, sizeof(in), 1);
    REQUIRE(reply.error == -EROFS || pr->pid == TOUCHER);
}

/* Requests with one node and a body of numbers that all must be refused, or have no handler. */
static void refused(struct program *pr)
{
    static const struct {
        uint32_t opcode;
        size_t len;
    } all[] = {
        {FUSE_WRITE, sizeof(struct fuse_write_in)},
        {FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in)},
        {FUSE_GETXATTR, sizeof(struct fuse_getxattr_in) + 2},
        {FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in)},
        {FUSE_REMOVEXATTR, 2},
        {FUSE_FSYNC, sizeof(struct fuse_fsync_in)},
        {FUSE_FLUSH, sizeof(struct fuse_flush_in)},
        {FUSE_LSEEK, sizeof(struct fuse_lseek_in)},
        {FUSE_IOCTL, sizeof(struct fuse_ioctl_in)},
        {FUSE_BMAP, sizeof(struct fuse_bmap_in)},
        {FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in)},
        {9999, 8},
    };
    unsigned i = byte(pr) % (sizeof(all) / sizeof(*all));
    struct known *k = node_at(pr, 0);
    union {
        struct fuse_write_in write;
        char bytes[256];
    } body = {.bytes = {0}};

    if (!k)
        return;
    if (all[i].opcode == FUSE_REMOVEXATTR || all[i].opcode == FUSE_GETXATTR)
        body.bytes[all[i].len - 2] = 'x';
    send_request(all[i].opcode, k->id, pr->pid, &body, all[i].len, 1);
    REQUIRE(reply.error < 0);
}

/* Requests that make, remove or rename a name. */
static void rename_one(struct program *pr)
{
    char bytes[sizeof(struct fuse_rename2_in) + 600] = {0}, name[300];
    struct known *dir = node_at(pr, S_IFDIR), *other = node_at(pr, S_IFDIR);
    unsigned kind = byte(pr) % 9;
    size_t len = name_of(pr, name), head = 0;
    uint32_t opcode = 0;

    if (!dir || !other)
        return;
    if (dir->of_gate)
        pr->pid = TOUCHER;
    switch (kind) {
    case 0:
        opcode = FUSE_MKDIR;
        head = sizeof(struct fuse_mkdir_in);
        break;
    case 1:
        opcode = FUSE_UNLINK;
        break;
    case 2:
        opcode = FUSE_RMDIR;
        break;
    case 3:
        opcode = FUSE_MKNOD;
        head = sizeof(struct fuse_mknod_in);
        break;
    case 4:
        opcode = FUSE_CREATE;
        head = sizeof(struct fuse_create_in);
        break;
    case 5:
        opcode = FUSE_SYMLINK;
        break;
    case 6:
        opcode = FUSE_LINK;
        head = sizeof(struct fuse_link_in);
        ((struct fuse_link_in *)bytes)->oldnodeid = other->id;
        break;
    case 7:
        opcode = FUSE_RENAME;
        head = sizeof(struct fuse_rename_in);
        ((struct fuse_rename_in *)bytes)->newdir = other->id;
        break;
    default:
        opcode = FUSE_SETXATTR;
        head = 8; /* without FUSE_SETXATTR_EXT */
        break;
    }
    memcpy(bytes + head, name, len);
    if (opcode == FUSE_SYMLINK || opcode == FUSE_RENAME) /* two names */
        memcpy(bytes + head + len, "x", 2);
    send_request(opcode, dir->id, pr->pid, bytes, head + 2 * len + 2, 1);
    REQUIRE(reply.error < 0 || pr->pid == TOUCHER);
    if (opcode == FUSE_MKDIR || opcode == FUSE_SYMLINK)
        take_entry(pr, 0, false);
    else if (opcode == FUSE_CREATE)
        take_entry(pr, sizeof(struct fuse_open_out), false);
}

static void shut_gate(struct program *pr)
{
    struct inodes *inodes = connection.mount.inodes;

    if (!pr->gate_dir)
        return;
    write_gate_shut(connection.gate);
    inodes_forget(inodes, pr->gate_inode, 1);
    inodes_forget(inodes, pr->gate_dir, 1);
    pr->gate_dir = pr->gate_inode = NULL;
}

/* As the notifier does, of a name that is in the table. */
static void open_gate(struct program *pr)
{
    static char name[300];
    struct inodes *inodes = connection.mount.inodes;
    enum write_gate_act act = GATE_TOUCH + (int)(byte(pr) % 5);
    struct known *k = node_at(pr, S_IFDIR);
    char next[300];
    struct inode *dir, *found;

    name_of(pr, next);
    if (!k || k->of_gate)
        return;
    shut_gate(pr);
    strcpy(name, next);
    dir = k->id == FUSE_ROOT_ID ? inodes_root(inodes) : (struct inode *)(uintptr_t)k->id;
    found = inodes_find(inodes, dir, name);
    if (!found)
        return;
    if ((act == GATE_TOUCH || act == GATE_TOUCH_OLD) && node_shape(&found->dentry->node) != NODE_FILE)
        act = GATE_REMOVE;
    inodes_hold(inodes, dir);
    pr->gate_dir = dir;
    pr->gate_inode = found;
    write_gate_open(connection.gate, act, dir, name, found);
}

static void run(struct program *pr)
{
    struct known *k;
    struct handle *h;

    switch (byte(pr) % 24) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        look_up(pr);
        break;
    case 6:
        k = node_at(pr, 0);
        if (k)
            forget(pr, k, 1 + byte(pr) % 3);
        break;
    case 7:
        forget_several(pr);
        break;
    case 8:
        get_attributes(pr);
        break;
    case 9:
    case 10:
        open_one(pr, false);
        break;
    case 11:
        open_one(pr, true);
        break;
    case 12:
    case 13:
        read_one(pr, false);
        break;
    case 14:
        read_one(pr, true);
        break;
    case 15:
        poll_one(pr);
        break;
    case 16:
        h = handle_at(pr, byte(pr) % 2);
        if (h)
            release(h);
        break;
    case 17:
        k = node_at(pr, S_IFLNK);
        if (k) {
            send_request(FUSE_READLINK, k->id, pr->pid, NULL, 0, 1);
            REQUIRE(reply.error == 0 && reply.len > 0);
        }
        break;
    case 18:
        k = node_at(pr, 0);
        if (k)
            send_request(byte(pr) % 2 ? FUSE_STATFS : FUSE_ACCESS, k->id, pr->pid,
                         &(struct fuse_access_in){.mask = byte(pr) % 8}, sizeof(struct fuse_access_in), 1);
        break;
    case 19:
        set_attributes(pr);
        break;
    case 20:
        refused(pr);
        break;
    case 21:
        rename_one(pr);
        break;
    case 22:
        if (byte(pr) % 4)
            open_gate(pr);
        else
            shut_gate(pr);
        break;
    default:
        change(byte(pr), byte(pr));
        break;
    }
}

static void finish(struct program *pr)
{
    shut_gate(pr);
    for (int i = 0; i < HANDLES; i++)
        if (pr->handles[i].node)
            release(&pr->handles[i]);
    for (int i = 0; i < NODES; i++)
        if (pr->nodes[i].id)
            forget(pr, &pr->nodes[i], pr->nodes[i].nlookup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t at_rest;
    struct program pr = {.p = data, .end = data + size};

    if (!session) {
        start();
        at_rest = inodes_count(connection.mount.inodes);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        char rel[128], line[1024];

        name_of_session(rel, sizeof(rel), i);
        line_of(line, sizeof(line), i);
        write_file(rel, line, O_TRUNC);
    }
    pr.nodes[0] = (struct known){FUSE_ROOT_ID, 1, S_IFDIR, false};
    for (int i = 0; i < STEPS_MAX && pr.p < pr.end; i++)
        run(&pr);
    finish(&pr);
    REQUIRE(inodes_count(connection.mount.inodes) == at_rest);
    return 0;
}
