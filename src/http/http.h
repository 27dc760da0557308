/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of API, emulators and console: HTTP/1.1 and HTTP/2 by prior
 * knowledge on one port, told apart by the first bytes.
 *
 * An application gives one `struct http_app`; the server calls it once a
 * request. A request is answered either whole (http_reply*), at once or
 * later, or as a stream (http_stream_*). Framing, HEAD, Date, Connection,
 * Content-Length, chunking, Expect, limits and time-outs are the server's.
 *
 * Threads: one listener a loop, SO_REUSEPORT; a request lives and dies on its
 * loop and is touched only there. http_prepared may be shared by all. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct loop;
struct http_server;
struct http_req;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER /* http_req_method_name tells which */
};

/* Request fields that a hot path reads: found without a search. */
enum http_known {
    HTTP_H_HOST, /* :authority on HTTP/2 */
    HTTP_H_CONTENT_TYPE,
    HTTP_H_CONTENT_ENCODING,
    HTTP_H_ACCEPT,
    HTTP_H_ACCEPT_ENCODING,
    HTTP_H_AUTHORIZATION,
    HTTP_H_IF_NONE_MATCH,
    HTTP_H_ORIGIN,
    HTTP_H_X_REQUEST_ID,
    HTTP_H_TRACEPARENT,
    HTTP_H_N_KNOWN
};

/* One header field. Names are given in lower case; HTTP/1.1 sends them so. */
struct http_field {
    struct str name;
    struct str value;
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

/* What the server counts on one loop; plain fields, read on that loop. */
struct http_counters {
    uint64_t accepted, refused, closed, requests, protocol_errors;
    uint64_t timeouts, bytes_in, bytes_out;
    unsigned open;
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

/* --- the request ------------------------------------------------------ */
/* Slices are valid until on_close. */

enum http_method http_req_method(const struct http_req *req);
struct str http_req_method_name(const struct http_req *req);
struct str http_req_target(const struct http_req *req); /* as received */
struct str http_req_path(const struct http_req *req);   /* not decoded */
/* Without the question mark; p == NULL if there was none. */
struct str http_req_query(const struct http_req *req);
/* p == NULL if absent. Repeated fields are joined with ", " (cookie: "; "). */
struct str http_req_known(const struct http_req *req, enum http_known name);
/* Any field, by its lower-case name; p == NULL if absent. */
struct str http_req_field(const struct http_req *req, struct str name);
size_t http_req_n_fields(const struct http_req *req);
struct http_field http_req_field_at(const struct http_req *req, size_t i);
bool http_req_is_h2(const struct http_req *req);
/* HTTP_BODY_WHOLE: the body. */
struct str http_req_body(const struct http_req *req);
/* In on_head. Without it HTTP_BODY_WHOLE has the server's limit,
 * HTTP_BODY_STREAM none. */
void http_req_limit_body(struct http_req *req, size_t bytes);
struct loop *http_req_loop(const struct http_req *req);
int64_t http_req_start_us(const struct http_req *req); /* monotonic */
/* Textual peer address without the port. */
struct str http_req_peer(const struct http_req *req);
/* The peer will send no more: it closed its half (and may still read), or it
 * is gone. Worth a look before spending much on a late answer. */
bool http_req_peer_is_done(const struct http_req *req);
/* The application's own pointer for this request. */
void http_req_set_user(struct http_req *req, void *user);
void *http_req_user(const struct http_req *req);

/* Next `name=value` of a query or form, percent-decoded ('+' is a blank) into
 * `scratch`; false at the end. RC_MALFORMED in `*rc` on a bad escape. */
bool http_query_next(struct str *rest, struct buf *scratch, struct str *name,
                     struct str *value, int *rc);

/* --- answers ---------------------------------------------------------- */

/* Whole answer; copies all. No body is sent on HEAD, 204, 304; its length is
 * told where the RFC allows. The request must not be used afterwards except
 * in on_close. */
void http_reply(struct http_req *req, int status,
                const struct http_field *fields, size_t n_fields,
                struct str body);

/* A ready-made answer: immutable, counted, for the hot path. */
struct http_prepared;
/* Copies. Owned by the caller (one reference). */
struct http_prepared *http_prepared_new(int status,
                                        const struct http_field *fields,
                                        size_t n_fields, struct str body);
struct http_prepared *http_prepared_ref(struct http_prepared *p);
void http_prepared_unref(struct http_prepared *p);
struct str http_prepared_body(const struct http_prepared *p);
/* Sends it, with a few fields more. `status` 0 keeps its own; 304 drops the
 * body. Takes no reference. */
void http_reply_prepared(struct http_req *req, struct http_prepared *p,
                         int status, const struct http_field *extra,
                         size_t n_extra);

/* Streamed answer. Chunked on HTTP/1.1. */
void http_stream_start(struct http_req *req, int status,
                       const struct http_field *fields, size_t n_fields);
/* Copies and queues; false once more than `stream_high` bytes wait (they are
 * queued all the same): go on after on_writable. */
bool http_stream_write(struct http_req *req, const void *p, size_t len);
size_t http_stream_pending(const struct http_req *req);
/* Ends it. Trailers only reach HTTP/2 clients. */
void http_stream_end(struct http_req *req, const struct http_field *trailers,
                     size_t n_trailers);
/* Cuts it: RST_STREAM with an HTTP/2 error code, or a close. */
void http_abort(struct http_req *req, uint32_t h2_error);

/* HTTP_BODY_STREAM: stop and go on reading this request's body, so that a
 * slow application slows its sender. */
void http_req_pause(struct http_req *req);
void http_req_resume(struct http_req *req);

#endif
