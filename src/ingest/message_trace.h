/* SPDX-License-Identifier: Apache-2.0 */
/* The trace that a publisher sent along with a message: Google's clients send
 * it as the attribute googclient_traceparent, others under the W3C's name.
 * Pure; threads: any. */
#ifndef INGEST_MESSAGE_TRACE_H
#define INGEST_MESSAGE_TRACE_H

#include "pubsub/subscriber.h"

enum {
    MESSAGE_TRACE_LOG_MAX = 256
};

/* Borrowed from the message; STR_NULL: it has none, or what it has is no
 * trace. */
struct str message_trace(const struct message *m);
/* Its members of a log line, for LOG_AT. `project` NULL: unknown. */
void message_trace_log(struct str trace, const char *project,
                       char out[MESSAGE_TRACE_LOG_MAX]);

#endif
