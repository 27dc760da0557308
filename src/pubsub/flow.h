/* SPDX-License-Identifier: Apache-2.0 */
/* Flow control: how many messages the next Pull may ask for. Pure; threads:
 * one at a time. */
#ifndef PUBSUB_FLOW_H
#define PUBSUB_FLOW_H

#include <stddef.h>

enum {
    FLOW_PULL_MAX = 1000 /* what Pub/Sub gives at most */
};

struct flow {
    size_t max_messages, max_bytes;
    size_t held, held_bytes; /* received and not settled */
    size_t asked;            /* by requests in flight */
    size_t average;          /* bytes of a message, smoothed; 0: unknown */
    size_t ceiling;          /* of one request; halved when answers are too
                              * large */
};

void flow_init(struct flow *f, size_t max_messages, size_t max_bytes);
/* Messages to ask for now; 0: wait until some are settled. */
size_t flow_next(const struct flow *f);
/* An answer came: `n` messages of `bytes` in all. */
void flow_received(struct flow *f, size_t n, size_t bytes);
void flow_too_large(struct flow *f, size_t asked);

#endif
