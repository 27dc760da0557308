/* SPDX-License-Identifier: Apache-2.0 */
/* Between HTTP and calls: api.c takes requests in, answer.c lets answers out.
 * Threads: loop-confined, but for api_run. */
#ifndef EMULATOR_BIGQUERY_API_H
#define EMULATOR_BIGQUERY_API_H

#include "emulator/bigquery/call.h"

enum {
    BODY_MAX = 10 << 20 /* of a request that is no upload (page "Quotas") */
};

/* The routes, ended by a row without a name. */
extern const struct route routes[];

/* Finds the route of a method and a path without its prefix; binds the
 * decoded segments, copied into `text` (which has room). NULL: none;
 * `*path_known` tells whether another method would do. */
const struct route *route_find(struct str method, struct str path,
                               struct buf *text, struct str *vars,
                               bool *path_known);

/* Removes "/bigquery/v2" and its like; "/upload" stays in front. Into
 * `out`. */
void route_strip(struct str path, struct buf *out);

/* A request of another service of the process: struct bigquery_door's ask. */
void api_ask(void *bigquery, const char *method, const char *path,
             struct str body,
             void (*done)(void *arg, int status, struct str answer), void *arg);

/* --- answer.c ------------------------------------------------------------- */

/* An answer without a call. */
void answer_fail(struct http_req *req, const struct fail *f, int status);
void answer_preflight(struct http_req *req);
/* The call's answer, or none if its client has gone. */
void answer_send(struct call *c);
/* What the HTTP server refuses by itself. */
void answer_render_error(int status, const char *detail, struct buf *type,
                         struct buf *body);

#endif
