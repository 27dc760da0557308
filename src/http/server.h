/* SPDX-License-Identifier: Apache-2.0 */
/* The server's half of http.h (include that): the application, limits,
 * listening, draining. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct loop;
struct http_server;
struct http_req;
struct http_field;

enum {
    HTTP_SCRATCH = 64
};

/* How the body of a request is to reach the application. */
enum http_body_mode {
    HTTP_BODY_WHOLE, /* on_request once it is complete */
    HTTP_BODY_STREAM /* on_request at the head, then on_data ... on_end */
};

/* The application. Members that may be NULL say so. `app` is the pointer
 * given to http_server_listen: one for each loop. */
struct http_app {
    /* NULL: HTTP_BODY_WHOLE with the server's limit. Called when the head is
     * complete; may call http_req_limit_body. It may also answer (413, 401,
     * 404) right here: on_request is then not called. */
    enum http_body_mode (*on_head)(struct http_req *req, void *app);
    void (*on_request)(struct http_req *req, void *app);
    /* HTTP_BODY_STREAM only; may be NULL otherwise. */
    void (*on_data)(struct http_req *req, struct str data, void *app);
    void (*on_end)(struct http_req *req, void *app);
    /* The output of a streamed reply fell below the low-water mark. May be
     * NULL. */
    void (*on_writable)(struct http_req *req, void *app);
    /* Last call for this request, exactly once, however it ends: answered
     * and handed to the kernel, cut, or reset. `req` is invalid after it.
     * `status` is 0 if nothing was answered. May be NULL. */
    void (*on_close)(struct http_req *req, int status, void *app);
    /* Renders a reply to what the server refuses by itself (400, 408, 413,
     * 414, 417, 431, 501, 503, 505): media type and body into the buffers.
     * NULL: an empty body. */
    void (*render_error)(int status, const char *detail, struct buf *type,
                         struct buf *body);
    /* The fields of such a reply beside type, length and caching: at most
     * `room`; returns how many. `req` is NULL before on_head was called;
     * `scratch` (HTTP_SCRATCH bytes) may hold what they point at. May be
     * NULL. */
    size_t (*error_fields)(struct http_req *req, struct http_field *out,
                           size_t room, char *scratch, void *app);
};

struct http_limits {
    size_t header_bytes;  /* request line and fields; else 414 or 431 */
    size_t body_bytes;    /* else 413; on_head may change it for a request */
    unsigned connections; /* a listener's; else 503 and close */
    int64_t header_us;    /* first byte to end of head; else 408 and close */
    int64_t body_us;      /* longest silence within a body; else 408 */
    int64_t idle_us;      /* between requests; then close */
    int64_t write_us;     /* longest stall of a reader; then cut */
    unsigned h2_streams;  /* concurrent, a connection */
    size_t stream_high;   /* bytes of a reply queued before http_stream_write
                           * says "full" */
};
/* The contract's values: 16 KiB, 1 MiB, 10 s, 10 s, 60 s, ... */
void http_limits_default(struct http_limits *limits);

/* What the server counts on one loop. What a connection costs at most a few
 * times is atomic and read from any thread; the rest belongs to the loop. */
struct http_counters {
    _Atomic uint64_t accepted, refused, timeouts, protocol_errors;
    _Atomic unsigned open;
    uint64_t closed, requests, bytes_in, bytes_out;
};

/* `app` is borrowed for the server's life. */
struct http_server *http_server_new(const struct http_app *app,
                                    const struct http_limits *limits);
/* Binds `address` ("127.0.0.1", "::1", "0.0.0.0") and listens on `loop`. Port
 * 0 takes any free one; later calls with port 0 take the same. Call once a
 * loop before that loop runs. RC_EXISTS: the port is taken; `err` names it. */
RC_MUST_USE int http_server_listen(struct http_server *server,
                                   struct loop *loop, const char *address,
                                   uint16_t port, void *app_arg,
                                   struct err *err);
uint16_t http_server_port(const struct http_server *server);
const struct http_counters *http_server_counters(struct http_server *server,
                                                 struct loop *loop);

/* Graceful end on one loop: stops accepting, closes idle connections, lets
 * requests in flight finish (answers carry Connection: close, HTTP/2 gets
 * GOAWAY), cuts what is left after `grace_us`, then calls `done` on the loop.
 * Call on the loop. */
void http_server_drain(struct http_server *server, struct loop *loop,
                       int64_t grace_us, void (*done)(void *arg), void *arg);
/* All loops have stopped; cuts what is left. */
void http_server_free(struct http_server *server);

#endif
