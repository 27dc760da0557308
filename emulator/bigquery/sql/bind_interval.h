/* SPDX-License-Identifier: Apache-2.0 */
/* INTERVAL as a value; private to the bind_*.c files. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_INTERVAL_H
#define EMULATOR_BIGQUERY_SQL_BIND_INTERVAL_H

#include "emulator/bigquery/sql/bind_expr.h"

/* INTERVAL n part, INTERVAL 'text' part TO part */
struct bexpr *interval_value(struct binder *b, const struct ast_expr *x);
/* Operators with an INTERVAL on a side or as their result; NULL: no such. */
struct bexpr *interval_arithmetic(struct binder *b, const char *op,
                                  struct bexpr *l, struct bexpr *r, size_t at);
struct bexpr *interval_negative(struct binder *b, struct bexpr *e, size_t at);
struct bexpr *interval_extract(struct binder *b, struct bexpr *e,
                               const char *part, size_t at);
struct bexpr *make_interval(struct binder *b, const struct ast_expr *x);

/* Also inside of ARRAY and STRUCT. Two texts may be one INTERVAL (1 day, 24
 * hours), so what compares texts refuses them. */
bool type_has_interval(const struct sql_type *t);
/* Leaves with 501 if there is one: "`what` of type INTERVAL". */
void refuse_interval(struct binder *b, const struct sql_type *t, size_t at,
                     const char *what);

#endif
