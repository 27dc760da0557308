/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser makes of a text. One node type for expressions, one for
 * table expressions, one for queries; all in the statement's arena.
 * `at` is the offset that an error about the node points to. */
#ifndef EMULATOR_BIGQUERY_SQL_AST_H
#define EMULATOR_BIGQUERY_SQL_AST_H

#include "emulator/bigquery/sql/arena.h"

struct ast_query;
struct ast_option;
struct ast_pivot; /* ast_pivot.h */

enum expr_kind {
    EX_NULL,
    EX_BOOL,   /* flag */
    EX_INT,    /* text as written */
    EX_FLOAT,  /* text as written */
    EX_STRING, /* text decoded */
    EX_BYTES,
    EX_TYPED,   /* DATE '...': op = type's name, text */
    EX_PARAM,   /* text = name; empty: positional, index in n */
    EX_NAME,    /* text */
    EX_DOT,     /* a . text */
    EX_INDEX,   /* a [ b ]; op = OFFSET, ORDINAL, SAFE_OFFSET... or NULL */
    EX_CALL,    /* text = NAME in capitals, path joined by dots; list = args */
    EX_CAST,    /* a, type; flag: SAFE; b = format */
    EX_CASE,    /* a = operand or NULL; list = when, then, ...; b = else */
    EX_UNARY,   /* op: "-", "+", "~", "NOT"; a */
    EX_BINARY,  /* op; a, b */
    EX_BETWEEN, /* a, b, c; flag: NOT */
    EX_IN,      /* a; list or query or b (UNNEST); flag: NOT */
    EX_LIKE,    /* a, b; flag: NOT; op = ANY, ALL, SOME: list, b (UNNEST) */
    EX_IS,      /* a; op: "NULL", "TRUE", "FALSE"; flag: NOT */
    EX_IS_DISTINCT, /* a, b; flag: NOT */
    EX_EXISTS,      /* query */
    EX_SUBQUERY,
    EX_ARRAY_QUERY,
    EX_ARRAY,    /* list; type = ARRAY<...> or NULL */
    EX_STRUCT,   /* list with alias; type = STRUCT<...> or NULL */
    EX_TUPLE,    /* (a, b, ...) */
    EX_INTERVAL, /* a; text = part; b: TO part's name in op */
    EX_EXTRACT,  /* a; op = part; b = zone */
    EX_STAR,     /* COUNT(*) */
    EX_NAMED,    /* text => a */
    EX_LAMBDA,
    EX_DEFAULT /* in INSERT, UPDATE, MERGE */
};

struct ast_type {
    size_t at;
    const char *name; /* upper case */
    struct ast_type *elem;
    struct ast_type *fields; /* by next */
    struct ast_type *next;
    struct str field_name;
    int64_t p1, p2; /* parameters; -1: none */
    bool not_null;
    struct ast_option *options;
};

struct ast_order {
    struct ast_expr *expr;
    bool desc;
    int nulls; /* 0 default, 1 first, 2 last */
    struct ast_order *next;
};

struct ast_bound {
    enum {
        B_UNBOUNDED_PRECEDING,
        B_PRECEDING,
        B_CURRENT,
        B_FOLLOWING,
        B_UNBOUNDED_FOLLOWING
    } kind;
    struct ast_expr *expr;
};

struct ast_window {
    size_t at, base_at, order_at;
    struct str name; /* of a WINDOW clause's entry */
    struct str base; /* refers to one */
    struct ast_expr *partition;
    struct ast_order *order;
    const char *unit; /* "ROWS", "RANGE" or NULL */
    struct ast_bound from, to;
    struct ast_window *next;
};

/* What only calls have. */
struct ast_call {
    bool distinct;
    int nulls; /* 0, 1 IGNORE, 2 RESPECT */
    struct ast_order *order;
    struct ast_expr *limit;
    struct ast_expr *having; /* HAVING MAX/MIN x */
    bool having_max;
    struct ast_window *over;
    bool safe; /* SAFE. prefix */
};

struct ast_expr {
    enum expr_kind kind;
    bool flag;
    bool paren; /* stood in parentheses */
    int n;
    size_t at, end;
    const char *op;
    struct str text;
    struct str alias; /* in STRUCT(... AS alias) */
    struct ast_expr *a, *b, *c;
    struct ast_expr *list, *next;
    struct ast_type *type;
    struct ast_query *query;
    struct ast_call *call;
};

/* A dotted name; wildcard star included in the last part. */
struct ast_path {
    size_t at;
    struct str part[8];
    size_t n;
};

enum from_kind {
    FROM_TABLE,
    FROM_QUERY,
    FROM_UNNEST,
    FROM_PIVOT, /* left, pivot */
    FROM_JOIN
};
enum join_kind {
    JOIN_INNER,
    JOIN_CROSS,
    JOIN_LEFT,
    JOIN_RIGHT,
    JOIN_FULL,
    JOIN_COMMA
};

struct ast_name {
    size_t at;
    struct str text;
    struct ast_option *options;
    struct ast_name *next;
};

struct ast_from {
    enum from_kind kind;
    size_t at;
    struct str alias;
    struct ast_path path;
    struct ast_query *query;
    struct ast_expr *expr, *on, *sample; /* UNNEST's, a join's, TABLESAMPLE's */
    bool with_offset, is_before_outer;   /* the latter: of a RIGHT, FULL JOIN */
    struct str offset_alias;
    enum join_kind join;
    struct ast_from *left, *right;
    struct ast_pivot *pivot;
    struct ast_name *using;
};

struct ast_item {
    size_t at;
    bool is_star;          /* `*` or expr.* */
    struct ast_expr *expr; /* NULL for a bare star */
    struct str alias;
    struct ast_name *except;
    struct ast_item *replace;
    struct ast_item *next;
};

/* One grouping set: which expressions of `group`, a bit each. */
struct ast_group_set {
    uint64_t mask;
    struct ast_group_set *next;
};

struct ast_select {
    size_t at;
    bool distinct, as_struct, as_value;
    struct ast_item *items;
    struct ast_from *from;
    bool has_group, group_all;
    struct ast_group_set *sets; /* ROLLUP, CUBE, GROUPING SETS */
    struct ast_expr *where, *group, *having, *qualify;
    struct ast_window *windows;
};

struct ast_cte {
    size_t at;
    struct str name;
    struct ast_query *query;
    struct ast_cte *next;
};

struct ast_body {
    enum {
        BODY_SELECT,
        BODY_SET,
        BODY_QUERY
    } kind;
    size_t at;
    struct ast_select *select;
    struct ast_query *query;
    const char *op; /* UNION, INTERSECT, EXCEPT */
    bool all;
    struct ast_body *left, *right;
};

struct ast_query {
    size_t at, end;
    bool recursive;
    struct ast_cte *with;
    struct ast_body *body;
    struct ast_order *order;
    struct ast_expr *limit, *offset;
};
#endif
