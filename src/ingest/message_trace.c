/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/message_trace.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/trace.h"

bool message_trace(struct message_trace *out, const struct message *m,
                   const char *project)
{
    struct str trace = STR_NULL;
    struct buf log;

    for (size_t i = 0; i < m->n_attributes; i++) {
        if (str_eq(m->attributes[i].key, STR("googclient_traceparent")) ||
            str_eq(m->attributes[i].key, STR("traceparent")))
            trace = m->attributes[i].value;
    }
    if (!trace_is_valid(trace))
        return false;
    out->is_sampled = trace_is_sampled(trace);
    buf_init(&log, sizeof(out->log));
    trace_put_log(&log, trace, project);
    snprintf(out->log, sizeof(out->log), "%.*s", (int)log.len, log.data);
    buf_fini(&log);
    return out->log[0] != '\0';
}
