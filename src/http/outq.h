/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that wait to be sent: a list of pieces, own copies or references to
 * the body of a prepared answer. Threads: one at a time. */
#ifndef HTTP_OUTQ_H
#define HTTP_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "http/http.h"

struct outq_piece;

struct outq {
    struct outq_piece *first, *last;
    size_t len;
};

/* Room for `len` bytes in one piece, to be filled and committed; NULL when
 * memory is gone. */
char *outq_reserve(struct outq *q, size_t len);
void outq_commit(struct outq *q, size_t len);
bool outq_append(struct outq *q, const void *p, size_t len);
bool outq_prepend(struct outq *q, const void *p, size_t len);
/* The body of `p`; takes a reference of its own. */
bool outq_append_prepared(struct outq *q, struct http_prepared *p);
int outq_iov(const struct outq *q, struct iovec *iov, int max);
void outq_consume(struct outq *q, size_t len);
/* Copies up to `max` bytes out and consumes them. */
size_t outq_take(struct outq *q, void *out, size_t max);
void outq_clear(struct outq *q);

#endif
