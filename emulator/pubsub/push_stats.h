/* SPDX-License-Identifier: Apache-2.0 */
/* A push subscription's requests by outcome and by how long they took, under
 * the names of Cloud Monitoring's metrics. Pure; threads: one at a time. */
#ifndef EMULATOR_PUBSUB_PUSH_STATS_H
#define EMULATOR_PUBSUB_PUSH_STATS_H

#include <stdint.h>

#include "common/buf.h"

/* response_class of subscription/push_request_count. */
enum push_result {
    PUSH_ACK,
    PUSH_DEADLINE, /* no answer in time */
    PUSH_INTERNAL, /* broken off by ourselves */
    PUSH_INVALID,  /* an answer that is neither success nor error */
    PUSH_REMOTE_4XX,
    PUSH_REMOTE_5XX,
    PUSH_UNREACHABLE,
    PUSH_N_RESULTS
};

enum {
    PUSH_STATS_CODES = 24, /* different ones that are told apart */
    PUSH_STATS_BUCKETS = 16
};

struct push_stats {
    struct push_count {
        uint16_t code; /* 0: no answer, or one beyond the limit */
        uint8_t result;
        uint64_t n;
    } * counts; /* NULL until something happens */
    unsigned n_counts;
    uint64_t buckets[PUSH_STATS_BUCKETS + 1];
    uint64_t n, sum_us;
};

/* The outcome that an HTTP status stands for. */
enum push_result push_result_of(int status);
void push_stats_add(struct push_stats *s, enum push_result result, int code,
                    int64_t took_us);
/* Rows of the two families for one subscription. */
void push_stats_put_counts(const struct push_stats *s, const char *family,
                           struct str project, struct str id, struct buf *out);
void push_stats_put_latencies(const struct push_stats *s, const char *family,
                              struct str project, struct str id,
                              struct buf *out);
void push_stats_fini(struct push_stats *s);

#endif
