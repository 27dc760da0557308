/* SPDX-License-Identifier: Apache-2.0 */
/* `selectedFields`: which fields of which columns a client wants.
 * Pure; threads: any. */
#ifndef EMULATOR_BIGQUERY_LIST_PICK_H
#define EMULATOR_BIGQUERY_LIST_PICK_H

#include <jansson.h>

#include "emulator/bigquery/reason.h"
#include "emulator/bigquery/sql/show.h"

/* What is wanted of one column, or of one field: all of it, or some of its
 * own fields (those of an ARRAY's elements). */
struct pick {
    const struct sql_type *type;
    bool whole;
    struct pick **fields; /* NULL: that one is not */
};

/* One for each column, NULL if nothing of it is wanted; `wanted` empty: all
 * are. From `mem`. RC_INVALID with `f` for a field that `table` has not. */
RC_MUST_USE int list_pick(struct str wanted, const struct sql_column *columns,
                          size_t n, const char *table, struct arena *mem,
                          struct pick ***out, struct fail *f);
/* As show_rest, without the fields that are not wanted. */
void list_pick_show(struct buf *out, const struct pick *p,
                    const struct value *v, enum sql_ts_format ts);
/* The same of a schema's `fields`; names that are not there are passed over.
 * Owned. */
json_t *list_pick_schema(const json_t *fields, struct str wanted);

#endif
