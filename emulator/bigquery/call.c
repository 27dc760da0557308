/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask of a call and leave in it. */
#include "emulator/bigquery/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/mem.h"

struct str call_param(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->n_params; i++)
        if (str_eq(c->params[i].name, str_from(name)))
            return c->params[i].value;
    return STR_NULL;
}

bool call_bool(const struct call *c, const char *name)
{
    struct str v = call_param(c, name);

    return v.p && (str_ieq(v, STR("true")) || str_eq(v, STR("1")));
}

int call_number(struct call *c, const char *name, int64_t otherwise,
                int64_t *out)
{
    struct str v = call_param(c, name);

    *out = otherwise;
    if (!v.p || !v.len)
        return RC_OK;
    if (str_to_i64(v, out) && *out >= 0)
        return RC_OK;
    fail_set(&c->fail, "invalid",
             "Invalid value for %s: '%.*s' is not an unsigned number", name,
             (int)(v.len > 40 ? 40 : v.len), v.p);
    return RC_INVALID;
}

json_t *call_json(struct call *c)
{
    json_error_t why;
    json_t *root;

    if (!str_trim(c->body).len)
        return json_object();
    root = json_loadb(c->body.p, c->body.len, JSON_REJECT_DUPLICATES, &why);
    if (root && json_is_object(root))
        return root;
    if (root)
        fail_set(&c->fail, "parseError",
                 "Invalid JSON payload received: an object is wanted");
    else
        fail_set(&c->fail, "parseError",
                 "Invalid JSON payload received. %s at line %d", why.text,
                 why.line);
    json_decref(root);
    return NULL;
}

static int put(const char *bytes, size_t len, void *out)
{
    buf_append(out, bytes, len);
    return 0;
}

void call_reply_json(struct call *c, json_t *json)
{
    const char *etag = json_string_value(json_object_get(json, "etag"));

    if (etag)
        snprintf(c->etag, sizeof(c->etag), "%s", etag);
    json_dump_callback(json, put, &c->out, JSON_COMPACT);
    json_decref(json);
    c->status = 200;
}

void call_reply(struct call *c, int status)
{
    c->status = status;
}

void call_fail(struct call *c, const char *reason, const char *fmt, ...)
{
    va_list ap;

    c->fail.reason = reason;
    c->fail.location[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(c->fail.text, sizeof(c->fail.text), fmt, ap);
    va_end(ap);
}

struct db *call_begin(struct call *c)
{
    struct err err = {0};
    struct db *w = db_begin(c->db->all, true, &err);

    if (!w)
        fail_from_err(&c->fail, &err);
    return w;
}

bool call_end(struct call *c, struct db *w, int rc)
{
    struct err err = {0};

    if (rc) {
        db_rollback(w);
        return false;
    }
    rc = db_commit(w, &err);
    if (rc)
        fail_from_err(&c->fail, &err);
    return rc == RC_OK;
}
