/* SPDX-License-Identifier: Apache-2.0 */
/* GROUP BY: plain lists, ALL, ROLLUP, CUBE and GROUPING SETS. The last three
 * become a list of expressions and, for each grouping set, which of them. */
#include "emulator/bigquery/sql/parse.h"

enum {
    GROUP_MAX = 64, /* bits of a mask */
    CUBE_MAX = 8    /* 256 grouping sets */
};

struct grouping {
    struct parser *p;
    struct ast_select *s;
    struct ast_expr **tail;
    struct ast_group_set **sets_tail;
    unsigned n;
};

static uint64_t add_key(struct grouping *g, struct ast_expr *e)
{
    if (g->n == GROUP_MAX)
        parse_fail(g->p, e->at,
                   "Query is too complex: more than %d grouping expressions",
                   GROUP_MAX);
    *g->tail = e;
    g->tail = &e->next;
    e->next = NULL;
    return (uint64_t)1 << g->n++;
}

/* `a`, `(a, b)` or `()`. */
static uint64_t element(struct grouping *g)
{
    struct ast_expr *e, *next;
    uint64_t mask = 0;

    if (parse_is(g->p, "(") && parse_peek_is(g->p, ")")) {
        parse_advance(g->p);
        parse_advance(g->p);
        return 0;
    }
    e = parse_expr(g->p);
    if (e->kind != EX_TUPLE)
        return add_key(g, e);
    for (e = e->list; e; e = next) {
        next = e->next;
        mask |= add_key(g, e);
    }
    return mask;
}

static void add_set(struct grouping *g, uint64_t mask)
{
    struct ast_group_set *set = ARENA_NEW(g->p->mem, struct ast_group_set);

    set->mask = mask;
    *g->sets_tail = set;
    g->sets_tail = &set->next;
}

static size_t elements(struct grouping *g, uint64_t *masks)
{
    size_t n = 0;

    parse_expect(g->p, "(");
    do {
        if (n == GROUP_MAX)
            parse_unexpected(g->p);
        masks[n++] = element(g);
    } while (parse_eat(g->p, ","));
    parse_expect(g->p, ")");
    return n;
}

static void rollup(struct grouping *g)
{
    uint64_t masks[GROUP_MAX];
    size_t n = elements(g, masks);

    for (size_t keep = n + 1; keep-- > 0;) {
        uint64_t mask = 0;
        for (size_t i = 0; i < keep; i++)
            mask |= masks[i];
        add_set(g, mask);
    }
}

static void cube(struct grouping *g)
{
    uint64_t masks[GROUP_MAX];
    size_t at = g->p->tok.at, n = elements(g, masks);

    if (n > CUBE_MAX)
        parse_fail(g->p, at, "CUBE can not have more than %d elements",
                   CUBE_MAX);
    for (unsigned subset = 1u << n; subset-- > 0;) {
        uint64_t mask = 0;
        for (size_t i = 0; i < n; i++)
            mask |= subset & 1u << (n - 1 - i) ? masks[i] : 0;
        add_set(g, mask);
    }
}

static void grouping_sets(struct grouping *g)
{
    parse_expect(g->p, "SETS");
    parse_expect(g->p, "(");
    do {
        if (parse_is(g->p, "ROLLUP") || parse_is(g->p, "CUBE")) {
            bool is_cube = parse_is(g->p, "CUBE");
            parse_advance(g->p);
            if (is_cube)
                cube(g);
            else
                rollup(g);
        } else {
            add_set(g, element(g));
        }
    } while (parse_eat(g->p, ","));
    parse_expect(g->p, ")");
}

void parse_group(struct parser *p, struct ast_select *s)
{
    struct grouping g = {
        .p = p, .s = s, .tail = &s->group, .sets_tail = &s->sets};

    parse_expect(p, "BY");
    s->has_group = true;
    if (parse_eat(p, "ALL"))
        s->group_all = true;
    else if (parse_is(p, "GROUPING") && parse_peek_is(p, "SETS"))
        parse_advance(p), grouping_sets(&g);
    else if (parse_eat(p, "ROLLUP"))
        rollup(&g);
    else if (parse_eat(p, "CUBE"))
        cube(&g);
    else if (parse_is(p, "(") && parse_peek_is(p, ")"))
        parse_advance(p), parse_advance(p);
    else
        s->group = parse_expr_list(p);
}
