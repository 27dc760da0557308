/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, calls and names: a tree node in, a typed bexpr out. Private to
 * the bind_*.c files; memory is the binder's. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_EXPR_H
#define EMULATOR_BIGQUERY_SQL_BIND_EXPR_H

#include "emulator/bigquery/sql/bind.h"

/* --- expressions -------------------------------------------------------- */
struct bexpr *bind_expr(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_as(struct binder *b, const struct ast_expr *x,
                      const struct sql_type *t, const char *what);
struct bexpr *bexpr_new(struct binder *b, const struct sql_type *t,
                        const char *sql, size_t at);
/* Carries ungrouped, is_agg and so on over to `to`. */
void bexpr_merge(struct bexpr *to, const struct bexpr *from);
/* `sql` over one or two operands (`r` may be NULL): constant if they are. */
struct bexpr *bexpr_over(struct binder *b, const struct sql_type *t,
                         const char *sql, const struct bexpr *l,
                         const struct bexpr *r, size_t at);
struct bexpr *bind_binary(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_unary(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_compare(struct binder *b, const char *op, struct bexpr *l,
                           struct bexpr *r, size_t at);
struct bexpr *bind_predicate(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_literal(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_typed_text(struct binder *b, struct str text,
                              const struct sql_type *t, size_t at);
struct bexpr *bind_array(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_struct(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_index(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_field(struct binder *b, struct bexpr *e, struct str name,
                         size_t at);
const char *struct_sql(struct binder *b, struct bexpr *const *fields, size_t n);
struct bexpr *bind_call(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_grouping(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_special(struct binder *b, const struct ast_expr *x);
/* JSON_SET and its like; NULL: another function. */
struct bexpr *bind_json(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_aggregate(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_window_call(struct binder *b, const struct ast_expr *x);
/* Date parts (bind_part.c). */
struct bexpr *bind_part(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_interval(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_extract(struct binder *b, const struct ast_expr *x);
/* Of a call that is resolved: `args` have their final types. */
void check_parts(struct binder *b, const struct ast_expr *x,
                 struct bexpr *const *args, size_t n);
bool is_aggregate_name(struct str name);
/* No column, subquery or aggregate: known without looking at rows. */
bool is_constant(const struct ast_expr *x);
bool has_aggregate(const struct ast_expr *x);
/* For GROUP BY and ORDER BY: SQLite would take a text that comes down to an
 * integer, also `0 AND x`, for a column's number. */
const char *sort_sql(struct binder *b, const struct bexpr *e);
const char *order_key_sql(struct binder *b, const struct bexpr *e, bool desc,
                          int nulls);
const char *window_sql(struct binder *b, const struct ast_window *w,
                       const char *need_order, bool frame);

/* Overload resolution against a table of signatures (bind_call.c). */
struct signature {
    const char *name, *args, *sql;
};
struct bexpr *resolve_call(struct binder *b, const struct ast_expr *x,
                           const struct signature *table, size_t n_table,
                           struct bexpr **args, size_t n, const char *extra);
bool signature_find(const struct signature *table, size_t n, struct str name,
                    size_t *first, size_t *last);

/* --- names -------------------------------------------------------------- */
struct bexpr *bind_name(struct binder *b, const struct ast_expr *x);
struct bexpr *bind_col(struct binder *b, const struct col *c, size_t at);
struct rel *scope_add_rel(struct binder *b, struct scope *s, struct str alias);
void scope_add_star(struct binder *b, struct scope *s, struct col *c);
struct scope *scope_new(struct binder *b, struct scope *outer);
struct bexpr *rel_value(struct binder *b, struct rel *r, size_t at);

#endif
