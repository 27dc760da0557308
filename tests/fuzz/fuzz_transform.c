/* SPDX-License-Identifier: Apache-2.0 */
/* modules: emulator/pubsub src/grpc src/common */
/* A script looked at for newer syntax; and a message's bytes through a function
 * that returns it: what comes out is what went in. The function is made once:
 * the engine is not what is tried here. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "emulator/pubsub/message.h"
#include "emulator/pubsub/transform_js.h"
#include "emulator/pubsub/transform_syntax.h"
#include "grpc/wire.h"

static void check_same(struct str before, struct str after)
{
    struct str data = message_data(before);
    struct wire w = wire_of(before);
    struct attribute a;

    if (!str_eq(data.p ? data : STR(""),
                message_data(after).p ? message_data(after) : STR("")))
        abort();
    while (message_next_attribute(&w, &a))
        if (json_is_utf8(a.key) && json_is_utf8(a.value) &&
            !str_eq(message_attribute(after, a.key),
                    message_attribute(before, a.key)) &&
            json_is_utf8(message_attribute(before, a.key)))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct js *js;
    struct str input = str_of((const char *)bytes, len);
    struct newer_syntax newer;
    struct buf out;

    if (transform_syntax_newer(input, &newer) &&
        (newer.line == 0 || !*newer.what || !*newer.instead))
        abort();
    if (!js && js_new(STR("f"), STR("function f(m) { return m; }"), &js, NULL))
        abort();
    buf_init(&out, 64 << 20);
    if (js_run(js, input, 1, 1, &out) == JS_KEPT)
        check_same(input, buf_as_str(&out));
    else if (!out.len)
        abort();
    buf_fini(&out);
    return 0;
}
