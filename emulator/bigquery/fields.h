/* SPDX-License-Identifier: Apache-2.0 */
/* A table's schema between REST's JSON and GoogleSQL's columns. Pure;
 * threads: any. */
#ifndef EMULATOR_BIGQUERY_FIELDS_H
#define EMULATOR_BIGQUERY_FIELDS_H

#include <jansson.h>

#include "emulator/bigquery/reason.h"
#include "emulator/bigquery/sql/type.h"

/* From `{"fields":[...]}` (NULL: no columns), all copied into `mem`.
 * RC_INVALID with `f`. */
RC_MUST_USE int fields_parse(const json_t *schema, struct arena *mem,
                             struct sql_column **out, size_t *n,
                             struct fail *f);

/* `{"fields":[...]}` with the names that replies have: INTEGER, FLOAT,
 * RECORD, and an explicit mode. Columns of a query's result too. */
json_t *fields_json(const struct sql_column *columns, size_t n);

/* The columns of a STRUCT (or an ARRAY of it), known by its type alone. */
const struct sql_column *fields_of(const struct sql_column *c,
                                   struct arena *mem, size_t *n);

/* Index of a column, any case; -1: none. */
int fields_find(const struct sql_column *columns, size_t n, struct str name);

#endif
