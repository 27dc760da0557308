/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"

#include "admin/admin.h"
#include "api/app.h"
#include "common/buf.h"

enum {
    PROBLEM_MAX = 64 * 1024,
    FIELDS_MAX = 20
};

size_t reply_common_fields(struct http_field *out, size_t room)
{
    static const struct http_field common[] = {
        {{"x-content-type-options", 22}, {"nosniff", 7}},
        {{"content-security-policy", 23},
         {"default-src 'none'; frame-ancestors 'none'", 42}},
        {{"referrer-policy", 15}, {"no-referrer", 11}},
        {{"strict-transport-security", 25}, {"max-age=31536000", 16}},
        {{"access-control-allow-origin", 27}, {"*", 1}},
        {{"access-control-expose-headers", 29},
         {"Cache-Status, ETag, Link, Location, Retry-After, X-Request-Id", 61}},
    };
    size_t n = sizeof(common) / sizeof(common[0]);

    if (n > room)
        n = room;
    memcpy(out, common, n * sizeof(common[0]));
    return n;
}

void reply_put_problem(struct buf *out, int status, const char *detail,
                       const struct reply_error *errors, size_t n)
{
    admin_problem_begin(out, status, str_from(detail));
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? ",{\"field\":" : ",\"errors\":[{\"field\":");
        buf_json_str(out, str_from(errors[i].field));
        buf_puts(out, ",\"reason\":");
        buf_json_str(out, str_from(errors[i].reason));
        buf_putc(out, '}');
    }
    buf_puts(out, n ? "]}" : "}");
}

struct http_field reply_id_field(const struct exchange *x)
{
    return (struct http_field){STR("x-request-id"), str_of(x->id, x->id_len)};
}

void reply_with(struct exchange *x, int status, struct str type,
                const struct http_field *extra, size_t n_extra, struct str body)
{
    struct http_field fields[FIELDS_MAX];
    size_t n = 0;

    if (!x->req)
        return;
    if (type.len)
        fields[n++] = (struct http_field){STR("content-type"), type};
    fields[n++] = (struct http_field){STR("cache-control"), STR("no-store")};
    fields[n++] = reply_id_field(x);
    for (size_t i = 0; i < n_extra && n < 8; i++)
        fields[n++] = extra[i];
    n += reply_common_fields(fields + n, FIELDS_MAX - n);
    http_reply(x->req, status, fields, n, body);
}

void reply_problem(struct exchange *x, int status, const char *detail,
                   const struct reply_error *errors, size_t n)
{
    struct http_field extra;
    struct buf body;
    size_t n_extra = 0;

    buf_init(&body, PROBLEM_MAX);
    reply_put_problem(&body, status, detail, errors, n);
    if (body.failed) { /* too many errors: the sentence alone */
        buf_reset(&body);
        reply_put_problem(&body, status, detail, NULL, 0);
    }
    if (status == 503 || status == 429) {
        extra = (struct http_field){STR("retry-after"), STR("1")};
        n_extra = 1;
    } else if (status == 405) {
        extra = (struct http_field){STR("allow"), route_allow(x->route)};
        n_extra = 1;
    }
    reply_with(x, status, STR("application/problem+json"), &extra, n_extra,
               buf_as_str(&body));
    buf_fini(&body);
}

void reply_prepared(struct exchange *x, struct http_prepared *p, int status,
                    struct str cache)
{
    const struct http_field extra[2] = {reply_id_field(x),
                                        {STR("cache-status"), cache}};

    if (x->req)
        http_reply_prepared(x->req, p, status, extra, cache.len ? 2 : 1);
}

void reply_options(struct exchange *x)
{
    const struct http_field extra[] = {
        {STR("allow"), route_allow(x->route)},
        {STR("access-control-allow-methods"), STR("GET, HEAD, OPTIONS")},
        {STR("access-control-allow-headers"),
         STR("Accept, If-None-Match, Last-Event-ID, X-Request-Id, "
             "traceparent")},
        {STR("access-control-max-age"), STR("86400")},
    };

    reply_with(x, 204, STR(""), extra, 4, STR(""));
}
