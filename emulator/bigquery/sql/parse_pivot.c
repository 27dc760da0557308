/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT(...) and UNPIVOT(...) of the FROM clause (page "Query syntax"). */
#include "emulator/bigquery/sql/ast_pivot.h"
#include "emulator/bigquery/sql/parse.h"

bool parse_at_pivot(const struct parser *p)
{
    if (parse_is(p, "UNPIVOT") &&
        (parse_peek_is(p, "INCLUDE") || parse_peek_is(p, "EXCLUDE")))
        return true;
    return (parse_is(p, "PIVOT") || parse_is(p, "UNPIVOT")) &&
           parse_peek_is(p, "(");
}

static struct ast_pivot_value *values(struct parser *p)
{
    struct ast_pivot_value *first = NULL, **tail = &first;

    do {
        struct ast_pivot_value *v = ARENA_NEW(p->mem, struct ast_pivot_value);
        v->expr = parse_expr(p);
        v->alias = parse_alias(p);
        *tail = v;
        tail = &v->next;
    } while (parse_eat(p, ","));
    return first;
}

static void pivot(struct parser *p, struct ast_pivot *v)
{
    v->calls = values(p);
    parse_expect(p, "FOR");
    v->input = parse_operand(p);
    parse_expect(p, "IN");
    parse_expect(p, "(");
    if (parse_at_query(p))
        parse_fail(p, p->tok.at,
                   "Syntax error: the IN list of PIVOT takes constants, not a "
                   "query");
    v->values = values(p);
    parse_expect(p, ")");
}

static struct ast_name *one_name(struct parser *p)
{
    struct ast_name *n = ARENA_NEW(p->mem, struct ast_name);

    n->at = p->tok.at;
    n->text = parse_name(p);
    return n;
}

static struct ast_name *names(struct parser *p)
{
    return parse_is(p, "(") ? parse_name_list(p) : one_name(p);
}

static struct ast_expr *label(struct parser *p)
{
    struct ast_expr *e;

    if (!parse_eat(p, "AS") && p->tok.kind != TOKEN_STRING &&
        p->tok.kind != TOKEN_INT)
        return NULL;
    if (p->tok.kind != TOKEN_STRING && p->tok.kind != TOKEN_INT)
        parse_expected(p, "a string or integer literal");
    e = parse_primary(p);
    e->end = p->prev_end;
    return e;
}

static void unpivot(struct parser *p, struct ast_pivot *v)
{
    struct ast_unpivot_set **tail = &v->sets;

    v->columns = names(p);
    parse_expect(p, "FOR");
    v->name = one_name(p);
    parse_expect(p, "IN");
    parse_expect(p, "(");
    do {
        struct ast_unpivot_set *s = ARENA_NEW(p->mem, struct ast_unpivot_set);
        s->at = p->tok.at;
        s->columns = names(p);
        s->label = label(p);
        *tail = s;
        tail = &s->next;
    } while (parse_eat(p, ","));
    parse_expect(p, ")");
}

struct ast_from *parse_pivot(struct parser *p, struct ast_from *input)
{
    struct ast_from *f = ARENA_NEW(p->mem, struct ast_from);
    struct ast_pivot *v = ARENA_NEW(p->mem, struct ast_pivot);

    v->at = f->at = p->tok.at;
    f->kind = FROM_PIVOT;
    f->left = input;
    f->pivot = v;
    v->unpivot = parse_is(p, "UNPIVOT");
    if (input->kind == FROM_UNNEST || input->with_offset)
        parse_fail(p, p->tok.at, "%s is not allowed with array scans",
                   v->unpivot ? "UNPIVOT" : "PIVOT");
    parse_advance(p);
    if (v->unpivot && !parse_is(p, "(")) {
        v->include_nulls = parse_is(p, "INCLUDE");
        parse_advance(p);
        parse_expect(p, "NULLS");
    }
    parse_expect(p, "(");
    parse_enter(p);
    if (v->unpivot)
        unpivot(p, v);
    else
        pivot(p, v);
    parse_leave(p);
    parse_expect(p, ")");
    if (!parse_at_pivot(p))
        f->alias = parse_alias(p);
    if (parse_at_pivot(p))
        parse_refuse(p, p->tok.at, "PIVOT or UNPIVOT of another one");
    return f;
}
