/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what is held leased, for as long as it is held (contract 4.5).
 *
 * The subscription's own deadline is 10 s or more and unknown here, so the
 * first extension goes out 3 s after a batch came; most messages are settled
 * long before and cost nothing. Threads: belongs to one loop. */
#ifndef PUBSUB_LEASE_H
#define PUBSUB_LEASE_H

#include "common/loop.h"
#include "pubsub/pull_response.h"

struct google;
struct lease;

/* All borrowed. `batches`: the head of the list of what is held. */
struct lease *lease_new(struct loop *loop, struct google *google,
                        const char *path, struct pull_batch *const *batches);
/* A batch has come: sets when it is due and watches. */
void lease_add(struct lease *lease, struct pull_batch *batch);
/* No new requests; those in flight are cancelled. `on_idle` follows (perhaps
 * at once) when the last is gone. */
void lease_stop(struct lease *lease, void (*on_idle)(void *arg), void *arg);
void lease_free(struct lease *lease); /* stopped and idle */

#endif
