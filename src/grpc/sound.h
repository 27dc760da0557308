/* SPDX-License-Identifier: Apache-2.0 */
/* What protobuf-c does not look at: it decodes nested messages by recursion
 * without a bound, takes strings that are not UTF-8 (proto3 forbids them, and
 * other decoders refuse the answer that holds one), and cuts a string at a NUL.
 * Pure; threads: any. */
#ifndef GRPC_SOUND_H
#define GRPC_SOUND_H

#include <protobuf-c/protobuf-c.h>

#include "common/rc.h"
#include "common/str.h"

enum {
    GRPC_DEPTH_MAX = 100 /* protobuf's own recursion limit */
};

/* Looks through a message before it is decoded. RC_INVALID names the field.
 * Malformed bytes are sound: decoding refuses them. */
RC_MUST_USE int grpc_is_sound(const ProtobufCMessageDescriptor *type,
                              struct str bytes, struct err *err);

#endif
