/* SPDX-License-Identifier: Apache-2.0 */
/* Avro's records as rows. One walk serves both encodings: JSON is made binary
 * first. A map is a list of keys and values, a union of null and one type that
 * type; other unions have no column. */
#include "common/buf.h"
#include "emulator/pubsub/avro_cursor.h"
#include "emulator/pubsub/avro_file.h"
#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/export_value.h"

struct walk {
    struct avro_cursor at;
    const struct export_into *into;
    unsigned depth;
};

static int fail(const struct walk *w, enum rc rc, const char *what,
                struct str name)
{
    return err_set(w->at.err, rc, "field %.*s: %s",
                   name.len > 128 ? 128 : (int)name.len, name.p, what);
}

/* --- types ---------------------------------------------------------------- */

static bool is_list(const struct avro_type *t)
{
    return t->kind == AVRO_ARRAY || t->kind == AVRO_MAP;
}

/* The one type beside null; NULL: there are more. */
static const struct avro_type *only_branch(const struct avro_type *t)
{
    const struct avro_type *only = NULL;

    for (size_t i = 0; i < t->n; i++) {
        if (t->branches[i]->kind == AVRO_NULL)
            continue;
        if (only)
            return NULL;
        only = t->branches[i];
    }
    return only;
}

static enum export_kind kind_of(const struct avro_type *t)
{
    static const enum export_kind logical[] = {
        [AVRO_DATE] = EXPORT_DATE,
        [AVRO_TIME_MILLIS] = EXPORT_TIME,
        [AVRO_TIME_MICROS] = EXPORT_TIME,
        [AVRO_TIMESTAMP_MILLIS] = EXPORT_TIMESTAMP,
        [AVRO_TIMESTAMP_MICROS] = EXPORT_TIMESTAMP,
        [AVRO_LOCAL_MILLIS] = EXPORT_DATETIME,
        [AVRO_LOCAL_MICROS] = EXPORT_DATETIME,
        [AVRO_DECIMAL] = EXPORT_DECIMAL};

    if (t->logical)
        return logical[t->logical];
    switch (t->kind) {
    case AVRO_BOOLEAN:
        return EXPORT_BOOL;
    case AVRO_INT:
    case AVRO_LONG:
        return EXPORT_INT;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return EXPORT_FLOAT;
    case AVRO_STRING:
        return EXPORT_TEXT;
    case AVRO_ENUM:
        return EXPORT_ENUM;
    case AVRO_RECORD:
    case AVRO_MAP:
        return EXPORT_RECORD;
    default:
        return EXPORT_BYTES;
    }
}

/* --- does it fit? --------------------------------------------------------- */

static int fits(struct walk *w, const struct avro_type *t,
                const json_t *columns);

static int fits_column(struct walk *w, const struct avro_type *t,
                       const json_t *column, struct str name)
{
    bool repeated = is_list(t);
    const struct avro_type *of = t->kind == AVRO_ARRAY ? t->branches[0] : t;
    const json_t *fields = json_object_get(column, "fields");
    const json_t *value;
    int rc;

    if (of->kind == AVRO_UNION)
        of = only_branch(of);
    if (!of || (repeated && t->kind == AVRO_ARRAY && is_list(of)))
        return fail(w, RC_SCHEMA, "no column can hold its type", name);
    if (of->kind == AVRO_NULL)
        return RC_OK;
    rc = export_check_takes(column, kind_of(of), repeated, w->at.err);
    if (rc || kind_of(of) != EXPORT_RECORD)
        return rc;
    if (of->kind == AVRO_RECORD)
        return fits(w, of, fields);
    value = export_column(fields, STR("value"));
    if (!value || !export_column(fields, STR("key")))
        return fail(w, RC_SCHEMA, "a map's column has key and value", name);
    return fits_column(w, of->branches[0], value, STR("value"));
}

static bool has_field(const void *type, struct str name)
{
    const struct avro_type *t = type;
    size_t i = 0;

    while (i < t->n && !str_ieq(t->fields[i].name, name))
        i++;
    return i < t->n;
}

static bool may_be_null(const struct avro_type *t)
{
    for (size_t i = 0; t->kind == AVRO_UNION && i < t->n; i++)
        if (t->branches[i]->kind == AVRO_NULL)
            return true;
    return t->kind == AVRO_NULL;
}

static int fits(struct walk *w, const struct avro_type *t,
                const json_t *columns)
{
    int rc = RC_OK;

    if (++w->depth > AVRO_MAX_DEPTH)
        return fail(w, RC_SCHEMA, "it holds itself", STR("record"));
    for (size_t i = 0; i < t->n && rc == RC_OK; i++) {
        struct str name = t->fields[i].name;
        const struct avro_type *type = t->fields[i].type;
        const json_t *column = export_column(columns, name);

        if (type->kind == AVRO_UNION)
            type = only_branch(type);
        if (!column && !w->into->drop_unknown)
            rc = fail(w, RC_SCHEMA, "the table has no column of this name",
                      name);
        else if (column && !type && t->fields[i].type->n != 1)
            rc = fail(w, RC_SCHEMA, "no column can hold its type", name);
        else if (column && type)
            rc = fits_column(w, type, column, name);
        if (rc == RC_OK && column && export_is_required(column) &&
            may_be_null(t->fields[i].type))
            rc = fail(w, RC_SCHEMA, "it may be null, its column is REQUIRED",
                      name);
    }
    if (rc == RC_OK)
        rc = export_check_required(columns, w->depth == 1 && w->into->metadata,
                                   has_field, t, w->at.err);
    w->depth--;
    return rc;
}

int export_avro_fits(const struct avro *a, const struct export_into *into,
                     struct err *err)
{
    struct walk w = {.at = {.err = err}, .into = into};

    if (avro_root(a)->kind != AVRO_RECORD)
        return fail(&w, RC_SCHEMA, "only a record has columns", STR("root"));
    return fits(&w, avro_root(a), into->columns);
}

/* --- values --------------------------------------------------------------- */

/* Reads the value; `column` NULL: passes over it. `*out` NULL: null, or passed
 * over. */
static int take(struct walk *w, const struct avro_type *t, const json_t *column,
                json_t **out);

static bool read_float(struct walk *w, const struct avro_type *t, double *out)
{
    struct str bytes;
    size_t size = t->kind == AVRO_FLOAT ? 4 : 8;
    uint64_t bits = 0;
    uint32_t half;
    float f;

    if (!avro_read_fixed(&w->at, size, &bytes))
        return false;
    for (size_t i = size; i-- > 0;)
        bits = bits << 8 | (uint8_t)bytes.p[i];
    half = (uint32_t)bits;
    memcpy(&f, &half, sizeof(f));
    memcpy(out, &bits, sizeof(*out));
    if (size == 4)
        *out = (double)f;
    return true;
}

static bool is_millis(const struct avro_type *t)
{
    return t->logical == AVRO_TIME_MILLIS ||
           t->logical == AVRO_TIMESTAMP_MILLIS ||
           t->logical == AVRO_LOCAL_MILLIS;
}

static bool read_scalar(struct walk *w, const struct avro_type *t,
                        struct export_value *v)
{
    struct str bytes;

    switch (t->kind) {
    case AVRO_BOOLEAN:
        if (!avro_read_fixed(&w->at, 1, &bytes))
            return false;
        v->i = *bytes.p != 0;
        return true;
    case AVRO_INT:
    case AVRO_LONG:
        if (!avro_read_long(&w->at, &v->i))
            return false;
        if (is_millis(t) && __builtin_mul_overflow(v->i, 1000, &v->i))
            v->i = INT64_MAX; /* out of any column's range */
        return true;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return read_float(w, t, &v->f);
    case AVRO_ENUM:
        if (!avro_read_index(&w->at, t->n, &v->i))
            return false;
        v->text = t->symbols[v->i];
        return true;
    case AVRO_FIXED:
        return avro_read_fixed(&w->at, t->size, &v->text);
    default:
        return avro_read_bytes(&w->at, &v->text);
    }
}

static int take_scalar(struct walk *w, const struct avro_type *t,
                       const json_t *column, json_t **out)
{
    struct export_value v = {.kind = kind_of(t), .scale = t->scale};

    if (!read_scalar(w, t, &v))
        return RC_INVALID;
    return column ? export_value_json(column, &v, out, w->at.err) : RC_OK;
}

static int take_record(struct walk *w, const struct avro_type *t,
                       const json_t *columns, json_t *object)
{
    for (size_t i = 0; i < t->n; i++) {
        struct str name = t->fields[i].name;
        const json_t *column = export_column(columns, name);
        json_t *value = NULL;
        int rc;

        if (columns && !column && !w->into->drop_unknown)
            return fail(w, RC_SCHEMA, "the table has no column of this name",
                        name);
        rc = take(w, t->fields[i].type, column, &value);
        if (value)
            json_object_setn_new_nocheck(object, name.p, name.len, value);
        if (rc)
            return rc;
    }
    return RC_OK;
}

/* One pair of a map. */
static int take_entry(struct walk *w, const struct avro_type *t,
                      const json_t *column, json_t **out)
{
    const json_t *value_column =
        export_column(json_object_get(column, "fields"), STR("value"));
    struct str key;
    json_t *value = NULL;
    int rc;

    if (!avro_read_bytes(&w->at, &key))
        return RC_INVALID;
    rc = take(w, t->branches[0], value_column, &value);
    if (rc == RC_OK && column) {
        *out = json_object();
        json_object_set_new(*out, "key", json_stringn(key.p, key.len));
        if (value)
            json_object_set_new(*out, "value", json_incref(value));
    }
    json_decref(value);
    return rc;
}

static int take_list(struct walk *w, const struct avro_type *t,
                     const json_t *column, json_t *list)
{
    int64_t n;

    for (;;) {
        if (!avro_read_count(&w->at, &n))
            return RC_INVALID;
        if (n == 0)
            return RC_OK;
        for (; n; n--) {
            json_t *one = NULL;
            int rc = t->kind == AVRO_MAP
                         ? take_entry(w, t, column, &one)
                         : take(w, t->branches[0], column, &one);

            if (one)
                json_array_append_new(list, one);
            if (rc)
                return rc;
            if (column && !one)
                return err_set(w->at.err, RC_INVALID, "a list holds a null");
            if (w->at.p == w->at.end && n > 1)
                return err_set(w->at.err, RC_INVALID, "the message is cut");
        }
    }
}

static int take_union(struct walk *w, const struct avro_type *t,
                      const json_t *column, json_t **out)
{
    int64_t i;

    return avro_read_index(&w->at, t->n, &i)
               ? take(w, t->branches[i], column, out)
               : RC_INVALID;
}

static int take(struct walk *w, const struct avro_type *t, const json_t *column,
                json_t **out)
{
    bool holds = t->kind == AVRO_RECORD || is_list(t);
    int rc;

    if (++w->depth > AVRO_MAX_DEPTH)
        return err_set(w->at.err, RC_INVALID, "the message is nested too deep");
    if (column && holds) {
        rc = export_check_takes(
            column, kind_of(t->kind == AVRO_ARRAY ? t->branches[0] : t),
            is_list(t), w->at.err);
        if (rc && t->kind != AVRO_ARRAY) /* an array's values are asked */
            return rc;
        *out = t->kind == AVRO_RECORD ? json_object() : json_array();
    }
    if (t->kind == AVRO_RECORD)
        rc = take_record(w, t, json_object_get(column, "fields"), *out);
    else if (holds)
        rc = take_list(w, t, column, *out);
    else if (t->kind == AVRO_UNION)
        rc = take_union(w, t, column, out);
    else if (t->kind == AVRO_NULL)
        rc = RC_OK;
    else
        rc = take_scalar(w, t, column, out);
    w->depth--;
    return rc;
}

/* --- a message ------------------------------------------------------------ */

static int take_message(struct walk *w, const struct avro *a, json_t **out)
{
    int rc;

    if (avro_root(a)->kind != AVRO_RECORD)
        return fail(w, RC_SCHEMA, "only a record has columns", STR("root"));
    *out = json_object();
    rc = take_record(w, avro_root(a), w->into->columns, *out);
    if (rc) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

int export_avro_json(const struct avro *a, struct str message, bool is_json,
                     const struct export_into *into, json_t **out,
                     struct err *err)
{
    struct walk w = {.at = avro_cursor_of(message, err), .into = into};
    struct buf binary;
    int rc;

    if (!is_json)
        return take_message(&w, a, out);
    buf_init(&binary, SIZE_MAX / 4);
    rc = avro_put_json(&binary, a, message, err);
    if (rc == RC_OK) {
        w.at = avro_cursor_of(buf_as_str(&binary), err);
        rc = take_message(&w, a, out);
    }
    buf_fini(&binary);
    return rc;
}
