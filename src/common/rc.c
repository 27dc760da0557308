/* SPDX-License-Identifier: Apache-2.0 */
#include "common/rc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct {
    const char *text;
    int http;
    bool retry;
} table[] = {
#define RC(name, text, http, retry) {text, http, retry},
#include "common/rc.def"
#undef RC
};

static size_t row_of(int rc)
{
    return rc <= 0 && rc > -RC_COUNT ? (size_t)-rc : (size_t)-RC_INTERNAL;
}

const char *rc_text(int rc)
{
    return table[row_of(rc)].text;
}

int rc_http_status(int rc)
{
    return table[row_of(rc)].http;
}

bool rc_is_retryable(int rc)
{
    return table[row_of(rc)].retry;
}

int err_set(struct err *err, enum rc rc, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        err->rc = rc;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    return rc;
}
