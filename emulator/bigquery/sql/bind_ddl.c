/* SPDX-License-Identifier: Apache-2.0 */
/* DDL as data: columns, partitioning, options, changes. */
#include "emulator/bigquery/sql/bind_interval.h"
#include "emulator/bigquery/sql/bind_query.h"
#include "emulator/bigquery/sql/bind_stmt.h"
#include "emulator/bigquery/sql/ddl.h"

static void type_facts(struct binder *b, const struct ast_type *t,
                       struct sql_column *c)
{
    const struct ast_type *inner = t->elem ? t->elem : t;
    const struct sql_type *type = t->elem ? c->type->elem : c->type;
    struct sql_column *fields;
    size_t n = 0;

    if (inner->p1 >= 0 && (type->kind == T_STRING || type->kind == T_BYTES))
        c->max_length = inner->p1;
    if (inner->p1 >= 0 && is_decimal(type)) {
        c->precision = (int)inner->p1;
        c->scale = inner->p2 > 0 ? (int)inner->p2 : 0;
        if (c->scale > c->precision || c->precision > 76)
            bind_fail(b, t->at, "Invalid precision or scale of %s",
                      bind_type_name(b, type));
    }
    for (const struct ast_type *f = inner->fields; f; f = f->next)
        n++;
    fields = ARENA_ARRAY(b->mem, struct sql_column, n);
    c->fields = fields;
    c->n_fields = n;
    for (const struct ast_type *f = inner->fields; f; f = f->next, fields++) {
        fields->name = f->field_name;
        fields->type = bind_ast_type(b, f);
        fields->required = f->not_null;
        fields->description = bind_description(b, f->options);
        if (!f->field_name.len)
            bind_fail(b, f->at, "STRUCT field in a column must have a name");
        type_facts(b, f, fields);
    }
}

static void bind_column(struct binder *b, const struct ast_coldef *d,
                        struct sql_column *c)
{
    c->name = d->name;
    c->type = bind_ast_type(b, d->type);
    refuse_interval(b, c->type, d->type->at, "A column");
    c->required = d->not_null;
    c->description = bind_description(b, d->options);
    if (d->default_value) {
        struct bexpr *e = bind_expr(b, d->default_value);
        if (!coerce(b, e, c->type))
            bind_fail(b, d->default_value->at,
                      "Default value of column %.*s has type %s, which cannot "
                      "be assigned to %s",
                      STR_ARG(d->name), bind_type_name(b, e->type),
                      bind_type_name(b, c->type));
        c->default_sql =
            arena_strndup(b->mem, d->default_text.p, d->default_text.len);
    }
    if (c->required && c->type->kind == T_ARRAY)
        bind_fail(b, d->at,
                  "NOT NULL cannot be applied to the ARRAY column "
                  "%.*s",
                  STR_ARG(d->name));
    type_facts(b, d->type, c);
}

/* CREATE VIEW v (a, b): other names for what the query gives. */
static void bind_view_column(struct binder *b, const struct ast_stmt *s,
                             const struct ast_name *c, size_t i)
{
    for (const struct ast_name *o = s->columns; o != c; o = o->next) {
        if (str_ieq(o->text, c->text))
            bind_fail(b, c->at, "Duplicate column name %.*s in CREATE VIEW",
                      STR_ARG(c->text));
    }
    if (i >= b->stmt->n_columns)
        return;
    b->stmt->columns[i].name = c->text;
    b->stmt->columns[i].description = bind_description(b, c->options);
}

static void bind_columns(struct binder *b, const struct ast_stmt *s,
                         struct sql_ddl *d)
{
    struct sql_column *cols;
    size_t n = 0;

    if (!s->defs) {
        size_t i = 0;
        for (const struct ast_name *c = s->columns; c; c = c->next)
            bind_view_column(b, s, c, i++);
        if (i && i != b->stmt->n_columns)
            bind_fail(b, s->query->at,
                      "The number of columns in the column definition list "
                      "does not match the number of columns produced by the "
                      "query");
        for (i = 0; s->kind == SQL_CREATE_TABLE_AS && i < b->stmt->n_columns;
             i++)
            refuse_interval(b, b->stmt->columns[i].type, s->query->at,
                            "A column");
        d->columns = b->stmt->columns;
        d->n_columns = b->stmt->n_columns;
        return;
    }
    for (const struct ast_coldef *c = s->defs; c; c = c->next)
        n++;
    cols = ARENA_ARRAY(b->mem, struct sql_column, n);
    d->columns = cols;
    for (const struct ast_coldef *c = s->defs; c; c = c->next) {
        bind_column(b, c, &cols[d->n_columns]);
        for (size_t i = 0; i < d->n_columns; i++) {
            if (str_ieq(cols[i].name, c->name))
                bind_fail(b, c->at,
                          "Duplicate column name %.*s in CREATE "
                          "TABLE",
                          STR_ARG(c->name));
        }
        d->n_columns++;
    }
    if (s->query && d->n_columns != b->stmt->n_columns)
        bind_fail(b, s->query->at,
                  "The number of columns in the column "
                  "definition list does not match the number "
                  "of columns produced by the query");
}

static int64_t int_of(struct binder *b, const struct ast_expr *x)
{
    bool minus = x->kind == EX_UNARY && x->op[0] == '-';
    int64_t v = 0;

    if (minus)
        x = x->a;
    if (x->kind != EX_INT || !str_to_i64(x->text, &v))
        bind_fail(b, x->at,
                  "PARTITION BY RANGE_BUCKET expects integer "
                  "literals");
    return minus ? -v : v;
}

static const char *column_text(struct binder *b, const struct ast_expr *x)
{
    if (x->kind != EX_NAME)
        bind_fail(b, x->at,
                  "PARTITION BY expression must be a column, "
                  "DATE(column), a _TRUNC of one, or RANGE_BUCKET");
    if (str_ieq(x->text, STR("_PARTITIONTIME")) ||
        str_ieq(x->text, STR("_PARTITIONDATE")))
        return "_PARTITIONTIME";
    return arena_strndup(b->mem, x->text.p, x->text.len);
}

static void range_bucket(struct binder *b, const struct ast_expr *x,
                         struct sql_ddl *d)
{
    const struct ast_expr *g = x->n == 2 ? x->list->next : NULL;

    if (!g || g->kind != EX_CALL || !str_eq(g->text, STR("GENERATE_ARRAY")) ||
        g->n < 2 || g->n > 3)
        bind_fail(b, x->at,
                  "PARTITION BY RANGE_BUCKET expects a column and "
                  "GENERATE_ARRAY(start, end, interval)");
    d->partition_by = column_text(b, x->list);
    d->partition_type = "RANGE";
    d->range_start = int_of(b, g->list);
    d->range_end = int_of(b, g->list->next);
    d->range_interval = g->n == 3 ? int_of(b, g->list->next->next) : 1;
}

static void bind_partition(struct binder *b, const struct ast_expr *x,
                           struct sql_ddl *d)
{
    static const char *const units[] = {"HOUR", "DAY", "MONTH", "YEAR"};
    bool found = false;

    d->partition_type = "DAY";
    if (x->kind == EX_CALL && str_eq(x->text, STR("RANGE_BUCKET"))) {
        range_bucket(b, x, d);
    } else if (x->kind == EX_CALL && str_eq(x->text, STR("DATE")) &&
               x->n == 1) {
        d->partition_by = column_text(b, x->list);
    } else if (x->kind == EX_CALL && str_ends(x->text, STR("_TRUNC")) &&
               x->n == 2 && x->list->next->kind == EX_NAME) {
        d->partition_by = column_text(b, x->list);
        for (size_t i = 0; i < 4; i++) {
            if (str_ieq(x->list->next->text, str_from(units[i])))
                d->partition_type = units[i];
        }
    } else {
        d->partition_by = column_text(b, x);
    }
    for (size_t i = 0; i < d->n_columns; i++) {
        enum sql_type_kind k = d->columns[i].type->kind;
        if (!str_ieq(d->columns[i].name, str_from(d->partition_by)))
            continue;
        found = true;
        if (d->partition_type[0] == 'R'
                ? k != T_INT64
                : k != T_DATE && k != T_TIMESTAMP && k != T_DATETIME)
            bind_fail(b, x->at,
                      "PARTITION BY expression must be DATE(<"
                      "timestamp_column>), DATE(<datetime_column>), "
                      "DATE(_PARTITIONTIME), a DATE column, a _TRUNC "
                      "of one, or RANGE_BUCKET of an INT64 column");
        if (x->kind == EX_NAME && k != T_DATE)
            bind_fail(b, x->at,
                      "PARTITION BY a column of type %s needs DATE() "
                      "or %s_TRUNC() around it",
                      bind_type_name(b, d->columns[i].type),
                      bind_type_name(b, d->columns[i].type));
    }
    if (!found && strcmp(d->partition_by, "_PARTITIONTIME") && d->n_columns)
        bind_fail(b, x->at, "Unrecognized name: %s", d->partition_by);
}

static void bind_cluster(struct binder *b, const struct ast_name *names,
                         struct sql_ddl *d)
{
    struct str *out;
    size_t n = 0;

    for (const struct ast_name *c = names; c; c = c->next)
        n++;
    if (n > 4)
        bind_fail(b, names->at, "CLUSTER BY takes at most 4 columns");
    out = ARENA_ARRAY(b->mem, struct str, n);
    d->cluster = out;
    for (const struct ast_name *c = names; c; c = c->next) {
        bool found = !d->n_columns;
        for (size_t i = 0; i < d->n_columns; i++)
            found |= str_ieq(d->columns[i].name, c->text);
        if (!found)
            bind_fail(b, c->at, "Unrecognized name: %.*s", STR_ARG(c->text));
        out[d->n_cluster++] = c->text;
    }
}

static void bind_alters(struct binder *b, const struct ast_alter *list,
                        char place, struct sql_ddl *d)
{
    static const struct {
        const char *what;
        enum sql_alter_kind kind;
    } kinds[] = {{"ADD", ALTER_ADD_COLUMN},
                 {"DROP", ALTER_DROP_COLUMN},
                 {"RENAME", ALTER_RENAME_COLUMN},
                 {"RENAME_TO", ALTER_RENAME_TABLE},
                 {"OPTIONS", ALTER_SET_OPTIONS},
                 {"COLUMN_OPTIONS", ALTER_COLUMN_OPTIONS},
                 {"SET_TYPE", ALTER_COLUMN_TYPE},
                 {"DROP_NOT_NULL", ALTER_DROP_NOT_NULL},
                 {"SET_DEFAULT", ALTER_SET_DEFAULT},
                 {"DROP_DEFAULT", ALTER_DROP_DEFAULT}};
    struct sql_alter *out;
    size_t n = 0;

    for (const struct ast_alter *a = list; a; a = a->next)
        n++;
    out = ARENA_ARRAY(b->mem, struct sql_alter, n);
    d->alters = out;
    d->n_alters = n;
    for (const struct ast_alter *a = list; a; a = a->next, out++) {
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
            if (!strcmp(kinds[i].what, a->what))
                out->kind = kinds[i].kind;
        }
        out->if_exists = a->if_exists;
        out->column = a->column;
        out->new_name = a->new_name;
        out->options = bind_options(
            b, a->options, out->kind == ALTER_COLUMN_OPTIONS ? 'C' : place,
            &out->n_options);
        if (a->def) {
            bind_column(b, a->def, &out->def);
            out->column = a->def->name;
            if (a->def->not_null)
                bind_fail(b, a->at,
                          "Cannot add required columns to an "
                          "existing schema");
        }
        if (a->type) {
            out->def.name = a->column;
            out->def.type = bind_ast_type(b, a->type);
            refuse_interval(b, out->def.type, a->type->at, "A column");
            type_facts(b, a->type, &out->def);
        }
        if (a->value) {
            bind_expr(b, a->value);
            out->def.default_sql =
                arena_strndup(b->mem, a->value_text.p, a->value_text.len);
        }
    }
}

static void schema_path(struct binder *b, const struct ast_path *path,
                        struct sql_ddl *d)
{
    d->project = path->n == 2 ? path->part[0] : str_from(b->catalog->project);
    d->dataset = path->part[path->n - 1];
    if (path->n > 2)
        bind_fail(b, path->at,
                  "Invalid schema name: a name has at most two "
                  "parts, project.dataset");
}

static void check_partition_expiration(struct binder *b,
                                       const struct ast_stmt *s)
{
    for (const struct ast_option *o = s->options; o; o = o->next) {
        if (!s->partition && !s->like.n &&
            str_ieq(o->name, STR("partition_expiration_days")))
            bind_fail(b, o->at,
                      "partition_expiration_days can only be set for a "
                      "table that is partitioned by time");
    }
}

void bind_ddl(struct binder *b, const struct ast_stmt *s)
{
    struct sql_ddl *d = ARENA_NEW(b->mem, struct sql_ddl);
    bool schema = s->kind == SQL_CREATE_SCHEMA || s->kind == SQL_DROP_SCHEMA ||
                  s->kind == SQL_ALTER_SCHEMA;
    bool view = s->kind == SQL_CREATE_VIEW || s->kind == SQL_ALTER_VIEW;
    char place = schema ? 'S' : view ? 'V' : 'T';

    b->scope = NULL;
    b->stmt->ddl = d;
    if (schema)
        schema_path(b, &s->target, d);
    else
        resolve_path(b, &s->target, &d->project, &d->dataset, &d->table);
    d->or_replace = s->or_replace;
    d->if_exists = s->if_exists;
    d->cascade = s->cascade;
    if (s->or_replace && s->if_exists)
        bind_fail(b, s->at,
                  "CREATE cannot have both OR REPLACE and IF NOT "
                  "EXISTS");
    if (s->kind == SQL_CREATE_TABLE && !s->defs && !s->like.n)
        bind_fail(b, s->at,
                  "CREATE TABLE needs a list of columns, LIKE, COPY "
                  "or AS a query");
    bind_columns(b, s, d);
    if (s->partition)
        bind_partition(b, s->partition, d);
    if (s->cluster)
        bind_cluster(b, s->cluster, d);
    d->options = bind_options(b, s->options, place, &d->n_options);
    check_partition_expiration(b, s);
    if (s->like.n)
        resolve_path(b, &s->like, &d->like_project, &d->like_dataset,
                     &d->like_table);
    d->query = s->query_text;
    bind_alters(b, s->alters, place, d);
}
