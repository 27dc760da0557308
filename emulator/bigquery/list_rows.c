/* SPDX-License-Identifier: Apache-2.0 */
/* tabledata.list: pages of a table's rows in the order in which they came,
 * without those in the streaming buffer. */
#include <stdio.h>

#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/handlers.h"
#include "emulator/bigquery/list_pick.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/resource.h"
#include "emulator/bigquery/results.h"
#include "emulator/bigquery/sql/fn_bridge.h"
#include "emulator/bigquery/sql/show.h"
#include "emulator/bigquery/stream.h"

enum {
    ROWS_MAX = 100000,
    PAGE_BYTES = 10 << 20 /* of a page; at least one row is in it */
};

struct listing {
    struct call *call;
    struct table *t;
    const struct sql_column **columns; /* the selected ones */
    const struct pick **picks;         /* what of each */
    size_t n;
    enum sql_ts_format ts;
    bool has_part;
    int64_t part, from_rowid, skip, max, total;
};

/* The format that a call asks for its TIMESTAMPs. */
enum sql_ts_format list_ts_format(const struct call *c)
{
    struct str format = call_param(c, "formatOptions.timestampOutputFormat");

    if (str_eq(format, STR("ISO8601_STRING")))
        return SQL_TS_ISO8601;
    if (str_eq(format, STR("INT64")) ||
        call_bool(c, "formatOptions.useInt64Timestamp"))
        return SQL_TS_INT64;
    return SQL_TS_FLOAT;
}

/* Rows come in the schema's order, whatever was the wish's. */
static int select_columns(struct listing *l)
{
    struct table *t = l->t;
    struct pick **all;

    if (list_pick(call_param(l->call, "selectedFields"), t->columns,
                  t->n_columns, t->name.p, &t->mem, &all, &l->call->fail))
        return RC_INVALID;
    l->columns = MEM_ARRAY(const struct sql_column *, t->n_columns + 1);
    l->picks = MEM_ARRAY(const struct pick *, t->n_columns + 1);
    for (size_t i = 0; i < t->n_columns; i++)
        if (all[i]) {
            l->picks[l->n] = all[i];
            l->columns[l->n++] = &t->columns[i];
        }
    return RC_OK;
}

static void put_where(struct buf *sql, const struct listing *l)
{
    const struct table *t = l->t;
    int64_t last = stream_last_flushed(t, l->call->now_us);

    buf_printf(sql, " FROM %s WHERE %s > %lld", t->physical, t->rowid,
               (long long)l->from_rowid);
    if (last != INT64_MAX)
        buf_printf(sql, " AND %s <= %lld", t->rowid, (long long)last);
    if (l->has_part)
        buf_printf(sql, " AND \"%s\" >= %lld AND \"%s\" < %lld", t->part.by,
                   (long long)l->part, t->part.by,
                   (long long)partition_next(&t->part, l->part));
}

static sqlite3_stmt *rows_statement(const struct listing *l)
{
    sqlite3_stmt *s = NULL;
    struct buf sql;

    buf_init(&sql, 4 << 20);
    buf_printf(&sql, "SELECT %s", l->t->rowid);
    for (size_t i = 0; i < l->n; i++)
        buf_printf(&sql, ",\"%.*s\"", STR_ARG(l->columns[i]->name));
    put_where(&sql, l);
    buf_printf(&sql, " ORDER BY %s LIMIT %lld OFFSET %lld", l->t->rowid,
               (long long)l->max + 1, (long long)l->skip);
    sqlite3_prepare_v2(l->call->db->h, sql.data, -1, &s, NULL);
    buf_fini(&sql);
    return s;
}

static void put_row(struct buf *out, const struct listing *l, sqlite3_stmt *s)
{
    buf_puts(out, "{\"f\":[");
    for (size_t i = 0; i < l->n; i++) {
        struct value v;

        value_from_sqlite(sqlite3_column_value(s, (int)i + 1), &v);
        buf_puts(out, i ? ",{\"v\":" : "{\"v\":");
        show_picked(out, l->picks[i]->type, l->picks[i], &v, l->ts);
        buf_putc(out, '}');
    }
    buf_puts(out, "]}");
}

static void put_rows(struct listing *l, sqlite3_stmt *s)
{
    struct buf *out = &l->call->out;
    size_t begin = out->len;
    int64_t n = 0, last = l->from_rowid;
    int step;

    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        if (n == l->max || (n && out->len - begin > PAGE_BYTES))
            break;
        buf_puts(out, n++ ? "," : ",\"rows\":[");
        put_row(out, l, s);
        last = sqlite3_column_int64(s, 0);
    }
    if (n)
        buf_putc(out, ']');
    if (step == SQLITE_ROW && l->max > 0)
        buf_printf(out, ",\"pageToken\":\"r%lld\"", (long long)last);
    l->call->n = (uint64_t)n;
}

static int count_rows(struct listing *l, struct fail *f)
{
    sqlite3_stmt *s = NULL;
    struct buf sql;

    if (partition_known(l->call->db, l->t, f))
        return RC_INVALID;
    l->total = l->t->n_rows;
    if (!l->has_part && stream_last_flushed(l->t, l->call->now_us) == INT64_MAX)
        return RC_OK;
    buf_init(&sql, 64 << 10);
    buf_puts(&sql, "SELECT count(*)");
    l->from_rowid = INT64_MIN;
    put_where(&sql, l);
    if (sqlite3_prepare_v2(l->call->db->h, sql.data, -1, &s, NULL) ==
            SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        l->total = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    buf_fini(&sql);
    return RC_OK;
}

static int read_position(struct listing *l)
{
    struct call *c = l->call;
    struct str token = call_param(c, "pageToken");

    if (call_number(c, "maxResults", ROWS_MAX, &l->max) ||
        call_number(c, "startIndex", 0, &l->skip))
        return RC_INVALID;
    if (l->max > ROWS_MAX)
        l->max = ROWS_MAX;
    l->from_rowid = INT64_MIN;
    if (!token.len)
        return RC_OK;
    l->skip = 0;
    if (token.p[0] != 'r' ||
        !str_to_i64(str_of(token.p + 1, token.len - 1), &l->from_rowid))
        return fail_set(&c->fail, "invalid", "Invalid page token");
    return RC_OK;
}

static int find(struct listing *l)
{
    struct call *c = l->call;
    struct str name, decorator;
    int rc;

    partition_split(c->vars[2], &name, &decorator);
    rc = table_load(c->db, c->vars[0], c->vars[1], name, &l->t, &c->fail);
    if (rc)
        return rc;
    if (l->t->view_sql)
        return fail_set(&c->fail, "invalid",
                        "Cannot list a table of type VIEW.");
    if (!decorator.p)
        return RC_OK;
    l->has_part = true;
    return partition_decorator(&l->t->part, decorator, &l->part, &c->fail);
}

void tabledata_list(struct call *c)
{
    struct listing l = {.call = c, .ts = list_ts_format(c)};
    sqlite3_stmt *s;
    char etag[40];
    int rc;

    if (results_is_anonymous(c->vars[1])) {
        results_table_list(c);
        return;
    }
    rc = find(&l);
    if (rc == RC_OK)
        rc = select_columns(&l);
    if (rc == RC_OK)
        rc = count_rows(&l, &c->fail);
    if (rc == RC_OK)
        rc = read_position(&l);
    if (rc == RC_OK) {
        table_etag(l.t, etag);
        buf_printf(&c->out,
                   "{\"kind\":\"bigquery#tableDataList\",\"etag\":\"%s\","
                   "\"totalRows\":\"%lld\"",
                   etag, (long long)l.total);
        s = rows_statement(&l);
        if (s)
            put_rows(&l, s);
        else
            call_fail(c, "internalError", "Cannot read the table: %s",
                      sqlite3_errmsg(c->db->h));
        sqlite3_finalize(s);
        buf_putc(&c->out, '}');
        call_reply(c, 200);
    }
    mem_free(l.columns);
    mem_free(l.picks);
    table_free(l.t);
}
