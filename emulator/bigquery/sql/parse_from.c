/* SPDX-License-Identifier: Apache-2.0 */
/* FROM: tables, subqueries, UNNEST, joins. */
#include "emulator/bigquery/sql/parse.h"

static struct ast_from *from_new(struct parser *p, enum from_kind kind)
{
    struct ast_from *f = ARENA_NEW(p->mem, struct ast_from);

    f->kind = kind;
    f->at = p->tok.at;
    return f;
}

static struct ast_from *joins(struct parser *p);

static void offset_clause(struct parser *p, struct ast_from *f)
{
    if (!parse_is(p, "WITH") || !parse_peek_is(p, "OFFSET"))
        return;
    parse_advance(p);
    parse_advance(p);
    f->with_offset = true;
    f->offset_alias = parse_alias(p);
    if (!f->offset_alias.len)
        f->offset_alias = STR("offset");
}

static struct ast_from *in_parens(struct parser *p)
{
    struct ast_from *f = from_new(p, FROM_QUERY);

    parse_advance(p);
    parse_enter(p);
    if (parse_at_query(p)) {
        f->query = parse_query(p);
    } else {
        struct ast_from *inner = joins(p);
        if (inner->kind == FROM_QUERY && !inner->alias.len &&
            parse_at_query_rest(p))
            f->query = parse_query_rest(p, inner->query);
        else
            f = inner;
    }
    parse_leave(p);
    parse_expect(p, ")");
    return f;
}

static void refuse_operators(struct parser *p)
{
    if (parse_is(p, "MATCH_RECOGNIZE") && parse_peek_is(p, "("))
        parse_refuse(p, p->tok.at, "MATCH_RECOGNIZE");
    if (parse_is(p, "FOR"))
        parse_refuse(p, p->tok.at, "FOR SYSTEM_TIME AS OF");
}

/* TABLESAMPLE SYSTEM (n PERCENT), of tables alone. */
static void sample_clause(struct parser *p, struct ast_from *f)
{
    size_t at = p->tok.at;

    if (!parse_eat(p, "TABLESAMPLE"))
        return;
    if (f->kind != FROM_TABLE)
        parse_fail(p, at, "TABLESAMPLE is only allowed on tables, not on %s",
                   f->kind == FROM_UNNEST ? "arrays" : "subqueries");
    parse_expect(p, "SYSTEM");
    parse_expect(p, "(");
    f->sample = parse_operand(p);
    if (parse_is(p, "ROWS"))
        parse_fail(p, p->tok.at,
                   "TABLESAMPLE SYSTEM takes a percentage: n PERCENT");
    parse_expect(p, "PERCENT");
    parse_expect(p, ")");
}

static struct ast_from *primary(struct parser *p)
{
    struct ast_from *f;

    if (parse_is(p, "(")) {
        f = in_parens(p);
        if (f->kind == FROM_JOIN && parse_at_pivot(p))
            parse_fail(p, p->tok.at,
                       "%.*s is not allowed on a parenthesized join",
                       STR_ARG(p->tok.text));
        if (f->kind == FROM_JOIN)
            return f;
    } else if (parse_is(p, "UNNEST")) {
        f = from_new(p, FROM_UNNEST);
        parse_advance(p);
        parse_expect(p, "(");
        f->expr = parse_expr(p);
        if (parse_is(p, ","))
            parse_refuse(p, p->tok.at, "UNNEST of several arrays");
        parse_expect(p, ")");
    } else {
        f = from_new(p, FROM_TABLE);
        f->path = parse_table_path(p);
        if (parse_is(p, "("))
            parse_refuse(p, f->at, "A table function");
    }
    refuse_operators(p);
    if (!f->alias.len && !parse_at_pivot(p))
        f->alias = parse_alias(p);
    offset_clause(p, f);
    sample_clause(p, f);
    refuse_operators(p);
    return parse_at_pivot(p) ? parse_pivot(p, f) : f;
}

static void mark_before_outer(struct ast_from *f)
{
    for (; f->kind == FROM_JOIN && !f->is_before_outer; f = f->left) {
        f->is_before_outer = true;
        mark_before_outer(f->right);
    }
}

static bool join_kind(struct parser *p, enum join_kind *kind)
{
    *kind = JOIN_INNER;
    if (parse_is(p, "NATURAL"))
        parse_refuse(p, p->tok.at, "NATURAL JOIN");
    if (parse_eat(p, ",")) {
        *kind = JOIN_COMMA;
        return true;
    }
    if (parse_eat(p, "CROSS"))
        *kind = JOIN_CROSS;
    else if (parse_eat(p, "LEFT"))
        *kind = JOIN_LEFT;
    else if (parse_eat(p, "RIGHT"))
        *kind = JOIN_RIGHT;
    else if (parse_eat(p, "FULL"))
        *kind = JOIN_FULL;
    else if (!parse_eat(p, "INNER") && !parse_is(p, "JOIN"))
        return false;
    if (*kind >= JOIN_LEFT && *kind <= JOIN_FULL)
        parse_eat(p, "OUTER");
    parse_expect(p, "JOIN");
    return true;
}

static struct ast_from *joins(struct parser *p)
{
    struct ast_from *left = primary(p);
    enum join_kind kind;
    bool has_comma = false;
    int n = 0;

    for (;;) {
        size_t at = p->tok.at;
        struct ast_from *j;
        if (!join_kind(p, &kind))
            return left;
        if (++n > 60)
            parse_fail(p, at, "Query is too complex: more than 60 joins");
        has_comma |= kind == JOIN_COMMA;
        if (kind == JOIN_RIGHT || kind == JOIN_FULL) {
            if (has_comma)
                parse_fail(p, at,
                           "Syntax error: %s JOIN must be parenthesized when "
                           "following a comma join.  Also, if the preceding "
                           "comma join is a correlated CROSS JOIN that unnests "
                           "an array, then CROSS JOIN syntax must be used in "
                           "place of the comma join",
                           kind == JOIN_RIGHT ? "RIGHT" : "FULL");
            mark_before_outer(left);
        }
        j = from_new(p, FROM_JOIN);
        j->at = at;
        j->join = kind;
        j->left = left;
        j->right = primary(p);
        if (kind != JOIN_COMMA && kind != JOIN_CROSS) {
            if (parse_eat(p, "ON"))
                j->on = parse_expr(p);
            else if (parse_eat(p, "USING"))
                j->using = parse_name_list(p);
        }
        left = j;
    }
}

struct ast_from *parse_from(struct parser *p)
{
    return joins(p);
}
