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

int64_t mount_day(const struct mount *m, int64_t now_ms, int64_t *end_ms)
{
    const struct oks_zone *zone = oks_engine_zone(m->engine);
    int64_t day = oks_zone_day(zone, now_ms / 1000 - (now_ms % 1000 < 0));

    if (end_ms)
        *end_ms = oks_zone_day_start(zone, day + 1) * 1000;
    return oks_zone_day_start(zone, day) * 1000;
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
