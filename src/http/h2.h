/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 on a connection; h2.c reads, h2_reply.c answers. */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include "http/request.h"

struct nghttp2_session;

struct h2 {
    struct nghttp2_session *session;
    struct http_req *reqs; /* open streams */
    int32_t headers_of;    /* stream within whose header block we are, or 0 */
    size_t header_bytes;   /* of that block, at least */
    size_t out_bytes;      /* of answers that wait in all streams */
    int64_t idle_frames_us, idle_frames; /* a leaking bucket */
    bool stalled;        /* a stream was just cut for its reader */
    bool answered_since; /* we sent something since the peer's last ping */
    bool tell_writable;  /* some stream may be told */
};

bool h2_start(struct conn *c); /* false: no memory */
void h2_free(struct conn *c);  /* calls on_close of what is open */
size_t h2_input(struct conn *c, const char *p, size_t len);
/* Moves frames into the connection's output. */
void h2_output(struct conn *c);
void h2_settle(struct conn *c);
void h2_set_deadline(struct conn *c);
void h2_expired(struct conn *c, enum deadline_class class);
void h2_drain(struct conn *c);
void h2_reply(struct http_req *req, int status, struct http_prepared *prepared,
              const struct http_field *fields, size_t n, struct str body);
void h2_stream_start(struct http_req *req, int status,
                     const struct http_field *fields, size_t n);
void h2_stream_write(struct http_req *req, const void *p, size_t len);
void h2_stream_end(struct http_req *req, const struct http_field *trailers,
                   size_t n);
void h2_abort(struct http_req *req, uint32_t error);
void h2_resume(struct http_req *req);

#endif
