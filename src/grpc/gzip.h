/* SPDX-License-Identifier: Apache-2.0 */
/* gzip of single messages. The streams of zlib are kept from one to the next.
 * Threads: one at a time. */
#ifndef GRPC_GZIP_H
#define GRPC_GZIP_H

#include "common/rc.h"
#include "common/str.h"

struct buf;
struct grpc_gzip;

struct grpc_gzip *grpc_gzip_new(void); /* makes nothing of zlib's yet */
void grpc_gzip_free(struct grpc_gzip *z);
/* Appends to `out`. RC_MALFORMED; RC_TOO_LARGE beyond `max`; RC_NOMEM. */
RC_MUST_USE int grpc_gunzip(struct grpc_gzip *z, struct str in, size_t max,
                            struct buf *out);
/* Appends; false if it does not get smaller, or there is no memory. */
bool grpc_gzip(struct grpc_gzip *z, struct str in, struct buf *out);
/* The same however long it gets; false: no memory. */
bool grpc_gzip_any(struct grpc_gzip *z, struct str in, struct buf *out);

#endif
