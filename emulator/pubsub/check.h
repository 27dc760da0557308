/* SPDX-License-Identifier: Apache-2.0 */
/* What a topic's, a subscription's and a snapshot's settings must be, their
 * defaults, and which a field mask may change. Strict knows production's
 * limits, lenient only what Google's emulator checks. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_CHECK_H
#define EMULATOR_PUBSUB_CHECK_H

#include "common/rc.h"
#include "google/pubsub/v1/pubsub.pb-c.h"
#include "grpc/grpc.h"

/* Fills defaults and output-only fields in; OK, or a status and `err`. */
enum grpc_status check_topic(Google__Pubsub__V1__Topic *t, bool strict,
                             struct err *err);
/* Its ingestion settings alone (check_ingestion.c). */
enum grpc_status check_ingestion(Google__Pubsub__V1__Topic *t, bool strict,
                                 struct err *err);
enum grpc_status check_subscription(Google__Pubsub__V1__Subscription *s,
                                    bool strict, struct err *err);
enum grpc_status check_snapshot(const Google__Pubsub__V1__Snapshot *n,
                                bool strict, struct err *err);
enum grpc_status check_labels(size_t n, bool strict,
                              const char *(*key)(const void *rows, size_t i),
                              const char *(*value)(const void *rows, size_t i),
                              const void *rows, struct err *err);

/* Copies the fields that the mask names from `from` into `to` (both of one
 * type). `what` is "Topic", "Subscription" or "Snapshot". */
enum grpc_status check_mask(ProtobufCMessage *to, const ProtobufCMessage *from,
                            const Google__Protobuf__FieldMask *mask,
                            const char *what, const char *const *mutable_fields,
                            bool strict, struct err *err);

#endif
