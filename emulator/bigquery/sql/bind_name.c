/* SPDX-License-Identifier: Apache-2.0 */
/* Names: scopes, range variables, columns, fields, and what to say when there
 * is none of that name. */
#include "emulator/bigquery/sql/bind_expr.h"

struct scope *scope_new(struct binder *b, struct scope *outer)
{
    struct scope *s = ARENA_NEW(b->mem, struct scope);

    s->outer = outer;
    s->rels_tail = &s->rels;
    return s;
}

struct rel *scope_add_rel(struct binder *b, struct scope *s, struct str alias)
{
    struct rel *r = ARENA_NEW(b->mem, struct rel);

    r->alias = alias;
    *s->rels_tail = r;
    s->rels_tail = &r->next;
    return r;
}

void scope_add_star(struct binder *b, struct scope *s, struct col *c)
{
    if (s->n_star == s->cap_star) {
        size_t cap = s->cap_star ? s->cap_star * 2 : 16;
        struct col **grown = ARENA_ARRAY(b->mem, struct col *, cap);
        if (s->n_star)
            memcpy(grown, s->star, s->n_star * sizeof(*grown));
        s->star = grown;
        s->cap_star = cap;
    }
    s->star[s->n_star++] = c;
}

struct bexpr *bind_col(struct binder *b, const struct col *c, size_t at)
{
    struct bexpr *e = bexpr_new(b, c->type, c->sql, at);

    e->column = c;
    if (c->used)
        *c->used = true;
    return e;
}

struct bexpr *rel_value(struct binder *b, struct rel *r, size_t at)
{
    struct bexpr **fields;
    struct sql_field *types;
    size_t n = 0;

    if (r->value_type)
        return bexpr_new(b, r->value_type, r->value_sql, at);
    fields = ARENA_ARRAY(b->mem, struct bexpr *, r->n_cols);
    types = ARENA_ARRAY(b->mem, struct sql_field, r->n_cols);
    for (size_t i = 0; i < r->n_cols; i++) {
        if (r->cols[i].hidden)
            continue;
        fields[n] = bind_col(b, &r->cols[i], at);
        types[n++] = (struct sql_field){r->cols[i].name, r->cols[i].type};
    }
    return bexpr_new(b, type_struct(b->mem, types, n), struct_sql(b, fields, n),
                     at);
}

static struct col *rel_col(struct rel *r, struct str name)
{
    for (size_t i = 0; i < r->n_cols; i++) {
        if (str_ieq(r->cols[i].name, name))
            return &r->cols[i];
    }
    return NULL;
}

/* What a scope knows under a name. */
struct found {
    struct rel *rel;
    struct col *col;
    struct bexpr *alias;
    bool ambiguous;
};

static bool find_alias(struct scope *s, struct str name, struct found *f)
{
    for (size_t i = 0; i < s->n_aliases; i++) {
        if (!str_ieq(s->aliases[i].name, name))
            continue;
        if (f->alias && strcmp(f->alias->sql, s->aliases[i].expr->sql))
            f->ambiguous = true;
        f->alias = s->aliases[i].expr;
    }
    return f->alias != NULL;
}

static bool find_col(struct scope *s, struct str name, struct found *f)
{
    for (size_t i = 0; i < s->n_star; i++) {
        if (!str_ieq(s->star[i]->name, name))
            continue;
        if (f->col)
            f->ambiguous = true;
        f->col = s->star[i];
    }
    for (struct rel *r = s->rels; r && !f->col; r = r->next) {
        for (size_t i = 0; i < r->n_cols; i++) {
            if (r->cols[i].hidden && str_ieq(r->cols[i].name, name))
                f->col = &r->cols[i];
        }
    }
    return f->col != NULL;
}

static bool find_in(struct scope *s, struct str name, struct found *f)
{
    bool first = s->aliases_first && !s->in_agg;

    *f = (struct found){NULL};
    if (first && find_alias(s, name, f))
        return true;
    for (struct rel *r = s->rels; r; r = r->next) {
        if (r->alias.len && str_ieq(r->alias, name)) {
            if (f->rel)
                f->ambiguous = true;
            f->rel = r;
        }
    }
    if (f->rel || find_col(s, name, f))
        return true;
    return !first && find_alias(s, name, f);
}

static const char *nearest(struct binder *b, struct str name)
{
    struct str best = STR_NULL;
    unsigned least = (unsigned)name.len / 3 + 1;

    for (struct scope *s = b->scope; s; s = s->outer) {
        for (size_t i = 0; i < s->n_star; i++) {
            unsigned d = str_distance(s->star[i]->name, name);
            if (d < least) {
                least = d;
                best = s->star[i]->name;
            }
        }
    }
    if (!best.len)
        return "";
    return arena_printf(b->mem, "; Did you mean %.*s?", STR_ARG(best));
}

static const struct group_key *key_of(const struct scope *s, const char *sql)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        if (!strcmp(s->keys[i].sql, sql))
            return &s->keys[i];
    }
    return NULL;
}

/* A column of a grouped query must be a key or stand in an aggregate; what
 * crosses into a subquery is checked here, the rest in bind_expr. */
static void check_grouped(struct binder *b, struct scope *s, struct bexpr *e,
                          struct str name, size_t at)
{
    const struct group_key *key;

    if (!s->grouped || s->in_agg)
        return;
    key = key_of(s, e->sql);
    if (key && key->dropped && s != b->scope)
        bind_refuse(b, at,
                    "A subquery that reads a column left out of a grouping "
                    "set");
    if (key)
        return;
    s->bare_refs++;
    e->ungrouped = arena_strndup(b->mem, name.p, name.len);
    e->ungrouped_at = at;
    if (s != b->scope)
        bind_fail(b, at,
                  "An expression references column %s which is neither "
                  "grouped nor aggregated",
                  e->ungrouped);
}

static struct scope *find_scope(struct binder *b, struct str name, size_t at,
                                struct found *f)
{
    for (struct scope *s = b->scope; s; s = s->outer) {
        if (!find_in(s, name, f))
            continue;
        if (f->ambiguous)
            bind_fail(b, at, "Column name %.*s is ambiguous", STR_ARG(name));
        for (struct scope *inner = b->scope; inner != s; inner = inner->outer)
            inner->saw_outer = true, inner->outer_refs++;
        s->own_refs++;
        return s;
    }
    return NULL;
}

static struct bexpr *json_field(struct binder *b, struct bexpr *e,
                                struct str name, size_t at)
{
    struct bexpr *out = bexpr_new(b, e->type,
                                  arena_printf(b->mem, "bq_json_member(%s,%s)",
                                               e->sql, quote_sql(b->mem, name)),
                                  at);
    bexpr_merge(out, e);
    return out;
}

struct bexpr *bind_field(struct binder *b, struct bexpr *e, struct str name,
                         size_t at)
{
    const struct sql_type *t = e->type;
    struct bexpr *out;
    long hit = -1;

    if (t->kind == T_JSON)
        return json_field(b, e, name, at);
    if (t->kind != T_STRUCT)
        bind_fail(b, at, "Cannot access field %.*s on a value with type %s",
                  STR_ARG(name), bind_type_name(b, t));
    for (size_t i = 0; i < t->n_fields; i++) {
        if (!str_ieq(t->fields[i].name, name))
            continue;
        if (hit >= 0)
            bind_fail(b, at, "Struct field name %.*s is ambiguous",
                      STR_ARG(name));
        hit = (long)i;
    }
    if (hit < 0)
        bind_fail(b, at, "Field name %.*s does not exist in %s", STR_ARG(name),
                  bind_type_name(b, t));
    out = bexpr_new(b, t->fields[hit].type,
                    arena_printf(b->mem, "bq_field(%s,%ld)", e->sql, hit), at);
    bexpr_merge(out, e);
    out->constant = e->constant;
    return out;
}

/* The first `n` parts of a dotted name: what remains is fields. */
static size_t flatten(const struct ast_expr *x, const struct ast_expr **parts,
                      size_t max)
{
    size_t n = 0;

    for (const struct ast_expr *e = x; e; e = e->a) {
        if ((e->kind != EX_NAME && e->kind != EX_DOT) || n == max)
            return 0;
        parts[n++] = e;
        if (e->kind == EX_NAME)
            break;
    }
    for (size_t i = 0; i < n / 2; i++) {
        const struct ast_expr *swap = parts[i];
        parts[i] = parts[n - 1 - i];
        parts[n - 1 - i] = swap;
    }
    return n;
}

static size_t part_at(const struct ast_expr *x)
{
    return x->kind == EX_DOT ? (size_t)x->n : x->at;
}

/* CURRENT_DATE and its like need no parentheses. */
static struct bexpr *clock_name(struct binder *b, const struct ast_expr *x)
{
    struct ast_expr call = *x;

    if (x->text.len < 8 || !str_ieq(str_of(x->text.p, 8), STR("CURRENT_")))
        return NULL;
    call.kind = EX_CALL;
    call.list = NULL;
    call.text = str_from("CURRENT_TIMESTAMP");
    if (!str_ieq(x->text, call.text))
        call.text = str_ieq(x->text, STR("CURRENT_DATE")) ? STR("CURRENT_DATE")
                    : str_ieq(x->text, STR("CURRENT_TIME"))
                        ? STR("CURRENT_TIME")
                    : str_ieq(x->text, STR("CURRENT_DATETIME"))
                        ? STR("CURRENT_DATETIME")
                        : STR("CURRENT_?");
    return bind_special(b, &call);
}

struct bexpr *bind_name(struct binder *b, const struct ast_expr *x)
{
    const struct ast_expr *parts[32];
    size_t n = flatten(x, parts, 32), next = 1;
    struct found f;
    struct scope *s;
    struct bexpr *e;

    if (n == 0)
        return bind_field(b, bind_expr(b, x->a), x->text, (size_t)x->n);
    s = find_scope(b, parts[0]->text, parts[0]->at, &f);
    if (!s && n == 1 && (e = clock_name(b, x)))
        return e;
    if (!s)
        bind_fail(b, x->at, "Unrecognized name: %.*s%s",
                  STR_ARG(parts[0]->text), nearest(b, parts[0]->text));
    if (f.alias) {
        e = ARENA_NEW(b->mem, struct bexpr);
        *e = *f.alias;
        e->at = x->at;
        e->literal = false;
    } else if (f.rel && n > 1 && !f.rel->value_type) {
        struct col *c = rel_col(f.rel, parts[1]->text);
        if (!c)
            bind_fail(b, part_at(parts[1]), "Name %.*s not found inside %.*s",
                      STR_ARG(parts[1]->text), STR_ARG(parts[0]->text));
        e = bind_col(b, c, x->at);
        check_grouped(b, s, e, c->name, x->at);
        next = 2;
    } else if (f.rel) {
        e = rel_value(b, f.rel, x->at);
        check_grouped(b, s, e, f.rel->alias, x->at);
    } else {
        e = bind_col(b, f.col, x->at);
        check_grouped(b, s, e, f.col->name, x->at);
    }
    for (; next < n; next++)
        e = bind_field(b, e, parts[next]->text, part_at(parts[next]));
    return e;
}
