/*
 * A writer of metrics in Prometheus' text format, version 0.0.4.
 *
 *     metric_begin(&text, "okstrafs_requests_total", METRIC_COUNTER, "Requests, each once.");
 *     metric_put(&text, "okstrafs_requests_total", OKS_SLICE("model=\"opus\""), 12);
 *
 * All samples of a metric follow its head. A sample has no time stamp: it is as of when it is read. The
 * first error sticks in the text (base/text.h), so no call has to be checked.
 */
#ifndef OKSTRAFS_DOCUMENTS_EXPOSITION_H
#define OKSTRAFS_DOCUMENTS_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "okstrafs/slice.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_label {
    const char *name;
    const char *value;
};

/* Appends name="value",... and escapes the values; what is no UTF-8 becomes U+FFFD. */
void metric_labels(struct oks_bytes *out, const struct metric_label *labels, size_t n);

void metric_begin(struct oks_bytes *out, const char *name, enum metric_type type, const char *help);
/* `labels` as metric_labels() writes them; empty: none. */
void metric_put(struct oks_bytes *out, const char *name, struct oks_slice labels, uint64_t value);
/* The same of an amount in 10^-12, as a decimal number; at most OKS_MONEY_MAX. */
void metric_put_money(struct oks_bytes *out, const char *name, struct oks_slice labels,
                      unsigned __int128 amount);
/* A metric with one sample without labels. */
void metric_single(struct oks_bytes *out, const char *name, enum metric_type type, const char *help,
                   uint64_t value);

#endif
