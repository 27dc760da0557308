/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of one topic or subscription by outcome, under Cloud Monitoring's
 * names (cloud.google.com/monitoring/api/metrics_gcp, pubsub). A resource has
 * at most one series for each kind and status; names that are no resource
 * have none. Pure; threads: one at a time. */
#ifndef EMULATOR_PUBSUB_REQUEST_COUNTS_H
#define EMULATOR_PUBSUB_REQUEST_COUNTS_H

#include <stdint.h>

#include "common/buf.h"
#include "grpc/grpc.h"

enum request_kind {
    REQUEST_SEND,
    REQUEST_PULL,
    REQUEST_PULL_ACK,
    REQUEST_MOD_ACK,
    REQUEST_SEEK,
    REQUEST_STREAMING_PULL, /* answers, and ends that are errors */
    REQUEST_KINDS
};
enum {
    REQUEST_STATUSES = GRPC_N_STATUS
};

struct request_counts {
    uint64_t n[REQUEST_KINDS][REQUEST_STATUSES];
};

/* Of a method's path; REQUEST_KINDS: it is not counted. */
enum request_kind request_kind_of(struct str path);
/* Counts one; *counts is made with the first (mem_free). */
void request_counts_add(struct request_counts **counts, enum request_kind kind,
                        enum grpc_status status);
/* The metric's name, and what it counts. */
const char *request_counts_name(enum request_kind kind);
const char *request_counts_help(enum request_kind kind);
/* Appends the samples of `family`; `labels` are the resource's. `counts` may
 * be NULL. */
void request_counts_put(const struct request_counts *counts,
                        enum request_kind kind, const char *family,
                        const char *labels, struct buf *out);

#endif
