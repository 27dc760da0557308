/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on a partition column that leave most of a table. SQLite keeps no
 * statistics here and takes the column's index for any range, so that each row
 * is looked up by way of it: where most rows are wanted, reading them as they
 * lie is faster, several times so if the column does not rise with the rowid.
 *
 * What a filter leaves is known when a statement runs, not when it is bound.
 * The binder therefore puts a mark, a comment, before the column; for a ref
 * that is found `wide` the mark becomes a unary plus, which keeps SQLite from
 * using an index there (https://sqlite.org/optoverview.html). Pure. */
#ifndef EMULATOR_BIGQUERY_SQL_WIDE_H
#define EMULATOR_BIGQUERY_SQL_WIDE_H

#include "emulator/bigquery/sql/arena.h"
#include "emulator/bigquery/sql/sql.h"

/* How often `column` (its whole SQLite text) is named in `sql`. */
size_t wide_count(const char *sql, const char *column);
/* `sql` with a mark for `ref` before each. `all_rows`: whatever the statement
 * limits, this SELECT reads to the end. The arena's. */
const char *wide_mark(struct arena *a, const char *sql, const char *column,
                      int ref, bool all_rows);
/* Turns the marks of refs that are wide into pluses. Returns owned; NULL: there
 * is nothing to turn (or no memory for it, which costs only time). */
char *wide_apply(const struct sql_stmt *stmt, const char *sql);

#endif
