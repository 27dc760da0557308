/* SPDX-License-Identifier: Apache-2.0 */
/* A SELECT on its way; private to bind_select.c and bind_order.c. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_SELECT_H
#define EMULATOR_BIGQUERY_SQL_BIND_SELECT_H

#include "emulator/bigquery/sql/bind_query.h"

struct out_item {
    struct str name;
    struct bexpr *expr;
};

struct select {
    struct binder *b;
    struct scope *scope;
    struct out_item *items;
    size_t n, cap;
    size_t keep; /* ROLLUP: keys of this grouping set */
    const char *from_sql, *where_sql, *group_sql, *having_sql, *qualify;
};

/* The whole SELECT with its query's ORDER BY and LIMIT (q may be NULL). In a
 * recursive term the depth column is added. */
const char *select_sql(struct select *s, const struct ast_select *a,
                       const struct ast_query *q, bool recursive_step);
/* SELECT AS STRUCT, AS VALUE: the items become one. */
void select_as(struct select *s, const struct ast_select *a);
struct bquery *bind_rollup(struct binder *b, const struct ast_select *a,
                           const struct ast_query *q, struct scope *outer);
struct bquery *bind_grouping_set(struct binder *b, const struct ast_select *a,
                                 struct scope *outer, size_t keep,
                                 struct select *s);

#endif
