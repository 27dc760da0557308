/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol buffers as rows, out of the wire format and out of ProtoJSON. A
 * field that is not there is NULL; a map is a list of keys and values. */
#include <math.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/export_value.h"
#include "emulator/pubsub/proto_schema.h"
#include "grpc/wire.h"

struct walk {
    const struct export_into *into;
    unsigned depth;
    struct json_scan scan; /* of ProtoJSON */
    struct err *err;
};

static int fail(const struct walk *w, enum rc rc, const char *name,
                const char *what)
{
    return err_set(w->err, rc, "field %.128s: %s", name, what);
}

static enum export_kind kind_of(const struct proto_field *f)
{
    switch (f->kind) {
    case PROTO_BOOL:
        return EXPORT_BOOL;
    case PROTO_DOUBLE:
    case PROTO_FLOAT:
        return EXPORT_FLOAT;
    case PROTO_STRING:
        return EXPORT_TEXT;
    case PROTO_BYTES:
        return EXPORT_BYTES;
    case PROTO_ENUM:
        return EXPORT_ENUM;
    case PROTO_MESSAGE:
        return EXPORT_RECORD;
    case PROTO_UINT64:
    case PROTO_FIXED64:
        return EXPORT_UINT;
    default:
        return EXPORT_INT;
    }
}

/* --- does it fit? --------------------------------------------------------- */

static bool has_field(const void *type, struct str name)
{
    const struct proto_type *t = type;
    size_t i = 0;

    while (i < t->n_fields && !str_ieq(str_from(t->fields[i].name), name))
        i++;
    return i < t->n_fields;
}

/* `*column` NULL: the field is passed over. */
static int column_of(struct walk *w, const struct proto_field *f,
                     const json_t *columns, const json_t **column)
{
    *column = export_column(columns, str_from(f->name));
    if (*column || w->into->drop_unknown)
        return RC_OK;
    return fail(w, RC_SCHEMA, f->name, "the table has no column of this name");
}

static int fits(struct walk *w, const struct proto_type *t,
                const json_t *columns)
{
    int rc = RC_OK;

    if (++w->depth > PROTO_MAX_DEPTH)
        return fail(w, RC_SCHEMA, t->name, "the message holds itself");
    for (size_t i = 0; i < t->n_fields && rc == RC_OK; i++) {
        const struct proto_field *f = &t->fields[i];
        const json_t *column;

        rc = column_of(w, f, columns, &column);
        if (rc == RC_OK && column)
            rc = export_check_takes(column, kind_of(f),
                                    f->label == PROTO_REPEATED, w->err);
        if (rc == RC_OK && column && f->kind == PROTO_MESSAGE)
            rc = fits(w, f->type, json_object_get(column, "fields"));
    }
    if (rc == RC_OK)
        rc = export_check_required(columns, w->depth == 1 && w->into->metadata,
                                   has_field, t, w->err);
    w->depth--;
    return rc;
}

int export_proto_fits(const struct proto_schema *s,
                      const struct export_into *into, struct err *err)
{
    struct walk w = {.into = into, .err = err};

    return fits(&w, s->root, into->columns);
}

/* --- the row being made --------------------------------------------------- */

/* Takes `value` over; a repeated field's is one more. */
static void put(json_t *row, const struct proto_field *f, json_t *value)
{
    json_t *list;

    if (f->label != PROTO_REPEATED) {
        json_object_set_new(row, f->name, value);
        return;
    }
    list = json_object_get(row, f->name);
    if (!list) {
        list = json_array();
        json_object_set_new(row, f->name, list);
    }
    json_array_append_new(list, value);
}

static int put_scalar(struct walk *w, json_t *row, const struct proto_field *f,
                      const json_t *column, struct export_value *v)
{
    json_t *value = NULL;
    int rc;

    v->kind = kind_of(f);
    rc = export_value_json(column, v, &value, w->err);
    if (rc == RC_OK)
        put(row, f, value);
    return rc;
}

static struct str enum_name(const struct proto_type *t, int64_t number)
{
    for (size_t i = 0; i < t->n_values; i++)
        if (t->values[i].number == number)
            return str_from(t->values[i].name);
    return STR("");
}

/* The record that a message goes into: a singular field given twice is merged
 * (protobuf.dev, "Last One Wins"). A new reference. */
static json_t *record_for(json_t *row, const struct proto_field *f)
{
    json_t *old =
        f->label == PROTO_REPEATED ? NULL : json_object_get(row, f->name);

    return old ? json_incref(old) : json_object();
}

/* --- the wire format ------------------------------------------------------ */

static int take_bytes(struct walk *w, const struct proto_type *t,
                      struct str bytes, const json_t *columns, json_t *row);

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void read_number(const struct proto_field *f, uint64_t raw,
                        struct export_value *v)
{
    uint32_t half = (uint32_t)raw;
    float single;

    v->u = raw;
    switch (f->kind) {
    case PROTO_DOUBLE:
        memcpy(&v->f, &raw, sizeof(v->f));
        break;
    case PROTO_FLOAT:
        memcpy(&single, &half, sizeof(single));
        v->f = (double)single;
        break;
    case PROTO_SINT32:
    case PROTO_SINT64:
        v->i = unzigzag(raw);
        break;
    case PROTO_INT32:
    case PROTO_SFIXED32:
        v->i = (int32_t)raw;
        break;
    case PROTO_UINT32:
    case PROTO_FIXED32:
        v->i = (int64_t)half;
        break;
    case PROTO_BOOL:
        v->i = raw != 0;
        break;
    case PROTO_ENUM:
        v->i = (int32_t)raw;
        v->text = enum_name(f->type, v->i);
        break;
    default:
        v->i = (int64_t)raw;
        break;
    }
}

static int put_number(struct walk *w, json_t *row, const struct proto_field *f,
                      const json_t *column, uint64_t raw)
{
    struct export_value v = {0};

    read_number(f, raw, &v);
    return put_scalar(w, row, f, column, &v);
}

static bool is_bytes_kind(enum proto_kind kind)
{
    return kind == PROTO_STRING || kind == PROTO_BYTES || kind == PROTO_MESSAGE;
}

static size_t fixed_size(enum proto_kind kind)
{
    switch (kind) {
    case PROTO_DOUBLE:
    case PROTO_FIXED64:
    case PROTO_SFIXED64:
        return 8;
    case PROTO_FLOAT:
    case PROTO_FIXED32:
    case PROTO_SFIXED32:
        return 4;
    default:
        return 0; /* a varint */
    }
}

static int take_packed(struct walk *w, json_t *row, const struct proto_field *f,
                       const json_t *column, struct str bytes)
{
    struct wire r = wire_of(bytes);
    size_t size = fixed_size(f->kind);
    int rc = RC_OK;

    while (rc == RC_OK && r.p < r.end) {
        uint64_t raw = 0;

        if (size == 0 && !wire_varint(&r, &raw))
            return fail(w, RC_INVALID, f->name, "a packed field is cut");
        if (size > (size_t)(r.end - r.p))
            return fail(w, RC_INVALID, f->name, "a packed field is cut");
        for (size_t i = size; i-- > 0;)
            raw = raw << 8 | r.p[i];
        r.p += size;
        rc = put_number(w, row, f, column, raw);
    }
    return rc;
}

static int take_field(struct walk *w, json_t *row, const struct proto_field *f,
                      const json_t *column, const struct wire_field *field)
{
    struct export_value v = {.text = field->bytes};
    json_t *record;
    int rc;

    if (field->type != WIRE_BYTES)
        return put_number(w, row, f, column, field->value);
    if (!is_bytes_kind(f->kind))
        return take_packed(w, row, f, column, field->bytes);
    if (f->kind != PROTO_MESSAGE)
        return put_scalar(w, row, f, column, &v);
    rc = export_check_takes(column, EXPORT_RECORD, f->label == PROTO_REPEATED,
                            w->err);
    if (rc)
        return rc;
    record = record_for(row, f);
    rc = take_bytes(w, f->type, field->bytes, json_object_get(column, "fields"),
                    record);
    put(row, f, record);
    return rc;
}

static const struct proto_field *by_number(const struct proto_type *t,
                                           uint32_t number)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (t->fields[i].number == number)
            return &t->fields[i];
    return NULL;
}

static int take_bytes(struct walk *w, const struct proto_type *t,
                      struct str bytes, const json_t *columns, json_t *row)
{
    struct wire r = wire_of(bytes);
    struct wire_field field;
    int rc = RC_OK;

    if (++w->depth > PROTO_MAX_DEPTH)
        return fail(w, RC_INVALID, t->name, "nested too deep");
    while (rc == RC_OK && wire_next(&r, &field)) {
        const struct proto_field *f = by_number(t, field.number);
        const json_t *column;

        if (!f)
            continue; /* publishing refuses what the schema does not know */
        rc = column_of(w, f, columns, &column);
        if (rc == RC_OK && column)
            rc = take_field(w, row, f, column, &field);
    }
    if (rc == RC_OK && wire_is_bad(&r))
        rc = fail(w, RC_INVALID, t->name, "not a protocol buffer message");
    w->depth--;
    return rc;
}

/* --- ProtoJSON ------------------------------------------------------------ */

/* What publishing took: but for its memory nothing here is new to it. */
static int mismatch(struct walk *w, const struct proto_field *f)
{
    return w->scan.error
               ? err_set(w->err, w->scan.no_memory ? RC_NOMEM : RC_INVALID,
                         "not JSON: %s", w->scan.error)
               : fail(w, RC_INVALID, f->name,
                      "not a value of the field's type");
}

static int take_object(struct walk *w, const struct proto_type *t,
                       const json_t *columns, json_t *row);

static bool is_text(const struct json_token *t)
{
    return t->kind == JSON_T_STRING || t->kind == JSON_T_KEY;
}

static bool is_enum_named(const struct proto_field *f,
                          const struct json_token *t, struct export_value *v)
{
    for (size_t i = 0; i < f->type->n_values; i++)
        if (json_text_eq(t, str_from(f->type->values[i].name))) {
            v->i = f->type->values[i].number;
            return true;
        }
    return false;
}

/* Numbers may stand in quotes, and whole ones have a fraction of 0 or an
 * exponent. Each reading stops at the byte that follows. */
static void read_json_number(struct str text, struct export_value *v)
{
    v->f = strtod(text.p, NULL); /* "NaN" and "-Infinity" too */
    v->i = strtoll(text.p, NULL, 10);
    v->u = strtoull(text.p, NULL, 10);
    if (!memchr(text.p, 'e', text.len) && !memchr(text.p, 'E', text.len))
        return;
    v->i = fabs(v->f) < 0x1p63 ? (int64_t)v->f : v->f < 0 ? INT64_MIN : 0;
    v->u = v->f >= 0 && v->f < 0x1p64 ? (uint64_t)v->f : 0;
}

static int put_json_number(struct walk *w, json_t *row,
                           const struct proto_field *f, const json_t *column,
                           const struct json_token *t)
{
    struct export_value v = {0};
    bool is_float = f->kind == PROTO_DOUBLE || f->kind == PROTO_FLOAT;

    if (t->kind != JSON_T_NUMBER && !is_text(t))
        return mismatch(w, f);
    read_json_number(t->text, &v);
    if (is_float && isinf(v.f) && t->kind == JSON_T_NUMBER)
        return mismatch(w, f);
    return put_scalar(w, row, f, column, &v);
}

static int put_base64(struct walk *w, json_t *row, const struct proto_field *f,
                      const json_t *column, struct str text)
{
    char *bytes = mem_try_alloc(base64_decoded_max(text.len) + 1);
    struct export_value v = {0};
    size_t len;
    int rc;

    if (!bytes)
        return fail(w, RC_NOMEM, f->name, "no memory for its value");
    if (base64_decode(text, bytes, &len)) {
        v.text = str_of(bytes, len);
        rc = put_scalar(w, row, f, column, &v);
    } else {
        rc = fail(w, RC_INVALID, f->name, "not base64");
    }
    mem_free(bytes);
    return rc;
}

static int put_json_text(struct walk *w, json_t *row,
                         const struct proto_field *f, const json_t *column,
                         const struct json_token *t)
{
    struct export_value v = {.text = t->text};
    char *value;
    int rc;

    if (!is_text(t))
        return mismatch(w, f);
    value = mem_try_alloc(t->text.len + 1);
    if (!value)
        return fail(w, RC_NOMEM, f->name, "no memory for its value");
    if (t->escaped)
        v.text = str_of(value, json_decode(value, t->text));
    rc = f->kind == PROTO_BYTES ? put_base64(w, row, f, column, v.text)
                                : put_scalar(w, row, f, column, &v);
    mem_free(value);
    return rc;
}

static int take_json_scalar(struct walk *w, json_t *row,
                            const struct proto_field *f, const json_t *column,
                            const struct json_token *t)
{
    struct export_value v = {0};

    if (t->kind == JSON_T_NUMBER && t->text.p + t->text.len == w->scan.end)
        return err_set(w->err, RC_INVALID, "not JSON: it ends in a number");
    switch (f->kind) {
    case PROTO_BYTES:
    case PROTO_STRING:
        return put_json_text(w, row, f, column, t);
    case PROTO_BOOL:
        v.i = t->kind == JSON_T_TRUE ||
              (t->kind == JSON_T_KEY && json_text_eq(t, STR("true")));
        if (!v.i && t->kind != JSON_T_FALSE && t->kind != JSON_T_KEY)
            return mismatch(w, f);
        break;
    case PROTO_ENUM:
        if (t->kind == JSON_T_NUMBER)
            read_json_number(t->text, &v);
        else if (!is_text(t) || !is_enum_named(f, t, &v))
            return mismatch(w, f);
        v.text = enum_name(f->type, v.i);
        break;
    default:
        return put_json_number(w, row, f, column, t);
    }
    return put_scalar(w, row, f, column, &v);
}

static int take_json_value(struct walk *w, json_t *row,
                           const struct proto_field *f, const json_t *column,
                           const struct json_token *t)
{
    json_t *record;
    int rc;

    if (f->kind != PROTO_MESSAGE)
        return take_json_scalar(w, row, f, column, t);
    if (t->kind != JSON_T_OBJECT)
        return mismatch(w, f);
    rc = export_check_takes(column, EXPORT_RECORD, f->label == PROTO_REPEATED,
                            w->err);
    if (rc)
        return rc;
    record = json_object();
    rc = take_object(w, f->type, json_object_get(column, "fields"), record);
    put(row, f, record);
    return rc;
}

/* Passes over the value that `t` begins. */
static int skip(struct walk *w, const struct proto_field *f,
                const struct json_token *t)
{
    struct str value;

    return t->kind != JSON_T_ERROR && json_scan_skip(&w->scan, t, &value)
               ? RC_OK
               : mismatch(w, f);
}

/* A key or a value of a map, as the message's field that it is on the wire. */
static int take_json_part(struct walk *w, json_t *entry,
                          const struct proto_field *part, const json_t *columns,
                          const struct json_token *t)
{
    const json_t *column;
    int rc = column_of(w, part, columns, &column);

    if (rc == RC_OK && column)
        return take_json_value(w, entry, part, column, t);
    return rc || t->kind == JSON_T_KEY ? rc : skip(w, part, t);
}

/* {"a": 1} as the messages of which a map consists on the wire. */
static int take_json_map(struct walk *w, json_t *row,
                         const struct proto_field *f, const json_t *column)
{
    const json_t *columns = json_object_get(column, "fields");
    struct json_token t = {0};
    int rc = export_check_takes(column, EXPORT_RECORD, true, w->err);

    while (rc == RC_OK && json_scan_next(&w->scan, &t) == JSON_T_KEY) {
        json_t *entry = json_object();

        rc = take_json_part(w, entry, &f->type->fields[0], columns, &t);
        json_scan_next(&w->scan, &t);
        if (rc == RC_OK)
            rc = take_json_part(w, entry, &f->type->fields[1], columns, &t);
        put(row, f, entry);
    }
    return rc || t.kind == JSON_T_OBJECT_END ? rc : mismatch(w, f);
}

static int take_json_field(struct walk *w, json_t *row,
                           const struct proto_field *f, const json_t *column,
                           const struct json_token *t)
{
    struct json_token item;
    int rc = RC_OK;

    if (t->kind == JSON_T_NULL)
        return RC_OK;
    if (f->is_map)
        return t->kind == JSON_T_OBJECT ? take_json_map(w, row, f, column)
                                        : mismatch(w, f);
    if (f->label != PROTO_REPEATED)
        return take_json_value(w, row, f, column, t);
    if (t->kind != JSON_T_ARRAY)
        return mismatch(w, f);
    while (rc == RC_OK && json_scan_next(&w->scan, &item) != JSON_T_ARRAY_END)
        rc = take_json_value(w, row, f, column, &item);
    return rc;
}

static const struct proto_field *by_name(const struct proto_type *t,
                                         const struct json_token *name)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (json_text_eq(name, str_from(t->fields[i].name)) ||
            json_text_eq(name, str_from(t->fields[i].json_name)))
            return &t->fields[i];
    return NULL;
}

static int take_object(struct walk *w, const struct proto_type *t,
                       const json_t *columns, json_t *row)
{
    const struct proto_field whole = {.name = t->name};
    struct json_token name = {0}, value;
    int rc = RC_OK;

    if (++w->depth > PROTO_MAX_DEPTH)
        return fail(w, RC_INVALID, t->name, "nested too deep");
    while (rc == RC_OK && json_scan_next(&w->scan, &name) == JSON_T_KEY) {
        const struct proto_field *f = by_name(t, &name);
        const json_t *column = NULL;

        json_scan_next(&w->scan, &value);
        if (f)
            rc = column_of(w, f, columns, &column);
        if (rc == RC_OK)
            rc = column ? take_json_field(w, row, f, column, &value)
                        : skip(w, f ? f : &whole, &value);
    }
    w->depth--;
    return rc || name.kind == JSON_T_OBJECT_END ? rc : mismatch(w, &whole);
}

/* --- a message ------------------------------------------------------------ */

static int take_text(struct walk *w, const struct proto_schema *s,
                     struct str message, json_t *row)
{
    const struct proto_field whole = {.name = s->root->name};
    struct json_token t;
    int rc;

    json_scan_init(&w->scan, message);
    rc = json_scan_next(&w->scan, &t) == JSON_T_OBJECT
             ? take_object(w, s->root, w->into->columns, row)
             : mismatch(w, &whole);
    json_scan_fini(&w->scan);
    return rc;
}

int export_proto_json(const struct proto_schema *s, struct str message,
                      bool is_json, const struct export_into *into,
                      json_t **out, struct err *err)
{
    struct walk w = {.into = into, .err = err};
    json_t *row = json_object();
    int rc = is_json ? take_text(&w, s, message, row)
                     : take_bytes(&w, s->root, message, into->columns, row);

    if (rc) {
        json_decref(row);
        return rc;
    }
    *out = row;
    return RC_OK;
}
