/* SPDX-License-Identifier: Apache-2.0 */
/* BigQuery subscriptions: rows go to the BigQuery service of this process, a
 * batch at a time; what it took is acknowledged, what it refuses goes the way
 * of every message that fails (retry policy, dead letters). While the table is
 * missing or does not fit, all is kept, no attempt is counted, and the
 * subscription says so. Loop-confined. */
#ifndef EMULATOR_PUBSUB_EXPORT_H
#define EMULATOR_PUBSUB_EXPORT_H

#include "common/rc.h"
#include "google/pubsub/v1/pubsub.pb-c.h"
#include "grpc/grpc.h"

struct sub;
struct topic;

/* Is the configuration one that can be carried out? OK, or a status and
 * `err`. */
enum grpc_status export_check(const Google__Pubsub__V1__Subscription *config,
                              const struct topic *t, struct err *err);
/* Begins, changes or ends it, as the subscription's configuration says. */
void export_apply(struct sub *sub);
void export_end(struct sub *sub);
/* Takes what is due, unless a batch is under way. */
void export_serve(struct sub *sub);

#endif
