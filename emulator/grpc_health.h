/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.health.v1 as rows for a gRPC server. Threads: loop-confined. */
#ifndef EMULATOR_GRPC_HEALTH_H
#define EMULATOR_GRPC_HEALTH_H

#include "grpc/grpc.h"

struct grpc_health;

/* Their app is a struct grpc_health. */
const struct grpc_method *grpc_health_methods(size_t *n);

/* `names`: the services told of, a line each; copied. They serve. */
struct grpc_health *grpc_health_new(const char *names);
void grpc_health_free(struct grpc_health *h);
/* Those who watch are told. */
void grpc_health_set(struct grpc_health *h, bool serving);
/* Ends every watch: the server stops. */
void grpc_health_end(struct grpc_health *h);

#endif
