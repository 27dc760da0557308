/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: DML and DDL into the plan's steps. Private to the bind_*.c
 * files and prepare.c. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_STMT_H
#define EMULATOR_BIGQUERY_SQL_BIND_STMT_H

#include "emulator/bigquery/sql/bind.h"

/* --- statements --------------------------------------------------------- */
void bind_dml(struct binder *b, const struct ast_stmt *s);
void bind_merge(struct binder *b, const struct ast_stmt *s);
void bind_ddl(struct binder *b, const struct ast_stmt *s);
/* OPTIONS of a [T]able, [V]iew, [S]chema or [C]olumn, checked. */
const struct sql_option *bind_options(struct binder *b,
                                      const struct ast_option *list, char place,
                                      size_t *n);
/* That of a column's OPTIONS; empty: none. */
struct str bind_description(struct binder *b, const struct ast_option *list);
void add_step(struct binder *b, enum step_kind kind, const char *sql,
              const char *error);
/* The value for a target column: coerced, REQUIRED and length checked. */
struct bexpr *assign(struct binder *b, const struct sql_column *c,
                     const struct ast_expr *value);
struct bexpr *default_value(struct binder *b, const struct sql_column *c,
                            size_t at);
const struct sql_column *target_column(struct binder *b,
                                       const struct sql_table *t,
                                       struct str name, size_t at);
const char *assign_sql(struct binder *b, const struct sql_column *c,
                       struct bexpr *e);
/* "col = value" for SET, nested fields rewritten into their column. */
const char *sets_sql(struct binder *b, const struct sql_table *t,
                     const struct ast_set *sets, struct str alias,
                     const char *rel_sql);

#endif
