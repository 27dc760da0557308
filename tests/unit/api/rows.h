/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for the tests here: an id, a second of one minute, a text. */
#ifndef TESTS_API_ROWS_H
#define TESTS_API_ROWS_H

#include <check.h>
#include <stdio.h>

#include "schema/row.h"

static inline struct schema *rows_schema(void)
{
    struct schema *schema = NULL;

    ck_assert_int_eq(schema_load(NULL, &schema, NULL), RC_OK);
    return schema;
}

static inline struct row *rows_make(const struct schema *schema, const char *id,
                                    unsigned second, const char *text)
{
    struct row *row = NULL;
    struct reject why;
    char json[256];

    snprintf(json, sizeof(json),
             "{\"id\":\"%s\",\"contenido\":\"%s\",\"timestamp\":"
             "\"2025-01-01T00:00:%02uZ\"}",
             id, text, second);
    ck_assert_int_eq(row_parse(schema, str_from(json), NULL, &row, &why),
                     RC_OK);
    return row;
}

#endif
