/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions that write elsewhere: rows into the BigQuery service of this
 * process, objects into a folder that stands in for Cloud Storage. What was
 * taken there is acknowledged, what is refused goes the way of every message
 * that fails (retry policy, dead letters). While the table or the bucket is
 * missing or does not fit, all is kept, no attempt is counted, and the
 * subscription says so. Loop-confined. */
#ifndef EMULATOR_PUBSUB_EXPORT_H
#define EMULATOR_PUBSUB_EXPORT_H

#include "common/rc.h"
#include "google/pubsub/v1/pubsub.pb-c.h"
#include "grpc/grpc.h"

struct pubsub;
struct sub;
struct topic;
struct transforms_call;

/* Is the configuration one that can be carried out? Fills its defaults in. OK,
 * or a status and `err`. */
enum grpc_status export_check(Google__Pubsub__V1__Subscription *config,
                              const struct topic *t, struct err *err);
/* True: BigQuery's table is there and its columns fit, or nobody asks. Else
 * the call was refused, or BigQuery has yet to be asked: then the method is
 * run once more. Nothing may have been changed before (production refuses so:
 * cloud.google.com/pubsub/docs/bigquery-troubleshooting). */
bool export_table_check(const struct transforms_call *c, struct pubsub *s,
                        const struct topic *t,
                        const Google__Pubsub__V1__Subscription *config);
/* Begins, changes or ends it, as the subscription's configuration says. */
void export_apply(struct sub *sub);
void export_end(struct sub *sub);
/* Why the message was last refused; NULL: not known any more. Borrowed. */
const char *export_refusal(const struct sub *sub, uint64_t seq);
/* With the subscription itself. */
void export_forget(struct sub *sub);
/* Somebody looks at the subscription's state: it follows what has become of
 * the table a moment later, without a message too. */
void export_look(struct sub *sub);
/* Takes what is due, unless a batch is under way. */
void export_serve(struct sub *sub);

#endif
