/* SPDX-License-Identifier: Apache-2.0 */
/* A SELECT on its way; private to
 * bind_select.c, bind_order.c and bind_group.c. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_SELECT_H
#define EMULATOR_BIGQUERY_SQL_BIND_SELECT_H

#include "emulator/bigquery/sql/bind_query.h"

struct buf;

struct out_item {
    struct str name;
    struct bexpr *expr;
};

struct select {
    struct binder *b;
    struct scope *scope;
    struct out_item *items;
    size_t n, cap;
    uint64_t keep; /* the keys of this grouping set, a bit each */
    const char *from_sql, *where_sql, *group_sql, *having_sql, *qualify;
};

/* The whole SELECT with its query's ORDER BY and LIMIT (q may be NULL). In a
 * recursive term the depth column is added. */
const char *select_sql(struct select *s, const struct ast_select *a,
                       const struct ast_query *q, bool recursive_step);
/* SELECT AS STRUCT, AS VALUE: the items become one. */
void select_as(struct select *s, const struct ast_select *a);

/* --- ORDER BY (bind_order.c) --- */

struct order_key {
    struct bexpr *expr;
    size_t item; /* 1-based, or 0 */
    const struct ast_order *order;
};

size_t bind_order_keys(struct select *s, const struct ast_select *a,
                       const struct ast_query *q, struct order_key **out);
/* `wrapped`: of a subquery whose columns are c1, c2 and o0, o1. */
void put_order(struct select *s, struct buf *out, struct order_key *keys,
               size_t n, bool wrapped);

/* --- GROUP BY (bind_group.c) --- */

void bind_groups(struct select *s, const struct ast_select *a);
struct bquery *bind_grouping_sets(struct binder *b, const struct ast_select *a,
                                  const struct ast_query *q,
                                  struct scope *outer);
/* The SELECT with only the keys of `keep`, a bit each (bind_select.c). */
struct bquery *bind_grouping_set(struct binder *b, const struct ast_select *a,
                                 struct scope *outer, uint64_t keep,
                                 struct select *s);

#endif
