/* SPDX-License-Identifier: Apache-2.0 */
/* One REST request from its head to its answer.
 *
 * The loop makes a call (api.c), a worker runs its handler, the loop sends
 * what the handler left. A call holds copies of all it needs of the request:
 * the client may go at any time.
 * Threads: one at a time; `req` is the loop's alone. */
#ifndef EMULATOR_BIGQUERY_CALL_H
#define EMULATOR_BIGQUERY_CALL_H

#include <jansson.h>

#include "common/buf.h"
#include "common/loop.h"
#include "emulator/bigquery/db.h"
#include "emulator/bigquery/pool.h"
#include "emulator/bigquery/reason.h"
#include "emulator/faults.h"

struct bigquery;
struct call;
struct http_req;
struct upload_body;

enum {
    CALL_MAX_VARS = 4,
    CALL_MAX_PARAMS = 32,
    CALL_BODY_MAX = 64 << 20,  /* unpacked */
    CALL_REPLY_MAX = 256 << 20 /* of listings; pages are cut long before */
};

enum route_on {
    ON_LOOP,  /* takes the call: ends it with call_finish, now or later */
    ON_QUICK, /* a worker for what is soon done */
    ON_SLOW   /* one for jobs */
};

struct route {
    const char *name;   /* "tabledata.insertAll" */
    const char *method; /* "POST" */
    const char *path;   /* "/projects/{}/datasets" */
    enum route_on on;
    void (*run)(struct call *c);
};

struct param {
    struct str name, value;
};

struct call {
    struct pool_job job;   /* in a pool's queue */
    struct loop_task task; /* back to the loop */
    struct bigquery *bq;
    struct http_req *req; /* NULL: the client has gone, or `asked` */
    /* Of the process itself: gets the answer instead of a client. */
    void (*asked)(void *arg, int status, struct str answer);
    void *asked_arg;
    const struct route *route;
    struct str vars[CALL_MAX_VARS]; /* decoded, each with its NUL */
    struct param params[CALL_MAX_PARAMS];
    size_t n_params;
    struct str body;
    /* header fields; p NULL: none */
    struct str if_match, if_none_match, host, content_type, content_range,
        upload_type;
    struct upload_body *upload; /* a streamed body, or NULL */
    struct buf unzipped;
    bool zip;       /* the client likes its answer packed */
    bool taken;     /* a handler, the loop or a timer will end it */
    int64_t now_us; /* the emulator's clock when it came */
    int64_t start_us;
    struct fault fault;
    struct loop_timer timer;
    bool twice;                   /* the fault table says: do it twice */
    bool refuses_rows;            /* ... or: every second row is bad */
    void (*then)(struct call *c); /* runs instead of the route's handler */
    struct db *db;                /* the worker's reader */
    /* the answer */
    int status;
    struct fail fail;
    struct buf out;
    char etag[40];       /* sent as a header too */
    struct str extra[4]; /* more header fields, name and value; constants or
                            owned by `text` */
    uint64_t n;          /* rows, for the request ring */
    struct buf text;     /* owns vars, params, headers, body */
    char *repeated;      /* the id of the job whose answer it gets; owned */
    char most[24];       /* its maxResults */
    json_t *running;     /* jobs.list: those that do; owned */
};

/* --- asking --------------------------------------------------------------- */

/* A query parameter; p NULL if absent. */
struct str call_param(const struct call *c, const char *name);
bool call_bool(const struct call *c, const char *name); /* true, True, 1 */
/* `otherwise` if absent; RC_INVALID (`c->fail` set) if it is no number. */
RC_MUST_USE int call_number(struct call *c, const char *name, int64_t otherwise,
                            int64_t *out);
/* The body as an object, owned by the caller; NULL with `c->fail` set. An
 * empty body is an empty object. */
json_t *call_json(struct call *c);

/* --- answering ------------------------------------------------------------ */

/* Takes the reference; `c->etag` is set from its member "etag". */
void call_reply_json(struct call *c, json_t *json);
/* `c->out` holds the body. */
void call_reply(struct call *c, int status);
/* Ends with c->fail; so does a handler that returns with it set. */
void call_fail(struct call *c, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The writer, in a transaction; NULL with the call failed. */
struct db *call_begin(struct call *c);
/* Commits, or rolls back if `rc` is not 0; true if all is kept. */
bool call_end(struct call *c, struct db *w, int rc);
/* On the loop: sends and forgets the call. */
void call_finish(struct call *c);
/* On the loop: the rest is a worker's. */
void call_continue(struct call *c, void (*then)(struct call *c));
/* From a worker (or the loop): call_finish on the loop, soon. */
void call_post(struct call *c);

#endif
