/*
 * The model: all data of the transcripts, and the lock that protects it. Budgets, streams and documents read
 * it; only the engine changes it.
 *
 *     pthread_mutex_lock(&model->lock);
 *     s = catalog_session(&model->catalog, name);
 *     ...
 *     pthread_mutex_unlock(&model->lock);
 *
 * Lock order: this lock comes first; the cache has one of its own below it. Do not call anything that may
 * wait for a file while holding it.
 */
#ifndef OKSTRAFS_SUMS_MODEL_H
#define OKSTRAFS_SUMS_MODEL_H

#include <pthread.h>

#include "base/intern.h"
#include "base/versions.h"
#include "billing/billing.h"
#include "catalog/catalog.h"
#include "settings/settings.h"
#include "sums/sums.h"
#include "sums/timeline.h"
#include "teams/runs.h"

struct model {
    pthread_mutex_t lock; /* protects everything below */
    struct versions versions;
    struct oks_intern names;
    const struct oks_zone *zone; /* of local days; NULL: UTC */
    struct settings *settings;
    struct catalog catalog;
    struct runs *runs;
    struct billing *billing;
    struct sums sums;
    struct timeline timeline;
};

#endif
