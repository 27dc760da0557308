/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT and UNPIVOT behind a table expression, as parsed. */
#ifndef EMULATOR_BIGQUERY_SQL_AST_PIVOT_H
#define EMULATOR_BIGQUERY_SQL_AST_PIVOT_H

#include "emulator/bigquery/sql/ast.h"

struct ast_pivot_value { /* SUM(x) AS alias; 'Q1' AS alias */
    struct ast_expr *expr;
    struct str alias;
    struct ast_pivot_value *next;
};

struct ast_unpivot_set { /* (Q1, Q2) AS 'first' */
    size_t at;
    struct ast_name *columns;
    struct ast_expr *label; /* literal, or NULL */
    struct ast_unpivot_set *next;
};

struct ast_pivot {
    size_t at;
    bool unpivot, include_nulls;
    /* PIVOT(calls FOR input IN (values)) */
    struct ast_pivot_value *calls, *values;
    struct ast_expr *input;
    /* UNPIVOT(columns FOR name IN (sets)) */
    struct ast_name *columns, *name;
    struct ast_unpivot_set *sets;
};

#endif
