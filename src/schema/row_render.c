/* SPDX-License-Identifier: Apache-2.0 */
/* Values read back from a store -> row, in the same canonical form that
 * row_parse writes. What a store holds may have been put there by other hands,
 * so each value is held to its column's type; what does not fit is no row. */
#include <stdatomic.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "schema/value_check.h"
#include "schema/value_text.h"

/* Canonical JSON of a column that is kept as JSON. Columns added inside a
 * RECORD since the row was written come out as null. */
static bool put_json(struct buf *out, const struct schema_field *f,
                     struct str text)
{
    struct json_scan scan;
    struct json_token t;
    struct reject why;
    struct value_check check = {.scan = &scan, .why = &why, .max_why = 1};
    bool fine;

    json_scan_init(&scan, text);
    fine = json_scan_next(&scan, &t) != JSON_T_ERROR &&
           value_check_put(&check, f, &t, out) && !check.n_why &&
           json_scan_next(&scan, &t) == JSON_T_DONE;
    json_scan_fini(&scan);
    return fine;
}

static bool put_text(struct buf *out, const struct schema_field *f,
                     struct str s)
{
    bool fine;

    switch (f->type) {
    case SCHEMA_STRING:
        if (!json_is_utf8(s) || (s.len && memchr(s.p, '\0', s.len)))
            return false;
        buf_json_str(out, s);
        return true;
    case SCHEMA_FLOAT: /* SQLite has no NaN: it is kept as text */
        buf_puts(out, "\"NaN\"");
        return str_eq(s, STR("NaN"));
    case SCHEMA_NUMERIC:
    case SCHEMA_BIGNUMERIC:
    case SCHEMA_DATE:
    case SCHEMA_TIME:
    case SCHEMA_DATETIME:
        buf_putc(out, '"');
        fine = !value_text(f, s, out);
        buf_putc(out, '"');
        return fine;
    default:
        return false;
    }
}

static bool put_int(struct buf *out, const struct schema_field *f, int64_t i)
{
    char text[TIMEFMT_MAX];

    switch (f->type) {
    case SCHEMA_INTEGER:
        buf_i64(out, i);
        return true;
    case SCHEMA_BOOLEAN:
        buf_puts(out, i ? "true" : "false");
        return i == 0 || i == 1;
    case SCHEMA_FLOAT:
        value_put_double(out, (double)i);
        return true;
    case SCHEMA_TIMESTAMP:
        /* years 1 to 9999 */
        if (i < -62135596800000000 || i > 253402300799999999)
            return false;
        buf_putc(out, '"');
        buf_append(out, text, timefmt_format(text, i));
        buf_putc(out, '"');
        return true;
    default:
        return false;
    }
}

static void put_blob(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    base64_append(out, s);
    buf_putc(out, '"');
}

static bool put_value(struct buf *out, const struct schema_field *f,
                      const struct value *v)
{
    if (v->kind == VALUE_NULL) {
        /* a REPEATED column added later holds NULL in older rows */
        buf_puts(out, f->mode == SCHEMA_REPEATED ? "[]" : "null");
        return f->mode != SCHEMA_REQUIRED;
    }
    if (f->mode == SCHEMA_REPEATED || f->type == SCHEMA_RECORD ||
        f->type == SCHEMA_JSON)
        return v->kind == VALUE_TEXT && put_json(out, f, v->s);
    switch (v->kind) {
    case VALUE_TEXT:
        return put_text(out, f, v->s);
    case VALUE_INT:
        return put_int(out, f, v->i);
    case VALUE_REAL:
        value_put_double(out, v->d);
        return f->type == SCHEMA_FLOAT;
    default:
        put_blob(out, v->s);
        return f->type == SCHEMA_BYTES;
    }
}

static bool has_bytes(const struct value *v)
{
    return v->kind == VALUE_TEXT || v->kind == VALUE_BLOB;
}

static struct row *assemble(const struct schema *schema,
                            const struct value *values, struct str json,
                            size_t bytes)
{
    size_t n = schema->n_fields;
    struct row *row = mem_try_alloc(sizeof(*row) + n * sizeof(row->values[0]) +
                                    json.len + bytes);
    char *at;

    if (!row)
        return NULL;
    atomic_init(&row->refs, 1);
    row->n_values = n;
    at = (char *)&row->values[n];
    memcpy(at, json.p, json.len);
    row->json = str_of(at, json.len);
    at += json.len;
    for (size_t i = 0; i < n; i++) {
        row->values[i] = values[i];
        if (!has_bytes(&values[i]))
            continue;
        if (values[i].s.len)
            memcpy(at, values[i].s.p, values[i].s.len);
        row->values[i].s.p = at;
        at += values[i].s.len;
    }
    row->id = row->values[schema->id].s;
    row->timestamp_us = row->values[schema->timestamp].i;
    return row;
}

struct row *row_from_values(const struct schema *schema,
                            const struct value *values)
{
    const struct value *id = &values[schema->id];
    struct row *row = NULL;
    size_t bytes = 0;
    struct buf json;
    bool fine = id->kind == VALUE_TEXT && id->s.len > 0 &&
                values[schema->timestamp].kind == VALUE_INT;

    buf_init(&json, 16 * ROW_MAX_BYTES);
    for (size_t i = 0; fine && i < schema->n_fields; i++) {
        buf_puts(&json, i ? ",\"" : "{\"");
        buf_str(&json, schema->fields[i].name);
        buf_puts(&json, "\":");
        fine = put_value(&json, &schema->fields[i], &values[i]);
        if (has_bytes(&values[i]))
            bytes += values[i].s.len;
    }
    buf_putc(&json, '}');
    if (fine && !json.failed)
        row = assemble(schema, values, buf_as_str(&json), bytes);
    buf_fini(&json);
    return row;
}
