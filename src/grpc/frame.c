/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/frame.h"

void grpc_frames_init(struct grpc_frames *f, size_t max)
{
    f->max = max;
    f->length = 0;
    f->compressed = false;
    f->n_head = 0;
    f->returned = false;
    buf_init(&f->body, max);
}

void grpc_frames_reset(struct grpc_frames *f)
{
    struct buf body = f->body;

    if (!body.data)
        buf_init(&body, f->max);
    buf_reset(&body);
    *f = (struct grpc_frames){.max = f->max, .body = body};
}

void grpc_frames_fini(struct grpc_frames *f)
{
    buf_fini(&f->body);
}

static void take(struct str *data, size_t n)
{
    data->p += n;
    data->len -= n;
}

/* True once the five bytes are complete. */
static bool read_head(struct grpc_frames *f, struct str *data)
{
    while (f->n_head < GRPC_FRAME_HEAD && data->len) {
        f->head[f->n_head++] = (unsigned char)*data->p;
        take(data, 1);
    }
    if (f->n_head < GRPC_FRAME_HEAD)
        return false;
    f->compressed = f->head[0] & 1;
    f->length = (uint32_t)f->head[1] << 24 | (uint32_t)f->head[2] << 16 |
                (uint32_t)f->head[3] << 8 | f->head[4];
    return true;
}

enum grpc_frame_result grpc_frames_next(struct grpc_frames *f, struct str *data,
                                        struct str *message)
{
    size_t part;

    if (f->returned) {
        f->returned = false;
        f->n_head = 0;
        buf_reset(&f->body);
    }
    if (f->n_head < GRPC_FRAME_HEAD) {
        if (!read_head(f, data))
            return GRPC_FRAME_MORE;
        if (f->head[0] > 1)
            return GRPC_FRAME_BAD;
        if (f->length > f->max)
            return GRPC_FRAME_TOO_LARGE;
    }
    if (f->body.len == 0 && data->len >= f->length) {
        *message = str_of(data->p, f->length);
        take(data, f->length);
        f->returned = true;
        return GRPC_FRAME_MESSAGE;
    }
    part = f->length - f->body.len;
    part = part < data->len ? part : data->len;
    buf_append(&f->body, data->p, part);
    if (f->body.failed)
        return GRPC_FRAME_NO_MEMORY;
    take(data, part);
    if (f->body.len < f->length)
        return GRPC_FRAME_MORE;
    *message = buf_as_str(&f->body);
    f->returned = true;
    return GRPC_FRAME_MESSAGE;
}

bool grpc_frames_is_within(const struct grpc_frames *f)
{
    return f->n_head > 0 && !f->returned;
}

void grpc_frame_head(unsigned char out[GRPC_FRAME_HEAD], bool compressed,
                     uint32_t length)
{
    out[0] = compressed;
    out[1] = (unsigned char)(length >> 24);
    out[2] = (unsigned char)(length >> 16);
    out[3] = (unsigned char)(length >> 8);
    out[4] = (unsigned char)length;
}
