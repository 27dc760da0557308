/* SPDX-License-Identifier: Apache-2.0 */
/* Avro's binary encoding, written, and its object container files
 * (avro.apache.org/docs/1.11.1/specification, "Object Container Files"),
 * without compression. Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_AVRO_FILE_H
#define EMULATOR_PUBSUB_AVRO_FILE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/rc.h"
#include "common/str.h"

enum {
    AVRO_SYNC_BYTES = 16
};

struct avro;

void avro_put_long(struct buf *out, int64_t v);
/* Bytes or a string. */
void avro_put_bytes(struct buf *out, struct str bytes);

/* What a file begins with; `sync` is its own random marker. */
void avro_file_put_head(struct buf *out, struct str schema,
                        const uint8_t sync[AVRO_SYNC_BYTES]);
/* `n` encoded objects. */
void avro_file_put_block(struct buf *out, uint64_t n, struct str objects,
                         const uint8_t sync[AVRO_SYNC_BYTES]);

/* Appends the message, in JSON encoding, in the binary one. RC_INVALID and why
 * not; part of it may then be there. */
RC_MUST_USE int avro_put_json(struct buf *out, const struct avro *a,
                              struct str message, struct err *err);

#endif
