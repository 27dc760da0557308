/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator/pubsub src/grpc src/common */
/* A .proto file, a zero byte, a message: checked in both encodings. Any
 * schema may follow itself as a revision. */
#include <stdlib.h>

#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/proto_schema.h"
#include "export_columns.h"

/* As a row: whatever the message says, it is one or there is a reason. */
static void decode(const struct proto_schema *schema, struct str message,
                   bool is_json)
{
    json_t *all = export_fuzz_columns(), *row = NULL;
    const struct export_into into = {all, true, false};
    struct err err;

    if (export_proto_json(schema, message, is_json, &into, &row, &err) !=
            RC_OK &&
        !*err.text)
        abort();
    json_decref(row);
    json_decref(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = str_of((const char *)data, size);
    struct str schema = str_cut(&message, '\0');
    struct proto_schema *s;
    struct err err;

    if (proto_parse(schema, &s, &err) != RC_OK)
        return 0;
    if (proto_check_revision(s, s, &err) != RC_OK)
        abort();
    if (message.p && proto_check_json(s, message, &err) != RC_OK && !*err.text)
        abort();
    if (message.p && proto_check_binary(s, message, &err) != RC_OK &&
        !*err.text)
        abort();
    if (message.p) { /* it must hold for what was not checked, too */
        decode(s, message, false);
        decode(s, message, true);
    }
    proto_free(s);
    return 0;
}
