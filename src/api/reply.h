/* SPDX-License-Identifier: Apache-2.0 */
/* The only writer of statuses, headers and error bodies. Threads: the
 * request's loop. */
#ifndef API_REPLY_H
#define API_REPLY_H

#include <stddef.h>

#include "common/str.h"

struct buf;
struct exchange;
struct http_field;
struct http_prepared;

/* X-Request-Id, borrowed from the exchange. */
struct http_field reply_id_field(const struct exchange *x);
/* Fields that every answer has (security, cross-origin reads); returns how
 * many were written. */
size_t reply_common_fields(struct http_field *out, size_t room);

struct reply_error {
    const char *field; /* "" : none */
    const char *reason;
};
/* application/problem+json (RFC 9457). */
void reply_put_problem(struct buf *out, int status, const char *detail,
                       const struct reply_error *errors, size_t n);

/* Each answers the request; nothing if it is closed already. */
void reply_problem(struct exchange *x, int status, const char *detail,
                   const struct reply_error *errors, size_t n);
/* With no-store. `extra`: at most 4 fields more. */
void reply_with(struct exchange *x, int status, struct str type,
                const struct http_field *extra, size_t n_extra,
                struct str body);
/* A prepared answer; `cache` is Cache-Status, or empty. */
void reply_prepared(struct exchange *x, struct http_prepared *p, int status,
                    struct str cache);
/* The answer to OPTIONS. */
void reply_options(struct exchange *x);

#endif
