/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator/pubsub src/grpc src/common */
/* An Avro schema, a zero byte, a message: checked in both encodings. A schema
 * resolves itself; what JSON is made into is a value of it. */
#include <stdlib.h>

#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/avro_file.h"
#include "emulator/pubsub/export_decode.h"
#include "export_columns.h"

static void encode(const struct avro *a, struct str message)
{
    struct buf binary;
    struct err err;

    buf_init(&binary, 64 << 20);
    if (avro_put_json(&binary, a, message, &err) == RC_OK &&
        avro_check_binary(a, buf_as_str(&binary), &err) != RC_OK)
        abort();
    buf_fini(&binary);
}

/* As a row: whatever the message says, it is one or there is a reason. */
static void decode(const struct avro *schema, struct str message, bool is_json)
{
    json_t *all = export_fuzz_columns(), *row = NULL;
    const struct export_into into = {all, true, false};
    struct err err;

    if (export_avro_json(schema, message, is_json, &into, &row, &err) !=
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
    struct avro *a;
    struct err err;

    if (avro_parse(schema, &a, &err) != RC_OK)
        return 0;
    if (avro_check_resolves(a, a, &err) != RC_OK)
        abort();
    if (message.p && avro_check_json(a, message, &err) != RC_OK && !*err.text)
        abort();
    if (message.p && avro_check_binary(a, message, &err) != RC_OK && !*err.text)
        abort();
    if (message.p && avro_check_json(a, message, &err) == RC_OK)
        encode(a, message);
    if (message.p && avro_check_binary(a, message, &err) == RC_OK)
        decode(a, message, false);
    if (message.p && avro_check_json(a, message, &err) == RC_OK)
        decode(a, message, true);
    avro_free(a);
    return 0;
}
