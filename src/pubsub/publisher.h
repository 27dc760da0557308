/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes messages to one topic over REST: gathered into requests of
 * bounded size, several in flight, repeated while that may help.
 *
 * Messages with an ordering key keep their order: one request of a key at a
 * time. A request that the service refuses is taken apart, so that one bad
 * message fails alone.
 * Threads: belongs to one loop. */
#ifndef PUBSUB_PUBLISHER_H
#define PUBSUB_PUBLISHER_H

#include "common/loop.h"
#include "common/rc.h"
#include "pubsub/subscriber.h"

struct google;
struct publisher;

struct publisher_config {
    const char *project, *topic; /* copied */
    unsigned requests;           /* in flight; 0: 4 */
    unsigned batch_messages;     /* of one request; 0: 1,000 */
    /* How long a message is tried before it fails; 0: 60 s. */
    int64_t deadline_us;
};

/* One message; embedded by its owner, who keeps it and what it points to
 * alive until `done`, which fires once, on the loop, never before
 * publisher_send returned. */
struct publish {
    /* in */
    struct str data;
    const struct message_attribute *attributes;
    size_t n_attributes;
    struct str ordering_key; /* len 0: none */
    void (*done)(struct publish *publish);
    /* out */
    int rc;
    char id[40];           /* RC_OK: the service's message id */
    const struct err *err; /* otherwise; valid during `done` only */
    /* private */
    struct publish *next;
    int64_t started_us;
    bool is_alone; /* a request with it was refused: it goes by itself */
};

/* `google` is borrowed until the close is done. */
struct publisher *publisher_new(struct loop *loop, struct google *google,
                                const struct publisher_config *config);
void publisher_send(struct publisher *p, struct publish *publish);
/* Messages not answered yet. */
size_t publisher_pending(const struct publisher *p);
const char *publisher_topic(const struct publisher *p); /* full name */
/* Messages not answered get their `done` with RC_CANCELLED (perhaps they were
 * published all the same), then `closed` fires. Nothing may be sent after it.
 */
void publisher_close(struct publisher *p, void (*closed)(void *arg), void *arg);

#endif
