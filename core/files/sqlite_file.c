/*
 * A VFS for SQLite that only reads, and the locks that keep what it reads in one state.
 *
 * In the mode of the write-ahead log a commit appends to the log. A checkpoint copies pages from the log to
 * the database, and later the log starts over. A reader that knows the log up to some commit must not see
 * pages that a later checkpoint has copied. So checkpoints are held up while the database is open here, by
 * the lock that each reader of the database alone takes (the first read mark, which keeps pages from being
 * copied), by that of a reader of the log (the second one, which keeps the log from starting over), and by a
 * shared lock on the database (which keeps the last user from deleting the log). All three are places in
 * files, as https://www.sqlite.org/walformat.html describes them. The locks belong to the open file (F_OFD),
 * so another descriptor of this process cannot release them.
 *
 * If there is no -shm, nobody has the database open. sqlite_file_check() finds out whether that has changed.
 *
 * A connection that is paused holds no locks. When it goes on, the log must be as it was: the same head,
 * whose salts change whenever the log starts over, and behind the last frame that is known no frame with
 * these salts.
 *
 * Each connection has a VFS of its own, which is known to SQLite only while the connection is opened.
 *
 * Invariant: no method writes; what SQLite writes to in memory are the regions of one connection.
 */
#include "files/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/passing.h"
#include "files/file_time.h"
#include "files/walk.h"

enum {
    HEADER_BYTES = 100, /* of a database; its first 16 are the magic */
    HEADER_WRITE_VERSION = 18,
    HEADER_READ_VERSION = 19,
    VERSION_WAL = 2,
    REGIONS_MAX = 1 << 14, /* of the index of the log: 64 million frames */
    SHARED_FIRST = 0x40000002,
    SHARED_SIZE = 510,
    READ_MARKS = 123, /* bytes 123 to 127 of -shm; of these the first two */
    LOCK_TRIES = 100,
    TIME_MAX_S = 20,       /* of all queries of a connection */
    STEPS_CHECKED = 20000, /* instructions of SQLite's machine between two looks at the clock */
    CACHE_KIB = 2048,
    LOG_HEAD = 32, /* bytes of the log; its salts are bytes 16 to 23 */
    SALTS = 16,
    SALTS_SIZE = 8,
    FRAME_HEAD = 24, /* its salts are bytes 8 to 15 */
    FRAME_SALTS = 8,
    INDEX_VERSION = 3007000,
    INDEX_PAGE_SIZE = 14, /* where the head of the index has the size of a page, */
    INDEX_FRAMES = 16,    /* and the number of frames */
};

enum part { PART_DATABASE, PART_LOG, PART_SHARED, PARTS };

static const char *const suffixes[PARTS] = {"", "-wal", "-shm"};

struct opened {
    int fd; /* -1: it does not exist */
    struct stat st;
};

struct handle;

struct sqlite_file {
    char path[PATH_MAX];
    struct opened parts[PARTS];
    bool log;    /* in the mode of the write-ahead log */
    bool locked; /* by the locks above, as far as there are files */
    unsigned char log_head[LOG_HEAD];
    const struct handle *main; /* of the database */
    int io_error;              /* of the last call that failed, a negative errno */
    int64_t until_ns;
    sqlite3_vfs vfs;
    char vfs_name[64];
    sqlite3 *db;
};

/* What SQLite knows as an open file. */
struct handle {
    sqlite3_file base;
    struct sqlite_file *file;
    int fd;
    void **regions;
    int n_regions;
};

static struct handle *handle_of(sqlite3_file *base)
{
    return (struct handle *)base;
}

/* --- the methods of a file --- */

static int file_close(sqlite3_file *base)
{
    (void)base; /* the descriptor is the connection's */
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *to, int n, sqlite3_int64 offset)
{
    struct handle *h = handle_of(base);
    int got = 0;

    while (h->fd >= 0 && got < n) {
        ssize_t r = pread(h->fd, (char *)to + got, (size_t)(n - got), offset + got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            h->file->io_error = -errno;
            return SQLITE_IOERR_READ;
        }
        if (r == 0)
            break;
        got += (int)r;
    }
    if (got == n)
        return SQLITE_OK;
    memset((char *)to + got, 0, (size_t)(n - got));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *from, int n, sqlite3_int64 offset)
{
    return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    return SQLITE_READONLY;
}

static int file_sync(sqlite3_file *base, int flags)
{
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    struct handle *h = handle_of(base);
    struct stat st;

    *out = 0;
    if (h->fd < 0)
        return SQLITE_OK;
    if (fstat(h->fd, &st) < 0) {
        h->file->io_error = -errno;
        return SQLITE_IOERR_FSTAT;
    }
    *out = st.st_size;
    return SQLITE_OK;
}

/* What is to be locked is locked since before the open. */
static int file_lock(sqlite3_file *base, int level)
{
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *base, int *out)
{
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    return 4096;
}

static int file_traits(sqlite3_file *base)
{
    return 0;
}

static int shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct handle *h = handle_of(base);

    *out = NULL;
    if (region >= h->n_regions) {
        void **regions;

        if (!extend)
            return SQLITE_OK;
        if (region >= REGIONS_MAX)
            return SQLITE_NOMEM;
        regions = realloc(h->regions, ((size_t)region + 1) * sizeof(*regions));
        if (!regions)
            return SQLITE_NOMEM;
        h->regions = regions;
        while (h->n_regions <= region) {
            regions[h->n_regions] = calloc(1, (size_t)size);
            if (!regions[h->n_regions])
                return SQLITE_NOMEM;
            h->n_regions++;
        }
    }
    *out = h->regions[region];
    return SQLITE_OK;
}

static int shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    return SQLITE_OK; /* nobody else has these regions */
}

static void shm_barrier(sqlite3_file *base)
{
}

static int shm_unmap(sqlite3_file *base, int delete)
{
    struct handle *h = handle_of(base);

    while (h->n_regions > 0)
        free(h->regions[--h->n_regions]);
    free(h->regions);
    h->regions = NULL;
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* --- the methods of the VFS --- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out)
{
    struct sqlite_file *file = vfs->pAppData;
    enum part part = flags & SQLITE_OPEN_MAIN_DB ? PART_DATABASE : PART_LOG;

    base->pMethods = NULL;
    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return SQLITE_CANTOPEN; /* a journal that would have to be played back, or a file for a sort */
    if (part == PART_DATABASE)
        file->main = handle_of(base);
    *handle_of(base) = (struct handle){{&methods}, file, file->parts[part].fd, NULL, 0};
    if (out)
        *out = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    return SQLITE_READONLY;
}

/* An empty journal has nothing to play back, so it is as good as none. */
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    struct sqlite_file *file = vfs->pAppData;
    size_t n = strlen(file->path);
    struct stat st;

    *out = 0;
    if (strncmp(name, file->path, n) == 0 && strcmp(name + n, suffixes[PART_LOG]) == 0)
        *out = file->parts[PART_LOG].fd >= 0; /* as it was when the locks were taken */
    else if (flags == SQLITE_ACCESS_EXISTS && stat(name, &st) == 0)
        *out = !S_ISREG(st.st_mode) || st.st_size > 0;
    else if (flags == SQLITE_ACCESS_EXISTS && !is_absent(-errno)) {
        file->io_error = -errno; /* a journal may be there, and then the pages are not what is committed */
        return SQLITE_IOERR_ACCESS;
    }
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    return snprintf(out, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *out)
{
    memset(out, 0, (size_t)n); /* for names of files that are never made */
    return n;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    const struct timespec ts = {microseconds / 1000000, microseconds % 1000000 * 1000L};

    nanosleep(&ts, NULL);
    return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    *out = 0; /* no query is about the time */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    return 0;
}

static void vfs_init(struct sqlite_file *file)
{
    snprintf(file->vfs_name, sizeof(file->vfs_name), "okstrafs-%p", (void *)file);
    file->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct handle),
        .mxPathname = PATH_MAX + 16,
        .zName = file->vfs_name,
        .pAppData = file,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
}

/* --- the files and their locks --- */

static void part_path(const struct sqlite_file *file, enum part part, char out[PATH_MAX + 8])
{
    snprintf(out, PATH_MAX + 8, "%s%s", file->path, suffixes[part]);
}

/* 0, also if it does not exist; or a negative errno */
static int part_open(struct sqlite_file *file, enum part part)
{
    char path[PATH_MAX + 8];
    int fd;

    part_path(file, part, path);
    fd = oks_open_regular(path, &file->parts[part].st);
    file->parts[part].fd = fd < 0 ? -1 : fd;
    return fd < 0 && fd != -ENOENT ? fd : 0;
}

/* 0; -EBUSY: it is locked for long; -ENOLCK: there are no locks in this filesystem */
static int lock_shared(int fd, off_t start, off_t len)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
            return 0;
        if (errno != EAGAIN && errno != EACCES)
            return -ENOLCK;
        nanosleep(&pause, NULL);
    }
    return -EBUSY;
}

static int read_header(struct sqlite_file *file)
{
    unsigned char header[HEADER_BYTES];
    ssize_t n = pread(file->parts[PART_DATABASE].fd, header, sizeof(header), 0);

    if (n < 0)
        return -errno;
    if (n < (ssize_t)sizeof(header) || memcmp(header, "SQLite format 3", 16) != 0)
        return -EBADMSG;
    file->log = header[HEADER_WRITE_VERSION] == VERSION_WAL || header[HEADER_READ_VERSION] == VERSION_WAL;
    return 0;
}

static int lock_parts(struct sqlite_file *file)
{
    int rc = lock_shared(file->parts[PART_DATABASE].fd, SHARED_FIRST, SHARED_SIZE);

    if (rc == 0)
        rc = part_open(file, PART_SHARED);
    if (rc == 0 && file->parts[PART_SHARED].fd >= 0)
        rc = lock_shared(file->parts[PART_SHARED].fd, READ_MARKS, 2);
    file->locked = rc == 0;
    return rc == -ENOLCK ? 0 : rc;
}

/* Zeros: there is none. */
static void read_log_head(const struct sqlite_file *file, unsigned char to[LOG_HEAD])
{
    int fd = file->parts[PART_LOG].fd;

    if (fd < 0 || pread(fd, to, LOG_HEAD, 0) != LOG_HEAD)
        memset(to, 0, LOG_HEAD);
}

static int open_parts(struct sqlite_file *file)
{
    int rc = part_open(file, PART_DATABASE);

    if (rc == 0 && file->parts[PART_DATABASE].fd < 0)
        rc = -ENOENT;
    if (rc == 0)
        rc = read_header(file);
    if (rc == 0 && file->log)
        rc = lock_parts(file);
    if (rc == 0)
        rc = part_open(file, PART_LOG);
    /* From here on, what the attributes say is compared with what they say at the end. */
    for (int i = 0; rc == 0 && i < PARTS; i++)
        if (file->parts[i].fd >= 0 && fstat(file->parts[i].fd, &file->parts[i].st) < 0)
            rc = -errno;
    read_log_head(file, file->log_head);
    return rc;
}

/* Whether another file is at the path by now. An empty log is as good as none. */
static bool is_exchanged(const struct sqlite_file *file, enum part part)
{
    const struct opened *opened = &file->parts[part];
    char path[PATH_MAX + 8];
    struct stat st;

    part_path(file, part, path);
    if (lstat(path, &st) < 0)
        return opened->fd >= 0 || !is_absent(-errno);
    if (opened->fd < 0)
        return part != PART_LOG || st.st_size > 0;
    return st.st_ino != opened->st.st_ino || st.st_dev != opened->st.st_dev;
}

static bool is_written(const struct opened *opened)
{
    struct stat st;

    if (opened->fd < 0)
        return false;
    return fstat(opened->fd, &st) < 0 || st.st_size != opened->st.st_size ||
           st.st_mtim.tv_sec != opened->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != opened->st.st_mtim.tv_nsec;
}

/* Also if it is not known. */
static bool has_journal(const struct sqlite_file *file)
{
    char path[PATH_MAX + 16];
    struct stat st;

    snprintf(path, sizeof(path), "%s-journal", file->path);
    return lstat(path, &st) < 0 ? !is_absent(-errno) : st.st_size > 0;
}

int sqlite_file_check(const struct sqlite_file *file)
{
    for (int i = 0; i < PARTS; i++)
        if ((file->log || i == PART_DATABASE) && is_exchanged(file, i))
            return -EAGAIN;
    if (file->locked)
        return 0;
    if (is_written(&file->parts[PART_DATABASE]) || is_written(&file->parts[PART_LOG]) || has_journal(file))
        return -EAGAIN;
    return 0;
}

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t tag_of(uint64_t h, const struct stat *st)
{
    h = mix(mix(h, st->st_ino), (uint64_t)st->st_size);
    return mix(mix(h, (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
}

uint64_t sqlite_file_tag(const struct sqlite_file *file)
{
    uint64_t h = 1;

    for (int i = PART_DATABASE; i <= PART_LOG; i++)
        if (file->parts[i].fd >= 0)
            h = tag_of(h, &file->parts[i].st);
    return h;
}

uint64_t sqlite_file_tag_at(const char *path)
{
    char of_part[PATH_MAX + 8];
    uint64_t h = 1;
    struct stat st;

    for (int i = PART_DATABASE; i <= PART_LOG; i++) {
        snprintf(of_part, sizeof(of_part), "%s%s", path, suffixes[i]);
        if (lstat(of_part, &st) == 0)
            h = tag_of(h, &st);
        else if (i == PART_DATABASE || !is_absent(-errno))
            return 0;
    }
    return h;
}

/* --- the connection --- */

/* Not 0: the query ends. */
static int is_late(void *ctx)
{
    const struct sqlite_file *file = ctx;

    return monotonic_ns() > file->until_ns;
}

int sqlite_file_errno(const struct sqlite_file *file, int result)
{
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_IOERR:
        return file->io_error ? file->io_error : -EBADMSG; /* a read behind the end of a file that was cut */
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN: /* a journal that is to be played back */
    case SQLITE_READONLY:
        return -EBUSY;
    default:
        return -EBADMSG;
    }
}

static void set_limits(sqlite3 *db)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, SQLITE_FILE_VALUE_MAX},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_EXPR_DEPTH, 50},
        {SQLITE_LIMIT_COMPOUND_SELECT, 8},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
        {SQLITE_LIMIT_VDBE_OP, 25000},
    };
    static const struct {
        int op, on;
    } flags[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},   {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        sqlite3_db_config(db, flags[i].op, flags[i].on, NULL);
}

/* The first statement reads the schema, and by that the log. */
static int connect_db(struct sqlite_file *file)
{
    char start[160];
    int result;

    vfs_init(file);
    if (sqlite3_vfs_register(&file->vfs, 0) != SQLITE_OK)
        return -ENOMEM;
    result =
        sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, file->vfs_name);
    sqlite3_vfs_unregister(&file->vfs);
    if (result != SQLITE_OK)
        return file->db ? sqlite_file_errno(file, result) : -ENOMEM;
    set_limits(file->db);
    file->until_ns = monotonic_ns() + TIME_MAX_S * INT64_C(1000000000);
    sqlite3_progress_handler(file->db, STEPS_CHECKED, is_late, file);
    snprintf(start, sizeof(start),
             "PRAGMA cache_size=-%d; PRAGMA temp_store=2; PRAGMA cell_size_check=1; PRAGMA mmap_size=0; "
             "BEGIN; SELECT 1 FROM sqlite_master",
             CACHE_KIB);
    result = sqlite3_exec(file->db, start, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : sqlite_file_errno(file, result);
}

int sqlite_file_open(const char *path, struct sqlite_file **out)
{
    struct sqlite_file *file = calloc(1, sizeof(*file));
    int rc;

    if (!file)
        return -ENOMEM;
    for (int i = 0; i < PARTS; i++)
        file->parts[i].fd = -1;
    rc = (size_t)snprintf(file->path, sizeof(file->path), "%s", path) < sizeof(file->path) - 16
             ? open_parts(file)
             : -ENAMETOOLONG;
    if (rc == 0)
        rc = connect_db(file);
    if (rc == 0)
        *out = file;
    else
        sqlite_file_close(file);
    return rc;
}

/* --- pauses --- */

static void unlock(int fd, off_t start, off_t len)
{
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    if (fd >= 0)
        fcntl(fd, F_OFD_SETLK, &lock);
}

/* Whether the log has grown behind the last frame that the index has, or it is not known. */
static bool has_grown(const struct sqlite_file *file)
{
    const struct handle *main = file->main;
    unsigned char frame[FRAME_HEAD];
    uint32_t version, frames;
    uint16_t size;
    ssize_t n;
    off_t at;

    if (file->parts[PART_LOG].fd < 0)
        return false;
    if (main->n_regions == 0)
        return true;
    memcpy(&version, main->regions[0], sizeof(version));
    memcpy(&size, (const char *)main->regions[0] + INDEX_PAGE_SIZE, sizeof(size));
    memcpy(&frames, (const char *)main->regions[0] + INDEX_FRAMES, sizeof(frames));
    if (version != INDEX_VERSION)
        return true;
    at = LOG_HEAD + (off_t)frames * (FRAME_HEAD + (size == 1 ? 65536 : size));
    n = pread(file->parts[PART_LOG].fd, frame, FRAME_HEAD, at);
    if (n != FRAME_HEAD)
        return n < 0;
    return memcmp(frame + FRAME_SALTS, file->log_head + SALTS, SALTS_SIZE) == 0;
}

int sqlite_file_pause(struct sqlite_file *file)
{
    if (!file->locked || sqlite3_exec(file->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        return -EAGAIN;
    file->locked = false;
    unlock(file->parts[PART_DATABASE].fd, SHARED_FIRST, SHARED_SIZE);
    unlock(file->parts[PART_SHARED].fd, READ_MARKS, 2);
    return 0;
}

int sqlite_file_resume(struct sqlite_file *file)
{
    unsigned char head[LOG_HEAD];
    int rc = lock_shared(file->parts[PART_DATABASE].fd, SHARED_FIRST, SHARED_SIZE);

    if (rc == 0 && file->parts[PART_SHARED].fd >= 0)
        rc = lock_shared(file->parts[PART_SHARED].fd, READ_MARKS, 2);
    file->locked = rc == 0;
    read_log_head(file, head);
    if (rc < 0 || sqlite_file_check(file) < 0 || memcmp(head, file->log_head, sizeof(head)) != 0 ||
        has_grown(file))
        return -EAGAIN;
    file->until_ns = monotonic_ns() + TIME_MAX_S * INT64_C(1000000000);
    return sqlite3_exec(file->db, "BEGIN; SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : -EAGAIN;
}

struct sqlite3 *sqlite_file_db(const struct sqlite_file *file)
{
    return file->db;
}

void sqlite_file_close(struct sqlite_file *file)
{
    if (!file)
        return;
    sqlite3_close(file->db);
    for (int i = 0; i < PARTS; i++)
        if (file->parts[i].fd >= 0)
            close(file->parts[i].fd);
    free(file);
}
