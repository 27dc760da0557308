/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its head to on_close, the same for both protocols. It
 * belongs to its connection; the memory comes from the loop's pool. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "common/buf.h"
#include "http/deadline.h"
#include "http/http1.h"
#include "http/outq.h"

struct conn;

enum {
    REQ_INLINE_BYTES = 1024,
    REQ_INLINE_FIELDS = 24
};

struct join; /* a joined field value */

struct http_req {
    struct conn *conn;
    struct http_req *prev, *next; /* pool; done list; HTTP/2's open streams */
    void *user;
    int64_t start_us;
    size_t body_limit;
    uint64_t end_at; /* value of conn->queued behind its answer */
    int status;      /* answered, or 0 */
    enum http_body_mode mode;
    bool is_h2;
    bool answered;   /* http_reply* or http_stream_start was called */
    bool reply_done; /* nothing will be added to the answer */
    bool input_done; /* the whole request is here */
    bool started;    /* on_request was called */
    bool announced;  /* on_head or on_request was called: on_close is due */
    bool closed;     /* on_close was called */
    bool limit_set;  /* by the application */
    bool paused;
    bool full;                /* http_stream_write said false */
    bool no_body;             /* of the answer: HEAD, 204, 304 */
    bool chunk_reply;         /* HTTP/1.1: the streamed answer is chunked */
    struct deadline deadline; /* HTTP/2 only */
    struct buf body;          /* whole, or what came while paused */
    struct http_head head;
    char *mem; /* the head's bytes; `inline_mem` or the heap */
    size_t mem_len, mem_cap;
    struct join *joins;
    /* HTTP/2 only */
    int32_t stream_id;
    bool head_too_large, deferred, end_pending;
    uint64_t n_body; /* bytes of body (of head, until that is complete) */
    struct outq out;
    struct http_field *trailers; /* one allocation with their bytes */
    size_t n_trailers;
    struct http_field_at inline_fields[REQ_INLINE_FIELDS];
    char inline_mem[REQ_INLINE_BYTES];
};

/* --- request.c ---------------------------------------------------------- */
struct http_req *req_new(struct conn *c); /* NULL: no memory */
/* on_close, then back to the pool. */
void req_close(struct http_req *req);
void req_free(struct http_req *req); /* without on_close */
bool req_room(struct http_req *req, size_t bytes, unsigned n_fields);
/* on_head, limits and on_request in their order. False: the request is
 * answered, cut or refused; look at it no more. */
bool req_dispatch_head(struct http_req *req);
/* Did a whole body come slower than any honest sender's? */
bool req_is_too_slow(const struct http_req *req, int64_t began_us,
                     uint64_t n_body);
void req_dispatch_data(struct http_req *req, struct str data);
void req_dispatch_end(struct http_req *req);
/* Answers with render_error's text. */
void req_refuse(struct http_req *req, int status, const char *detail);
/* on_writable if it is due. */
void req_tell_writable(struct http_req *req);

#endif
