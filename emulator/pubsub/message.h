/* SPDX-License-Identifier: Apache-2.0 */
/* A PubsubMessage as bytes: publish requests checked and copied into a batch,
 * fields read, messages written into responses. Nothing is unpacked.
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_MESSAGE_H
#define EMULATOR_PUBSUB_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"

struct wire;

/* Fields of PubsubMessage. */
enum {
    MESSAGE_DATA = 1,
    MESSAGE_ATTRIBUTES = 2,
    MESSAGE_ID = 3,
    MESSAGE_PUBLISH_TIME = 4,
    MESSAGE_ORDERING_KEY = 5
};

enum {
    PUBLISH_MAX_MESSAGES = 1000,
    PUBLISH_MAX_BYTES = 10000000,
    REQUEST_MAX_BYTES = 10 << 20, /* of any request to Google */
    MESSAGE_MAX_ATTRIBUTES = 100,
    MESSAGE_MAX_KEY = 256,
    MESSAGE_MAX_VALUE = 1024,
    MESSAGE_MAX_ORDERING_KEY = 1024
};

struct str message_ordering_key(struct str message);
struct str message_data(struct str message);
/* The attribute's value (the last of that name); p == NULL: absent. */
struct str message_attribute(struct str message, struct str key);

struct attribute {
    struct str key, value;
};
/* Next attribute; false at the end. Start with wire_of(message). */
bool message_next_attribute(struct wire *w, struct attribute *out);
/* The attribute as an entry of the map field. */
void message_put_attribute(struct buf *out, struct str key, struct str value);

/* Is it one that could have been published, as far as its form goes? For bytes
 * that come back from where they may have been damaged. */
bool message_is_sound(struct str message);

/* What a PublishRequest holds. */
struct publish {
    struct str topic; /* in the request's bytes */
    char *bytes;      /* a batch's: owned */
    uint32_t len, n;
};

/* Reads a PublishRequest's bytes and copies its messages in a batch's form:
 * each behind its length, without message_id and publish_time. `limits`: check
 * them all, as production does; without it, as Google's emulator, only their
 * number. RC_INVALID and the sentence, RC_MALFORMED: no protobuf, RC_NOMEM. */
RC_MUST_USE int publish_read(struct str request, bool limits,
                             struct publish *out, struct err *err);
/* One message's bytes, as publish_read checks them. */
RC_MUST_USE int publish_check_message(struct str message, bool limits,
                                      struct err *err);
/* Only the topic; false if the bytes are no protobuf. */
bool publish_topic(struct str request, struct str *topic);

enum {
    ACK_ID_LEN = 32
};

/* Appends one ReceivedMessage as field 1 of a response. `attempt` 0 is not
 * told. */
struct received {
    const char *ack_id; /* ACK_ID_LEN bytes */
    struct str message;
    uint64_t id;
    int64_t publish_us;
    unsigned attempt;
};
void message_put_received(struct buf *out, const struct received *r);
/* The PubsubMessage alone: stored bytes, then message_id and publish_time. */
void message_put_whole(struct buf *out, const struct received *r);

/* Ack ids: which subscription, message and delivery, sealed with the
 * subscription's secret; URL-safe base64. */
void ack_id_write(char out[ACK_ID_LEN], uint64_t secret, uint64_t seq,
                  uint32_t nonce);
bool ack_id_read(struct str text, uint64_t secret, uint64_t *seq,
                 uint32_t *nonce);

#endif
