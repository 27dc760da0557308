/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on resources: one function a method, and the pages of lists. */
#ifndef EMULATOR_PUBSUB_ADMIN_H
#define EMULATOR_PUBSUB_ADMIN_H

#include "common/mem.h"
#include "emulator/pubsub/page.h"
#include "emulator/pubsub/pubsub_priv.h"

#define RUN(name)                                                              \
    void name##_run(struct rpc_call *call, ProtobufCMessage *in, void *service)

RUN(topic_create);
RUN(topic_get);
RUN(topic_update);
RUN(topic_delete);
RUN(topic_list);
RUN(topic_list_subscriptions);
RUN(topic_list_snapshots);

RUN(subscription_create);
RUN(subscription_get);
RUN(subscription_update);
RUN(subscription_delete);
RUN(subscription_list);
RUN(subscription_detach);
RUN(subscription_modify_push);

RUN(snapshot_create);
RUN(snapshot_get);
RUN(snapshot_update);
RUN(snapshot_delete_call);
RUN(snapshot_list);
RUN(seek);

RUN(schema_create);
RUN(schema_get);
RUN(schema_list);
RUN(schema_list_revisions);
RUN(schema_delete);
RUN(schema_commit);
RUN(schema_rollback);
RUN(schema_delete_revision);
RUN(schema_validate);
RUN(schema_validate_message);

RUN(policy_get);
RUN(policy_set);
RUN(policy_test);

#undef RUN

/* The rows of `project` (NULL: all) behind the token; the list's own prefix is
 * not looked at. False: refused. */
bool page_of(struct rpc_call *call, const struct pubsub *s,
             const struct page_list *list, const char *project, int32_t size,
             const char *token, struct page *out);
/* The same of those whose names begin with the list's prefix. */
bool page_under(struct rpc_call *call, const struct pubsub *s,
                const struct page_list *list, int32_t size, const char *token,
                struct page *out);

#endif
