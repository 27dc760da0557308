/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's framing (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"): a flag byte,
 * a big-endian length, the message; borders of DATA frames mean nothing.
 * Pure; threads: one a reader. */
#ifndef GRPC_FRAME_H
#define GRPC_FRAME_H

#include "common/buf.h"

enum {
    GRPC_FRAME_HEAD = 5
};

enum grpc_frame_result {
    GRPC_FRAME_MORE,      /* `data` is used up, no message is complete */
    GRPC_FRAME_MESSAGE,   /* `*message` is one */
    GRPC_FRAME_TOO_LARGE, /* the length is beyond the limit */
    GRPC_FRAME_BAD,       /* a flag that does not exist */
    GRPC_FRAME_NO_MEMORY
};

struct grpc_frames {
    size_t max;      /* of one message as framed */
    uint32_t length; /* of the message begun; told with TOO_LARGE too */
    bool compressed; /* flag of the message begun or returned */
    size_t n_head;
    unsigned char head[GRPC_FRAME_HEAD];
    bool returned; /* what `body` holds was handed out */
    struct buf body;
};

void grpc_frames_init(struct grpc_frames *f, size_t max);
void grpc_frames_fini(struct grpc_frames *f);
/* For another stream; keeps the memory. */
void grpc_frames_reset(struct grpc_frames *f);

/* Takes bytes from the front of `*data` until a message is complete. The
 * message lies in `data`'s own bytes when all of it does, else in the
 * reader's; it is valid until the next call. After a failure the stream is
 * out of step: stop. */
enum grpc_frame_result grpc_frames_next(struct grpc_frames *f, struct str *data,
                                        struct str *message);
/* Is a message begun and not complete? */
bool grpc_frames_is_within(const struct grpc_frames *f);

/* The five bytes before a message. */
void grpc_frame_head(unsigned char out[GRPC_FRAME_HEAD], bool compressed,
                     uint32_t length);

#endif
