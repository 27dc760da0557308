/* SPDX-License-Identifier: Apache-2.0 */
/* How long a topic's or a subscription's transforms took for each message, by
 * what came out, as Cloud Monitoring's message_transform_latencies counts it.
 * Pure; threads: one at a time. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_STATS_H
#define EMULATOR_PUBSUB_TRANSFORM_STATS_H

#include "common/buf.h"
#include "emulator/pubsub/transform_pool.h"

struct transform_stats;

/* Counts the job's messages; *s is made at the first (mem_free). */
void transform_stats_add(struct transform_stats **s,
                         const struct transform_job *job);
/* Rows of one histogram family; `labels` stand before its own. NULL: none. */
void transform_stats_put(const struct transform_stats *s, const char *family,
                         const char *labels, struct buf *out);

#endif
