/* SPDX-License-Identifier: Apache-2.0 */
/* What a push configuration must be. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_PUSH_CHECK_H
#define EMULATOR_PUBSUB_PUSH_CHECK_H

#include <stdbool.h>

#include "common/rc.h"
#include "google/pubsub/v1/pubsub.pb-c.h"
#include "grpc/grpc.h"

/* True: the subscription pushes. NULL is allowed. */
bool push_has_endpoint(const Google__Pubsub__V1__PushConfig *push);

/* Can it be carried out? OK, or a status and `err`. Strict: https, or plain
 * http to this machine (`insecure`: to anywhere); fills the attribute in that
 * production adds. */
enum grpc_status push_check(Google__Pubsub__V1__Subscription *config,
                            bool strict, bool insecure, struct err *err);

#endif
