/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of gRPC's header fields (PROTOCOL-HTTP2.md): time-outs, messages,
 * binary values. Pure; threads: any. */
#ifndef GRPC_METADATA_H
#define GRPC_METADATA_H

#include "common/str.h"

struct buf;

/* `grpc-timeout` ("100m", "5S") in microseconds, rounded up; at least 1. False
 * if it is none. */
bool grpc_timeout_parse(struct str text, int64_t *out_us);
/* `grpc-message`: everything but printable ASCII, and the percent sign, is
 * percent-encoded. */
void grpc_message_encode(struct buf *out, struct str text);
/* The value of a `-bin` field: base64 without padding. */
void grpc_binary_encode(struct buf *out, struct str bytes);
/* Does a comma-separated list ("identity, gzip") hold `word`? */
bool grpc_list_has(struct str list, struct str word);

#endif
