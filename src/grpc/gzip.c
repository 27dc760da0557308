/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/gzip.h"

#include <zlib.h>

#include "common/buf.h"
#include "common/mem.h"

enum {
    GZIP_WINDOW = 15 + 16, /* zlib's way to say: gzip wrapper */
    GZIP_LEVEL = 1,        /* loopback: time counts more than bytes */
    GZIP_MEMORY = 8,
    STEP_MIN = 4096
};

struct grpc_gzip {
    z_stream in, out;
    bool in_ready, out_ready;
};

struct grpc_gzip *grpc_gzip_new(void)
{
    return MEM_NEW(struct grpc_gzip);
}

void grpc_gzip_free(struct grpc_gzip *z)
{
    if (!z)
        return;
    if (z->in_ready)
        inflateEnd(&z->in);
    if (z->out_ready)
        deflateEnd(&z->out);
    mem_free(z);
}

static bool begin_inflate(struct grpc_gzip *z)
{
    if (z->in_ready)
        return inflateReset(&z->in) == Z_OK;
    z->in_ready = inflateInit2(&z->in, GZIP_WINDOW) == Z_OK;
    return z->in_ready;
}

int grpc_gunzip(struct grpc_gzip *z, struct str in, size_t max, struct buf *out)
{
    size_t start = out->len, step = in.len * 4;
    int rc;

    if (!begin_inflate(z))
        return RC_NOMEM;
    z->in.next_in = (Bytef *)(uintptr_t)in.p;
    z->in.avail_in = (uInt)in.len;
    do {
        size_t left = max - (out->len - start), given;

        /* one byte beyond the limit tells that it is passed */
        given = step < STEP_MIN ? STEP_MIN : step;
        given = given > left + 1 ? left + 1 : given;
        if (!buf_reserve(out, given))
            return RC_NOMEM;
        z->in.next_out = (Bytef *)out->data + out->len;
        z->in.avail_out = (uInt)given;
        rc = inflate(&z->in, Z_NO_FLUSH);
        out->len += given - z->in.avail_out;
        out->data[out->len] = '\0';
        if (out->len - start > max)
            return RC_TOO_LARGE;
        if (rc == Z_BUF_ERROR && z->in.avail_in == 0)
            return RC_MALFORMED;
        step *= 2;
    } while (rc == Z_OK || rc == Z_BUF_ERROR);
    if (rc == Z_MEM_ERROR)
        return RC_NOMEM;
    return rc == Z_STREAM_END && z->in.avail_in == 0 ? RC_OK : RC_MALFORMED;
}

static bool begin(struct grpc_gzip *z)
{
    int rc;

    if (z->out_ready)
        rc = deflateReset(&z->out);
    else
        rc = deflateInit2(&z->out, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
                          GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    z->out_ready = z->out_ready || rc == Z_OK;
    return rc == Z_OK;
}

/* Into at most `room` bytes. */
static bool pack(struct grpc_gzip *z, struct str in, size_t room,
                 struct buf *out)
{
    if (!buf_reserve(out, room))
        return false;
    z->out.next_in = (Bytef *)(uintptr_t)in.p;
    z->out.avail_in = (uInt)in.len;
    z->out.next_out = (Bytef *)out->data + out->len;
    z->out.avail_out = (uInt)room;
    if (deflate(&z->out, Z_FINISH) != Z_STREAM_END)
        return false;
    out->len += room - z->out.avail_out;
    out->data[out->len] = '\0';
    return true;
}

bool grpc_gzip(struct grpc_gzip *z, struct str in, struct buf *out)
{
    return begin(z) && pack(z, in, in.len, out);
}

bool grpc_gzip_any(struct grpc_gzip *z, struct str in, struct buf *out)
{
    return begin(z) && pack(z, in, deflateBound(&z->out, in.len), out);
}
