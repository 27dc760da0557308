/* SPDX-License-Identifier: Apache-2.0 */
/* Values on their way into columns: coerced, checked, defaulted. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_stmt.h"
#include "emulator/bigquery/sql/parse.h"

#include "common/buf.h"

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

/* --- SET ------------------------------------------------------------------ */

/* An item of SET: its path from the column on. */
struct change {
    struct ast_path path;
    const struct ast_set *set;
    const struct sql_column *column;
};

static const char *path_text(struct binder *b, const struct ast_path *p)
{
    const char *text = "";

    for (size_t i = 0; i < p->n; i++)
        text = arena_printf(b->mem, "%s%s%.*s", text, i ? "." : "",
                            STR_ARG(p->part[i]));
    return text;
}

/* The field of `t` that the path names at `level`. */
static size_t changed_field(struct binder *b, const struct sql_type *t,
                            const struct ast_path *p, size_t level)
{
    if (t->kind != T_STRUCT)
        bind_fail(b, p->at, "Cannot access field %.*s on a value with type %s",
                  STR_ARG(p->part[level]), bind_type_name(b, t));
    for (size_t i = 0; i < t->n_fields; i++) {
        if (str_ieq(t->fields[i].name, p->part[level]))
            return i;
    }
    bind_fail(b, p->at, "Field name %.*s does not exist in %s",
              STR_ARG(p->part[level]), bind_type_name(b, t));
}

/* What the `n` changes, all of `now` or of what is in it, make of `now`. The
 * struct is written once for all: its text is in the text of each field. */
static struct bexpr *changed(struct binder *b, struct bexpr *now,
                             const struct change *const *changes, size_t n,
                             size_t level)
{
    const struct sql_type *t = now->type;
    const struct change **within;
    struct bexpr **fields;

    if (changes[0]->path.n == level) {
        struct sql_column field = {
            .type = t, .name = str_from(path_text(b, &changes[0]->path))};
        return assign_to(b, level > 1 ? &field : changes[0]->column,
                         changes[0]->set->value, true);
    }
    for (size_t i = 0; i < n; i++)
        changed_field(b, t, &changes[i]->path, level);
    fields = ARENA_ARRAY(b->mem, struct bexpr *, t->n_fields);
    for (size_t f = 0; f < t->n_fields; f++) {
        size_t n_within = 0;
        within = ARENA_ARRAY(b->mem, const struct change *, n);
        for (size_t i = 0; i < n; i++) {
            if (changed_field(b, t, &changes[i]->path, level) == f)
                within[n_within++] = changes[i];
        }
        fields[f] =
            bexpr_new(b, t->fields[f].type,
                      arena_printf(b->mem, "bq_field(%s,%zu)", now->sql, f),
                      changes[0]->path.at);
        if (n_within)
            fields[f] = changed(b, fields[f], within, n_within, level + 1);
    }
    return bexpr_new(b, t, struct_sql(b, fields, t->n_fields),
                     changes[0]->path.at);
}

static bool has_column(const struct sql_table *t, struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (str_ieq(t->columns[i].name, name))
            return true;
    }
    return false;
}

static void check_overlap(struct binder *b, const struct change *c,
                          const struct change *before)
{
    size_t n = c->path.n < before->path.n ? c->path.n : before->path.n;

    for (size_t i = 0; i < n; i++) {
        if (!str_ieq(c->path.part[i], before->path.part[i]))
            return;
    }
    if (c->path.n == before->path.n)
        bind_fail(b, c->set->at, "Update item %s assigned more than once",
                  path_text(b, &c->set->path));
    bind_fail(b, c->set->at, "Update item %s overlaps with %s",
              path_text(b, &c->set->path), path_text(b, &before->set->path));
}

static struct change *change_of(struct binder *b, const struct sql_table *t,
                                const struct ast_set *s, struct str alias)
{
    struct change *c = ARENA_NEW(b->mem, struct change);
    struct ast_path *p = &c->path;

    c->set = s;
    *p = s->path;
    if (p->n > 1 && str_ieq(p->part[0], alias) && !has_column(t, p->part[0]))
        memmove(p->part, p->part + 1, --p->n * sizeof(*p->part));
    if (!has_column(t, p->part[0]))
        bind_fail(b, s->at, "Unrecognized name: %.*s", STR_ARG(p->part[0]));
    c->column = target_column(b, t, p->part[0], s->at);
    return c;
}

/* "column=value" of the column that `all[first]` is about; NULL: an earlier
 * change was. */
static const char *column_sql(struct binder *b, const struct change *const *all,
                              size_t n, size_t first, const char *rel_sql)
{
    const struct sql_column *c = all[first]->column;
    const char *name = quote_name(b->mem, c->name);
    const struct change **of;
    struct bexpr *now;
    size_t n_of = 0;

    for (size_t i = 0; i < n; i++) {
        if (i < first && all[i]->column == c)
            return NULL;
        n_of += all[i]->column == c;
    }
    of = ARENA_ARRAY(b->mem, const struct change *, n_of);
    n_of = 0;
    for (size_t i = first; i < n; i++) {
        if (all[i]->column == c)
            of[n_of++] = all[i];
    }
    now = bexpr_new(b, c->type, arena_cat(b->mem, rel_sql, ".", name, NULL),
                    all[first]->set->at);
    return arena_cat(b->mem, name, "=",
                     assign_sql(b, c, changed(b, now, of, n_of, 1)), NULL);
}

const char *sets_sql(struct binder *b, const struct sql_table *t,
                     const struct ast_set *sets, struct str alias,
                     const char *rel_sql)
{
    const struct change **all;
    struct buf *out = arena_buf(b->mem);
    size_t n = 0;

    for (const struct ast_set *s = sets; s; s = s->next)
        n++;
    all = ARENA_ARRAY(b->mem, const struct change *, n);
    n = 0;
    for (const struct ast_set *s = sets; s; s = s->next) {
        all[n] = change_of(b, t, s, alias);
        for (size_t i = 0; i < n; i++)
            check_overlap(b, all[n], all[i]);
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        const char *column = column_sql(b, all, n, i, rel_sql);
        if (column)
            buf_printf(out, "%s%s", i ? "," : "", column);
    }
    return arena_buf_take(b->mem, out);
}
