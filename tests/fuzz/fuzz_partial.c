/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator emulator/proto src/grpc src/http src/common */
/* A selection of fields, a line end, an answer's JSON: what is shown of it is
 * an answer again, and no larger. */
#include <stdlib.h>

#include "common/buf.h"
#include "emulator/partial.h"
#include "emulator/transcode.h"
#include "google/pubsub/v1/pubsub.pb-c.h"

#define TYPE google__pubsub__v1__list_topics_response__descriptor

static void show(const struct partial *p, const ProtobufCMessage *m)
{
    struct transcode_form form = {.compact = true};
    ProtobufCMessage *again;
    struct buf all, part;

    buf_init(&all, 64 << 20);
    buf_init(&part, 64 << 20);
    transcode_write_as(m, &form, &all);
    form.fields = p;
    transcode_write_as(m, &form, &part);
    if (part.len > all.len)
        abort();
    if (transcode_read(&TYPE, buf_as_str(&part), &again, NULL) != RC_OK)
        abort();
    protobuf_c_message_free_unpacked(again, NULL);
    buf_fini(&part);
    buf_fini(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str json = str_of((const char *)bytes, len);
    struct str fields = str_cut(&json, '\n');
    struct partial *p = NULL;
    ProtobufCMessage *m;
    struct err err = {0};

    if (partial_parse(fields, &p, &err)) {
        if (!*err.text)
            abort();
        return 0;
    }
    if (json.p && partial_check(p, &TYPE, &err) == RC_OK &&
        transcode_read(&TYPE, json, &m, &err) == RC_OK) {
        show(p, m);
        protobuf_c_message_free_unpacked(m, NULL);
    }
    partial_free(p);
    return 0;
}
