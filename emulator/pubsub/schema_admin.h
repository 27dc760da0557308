/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls on schemas share. */
#ifndef EMULATOR_PUBSUB_SCHEMA_ADMIN_H
#define EMULATOR_PUBSUB_SCHEMA_ADMIN_H

#include "emulator/pubsub/admin.h"
#include "emulator/pubsub/schema.h"

/* "projects/P/schemas/S" with "@REVISION" or without (`id->p` NULL). NULL: the
 * call was refused. */
struct schema *schema_of(struct rpc_call *call, struct pubsub *s,
                         const char *name, struct str *revision_id);
/* That revision, or the newest. NULL: refused. */
struct revision *revision_of(struct rpc_call *call, const struct pubsub *s,
                             const struct schema *schema, struct str id);
bool schema_check_parent(struct rpc_call *call, const struct pubsub *s,
                         const char *parent);
/* A new one with type and definition of `given`, not yet kept. NULL: refused.
 */
struct revision *revision_make(struct rpc_call *call, struct pubsub *s,
                               const PB(Schema) * given, const char *name);
/* Kept, and the newest of its schema. Takes it; false: refused. */
bool revision_keep(struct rpc_call *call, struct pubsub *s, struct revision *r);

#endif
