/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c decodes nested messages by recursion without a bound, so bytes
 * of a type that can hold itself are looked through first.
 * Pure; threads: any. */
#ifndef GRPC_DEPTH_H
#define GRPC_DEPTH_H

#include <protobuf-c/protobuf-c.h>

#include "common/str.h"

enum {
    GRPC_DEPTH_MAX = 100 /* protobuf's own recursion limit */
};

/* Can a message of this type hold one of its own type, at any distance? */
bool grpc_type_recurs(const ProtobufCMessageDescriptor *type);
/* Is nesting within the limit? Malformed bytes are: decoding refuses them. */
bool grpc_depth_ok(const ProtobufCMessageDescriptor *type, struct str bytes);

#endif
