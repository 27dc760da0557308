/* SPDX-License-Identifier: Apache-2.0 */
/* The table of reasons and the forms in which they are told. */
#include "emulator/bigquery/reason.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/buf.h"

struct row {
    const char *name;
    int http, code;
    const char *status;
};

static const struct row rows[] = {
#define REASON(name, http, code, status) {#name, http, code, status},
#include "emulator/bigquery/reason.def"
#undef REASON
};

static const struct row unknown = {"internalError", 500, 13, "INTERNAL"};

enum {
    N_ROWS = sizeof(rows) / sizeof(rows[0])
};

static const struct row *find(const char *reason)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, reason) == 0)
            return &rows[i];
    return &unknown;
}

int fail_set(struct fail *f, const char *reason, const char *fmt, ...)
{
    va_list ap;

    f->reason = reason;
    f->location[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
    return RC_INVALID;
}

int fail_from_err(struct fail *f, const struct err *err)
{
    const char *reason = "internalError";

    if (err->rc == RC_TOO_LARGE)
        reason = "resourcesExceeded";
    else if (err->rc == RC_MALFORMED) /* a repeat would see the same damage */
        reason = "tableUnavailable";
    else if (rc_is_retryable(err->rc))
        reason = "backendError";
    return fail_set(f, reason, "%s", err->text);
}

const char *reason_name(const char *reason)
{
    return find(reason)->name;
}

int reason_http(const char *reason)
{
    return find(reason)->http;
}

int reason_code(const char *reason)
{
    return find(reason)->code;
}

const char *reason_of_http(int status)
{
    switch (status) {
    case 401:
    case 403:
        return "accessDenied";
    case 404:
        return "notFound";
    case 409:
        return "duplicate";
    case 412:
        return "conditionNotMet";
    case 413:
        return "tooLarge";
    case 429:
        return "rateLimitExceeded";
    case 500:
        return "internalError";
    case 501:
        return "notImplemented";
    default:
        return status >= 500 ? "backendError" : "invalid";
    }
}

static void put_members(struct buf *out, const struct fail *f)
{
    buf_printf(out, "\"reason\":\"%s\",", f->reason);
    if (f->location[0]) {
        buf_puts(out, "\"location\":");
        buf_json_str(out, str_from(f->location));
        buf_putc(out, ',');
    }
    buf_puts(out, "\"message\":");
    buf_json_str(out, str_from(f->text));
}

void reason_put_proto(struct buf *out, const struct fail *f)
{
    buf_putc(out, '{');
    put_members(out, f);
    buf_putc(out, '}');
}

void reason_put_body(struct buf *out, const struct fail *f, int http_status)
{
    const struct row *row = find(f->reason);

    buf_printf(out, "{\"error\":{\"code\":%d,\"message\":",
               http_status ? http_status : row->http);
    buf_json_str(out, str_from(f->text));
    buf_puts(out, ",\"errors\":[{\"domain\":\"global\",");
    put_members(out, f);
    buf_printf(out, "}],\"status\":\"%s\"}}", row->status);
}
