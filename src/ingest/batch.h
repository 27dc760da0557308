/* SPDX-License-Identifier: Apache-2.0 */
/* When to send what has gathered to the store. Pure; threads: any. */
#ifndef INGEST_BATCH_H
#define INGEST_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_limits {
    size_t rows, bytes; /* of one call */
    int64_t age_us;     /* longest wait while another call is under way */
    unsigned calls;     /* under way at once */
};

struct batch_state {
    size_t rows, bytes; /* waiting */
    int64_t oldest_us;  /* when the first of them came */
    unsigned calls;     /* under way */
};

/* 0: send now. Otherwise the microseconds until it is to be asked again, or
 * -1: when a call ends or rows come. At low rates a row never waits; while a
 * call is under way rows gather, so that batches grow with the load. */
int64_t batch_wait_us(const struct batch_limits *limits,
                      const struct batch_state *state, int64_t now_us);

#endif
