/* SPDX-License-Identifier: Apache-2.0 */
/* Settled messages on their way to the service: gathered for a few
 * milliseconds, sent in requests of bounded size, repeated until the service
 * has answered. One queue acknowledges, another gives back.
 *
 * Threads: belongs to one loop. */
#ifndef PUBSUB_ACK_QUEUE_H
#define PUBSUB_ACK_QUEUE_H

#include "common/loop.h"
#include "pubsub/pull_response.h"

struct google;
struct ack_queue;
struct buf;

struct ack_queue_config {
    struct loop *loop;
    struct google *google; /* borrowed */
    const char *path;      /* borrowed */
    /* Members of the request beside ackIds, with a leading comma, or "". */
    const char *members;
    const char *verb; /* for the log: "acknowledge" */
    /* The message is settled (or nothing more can be done for it). */
    void (*settled)(struct received *message, void *arg);
    void (*on_idle)(void *arg); /* nothing queued, nothing in flight */
    void *arg;
};

struct ack_queue *ack_queue_new(const struct ack_queue_config *config);
void ack_queue_push(struct ack_queue *q, struct received *message);
/* No more gathering: sends what is there, now and from now on. */
void ack_queue_flush(struct ack_queue *q);
bool ack_queue_is_idle(const struct ack_queue *q);
/* Gives up: requests in flight are cancelled, all count as settled; `on_idle`
 * follows (perhaps at once). */
void ack_queue_abandon(struct ack_queue *q);
void ack_queue_free(struct ack_queue *q); /* must be idle */

/* Limits of one request. */
enum {
    ACK_MAX_IDS = 1000,
    ACK_MAX_BYTES = 500 * 1024
};
/* {"ackIds":[ ... begins, grows by one, ends. False if it is full. */
void ack_body_begin(struct buf *body);
bool ack_body_add(struct buf *body, size_t n_before, struct str ack_id);
void ack_body_end(struct buf *body, const char *members);

#endif
