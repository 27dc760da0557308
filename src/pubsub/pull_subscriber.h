/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber by REST Pull: several requests in flight, flow control by
 * messages and bytes, leases kept, acknowledgements gathered.
 *
 * Threads: belongs to the loop given. */
#ifndef PUBSUB_PULL_SUBSCRIBER_H
#define PUBSUB_PULL_SUBSCRIBER_H

#include "pubsub/subscriber.h"

struct google;

/* Begins to pull at once. `google` is borrowed until the close is done; the
 * texts of `config` are copied. */
struct subscriber *pull_subscriber_new(struct loop *loop, struct google *google,
                                       const struct subscriber_config *config);

#endif
