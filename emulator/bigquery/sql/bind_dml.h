/* SPDX-License-Identifier: Apache-2.0 */
/* What INSERT and MERGE share; private to them. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_DML_H
#define EMULATOR_BIGQUERY_SQL_BIND_DML_H

#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"
#include "emulator/bigquery/sql/bind_stmt.h"

#define DML_ONE_ROW                                                            \
    "UPDATE/MERGE must match at most one source row for each target row"

/* Finds the table, makes it visible in `s` under its alias. */
struct sql_table *dml_target(struct binder *b, const struct ast_path *path,
                             struct scope *s, struct str alias,
                             const char *sql_alias);
/* Columns an INSERT names (all, if none); `out` holds t->n_columns. */
size_t insert_columns(struct binder *b, const struct sql_table *t,
                      const struct ast_name *names,
                      const struct sql_column **out);
const char *names_sql(struct binder *b, const struct sql_column *const *cols,
                      size_t n);
/* The query's columns, c1 and on, as values for the given columns. */
const char *query_values(struct binder *b, const struct bquery *q, size_t at,
                         const struct sql_column *const *cols, size_t n);
/* Do the references from the `first` on read the table that is written? */
bool reads_target(const struct binder *b, size_t first);
/* ",value..." for the columns not named; their names join `*names`. */
const char *unlisted_values(struct binder *b, const struct sql_table *t,
                            const struct sql_column *const *cols, size_t n,
                            const char **names, size_t at);

#endif
