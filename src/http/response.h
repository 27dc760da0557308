/* SPDX-License-Identifier: Apache-2.0 */
/* Response heads, prepared answers, and what both protocols ask of them. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "common/buf.h"
#include "http/http.h"

struct conn;
struct http_loop;

/* Owned by the server, or not fit to be sent: leave it out. */
bool http_field_is_sendable(const struct http_field *f, int status);
bool http_status_has_body(int status);
/* "date: ...\r\n" of this second. */
struct str http_date_line(struct http_loop *hl);
/* Length of a body: LENGTH_CHUNKED, LENGTH_NONE, or bytes. */
enum {
    LENGTH_CHUNKED = -1,
    LENGTH_NONE = -2
};
/* Writes a response head. `prepared` may be NULL. */
void http_write_head(struct conn *c, int status,
                     const struct http_prepared *prepared,
                     const struct http_field *fields, size_t n, int64_t length,
                     struct str connection);

/* What the server says when it refuses by itself. */
struct refusal {
    struct buf type, body;
    struct http_field fields[16];
    size_t n_fields;
    char scratch[HTTP_SCRATCH];
};
/* `req` is NULL before the application knows of it. */
void refusal_init(struct refusal *r, struct http_loop *hl, struct http_req *req,
                  int status, const char *detail);
void refusal_fini(struct refusal *r);

struct http_prepared {
    int refs; /* atomic */
    int status;
    struct str head;         /* status line, fields, content-length */
    struct str not_modified; /* the fields that a 304 keeps */
    struct str body;
    size_t n_fields;
    struct http_field *fields;
};

#endif
