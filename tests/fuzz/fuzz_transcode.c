/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator emulator/proto src/common */
/* JSON to a message: what is accepted is shown, and reads back as shown. */
#include <stdlib.h>

#include "common/buf.h"
#include "emulator/transcode.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

static void show(const ProtobufCMessageDescriptor *type, struct str json,
                 struct buf *out, bool must)
{
    ProtobufCMessage *m = NULL;

    if (transcode_read(type, json, &m, NULL)) {
        if (must)
            abort();
        return;
    }
    transcode_write(m, out);
    protobuf_c_message_free_unpacked(m, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &google__pubsub__v1__topic__descriptor,
        &google__pubsub__v1__subscription__descriptor,
        &google__pubsub__v1__publish_request__descriptor,
        &google__pubsub__v1__seek_request__descriptor,
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct buf first, second;

        buf_init(&first, 1 << 22);
        buf_init(&second, 1 << 22);
        show(types[i], str_of((const char *)bytes, len), &first, false);
        if (first.len && !first.failed) {
            show(types[i], buf_as_str(&first), &second, true);
            if (!str_eq(buf_as_str(&first), buf_as_str(&second)))
                abort();
        }
        buf_fini(&first);
        buf_fini(&second);
    }
    return 0;
}
