/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.reflection.v1 and v1alpha (the same messages) as rows for a gRPC
 * server, answering from the descriptor set made at build time.
 * Threads: loop-confined. */
#ifndef EMULATOR_GRPC_REFLECTION_H
#define EMULATOR_GRPC_REFLECTION_H

#include "grpc/grpc.h"

struct grpc_reflection;

/* Their app is a struct grpc_reflection. */
const struct grpc_method *grpc_reflection_methods(size_t *n);

/* `names`: the services listed, a line each, beside health and reflection. */
struct grpc_reflection *grpc_reflection_new(const char *names);
void grpc_reflection_free(struct grpc_reflection *r);

/* The serialized FileDescriptorProto of that name, or that declares that
 * symbol; p == NULL if there is none. */
struct str grpc_reflection_file(struct str name);
struct str grpc_reflection_symbol(struct str symbol);

#endif
