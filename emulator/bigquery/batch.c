/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/batch.h"

#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/batch_default.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/sql/civil.h"

enum {
    PAST_DAYS = 3650,
    FUTURE_DAYS = 366
};

void batch_init(struct batch *b, const struct table *t, int64_t now_us)
{
    *b = (struct batch){.table = t, .now_us = now_us};
    b->seen = MEM_ARRAY(uint32_t, t->n_columns + 1);
}

void batch_reset(struct batch *b)
{
    for (size_t i = 0; i < b->n_rows; i++)
        mem_free(b->rows[i].error);
    cell_mem_fini(&b->mem);
    b->n_rows = b->n_cells = b->n_bad = 0;
    memset(b->seen, 0, (b->table->n_columns + 1) * sizeof(*b->seen));
}

void batch_fini(struct batch *b)
{
    batch_reset(b);
    mem_free(b->rows);
    mem_free(b->cells);
    mem_free(b->seen);
    batch_defaults_free(b->defaults);
}

/* --- reading -------------------------------------------------------------- */

static void *grown(void *p, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 64;
    void *bigger = mem_try_realloc(p, more * size);

    if (bigger)
        *cap = more;
    return bigger;
}

struct batch_row *batch_row(struct batch *b)
{
    struct batch_row *row;

    if (b->n_rows == b->cap_rows) {
        void *bigger = grown(b->rows, &b->cap_rows, sizeof(*b->rows));

        if (!bigger)
            return NULL;
        b->rows = bigger;
    }
    row = &b->rows[b->n_rows++];
    *row = (struct batch_row){.first = b->n_cells};
    return row;
}

bool batch_cell(struct batch *b, struct batch_row *row, uint32_t column,
                struct cell cell)
{
    if (b->n_cells == b->cap_cells) {
        void *bigger = grown(b->cells, &b->cap_cells, sizeof(*b->cells));

        if (!bigger)
            return false;
        b->cells = bigger;
    }
    cell.column = column;
    b->cells[b->n_cells++] = cell;
    b->seen[column] = (uint32_t)b->n_rows;
    row->n++;
    row->bytes += cell_size(&b->table->columns[column], &cell);
    return true;
}

void batch_refuse(struct batch *b, struct batch_row *row, const char *path,
                  const char *text)
{
    if (row->error)
        return;
    row->error = MEM_NEW(struct cell_error);
    snprintf(row->error->path, sizeof(row->error->path), "%s", path);
    snprintf(row->error->text, sizeof(row->error->text), "%s", text);
    b->n_bad++;
}

/* Most clients send columns in the schema's order. */
static int find(const struct batch *b, struct str name, size_t guess)
{
    const struct table *t = b->table;

    if (guess < t->n_columns && str_eq(t->columns[guess].name, name))
        return (int)guess;
    return fields_find(t->columns, t->n_columns, name);
}

static bool read_column(struct batch *b, struct batch_row *row,
                        struct cell_reader *r, struct str name)
{
    struct cell cell = {0};
    struct json_token t;
    size_t was;
    int at = find(b, name, row->n);
    bool ok;

    json_scan_next(r->scan, &t);
    was = cell_path_push(r, name);
    if (at < 0) {
        if (!b->ignore_unknown)
            cell_refuse(r, "no such field: %s.", r->error->path);
        ok = cell_skip(r->scan, &t);
    } else {
        ok = cell_read(r, &b->table->columns[at], &t, &cell) &&
             batch_cell(b, row, (uint32_t)at, cell);
    }
    cell_path_pop(r, was);
    return ok;
}

bool batch_read_json(struct batch *b, struct batch_row *row,
                     struct json_scan *scan, const struct json_token *t)
{
    struct cell_error error;
    struct json_token key;
    struct cell_reader r;
    bool ok = true;

    if (t->kind != JSON_T_OBJECT) {
        batch_refuse(b, row, "", "A row must be a JSON object");
        return cell_skip(scan, t);
    }
    cell_reader_init(&r, scan, &b->mem, &error);
    r.ignore_unknown = b->ignore_unknown;
    r.json_objects = b->json_objects;
    while (ok && json_scan_next(scan, &key) != JSON_T_OBJECT_END)
        ok = key.kind == JSON_T_KEY && read_column(b, row, &r, key.text);
    if (r.refused)
        batch_refuse(b, row, error.path, error.text);
    cell_reader_fini(&r);
    return ok;
}

static const struct cell *cell_of(const struct batch *b,
                                  const struct batch_row *row, int column)
{
    for (size_t i = row->first; i < row->first + row->n; i++)
        if (b->cells[i].column == (uint32_t)column)
            return &b->cells[i];
    return NULL;
}

/* BigQuery's streaming window of tables partitioned by a column. */
static void check_window(struct batch *b, struct batch_row *row, int64_t value)
{
    const struct partitioning *p = &b->table->part;
    int64_t day = US_A_DAY;
    int64_t us = p->kind == T_DATE ? value * day : value;
    char text[400];

    if (!b->streamed || strcmp(p->type, "RANGE") == 0 ||
        (us >= b->now_us - PAST_DAYS * day &&
         us <= b->now_us + FUTURE_DAYS * day))
        return;
    snprintf(text, sizeof(text),
             "Value %lld for field %s of the destination table %s:%s.%s is "
             "outside the allowed bounds. You can only stream to date range "
             "within %d days in the past and %d days in the future relative "
             "to the current date.",
             (long long)value, p->by, b->table->project.p, b->table->dataset.p,
             b->table->name.p, PAST_DAYS, FUTURE_DAYS);
    batch_refuse(b, row, p->by, text);
}

static void find_partition(struct batch *b, struct batch_row *row)
{
    const struct partitioning *p = &b->table->part;
    const struct cell *cell;

    if (partition_is_ingestion(p)) {
        row->part = b->has_part ? b->part : partition_of(p, b->now_us);
        return;
    }
    cell = cell_of(b, row, p->column);
    row->part = PARTITION_NULL;
    if (cell && cell->kind == CELL_INT) {
        row->part = partition_of(p, cell->i);
        check_window(b, row, cell->i);
    }
    if (b->has_part && row->part != b->part)
        batch_refuse(b, row, p->by,
                     "The row does not belong to the partition that the "
                     "table's decorator names");
}

void batch_end_row(struct batch *b, struct batch_row *row)
{
    const struct table *t = b->table;
    char text[400];

    for (size_t i = 0; i < t->n_columns && !row->error; i++) {
        if (b->seen[i] == b->n_rows)
            continue;
        if (t->columns[i].default_sql && b->db && !batch_default(b, row, i))
            batch_refuse(b, row, t->columns[i].name.p, "Out of memory");
        if (!t->columns[i].required || b->seen[i] == b->n_rows || row->error)
            continue;
        snprintf(text, sizeof(text), "Missing required field: %.*s.",
                 STR_ARG(t->columns[i].name));
        batch_refuse(b, row, t->columns[i].name.p, text);
    }
    if (t->part.by && !row->error)
        find_partition(b, row);
}

/* --- inserting ------------------------------------------------------------ */

static char *insert_sql(const struct table *t)
{
    bool ingestion = partition_is_ingestion(&t->part);
    struct buf sql;
    size_t len;

    buf_init(&sql, 4 << 20);
    buf_printf(&sql, "INSERT INTO %s(", t->physical);
    for (size_t i = 0; i < t->n_columns; i++)
        buf_printf(&sql, "%s\"%.*s\"", i ? "," : "",
                   STR_ARG(t->columns[i].name));
    if (ingestion)
        buf_printf(&sql, "%s\"_PARTITIONTIME\"", t->n_columns ? "," : "");
    if (!t->n_columns && !ingestion)
        buf_puts(&sql, "\"_EMPTY\"");
    buf_puts(&sql, ") VALUES(?");
    for (size_t i = 1; i < t->n_columns + ingestion; i++)
        buf_puts(&sql, ",?");
    buf_putc(&sql, ')');
    return buf_take(&sql, &len);
}

static int insert_one(const struct batch *b, const struct batch_row *row,
                      sqlite3_stmt *s)
{
    int rc = SQLITE_OK;

    for (size_t i = row->first; i < row->first + row->n && !rc; i++)
        rc = cell_bind(s, (int)b->cells[i].column + 1, &b->cells[i]);
    if (!rc && partition_is_ingestion(&b->table->part))
        rc = sqlite3_bind_int64(s, (int)b->table->n_columns + 1, row->part);
    if (!rc && sqlite3_step(s) != SQLITE_DONE)
        rc = SQLITE_ERROR;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

/* Rows of a batch mostly share their partition. */
struct sum {
    int64_t part, rows, bytes;
};

static int flush_sum(const struct batch *b, struct db *w, struct sum *sum,
                     struct fail *f)
{
    int rc = sum->rows ? partition_add(w, b->table, sum->part, sum->rows,
                                       sum->bytes, b->now_us, f)
                       : RC_OK;

    sum->rows = sum->bytes = 0;
    return rc;
}

int batch_insert(struct batch *b, struct db *w, const bool *skip,
                 struct fail *f)
{
    char *sql = insert_sql(b->table);
    struct sum sum = {0};
    struct err err = {0};
    sqlite3_stmt *s = NULL;
    int rc = RC_OK;

    db_bulk(w, b->n_rows);
    if (sqlite3_prepare_v2(w->h, sql, -1, &s, NULL))
        rc = fail_from_err(f, (db_fail(w, "inserting rows", &err), &err));
    mem_free(sql);
    for (size_t i = 0; i < b->n_rows && rc == RC_OK; i++) {
        const struct batch_row *row = &b->rows[i];

        if (row->error || (skip && skip[i]))
            continue;
        if (sum.rows && sum.part != row->part)
            rc = flush_sum(b, w, &sum, f);
        sum.part = row->part;
        sum.rows++;
        sum.bytes += row->bytes;
        if (rc == RC_OK && insert_one(b, row, s))
            rc = fail_from_err(f, (db_fail(w, "inserting rows", &err), &err));
    }
    sqlite3_finalize(s);
    return rc ? rc : flush_sum(b, w, &sum, f);
}
