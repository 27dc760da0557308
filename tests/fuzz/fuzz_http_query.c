/* SPDX-License-Identifier: Apache-2.0 */
/* modules: src/common src/http */
/* Queries: each pair lies within the scratch, the end is reached. */
#include <stdlib.h>

#include "common/buf.h"
#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str rest = str_of((const char *)bytes, len), name, value;
    struct buf scratch;
    size_t n = 0;
    int rc;

    buf_init(&scratch, 1 << 16);
    while (http_query_next(&rest, &scratch, &name, &value, &rc)) {
        if (++n > len)
            abort();
        /* Both empty, nothing was ever decoded: no memory yet. */
        if (scratch.data && (name.p < scratch.data ||
                             value.p + value.len > scratch.data + scratch.len))
            abort();
    }
    buf_fini(&scratch);
    return 0;
}
