/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATION_SCHEMA: each view is a table of values made from the catalog
 * when the statement is bound. */
#include "emulator/bigquery/sql/bind_query.h"

#include "common/buf.h"
#include "emulator/bigquery/sql/info.h"

struct sql_info_sink {
    struct binder *b;
    struct buf *rows;
    size_t n_rows, n_columns;
};

#define COL(n, k)                                                              \
    {                                                                          \
        .name = {n, sizeof(n) - 1}, .type = NULL, .precision = k               \
    }

#define STRUCT(n, array)                                                       \
    {                                                                          \
        .name = {n, sizeof(n) - 1}, .precision = T_STRUCT, .fields = array,    \
        .n_fields = sizeof(array) / sizeof(*array)                             \
    }

/* `precision` carries the type's kind until columns_of fills `type` in. */
static const struct sql_column schemata[] = {
    COL("catalog_name", T_STRING),
    COL("schema_name", T_STRING),
    COL("schema_owner", T_STRING),
    COL("creation_time", T_TIMESTAMP),
    COL("last_modified_time", T_TIMESTAMP),
    COL("location", T_STRING),
    COL("ddl", T_STRING)};
static const struct sql_column tables[] = {
    COL("table_catalog", T_STRING),      COL("table_schema", T_STRING),
    COL("table_name", T_STRING),         COL("table_type", T_STRING),
    COL("is_insertable_into", T_STRING), COL("is_typed", T_STRING),
    COL("creation_time", T_TIMESTAMP),   COL("ddl", T_STRING)};
static const struct sql_column columns[] = {
    COL("table_catalog", T_STRING),
    COL("table_schema", T_STRING),
    COL("table_name", T_STRING),
    COL("column_name", T_STRING),
    COL("ordinal_position", T_INT64),
    COL("is_nullable", T_STRING),
    COL("data_type", T_STRING),
    COL("is_generated", T_STRING),
    COL("generation_expression", T_STRING),
    COL("is_stored", T_STRING),
    COL("is_hidden", T_STRING),
    COL("is_updatable", T_STRING),
    COL("is_system_defined", T_STRING),
    COL("is_partitioning_column", T_STRING),
    COL("clustering_ordinal_position", T_INT64),
    COL("collation_name", T_STRING),
    COL("column_default", T_STRING),
    COL("rounding_mode", T_STRING)};
static const struct sql_column field_paths[] = {
    COL("table_catalog", T_STRING), COL("table_schema", T_STRING),
    COL("table_name", T_STRING),    COL("column_name", T_STRING),
    COL("field_path", T_STRING),    COL("data_type", T_STRING),
    COL("description", T_STRING)};
static const struct sql_column options[] = {
    COL("table_catalog", T_STRING), COL("table_schema", T_STRING),
    COL("table_name", T_STRING),    COL("option_name", T_STRING),
    COL("option_type", T_STRING),   COL("option_value", T_STRING)};
static const struct sql_column views[] = {
    COL("table_catalog", T_STRING), COL("table_schema", T_STRING),
    COL("table_name", T_STRING),    COL("view_definition", T_STRING),
    COL("check_option", T_STRING),  COL("use_standard_sql", T_STRING)};
static const struct sql_column partitions[] = {
    COL("table_catalog", T_STRING),
    COL("table_schema", T_STRING),
    COL("table_name", T_STRING),
    COL("partition_id", T_STRING),
    COL("total_rows", T_INT64),
    COL("total_logical_bytes", T_INT64),
    COL("last_modified_time", T_TIMESTAMP),
    COL("storage_tier", T_STRING)};
static const struct sql_column job_error[] = {
    COL("reason", T_STRING), COL("location", T_STRING),
    COL("debug_info", T_STRING), COL("message", T_STRING)};
static const struct sql_column job_table[] = {COL("project_id", T_STRING),
                                              COL("dataset_id", T_STRING),
                                              COL("table_id", T_STRING)};
/* Filled by catalog_jobs.c, in this order. */
static const struct sql_column jobs[] = {
    COL("creation_time", T_TIMESTAMP),
    COL("project_id", T_STRING),
    COL("user_email", T_STRING),
    COL("job_id", T_STRING),
    COL("job_type", T_STRING),
    COL("statement_type", T_STRING),
    COL("priority", T_STRING),
    COL("start_time", T_TIMESTAMP),
    COL("end_time", T_TIMESTAMP),
    COL("query", T_STRING),
    COL("state", T_STRING),
    COL("total_bytes_processed", T_INT64),
    COL("total_bytes_billed", T_INT64),
    COL("total_slot_ms", T_INT64),
    COL("cache_hit", T_BOOL),
    STRUCT("error_result", job_error),
    STRUCT("destination_table", job_table)};

enum info_source {
    BY_TABLE,
    BY_DATASET,
    BY_CALLER
};

static const struct info_view {
    const char *name;
    const struct sql_column *columns;
    size_t n;
    enum info_source source;
} info_views[] = {
#define VIEW(name, array, source)                                              \
    {                                                                          \
        name, array, sizeof(array) / sizeof(*array), source                    \
    }
    VIEW("SCHEMATA", schemata, BY_DATASET),
    VIEW("TABLES", tables, BY_TABLE),
    VIEW("COLUMNS", columns, BY_TABLE),
    VIEW("COLUMN_FIELD_PATHS", field_paths, BY_TABLE),
    VIEW("TABLE_OPTIONS", options, BY_TABLE),
    VIEW("VIEWS", views, BY_TABLE),
    VIEW("PARTITIONS", partitions, BY_CALLER),
    VIEW("JOBS", jobs, BY_CALLER),
    VIEW("JOBS_BY_PROJECT", jobs, BY_CALLER),
    VIEW("JOBS_BY_USER", jobs, BY_CALLER),
#undef VIEW
};
enum {
    N_VIEWS = sizeof(info_views) / sizeof(*info_views)
};

const struct sql_column *sql_info_columns(const char *view, size_t *n)
{
    for (size_t i = 0; i < N_VIEWS; i++) {
        if (strcmp(info_views[i].name, view))
            continue;
        *n = info_views[i].n;
        return info_views[i].columns;
    }
    *n = 0;
    return NULL;
}

void sql_info_row(struct sql_info_sink *s, const char *const *literals,
                  size_t n)
{
    buf_puts(s->rows, s->n_rows++ ? ",(" : "(");
    for (size_t i = 0; i < s->n_columns; i++) {
        buf_puts(s->rows, i ? "," : "");
        buf_puts(s->rows, i < n && literals[i] ? literals[i] : "NULL");
    }
    buf_putc(s->rows, ')');
}

static const char *text(struct info_sink_arg *a, struct str s)
{
    return s.p ? quote_sql(a->b->mem, s) : "NULL";
}

static const char *number(struct info_sink_arg *a, int64_t v)
{
    return arena_printf(a->b->mem, "%lld", (long long)v);
}

static const char *yes_no(bool v)
{
    return v ? "'YES'" : "'NO'";
}

static void table_names(struct info_sink_arg *a, const struct sql_table *t,
                        const char **v)
{
    v[0] = text(a, a->project);
    v[1] = text(a, a->dataset);
    v[2] = text(a, t->table);
}

static void visit_tables(struct info_sink_arg *a, const struct sql_table *t)
{
    const char *v[8];

    table_names(a, t, v);
    v[3] = text(a, str_from(t->kind       ? t->kind
                            : t->view_sql ? "VIEW"
                                          : "BASE TABLE"));
    v[4] = yes_no(!t->view_sql);
    v[5] = "'NO'";
    v[6] = number(a, t->created_us);
    v[7] = text(a, str_from(t->ddl));
    sql_info_row(a->sink, v, 8);
}

static size_t clustering(const struct sql_table *t, struct str name)
{
    for (size_t i = 0; i < t->n_clustering; i++) {
        if (str_ieq(str_from(t->clustering[i]), name))
            return i + 1;
    }
    return 0;
}

static void visit_columns(struct info_sink_arg *a, const struct sql_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        size_t cluster = clustering(t, c->name);
        const char *v[18];
        table_names(a, t, v);
        v[3] = text(a, c->name);
        v[4] = number(a, (int64_t)i + 1);
        v[5] = yes_no(!c->required);
        v[6] = text(a, str_from(column_type_text(a->b->mem, c, false)));
        v[7] = "'NEVER'";
        v[8] = v[9] = NULL;
        v[10] = yes_no(c->hidden);
        v[11] = NULL;
        v[12] = "'NO'";
        v[13] = yes_no(t->partition_by &&
                       str_ieq(str_from(t->partition_by), c->name));
        v[14] = cluster ? number(a, (int64_t)cluster) : NULL;
        v[15] = "'NULL'";
        v[16] = c->default_sql ? text(a, str_from(c->default_sql)) : "'NULL'";
        v[17] = NULL;
        sql_info_row(a->sink, v, 18);
    }
}

static void field_rows(struct info_sink_arg *a, const struct sql_table *t,
                       struct str column, const char *path,
                       const struct sql_type *type, struct str description)
{
    const struct sql_type *inner = type->kind == T_ARRAY ? type->elem : type;
    const char *v[7];

    table_names(a, t, v);
    v[3] = text(a, column);
    v[4] = text(a, str_from(path));
    v[5] = text(a, str_from(type_name(a->b->mem, type)));
    v[6] = description.len ? text(a, description) : NULL;
    sql_info_row(a->sink, v, 7);
    for (size_t i = 0; inner->kind == T_STRUCT && i < inner->n_fields; i++)
        field_rows(a, t, column,
                   arena_printf(a->b->mem, "%s.%.*s", path,
                                STR_ARG(inner->fields[i].name)),
                   inner->fields[i].type, STR_NULL);
}

static void visit_fields(struct info_sink_arg *a, const struct sql_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        field_rows(a, t, c->name,
                   arena_strndup(a->b->mem, c->name.p, c->name.len), c->type,
                   c->description);
    }
}

static void visit_options(struct info_sink_arg *a, const struct sql_table *t)
{
    for (size_t i = 0; i < t->n_options; i++) {
        const char *v[6];
        table_names(a, t, v);
        for (size_t k = 0; k < 3; k++)
            v[3 + k] = text(a, str_from(t->options[3 * i + k]));
        sql_info_row(a->sink, v, 6);
    }
}

static void visit_views(struct info_sink_arg *a, const struct sql_table *t)
{
    const char *v[6];

    if (!t->view_sql)
        return;
    table_names(a, t, v);
    v[3] = text(a, str_from(t->view_sql));
    v[4] = NULL;
    v[5] = "'YES'";
    sql_info_row(a->sink, v, 6);
}

static void on_table(void *to, const struct sql_table *t)
{
    static const struct {
        const char *view;
        void (*visit)(struct info_sink_arg *, const struct sql_table *);
    } by_name[] = {{"TABLES", visit_tables},
                   {"COLUMNS", visit_columns},
                   {"COLUMN_FIELD_PATHS", visit_fields},
                   {"TABLE_OPTIONS", visit_options},
                   {"VIEWS", visit_views}};
    struct info_sink_arg *a = to;

    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++) {
        if (!strcmp(by_name[i].view, a->view))
            by_name[i].visit(a, t);
    }
}

static void on_dataset(void *to, const struct sql_dataset *d)
{
    struct info_sink_arg *a = to;
    const char *v[7] = {text(a, a->project),
                        text(a, d->dataset),
                        NULL,
                        number(a, d->created_us),
                        number(a, d->modified_us),
                        text(a, str_from(d->location ? d->location : "US")),
                        text(a, str_from(d->ddl))};

    sql_info_row(a->sink, v, 7);
}

static const struct info_view *find_view(struct binder *b,
                                         const struct ast_path *path, size_t at,
                                         struct info_sink_arg *a)
{
    struct str name = at + 1 < path->n ? path->part[at + 1] : STR_NULL;

    a->project = str_from(b->catalog->project);
    if (at == 1)
        a->dataset = path->part[0];
    if (at == 2) {
        a->project = path->part[0];
        a->dataset = path->part[1];
    }
    if (a->dataset.len > 7 && str_ieq(str_of(a->dataset.p, 7), STR("region-")))
        a->dataset = STR_NULL;
    for (size_t i = 0; i < N_VIEWS; i++) {
        if (str_ieq(str_from(info_views[i].name), name))
            return &info_views[i];
    }
    bind_refuse(b, path->at, "INFORMATION_SCHEMA.%.*s", STR_ARG(name));
}

static void each_dataset_table(void *to, const struct sql_dataset *d)
{
    struct info_sink_arg *a = to, one = *a;

    one.dataset = d->dataset;
    a->b->catalog->each_table(a->b->catalog->arg, a->project, d->dataset,
                              a->b->mem, on_table, &one);
}

static void fill(struct binder *b, const struct info_view *view,
                 const struct ast_path *path, struct info_sink_arg *a)
{
    const struct sql_catalog *c = b->catalog;
    struct sql_dataset d;

    if (view->source == BY_DATASET) {
        if (c->each_dataset)
            c->each_dataset(c->arg, a->project, b->mem, on_dataset, a);
        return;
    }
    if (a->dataset.len && c->dataset_get &&
        c->dataset_get(c->arg, a->project, a->dataset, b->mem, &d) ==
            RC_NOT_FOUND)
        bind_error(b, "notFound", (long)path->at,
                   arena_printf(b->mem,
                                "Not found: Dataset %.*s:%.*s was not "
                                "found in location US",
                                STR_ARG(a->project), STR_ARG(a->dataset)));
    if (view->source == BY_CALLER) {
        if (c->info &&
            c->info(c->arg, view->name, a->project, a->dataset, a->sink))
            bind_error(b, "backendError", (long)path->at,
                       arena_printf(b->mem,
                                    "INFORMATION_SCHEMA.%s cannot be read",
                                    view->name));
    } else if (a->dataset.len && c->each_table) {
        c->each_table(c->arg, a->project, a->dataset, b->mem, on_table, a);
    } else if (c->each_dataset && c->each_table) {
        c->each_dataset(c->arg, a->project, b->mem, each_dataset_table, a);
    }
}

static const struct sql_type *type_of(struct arena *mem,
                                      const struct sql_column *c)
{
    struct sql_field *fields;

    if (c->precision != T_STRUCT)
        return type_scalar((enum sql_type_kind)c->precision);
    fields = ARENA_ARRAY(mem, struct sql_field, c->n_fields);
    for (size_t i = 0; i < c->n_fields; i++)
        fields[i] =
            (struct sql_field){c->fields[i].name, type_of(mem, &c->fields[i])};
    return type_struct(mem, fields, c->n_fields);
}

const char *bind_info_schema(struct binder *b, const struct ast_path *path,
                             struct rel *r, const char *alias)
{
    struct info_sink_arg a = {.b = b};
    struct sql_info_sink sink = {.b = b};
    const struct info_view *view;
    const char *sql;
    size_t at = 0;

    while (!str_ieq(path->part[at], STR("INFORMATION_SCHEMA")))
        at++;
    view = find_view(b, path, at, &a);
    if (view->source != BY_DATASET && !a.dataset.len && at == 0 &&
        b->catalog->dataset)
        a.dataset = str_from(b->catalog->dataset);
    a.view = view->name;
    a.sink = &sink;
    sink.n_columns = view->n;
    sink.rows = arena_buf(b->mem);
    fill(b, view, path, &a);
    r->cols = ARENA_ARRAY(b->mem, struct col, view->n);
    r->n_cols = view->n;
    sql = "SELECT ";
    for (size_t i = 0; i < view->n; i++) {
        r->cols[i] =
            (struct col){view->columns[i].name,
                         type_of(b->mem, &view->columns[i]),
                         arena_printf(b->mem, "%s.column%zu", alias, i + 1),
                         false,
                         -1,
                         false};
        sql = arena_printf(b->mem, "%s%sNULL AS column%zu", sql, i ? "," : "",
                           i + 1);
    }
    if (sink.n_rows)
        sql = arena_cat(b->mem, "(VALUES ", arena_buf_take(b->mem, sink.rows),
                        ")", NULL);
    else
        sql = arena_cat(b->mem, "(", sql, " WHERE 0)", NULL);
    b->stmt->deterministic = false;
    return sql;
}
