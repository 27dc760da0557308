/* SPDX-License-Identifier: Apache-2.0 */
/* Statements other than queries, as parsed. */
#ifndef EMULATOR_BIGQUERY_SQL_AST_STMT_H
#define EMULATOR_BIGQUERY_SQL_AST_STMT_H

#include "emulator/bigquery/sql/ast.h"
#include "emulator/bigquery/sql/sql.h"

struct ast_set { /* a.b = expr */
    size_t at;
    struct ast_path path;
    struct ast_expr *value;
    struct ast_set *next;
};

struct ast_row {
    size_t at;
    struct ast_expr *values;
    struct ast_row *next;
};

struct ast_when {
    size_t at;
    enum {
        WHEN_MATCHED,
        WHEN_NOT_MATCHED,
        WHEN_NOT_MATCHED_BY_SOURCE
    } match;
    enum {
        DO_INSERT,
        DO_UPDATE,
        DO_DELETE
    } action;
    struct ast_expr *condition;
    struct ast_name *columns; /* INSERT */
    struct ast_expr *values;
    bool insert_row;
    struct ast_set *sets; /* UPDATE */
    struct ast_when *next;
};

struct ast_option {
    size_t at;
    struct str name;
    struct ast_expr *value;
    struct ast_option *next;
};

struct ast_coldef {
    size_t at;
    struct str name;
    struct ast_type *type;
    bool not_null, if_exists;
    struct ast_expr *default_value;
    struct str default_text;
    struct ast_option *options;
    struct ast_coldef *fields, *next;
};

struct ast_alter {
    size_t at;
    const char *what; /* ADD, DROP, RENAME, RENAME_TO, SET_OPTIONS, ... */
    bool if_exists;   /* IF [NOT] EXISTS of the column */
    struct str column, new_name;
    struct ast_coldef *def;
    struct ast_option *options;
    struct ast_expr *value;
    struct str value_text;
    struct ast_type *type;
    struct ast_alter *next;
};

struct ast_stmt {
    enum sql_kind kind;
    size_t at;
    struct ast_path target;
    struct str alias;
    struct ast_query *query;
    /* DML */
    struct ast_name *columns;
    struct ast_row *rows;
    struct ast_set *sets;
    struct ast_from *from;
    struct ast_expr *where; /* also MERGE's ON */
    struct ast_when *whens;
    /* DDL */
    bool or_replace, if_exists, cascade;
    struct ast_coldef *defs;
    struct ast_expr *partition;
    struct ast_name *cluster;
    struct ast_option *options;
    struct ast_path like;
    bool is_copy;
    struct ast_alter *alters;
    struct str query_text;
};

#endif
