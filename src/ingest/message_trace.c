/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/message_trace.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/trace.h"

struct str message_trace(const struct message *m)
{
    struct str trace = STR_NULL;

    for (size_t i = 0; i < m->n_attributes; i++) {
        if (str_eq(m->attributes[i].key, STR("googclient_traceparent")) ||
            str_eq(m->attributes[i].key, STR("traceparent")))
            trace = m->attributes[i].value;
    }
    return trace_is_valid(trace) ? trace : STR_NULL;
}

void message_trace_log(struct str trace, const char *project,
                       char out[MESSAGE_TRACE_LOG_MAX])
{
    struct buf log;

    buf_init(&log, MESSAGE_TRACE_LOG_MAX);
    trace_put_log(&log, trace, project);
    snprintf(out, MESSAGE_TRACE_LOG_MAX, "%.*s", (int)log.len, log.data);
    buf_fini(&log);
}
