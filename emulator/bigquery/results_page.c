/* SPDX-License-Identifier: Apache-2.0 */
/* Stored rows as a client wants them: TIMESTAMPs lie as microseconds and are
 * shown in the form that was asked for. */
#include <stdio.h>

#include "common/json.h"
#include "emulator/bigquery/job.h"
#include "emulator/bigquery/results.h"
#include "emulator/bigquery/sql/show.h"

static bool has_timestamp(const struct sql_type *t)
{
    if (t->kind == T_ARRAY)
        return has_timestamp(t->elem);
    for (size_t i = 0; i < t->n_fields; i++)
        if (has_timestamp(t->fields[i].type))
            return true;
    return t->kind == T_TIMESTAMP;
}

/* --- walking a row -------------------------------------------------------- */

static void put(struct buf *out, struct json_scan *s, struct json_token *t,
                const struct sql_type *type, enum sql_ts_format ts);

/* The "v" of an object that has just begun. */
static void put_v(struct buf *out, struct json_scan *s, struct json_token *t,
                  const struct sql_type *type, enum sql_ts_format ts)
{
    json_scan_next(s, t); /* "v" */
    json_scan_next(s, t);
    buf_puts(out, "{\"v\":");
    put(out, s, t, type, ts);
    buf_putc(out, '}');
    json_scan_next(s, t); /* its end */
}

/* {"f":[{"v":...}]} whose beginning was read. */
static void put_struct(struct buf *out, struct json_scan *s,
                       struct json_token *t, const struct sql_type *type,
                       enum sql_ts_format ts)
{
    size_t i = 0;

    json_scan_next(s, t); /* "f" */
    json_scan_next(s, t); /* [ */
    buf_puts(out, "{\"f\":[");
    while (json_scan_next(s, t) == JSON_T_OBJECT && i < type->n_fields) {
        buf_puts(out, i ? "," : "");
        put_v(out, s, t, type->fields[i++].type, ts);
    }
    buf_puts(out, "]}");
    json_scan_next(s, t); /* } */
}

static void put_timestamp(struct buf *out, struct str text,
                          enum sql_ts_format ts)
{
    struct value v = {.kind = FN_INT};

    if (!str_to_i64(text, &v.i))
        v.kind = FN_NULL;
    show_rest(out, type_scalar(T_TIMESTAMP), &v, ts);
}

static void put(struct buf *out, struct json_scan *s, struct json_token *t,
                const struct sql_type *type, enum sql_ts_format ts)
{
    int n = 0;

    if (t->kind == JSON_T_NULL) {
        buf_puts(out, "null");
    } else if (type->kind == T_ARRAY && t->kind == JSON_T_ARRAY) {
        buf_putc(out, '[');
        while (json_scan_next(s, t) == JSON_T_OBJECT) {
            buf_puts(out, n++ ? "," : "");
            put_v(out, s, t, type->elem, ts);
        }
        buf_putc(out, ']');
    } else if (type->kind == T_STRUCT && t->kind == JSON_T_OBJECT) {
        put_struct(out, s, t, type, ts);
    } else if (type->kind == T_TIMESTAMP) {
        put_timestamp(out, t->text, ts);
    } else {
        buf_putc(out, '"');
        buf_str(out, t->text);
        buf_putc(out, '"');
    }
}

static void put_row(const struct results_page *p, struct str line)
{
    struct json_token t;
    struct json_scan s;
    size_t i = 0;

    json_scan_init(&s, line);
    json_scan_next(&s, &t); /* { */
    json_scan_next(&s, &t); /* "f" */
    json_scan_next(&s, &t); /* [ */
    buf_puts(p->out, "{\"f\":[");
    while (json_scan_next(&s, &t) == JSON_T_OBJECT && i < p->n_columns) {
        buf_puts(p->out, i ? "," : "");
        put_v(p->out, &s, &t, p->columns[i++].type, p->ts);
    }
    buf_puts(p->out, "]}");
    json_scan_fini(&s);
}

/* --- pages ---------------------------------------------------------------- */

static bool as_it_is(const struct results_page *p)
{
    if (p->ts == SQL_TS_INT64)
        return true;
    for (size_t i = 0; i < p->n_columns; i++)
        if (has_timestamp(p->columns[i].type))
            return false;
    return true;
}

void results_add(struct results_page *p, struct str lines)
{
    bool plain = as_it_is(p);

    while (lines.p && lines.len && !p->full) {
        struct str line = str_cut(&lines, '\n');

        if (p->skip > 0) {
            p->skip--;
            continue;
        }
        if (p->n == 0)
            p->began = p->out->len;
        if (p->n >= p->max || (p->n && p->out->len - p->began > PAGE_BYTES)) {
            p->full = true;
            break;
        }
        buf_puts(p->out, p->n++ ? "," : ",\"rows\":[");
        if (plain)
            buf_str(p->out, line);
        else
            put_row(p, line);
    }
}

void results_end(struct results_page *p)
{
    if (p->n)
        buf_putc(p->out, ']');
}
