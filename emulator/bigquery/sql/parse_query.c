/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: WITH, SELECT and its clauses, set operations, FROM. */
#include "emulator/bigquery/sql/parse.h"

bool parse_at_query(const struct parser *p)
{
    return parse_is(p, "SELECT") || parse_is(p, "WITH") || parse_is(p, "FROM");
}

bool parse_at_query_rest(const struct parser *p)
{
    return parse_is(p, "UNION") || parse_is(p, "INTERSECT") ||
           parse_is(p, "EXCEPT") || parse_is(p, "ORDER") ||
           parse_is(p, "LIMIT");
}

static struct ast_item *replace_list(struct parser *p)
{
    struct ast_item *first = NULL, **tail = &first;

    parse_expect(p, "(");
    do {
        struct ast_item *i = ARENA_NEW(p->mem, struct ast_item);
        i->at = p->tok.at;
        i->expr = parse_expr(p);
        parse_eat(p, "AS");
        i->alias = parse_name(p);
        *tail = i;
        tail = &i->next;
    } while (parse_eat(p, ","));
    parse_expect(p, ")");
    return first;
}

static struct ast_item *select_item(struct parser *p)
{
    struct ast_item *i = ARENA_NEW(p->mem, struct ast_item);

    i->at = p->tok.at;
    if (!parse_is(p, "*")) {
        i->expr = parse_expr(p);
        if (!parse_is(p, ".")) {
            i->alias = parse_alias(p);
            return i;
        }
        parse_advance(p);
    }
    i->is_star = true;
    parse_expect(p, "*");
    if (parse_is(p, "EXCEPT") && parse_peek_is(p, "(")) {
        parse_advance(p);
        i->except = parse_name_list(p);
    }
    if (parse_eat(p, "REPLACE"))
        i->replace = replace_list(p);
    return i;
}

static void select_list(struct parser *p, struct ast_select *s)
{
    struct ast_item **tail = &s->items;

    do {
        if (parse_is(p, "FROM") && s->items)
            return; /* a trailing comma is allowed */
        if (!s->items && parse_is(p, "FROM"))
            parse_fail(p, p->tok.at,
                       "Syntax error: SELECT list must not be empty");
        *tail = select_item(p);
        tail = &(*tail)->next;
    } while (parse_eat(p, ",") && p->tok.kind != TOKEN_END &&
             !parse_is(p, ")"));
}

static void window_clause(struct parser *p, struct ast_select *s)
{
    struct ast_window **tail = &s->windows;

    do {
        struct str name = parse_name(p);
        parse_expect(p, "AS");
        *tail = parse_window_spec(p);
        (*tail)->name = name;
        tail = &(*tail)->next;
    } while (parse_eat(p, ","));
}

static struct ast_select *parse_select(struct parser *p)
{
    struct ast_select *s = ARENA_NEW(p->mem, struct ast_select);

    s->at = p->tok.at;
    if (parse_is(p, "FROM"))
        parse_refuse(p, s->at, "Pipe query syntax");
    parse_expect(p, "SELECT");
    if (parse_is(p, "WITH"))
        parse_refuse(p, p->tok.at, "SELECT WITH");
    s->distinct = parse_eat(p, "DISTINCT");
    if (!s->distinct)
        parse_eat(p, "ALL");
    if (parse_is(p, "AS")) {
        parse_advance(p);
        s->as_struct = parse_eat(p, "STRUCT");
        s->as_value = !s->as_struct && parse_eat(p, "VALUE");
        if (!s->as_struct && !s->as_value)
            parse_unexpected(p);
    }
    select_list(p, s);
    if (parse_eat(p, "FROM"))
        s->from = parse_from(p);
    if (parse_eat(p, "WHERE"))
        s->where = parse_expr(p);
    if (parse_eat(p, "GROUP"))
        parse_group(p, s);
    if (parse_eat(p, "HAVING"))
        s->having = parse_expr(p);
    if (parse_eat(p, "QUALIFY"))
        s->qualify = parse_expr(p);
    if (parse_eat(p, "WINDOW"))
        window_clause(p, s);
    if (parse_is(p, "|>"))
        parse_refuse(p, p->tok.at, "Pipe query syntax");
    return s;
}

static struct ast_body *new_body(struct parser *p, int kind, size_t at)
{
    struct ast_body *b = ARENA_NEW(p->mem, struct ast_body);

    b->kind = kind;
    b->at = at;
    return b;
}

static struct ast_body *body_primary(struct parser *p)
{
    struct ast_body *b;
    size_t at = p->tok.at;

    if (parse_eat(p, "(")) {
        parse_enter(p);
        b = new_body(p, BODY_QUERY, at);
        b->query = parse_query(p);
        parse_leave(p);
        parse_expect(p, ")");
        return b;
    }
    b = new_body(p, BODY_SELECT, at);
    b->select = parse_select(p);
    return b;
}

static const char *set_operator(struct parser *p, bool *all)
{
    const char *op = parse_is(p, "UNION")       ? "UNION"
                     : parse_is(p, "INTERSECT") ? "INTERSECT"
                                                : "EXCEPT";
    parse_advance(p);
    *all = parse_is(p, "ALL");
    if (!*all && !parse_is(p, "DISTINCT"))
        parse_expected(p, "keyword ALL or keyword DISTINCT");
    if (*all && op[0] != 'U')
        parse_fail(p, p->tok.at, "Syntax error: %s ALL is not supported", op);
    parse_advance(p);
    if (parse_is(p, "BY") || parse_is(p, "CORRESPONDING"))
        parse_refuse(p, p->tok.at, "Set operation BY NAME");
    return op;
}

static struct ast_body *body_rest(struct parser *p, struct ast_body *left)
{
    int n = 0;

    while (parse_is(p, "UNION") || parse_is(p, "INTERSECT") ||
           parse_is(p, "EXCEPT")) {
        size_t at = p->tok.at;
        struct ast_body *b = new_body(p, BODY_SET, at);
        b->op = set_operator(p, &b->all);
        if (left->kind == BODY_SET &&
            (left->op != b->op || left->all != b->all))
            parse_fail(p, at,
                       "Syntax error: Different set operations cannot "
                       "be used in the same query without using "
                       "parentheses for grouping");
        if (++n > 400)
            parse_fail(p, at,
                       "Query is too complex: more than 400 set "
                       "operations in a row");
        b->left = left;
        b->right = body_primary(p);
        left = b;
    }
    return left;
}

static void query_tail(struct parser *p, struct ast_query *q)
{
    if (parse_eat(p, "ORDER")) {
        parse_expect(p, "BY");
        q->order = parse_order_list(p);
    }
    if (parse_eat(p, "LIMIT")) {
        q->limit = parse_expr(p);
        if (parse_eat(p, "OFFSET"))
            q->offset = parse_expr(p);
    }
    if (parse_is(p, "|>"))
        parse_refuse(p, p->tok.at, "Pipe query syntax");
}

static void with_clause(struct parser *p, struct ast_query *q)
{
    struct ast_cte **tail = &q->with;

    q->recursive = parse_eat(p, "RECURSIVE");
    do {
        struct ast_cte *c = ARENA_NEW(p->mem, struct ast_cte);
        c->at = p->tok.at;
        c->name = parse_name(p);
        parse_expect(p, "AS");
        parse_expect(p, "(");
        c->query = parse_query(p);
        parse_expect(p, ")");
        *tail = c;
        tail = &c->next;
    } while (parse_eat(p, ","));
}

struct ast_query *parse_query(struct parser *p)
{
    struct ast_query *q = ARENA_NEW(p->mem, struct ast_query);

    parse_enter(p);
    q->at = p->tok.at;
    if (parse_eat(p, "WITH"))
        with_clause(p, q);
    q->body = body_rest(p, body_primary(p));
    query_tail(p, q);
    q->end = p->prev_end;
    parse_leave(p);
    return q;
}

struct ast_query *parse_query_rest(struct parser *p, struct ast_query *first)
{
    struct ast_query *q = ARENA_NEW(p->mem, struct ast_query);
    struct ast_body *b = new_body(p, BODY_QUERY, first->at);

    q->at = first->at;
    b->query = first;
    q->body = body_rest(p, b);
    query_tail(p, q);
    q->end = p->prev_end;
    return q;
}
