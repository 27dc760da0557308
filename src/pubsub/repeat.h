/* SPDX-License-Identifier: Apache-2.0 */
/* How soon a Pub/Sub request is tried again: patient with Google, eager with
 * an emulator on the same machine. Private to src/pubsub. Threads: any. */
#ifndef PUBSUB_REPEAT_H
#define PUBSUB_REPEAT_H

#include "net/google.h"
#include "net/retry.h"

const struct retry_policy *repeat_policy(const struct google *google);

#endif
