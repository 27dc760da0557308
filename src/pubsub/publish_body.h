/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a Publish request and of its answer. Pure; threads: any. */
#ifndef PUBSUB_PUBLISH_BODY_H
#define PUBSUB_PUBLISH_BODY_H

#include "common/buf.h"
#include "pubsub/publisher.h"

/* Pub/Sub's limit of a request, less room for what JSON adds. */
enum {
    PUBLISH_MAX_BYTES = 9 * 1000 * 1000
};

/* What a message weighs in that limit. */
size_t publish_size(const struct publish *publish);
/* `{"messages":[...]}` of the list that begins with `first`. */
void publish_body(struct buf *out, const struct publish *first);
/* Gives each message of the list its id. RC_MALFORMED if the answer does not
 * hold exactly one for each. */
RC_MUST_USE int publish_read_ids(struct str answer, struct publish *first);

#endif
