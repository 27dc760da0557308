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
#include "http/server.h"

struct buf;
struct loop;

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

/* The standard phrase of a status (http/status.def); empty for any other. */
struct str http_reason(int status);

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
