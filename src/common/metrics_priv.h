/* SPDX-License-Identifier: Apache-2.0 */
/* What metrics.c and metrics_page.c share. */
#ifndef COMMON_METRICS_PRIV_H
#define COMMON_METRICS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "common/metrics.h"

enum {
    METRIC_N_BOUNDS = 19,
    METRIC_SHARDS = 8, /* a power of two */
    METRIC_LINE = 64,  /* bytes of a cache line */
    METRICS_N_FAMILIES = METRIC_N_FAMILIES
};

enum metric_kind {
    METRIC_IS_COUNTER,
    METRIC_IS_GAUGE,
    METRIC_IS_HISTOGRAM
};

struct metric_info {
    enum metric_kind kind;
    const char *name;
    const char *labels;
    unsigned cap;
    const char *help;
};
extern const struct metric_info metric_infos[METRICS_N_FAMILIES];
extern const int64_t metric_bounds_us[METRIC_N_BOUNDS];

struct metric_shard {
    _Alignas(METRIC_LINE) atomic_uint_least64_t sum; /* counter; gauge's bits;
                                                      * histogram: us */
    atomic_uint_least64_t buckets[METRIC_N_BOUNDS + 1]; /* not cumulated */
};

struct metric {
    struct metric *next;
    void *memory; /* what the allocator gave: the series is aligned in it */
    char *labels; /* values, each ended by a NUL */
    size_t labels_len;
    unsigned mask;
    struct metric_shard shards[];
};

struct metrics {
    char *system, *region;
    pthread_mutex_t lock; /* guards the lists; cells need none */
    struct metric *first[METRICS_N_FAMILIES];
    unsigned n[METRICS_N_FAMILIES];
};

#endif
