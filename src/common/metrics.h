/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, gauges and histograms, and their Prometheus page. Families are
 * rows of metrics.def.
 *
 * A series is looked up once and kept; adding to it takes no lock (each
 * thread adds to a shard of its own). Threads: any. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct metrics;
struct metric;

enum metric_family {
#define METRIC(id, kind, name, labels, cap, help) METRIC_##id,
#include "common/metrics.def"
#undef METRIC
    METRIC_N_FAMILIES
};

/* `system` and `region` are copied. Process metrics (CPU, memory, open
 * descriptors, start time) come with every page. */
struct metrics *metrics_new(const char *system, const char *region);
void metrics_free(struct metrics *m);

/* The series with these label values, in the family's order; made when new.
 * Takes a lock: keep the pointer, it lives as long as `m`. Past the family's
 * cap, the series whose labels are all `other`. */
struct metric *metrics_get(struct metrics *m, enum metric_family family,
                           const char *const *labels);

void metric_add(struct metric *s, uint64_t n);        /* COUNTER */
void metric_set(struct metric *s, double value);      /* GAUGE */
void metric_observe_us(struct metric *s, int64_t us); /* HISTOGRAM */

/* The page in Prometheus text format 0.0.4, or OpenMetrics 1.0. */
void metrics_render(struct metrics *m, bool openmetrics, struct buf *out);

#endif
