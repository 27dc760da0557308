/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context (traceparent: VERSION-TRACE-SPAN-FLAGS) as Cloud Logging
 * names it. Pure; threads: any. */
#ifndef COMMON_TRACE_H
#define COMMON_TRACE_H

#include <stdbool.h>

#include "common/str.h"

struct buf;

/* Well formed, and neither id all zeroes. */
bool trace_is_valid(struct str traceparent);
/* Somebody records this trace. */
bool trace_is_sampled(struct str traceparent);
/* Appends the members logging.googleapis.com/trace and /spanId, without a
 * leading comma; nothing unless it is valid. `project` NULL: unknown. */
void trace_put_log(struct buf *out, struct str traceparent,
                   const char *project);

#endif
