/* SPDX-License-Identifier: Apache-2.0 */
/* POST /datos: one record, an array, or NDJSON; all or nothing. Answered after
 * the commit, when every reader of this process sees the rows. */
#include <stddef.h>
#include <stdio.h>

#include "api/accept.h"
#include "api/app.h"
#include "api/gate.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
    MAX_WHY = 20,
    ANSWER_ROOM = 24 * 1024 * 1024
};

struct posting {
    struct writer_put put;
    struct exchange *x;
    struct row_list rows;
    enum store_result *results;
};

static void posting_free(struct posting *p)
{
    row_list_fini(&p->rows);
    mem_free(p->results);
    mem_free(p);
}

/* --- answers --- */

static void reply_one(struct exchange *x, const struct posting *p)
{
    const struct row *row = p->rows.rows[0];
    bool is_new = p->results[0] == STORE_STORED;
    struct buf location;
    struct http_field extra;

    buf_init(&location, 4 * ROW_ID_MAX + 32);
    buf_puts(&location, query_id_fits_path(row->id) ? "/datos/" : "/datos?id=");
    query_put_encoded(&location, row->id);
    extra = (struct http_field){STR("location"), buf_as_str(&location)};
    reply_with(x, is_new ? 201 : 200, STR("application/json"), &extra, is_new,
               row->json);
    buf_fini(&location);
}

static void reply_several(struct exchange *x, const struct posting *p)
{
    bool is_new = false;
    struct buf body;

    buf_init(&body, ANSWER_ROOM);
    buf_puts(&body, "{\"datos\":[");
    for (size_t i = 0; i < p->rows.n; i++) {
        if (i)
            buf_putc(&body, ',');
        buf_str(&body, p->rows.rows[i]->json);
        is_new = is_new || p->results[i] == STORE_STORED;
    }
    buf_puts(&body, "]}");
    if (body.failed)
        reply_problem(x, 503, "the records are stored; no memory to show them",
                      NULL, 0);
    else
        reply_with(x, is_new ? 201 : 200, STR("application/json"), NULL, 0,
                   buf_as_str(&body));
    buf_fini(&body);
}

/* The records that kept the others from being stored. */
static void reply_refused_rows(struct exchange *x, const struct posting *p)
{
    bool conflict = p->put.insert.rc == RC_CONFLICT;
    enum store_result what = conflict ? STORE_CONFLICT : STORE_REJECTED;
    struct reply_error errors[MAX_WHY];
    char fields[MAX_WHY][32];
    size_t n = 0;

    for (size_t i = 0; i < p->rows.n && n < MAX_WHY; i++) {
        if (p->results[i] != what)
            continue;
        if (p->rows.is_array)
            snprintf(fields[n], sizeof(fields[n]), "[%zu]%s", i,
                     conflict ? ".id" : "");
        else
            snprintf(fields[n], sizeof(fields[n]), "%s", conflict ? "id" : "");
        errors[n] = (struct reply_error){
            fields[n], conflict ? "is taken by a record with other content"
                                : "the store refuses this record"};
        n++;
    }
    if (conflict)
        reply_problem(x, 409,
                      "the first record of an id stands; nothing was stored",
                      errors, n);
    else
        reply_problem(x, 422, "the store refuses a record; nothing was stored",
                      errors, n);
}

static void reply_outcome(struct exchange *x, const struct posting *p)
{
    int rc = p->put.insert.rc;

    if (rc == RC_OK && p->rows.is_array)
        reply_several(x, p);
    else if (rc == RC_OK)
        reply_one(x, p);
    else if (rc == RC_CONFLICT || rc == RC_SCHEMA)
        reply_refused_rows(x, p);
    else if (rc == RC_BUSY)
        reply_problem(x, 429, "too many writes; try again soon", NULL, 0);
    else
        reply_problem(x, 503,
                      "the store did not confirm; whether it stored the "
                      "records is unknown, and repeating is safe",
                      NULL, 0);
}

static void on_put(struct writer_put *put)
{
    struct posting *p = LOOP_OWNER(put, struct posting, put);
    struct exchange *x = p->x;

    atomic_fetch_sub(&x->l->api->pending, 1);
    if (exchange_end(x))
        reply_outcome(x, p);
    posting_free(p);
}

/* --- in --- */

static void reply_invalid(struct exchange *x, int rc, const struct reject *why,
                          size_t n)
{
    struct reply_error errors[MAX_WHY];
    int status = rc == RC_MALFORMED   ? 400
                 : rc == RC_TOO_LARGE ? 413
                 : rc == RC_SCHEMA    ? 422
                                      : 503;

    for (size_t i = 0; i < n; i++)
        errors[i] = (struct reply_error){why[i].field, why[i].reason};
    reply_problem(x, status,
                  status == 400   ? "the body is not one JSON text"
                  : status == 413 ? "a record is larger than 1 MiB"
                  : status == 422 ? "the schema refuses this"
                                  : "no memory for this; try again soon",
                  errors, n);
}

/* 0: JSON, 1: NDJSON, -1: another type. */
static int body_kind(struct exchange *x)
{
    struct str field = http_req_known(x->req, HTTP_H_CONTENT_TYPE);
    struct str coding = http_req_known(x->req, HTTP_H_CONTENT_ENCODING);
    bool is_utf8;
    struct str type = accept_media_type(field, &is_utf8);

    if (!is_utf8 || (coding.len && !str_ieq(coding, STR("identity"))))
        return -1;
    if (type.len == 0 || str_ieq(type, STR("application/json")))
        return 0;
    return str_ieq(type, STR("application/x-ndjson")) ||
                   str_ieq(type, STR("application/jsonl"))
               ? 1
               : -1;
}

static void store_body(struct exchange *x)
{
    struct api_loop *l = x->l;
    int kind = body_kind(x), rc;
    struct reject *why;
    struct row_window window;
    struct posting *p;
    size_t n_why = 0;

    if (kind < 0) {
        reply_problem(x, 415,
                      "send application/json or application/x-ndjson in "
                      "UTF-8, without a content coding",
                      NULL, 0);
        return;
    }
    if (http_req_query(x->req).len) {
        reply_problem(x, 400, "POST takes no parameters", NULL, 0);
        return;
    }
    p = MEM_NEW(struct posting);
    why = MEM_ARRAY(struct reject, MAX_WHY);
    window = row_window_at(clock_wall_us(), l->api->settings->max_future_s);
    rc = row_parse_body(l->api->schema, http_req_body(x->req), kind == 1,
                        &window, &p->rows, why, MAX_WHY, &n_why);
    if (rc == RC_OK && p->rows.n == 0) {
        snprintf(why[0].reason, sizeof(why[0].reason), "holds no record");
        n_why = 1;
        rc = RC_SCHEMA;
    }
    if (rc) {
        reply_invalid(x, rc, why, n_why < MAX_WHY ? n_why : MAX_WHY);
        mem_free(why);
        posting_free(p);
        return;
    }
    mem_free(why);
    p->x = x;
    p->results = MEM_ARRAY(enum store_result, p->rows.n);
    p->put.done = on_put;
    p->put.insert.rows = p->rows.rows;
    p->put.insert.n_rows = p->rows.n;
    p->put.insert.results = p->results;
    p->put.insert.atomic = true;
    exchange_begin(x);
    atomic_fetch_add(&l->api->pending, 1);
    writer_put(l->writer, &p->put);
}

void post_datos(struct exchange *x)
{
    gate_pass(x, x->l->api->auth, store_body);
}
