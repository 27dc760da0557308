/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription whose messages are brought by HTTP requests: the same
 * subscriber for the pipeline, without leases. A message is acknowledged by
 * the answer to its request. Threads: belongs to its loop. */
#ifndef INGEST_PUSH_SUBSCRIBER_H
#define INGEST_PUSH_SUBSCRIBER_H

#include "ingest/ingest.h"
#include "pubsub/subscriber.h"

struct push_subscriber;

/* Tells "up" a turn later. `s` belongs to the pipeline; `out` lives as long. */
struct subscriber *push_subscriber_new(struct loop *loop,
                                       const struct subscriber_config *config,
                                       struct push_subscriber **out);
/* At most `max_messages` and `max_bytes` at once, and none while paused: else
 * it is refused. */
void push_subscriber_take(struct push_subscriber *s, struct ingest_push *push);

#endif
