/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and views of the catalog: found, or the error that BigQuery gives. */
#include <stdlib.h>

#include "common/rand.h"
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"
#include "emulator/bigquery/sql/parse.h"

enum {
    VIEW_DEPTH_MAX = 16
};

void resolve_path(struct binder *b, const struct ast_path *path,
                  struct str *project, struct str *dataset, struct str *table)
{
    *project = str_from(b->catalog->project);
    *dataset = STR_NULL;
    if (path->n == 1) {
        if (!b->catalog->dataset)
            bind_fail(b, path->at,
                      "Table \"%.*s\" must be qualified with a "
                      "dataset (e.g. dataset.table)",
                      STR_ARG(path->part[0]));
        *dataset = str_from(b->catalog->dataset);
        *table = path->part[0];
    } else if (path->n == 2) {
        *dataset = path->part[0];
        *table = path->part[1];
    } else if (path->n == 3) {
        *project = path->part[0];
        *dataset = path->part[1];
        *table = path->part[2];
    } else {
        bind_fail(b, path->at,
                  "Invalid table name: a name has at most three "
                  "parts, project.dataset.table");
    }
}

static const char *location(const struct binder *b)
{
    return b->catalog->location ? b->catalog->location : "US";
}

struct sql_table *find_table(struct binder *b, const struct ast_path *path)
{
    struct sql_table *t = ARENA_NEW(b->mem, struct sql_table);
    struct str project, dataset, table;
    struct sql_dataset d;
    int rc;

    resolve_path(b, path, &project, &dataset, &table);
    rc = b->catalog->table(b->catalog->arg, project, dataset, table, b->mem, t);
    if (rc == RC_OK) {
        t->project = project;
        t->dataset = dataset;
        if (!t->table.len)
            t->table = table;
        return t;
    }
    if (rc != RC_NOT_FOUND)
        bind_error(b, "internalError", -1, rc_text(rc));
    if (b->catalog->dataset_get &&
        b->catalog->dataset_get(b->catalog->arg, project, dataset, b->mem,
                                &d) == RC_NOT_FOUND)
        bind_error(b, "notFound", (long)path->at,
                   arena_printf(b->mem,
                                "Not found: Dataset %.*s:%.*s was not "
                                "found in location %s",
                                STR_ARG(project), STR_ARG(dataset),
                                location(b)));
    bind_error(b, "notFound", (long)path->at,
               arena_printf(b->mem,
                            "Not found: Table %.*s:%.*s.%.*s was not "
                            "found in location %s",
                            STR_ARG(project), STR_ARG(dataset), STR_ARG(table),
                            location(b)));
}

int add_ref(struct binder *b, const struct sql_table *t, bool is_target)
{
    struct sql_stmt *s = b->stmt;
    struct sql_ref *grown = ARENA_ARRAY(b->mem, struct sql_ref, s->n_refs + 1);

    if (s->n_refs)
        memcpy(grown, s->refs, s->n_refs * sizeof(*grown));
    s->refs = grown;
    grown[s->n_refs] = (struct sql_ref){.table = *t, .is_target = is_target};
    return (int)s->n_refs++;
}

void add_pseudo(struct binder *b, struct rel *r, const char *sql, int ref)
{
    r->cols[r->n_cols++] = (struct col){STR("_PARTITIONTIME"),
                                        type_scalar(T_TIMESTAMP),
                                        sql,
                                        true,
                                        ref,
                                        false,
                                        NULL};
    r->cols[r->n_cols++] =
        (struct col){STR("_PARTITIONDATE"),
                     type_scalar(T_DATE),
                     arena_cat(b->mem, "bq_ts_date(", sql, ",'UTC')", NULL),
                     true,
                     ref,
                     true,
                     NULL};
}

void table_rel(struct binder *b, struct rel *r, const struct sql_table *t,
               const char *alias, int ref)
{
    bool ingestion =
        t->partition_by && !strcmp(t->partition_by, "_PARTITIONTIME");

    bool *used = ARENA_ARRAY(b->mem, bool, t->n_columns + 1);

    memset(used, 0, t->n_columns + 1);
    b->stmt->refs[ref].used = used;
    r->cols = ARENA_ARRAY(b->mem, struct col, t->n_columns + 2);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct sql_column *c = &t->columns[i];
        bool is_partition = t->partition_by && !ingestion &&
                            str_ieq(c->name, str_from(t->partition_by));
        r->cols[r->n_cols++] = (struct col){
            c->name,
            c->type,
            arena_cat(b->mem, alias, ".", quote_name(b->mem, c->name), NULL),
            c->hidden,
            is_partition ? ref : -1,
            false,
            &used[i]};
    }
    if (ingestion)
        add_pseudo(b, r, arena_cat(b->mem, alias, ".\"_PARTITIONTIME\"", NULL),
                   ref);
}

/* The view's query is bound as if it stood here, under its own text. */
static const char *bind_view(struct binder *b, const struct sql_table *t,
                             struct rel *r, const char *alias, size_t at)
{
    struct binder saved = *b;
    struct ast_stmt *ast;
    struct bquery *q;
    const char *name;

    if (b->view_depth == VIEW_DEPTH_MAX)
        bind_fail(b, at, "View %.*s is nested deeper than %d views",
                  STR_ARG(t->table), VIEW_DEPTH_MAX);
    b->view_depth++;
    b->text = str_from(t->view_sql);
    ast = parse_statement(b->mem, b->text, b->err);
    if (!ast || !ast->query)
        longjmp(*b->on_error, 1);
    b->scope = NULL;
    b->ctes = NULL;
    q = bind_query(b, ast->query, NULL, NULL);
    b->text = saved.text;
    b->scope = saved.scope;
    b->ctes = saved.ctes;
    b->view_depth--;
    name = lift(b, q);
    r->cols = ARENA_ARRAY(b->mem, struct col, q->n_cols);
    r->n_cols = q->n_cols;
    for (size_t i = 0; i < q->n_cols; i++) {
        r->cols[i] = (struct col){i < t->n_columns && t->columns[i].name.len
                                      ? t->columns[i].name
                                      : q->cols[i].name,
                                  type_settled(b->mem, q->cols[i].type),
                                  arena_printf(b->mem, "%s.c%zu", alias, i + 1),
                                  false,
                                  q->cols[i].ref,
                                  false,
                                  NULL};
    }
    return name;
}

static bool is_info_schema(const struct ast_path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        if (str_ieq(path->part[i], STR("INFORMATION_SCHEMA")))
            return true;
    }
    return false;
}

/* A table's rows, of which each is drawn or not by a hash of its own: the same
 * however often the query looks at it. Of any percentage but 0 something is
 * left (page "Table sampling"), as there, so the first row is drawn always. */
static const char *sampled(struct binder *b, const struct ast_expr *percent,
                           const char *physical)
{
    struct bexpr *e = bind_expr(b, percent), *c;
    const char *limit;
    uint64_t seed;

    c = coerce(b, e, type_scalar(T_FLOAT64));
    if (!c || !(percent->kind == EX_INT || percent->kind == EX_FLOAT ||
                percent->kind == EX_PARAM))
        bind_fail(b, percent->at,
                  "TABLESAMPLE takes a number, or a parameter that is one");
    if (percent->kind != EX_PARAM &&
        strtod(arena_strndup(b->mem, percent->text.p, percent->text.len),
               NULL) > 100)
        bind_fail(b, percent->at,
                  "PERCENT argument value must be in the range [0, 100]");
    b->stmt->deterministic = false;
    rand_bytes(&seed, sizeof(seed));
    limit = arena_cat(b->mem, "bq_percent(", c->sql, ")", NULL);
    return arena_printf(b->mem,
                        "(SELECT * FROM %s WHERE bq_draw(_rowid_,%lld)<%s OR "
                        "(%s>0 AND _rowid_=(SELECT min(_rowid_) FROM %s)))",
                        physical, (long long)(seed >> 1), limit, limit,
                        physical);
}

static void check_sample(struct binder *b, const struct ast_from *f,
                         const char *what)
{
    if (f->sample)
        bind_fail(b, f->at, "TABLESAMPLE is not allowed on %s", what);
}

const char *bind_table(struct binder *b, const struct ast_from *f,
                       struct scope *s)
{
    const char *alias = arena_printf(b->mem, "t%d", ++b->next_id), *sql;
    const struct ast_path *path = &f->path;
    struct str last = path->part[path->n - 1];
    struct rel *r;

    if (str_ieq(last, STR("__TABLES__")) ||
        str_ieq(last, STR("__TABLES_SUMMARY__")))
        bind_refuse(b, f->at,
                    "The meta-table %.*s (INFORMATION_SCHEMA.TABLES "
                    "and PARTITIONS tell the same)",
                    STR_ARG(last));
    r = scope_add_rel(b, s, f->alias.len ? f->alias : last);
    if (is_info_schema(path)) {
        check_sample(b, f, "INFORMATION_SCHEMA");
        sql = bind_info_schema(b, path, r, alias);
    } else if (last.p[last.len - 1] == '*') {
        if (f->sample)
            bind_refuse(b, f->at, "TABLESAMPLE of a wildcard table");
        sql = bind_wildcard(b, path, r, alias);
    } else {
        struct sql_table *t = find_table(b, path);
        if (t->view_sql) {
            check_sample(b, f, "views");
            sql = bind_view(b, t, r, alias, f->at);
        } else {
            sql = quote_name(b->mem, str_from(t->physical));
            if (f->sample)
                sql = sampled(b, f->sample, sql);
            table_rel(b, r, t, alias, add_ref(b, t, false));
        }
    }
    for (size_t i = 0; i < r->n_cols; i++) {
        if (!r->cols[i].hidden)
            scope_add_star(b, s, &r->cols[i]);
    }
    return arena_cat(b->mem, sql, " AS ", alias, NULL);
}
