/* SPDX-License-Identifier: Apache-2.0 */
/* Push subscriptions: each message is a POST to the endpoint; what it takes
 * (102, 200, 201, 202, 204) is acknowledged, all else, and no answer within
 * the ack deadline, is a nack. A request that is out is never lost sight of:
 * whatever happens to the subscription meanwhile, its message is settled once
 * or comes back.
 *
 * One that has nothing to push costs its memory only. Loop-confined. */
#ifndef EMULATOR_PUBSUB_PUSH_H
#define EMULATOR_PUBSUB_PUSH_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct pubsub;
struct sub;

/* Begins, changes or ends it, as the subscription's configuration says.
 * Requests that are out keep the endpoint they were sent to; a detached
 * subscription's are broken off. */
void push_apply(struct sub *sub);
void push_end(struct sub *sub); /* the subscription goes */
/* Sends what is due, as far as the pace allows. */
void push_serve(struct sub *sub);
/* When push_serve has something to do next by the clock; INT64_MAX: never. */
int64_t push_next_event(const struct sub *sub);

/* Stop: what is out gets a moment to be answered, then is broken off; when
 * nothing is out any more, pubsub_drained is called. */
void push_drain(struct pubsub *s);
bool push_is_idle(const struct pubsub *s);
void push_close(struct pubsub *s); /* after the last subscription */

/* Metric families. */
void push_metrics(const struct pubsub *s, struct buf *out);

#endif
