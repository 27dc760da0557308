/* modules: src/schema src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* A message against a table of every type: a row is canonical, and a store
 * that keeps its values gives the same row back. */
#include <stdlib.h>

#include "schema/row.h"

static const char table[] =
    "[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
    "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"},"
    "{\"name\":\"i\",\"type\":\"INTEGER\"},{\"name\":\"f\",\"type\":\"FLOAT\"},"
    "{\"name\":\"b\",\"type\":\"BOOLEAN\"},{\"name\":\"y\",\"type\":\"BYTES\"},"
    "{\"name\":\"n\",\"type\":\"NUMERIC\"},{\"name\":\"g\",\"type\":"
    "\"BIGNUMERIC\"},{\"name\":\"d\",\"type\":\"DATE\"},{\"name\":\"t\","
    "\"type\":\"TIME\"},{\"name\":\"w\",\"type\":\"DATETIME\"},{\"name\":\"j\","
    "\"type\":\"JSON\"},{\"name\":\"s\",\"type\":\"STRING\",\"maxLength\":3},"
    "{\"name\":\"l\",\"type\":\"FLOAT\",\"mode\":\"REPEATED\"},{\"name\":"
    "\"r\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":[{\"name\":"
    "\"x\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},{\"name\":\"d\",\"type\":"
    "\"NUMERIC\"}]}]";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct schema *schema;
    struct row *row, *again;
    struct row_list rows;
    struct reject why[3];
    size_t n_why;

    if (schema_parse(str_from(table), "t", true, &schema, NULL) != RC_OK)
        abort();
    if (row_parse(schema, text, NULL, &row, why) == RC_OK) {
        again = row_from_values(schema, row->values);
        if (!again || !str_eq(again->json, row->json))
            abort();
        row_unref(again);
        if (row_parse(schema, row->json, NULL, &again, why) != RC_OK ||
            !str_eq(again->json, row->json))
            abort();
        row_unref(again);
        row_unref(row);
    }
    for (int ndjson = 0; ndjson <= 1; ndjson++) {
        if ((row_parse_body(schema, text, ndjson, NULL, &rows, why, 3,
                            &n_why) == RC_OK) != (rows.n > 0))
            abort();
        row_list_fini(&rows);
    }
    schema_free(schema);
    return 0;
}
