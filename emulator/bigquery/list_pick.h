/* SPDX-License-Identifier: Apache-2.0 */
/* `selectedFields`: which fields of which columns a client wants.
 * Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_LIST_PICK_H
#define EMULATOR_BIGQUERY_LIST_PICK_H

#include <jansson.h>

#include "emulator/bigquery/reason.h"
#include "emulator/bigquery/sql/show.h"

/* One for each column, NULL if nothing of it is wanted; `wanted` empty: all
 * are. From `mem`. RC_INVALID with `f` for a field that `table` has not. */
RC_MUST_USE int list_pick(struct str wanted, const struct sql_column *columns,
                          size_t n, const char *table, struct arena *mem,
                          struct pick ***out, struct fail *f);
/* The same of a schema's `fields`; names that are not there are passed over.
 * Owned. */
json_t *list_pick_schema(const json_t *fields, struct str wanted);

#endif
