/* SPDX-License-Identifier: Apache-2.0 */
/* modules: src/grpc src/http src/common */
/* The same bytes give the same messages whole and cut; the first byte says
 * where. Time-outs and gzip of the same bytes must merely end. */
#include <stdlib.h>

#include "grpc/frame.h"
#include "grpc/gzip.h"
#include "grpc/metadata.h"

enum {
    LIMIT = 1 << 16
};

static enum grpc_frame_result run(struct str bytes, size_t piece,
                                  struct buf *seen)
{
    enum grpc_frame_result result = GRPC_FRAME_MORE;
    struct grpc_frames f;

    grpc_frames_init(&f, LIMIT);
    for (size_t at = 0; at < bytes.len; at += piece) {
        size_t left = bytes.len - at;
        struct str data = str_of(bytes.p + at, left < piece ? left : piece);
        struct str message;

        while ((result = grpc_frames_next(&f, &data, &message)) ==
               GRPC_FRAME_MESSAGE) {
            buf_u64(seen, message.len);
            buf_putc(seen, f.compressed ? 'z' : '|');
            buf_str(seen, message);
        }
        if (result != GRPC_FRAME_MORE)
            break;
        if (data.len)
            abort();
    }
    grpc_frames_fini(&f);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str in = str_of((const char *)bytes + 1, len - 1);
    struct grpc_gzip *z;
    struct buf whole, cut;
    int64_t us;

    if (len < 2)
        return 0;
    buf_init(&whole, 1 << 22);
    buf_init(&cut, 1 << 22);
    if (run(in, in.len, &whole) != run(in, (size_t)bytes[0] + 1, &cut) ||
        !str_eq(buf_as_str(&whole), buf_as_str(&cut)))
        abort();
    if (grpc_timeout_parse(in, &us) && us < 1)
        abort();
    buf_reset(&whole);
    z = grpc_gzip_new();
    if (grpc_gunzip(z, in, LIMIT, &whole) == RC_OK && whole.len > LIMIT)
        abort();
    grpc_gzip_free(z);
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
