/* SPDX-License-Identifier: Apache-2.0 */
/* What every role tells its operators over HTTP: GET /metrics, /livez and
 * /readyz. The API mounts it on its own port (without /metrics in the cloud)
 * and, like ingest, on an admin port.
 *
 * Threads: any loop; `is_ready` is called on the loop of the request. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct http_field;
struct http_req;
struct http_server;
struct loop;
struct metrics;

struct admin {
    struct metrics *metrics;
    /* True if the role can do its work; if not, `why` gets one sentence
     * without quotes (a constant). NULL: ready as soon as it listens. */
    bool (*is_ready)(void *arg, const char **why);
    void *arg;
    bool hide_metrics; /* /metrics is somebody else's: not handled */
    /* Before a page is rendered: gauges that are read, not kept. May be
     * NULL. */
    void (*refresh)(void *arg);
};

enum {
    ADMIN_EXTRA_MAX = 12
};

/* Answers GET and HEAD of the three paths (405 with Allow for other methods)
 * and returns true; false: the path is not one of them. `extra` (at most
 * ADMIN_EXTRA_MAX): fields that the caller's answers carry too. */
bool admin_handle(const struct admin *a, struct http_req *req,
                  const struct http_field *extra, size_t n_extra);

/* A server of its own for them on `loop`, everything else 404. `a` is
 * borrowed for the server's life. Port 0 takes any free one. */
RC_MUST_USE int admin_listen(const struct admin *a, struct loop *loop,
                             const char *address, uint16_t port,
                             struct http_server **out, struct err *err);

/* The members of application/problem+json (RFC 9457) that each problem has;
 * the caller adds its own and the closing brace. */
void admin_problem_begin(struct buf *out, int status, struct str detail);
/* The http_app.render_error of the roles. */
void admin_render_error(int status, const char *detail, struct buf *type,
                        struct buf *body);

#endif
