/*
 * Operations on a mount's shared state, for any thread.
 */
#include "serve/mount_state.h"

#include "common/clock.h"

int64_t mount_update_clock(struct mount *m)
{
    int64_t now;

    pthread_mutex_lock(&m->clock_lock);
    now = now_ms();
    oks_engine_clock(m->engine, now);
    pthread_mutex_unlock(&m->clock_lock);
    return now;
}

void mount_wake(struct mount *m, struct stream_file *stream)
{
    pthread_mutex_lock(&m->wakeups.lock);
    if (!m->wakeups.stopped)
        stream_file_wake(stream);
    pthread_mutex_unlock(&m->wakeups.lock);
}

void mount_stop_wakeups(struct mount *m)
{
    pthread_mutex_lock(&m->wakeups.lock);
    m->wakeups.stopped = true;
    pthread_mutex_unlock(&m->wakeups.lock);
}
