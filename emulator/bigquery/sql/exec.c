/* SPDX-License-Identifier: Apache-2.0 */
/* Running a bound statement: steps in order, rows out, one savepoint around
 * what changes anything. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/bind.h"
#include "emulator/bigquery/sql/fn_bridge.h"
#include "emulator/bigquery/sql/show.h"
#include "emulator/bigquery/sql/wide.h"

enum {
    PROGRESS_STEPS = 20000
};

struct sql_run {
    struct sql_stmt *stmt;
    sqlite3 *db;
    sqlite3_stmt *rows;
    struct sql_limits limits;
    struct sql_counts counts;
    bool in_savepoint, watching;
};

void sql_damage_text(sqlite3 *db, char *out, size_t size)
{
    const char *path = sqlite3_db_filename(db, "main");

    /* the file of a service without a state folder has no name */
    if (path && path[0] && access(path, F_OK) == 0)
        snprintf(out, size,
                 "%s is damaged (%s): stop the emulator and move that file "
                 "away, or give another --state",
                 path, sqlite3_errmsg(db));
    else
        snprintf(out, size,
                 "the temporary file of the tables is damaged (%s): start the "
                 "emulator anew",
                 sqlite3_errmsg(db));
}

/* What SQLite says in its own words is said in BigQuery's. */
static int fail(struct sql_run *run, int rc, struct sql_error *err)
{
    const char *text = sqlite3_errmsg(run->db);

    *err = (struct sql_error){.reason = "invalidQuery"};
    rc &= 0xff;
    if (rc == SQLITE_INTERRUPT) {
        bool late = run->limits.deadline_us &&
                    clock_mono_us() > run->limits.deadline_us;
        err->reason = "stopped";
        snprintf(err->text, sizeof(err->text), "%s",
                 late ? "Job timed out" : "Job execution was cancelled");
        return late ? RC_TIMEOUT : RC_CANCELLED;
    }
    if (!strcmp(text, "parser stack overflow") ||
        strstr(text, "Expression tree is too large"))
        text = "Query is too complex: expressions are nested too deeply";
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        err->reason = "backendError";
        snprintf(err->text, sizeof(err->text), "The table is busy, try again");
        return RC_UNAVAILABLE;
    }
    if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) {
        err->reason = "tableUnavailable"; /* clients do not repeat it */
        sql_damage_text(run->db, err->text, sizeof(err->text));
        return RC_MALFORMED;
    }
    if (rc == SQLITE_FULL || rc == SQLITE_IOERR || rc == SQLITE_NOMEM ||
        rc == SQLITE_READONLY || rc == SQLITE_CANTOPEN) {
        err->reason = "backendError";
        snprintf(err->text, sizeof(err->text), "Storage failed: %s", text);
        return RC_IO;
    }
    snprintf(err->text, sizeof(err->text), "%s", text);
    return RC_INVALID;
}

static int on_progress(void *arg)
{
    struct sql_run *run = arg;

    if (run->limits.cancel && atomic_load(run->limits.cancel))
        return 1;
    return run->limits.deadline_us && clock_mono_us() > run->limits.deadline_us;
}

static void watch(struct sql_run *run)
{
    if (!run->limits.cancel && !run->limits.deadline_us)
        return;
    sqlite3_progress_handler(run->db, PROGRESS_STEPS, on_progress, run);
    run->watching = true;
}

static int bind_params(sqlite3_stmt *s, const struct sql_params *ps)
{
    int n = sqlite3_bind_parameter_count(s), rc = SQLITE_OK;

    for (int i = 0; ps && i < n && (size_t)i < ps->n && !rc; i++) {
        const struct param *p = &ps->list[i];
        switch (p->kind) {
        case PARAM_INT:
            rc = sqlite3_bind_int64(s, i + 1, p->i);
            break;
        case PARAM_REAL:
            rc = isnan(p->d)
                     ? sqlite3_bind_text(s, i + 1, "NaN", 3, SQLITE_STATIC)
                     : sqlite3_bind_double(s, i + 1, p->d);
            break;
        case PARAM_TEXT:
            rc = sqlite3_bind_text64(s, i + 1, p->s.p ? p->s.p : "", p->s.len,
                                     SQLITE_STATIC, SQLITE_UTF8);
            break;
        case PARAM_BLOB:
            rc = p->s.len ? sqlite3_bind_blob64(s, i + 1, p->s.p, p->s.len,
                                                SQLITE_STATIC)
                          : sqlite3_bind_zeroblob(s, i + 1, 0);
            break;
        default:
            rc = sqlite3_bind_null(s, i + 1);
        }
    }
    return rc;
}

static int prepare(struct sql_run *run, const char *sql, sqlite3_stmt **out)
{
    char *wide = wide_apply(run->stmt, sql);
    int rc = sqlite3_prepare_v2(run->db, wide ? wide : sql, -1, out, NULL);

    mem_free(wide);
    if (rc == SQLITE_OK)
        rc = bind_params(*out, run->stmt->plan->params);
    return rc;
}

static int run_step(struct sql_run *run, const struct step *step,
                    struct sql_error *err)
{
    sqlite3_stmt *s = NULL;
    int64_t changed;
    int rc = prepare(run, step->sql, &s);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && step->kind == STEP_CHECK) {
        *err = (struct sql_error){.reason = "invalidQuery"};
        snprintf(err->text, sizeof(err->text), "%s", step->error);
        sqlite3_finalize(s);
        return RC_INVALID;
    }
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(s);
    changed = sqlite3_changes64(run->db);
    if (rc != SQLITE_DONE) {
        rc = fail(run, rc, err);
        sqlite3_finalize(s);
        return rc;
    }
    sqlite3_finalize(s);
    if (step->kind == STEP_INSERT)
        run->counts.inserted += changed;
    else if (step->kind == STEP_UPDATE)
        run->counts.updated += changed;
    else if (step->kind == STEP_DELETE)
        run->counts.deleted += changed;
    return RC_OK;
}

static int plain(struct sql_run *run, const char *sql, struct sql_error *err)
{
    int rc = sqlite3_exec(run->db, sql, NULL, NULL, NULL);
    return rc ? fail(run, rc, err) : RC_OK;
}

static int run_changes(struct sql_run *run, const struct step *steps,
                       struct sql_error *err)
{
    int rc = plain(run, "SAVEPOINT bq", err);

    if (rc)
        return rc;
    run->in_savepoint = true;
    for (const struct step *s = steps; s && rc == RC_OK; s = s->next)
        rc = run_step(run, s, err);
    if (rc == RC_OK)
        rc = plain(run, "RELEASE bq", err);
    if (rc != RC_OK) {
        sqlite3_progress_handler(run->db, 0, NULL, NULL);
        sqlite3_exec(run->db, "ROLLBACK TO bq; RELEASE bq", NULL, NULL, NULL);
    }
    run->in_savepoint = false;
    return rc;
}

/* CTAS: the query's rows go into the table just made. */
static int fill_table(struct sql_run *run, const char *into,
                      struct sql_error *err)
{
    const struct step *query = run->stmt->plan->steps;
    struct step insert = {.kind = STEP_INSERT};
    struct arena mem;
    int rc;

    arena_init(&mem);
    insert.sql =
        arena_cat(&mem, "INSERT INTO ", quote_name(&mem, str_from(into)), " ",
                  query->sql, NULL);
    rc = run_changes(run, &insert, err);
    arena_fini(&mem);
    return rc;
}

int sql_open(struct sql_stmt *stmt, sqlite3 *db,
             const struct sql_limits *limits, const char *into,
             struct sql_run **out, struct sql_error *err)
{
    struct sql_run *run = MEM_NEW(struct sql_run);
    struct step *first = stmt->plan->steps;
    int rc = RC_OK;

    run->stmt = stmt;
    run->db = db;
    if (limits)
        run->limits = *limits;
    *err = (struct sql_error){.reason = "invalidQuery"};
    watch(run);
    if (first && first->kind == STEP_QUERY && into) {
        rc = fill_table(run, into, err);
    } else if (first && first->kind == STEP_QUERY) {
        rc = prepare(run, first->sql, &run->rows);
        if (rc)
            rc = fail(run, rc, err);
    } else if (first) {
        rc = run_changes(run, first, err);
    }
    if (rc) {
        sql_close(run);
        return rc;
    }
    *out = run;
    return RC_OK;
}

static void get(struct sql_run *run, size_t i, struct value *v)
{
    value_from_sqlite(sqlite3_column_value(run->rows, (int)i), v);
    if (v->kind == FN_INT && run->stmt->columns[i].type->kind == T_FLOAT64) {
        v->kind = FN_REAL;
        v->d = (double)v->i;
    }
}

static bool has_null_element(const struct sql_type *t, const struct value *v)
{
    struct buf scratch;
    struct elems e;
    struct value item;
    bool bad = false;

    if (v->kind != FN_TEXT || (t->kind != T_ARRAY && t->kind != T_STRUCT))
        return false;
    fn_buf(&scratch);
    elems_init(&e, v->s);
    for (size_t i = 0; !bad && elems_next(&e, &item, &scratch); i++) {
        if (t->kind == T_ARRAY)
            bad = item.kind == FN_NULL || has_null_element(t->elem, &item);
        else if (i < t->n_fields)
            bad = has_null_element(t->fields[i].type, &item);
    }
    buf_fini(&scratch);
    return bad;
}

/* Results cannot hold arrays with NULL elements (Array type). */
static int check_arrays(struct sql_run *run, struct sql_error *err)
{
    for (size_t i = 0; i < run->stmt->n_columns; i++) {
        const struct sql_column *c = &run->stmt->columns[i];
        struct value v;
        if (c->type->kind != T_ARRAY && c->type->kind != T_STRUCT)
            continue;
        get(run, i, &v);
        if (!has_null_element(c->type, &v))
            continue;
        *err = (struct sql_error){.reason = "invalidQuery"};
        snprintf(err->text, sizeof(err->text),
                 "Array cannot have a null element; error in writing field "
                 "%.*s",
                 STR_ARG(c->name));
        return RC_INVALID;
    }
    return 1;
}

int sql_step(struct sql_run *run, struct sql_error *err)
{
    int rc;

    if (!run->rows)
        return 0;
    rc = sqlite3_step(run->rows);
    if (rc == SQLITE_ROW)
        return check_arrays(run, err);
    if (rc == SQLITE_DONE)
        return 0;
    return fail(run, rc, err);
}

void sql_get_counts(const struct sql_run *run, struct sql_counts *out)
{
    *out = run->counts;
}

void sql_close(struct sql_run *run)
{
    if (!run)
        return;
    sqlite3_finalize(run->rows);
    if (run->watching)
        sqlite3_progress_handler(run->db, 0, NULL, NULL);
    mem_free(run);
}

void sql_row_json(struct sql_run *run, enum sql_ts_format ts, struct buf *out)
{
    struct value v;

    buf_puts(out, "{\"f\":[");
    for (size_t i = 0; i < run->stmt->n_columns; i++) {
        get(run, i, &v);
        buf_puts(out, i ? ",{\"v\":" : "{\"v\":");
        show_rest(out, run->stmt->columns[i].type, &v, ts);
        buf_putc(out, '}');
    }
    buf_puts(out, "]}");
}

void sql_row_object(struct sql_run *run, struct buf *out)
{
    struct value v;
    int n = 0;

    buf_putc(out, '{');
    for (size_t i = 0; i < run->stmt->n_columns; i++) {
        get(run, i, &v);
        if (v.kind == FN_NULL)
            continue;
        if (n++)
            buf_putc(out, ',');
        buf_json_str(out, run->stmt->columns[i].name);
        buf_putc(out, ':');
        show_json(out, run->stmt->columns[i].type, &v, SHOW_EXPORT);
    }
    buf_putc(out, '}');
}

/* A bound that turns out NULL leaves nothing: no row compares with NULL. */
static int one_bound(struct sql_run *run, const char *expr, int64_t *out,
                     bool *empty, struct sql_error *err)
{
    sqlite3_stmt *s = NULL;
    char *sql;
    int rc;

    if (!expr)
        return RC_OK;
    sql = mem_printf("SELECT %s", expr);
    rc = prepare(run, sql, &s);
    mem_free(sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *empty |= sqlite3_column_type(s, 0) == SQLITE_NULL;
        *out = sqlite3_column_int64(s, 0);
        rc = RC_OK;
    } else {
        rc = fail(run, rc, err);
    }
    sqlite3_finalize(s);
    return rc;
}

/* Which columns of a wildcard's table are named, by those of the whole. */
static void use_columns(struct sql_stmt *stmt, struct sql_ref *r)
{
    const struct sql_table *like = r->group->like;
    bool *used = ARENA_ARRAY(&stmt->plan->mem, bool, r->table.n_columns + 1);

    memset(used, 0, r->table.n_columns + 1);
    for (size_t i = 0; i < r->table.n_columns; i++)
        for (size_t k = 0; k < like->n_columns; k++)
            used[i] |= r->group->used[k] &&
                       str_ieq(r->table.columns[i].name, like->columns[k].name);
    r->used = used;
}

/* Does the filter on _TABLE_SUFFIX leave this table? */
static int is_left(struct sql_run *run, const struct sql_ref *r, bool *out,
                   struct sql_error *err)
{
    struct arena *mem = &run->stmt->plan->mem;
    size_t behind = r->group->prefix_len;
    struct str suffix =
        str_of(r->table.table.p + behind, r->table.table.len - behind);
    int64_t holds = 0;
    bool null = false;
    int rc;

    *out = true;
    if (!r->group->filter)
        return RC_OK;
    rc = one_bound(run,
                   arena_cat(mem, "(", r->group->filter, ") FROM (SELECT ",
                             quote_sql(mem, suffix), " AS suffix) AS ",
                             r->group->alias, NULL),
                   &holds, &null, err);
    *out = holds && !null;
    return rc;
}

int sql_prune(struct sql_stmt *stmt, sqlite3 *db, struct sql_error *err)
{
    struct sql_run run = {.stmt = stmt, .db = db};

    for (size_t i = 0; i < stmt->n_refs; i++) {
        struct sql_ref *r = &stmt->refs[i];
        bool empty = false, left = true;
        int rc;

        r->low = INT64_MIN;
        r->high = INT64_MAX;
        r->pruned = r->prune_low || r->prune_high;
        rc = one_bound(&run, r->prune_low, &r->low, &empty, err);
        if (rc == RC_OK)
            rc = one_bound(&run, r->prune_high, &r->high, &empty, err);
        if (rc == RC_OK && r->group)
            rc = is_left(&run, r, &left, err);
        if (rc)
            return rc;
        if (r->group)
            use_columns(stmt, r);
        if (empty || !left) {
            r->pruned = true;
            r->low = 1;
            r->high = 0;
        }
    }
    return RC_OK;
}
