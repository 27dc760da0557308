/* SPDX-License-Identifier: Apache-2.0 */
/* Operands: literals, names, constructors, subqueries, CASE, CAST. */
#include "emulator/bigquery/sql/parse.h"

static struct ast_expr *literal(struct parser *p, enum expr_kind kind)
{
    struct ast_expr *e = parse_new(p, kind, p->tok.at);

    e->text = p->tok.value;
    parse_advance(p);
    return e;
}

static struct ast_expr *parenthesized(struct parser *p)
{
    size_t at = p->tok.at;
    struct ast_expr *e, *tuple;

    parse_advance(p);
    parse_enter(p);
    if (parse_at_query(p)) {
        e = parse_new(p, EX_SUBQUERY, at);
        e->query = parse_query(p);
    } else {
        e = parse_expr(p);
        if (e->kind == EX_SUBQUERY && parse_at_query_rest(p))
            e->query = parse_query_rest(p, e->query);
        if (parse_eat(p, ",")) {
            tuple = parse_new(p, EX_TUPLE, at);
            tuple->list = e;
            e->next = parse_expr_list(p);
            e = tuple;
        }
    }
    parse_leave(p);
    parse_expect(p, ")");
    e->paren = true;
    return e;
}

static struct ast_expr *parse_case(struct parser *p)
{
    struct ast_expr *e = parse_new(p, EX_CASE, p->tok.at), **tail = &e->list;

    parse_advance(p);
    if (!parse_is(p, "WHEN"))
        e->a = parse_expr(p);
    do {
        parse_expect(p, "WHEN");
        *tail = parse_expr(p);
        tail = &(*tail)->next;
        parse_expect(p, "THEN");
        *tail = parse_expr(p);
        tail = &(*tail)->next;
    } while (parse_is(p, "WHEN"));
    if (parse_eat(p, "ELSE"))
        e->b = parse_expr(p);
    parse_expect(p, "END");
    return e;
}

static struct ast_expr *parse_cast(struct parser *p, bool safe)
{
    struct ast_expr *e = parse_new(p, EX_CAST, p->tok.at);

    parse_advance(p);
    parse_expect(p, "(");
    e->flag = safe;
    e->a = parse_expr(p);
    parse_expect(p, "AS");
    e->type = parse_type(p);
    if (parse_eat(p, "FORMAT")) {
        e->b = parse_expr(p);
        if (parse_eat(p, "AT")) {
            parse_expect(p, "TIME");
            parse_expect(p, "ZONE");
            e->c = parse_expr(p);
        }
    }
    parse_expect(p, ")");
    return e;
}

static const char *part_name(struct parser *p)
{
    char *part;

    if (p->tok.kind != TOKEN_WORD)
        parse_unexpected(p);
    part = arena_strndup(p->mem, p->tok.value.p, p->tok.value.len);
    for (char *c = part; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 32);
    }
    parse_advance(p);
    if (!strcmp(part, "WEEK") && parse_eat(p, "(")) {
        part = (char *)arena_cat(p->mem, "WEEK(", part_name(p), ")", NULL);
        parse_expect(p, ")");
    }
    return part;
}

static struct ast_expr *parse_extract(struct parser *p)
{
    struct ast_expr *e = parse_new(p, EX_EXTRACT, p->tok.at);

    parse_advance(p);
    parse_expect(p, "(");
    e->op = part_name(p);
    parse_expect(p, "FROM");
    e->a = parse_expr(p);
    if (parse_eat(p, "AT")) {
        parse_expect(p, "TIME");
        parse_expect(p, "ZONE");
        e->b = parse_expr(p);
    }
    parse_expect(p, ")");
    return e;
}

static struct ast_expr *parse_interval(struct parser *p)
{
    struct ast_expr *e = parse_new(p, EX_INTERVAL, p->tok.at);

    parse_advance(p);
    e->a = parse_expr(p);
    e->text = str_from(part_name(p));
    if (parse_eat(p, "TO"))
        e->op = part_name(p);
    return e;
}

static struct ast_expr *parse_array(struct parser *p)
{
    struct ast_expr *e = parse_new(p, EX_ARRAY, p->tok.at);

    if (!parse_is(p, "[")) {
        if (parse_peek_is(p, "(")) {
            parse_advance(p);
            parse_advance(p);
            e->kind = EX_ARRAY_QUERY;
            e->query = parse_query(p);
            parse_expect(p, ")");
            return e;
        }
        if (parse_peek_is(p, "<"))
            e->type = parse_type(p);
        else
            parse_advance(p);
    }
    parse_expect(p, "[");
    if (!parse_is(p, "]"))
        e->list = parse_expr_list(p);
    parse_expect(p, "]");
    return e;
}

static struct ast_expr *parse_struct(struct parser *p)
{
    struct ast_expr *e = parse_new(p, EX_STRUCT, p->tok.at), **tail = &e->list;

    if (parse_peek_is(p, "<"))
        e->type = parse_type(p);
    else
        parse_advance(p);
    parse_expect(p, "(");
    if (parse_eat(p, ")"))
        return e;
    do {
        *tail = parse_expr(p);
        if (parse_eat(p, "AS"))
            (*tail)->alias = parse_name(p);
        tail = &(*tail)->next;
    } while (parse_eat(p, ","));
    parse_expect(p, ")");
    return e;
}

/* DATE '2025-01-01' and its like: the word is not reserved. */
static struct ast_expr *typed_literal(struct parser *p)
{
    static const char *const names[] = {"DATE",       "TIMESTAMP",  "DATETIME",
                                        "TIME",       "NUMERIC",    "DECIMAL",
                                        "BIGNUMERIC", "BIGDECIMAL", "JSON"};
    struct lexer ahead = p->lx;
    struct token t;
    struct ast_expr *e;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!parse_is(p, names[i]))
            continue;
        lex_next(&ahead, &t);
        if (t.kind != TOKEN_STRING)
            return NULL;
        e = parse_new(p, EX_TYPED, p->tok.at);
        e->op = names[i];
        parse_advance(p);
        e->n = (int)p->tok.at;
        e->text = p->tok.value;
        parse_advance(p);
        return e;
    }
    return NULL;
}

static struct ast_expr *keyword(struct parser *p)
{
    size_t at = p->tok.at;
    struct ast_expr *e;

    if (parse_is(p, "NULL"))
        return literal(p, EX_NULL);
    if (parse_is(p, "TRUE") || parse_is(p, "FALSE")) {
        bool value = parse_is(p, "TRUE");
        e = literal(p, EX_BOOL);
        e->flag = value;
        return e;
    }
    if (parse_is(p, "CASE"))
        return parse_case(p);
    if (parse_is(p, "CAST"))
        return parse_cast(p, false);
    if (parse_is(p, "EXTRACT"))
        return parse_extract(p);
    if (parse_is(p, "INTERVAL"))
        return parse_interval(p);
    if (parse_is(p, "ARRAY"))
        return parse_array(p);
    if (parse_is(p, "STRUCT"))
        return parse_struct(p);
    if (parse_is(p, "DEFAULT"))
        return literal(p, EX_DEFAULT);
    if (parse_is(p, "EXISTS")) {
        parse_advance(p);
        e = parse_new(p, EX_EXISTS, at);
        parse_expect(p, "(");
        e->query = parse_query(p);
        parse_expect(p, ")");
        return e;
    }
    /* Reserved words that are also functions. */
    if ((parse_is(p, "IF") || parse_is(p, "LEFT") || parse_is(p, "RIGHT") ||
         parse_is(p, "GROUPING")) &&
        parse_peek_is(p, "("))
        return literal(p, EX_NAME);
    if (parse_is(p, "RANGE") && parse_peek_is(p, "<"))
        parse_refuse(p, at, "Type RANGE");
    if (parse_is(p, "COLLATE") && parse_peek_is(p, "("))
        parse_refuse(p, at, "Function COLLATE");
    parse_unexpected(p);
}

struct ast_expr *parse_primary(struct parser *p)
{
    struct ast_expr *e;

    switch (p->tok.kind) {
    case TOKEN_INT:
        return literal(p, EX_INT);
    case TOKEN_FLOAT:
        return literal(p, EX_FLOAT);
    case TOKEN_STRING:
        return literal(p, EX_STRING);
    case TOKEN_BYTES:
        return literal(p, EX_BYTES);
    case TOKEN_PARAM:
        return literal(p, EX_PARAM);
    case TOKEN_SYSVAR:
        parse_refuse(
            p, p->tok.at,
            arena_printf(p->mem, "System variable %.*s", STR_ARG(p->tok.text)));
    case TOKEN_QUOTED:
        return literal(p, EX_NAME);
    case TOKEN_WORD:
        if (p->tok.reserved)
            return keyword(p);
        e = typed_literal(p);
        if (e)
            return e;
        if (parse_is(p, "SAFE_CAST") && parse_peek_is(p, "("))
            return parse_cast(p, true);
        return literal(p, EX_NAME);
    default:
        break;
    }
    if (parse_is(p, "("))
        return parenthesized(p);
    if (parse_is(p, "["))
        return parse_array(p);
    if (parse_is(p, "?")) {
        e = parse_new(p, EX_PARAM, p->tok.at);
        e->n = p->n_positional++;
        parse_advance(p);
        return e;
    }
    if (parse_is(p, ">") && p->tok.at && p->lx.text.p[p->tok.at - 1] == '-')
        parse_refuse(p, p->tok.at - 1, "A lambda (->)");
    parse_unexpected(p);
}
