/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of a REST Pull, read in place: strings and data are decoded into
 * the body's own bytes, so that a message costs no allocation.
 * Pure; threads: one at a time. */
#ifndef PUBSUB_PULL_RESPONSE_H
#define PUBSUB_PULL_RESPONSE_H

#include "pubsub/subscriber.h"

struct pull_batch;

/* A message with what settles it. */
struct received {
    struct message message; /* first: one is the other */
    struct str ack_id;
    struct pull_batch *batch;
    struct received *next; /* the settling queue's */
    bool is_gone;          /* freed; its batch lives on */
};

/* All messages of one answer; they die together. */
struct pull_batch {
    struct received *messages;
    size_t n;
    struct message_attribute *attributes;
    size_t n_attributes;
    char *body;
    size_t bytes; /* memory that the batch holds */
    /* the subscriber's */
    size_t live;
    int64_t extend_us;
    struct pull_batch *next, *prev;
};

/* Takes `body` (`len` bytes, from mem_*, freed with the batch or on error). A
 * message without an ackId is left out. Data that is no base64 is delivered
 * as it stands. RC_MALFORMED, RC_NOMEM. */
RC_MUST_USE int pull_response_parse(char *body, size_t len,
                                    struct pull_batch **out, struct err *err);
void pull_batch_free(struct pull_batch *batch);

#endif
