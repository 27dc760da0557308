/* modules: src/store src/schema src/common */
/* SPDX-License-Identifier: Apache-2.0 */
/* What BigQuery answers: whatever comes, rows that are told fit the schema and
 * come back as the same bytes. */
#include <stdlib.h>

#include "common/json.h"
#include "store/bigquery_wire.h"

static void on_error(const struct bigquery_row_error *e, void *arg)
{
    (void)arg;
    if (!memchr(e->text, 0, sizeof(e->text)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema *schema;
    struct str text = str_of((const char *)data, size);
    struct row_list rows = {.rows = NULL};
    struct bigquery_result result;
    int rc;

    if (!schema &&
        schema_parse(
            STR("[{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
                "{\"name\":\"timestamp\",\"type\":\"TIMESTAMP\",\"mode\":"
                "\"REQUIRED\"},{\"name\":\"j\",\"type\":\"JSON\"},{\"name\":"
                "\"f\",\"type\":\"FLOAT\"},{\"name\":\"b\",\"type\":\"BYTES\"},"
                "{\"name\":\"r\",\"type\":\"RECORD\",\"mode\":\"REPEATED\","
                "\"fields\":[{\"name\":\"x\",\"type\":\"TIMESTAMP\"},{\"name\":"
                "\"y\",\"type\":\"BOOLEAN\",\"mode\":\"REPEATED\"}]}]"),
            "fuzz", true, &schema, NULL))
        abort();
    rc = bigquery_read_insert(text, on_error, NULL);
    (void)rc;
    rc = bigquery_read_result(text, schema, &result, &rows);
    for (size_t i = 0; i < rows.n; i++) {
        unsigned char key[BIGQUERY_KEY_BYTES] = {0};
        struct buf out;
        buf_init(&out, 64u << 20);
        bigquery_put_row(&out, schema, false, rows.rows[i], key);
        if (!out.failed && json_check(buf_as_str(&out), NULL, NULL) != RC_OK)
            abort();
        buf_fini(&out);
    }
    row_list_fini(&rows);
    if (rc == RC_OK)
        bigquery_result_fini(&result);
    return 0;
}
