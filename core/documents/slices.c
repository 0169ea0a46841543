/*
 * Slices of a long loop under the model's lock.
 *
 * What identifies a state of the data is its version, as for a document that is kept. Rows of time may also
 * be dropped without a new version, when another kind of them is wanted.
 */
#include "documents/slices.h"

#include <time.h>

#include "files/file_time.h"
#include "sums/model.h"

enum { SLICE_NS = 5000000, PAUSE_NS = 1000 }; /* PAUSE_NS: the least time in which others get the lock */

void slices_begin(struct slices *s, struct model *model)
{
    *s = (struct slices){.model = model,
                         .version = model->versions.last,
                         .emptied = model->timeline.emptied,
                         .since_ns = monotonic_ns()};
}

bool slices_go_on(struct slices *s)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};

    if (s->torn || monotonic_ns() - s->since_ns < SLICE_NS)
        return !s->torn;
    pthread_mutex_unlock(&s->model->lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&s->model->lock);
    s->since_ns = monotonic_ns();
    s->torn = s->version != s->model->versions.last || s->emptied != s->model->timeline.emptied;
    return !s->torn;
}
