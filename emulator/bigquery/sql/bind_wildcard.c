/* SPDX-License-Identifier: Apache-2.0 */
/* `dataset.prefix*`: all tables of that prefix as one, with _TABLE_SUFFIX
 * (Querying multiple tables using a wildcard table). The newest table gives
 * the columns; where another lacks one, it is NULL. A view among them is an
 * error, whatever a filter on _TABLE_SUFFIX leaves, and so are tables that are
 * not partitioned and clustered alike. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_query.h"

enum {
    WILDCARD_MAX = 490
}; /* SQLite's compound limit is 500 */

struct wildcard {
    struct binder *b;
    struct str prefix;
    struct sql_table *tables;
    size_t n;
    bool too_many;
    struct str view; /* the first that matches */
};

static void visit(void *to, const struct sql_table *t)
{
    struct wildcard *w = to;

    if (!str_starts(t->table, w->prefix))
        return;
    if (t->view_sql) {
        if (!w->view.len)
            w->view = t->table;
        return;
    }
    if (w->n == WILDCARD_MAX) {
        w->too_many = true;
        return;
    }
    w->tables[w->n++] = *t;
}

static const struct sql_column *column(const struct sql_table *t,
                                       struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (str_ieq(t->columns[i].name, name))
            return &t->columns[i];
    }
    return NULL;
}

static bool is_ingestion(const struct sql_table *t)
{
    return t->partition_by && !strcmp(t->partition_by, "_PARTITIONTIME");
}

/* "by time of ingestion", "by ts", "not". */
static const char *partitioned(struct binder *b, const struct sql_table *t)
{
    if (is_ingestion(t))
        return "by time of ingestion";
    return t->partition_by ? arena_cat(b->mem, "by ", t->partition_by, NULL)
                           : "not";
}

static void check_partitioned(struct binder *b, const struct sql_table *x,
                              const struct sql_table *y)
{
    const struct sql_table *plain = x->partition_by ? y : x,
                           *by = x->partition_by ? x : y;

    if (!x->partition_by && !y->partition_by)
        return;
    if (x->partition_by && y->partition_by &&
        !strcasecmp(x->partition_by, y->partition_by))
        return;
    if (!plain->partition_by && !is_ingestion(by))
        bind_error(b, "invalidQuery", -1,
                   arena_printf(b->mem,
                                "Wildcard table over non partitioning tables "
                                "and field based partitioning tables is not "
                                "yet supported, first normal table %.*s, first "
                                "column table %.*s.",
                                STR_ARG(plain->table), STR_ARG(by->table)));
    bind_error(b, "invalidQuery", -1,
               arena_printf(b->mem,
                            "Wildcard table over tables of incompatible "
                            "partitioning: %.*s is partitioned %s, %.*s %s",
                            STR_ARG(x->table), partitioned(b, x),
                            STR_ARG(y->table), partitioned(b, y)));
}

static void check_clustered(struct binder *b, const struct sql_table *x,
                            const struct sql_table *y)
{
    bool same = x->n_clustering == y->n_clustering;

    for (size_t i = 0; same && i < x->n_clustering; i++)
        same = !strcasecmp(x->clustering[i], y->clustering[i]);
    if (!same)
        bind_error(b, "invalidQuery", -1,
                   arena_printf(b->mem,
                                "Wildcard table over tables that are not "
                                "clustered alike: %.*s and %.*s",
                                STR_ARG(x->table), STR_ARG(y->table)));
}

static const char *member_sql(struct binder *b, const struct wildcard *w,
                              const struct sql_table *newest,
                              const struct sql_table *t)
{
    struct str suffix =
        str_of(t->table.p + w->prefix.len, t->table.len - w->prefix.len);
    const char *sql = "SELECT ";

    for (size_t i = 0; i < newest->n_columns; i++) {
        const struct sql_column *want = &newest->columns[i];
        const struct sql_column *has = column(t, want->name);
        if (has && !type_eq(has->type, want->type))
            bind_error(b, "invalidQuery", -1,
                       arena_printf(b->mem,
                                    "Cannot read field '%.*s' of type %s as "
                                    "%s",
                                    STR_ARG(want->name),
                                    bind_type_name(b, has->type),
                                    bind_type_name(b, want->type)));
        sql = arena_printf(b->mem, "%s%s AS c%zu,", sql,
                           has ? quote_name(b->mem, has->name) : "NULL", i + 1);
    }
    return arena_cat(b->mem, sql,
                     is_ingestion(t) ? "\"_PARTITIONTIME\" AS pt," : "",
                     quote_sql(b->mem, suffix), " AS suffix FROM ",
                     quote_name(b->mem, str_from(t->physical)), NULL);
}

static void find_members(struct binder *b, const struct ast_path *path,
                         struct wildcard *w)
{
    struct str project, dataset, table;

    resolve_path(b, path, &project, &dataset, &table);
    w->prefix = str_of(table.p, table.len - 1);
    w->tables = ARENA_ARRAY(b->mem, struct sql_table, WILDCARD_MAX);
    if (b->catalog->each_table)
        b->catalog->each_table(b->catalog->arg, project, dataset, b->mem, visit,
                               w);
    if (w->view.len)
        bind_error(b, "invalidQuery", -1,
                   arena_printf(b->mem,
                                "Views cannot be queried through prefix. First "
                                "view %.*s:%.*s.%.*s.",
                                STR_ARG(project), STR_ARG(dataset),
                                STR_ARG(w->view)));
    if (w->too_many)
        bind_error(b, "resourcesExceeded", (long)path->at,
                   "Wildcard table matches more than 490 tables");
    if (!w->n)
        bind_error(b, "notFound", (long)path->at,
                   arena_printf(b->mem,
                                "%.*s:%.*s.%.*s does not match any "
                                "table.",
                                STR_ARG(project), STR_ARG(dataset),
                                STR_ARG(table)));
    for (size_t i = 1; i < w->n; i++) {
        check_partitioned(b, &w->tables[0], &w->tables[i]);
        check_clustered(b, &w->tables[0], &w->tables[i]);
    }
}

/* Refs in a row, which know each other. */
static struct sql_group *add_refs(struct binder *b, const struct wildcard *w,
                                  const struct sql_table *newest,
                                  const char *alias)
{
    struct sql_group *g = ARENA_NEW(b->mem, struct sql_group);

    *g = (struct sql_group){
        .first = b->stmt->n_refs, .n = w->n, .like = newest, .alias = alias};
    g->prefix_len = w->prefix.len;
    g->used = ARENA_ARRAY(b->mem, bool, newest->n_columns + 1);
    memset(g->used, 0, newest->n_columns + 1);
    for (size_t i = 0; i < w->n; i++) {
        int at = add_ref(b, &w->tables[i], false);

        b->stmt->refs[at].group = g;
    }
    return g;
}

static void add_columns(struct binder *b, struct rel *r, struct sql_group *g)
{
    const struct sql_table *like = g->like;
    int ref = (int)g->first;

    r->cols = ARENA_ARRAY(b->mem, struct col, like->n_columns + 3);
    for (size_t i = 0; i < like->n_columns; i++) {
        bool by = like->partition_by &&
                  str_ieq(like->columns[i].name, str_from(like->partition_by));

        r->cols[r->n_cols++] = (struct col){
            .name = like->columns[i].name,
            .type = like->columns[i].type,
            .sql = arena_printf(b->mem, "%s.c%zu", g->alias, i + 1),
            .ref = by ? ref : -1,
            .used = &g->used[i]};
    }
    if (is_ingestion(like))
        add_pseudo(b, r, arena_cat(b->mem, g->alias, ".pt", NULL), ref);
    r->cols[r->n_cols++] =
        (struct col){.name = STR("_TABLE_SUFFIX"),
                     .type = type_scalar(T_STRING),
                     .sql = arena_cat(b->mem, g->alias, ".suffix", NULL),
                     .hidden = true,
                     .ref = -1,
                     .suffix_of = g};
}

const char *bind_wildcard(struct binder *b, const struct ast_path *path,
                          struct rel *r, const char *alias)
{
    struct wildcard w = {.b = b};
    const struct sql_table *newest;
    struct bquery q = {0};
    const char *sql = "";

    find_members(b, path, &w);
    newest = &w.tables[0];
    for (size_t i = 1; i < w.n; i++) {
        if (w.tables[i].created_us >= newest->created_us)
            newest = &w.tables[i];
    }
    for (size_t i = 0; i < w.n; i++)
        sql = arena_cat(b->mem, sql, i ? " UNION ALL " : "",
                        member_sql(b, &w, newest, &w.tables[i]), NULL);
    add_columns(b, r, add_refs(b, &w, newest, alias));
    q.sql = sql;
    return lift(b, &q);
}

/* --- _TABLE_SUFFIX in WHERE ----------------------------------------------- */

static bool is_suffix_of(struct binder *b, const struct ast_expr *x,
                         struct sql_group **g)
{
    const struct bexpr *e;

    if ((x->kind != EX_NAME && x->kind != EX_DOT) ||
        !str_ieq(x->text, STR("_TABLE_SUFFIX")))
        return false;
    e = bind_expr(b, x);
    if (!e->column || !e->column->suffix_of ||
        (*g && *g != e->column->suffix_of))
        return false;
    *g = e->column->suffix_of;
    return true;
}

static bool may_hold(const struct ast_expr *x)
{
    switch (x->kind) {
    case EX_CALL:
        return !x->call->over && !is_aggregate_name(x->text);
    case EX_CAST:
    case EX_UNARY:
    case EX_BINARY:
    case EX_BETWEEN:
    case EX_LIKE:
    case EX_IS:
    case EX_IN:
    case EX_ARRAY:
        return !x->query;
    default:
        return false;
    }
}

/* Nothing but the suffix of one wildcard, and what is the same for all rows. */
static bool is_on_suffix(struct binder *b, const struct ast_expr *x,
                         struct sql_group **g)
{
    const struct ast_expr *parts[] = {x->a, x->b, x->c};

    if (is_constant(x) || is_suffix_of(b, x, g))
        return true;
    if (!may_hold(x))
        return false;
    for (size_t i = 0; i < 3; i++)
        if (parts[i] && !is_on_suffix(b, parts[i], g))
            return false;
    for (const struct ast_expr *i = x->list; i; i = i->next)
        if (!is_on_suffix(b, i, g))
            return false;
    return true;
}

void note_suffix(struct binder *b, const struct ast_expr *x)
{
    struct sql_group *g = NULL;
    const char *sql;

    if (!is_on_suffix(b, x, &g) || !g)
        return;
    sql = bind_expr(b, x)->sql;
    if (strstr(sql, "bq_rand(") || strstr(sql, "bq_uuid("))
        return; /* another one for each row */
    g->filter =
        g->filter ? arena_cat(b->mem, "(", g->filter, ") AND (", sql, ")", NULL)
                  : sql;
}
