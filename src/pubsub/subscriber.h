/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription as ingest sees it: messages come, each is settled once. REST
 * Pull stands behind it now; a streaming pull may come beside it.
 *
 * Threads: belongs to one loop; callbacks run there. */
#ifndef PUBSUB_SUBSCRIBER_H
#define PUBSUB_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/rc.h"
#include "common/str.h"

struct subscriber;

struct message_attribute {
    struct str key, value;
};

/* One received message. Owned by the receiver from on_message until it calls
 * subscriber_ack or subscriber_return; its lease is extended meanwhile. */
struct message {
    struct str id;   /* Pub/Sub's message id */
    struct str data; /* decoded bytes */
    struct message_attribute *attributes;
    size_t n_attributes;
    struct str ordering_key;
    int64_t publish_us;   /* wall time, 0 if unreadable */
    int delivery_attempt; /* 0 without a dead-letter policy */
    void *user;           /* the receiver's */
    /* private to the subscriber follows in its own structure */
};

struct subscriber_config {
    const char *project, *subscription;
    size_t max_messages; /* held at once: flow control */
    size_t max_bytes;
    unsigned pulls; /* requests in flight */
    void (*on_message)(struct message *message, void *arg);
    /* After the last on_message of one answer. May be NULL. */
    void (*on_batch)(void *arg);
    /* up: answers come; down: reconnecting with backoff. `why` is one line. */
    void (*on_state)(bool up, const char *why, void *arg);
    void *arg;
};

/* What an implementation offers. */
struct subscriber_ops {
    /* Stops asking for more (store down, shutdown); what is held stays leased.
     */
    void (*pause)(void *self);
    void (*resume)(void *self);
    /* Settled: acknowledged, in batches, repeated until it is known or the
     * lease is gone. The message is freed. */
    void (*ack)(void *self, struct message *message);
    /* Given back for immediate redelivery (shutdown only). Freed. */
    void (*give_back)(void *self, struct message *message);
    /* Flushes acknowledgements, then calls `done`; at most `grace_us`. Frees
     * itself and what is still held. */
    void (*close)(void *self, int64_t grace_us, void (*done)(void *arg),
                  void *arg);
};

struct subscriber *subscriber_new(const struct subscriber_ops *ops, void *self);
void subscriber_pause(struct subscriber *s);
void subscriber_resume(struct subscriber *s);
void subscriber_ack(struct subscriber *s, struct message *message);
void subscriber_return(struct subscriber *s, struct message *message);
/* `s` must not be used any more; no callback but `done` comes after it. */
void subscriber_close(struct subscriber *s, int64_t grace_us,
                      void (*done)(void *arg), void *arg);

#endif
