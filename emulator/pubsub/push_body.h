/* SPDX-License-Identifier: Apache-2.0 */
/* A pushed message's form: Google's JSON envelope, or the data alone with its
 * metadata as header fields. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_PUSH_BODY_H
#define EMULATOR_PUBSUB_PUSH_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "net/http_client.h"

struct push_message {
    struct str message; /* stored bytes */
    uint64_t id;
    int64_t publish_us;
    unsigned attempt; /* 0 is not told */
    const char *subscription;
};

/* {"message":{...},"subscription":...} */
void push_body_wrap(struct buf *out, const struct push_message *m);

/* Header fields beyond the usual; owns their texts. */
struct push_fields {
    struct http_call_field *rows;
    size_t n;
};
/* x-goog-pubsub-* and the attributes. What is no header's name or value, or
 * would change how the request is framed or who sends it, is left out. */
void push_fields_put(struct push_fields *f, const struct push_message *m);
void push_fields_fini(struct push_fields *f);

#endif
