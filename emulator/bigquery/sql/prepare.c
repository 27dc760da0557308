/* SPDX-License-Identifier: Apache-2.0 */
/* From text to a bound statement: parse, bind, gather. */
#include "emulator/bigquery/sql/bind_dml.h"
#include "emulator/bigquery/sql/bind_interval.h"
#include "emulator/bigquery/sql/ddl.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/json.h"
#include "emulator/bigquery/sql/parse.h"

static const char *const kind_names[] = {
#define STATEMENT(name, text) text,
#include "emulator/bigquery/sql/statement.def"
#undef STATEMENT
};

const char *sql_kind_name(enum sql_kind kind)
{
    return kind_names[kind];
}

_Noreturn void bind_error(struct binder *b, const char *reason, long at,
                          const char *text)
{
    struct sql_error *e = b->err;

    e->reason = reason;
    e->line = e->column = 0;
    if (at < 0) {
        snprintf(e->text, sizeof(e->text), "%s", text);
    } else {
        lex_position(b->text, (size_t)at, &e->line, &e->column);
        snprintf(e->text, sizeof(e->text), "%s at [%u:%u]", text, e->line,
                 e->column);
    }
    longjmp(*b->on_error, 1);
}

_Noreturn void bind_fail(struct binder *b, size_t at, const char *fmt, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(b->mem, fmt, ap);
    va_end(ap);
    bind_error(b, "invalidQuery", (long)at, text);
}

_Noreturn void bind_refuse(struct binder *b, size_t at, const char *fmt, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = arena_vprintf(b->mem, fmt, ap);
    va_end(ap);
    bind_error(
        b, "notImplemented", (long)at,
        arena_cat(b->mem, text, " is not supported by this emulator", NULL));
}

const char *bind_type_name(struct binder *b, const struct sql_type *t)
{
    return type_name(b->mem, t);
}

void add_step(struct binder *b, enum step_kind kind, const char *sql,
              const char *error)
{
    struct step *s = ARENA_NEW(b->mem, struct step);

    *s = (struct step){kind, sql, error, NULL};
    *b->steps_tail = s;
    b->steps_tail = &s->next;
}

const char *with_sql(struct binder *b)
{
    const char *head = b->recursive ? "WITH RECURSIVE " : "WITH ";
    struct buf *out;
    char *copy;

    if (!b->lifted)
        return "";
    out = arena_buf(b->mem);
    for (struct lifted *l = b->lifted; l; l = l->next) {
        buf_puts(out, l == b->lifted ? head : ", ");
        buf_puts(out, l->name);
        buf_puts(out, " AS (");
        buf_puts(out, l->sql);
        buf_putc(out, ')');
    }
    buf_putc(out, ' ');
    copy = arena_buf_take(b->mem, out);
    return copy;
}

static bool same_name(struct str a, struct str b)
{
    return a.len && str_ieq(a, b);
}

static bool is_taken(const struct sql_column *columns, size_t n,
                     struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (same_name(name, columns[i].name))
            return true;
    }
    return false;
}

/* The second `id` is id_1, the third id_2. */
static struct str free_name(struct binder *b, const struct sql_column *columns,
                            size_t n, struct str name)
{
    struct str out = name;

    for (size_t k = 1; is_taken(columns, n, out); k++)
        out = str_from(arena_printf(b->mem, "%.*s_%zu", STR_ARG(name), k));
    return out;
}

/* A value table of STRUCTs is a table of their fields. */
static struct bquery *spread(struct binder *b, struct bquery *q)
{
    struct bquery *out = ARENA_NEW(b->mem, struct bquery);
    const struct sql_type *t = q->cols[0].type;
    const char *sql = "SELECT ";

    if (!q->value_table || t->kind != T_STRUCT || !t->n_fields)
        return q;
    out->cols = ARENA_ARRAY(b->mem, struct out_col, t->n_fields);
    out->n_cols = t->n_fields;
    for (size_t i = 0; i < t->n_fields; i++) {
        out->cols[i] =
            (struct out_col){t->fields[i].name, t->fields[i].type, false, -1};
        sql = arena_printf(b->mem, "%s%sbq_field(c1,%zu) AS c%zu", sql,
                           i ? "," : "", i, i + 1);
    }
    out->sql = arena_cat(b->mem, sql, " FROM (", q->sql, ")", NULL);
    return out;
}

/* `unique`: two columns of one name are refused, else renamed. */
static void set_output(struct binder *b, const struct bquery *q, bool unique)
{
    struct sql_stmt *s = b->stmt;
    int anonymous = 0;

    s->n_columns = q->n_cols;
    s->columns = ARENA_ARRAY(b->mem, struct sql_column, q->n_cols);
    for (size_t i = 0; i < q->n_cols; i++) {
        struct sql_column *c = &s->columns[i];
        c->name = free_name(b, s->columns, i, q->cols[i].name);
        c->type = type_settled(b->mem, q->cols[i].type);
        if (unique)
            refuse_interval(b, c->type, 0, "A destination column");
        if (unique && c->name.len != q->cols[i].name.len)
            bind_error(b, "invalidQuery", -1,
                       arena_printf(b->mem,
                                    "Duplicate column names in the result are "
                                    "not supported when a destination table "
                                    "is present. Found duplicate(s): %.*s",
                                    STR_ARG(q->cols[i].name)));
        if (!c->name.len)
            c->name = str_from(arena_printf(b->mem, "f%d_", anonymous++));
    }
}

static void check_reserved(struct binder *b)
{
    for (size_t i = 0; i < b->stmt->n_columns; i++) {
        struct str name = b->stmt->columns[i].name;

        if (name_is_reserved(name))
            bind_error(b, "invalidQuery", -1,
                       arena_printf(b->mem,
                                    "Invalid field name \"%.*s\". Field names "
                                    "are not allowed to start with the "
                                    "(case-insensitive) prefixes _PARTITION, "
                                    "_TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ "
                                    "and _COLIDENTIFIER",
                                    STR_ARG(name)));
    }
}

static void check_names(struct binder *b, const struct ast_stmt *s,
                        const struct bquery *q)
{
    const char *what =
        s->kind == SQL_CREATE_VIEW ? "CREATE VIEW" : "CREATE TABLE";

    for (size_t i = 0; i < q->n_cols; i++) {
        if (!q->cols[i].name.len)
            bind_fail(b, s->query->at,
                      "%s columns must be named, but column %zu has no name",
                      what, i + 1);
        for (size_t k = 0; k < i; k++) {
            if (str_ieq(q->cols[k].name, q->cols[i].name))
                bind_fail(b, s->query->at,
                          "%s has columns with duplicate name %.*s", what,
                          STR_ARG(q->cols[i].name));
        }
    }
}

/* CREATE TABLE and VIEW ... AS: the rows have the declared types already. */
static void create_as(struct binder *b, const struct ast_stmt *s)
{
    const struct sql_column **cols;
    const struct sql_ddl *d;
    struct bquery *q;
    const char *sql;

    if (!s->query) {
        bind_ddl(b, s);
        return;
    }
    q = spread(b, bind_query(b, s->query, NULL, NULL));
    if (!s->defs && !s->columns)
        check_names(b, s, q);
    set_output(b, q, false);
    bind_ddl(b, s);
    d = b->stmt->ddl;
    cols = ARENA_ARRAY(b->mem, const struct sql_column *, d->n_columns);
    for (size_t i = 0; i < d->n_columns; i++)
        cols[i] = &d->columns[i];
    sql = query_values(b, q, s->query->at, cols, d->n_columns);
    sql = arena_cat(b->mem, "SELECT ", sql, " FROM ", lift(b, q), NULL);
    add_step(b, STEP_QUERY, arena_cat(b->mem, with_sql(b), sql, NULL), NULL);
    if (s->kind == SQL_CREATE_TABLE_AS)
        check_partition_filters(b, 0, s->at);
}

static void bind_statement(struct binder *b, const struct ast_stmt *s)
{
    struct bquery *q;

    b->stmt->kind = s->kind;
    switch (s->kind) {
    case SQL_SELECT:
        q = spread(b, bind_query(b, s->query, NULL, NULL));
        set_output(b, q, b->options->destination);
        check_reserved(b);
        add_step(b, STEP_QUERY, arena_cat(b->mem, with_sql(b), q->sql, NULL),
                 NULL);
        check_partition_filters(b, 0, s->at);
        return;
    case SQL_INSERT:
    case SQL_UPDATE:
    case SQL_DELETE:
    case SQL_TRUNCATE:
        bind_dml(b, s);
        return;
    case SQL_MERGE:
        bind_merge(b, s);
        return;
    case SQL_CREATE_TABLE_AS:
    case SQL_CREATE_VIEW:
        create_as(b, s);
        return;
    default:
        bind_ddl(b, s);
    }
}

static int rc_of(const struct sql_error *e)
{
    if (!strcmp(e->reason, "notFound"))
        return RC_NOT_FOUND;
    if (!strcmp(e->reason, "notImplemented"))
        return RC_UNSUPPORTED;
    if (!strcmp(e->reason, "resourcesExceeded"))
        return RC_TOO_LARGE;
    return RC_INVALID;
}

static int fail_early(struct sql_error *err, const char *text)
{
    *err = (struct sql_error){.reason = "invalidQuery"};
    snprintf(err->text, sizeof(err->text), "%s", text);
    return RC_INVALID;
}

static void finish(struct binder *b)
{
    if (b->n_undeclared && !b->options->dry_run)
        bind_error(b, "invalidQuery", -1, "Undeclared query parameters");
    b->stmt->undeclared = b->undeclared;
    b->stmt->n_undeclared = b->n_undeclared;
}

int sql_prepare(struct str text, const struct sql_params *params,
                const struct sql_catalog *catalog,
                const struct sql_options *options, struct sql_stmt **out,
                struct sql_error *err)
{
    struct arena mem;
    struct sql_stmt *stmt;
    struct sql_plan *plan;
    struct binder b;
    struct ast_stmt *ast;
    jmp_buf on_full, on_error;

    if (text.len > SQL_TEXT_MAX)
        return fail_early(err, "Query is too large: the text is longer than "
                               "1 MB");
    if (!json_is_utf8(text))
        return fail_early(err, "Query text is not valid UTF-8");
    *err = (struct sql_error){.reason = "invalidQuery"};
    arena_init(&mem);
    if (setjmp(on_full)) {
        arena_fini(&mem);
        fail_early(err, "Query is too complex: it needs too much memory");
        err->reason = "resourcesExceeded";
        return RC_TOO_LARGE;
    }
    mem.on_full = &on_full;
    text = arena_str(&mem, text);
    ast = parse_statement(&mem, text, err);
    if (!ast || setjmp(on_error)) {
        arena_fini(&mem);
        return rc_of(err);
    }
    stmt = ARENA_NEW(&mem, struct sql_stmt);
    plan = ARENA_NEW(&mem, struct sql_plan);
    stmt->plan = plan;
    stmt->deterministic = true;
    plan->params = params;
    b = (struct binder){.mem = &mem,
                        .text = text,
                        .err = err,
                        .on_error = &on_error,
                        .catalog = catalog,
                        .params = params,
                        .options = options,
                        .stmt = stmt};
    b.lifted_tail = &b.lifted;
    b.steps_tail = &plan->steps;
    bind_statement(&b, ast);
    finish(&b);
    stmt->may_be_wide |= b.marked && !stmt->limited;
    mem.on_full = NULL;
    plan->mem = mem;
    *out = stmt;
    return RC_OK;
}

void sql_stmt_free(struct sql_stmt *stmt)
{
    if (stmt) {
        struct arena mem = stmt->plan->mem;
        arena_fini(&mem);
    }
}
