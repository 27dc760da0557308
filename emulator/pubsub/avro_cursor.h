/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of Avro's binary encoding over borrowed bytes: each step says
 * whether it could be made, and if not why (avro.apache.org, "Binary encode").
 * Pure; threads: any. */
#ifndef EMULATOR_PUBSUB_AVRO_CURSOR_H
#define EMULATOR_PUBSUB_AVRO_CURSOR_H

#include "emulator/pubsub/avro.h"

struct avro_cursor {
    const uint8_t *p, *end;
    struct err *err;
};

static inline struct avro_cursor avro_cursor_of(struct str bytes,
                                                struct err *err)
{
    const uint8_t *p = (const uint8_t *)bytes.p;

    return (struct avro_cursor){p, p + bytes.len, err};
}

bool avro_read_long(struct avro_cursor *c, int64_t *out);
/* `n` bytes without a length in front. */
bool avro_read_fixed(struct avro_cursor *c, uint64_t n, struct str *out);
bool avro_read_bytes(struct avro_cursor *c, struct str *out);
/* How many values the next block of an array or map has; 0: it was the last.
 */
bool avro_read_count(struct avro_cursor *c, int64_t *out);
/* Of a union's branch or an enum's symbol: below `n`. */
bool avro_read_index(struct avro_cursor *c, size_t n, int64_t *out);

#endif
