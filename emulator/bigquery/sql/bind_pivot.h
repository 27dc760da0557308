/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT and UNPIVOT; private to bind_pivot.c, bind_unpivot.c, pivot_name.c and
 * bind_from.c. Memory is the binder's. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_PIVOT_H
#define EMULATOR_BIGQUERY_SQL_BIND_PIVOT_H

#include "emulator/bigquery/sql/ast_pivot.h"
#include "emulator/bigquery/sql/bind.h"

/* A FROM_PIVOT as a query of its own; `s`: the scope whose FROM it is in. */
struct bquery *bind_pivot(struct binder *b, const struct ast_from *f,
                          struct scope *s);
/* The name that a value without an alias gives its column, by the table of the
 * page "Query syntax"; `t`: what it is compared with. False: it gives none. */
bool pivot_column_name(struct binder *b, const struct ast_expr *value,
                       const struct sql_type *t, struct str *out);

/* The SELECT on its way. */
struct pivoting {
    struct binder *b;
    const struct ast_pivot *v;
    struct out_col *input; /* its columns, each under a name */
    struct str *names;     /* as the result shows them */
    size_t n_input;
    struct ast_from *from;
    struct ast_item *items, **tail;
    size_t n_items;
    struct ast_expr *group, **group_tail;
};

/* The SELECT list of UNPIVOT and its FROM; returns WHERE, or NULL. */
struct ast_expr *unpivot_items(struct pivoting *r);

struct ast_expr *pivot_node(struct pivoting *r, enum expr_kind kind, size_t at);
struct ast_expr *pivot_text(struct pivoting *r, enum expr_kind kind,
                            struct str text, size_t at);
struct ast_expr *pivot_int(struct pivoting *r, size_t v, size_t at);
void pivot_add_item(struct pivoting *r, struct ast_expr *x, struct str alias);
/* `head_tail`, or `tail` alone. */
struct str pivot_join_names(struct pivoting *r, struct str head,
                            struct str tail);

#endif
