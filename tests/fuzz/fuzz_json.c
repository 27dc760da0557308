/* modules: src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner: what it takes stays the same once made compact. */
#include <stdlib.h>

#include "common/buf.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct buf one, two;

    if (json_check(text, NULL, NULL) != RC_OK)
        return 0;
    buf_init(&one, 1 << 24);
    buf_init(&two, 1 << 24);
    json_put_compact(&one, text);
    if (one.failed || json_check(buf_as_str(&one), NULL, NULL) != RC_OK ||
        !json_is_utf8(buf_as_str(&one)))
        abort();
    json_put_compact(&two, buf_as_str(&one));
    if (!str_eq(buf_as_str(&one), buf_as_str(&two)))
        abort();
    buf_fini(&one);
    buf_fini(&two);
    return 0;
}
