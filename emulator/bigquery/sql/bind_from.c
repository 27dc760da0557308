/* SPDX-License-Identifier: Apache-2.0 */
/* FROM: what it makes visible, and its SQLite text. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_pivot.h"
#include "emulator/bigquery/sql/bind_query.h"

static const char *new_alias(struct binder *b)
{
    return arena_printf(b->mem, "t%d", ++b->next_id);
}

static void check_alias(struct binder *b, struct scope *s, struct str alias,
                        size_t at)
{
    for (struct rel *r = s->rels; r && alias.len; r = r->next) {
        if (str_ieq(r->alias, alias))
            bind_fail(b, at,
                      "Duplicate table alias %.*s in the same FROM "
                      "clause",
                      STR_ARG(alias));
    }
}

/* Columns c1..cn of a subquery under an SQLite alias. */
static void query_rel(struct binder *b, struct scope *s, struct rel *r,
                      const struct out_col *cols, size_t n, bool value_table,
                      const char *alias)
{
    const struct sql_type *t = cols[0].type;

    if (value_table) {
        r->value_type = t;
        r->value_sql = arena_cat(b->mem, alias, ".c1", NULL);
    }
    if (value_table && t->kind == T_STRUCT)
        n = t->n_fields;
    r->cols = ARENA_ARRAY(b->mem, struct col, n);
    r->n_cols = n;
    for (size_t i = 0; i < n; i++) {
        struct col *c = &r->cols[i];
        if (value_table && t->kind == T_STRUCT) {
            *c = (struct col){
                t->fields[i].name,
                t->fields[i].type,
                arena_printf(b->mem, "bq_field(%s.c1,%zu)", alias, i),
                false,
                -1,
                false};
        } else {
            *c = (struct col){cols[i].name,
                              cols[i].type,
                              arena_printf(b->mem, "%s.c%zu", alias, i + 1),
                              false,
                              cols[i].ref,
                              false};
            if (value_table)
                c->name = r->alias;
        }
        c->type = type_settled(b->mem, c->type);
        scope_add_star(b, s, c);
    }
}

static const char *from_subquery(struct binder *b, const struct ast_from *f,
                                 struct scope *s)
{
    const char *alias = new_alias(b);
    struct scope *saved = b->scope;
    struct bquery *q;
    struct rel *r;

    /* A derived table sees what is outside of this FROM, not its siblings. */
    b->scope = s->outer;
    q = f->kind == FROM_PIVOT ? bind_pivot(b, f, s)
                              : bind_query(b, f->query, s->outer, NULL);
    b->scope = saved;
    if (q->correlated && s->outer)
        s->saw_outer = true;
    check_alias(b, s, f->alias, f->at);
    r = scope_add_rel(b, s, f->alias);
    query_rel(b, s, r, q->cols, q->n_cols, q->value_table, alias);
    return arena_cat(b->mem, lift(b, q), " AS ", alias, NULL);
}

static const char *from_cte(struct binder *b, const struct ast_from *f,
                            struct scope *s, struct cte *c)
{
    const char *alias = new_alias(b);
    struct rel *r;

    if (c->recursive_open)
        b->recursion_seen = true;
    check_alias(b, s, f->alias.len ? f->alias : c->name, f->at);
    r = scope_add_rel(b, s, f->alias.len ? f->alias : c->name);
    query_rel(b, s, r, c->cols, c->n_cols, c->value_table, alias);
    return arena_cat(b->mem, c->sql_name, " AS ", alias, NULL);
}

static void add_offset(struct binder *b, const struct ast_from *f,
                       struct scope *s, const char *alias)
{
    struct rel *r;
    struct col *c;

    if (!f->with_offset)
        return;
    r = scope_add_rel(b, s, STR_NULL);
    c = r->cols = ARENA_NEW(b->mem, struct col);
    r->n_cols = 1;
    *c = (struct col){f->offset_alias,
                      type_scalar(T_INT64),
                      arena_cat(b->mem, alias, ".i", NULL),
                      false,
                      -1,
                      false};
    scope_add_star(b, s, c);
}

/* The element with the affinity of a column of its type: without one SQLite
 * makes no automatic index that a column could be looked up in. What is stored
 * is of that class already, so that the cast changes nothing. */
static const char *element_sql(const struct sql_type *t)
{
    switch (t->kind) {
    case T_INT64:
    case T_BOOL:
    case T_DATE:
    case T_TIME:
    case T_DATETIME:
    case T_TIMESTAMP:
        return "CAST(v AS INTEGER) AS v";
    case T_STRING:
    case T_NUMERIC:
    case T_BIGNUMERIC:
        return "CAST(v AS TEXT) AS v";
    default:
        return "v";
    }
}

/* An array that refers to nothing is read once, under LIMIT: joined as it is,
 * bq_unnest would be run, without an index, for each row of the other side. */
static const char *from_array(struct binder *b, const struct ast_from *f,
                              struct scope *s, const struct ast_expr *array)
{
    const char *alias = new_alias(b);
    unsigned own = s->own_refs, out = s->outer_refs;
    struct bexpr *e = bind_expr(b, array);
    bool correlated = s->own_refs != own;
    const struct sql_type *t;
    struct rel *r;
    size_t n = 1;

    if (e->type->kind == T_NULLTYPE)
        e = coerce(b, e, type_array(b->mem, type_scalar(T_INT64)));
    if (e->type->kind != T_ARRAY)
        bind_fail(b, array->at,
                  "Values referenced in UNNEST must be arrays. "
                  "UNNEST contains expression of type %s",
                  bind_type_name(b, e->type));
    t = type_settled(b->mem, e->type->elem);
    check_alias(b, s, f->alias, f->at);
    r = scope_add_rel(b, s, f->alias);
    r->value_type = t;
    r->value_sql = arena_cat(b->mem, alias, ".v", NULL);
    if (t->kind == T_STRUCT)
        n = t->n_fields;
    r->cols = ARENA_ARRAY(b->mem, struct col, n);
    r->n_cols = n;
    for (size_t i = 0; i < n; i++) {
        struct col *c = &r->cols[i];
        *c = (struct col){f->alias, t, r->value_sql, false, -1, false};
        if (t->kind == T_STRUCT) {
            c->name = t->fields[i].name;
            c->type = t->fields[i].type;
            c->sql = arena_printf(b->mem, "bq_field(%s,%zu)", r->value_sql, i);
        }
        scope_add_star(b, s, c);
    }
    add_offset(b, f, s, alias);
    if (!correlated && s->outer_refs == out)
        return arena_cat(b->mem, "(SELECT ", element_sql(t),
                         ",i FROM bq_unnest(", e->sql, ",1) LIMIT -1) AS ",
                         alias, NULL);
    if (s->plain_arrays && !correlated)
        return arena_cat(b->mem, "(SELECT v,i FROM bq_unnest(", e->sql,
                         ")) AS ", alias, NULL);
    return arena_cat(b->mem, "bq_unnest(", e->sql, ") AS ", alias, NULL);
}

static struct cte *find_cte(struct binder *b, struct str name)
{
    for (struct cte *c = b->ctes; c; c = c->next) {
        if (str_ieq(c->name, name))
            return c;
    }
    return NULL;
}

static bool is_range_variable(struct binder *b, struct str name)
{
    for (struct scope *s = b->scope; s; s = s->outer) {
        for (struct rel *r = s->rels; r; r = r->next) {
            if (r->alias.len && str_ieq(r->alias, name))
                return true;
        }
    }
    return false;
}

/* FROM t, t.items: a path whose head is a range variable is an array. */
static const char *from_path(struct binder *b, const struct ast_from *f,
                             struct scope *s)
{
    struct ast_expr *x = ARENA_NEW(b->mem, struct ast_expr);
    struct ast_from named = *f;

    x->kind = EX_NAME;
    x->at = f->at;
    x->text = f->path.part[0];
    for (size_t i = 1; i < f->path.n; i++) {
        struct ast_expr *dot = ARENA_NEW(b->mem, struct ast_expr);
        dot->kind = EX_DOT;
        dot->at = f->at;
        dot->n = (int)f->at;
        dot->a = x;
        dot->text = f->path.part[i];
        x = dot;
    }
    if (!named.alias.len)
        named.alias = f->path.part[f->path.n - 1];
    return from_array(b, &named, s, x);
}

static const char *from_one(struct binder *b, const struct ast_from *f,
                            struct scope *s)
{
    struct cte *c;

    if (f->sample && ((f->path.n == 1 && find_cte(b, f->path.part[0])) ||
                      (f->path.n > 1 && is_range_variable(b, f->path.part[0]))))
        bind_fail(b, f->at, "TABLESAMPLE is only allowed on tables");
    if (f->kind == FROM_QUERY || f->kind == FROM_PIVOT)
        return from_subquery(b, f, s);
    if (f->kind == FROM_UNNEST)
        return from_array(b, f, s, f->expr);
    if (f->path.n == 1 && (c = find_cte(b, f->path.part[0])))
        return from_cte(b, f, s, c);
    if (f->path.n > 1 && is_range_variable(b, f->path.part[0]))
        return from_path(b, f, s);
    if (f->with_offset)
        bind_fail(b, f->at, "WITH OFFSET can only be used with array scans");
    check_alias(b, s, f->alias.len ? f->alias : f->path.part[f->path.n - 1],
                f->at);
    return bind_table(b, f, s);
}

static struct col *star_find(struct binder *b, struct scope *s, size_t from,
                             size_t to, const struct ast_name *n,
                             const char *side)
{
    struct col *hit = NULL;

    for (size_t i = from; i < to; i++) {
        if (!str_ieq(s->star[i]->name, n->text))
            continue;
        if (hit)
            bind_fail(b, n->at,
                      "Column %.*s in USING clause is ambiguous on "
                      "%s side of join",
                      STR_ARG(n->text), side);
        hit = s->star[i];
    }
    if (!hit)
        bind_fail(b, n->at,
                  "Column %.*s in USING clause not found on %s side "
                  "of join",
                  STR_ARG(n->text), side);
    return hit;
}

static bool in_using(const struct ast_name *n, struct str name)
{
    for (; n; n = n->next) {
        if (str_ieq(n->text, name))
            return true;
    }
    return false;
}

/* USING merges its columns: they come first in *, then the rest of both. */
static const char *using_sql(struct binder *b, const struct ast_from *f,
                             struct scope *s, size_t start, size_t middle)
{
    size_t end = s->n_star, n = 0;
    struct col **star = ARENA_ARRAY(b->mem, struct col *, end - start);
    const char *sql = "";

    for (const struct ast_name *u = f->using; u; u = u->next) {
        struct col *l = star_find(b, s, start, middle, u, "left");
        struct col *r = star_find(b, s, middle, end, u, "right");
        struct bexpr *pair[2] = {bind_col(b, l, u->at), bind_col(b, r, u->at)};
        struct bexpr *eq = bind_compare(b, "=", pair[0], pair[1], u->at);
        struct col *m = ARENA_NEW(b->mem, struct col);
        const struct sql_type *t = super_of(b, pair, 2);
        const char *left = coerce(b, pair[0], t)->sql;
        const char *right = coerce(b, pair[1], t)->sql;

        *m = f->join == JOIN_RIGHT ? *r : *l;
        m->type = t;
        if (f->join == JOIN_FULL)
            left = arena_cat(b->mem, "coalesce(", left, ",", right, ")", NULL);
        else if (f->join == JOIN_RIGHT)
            left = right;
        /* what is not the column itself says nothing about its partitions */
        if (strcmp(left, m->sql) != 0)
            m->ref = -1;
        m->sql = left;
        m->name = l->name;
        star[n++] = m;
        sql = arena_cat(b->mem, sql, *sql ? " AND " : "", eq->sql, NULL);
    }
    for (size_t i = start; i < end; i++) {
        if (!in_using(f->using, s->star[i]->name))
            star[n++] = s->star[i];
    }
    memcpy(s->star + start, star, n * sizeof(*star));
    s->n_star = start + n;
    return sql;
}

static bool is_column(const struct ast_expr *x)
{
    return x->kind == EX_NAME || x->kind == EX_DOT;
}

/* SQLite (3.40) moves a term of an inner join's ON that is constant, or folds
 * into a constant, into WHERE, where it drops rows that a RIGHT or FULL JOIN
 * further on keeps. A volatile function makes a term no constant; equalities of
 * columns are none and stay as they are, for indexes. */
static const char *term_sql(struct binder *b, const struct ast_expr *x)
{
    const char *sql = NULL;

    if (x->kind == EX_BINARY && x->list && x->op[0] == 'A') {
        for (const struct ast_expr *i = x->list; i; i = i->next)
            sql = arena_cat(b->mem, sql ? sql : "", sql ? " AND " : "(",
                            term_sql(b, i), NULL);
        return arena_cat(b->mem, sql, ")", NULL);
    }
    sql = bind_as(b, x, type_scalar(T_BOOL), "JOIN ON clause")->sql;
    if (x->kind == EX_BINARY && x->op[0] == '=' && is_column(x->a) &&
        is_column(x->b))
        return sql;
    return arena_cat(b->mem, "CASE WHEN bq_rand()>=0 THEN ", sql, " END", NULL);
}

static const char *on_sql(struct binder *b, const struct ast_from *f,
                          struct scope *s)
{
    const char *sql;

    s->clause = "JOIN ON clause";
    sql = f->join == JOIN_INNER && f->is_before_outer
              ? term_sql(b, f->on)
              : bind_as(b, f->on, type_scalar(T_BOOL), "JOIN ON clause")->sql;
    s->clause = "FROM clause";
    return sql;
}

static const char *join(struct binder *b, const struct ast_from *f,
                        struct scope *s)
{
    static const char *const words[] = {" JOIN ",      " JOIN ",
                                        " LEFT JOIN ", " RIGHT JOIN ",
                                        " FULL JOIN ", " JOIN "};
    static const char *const names[] = {"INNER JOIN", "",          "LEFT JOIN",
                                        "RIGHT JOIN", "FULL JOIN", ""};
    size_t start = s->n_star, middle;
    bool outer = f->join == JOIN_RIGHT || f->join == JOIN_FULL;
    bool plain = s->plain_arrays;
    const char *left, *right, *on = NULL;
    bool is_array;
    unsigned own;

    s->plain_arrays |= outer;
    left = bind_from(b, f->left, s);
    middle = s->n_star;
    own = s->own_refs;
    is_array = f->right->kind == FROM_UNNEST ||
               (f->right->kind == FROM_TABLE && f->right->path.n > 1 &&
                is_range_variable(b, f->right->path.part[0]));
    right = bind_from(b, f->right, s);
    s->plain_arrays = plain;
    if (f->right->kind == FROM_JOIN)
        right = arena_cat(b->mem, "(", right, ")", NULL);
    if (is_array && outer && s->own_refs != own)
        bind_fail(b, f->at,
                  "Array scan is not allowed with %s: UNNEST expression "
                  "references a table of the same FROM clause",
                  names[f->join]);
    if (f->on) {
        on = on_sql(b, f, s);
    } else if (f->using) {
        on = using_sql(b, f, s, start, middle);
    } else if (f->join != JOIN_CROSS && f->join != JOIN_COMMA) {
        if (!is_array || outer)
            bind_fail(b, f->at,
                      "Syntax error: %s must have an immediately "
                      "following ON or USING clause",
                      names[f->join]);
        on = "1";
    }
    /* SQLite makes no automatic index for the left side of a RIGHT JOIN. */
    if (f->join == JOIN_RIGHT) {
        bool nested = f->left->kind == FROM_JOIN;

        return arena_cat(b->mem, right, words[JOIN_LEFT], nested ? "(" : "",
                         left, nested ? ")" : "", " ON ", on, NULL);
    }
    return arena_cat(b->mem, left, words[f->join], right, on ? " ON " : "",
                     on ? on : "", NULL);
}

const char *bind_from(struct binder *b, const struct ast_from *f,
                      struct scope *s)
{
    return f->kind == FROM_JOIN ? join(b, f, s) : from_one(b, f, s);
}
