/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the BigQuery store: a service on a thread of its own that keeps
 * rows of the shipped schema in memory and answers the few calls that the
 * store makes. Written from Google's pages, not from the client. A test may
 * put a function before each answer. */
#ifndef SUPPORT_FAKE_BIGQUERY_H
#define SUPPORT_FAKE_BIGQUERY_H

#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "http/http.h"

enum {
    FAKE_ROWS = 4096,
    FAKE_PAGE_BYTES = 10 * 1000 * 1000
};

struct fake_row {
    char *id, *text; /* text may be NULL */
    int64_t us;
    char insert_id[130];
};

struct fake {
    struct loop *loop;
    pthread_t thread;
    struct http_app app;
    struct http_server *server;
    char host[64]; /* 127.0.0.1:PORT */
    /* guarded by the lock where a test looks while the thread runs */
    pthread_mutex_t lock;
    struct fake_row rows[FAKE_ROWS];
    _Atomic size_t n_rows;
    _Atomic unsigned n_inserts, n_queries, n_pages, n_tables, n_cancels;
    _Atomic size_t page_bytes;
    char created[24];
    char *last_query; /* the body */
    json_t *jobs[64]; /* arrays of cells, for pages */
    size_t n_jobs;
    /* true: it has answered. Runs on the fake's thread, unlocked. */
    bool (*_Atomic before)(struct fake *f, struct http_req *req, json_t *body);
    void *arg;
};

static inline void fake_reply(struct http_req *req, int status, json_t *body)
{
    const struct http_field type = {STR("content-type"),
                                    STR("application/json")};
    char *text = json_dumps(body, JSON_COMPACT);

    http_reply(req, status, &type, 1, str_from(text));
    free(text);
    json_decref(body);
}

static inline void fake_fail(struct http_req *req, int status,
                             const char *reason, const char *message)
{
    fake_reply(req, status,
               json_pack("{s:{s:i,s:s,s:[{s:s,s:s,s:s}]}}", "error", "code",
                         status, "message", message, "errors", "message",
                         message, "domain", "global", "reason", reason));
}

/* --- insertAll --- */

static inline bool fake_has_insert_id(const struct fake *f, const char *id)
{
    for (size_t i = 0; id && i < f->n_rows; i++) {
        if (strcmp(f->rows[i].insert_id, id) == 0)
            return true;
    }
    return false;
}

static inline void fake_add(struct fake *f, const char *insert_id,
                            const char *id, const char *text, int64_t us)
{
    struct fake_row *r = &f->rows[f->n_rows];

    ck_assert_uint_lt(f->n_rows, FAKE_ROWS);
    f->n_rows++;
    r->id = mem_strdup(id);
    r->text = text ? mem_strdup(text) : NULL;
    r->us = us;
    snprintf(r->insert_id, sizeof(r->insert_id), "%s",
             insert_id ? insert_id : "");
}

static inline void fake_insert(struct fake *f, struct http_req *req,
                               json_t *body)
{
    json_t *rows = json_object_get(body, "rows"), *row;
    size_t i;

    f->n_inserts++;
    json_array_foreach(rows, i, row)
    {
        json_t *json = json_object_get(row, "json");
        const char *insert_id =
            json_string_value(json_object_get(row, "insertId"));
        int64_t us;
        ck_assert_int_eq(timefmt_parse(str_from(json_string_value(
                                           json_object_get(json, "timestamp"))),
                                       &us, NULL),
                         RC_OK);
        if (fake_has_insert_id(f, insert_id))
            continue;
        fake_add(f, insert_id, json_string_value(json_object_get(json, "id")),
                 json_string_value(json_object_get(json, "contenido")), us);
    }
    fake_reply(
        req, 200,
        json_pack("{s:s}", "kind", "bigquery#tableDataInsertAllResponse"));
}

/* --- queries --- */

static inline json_t *fake_param(json_t *body, const char *name)
{
    json_t *params = json_object_get(body, "queryParameters"), *p;
    size_t i;

    json_array_foreach(params, i, p)
    {
        if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0)
            return json_object_get(p, "parameterValue");
    }
    return NULL;
}

static inline const char *fake_text_param(json_t *body, const char *name)
{
    return json_string_value(json_object_get(fake_param(body, name), "value"));
}

static inline int64_t fake_time_param(json_t *body, const char *name)
{
    int64_t us = 0;

    ck_assert_int_eq(
        timefmt_parse(str_from(fake_text_param(body, name)), &us, NULL), RC_OK);
    return us;
}

static inline int fake_order(const void *a, const void *b)
{
    const struct fake_row *x = *(struct fake_row *const *)a;
    const struct fake_row *y = *(struct fake_row *const *)b;

    return x->us != y->us ? (x->us > y->us ? -1 : 1) : strcmp(x->id, y->id);
}

static inline bool fake_wants(json_t *body, const struct fake_row *r)
{
    const char *after = fake_text_param(body, "after");
    const char *id = fake_text_param(body, "id");
    json_t *ids = json_object_get(fake_param(body, "ids"), "arrayValues"), *v;
    int64_t oldest = fake_time_param(body, "oldest");
    int64_t newest = fake_time_param(body, "newest");
    size_t i;

    if (r->us < oldest || r->us > newest || (id && strcmp(r->id, id) != 0))
        return false;
    if (!ids)
        return !after || r->us < newest || strcmp(r->id, after) > 0;
    if (r->us == oldest && strcmp(r->id, after) > 0)
        return false;
    json_array_foreach(ids, i, v)
    {
        if (strcmp(json_string_value(json_object_get(v, "value")), r->id) == 0)
            return true;
    }
    return false;
}

static inline json_t *fake_cells(const struct fake_row *r, bool two)
{
    char us[32];

    snprintf(us, sizeof(us), "%lld", (long long)r->us);
    if (two)
        return json_pack("{s:[{s:s},{s:s}]}", "f", "v", r->id, "v", us);
    return json_pack("{s:[{s:s},{s:s?},{s:s}]}", "f", "v", r->id, "v", r->text,
                     "v", us);
}

/* A page of a job from row `from`. */
static inline void fake_page(struct fake *f, struct http_req *req, size_t job,
                             size_t from)
{
    json_t *all = f->jobs[job], *rows = json_array(), *answer;
    size_t n = json_array_size(all), bytes = 0, i = from;
    char name[32];

    for (; i < n && (i == from || bytes < f->page_bytes); i++) {
        json_t *row = json_array_get(all, i);
        bytes += json_string_length(
            json_object_get(json_array_get(json_object_get(row, "f"), 1), "v"));
        json_array_append(rows, row);
    }
    snprintf(name, sizeof(name), "job_%zu", job);
    answer = json_pack("{s:s,s:b,s:o,s:{s:s,s:s,s:s}}", "kind",
                       "bigquery#queryResponse", "jobComplete", 1, "rows", rows,
                       "jobReference", "projectId", "p", "jobId", name,
                       "location", "US");
    if (i < n) {
        snprintf(name, sizeof(name), "page %zu", i);
        json_object_set_new(answer, "pageToken", json_string(name));
    }
    fake_reply(req, 200, answer);
}

static inline void fake_query(struct fake *f, struct http_req *req,
                              json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "query"));
    const char *limit = strstr(text, " LIMIT ");
    size_t n = 0, max = limit ? strtoul(limit + 7, NULL, 10) : FAKE_ROWS;
    static struct fake_row *found[FAKE_ROWS];
    json_t *all = json_array();

    f->n_queries++;
    mem_free(f->last_query);
    f->last_query = mem_strndup(http_req_body(req).p, http_req_body(req).len);
    for (size_t i = 0; i < f->n_rows; i++) {
        if (fake_wants(body, &f->rows[i]))
            found[n++] = &f->rows[i];
    }
    qsort(found, n, sizeof(found[0]), fake_order);
    for (size_t i = 0; i < n && i < max; i++)
        json_array_append_new(all, fake_cells(found[i], !limit));
    json_decref(f->jobs[f->n_jobs % 64]);
    f->jobs[f->n_jobs % 64] = all;
    fake_page(f, req, f->n_jobs++ % 64, 0);
}

static inline void fake_more(struct fake *f, struct http_req *req)
{
    struct str rest = http_req_query(req), path = http_req_path(req);
    struct str name, value;
    struct buf scratch;
    size_t from = 0;
    int rc;

    f->n_pages++;
    buf_init(&scratch, 4096);
    while (http_query_next(&rest, &scratch, &name, &value, &rc)) {
        if (str_eq(name, STR("pageToken")))
            from = strtoul(value.p + 5, NULL, 10);
        buf_reset(&scratch);
    }
    buf_fini(&scratch);
    fake_page(f, req, strtoul(strstr(path.p, "job_") + 4, NULL, 10), from);
}

/* --- the service --- */

static inline void fake_table(struct fake *f, struct http_req *req)
{
    f->n_tables++;
    fake_reply(req, 200,
               json_pack("{s:s,s:{s:[{s:s,s:s,s:s},{s:s,s:s},{s:s,s:s,s:s}]}}",
                         "creationTime", f->created, "schema", "fields", "name",
                         "id", "type", "STRING", "mode", "REQUIRED", "name",
                         "contenido", "type", "STRING", "name", "timestamp",
                         "type", "TIMESTAMP", "mode", "REQUIRED"));
}

static inline void fake_on_request(struct http_req *req, void *arg)
{
    struct fake *f = arg;
    struct str path = http_req_path(req), in = http_req_body(req);
    json_t *body = json_loadb(in.p ? in.p : "", in.len, 0, NULL);

    bool (*before)(struct fake *, struct http_req *, json_t *) = f->before;

    if (before && before(f, req, body)) {
        json_decref(body);
        return;
    }
    pthread_mutex_lock(&f->lock);
    if (str_ends(path, STR("/insertAll")))
        fake_insert(f, req, body);
    else if (str_ends(path, STR("/queries")))
        fake_query(f, req, body);
    else if (str_ends(path, STR("/cancel")) && ++f->n_cancels)
        fake_reply(req, 200, json_object());
    else if (memmem(path.p, path.len, "/queries/", 9))
        fake_more(f, req);
    else
        fake_table(f, req);
    pthread_mutex_unlock(&f->lock);
    json_decref(body);
}

static inline void *fake_run(void *arg)
{
    loop_run(((struct fake *)arg)->loop);
    return NULL;
}

static inline void fake_start(struct fake *f)
{
    struct http_limits limits;
    struct err err = {0};

    http_limits_default(&limits);
    limits.body_bytes = 64u << 20;
    pthread_mutex_init(&f->lock, NULL);
    f->page_bytes = FAKE_PAGE_BYTES;
    snprintf(f->created, sizeof(f->created), "1700000000000");
    f->loop = loop_new();
    f->app = (struct http_app){.on_request = fake_on_request};
    f->server = http_server_new(&f->app, &limits);
    ck_assert_msg(http_server_listen(f->server, f->loop, "127.0.0.1", 0, f,
                                     &err) == RC_OK,
                  "%s", err.text);
    snprintf(f->host, sizeof(f->host), "127.0.0.1:%u",
             (unsigned)http_server_port(f->server));
    ck_assert_int_eq(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

static inline void fake_stop(struct fake *f)
{
    loop_stop(f->loop);
    pthread_join(f->thread, NULL);
    http_server_free(f->server);
    loop_free(f->loop);
    for (size_t i = 0; i < f->n_rows; i++) {
        mem_free(f->rows[i].id);
        mem_free(f->rows[i].text);
    }
    for (size_t i = 0; i < 64; i++)
        json_decref(f->jobs[i]);
    mem_free(f->last_query);
    pthread_mutex_destroy(&f->lock);
}

#endif
