/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* modules: emulator/bigquery emulator/bigquery/sql emulator emulator/identity emulator/proto src/net src/grpc src/http src/schema src/common */
/* clang-format on */
/* A row as insertAll and load jobs bring it: JSON, or a CSV file, against a
 * table that has each type. */
#include <stdlib.h>

#include "emulator/bigquery/batch.h"
#include "emulator/bigquery/csv.h"
#include "emulator/bigquery/fields.h"

/* clang-format off */
#define SCALAR(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"},"

static const char schema[] =
    "{\"fields\":["
    SCALAR("s", "STRING")
    SCALAR("i", "INT64")
    SCALAR("f", "FLOAT64")
    SCALAR("b", "BOOL")
    SCALAR("y", "BYTES")
    SCALAR("d", "DATE")
    SCALAR("t", "TIME")
    SCALAR("m", "DATETIME")
    SCALAR("ts", "TIMESTAMP")
    SCALAR("n", "NUMERIC")
    SCALAR("g", "BIGNUMERIC")
    SCALAR("j", "JSON")
    "{\"name\":\"r\",\"type\":\"RECORD\",\"mode\":\"REPEATED\",\"fields\":["
    SCALAR("x", "STRING")
    "{\"name\":\"l\",\"type\":\"INT64\",\"mode\":\"REPEATED\"}]}]}";
/* clang-format on */

static void read_json(struct batch *b, struct str text)
{
    struct batch_row *row = batch_row(b);
    struct json_token t;
    struct json_scan s;

    json_scan_init(&s, text);
    json_scan_next(&s, &t);
    if (batch_read_json(b, row, &s, &t))
        batch_end_row(b, row);
    json_scan_fini(&s);
    for (size_t i = row->first; i < row->first + row->n; i++)
        if (b->cells[i].column >= b->table->n_columns)
            abort();
}

static void read_csv(const struct table *t, struct str text)
{
    struct cell_mem mem = {0};
    struct buf scratch;
    struct csv c;

    buf_init(&scratch, 1 << 20);
    csv_init(&c, text);
    while (csv_next(&c)) {
        for (size_t i = 0; i < c.n && i < 12 && !c.error; i++) {
            struct str field = csv_field(&c, i);
            struct cell cell = {0};
            char why[400];

            if (json_is_utf8(field))
                (void)cell_from_text(&t->columns[i], field, &mem, &scratch,
                                     &cell, why);
        }
    }
    csv_fini(&c);
    buf_fini(&scratch);
    cell_mem_fini(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct table t = {.physical = "t1"};
    json_t *json = json_loads(schema, 0, NULL);
    char *copy = malloc(size + 1);
    struct fail f = {0};
    struct batch b;

    if (!copy || !json)
        abort();
    memcpy(copy, data, size); /* texts are decoded in place */
    arena_init(&t.mem);
    t.project = t.dataset = t.name = STR("x");
    if (fields_parse(json, &t.mem, &t.columns, &t.n_columns, &f))
        abort();
    batch_init(&b, &t, 1700000000000000);
    b.ignore_unknown = size & 1;
    b.json_objects = size & 2;
    read_json(&b, str_of(copy, size));
    read_csv(&t, str_of((const char *)data, size));
    batch_fini(&b);
    arena_fini(&t.mem);
    json_decref(json);
    free(copy);
    return 0;
}
