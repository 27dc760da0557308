/* SPDX-License-Identifier: Apache-2.0 */
/* Response heads of HTTP/1.1, prepared answers, the Date field. */
#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "http/conn.h"
#include "http/response.h"

static char *put(char *at, struct str s)
{
    if (s.len)
        memcpy(at, s.p, s.len);
    return at + s.len;
}

struct str http_reason(int status)
{
    switch (status) {
#define STATUS(code, phrase)                                                   \
    case code:                                                                 \
        return STR(phrase);
#include "http/status.def"
#undef STATUS
    default:
        return STR("");
    }
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* The server writes these itself. */
static bool is_ours(struct str name)
{
    return str_ieq(name, STR("content-length")) ||
           str_ieq(name, STR("transfer-encoding")) ||
           str_ieq(name, STR("connection")) || str_ieq(name, STR("date")) ||
           str_ieq(name, STR("keep-alive"));
}

bool http_field_is_sendable(const struct http_field *f, int status)
{
    if (!http_name_ok(f->name) || !http_value_ok(f->value) || is_ours(f->name))
        return false;
    /* A 304 describes no body (RFC 9110 section 15.4.5). */
    return status != 304 || !str_starts(f->name, STR("content-")) ||
           str_eq(f->name, STR("content-location"));
}

struct str http_date_line(struct http_loop *hl)
{
    if (hl->now_us >= hl->date_until_us) {
        int64_t wall_us = clock_wall_us();
        char *at = put(hl->date, STR("date: "));

        at += timefmt_format_http(at, wall_us);
        put(at, STR("\r\n"));
        hl->date_until_us = hl->now_us + US_PER_S - wall_us % US_PER_S;
    }
    return str_of(hl->date, 6 + 29 + 2);
}

static char *put_status_line(char *at, int status)
{
    at = put(at, STR("HTTP/1.1 "));
    *at++ = (char)('0' + status / 100 % 10);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    *at++ = ' ';
    at = put(at, http_reason(status));
    return put(at, STR("\r\n"));
}

enum {
    STATUS_LINE_MAX = 64,
    LENGTH_LINE_MAX = 48
};

static size_t fields_size(const struct http_field *fields, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += fields[i].name.len + fields[i].value.len + 4;
    return len;
}

static char *put_fields(char *at, const struct http_field *fields, size_t n,
                        int status)
{
    for (size_t i = 0; i < n; i++) {
        if (!http_field_is_sendable(&fields[i], status))
            continue;
        at = put(at, fields[i].name);
        at = put(at, STR(": "));
        at = put(at, fields[i].value);
        at = put(at, STR("\r\n"));
    }
    return at;
}

static char *put_length(char *at, int64_t length)
{
    if (length == LENGTH_CHUNKED)
        return put(at, STR("transfer-encoding: chunked\r\n"));
    if (length == LENGTH_NONE)
        return at;
    return at + snprintf(at, LENGTH_LINE_MAX, "content-length: %lld\r\n",
                         (long long)length);
}

void http_write_head(struct conn *c, int status,
                     const struct http_prepared *prepared,
                     const struct http_field *fields, size_t n, int64_t length,
                     struct str connection)
{
    struct str date = http_date_line(c->hl);
    size_t max = STATUS_LINE_MAX + LENGTH_LINE_MAX + sizeof(c->hl->date) + 32 +
                 (prepared ? prepared->head.len : 0) + fields_size(fields, n);
    char *begin = conn_reserve(c, max), *at = begin;

    if (!at)
        return;
    if (prepared && status == prepared->status) {
        at = put(at, prepared->head);
    } else {
        at = put_status_line(at, status);
        if (prepared && status == 304)
            at = put(at, prepared->not_modified);
        else if (prepared)
            at = put_fields(at, prepared->fields, prepared->n_fields, status);
        at = put_length(at, length);
    }
    at = put(at, date);
    at = put_fields(at, fields, n, status);
    if (connection.len) {
        at = put(at, STR("connection: "));
        at = put(at, connection);
        at = put(at, STR("\r\n"));
    }
    at = put(at, STR("\r\n"));
    conn_commit(c, (size_t)(at - begin));
}

/* --- refusals ------------------------------------------------------------- */

void refusal_init(struct refusal *r, struct http_loop *hl, struct http_req *req,
                  int status, const char *detail)
{
    const struct http_app *app = &hl->server->app;
    size_t room = sizeof(r->fields) / sizeof(r->fields[0]);

    r->n_fields = 0;
    buf_init(&r->type, 256);
    buf_init(&r->body, 65536);
    if (app->render_error)
        app->render_error(status, detail, &r->type, &r->body);
    if (r->body.len)
        r->fields[r->n_fields++] =
            (struct http_field){STR("content-type"), buf_as_str(&r->type)};
    r->fields[r->n_fields++] =
        (struct http_field){STR("cache-control"), STR("no-store")};
    if (status == 503)
        r->fields[r->n_fields++] =
            (struct http_field){STR("retry-after"), STR("1")};
    if (app->error_fields)
        r->n_fields +=
            app->error_fields(req, r->fields + r->n_fields, room - r->n_fields,
                              r->scratch, hl->app_arg);
    else
        r->fields[r->n_fields++] =
            (struct http_field){STR("x-content-type-options"), STR("nosniff")};
}

void refusal_fini(struct refusal *r)
{
    buf_fini(&r->type);
    buf_fini(&r->body);
}

/* --- prepared ------------------------------------------------------------- */

struct http_prepared *http_prepared_new(int status,
                                        const struct http_field *fields,
                                        size_t n_fields, struct str body)
{
    size_t text = fields_size(fields, n_fields);
    size_t size = sizeof(struct http_prepared) +
                  n_fields * sizeof(struct http_field) + 3 * text +
                  STATUS_LINE_MAX + LENGTH_LINE_MAX + body.len;
    struct http_prepared *p = mem_alloc(size);
    char *at = (char *)(p + 1), *begin;

    p->refs = 1;
    p->status = status;
    p->fields = (struct http_field *)(void *)at;
    at += n_fields * sizeof(struct http_field);
    for (size_t i = 0; i < n_fields; i++) {
        struct http_field f = fields[i];
        if (!http_field_is_sendable(&f, status))
            continue;
        memcpy(at, f.name.p, f.name.len);
        if (f.value.len)
            memcpy(at + f.name.len, f.value.p, f.value.len);
        p->fields[p->n_fields].name = str_of(at, f.name.len);
        p->fields[p->n_fields++].value = str_of(at + f.name.len, f.value.len);
        at += f.name.len + f.value.len;
    }
    begin = at;
    at = put_status_line(at, status);
    at = put_fields(at, p->fields, p->n_fields, status);
    if (http_status_has_body(status))
        at = put_length(at, (int64_t)body.len);
    p->head = str_of(begin, (size_t)(at - begin));
    begin = at;
    at = put_fields(at, p->fields, p->n_fields, 304);
    p->not_modified = str_of(begin, (size_t)(at - begin));
    p->body = str_of(at, body.len);
    put(at, body);
    return p;
}

struct http_prepared *http_prepared_ref(struct http_prepared *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void http_prepared_unref(struct http_prepared *p)
{
    if (p && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0)
        mem_free(p);
}

struct str http_prepared_body(const struct http_prepared *p)
{
    return p->body;
}
