/* SPDX-License-Identifier: Apache-2.0 */
#include "net/gzip.h"

#include <zlib.h>

#include "common/mem.h"

enum {
    GZIP_WINDOW = 15 + 16 /* a gzip header instead of zlib's */
};

char *gzip_pack(struct str in, size_t *len)
{
    z_stream z = {0};
    char *out;
    int rc;

    if (in.len == 0 || in.len > UINT32_MAX)
        return NULL;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    out = mem_try_alloc(in.len);
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)in.len;
    rc = out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    *len = (size_t)z.total_out;
    deflateEnd(&z);
    if (rc != Z_STREAM_END) {
        mem_free(out);
        return NULL;
    }
    return out;
}
