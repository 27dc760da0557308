/* SPDX-License-Identifier: Apache-2.0 */
/* The way out: answers of jobs.query and jobs.getQueryResults. Cells are
 * {"v":...}: scalars as text, RECORDs as {"f":[cells]}, REPEATED as [cells];
 * times as microseconds (useInt64Timestamp). */
#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "store/bigquery_wire.h"

/* What is read of one row: values point into `text`. */
struct reading {
    struct json_scan *scan; /* of the answer */
    struct json_scan cells; /* of a row in it */
    const struct schema *schema;
    struct value *values;
    struct buf text;
    size_t *from; /* where each value's bytes begin in `text` */
};

enum {
    ROW_TEXT_MAX = 16 * ROW_MAX_BYTES
};

static void append_decoded(struct buf *out, const struct json_token *t)
{
    if (!buf_reserve(out, t->text.len))
        return;
    if (t->escaped)
        out->len += json_decode(out->data + out->len, t->text);
    else
        buf_str(out, t->text);
    out->data[out->len] = '\0';
}

/* --- cells as JSON: what lies in a RECORD or is REPEATED ------------------ */

static bool put_cell(struct reading *r, const struct schema_field *f,
                     const struct json_token *t);

/* After a brace: finds the member `name`, true with its first token. The rest
 * of the object is left to end_object. */
static bool find_member(struct json_scan *s, struct str name,
                        struct json_token *t)
{
    struct str whole;

    while (json_scan_next(s, t) == JSON_T_KEY) {
        bool is_it = json_text_eq(t, name);
        if (json_scan_next(s, t) == JSON_T_ERROR)
            return false;
        if (is_it)
            return true;
        if (!json_scan_skip(s, t, &whole))
            return false;
    }
    return false;
}

static bool end_object(struct json_scan *s)
{
    struct json_token t;
    struct str whole;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        if (json_scan_next(s, &t) == JSON_T_ERROR ||
            !json_scan_skip(s, &t, &whole))
            return false;
    }
    return t.kind == JSON_T_OBJECT_END;
}

static bool put_scalar(struct reading *r, const struct schema_field *f,
                       const struct json_token *t)
{
    char time[TIMEFMT_MAX];
    struct buf *out = &r->text;
    int64_t us;

    if (t->kind != JSON_T_STRING)
        return false;
    switch (f->type) {
    case SCHEMA_BOOLEAN:
        buf_str(out, t->text);
        return str_eq(t->text, STR("true")) || str_eq(t->text, STR("false"));
    case SCHEMA_TIMESTAMP:
        if (!str_to_i64(t->text, &us) || us < -62135596800000000 ||
            us > 253402300799999999)
            return false;
        buf_putc(out, '"');
        buf_append(out, time, timefmt_format(time, us));
        buf_putc(out, '"');
        return true;
    case SCHEMA_JSON:
        append_decoded(out, t);
        return true;
    default: /* the schema's check takes numbers as text, too */
        json_put_text(out, t);
        return true;
    }
}

static bool put_record(struct reading *r, const struct schema_field *f)
{
    struct json_token t;
    bool fine = find_member(&r->cells, STR("f"), &t) && t.kind == JSON_T_ARRAY;

    buf_putc(&r->text, '{');
    for (size_t i = 0; fine && i < f->n_fields; i++) {
        fine = json_scan_next(&r->cells, &t) == JSON_T_OBJECT;
        if (!fine)
            break;
        buf_puts(&r->text, i ? "," : "");
        buf_json_str(&r->text, f->fields[i].name);
        buf_putc(&r->text, ':');
        fine = find_member(&r->cells, STR("v"), &t) &&
               put_cell(r, &f->fields[i], &t) && end_object(&r->cells);
    }
    buf_putc(&r->text, '}');
    return fine && json_scan_next(&r->cells, &t) == JSON_T_ARRAY_END &&
           end_object(&r->cells);
}

static bool put_repeated(struct reading *r, const struct schema_field *f)
{
    struct schema_field one = *f;
    struct json_token t;
    const char *comma = "";

    one.mode = SCHEMA_NULLABLE;
    buf_putc(&r->text, '[');
    while (json_scan_next(&r->cells, &t) == JSON_T_OBJECT) {
        buf_puts(&r->text, comma);
        if (!find_member(&r->cells, STR("v"), &t) || !put_cell(r, &one, &t) ||
            !end_object(&r->cells))
            return false;
        comma = ",";
    }
    buf_putc(&r->text, ']');
    return t.kind == JSON_T_ARRAY_END;
}

/* `t` begins the value of "v". */
static bool put_cell(struct reading *r, const struct schema_field *f,
                     const struct json_token *t)
{
    if (t->kind == JSON_T_NULL) {
        buf_puts(&r->text, f->mode == SCHEMA_REPEATED ? "[]" : "null");
        return true;
    }
    if (f->mode == SCHEMA_REPEATED)
        return t->kind == JSON_T_ARRAY && put_repeated(r, f);
    if (f->type == SCHEMA_RECORD)
        return t->kind == JSON_T_OBJECT && put_record(r, f);
    return put_scalar(r, f, t);
}

/* --- cells as values: the columns themselves ------------------------------ */

static bool read_real(struct str text, struct value *v)
{
    char number[64], *end;

    if (text.len == 0 || text.len >= sizeof(number))
        return false;
    memcpy(number, text.p, text.len);
    number[text.len] = '\0';
    v->kind = VALUE_REAL;
    v->d = strtod(number, &end);
    return *end == '\0';
}

static bool read_scalar(struct reading *r, const struct schema_field *f,
                        const struct json_token *t, struct value *v)
{
    struct buf *out = &r->text;

    switch (f->type) {
    case SCHEMA_INTEGER:
    case SCHEMA_TIMESTAMP:
        v->kind = VALUE_INT;
        return str_to_i64(t->text, &v->i);
    case SCHEMA_BOOLEAN:
        v->kind = VALUE_INT;
        v->i = str_eq(t->text, STR("true"));
        return v->i || str_eq(t->text, STR("false"));
    case SCHEMA_FLOAT:
        return read_real(t->text, v);
    case SCHEMA_BYTES:
        v->kind = VALUE_BLOB;
        if (t->escaped || !buf_reserve(out, base64_decoded_max(t->text.len)) ||
            !base64_decode(t->text, out->data + out->len, &v->s.len))
            return false;
        out->len += v->s.len;
        out->data[out->len] = '\0';
        return true;
    default:
        v->kind = VALUE_TEXT;
        append_decoded(out, t);
        return true;
    }
}

/* Column `i`; `t` begins the value of "v". False: it does not fit. */
static bool read_column(struct reading *r, size_t i, const struct json_token *t)
{
    const struct schema_field *f = &r->schema->fields[i];
    struct value *v = &r->values[i];
    bool fine = true;

    r->from[i] = r->text.len;
    v->kind = VALUE_NULL;
    if (f->mode == SCHEMA_REPEATED || f->type == SCHEMA_RECORD) {
        v->kind = t->kind == JSON_T_NULL ? VALUE_NULL : VALUE_TEXT;
        fine = t->kind == JSON_T_NULL || put_cell(r, f, t);
    } else if (t->kind != JSON_T_NULL) {
        fine = t->kind == JSON_T_STRING && read_scalar(r, f, t, v);
    }
    if (v->kind == VALUE_TEXT || v->kind == VALUE_BLOB)
        v->s.len = r->text.len - r->from[i];
    return fine && !r->text.failed;
}

/* The values' addresses, now that the text no longer moves. */
static struct row *make_row(struct reading *r)
{
    for (size_t i = 0; i < r->schema->n_fields; i++) {
        struct value *v = &r->values[i];
        if (v->kind == VALUE_TEXT || v->kind == VALUE_BLOB)
            v->s.p = buf_as_str(&r->text).p + r->from[i];
    }
    return row_from_values(r->schema, r->values);
}

/* One row's text, `{"f":[...]}`. NULL: it is no row of this schema. */
static struct row *read_row(struct reading *r, struct str text)
{
    struct json_scan *scan = &r->cells;
    struct json_token t;
    bool fine;

    buf_reset(&r->text);
    json_scan_init(scan, text);
    fine = json_scan_next(scan, &t) == JSON_T_OBJECT &&
           find_member(scan, STR("f"), &t) && t.kind == JSON_T_ARRAY;
    for (size_t i = 0; fine && i < r->schema->n_fields; i++)
        fine = json_scan_next(scan, &t) == JSON_T_OBJECT &&
               find_member(scan, STR("v"), &t) && read_column(r, i, &t) &&
               end_object(scan);
    fine = fine && json_scan_next(scan, &t) == JSON_T_ARRAY_END;
    json_scan_fini(scan);
    return fine ? make_row(r) : NULL;
}

static bool read_rows(struct reading *r, struct row_list *rows,
                      size_t *n_strange)
{
    struct json_token t;
    struct str text;

    while (json_scan_next(r->scan, &t) == JSON_T_OBJECT) {
        struct row *row;
        if (!json_scan_skip(r->scan, &t, &text))
            return false;
        row = read_row(r, text);
        if (row)
            row_list_push(rows, row);
        else
            ++*n_strange;
    }
    return t.kind == JSON_T_ARRAY_END;
}

/* --- the answer ------------------------------------------------------------
 */

static char *text_of(const struct json_token *t)
{
    char *text = mem_strndup(t->text.p, t->text.len);

    if (t->escaped)
        text[json_decode(text, t->text)] = '\0';
    return text;
}

static void keep(char **at, const struct json_token *t)
{
    mem_free(*at);
    *at = text_of(t);
}

static bool read_job(struct json_scan *s, struct bigquery_result *out)
{
    struct json_token t;
    struct str whole;

    while (json_scan_next(s, &t) == JSON_T_KEY) {
        char **at = json_text_eq(&t, STR("jobId"))      ? &out->job
                    : json_text_eq(&t, STR("location")) ? &out->location
                                                        : NULL;
        if (json_scan_next(s, &t) == JSON_T_STRING && at && t.text.len)
            keep(at, &t);
        else if (t.kind == JSON_T_ERROR || !json_scan_skip(s, &t, &whole))
            return false;
    }
    return t.kind == JSON_T_OBJECT_END;
}

static bool read_answer(struct reading *r, struct bigquery_result *out,
                        struct row_list *rows)
{
    struct json_token t, key;
    struct str whole;

    if (json_scan_next(r->scan, &t) != JSON_T_OBJECT)
        return false;
    while (json_scan_next(r->scan, &key) == JSON_T_KEY) {
        json_scan_next(r->scan, &t);
        if (json_text_eq(&key, STR("rows")) && t.kind == JSON_T_ARRAY) {
            if (!read_rows(r, rows, &out->n_strange))
                return false;
            continue;
        }
        if (json_text_eq(&key, STR("jobReference")) &&
            t.kind == JSON_T_OBJECT) {
            if (!read_job(r->scan, out))
                return false;
            continue;
        }
        if (json_text_eq(&key, STR("jobComplete")))
            out->is_complete = t.kind == JSON_T_TRUE;
        else if (json_text_eq(&key, STR("pageToken")) &&
                 t.kind == JSON_T_STRING && t.text.len)
            keep(&out->page_token, &t);
        if (t.kind == JSON_T_ERROR || !json_scan_skip(r->scan, &t, &whole))
            return false;
    }
    return key.kind == JSON_T_OBJECT_END &&
           json_scan_next(r->scan, &t) == JSON_T_DONE;
}

int bigquery_read_result(struct str body, const struct schema *schema,
                         struct bigquery_result *out, struct row_list *rows)
{
    struct json_scan scan;
    struct reading r = {.scan = &scan, .schema = schema};
    bool fine;

    *out = (struct bigquery_result){.is_complete = false};
    json_scan_init(&scan, body);
    buf_init(&r.text, ROW_TEXT_MAX);
    r.values = MEM_ARRAY(struct value, schema->n_fields);
    r.from = MEM_ARRAY(size_t, schema->n_fields);
    fine = read_answer(&r, out, rows);
    mem_free(r.values);
    mem_free(r.from);
    buf_fini(&r.text);
    json_scan_fini(&scan);
    if (!fine)
        bigquery_result_fini(out);
    return fine ? RC_OK : RC_MALFORMED;
}

void bigquery_result_fini(struct bigquery_result *r)
{
    mem_free(r->job);
    mem_free(r->location);
    mem_free(r->page_token);
    *r = (struct bigquery_result){.is_complete = false};
}
