/* SPDX-License-Identifier: Apache-2.0 */
/* Message transforms of topics and subscriptions (MessageTransform of
 * google/pubsub/v1/pubsub.proto): checked when they are set, run before a
 * message is kept, or before it is delivered. Loop-confined. */
#ifndef EMULATOR_PUBSUB_TRANSFORM_H
#define EMULATOR_PUBSUB_TRANSFORM_H

#include "emulator/pubsub/model.h"
#include "emulator/pubsub/transform_pool.h"

enum {
    TRANSFORMS_MAX = 5, /* of a topic, of a subscription */
    TRANSFORM_CODE_MAX = 20 << 10
};

/* How the method is run that sets them. */
struct transforms_call {
    struct rpc_call *call;
    void (*run)(struct rpc_call *call, ProtobufCMessage *in, void *service);
    ProtobufCMessage *in;
};
/* True: they can be run. Else the call was refused, for a reason that names
 * the transform, or its code has yet to be tried: then `run` is called once
 * more when that went well. Nothing may have been changed before. */
bool transforms_check(const struct transforms_call *c, struct pubsub *s,
                      PB(MessageTransform) *const *rows, size_t n);
/* Does the mask name them? */
bool transforms_in_mask(const Google__Protobuf__FieldMask *mask);

/* What the settings say now; without effect when they say the same. */
void transforms_apply_topic(struct topic *t);
void transforms_apply_sub(struct sub *sub);
void transforms_end_topic(struct topic *t);
void transforms_end_sub(struct sub *sub);

/* Publishes what the topic's transforms make of `in` (its bytes taken) and
 * answers the call; a message that fails fails it all. */
void transform_publish(struct rpc_call *call, struct topic *t,
                       const struct publish *in);

/* The subscription's, made for each chain anew (transform_view.c). */
struct view;
struct view *view_new(struct sub *sub, struct chain *chain);
struct sub_view *view_door(struct view *v);
struct chain *view_chain(const struct view *v);
void view_end(struct view *v); /* NULL is fine */

#endif
