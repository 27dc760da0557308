/* SPDX-License-Identifier: Apache-2.0 */
/* The trace that a publisher sent along with a message: Google's clients send
 * it as the attribute googclient_traceparent, others under the W3C's name.
 * Pure; threads: any. */
#ifndef INGEST_MESSAGE_TRACE_H
#define INGEST_MESSAGE_TRACE_H

#include <stdbool.h>

#include "pubsub/subscriber.h"

struct message_trace {
    bool is_sampled; /* somebody records it */
    char log[256];   /* members of a log line, for LOG_AT */
};

/* False: it has none, or what it has is no trace. `project` NULL: unknown. */
bool message_trace(struct message_trace *out, const struct message *m,
                   const char *project);

#endif
