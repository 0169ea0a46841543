/*
 * The notifier: a thread that decides when watchers are notified.
 *
 * It polls the engine's change descriptor, and not even that while no file has been looked up. After a change
 * it waits a moment, so that a writer that reads what it has just written comes first. Then it makes a round:
 * a sync of everything in use, and the announcements of each directory whose data changed. Rounds are at
 * least 250 ms apart, so a file is touched at most four times a second. A change during a round or a pause
 * makes the descriptor readable again, so the last state is always announced. The more a round costs, the
 * longer the pause: by the thread's own CPU time, because on a busy machine the wall clock includes other
 * processes.
 *
 * In use is what the inode table holds, because the kernel forgets what no process uses.
 */
#include "watchers/notify.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "watchers/announce.h"
#include "common/clock.h"
#include "common/log.h"
#include "okstrafs/change_fd.h"

enum {
    FIRST_PAUSE_MS = 20,
    ROUND_MS = 250,
    ROUND_MAX_MS = 900, /* "within a second", if the CPU share below allows it */
    CLOCK_MS = 60000,   /* after so long the clock may have been set */
    POLL_MS = 750,      /* between syncs if some folder has no watch */
    CPU_SHARE = 20,     /* a round costs one part in so many of the time, while rounds are short */
    CPU_SHARE_MAX = 4,  /* and never more than one in so many */
};

struct notifier {
    struct mount *m;
    struct toucher *toucher;
    pthread_t thread;
    int wake_fd;
    int change_fd;
    atomic_bool ends;
    atomic_bool armed;  /* the change descriptor wakes the thread */
    atomic_bool works;  /* the thread runs, and has a toucher */
    atomic_bool of_day; /* a window of whole days was looked up: it ends with the day */

    /* for the thread only */
    struct announcer announcer;
    enum tree_need need;
    bool due;     /* a round is due ... */
    int64_t next; /* ... not before this time */
    bool needs_polling;
    int64_t day_end_ms; /* of the local day */
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static int64_t now(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

static void wake(struct notifier *n)
{
    eventfd_write(n->wake_fd, 1);
}

bool notify_works(const struct notifier *n)
{
    return n && atomic_load(&n->works);
}

void notify_found(struct notifier *n, struct inode *inode)
{
    bool waits;

    if (!n)
        return;
    waits = node_shape(&inode->dentry->node) == NODE_DIR && announce_found(n->m, inode);
    if (node_shape(&inode->dentry->node) == NODE_FILE && tree_follows_day(&inode->dentry->node))
        waits |= !atomic_exchange(&n->of_day, true);
    if (waits || !atomic_load(&n->armed))
        wake(n);
}

/* --- what is in use --- */

static enum tree_need greater(enum tree_need a, enum tree_need b)
{
    return a > b ? a : b;
}

/* The root's files have needs of their own; those of other folders need what their folder needs. */
static enum tree_need need_of_root(struct notifier *n)
{
    enum tree_need need = NEED_NOTHING;
    struct dentry **dentries;
    size_t len;

    if (inodes_children(n->m->inodes, inodes_root(n->m->inodes), SIZE_MAX, &dentries, &len) < 0)
        return NEED_ALL;
    for (size_t i = 0; i < len; i++) {
        if (node_shape(&dentries[i]->node) == NODE_FILE)
            need = greater(need, tree_need(&dentries[i]->node));
        dentry_unpin(n->m->inodes, dentries[i]);
    }
    free(dentries);
    return need;
}

static enum tree_need need_of(struct notifier *n, struct inode *const *dirs, size_t len)
{
    enum tree_need need = need_of_root(n);

    for (size_t i = 0; i < len && need < NEED_TARGET; i++)
        need = greater(need, tree_need(&dirs[i]->dentry->node));
    return need;
}

/* A sync of one target reads as much as a sync of all. */
static int sync_for(struct notifier *n, enum tree_need need)
{
    struct oks_target all = {.kind = OKS_ALL};

    return need == NEED_NOTHING ? 0 : oks_engine_sync(n->m->engine, &all, need == NEED_FOUND, &n->ends);
}

/* --- rounds --- */

static void update_day(struct notifier *n)
{
    int64_t start = mount_day(n->m, now_ms(), &n->day_end_ms);

    n->announcer.new_day |= n->announcer.day_ms && n->announcer.day_ms != start;
    n->announcer.day_ms = start;
}

static void make_round(struct notifier *n)
{
    struct inodes *inodes = n->m->inodes;
    struct inode **dirs;
    size_t len;
    bool fresh;

    mount_update_clock(n->m);
    update_day(n);
    oks_engine_changes_seen(n->m->engine);
    atomic_store(&n->armed, false); /* a later lookup wakes the thread, an earlier one is in the table */
    if (inodes_dirs(inodes, &dirs, &len) < 0)
        return;
    n->need = need_of(n, dirs, len);
    atomic_store(&n->armed, n->need > NEED_NOTHING);
    fresh = n->need > NEED_NOTHING && sync_for(n, n->need) == 0;
    n->needs_polling = oks_engine_needs_polling(n->m->engine);
    n->announcer.more = false;
    for (size_t i = 0; i < len; i++) {
        if (fresh && !atomic_load(&n->ends) && !n->announcer.dead)
            announce_dir(&n->announcer, dirs[i]);
        inodes_forget(inodes, dirs[i], 1);
    }
    announce_end(&n->announcer);
    n->announcer.new_day &= !fresh;
    n->due |= n->announcer.more;
    free(dirs);
}

/*
 * A round without announcements, such as the one after each round that made some, must not delay the next
 * change.
 */
static int64_t pause_after(int64_t cpu_us, bool told)
{
    int64_t pause = cpu_us * CPU_SHARE / 1000;

    if (pause > ROUND_MAX_MS)
        pause = ROUND_MAX_MS;
    if (pause < cpu_us * CPU_SHARE_MAX / 1000)
        pause = cpu_us * CPU_SHARE_MAX / 1000;
    return told && pause < ROUND_MS ? ROUND_MS : pause;
}

static void round_with_pause(struct notifier *n)
{
    int64_t start = now(), cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
    uint64_t touches = n->announcer.touches;

    n->due = false;
    make_round(n);
    n->next = start + pause_after(clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu, n->announcer.touches != touches);
}

static void be_due(struct notifier *n, int64_t pause_ms)
{
    int64_t soon = now() + pause_ms;

    if (!n->due && n->next < soon)
        n->next = soon;
    n->due = true;
}

/* --- new lookups --- */

static void record(struct notifier *n, struct inode *dir)
{
    const struct node *node = &dir->dentry->node;
    enum tree_need need = tree_need(node);

    if (!tree_is_settled(n->m->engine, node) && sync_for(n, need) < 0)
        return;
    n->need = greater(n->need, need);
    announce_begin(&n->announcer, dir);
}

static void record_all(struct notifier *n)
{
    struct inode *dir;

    update_day(n);
    while (!atomic_load(&n->ends) && (dir = inodes_next_waiting(n->m->inodes))) {
        record(n, dir);
        inodes_forget(n->m->inodes, dir, 1);
    }
    be_due(n, FIRST_PAUSE_MS); /* for folders that did not wait, and for changes in the meantime */
    atomic_store(&n->armed, n->need > NEED_NOTHING);
}

/* --- the thread --- */

/* The end of a day or a block is known from the clock alone. */
static int64_t next_change(const struct notifier *n)
{
    int64_t next = n->need > NEED_FOUND ? oks_engine_next_change(n->m->engine) : INT64_MAX;

    return atomic_load(&n->of_day) && n->day_end_ms < next ? n->day_end_ms : next;
}

/* The clock may be set meanwhile, hence the bound. */
static int until_change(const struct notifier *n)
{
    int64_t next = next_change(n), left;

    if (next == INT64_MAX)
        return -1;
    left = next - now_ms();
    return left < 0 ? 0 : left > CLOCK_MS ? CLOCK_MS : (int)left;
}

static int timeout_of(const struct notifier *n)
{
    int64_t left;

    if (!n->due)
        return n->needs_polling && n->need > NEED_NOTHING ? POLL_MS : until_change(n);
    left = n->next - now();
    return left < 0 ? 0 : (int)left;
}

static void wait_and_act(struct notifier *n)
{
    bool armed = !n->due && n->need > NEED_NOTHING;
    struct pollfd fds[] = {{.fd = n->wake_fd, .events = POLLIN},
                           {.fd = armed ? n->change_fd : -1, .events = POLLIN}};
    int rc = poll(fds, 2, timeout_of(n));
    eventfd_t count;

    if (rc < 0 || atomic_load(&n->ends))
        return;
    if (fds[0].revents) {
        eventfd_read(n->wake_fd, &count);
        record_all(n);
    }
    if (armed && (fds[1].revents || (rc == 0 && (n->needs_polling || now_ms() >= next_change(n)))))
        be_due(n, rc ? FIRST_PAUSE_MS : 0);
    if (n->due && now() >= n->next)
        round_with_pause(n);
}

static void *notifier_main(void *arg)
{
    struct notifier *n = arg;

    while (!atomic_load(&n->ends) && !n->announcer.dead)
        wait_and_act(n);
    if (atomic_load(&n->ends))
        return NULL;
    atomic_store(&n->works, false);
    inodes_stop_announcing(n->m->inodes);
    log_error("the helper process is gone: file watchers are no longer notified of changes");
    return NULL;
}

int notify_start(struct notifier **out, struct mount *m, struct write_gate *gate, struct toucher *toucher)
{
    struct notifier *n = calloc(1, sizeof(*n));
    int rc;

    if (!n)
        return -ENOMEM;
    n->m = m;
    n->toucher = toucher;
    n->announcer = (struct announcer){.m = m, .gate = gate, .toucher = toucher};
    atomic_init(&n->works, true);
    n->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = n->wake_fd < 0 ? -errno : 0;
    n->change_fd = rc == 0 ? oks_engine_change_fd(m->engine) : -1;
    if (rc == 0 && n->change_fd < 0)
        rc = n->change_fd;
    if (rc == 0)
        rc = -pthread_create(&n->thread, NULL, notifier_main, n);
    if (rc < 0) {
        if (n->wake_fd >= 0)
            close(n->wake_fd);
        free(n);
        return rc;
    }
    *out = n;
    return 0;
}

void notify_stop(struct notifier *n)
{
    if (!n)
        return;
    atomic_store(&n->ends, true);
    wake(n);
    toucher_interrupt(n->toucher);
    oks_engine_wake(n->m->engine);
    pthread_join(n->thread, NULL);
    close(n->wake_fd);
    free(n);
}
