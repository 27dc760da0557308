/* SPDX-License-Identifier: Apache-2.0 */
/* Values on their way into columns: coerced, checked, defaulted. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_stmt.h"
#include "emulator/bigquery/sql/parse.h"

const struct sql_column *target_column(struct binder *b,
                                       const struct sql_table *t,
                                       struct str name, size_t at)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (str_ieq(t->columns[i].name, name))
            return &t->columns[i];
    }
    bind_fail(b, at, "Column %.*s is not present in table %.*s.%.*s.%.*s",
              STR_ARG(name), STR_ARG(t->project), STR_ARG(t->dataset),
              STR_ARG(t->table));
}

/* Do the values of a column have more to keep to than their type? */
static bool has_facts(const struct sql_column *c)
{
    for (size_t i = 0; i < c->n_fields; i++) {
        if (c->fields[i].required || has_facts(&c->fields[i]))
            return true;
    }
    return c->max_length > 0 || c->precision > 0;
}

static const char *fit(struct binder *b, const struct sql_column *c,
                       const struct sql_type *t, const char *sql,
                       const char *path);

static const char *fit_struct(struct binder *b, const struct sql_column *c,
                              const char *sql, const char *path)
{
    struct bexpr **fields = ARENA_ARRAY(b->mem, struct bexpr *, c->n_fields);

    for (size_t i = 0; i < c->n_fields; i++) {
        const struct sql_column *f = &c->fields[i];
        const char *name =
            arena_printf(b->mem, "%s.%.*s", path, STR_ARG(f->name));
        const char *value =
            fit(b, f, f->type, arena_printf(b->mem, "bq_field(%s,%zu)", sql, i),
                name);
        if (f->required && f->type->kind != T_ARRAY)
            value = arena_cat(b->mem, "bq_required(", value, ",",
                              quote_sql(b->mem, str_from(name)), ")", NULL);
        fields[i] = bexpr_new(b, f->type, value, 0);
    }
    return arena_cat(b->mem, "CASE WHEN ", sql, " IS NOT NULL THEN ",
                     struct_sql(b, fields, c->n_fields), " END", NULL);
}

/* The value, checked and rounded: `t` is the column's type or its element's.
 */
static const char *fit(struct binder *b, const struct sql_column *c,
                       const struct sql_type *t, const char *sql,
                       const char *path)
{
    const char *name = quote_sql(b->mem, str_from(path));

    if (!has_facts(c))
        return sql;
    if (t->kind == T_ARRAY)
        return arena_cat(b->mem, "CASE WHEN ", sql,
                         " IS NOT NULL THEN coalesce((SELECT bq_collect('A",
                         t->elem->kind == T_STRUCT ? "r" : "s", "',",
                         fit(b, c, t->elem, "v", path), ") FROM bq_unnest(",
                         sql, ")),'[]') END", NULL);
    if (t->kind == T_STRUCT)
        return fit_struct(b, c, sql, path);
    if (c->max_length > 0)
        return arena_printf(b->mem, "bq_max_length(%s,%lld,%s)", sql,
                            (long long)c->max_length, name);
    return arena_printf(b->mem, "bq_fit_decimal(%s,%d,%d,%s)", sql,
                        c->precision, c->scale, name);
}

const char *assign_sql(struct binder *b, const struct sql_column *c,
                       struct bexpr *e)
{
    const char *name = quote_sql(b->mem, c->name);
    const char *sql = fit(b, c, c->type, e->sql,
                          arena_strndup(b->mem, c->name.p, c->name.len));

    if (c->type->kind == T_ARRAY)
        return arena_cat(b->mem, "bq_no_nulls(coalesce(", sql, ",'[]'),", name,
                         ")", NULL);
    if (c->required)
        sql = arena_cat(b->mem, "bq_required(", sql, ",", name, ")", NULL);
    return sql;
}

struct bexpr *default_value(struct binder *b, const struct sql_column *c,
                            size_t at)
{
    struct str text = b->text;
    struct ast_expr *ast;
    struct bexpr *e, *out;

    if (!c->default_sql) {
        e = bexpr_new(b, type_scalar(T_NULLTYPE), "NULL", at);
        e->literal = true;
        return coerce(b, e, c->type);
    }
    b->text = str_from(c->default_sql);
    ast = parse_expression(b->mem, b->text, b->err);
    if (!ast)
        longjmp(*b->on_error, 1);
    e = bind_expr(b, ast);
    out = coerce(b, e, c->type);
    b->text = text;
    if (!out)
        bind_fail(b, at,
                  "Default value of column %.*s has type %s, which "
                  "cannot be assigned to %s",
                  STR_ARG(c->name), bind_type_name(b, e->type),
                  bind_type_name(b, c->type));
    return out;
}

/* `update`: SET c = value, else a value of INSERT. */
static struct bexpr *assign_to(struct binder *b, const struct sql_column *c,
                               const struct ast_expr *value, bool update)
{
    struct bexpr *e, *out;

    if (value->kind == EX_DEFAULT)
        return default_value(b, c, value->at);
    e = bind_expr(b, value);
    out = coerce(b, e, c->type);
    if (!out && update)
        bind_fail(b, value->at,
                  "Value of type %s cannot be assigned to %.*s, which has "
                  "type %s",
                  bind_type_name(b, e->type), STR_ARG(c->name),
                  bind_type_name(b, c->type));
    if (!out)
        bind_fail(b, value->at,
                  "Value has type %s which cannot be inserted "
                  "into column %.*s, which has type %s",
                  bind_type_name(b, e->type), STR_ARG(c->name),
                  bind_type_name(b, c->type));
    return out;
}

struct bexpr *assign(struct binder *b, const struct sql_column *c,
                     const struct ast_expr *value)
{
    return assign_to(b, c, value, false);
}

/* The struct `e` with one field, at the end of the path, replaced. */
static struct bexpr *with_field(struct binder *b, struct bexpr *e,
                                const struct ast_path *path, size_t from,
                                const struct ast_expr *value)
{
    const struct sql_type *t = e->type;
    struct sql_column c = {.type = t, .name = path->part[from - 1]};
    struct bexpr **fields, *out;
    bool found = false;

    if (from == path->n)
        return assign_to(b, &c, value, true);
    if (t->kind != T_STRUCT)
        bind_fail(b, path->at,
                  "Cannot access field %.*s on a value with type "
                  "%s",
                  STR_ARG(path->part[from]), bind_type_name(b, t));
    fields = ARENA_ARRAY(b->mem, struct bexpr *, t->n_fields);
    for (size_t i = 0; i < t->n_fields; i++) {
        fields[i] = bexpr_new(
            b, t->fields[i].type,
            arena_printf(b->mem, "bq_field(%s,%zu)", e->sql, i), path->at);
        if (str_ieq(t->fields[i].name, path->part[from])) {
            found = true;
            fields[i] = with_field(b, fields[i], path, from + 1, value);
        }
    }
    if (!found)
        bind_fail(b, path->at, "Field name %.*s does not exist in %s",
                  STR_ARG(path->part[from]), bind_type_name(b, t));
    out = bexpr_new(b, t, struct_sql(b, fields, t->n_fields), path->at);
    return out;
}

static bool has_column(const struct sql_table *t, struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (str_ieq(t->columns[i].name, name))
            return true;
    }
    return false;
}

const char *sets_sql(struct binder *b, const struct sql_table *t,
                     const struct ast_set *sets, struct str alias,
                     const char *rel_sql)
{
    struct bexpr **values = ARENA_ARRAY(b->mem, struct bexpr *, t->n_columns);
    const char *sql = "";

    for (const struct ast_set *s = sets; s; s = s->next) {
        struct ast_path p = s->path;
        const struct sql_column *c;
        size_t i;
        if (p.n > 1 && str_ieq(p.part[0], alias) && !has_column(t, p.part[0])) {
            memmove(p.part, p.part + 1, --p.n * sizeof(*p.part));
        }
        if (!has_column(t, p.part[0]))
            bind_fail(b, s->at, "Unrecognized name: %.*s", STR_ARG(p.part[0]));
        c = target_column(b, t, p.part[0], s->at);
        i = (size_t)(c - t->columns);
        if (values[i] && p.n == 1)
            bind_fail(b, s->at, "Update item %.*s assigned more than once",
                      STR_ARG(c->name));
        if (p.n == 1) {
            values[i] = assign_to(b, c, s->value, true);
        } else {
            struct bexpr *now = values[i];
            if (!now)
                now = bexpr_new(b, c->type,
                                arena_cat(b->mem, rel_sql, ".",
                                          quote_name(b->mem, c->name), NULL),
                                s->at);
            values[i] = with_field(b, now, &p, 1, s->value);
        }
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        if (values[i])
            sql = arena_cat(b->mem, sql, *sql ? "," : "",
                            quote_name(b->mem, t->columns[i].name), "=",
                            assign_sql(b, &t->columns[i], values[i]), NULL);
    }
    return sql;
}
