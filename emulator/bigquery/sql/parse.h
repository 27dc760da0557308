/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: recursive descent over the lexer, precedence climbing for
 * expressions. One token of look-ahead, plus copies of the lexer where
 * GoogleSQL needs more.
 *
 * Errors leave by longjmp to `on_error`, with the sentence in `err`: a tree
 * is whole or absent. Threads: one a parser. */
#ifndef EMULATOR_BIGQUERY_SQL_PARSE_H
#define EMULATOR_BIGQUERY_SQL_PARSE_H

#include "emulator/bigquery/sql/ast_stmt.h"
#include "emulator/bigquery/sql/lex.h"

enum {
    PARSE_DEPTH_MAX = 200
};

struct parser {
    struct lexer lx;
    struct token tok;
    size_t prev_end;
    struct arena *mem;
    struct sql_error *err;
    jmp_buf *on_error;
    unsigned depth;
    int n_positional;
    /* told of each table's name, or NULL */
    void (*on_path)(void *arg, const struct str *part, size_t n);
    void *on_path_arg;
};

/* The whole text as one statement. NULL with `*err`. */
struct ast_stmt *parse_statement(struct arena *mem, struct str text,
                                 struct sql_error *err);
/* The whole text as one expression (DEFAULT values). */
struct ast_expr *parse_expression(struct arena *mem, struct str text,
                                  struct sql_error *err);

/* --- between the parser's files ----------------------------------------- */

void parse_advance(struct parser *p);
bool parse_is(const struct parser *p, const char *word);
bool parse_peek_is(const struct parser *p, const char *word); /* next token */
bool parse_eat(struct parser *p, const char *word);
void parse_expect(struct parser *p, const char *word);
/* "Syntax error: Unexpected X" at the current token. */
_Noreturn void parse_unexpected(struct parser *p);
_Noreturn void parse_expected(struct parser *p, const char *what);
_Noreturn void parse_fail(struct parser *p, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void parse_refuse(struct parser *p, size_t at, const char *what);
bool parse_at_name(const struct parser *p);
struct str parse_name(struct parser *p);
struct str parse_alias(struct parser *p); /* [AS] name, or empty */
void parse_enter(struct parser *p);
void parse_leave(struct parser *p);
struct ast_name *parse_name_list(struct parser *p); /* ( a, b ) */
struct ast_path parse_table_path(struct parser *p);
struct ast_type *parse_type(struct parser *p);

struct ast_expr *parse_new(struct parser *p, enum expr_kind kind, size_t at);
struct ast_expr *parse_expr(struct parser *p);
/* What a comparison may stand behind: no AND, OR, =, IN in it. */
struct ast_expr *parse_operand(struct parser *p);
struct ast_expr *parse_expr_list(struct parser *p); /* a, b, c */
/* What follows GROUP. */
void parse_group(struct parser *p, struct ast_select *s);
struct ast_expr *parse_postfix(struct parser *p);
struct ast_expr *parse_primary(struct parser *p);
struct ast_expr *parse_call(struct parser *p, struct ast_expr *name);
struct ast_window *parse_window_spec(struct parser *p);
struct ast_order *parse_order_list(struct parser *p);

bool parse_at_query(const struct parser *p); /* SELECT, WITH, FROM */
struct ast_query *parse_query(struct parser *p);
/* Goes on behind a query in parentheses that was read as something else. */
struct ast_query *parse_query_rest(struct parser *p, struct ast_query *first);
bool parse_at_query_rest(const struct parser *p);
struct ast_from *parse_from(struct parser *p);
bool parse_at_pivot(const struct parser *p); /* PIVOT (, UNPIVOT ( */
/* `input` PIVOT(...) alias, `input` UNPIVOT(...) alias */
struct ast_from *parse_pivot(struct parser *p, struct ast_from *input);
struct ast_stmt *parse_dml(struct parser *p);
struct ast_stmt *parse_ddl(struct parser *p);
struct ast_option *parse_options(struct parser *p); /* behind OPTIONS */

#endif
