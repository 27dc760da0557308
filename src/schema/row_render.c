/* SPDX-License-Identifier: Apache-2.0 */
/* Values read back from a store -> row, in the same canonical form that
 * row_parse writes. */
#include <stdatomic.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "schema/value_check.h"

static bool put_value(struct buf *out, const struct schema_field *f,
                      const struct value *v)
{
    char text[TIMEFMT_MAX];

    if (v->kind == VALUE_NULL) {
        buf_puts(out, f->mode == SCHEMA_REPEATED ? "[]" : "null");
        return f->mode != SCHEMA_REQUIRED;
    }
    if (f->mode == SCHEMA_REPEATED || f->type == SCHEMA_RECORD ||
        f->type == SCHEMA_JSON) {
        buf_str(out, v->s);
        return v->kind == VALUE_TEXT;
    }
    switch (v->kind) {
    case VALUE_INT:
        if (f->type == SCHEMA_TIMESTAMP)
            buf_json_str(out, str_of(text, timefmt_format(text, v->i)));
        else if (f->type == SCHEMA_BOOLEAN)
            buf_puts(out, v->i ? "true" : "false");
        else
            buf_i64(out, v->i);
        return true;
    case VALUE_REAL:
        value_put_double(out, v->d);
        return true;
    case VALUE_BLOB: {
        size_t room = base64_encoded_max(v->s.len);
        buf_putc(out, '"');
        if (buf_reserve(out, room)) {
            out->len += base64_encode(out->data + out->len, v->s.p, v->s.len);
            out->data[out->len] = '\0';
        }
        buf_putc(out, '"');
        return true;
    }
    default:
        buf_json_str(out, v->s);
        return true;
    }
}

struct row *row_from_values(const struct schema *schema,
                            const struct value *values)
{
    size_t n = schema->n_fields, texts = 0;
    struct row *row = NULL;
    struct buf json;
    bool fine = true;
    char *at;

    buf_init(&json, 16 * ROW_MAX_BYTES);
    for (size_t i = 0; i < n; i++) {
        buf_puts(&json, i ? ",\"" : "{\"");
        buf_str(&json, schema->fields[i].name);
        buf_puts(&json, "\":");
        fine = put_value(&json, &schema->fields[i], &values[i]) && fine;
        if (values[i].kind == VALUE_TEXT || values[i].kind == VALUE_BLOB)
            texts += values[i].s.len;
    }
    buf_putc(&json, '}');
    if (fine && !json.failed)
        row = mem_try_alloc(sizeof(*row) + n * sizeof(row->values[0]) +
                            json.len + texts);
    if (row) {
        atomic_init(&row->refs, 1);
        row->n_values = n;
        at = (char *)&row->values[n];
        memcpy(at, json.data, json.len);
        row->json = str_of(at, json.len);
        at += json.len;
        for (size_t i = 0; i < n; i++) {
            row->values[i] = values[i];
            if (values[i].kind != VALUE_TEXT && values[i].kind != VALUE_BLOB)
                continue;
            if (values[i].s.len)
                memcpy(at, values[i].s.p, values[i].s.len);
            row->values[i].s.p = at;
            at += values[i].s.len;
        }
        row->id = row->values[schema->id].s;
        row->timestamp_us = row->values[schema->timestamp].i;
    }
    buf_fini(&json);
    return row;
}
