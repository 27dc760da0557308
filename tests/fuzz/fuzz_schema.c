/* modules: src/schema src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* Table schemas: one that is taken is rendered to an equal one. */
#include <stdlib.h>

#include "common/buf.h"
#include "schema/ddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *a, *b;
    struct buf text, sql;

    if (schema_parse(str_of((const char *)data, size), "t", true, &a, NULL) !=
        RC_OK)
        return 0;
    buf_init(&text, 1 << 24);
    buf_init(&sql, 1 << 24);
    schema_render(a, &text);
    ddl_create(a, STR("datos"), &sql);
    if (schema_parse(buf_as_str(&text), "t", true, &b, NULL) != RC_OK ||
        a->version != b->version || sql.failed)
        abort();
    schema_free(a);
    schema_free(b);
    buf_fini(&text);
    buf_fini(&sql);
    return 0;
}
