/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls with all that may stand in and behind their parentheses,
 * windows, and type names. */
#include "emulator/bigquery/sql/parse.h"

static void upper_into(char *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        out[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
}

/* `NET.HOST`: the path of names in capitals, SAFE. taken off. */
static struct str call_name(struct parser *p, const struct ast_expr *e,
                            bool *safe)
{
    size_t len = 0;
    char *out;

    for (const struct ast_expr *x = e; x; x = x->a) {
        if (x->kind != EX_NAME && x->kind != EX_DOT)
            parse_unexpected(p);
        len += x->text.len + 1;
    }
    out = arena_alloc(p->mem, len + 1);
    len--;
    for (const struct ast_expr *x = e; x; x = x->a) {
        size_t at = len - x->text.len;
        upper_into(out + at, x->text);
        if (at)
            out[at - 1] = '.';
        len = at ? at - 1 : 0;
    }
    *safe = !strncmp(out, "SAFE.", 5);
    return str_from(*safe ? out + 5 : out);
}

static struct ast_expr *argument(struct parser *p)
{
    struct ast_expr *e, *named;

    if (parse_is(p, "*")) {
        e = parse_new(p, EX_STAR, p->tok.at);
        parse_advance(p);
        return e;
    }
    if (parse_at_query(p)) {
        e = parse_new(p, EX_SUBQUERY, p->tok.at);
        e->query = parse_query(p);
        return e;
    }
    if (p->tok.kind == TOKEN_WORD && parse_peek_is(p, "=>")) {
        named = parse_new(p, EX_NAMED, p->tok.at);
        named->text = p->tok.value;
        parse_advance(p);
        parse_advance(p);
        named->a = parse_expr(p);
        return named;
    }
    e = parse_expr(p);
    if (parse_is(p, "-") && parse_peek_is(p, ">"))
        parse_refuse(p, e->at, "A lambda expression");
    if (parse_eat(p, "AS"))
        e->alias = parse_name(p);
    return e;
}

struct ast_order *parse_order_list(struct parser *p)
{
    struct ast_order *first = NULL, **tail = &first;

    do {
        struct ast_order *o = ARENA_NEW(p->mem, struct ast_order);
        o->expr = parse_expr(p);
        if (parse_is(p, "COLLATE"))
            parse_refuse(p, p->tok.at, "COLLATE");
        if (parse_eat(p, "DESC"))
            o->desc = true;
        else
            parse_eat(p, "ASC");
        if (parse_eat(p, "NULLS")) {
            if (parse_eat(p, "FIRST"))
                o->nulls = 1;
            else if (parse_eat(p, "LAST"))
                o->nulls = 2;
            else
                parse_unexpected(p);
        }
        *tail = o;
        tail = &o->next;
    } while (parse_eat(p, ","));
    return first;
}

static void call_modifiers(struct parser *p, struct ast_call *c)
{
    if (parse_is(p, "WHERE"))
        parse_refuse(p, p->tok.at, "WHERE inside of a call");
    if (parse_eat(p, "IGNORE")) {
        parse_expect(p, "NULLS");
        c->nulls = 1;
    } else if (parse_eat(p, "RESPECT")) {
        parse_expect(p, "NULLS");
        c->nulls = 2;
    }
    if (parse_eat(p, "HAVING")) {
        c->having_max = parse_is(p, "MAX");
        if (!c->having_max && !parse_is(p, "MIN"))
            parse_unexpected(p);
        parse_advance(p);
        c->having = parse_expr(p);
    }
    if (parse_eat(p, "ORDER")) {
        parse_expect(p, "BY");
        c->order = parse_order_list(p);
    }
    if (parse_eat(p, "LIMIT"))
        c->limit = parse_expr(p);
}

struct ast_expr *parse_call(struct parser *p, struct ast_expr *name)
{
    struct ast_expr *e = parse_new(p, EX_CALL, name->at), **tail = &e->list;
    struct ast_call *c = ARENA_NEW(p->mem, struct ast_call);

    e->call = c;
    e->text = call_name(p, name, &c->safe);
    parse_advance(p);
    parse_enter(p);
    c->distinct = parse_eat(p, "DISTINCT");
    if (!c->distinct)
        parse_eat(p, "ALL");
    while (!parse_is(p, ")")) {
        *tail = argument(p);
        tail = &(*tail)->next;
        e->n++;
        if (!parse_eat(p, ","))
            break;
    }
    call_modifiers(p, c);
    parse_leave(p);
    parse_expect(p, ")");
    if (parse_eat(p, "OVER"))
        c->over = parse_window_spec(p);
    e->end = p->prev_end;
    return e;
}

static struct ast_bound window_bound(struct parser *p)
{
    struct ast_bound b = {0};

    if (parse_eat(p, "CURRENT")) {
        parse_expect(p, "ROW");
        b.kind = B_CURRENT;
        return b;
    }
    if (!parse_eat(p, "UNBOUNDED"))
        b.expr = parse_expr(p);
    if (parse_eat(p, "PRECEDING"))
        b.kind = b.expr ? B_PRECEDING : B_UNBOUNDED_PRECEDING;
    else if (parse_eat(p, "FOLLOWING"))
        b.kind = b.expr ? B_FOLLOWING : B_UNBOUNDED_FOLLOWING;
    else
        parse_unexpected(p);
    return b;
}

struct ast_window *parse_window_spec(struct parser *p)
{
    struct ast_window *w = ARENA_NEW(p->mem, struct ast_window);

    w->at = w->base_at = p->tok.at;
    if (parse_at_name(p)) {
        w->base = parse_name(p);
        return w;
    }
    parse_expect(p, "(");
    w->base_at = p->tok.at;
    if (parse_at_name(p))
        w->base = parse_name(p);
    if (parse_eat(p, "PARTITION")) {
        parse_expect(p, "BY");
        w->partition = parse_expr_list(p);
    }
    w->order_at = p->tok.at;
    if (parse_eat(p, "ORDER")) {
        parse_expect(p, "BY");
        w->order = parse_order_list(p);
    }
    if (parse_is(p, "ROWS") || parse_is(p, "RANGE")) {
        w->unit = parse_is(p, "ROWS") ? "ROWS" : "RANGE";
        parse_advance(p);
        w->to.kind = B_CURRENT;
        if (parse_eat(p, "BETWEEN")) {
            w->from = window_bound(p);
            parse_expect(p, "AND");
            w->to = window_bound(p);
        } else {
            w->from = window_bound(p);
        }
    }
    parse_expect(p, ")");
    return w;
}

static int64_t type_parameter(struct parser *p)
{
    int64_t v = -1;

    if (parse_is(p, "MAX")) {
        parse_advance(p);
        return -1;
    }
    if (p->tok.kind != TOKEN_INT || !str_to_i64(p->tok.value, &v))
        parse_unexpected(p);
    parse_advance(p);
    return v;
}

static void struct_fields(struct parser *p, struct ast_type *t)
{
    struct ast_type **tail = &t->fields;

    if (parse_is(p, ">"))
        return;
    do {
        struct str name = STR_NULL;
        if (parse_at_name(p) && !parse_peek_is(p, ",") &&
            !parse_peek_is(p, ">") && !parse_peek_is(p, "<") &&
            !parse_peek_is(p, "("))
            name = parse_name(p);
        *tail = parse_type(p);
        (*tail)->field_name = name;
        if (parse_eat(p, "NOT")) {
            parse_expect(p, "NULL");
            (*tail)->not_null = true;
        }
        if (parse_eat(p, "OPTIONS"))
            (*tail)->options = parse_options(p);
        tail = &(*tail)->next;
    } while (parse_eat(p, ","));
}

struct ast_type *parse_type(struct parser *p)
{
    struct ast_type *t = ARENA_NEW(p->mem, struct ast_type);
    char *name;

    parse_enter(p);
    t->at = p->tok.at;
    t->p1 = t->p2 = -1;
    if (p->tok.kind != TOKEN_WORD && p->tok.kind != TOKEN_QUOTED)
        parse_unexpected(p);
    name = arena_strndup(p->mem, p->tok.value.p, p->tok.value.len);
    upper_into(name, p->tok.value);
    t->name = name;
    if (p->tok.reserved && strcmp(name, "ARRAY") && strcmp(name, "STRUCT") &&
        strcmp(name, "INTERVAL") && strcmp(name, "RANGE"))
        parse_unexpected(p);
    parse_advance(p);
    if (!strcmp(name, "RANGE") && parse_is(p, "<"))
        parse_refuse(p, t->at, "Type RANGE");
    if (!strcmp(name, "ARRAY")) {
        parse_expect(p, "<");
        t->elem = parse_type(p);
        parse_expect(p, ">");
    } else if (!strcmp(name, "STRUCT")) {
        parse_expect(p, "<");
        struct_fields(p, t);
        parse_expect(p, ">");
    } else if (parse_eat(p, "(")) {
        t->p1 = type_parameter(p);
        if (parse_eat(p, ","))
            t->p2 = type_parameter(p);
        parse_expect(p, ")");
    }
    parse_leave(p);
    return t;
}
