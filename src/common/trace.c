/* SPDX-License-Identifier: Apache-2.0 */
#include "common/trace.h"

#include "common/buf.h"

enum {
    TRACE_AT = 3,
    TRACE_LEN = 32,
    SPAN_AT = 36,
    SPAN_LEN = 16,
    FLAGS_AT = 53,
    LEN = 55
};

/* Lower-case hexadecimal digits, not all of them zero. */
static bool is_id(const char *p, size_t len)
{
    bool some = false;

    for (size_t i = 0; i < len; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
        some = some || p[i] != '0';
    }
    return some;
}

bool trace_is_valid(struct str t)
{
    return t.len == LEN && t.p[2] == '-' && t.p[SPAN_AT - 1] == '-' &&
           t.p[FLAGS_AT - 1] == '-' && is_id(t.p + TRACE_AT, TRACE_LEN) &&
           is_id(t.p + SPAN_AT, SPAN_LEN);
}

bool trace_is_sampled(struct str t)
{
    static const char odd[] = "13579bdf"; /* bit 0 of the flags */

    return trace_is_valid(t) && memchr(odd, t.p[FLAGS_AT + 1], 8);
}

void trace_put_log(struct buf *out, struct str t, const char *project)
{
    if (!trace_is_valid(t))
        return;
    buf_printf(out, "\"logging.googleapis.com/trace\":\"projects/%s/traces/",
               project ? project : "-");
    buf_append(out, t.p + TRACE_AT, TRACE_LEN);
    buf_puts(out, "\",\"logging.googleapis.com/spanId\":\"");
    buf_append(out, t.p + SPAN_AT, SPAN_LEN);
    buf_putc(out, '"');
}
