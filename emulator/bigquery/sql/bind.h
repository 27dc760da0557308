/* SPDX-License-Identifier: Apache-2.0 */
/* The binder: names, types, and SQLite text in one walk over the tree.
 *
 * Each expression is bound to a type and to its SQLite text; equal texts mean
 * equal expressions, which is how GROUP BY keys are recognised. Subqueries
 * that refer to nothing outside are lifted into one flat WITH list, since
 * SQLite's parser stack is shallow. Errors leave by longjmp.
 * Private to the bind_*.c files and prepare.c. Threads: one a binder. */
#ifndef EMULATOR_BIGQUERY_SQL_BIND_H
#define EMULATOR_BIGQUERY_SQL_BIND_H

#include "emulator/bigquery/sql/ast_stmt.h"
#include "emulator/bigquery/sql/plan.h"
#include "emulator/bigquery/sql/sql.h"

struct binder;
struct scope;

struct bexpr {
    const struct sql_type *type;
    const char *sql;
    size_t at;
    bool literal;  /* or parameter: coerces more freely */
    bool constant; /* no column, subquery, aggregate */
    bool is_agg, is_window;
    bool part_pair; /* "n,'PART'", two arguments: INTERVAL n PART in a call */
    bool is_case;   /* sql is a searched CASE whose END may be cut */
    int param;      /* 1-based index of an undeclared one, else 0 */
    const struct ast_expr *lit; /* number or string literal */
    bool negative;              /* of a number literal */
    const char *ungrouped; /* a column that no aggregate covers: its name */
    size_t ungrouped_at;
    const struct col *column; /* it is just this column */
    const char *chain; /* "bq_add": sql is that call and may take one more */
    int n_chain;
};

struct col {
    struct str name;
    const struct sql_type *type;
    const char *sql;
    bool hidden;
    int ref; /* index into refs whose partition column this is, or -1 */
    bool is_date_alias; /* _PARTITIONDATE */
    bool *used;         /* set when an expression names it; NULL: nobody asks */
    struct sql_group *suffix_of; /* it is this wildcard's _TABLE_SUFFIX */
};

/* A range variable. */
struct rel {
    struct str alias;
    struct col *cols;
    size_t n_cols;
    const struct sql_type *value_type; /* value table: its element */
    const char *value_sql;
    struct rel *next;
};

struct group_key {
    const char *sql;
    bool dropped;                /* ROLLUP: NULL in this grouping set */
    const struct ast_expr *from; /* an item's, if a number or alias named it */
    const struct sql_type *type;
};

struct out_col {
    struct str name; /* empty: anonymous */
    const struct sql_type *type;
    bool literal;
    int ref; /* it is this table's partition column, or -1 */
};

struct select_alias {
    struct str name;
    struct bexpr *expr;
    int ordinal;
};

struct scope {
    struct scope *outer;
    struct rel *rels, **rels_tail;
    struct col **star; /* columns of *, in order */
    size_t n_star, cap_star;
    bool grouped;
    bool in_agg; /* inside an aggregate's arguments */
    bool in_window;
    bool agg_allowed, window_allowed;
    const char *clause;
    struct group_key *keys;
    size_t n_keys;
    bool any_dropped;
    struct select_alias *aliases; /* when visible */
    size_t n_aliases;
    bool aliases_first;
    bool saw_outer;
    bool raw; /* keys left out of a grouping set stand for themselves */
    unsigned own_refs, outer_refs; /* names found here, further out */
    unsigned bare_refs; /* of those of a grouped query: no key by itself */
    struct memo *memo;  /* subqueries already bound here */
    bool saw_window;
    bool plain_arrays; /* UNNEST as a subquery: in a RIGHT or FULL join */
    struct ast_window *windows;
};

/* Subqueries of one text are bound once: their SQL, with the names made up for
 * it, must be the same in GROUP BY and in the SELECT list. */
struct memo {
    struct str text;
    bool saw_aliases; /* a name may mean another thing where they are seen */
    struct bquery *bound;
    struct memo *next;
};

struct cte {
    struct str name;
    const struct out_col *cols;
    size_t n_cols;
    const char *sql_name;
    bool value_table;
    bool recursive_open; /* being defined: subqueries on it are not lifted */
    bool used;
    struct cte *next;
};

struct bquery {
    struct out_col *cols;
    size_t n_cols;
    const char *sql;
    bool correlated;
    bool value_table; /* SELECT AS STRUCT / VALUE */
    bool single_row;  /* never more than one */
};

struct lifted {
    const char *name, *sql;
    struct lifted *next;
};

struct binder {
    struct arena *mem;
    struct str text;
    struct sql_error *err;
    jmp_buf *on_error;
    const struct sql_catalog *catalog;
    const struct sql_params *params;
    const struct sql_options *options;
    struct sql_stmt *stmt;
    struct scope *scope;
    struct cte *ctes;
    struct lifted *lifted, **lifted_tail;
    bool recursive;
    int next_id;
    int view_depth;
    unsigned depth;
    bool marked; /* for wide.h, in a SELECT that a LIMIT may cut short */
    bool recursion_counts; /* its rounds are counted in a column */
    bool recursion_seen;   /* the query being bound reads an open CTE */
    struct sql_column *undeclared;
    size_t n_undeclared;
    struct step **steps_tail;
};

/* --- errors ------------------------------------------------------------- */
void bind_fail(struct binder *b, size_t at, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void bind_refuse(struct binder *b, size_t at, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void bind_error(struct binder *b, const char *reason, long at, const char *text)
    __attribute__((noreturn));
const char *bind_type_name(struct binder *b, const struct sql_type *t);
/* The zone of what names none, as SQL text. */
const char *bind_zone(struct binder *b);

/* --- text --------------------------------------------------------------- */
const char *quote_sql(struct arena *a, struct str s);  /* 'it''s' */
const char *quote_name(struct arena *a, struct str s); /* "col" */
const char *quote_blob(struct arena *a, struct str s);
const char *quote_real(struct arena *a, double v);
const char *type_descriptor(struct arena *a, const struct sql_type *t);

/* --- types (bind_type.c) ------------------------------------------------ */
const struct sql_type *bind_ast_type(struct binder *b,
                                     const struct ast_type *t);
/* NULL if there is none. */
const struct sql_type *super_type(struct binder *b, const struct sql_type *x,
                                  const struct sql_type *y);
const struct sql_type *super_of(struct binder *b, struct bexpr *const *e,
                                size_t n);
/* How far e is from t: 0 same, >0 by coercion, -1 not. */
int coerce_cost(const struct bexpr *e, const struct sql_type *t);
struct bexpr *coerce(struct binder *b, struct bexpr *e,
                     const struct sql_type *t);
struct bexpr *bind_cast(struct binder *b, struct bexpr *e,
                        const struct sql_type *t, bool safe, size_t at);
bool is_decimal(const struct sql_type *t);
bool is_numeric(const struct sql_type *t);

#endif
