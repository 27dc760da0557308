/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/pubsub/avro_file.h"

void avro_put_long(struct buf *out, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);

    for (; z >= 0x80; z >>= 7)
        buf_putc(out, (char)(z | 0x80));
    buf_putc(out, (char)z);
}

void avro_put_bytes(struct buf *out, struct str bytes)
{
    avro_put_long(out, (int64_t)bytes.len);
    buf_str(out, bytes);
}

void avro_file_put_head(struct buf *out, struct str schema,
                        const uint8_t sync[AVRO_SYNC_BYTES])
{
    buf_append(out, "Obj\1", 4);
    avro_put_long(out, 2); /* entries of the metadata's map */
    avro_put_bytes(out, STR("avro.codec"));
    avro_put_bytes(out, STR("null"));
    avro_put_bytes(out, STR("avro.schema"));
    avro_put_bytes(out, schema);
    avro_put_long(out, 0);
    buf_append(out, sync, AVRO_SYNC_BYTES);
}

void avro_file_put_block(struct buf *out, uint64_t n, struct str objects,
                         const uint8_t sync[AVRO_SYNC_BYTES])
{
    avro_put_long(out, (int64_t)n);
    avro_put_bytes(out, objects);
    buf_append(out, sync, AVRO_SYNC_BYTES);
}
