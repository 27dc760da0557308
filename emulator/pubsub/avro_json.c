/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in Avro's JSON encoding: a union's value stands in an object under
 * its type's name, bytes are a string of characters up to U+00FF. As in
 * production fields may come in any order, unknown ones are passed over, and a
 * field's default does not stand in for it. */
#include <math.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/avro.h"
#include "emulator/pubsub/json_reader.h"

static const char *kind_name(enum json_kind kind)
{
    switch (kind) {
    case JSON_T_OBJECT:
        return "object";
    case JSON_T_ARRAY:
        return "array";
    case JSON_T_STRING:
        return "string";
    case JSON_T_NUMBER:
        return "number";
    case JSON_T_NULL:
        return "null";
    case JSON_T_TRUE:
    case JSON_T_FALSE:
        return "boolean";
    default:
        return "nothing";
    }
}

static bool mismatch(struct json_reader *r, const char *expected,
                     const struct json_token *t)
{
    if (t->kind == JSON_T_ERROR)
        err_set(r->err, RC_INVALID, "Not valid JSON: %s", r->scan.error);
    else
        err_set(r->err, RC_INVALID, "JSON value: expected %s, found %s",
                expected, kind_name(t->kind));
    return false;
}

static bool want(struct json_reader *r, const struct json_token *t,
                 enum json_kind kind, const char *expected)
{
    return t->kind == kind || mismatch(r, expected, t);
}

/* --- scalars -------------------------------------------------------------- */

static bool check_integer(struct json_reader *r, const struct json_token *t,
                          bool is_int)
{
    int64_t v;

    if (t->kind != JSON_T_NUMBER || !str_to_i64(t->text, &v))
        return mismatch(r, "number_integer", t);
    if (is_int && (v < INT32_MIN || v > INT32_MAX))
        return json_reader_fail(r, "The value does not fit an int", t->text);
    return true;
}

/* One too big for its type would be infinite, which JSON has no number for. */
static bool check_float(struct json_reader *r, const struct json_token *t,
                        bool is_float)
{
    char *copy;
    bool ok;

    if (!want(r, t, JSON_T_NUMBER, "number_float"))
        return false;
    copy = mem_try_alloc(t->text.len + 1);
    if (!copy)
        return json_reader_fail(r, "No memory for", STR("a number"));
    memcpy(copy, t->text.p, t->text.len);
    copy[t->text.len] = '\0';
    ok = is_float ? isfinite(strtof(copy, NULL)) : isfinite(strtod(copy, NULL));
    mem_free(copy);
    return ok || json_reader_fail(r,
                                  is_float ? "The value does not fit a float"
                                           : "The value does not fit a double",
                                  t->text);
}

/* Characters of the value, each up to U+00FF. */
static bool check_bytes(struct json_reader *r, const struct json_token *t,
                        const struct avro_type *type)
{
    char *value;
    size_t len, n = 0;
    bool ok = true;

    if (!want(r, t, JSON_T_STRING, "string"))
        return false;
    value = mem_try_alloc(t->text.len + 1);
    if (!value)
        return json_reader_fail(r, "No memory for", STR("a string"));
    len = t->escaped ? json_decode(value, t->text)
                     : (memcpy(value, t->text.p, t->text.len), t->text.len);
    for (size_t i = 0; i < len && ok; i++) {
        ok = (uint8_t)value[i] < 0xc4; /* U+0100 and beyond begin there */
        n += ((uint8_t)value[i] & 0xc0) != 0x80;
    }
    mem_free(value);
    if (!ok)
        return json_reader_fail(r, "Not a string of bytes", t->text);
    if (type->kind == AVRO_FIXED && n != type->size)
        return json_reader_fail(r, "Not as many bytes as the fixed type has",
                                type->name);
    return true;
}

static bool check_enum(struct json_reader *r, const struct json_token *t,
                       const struct avro_type *type)
{
    if (!want(r, t, JSON_T_STRING, "string"))
        return false;
    for (size_t i = 0; i < type->n; i++)
        if (json_text_eq(t, type->symbols[i]))
            return true;
    return type->has_default ||
           json_reader_fail(r, "Invalid enum index without default value",
                            type->name);
}

static bool check_scalar(struct json_reader *r, const struct json_token *t,
                         const struct avro_type *type)
{
    switch (type->kind) {
    case AVRO_NULL:
        return want(r, t, JSON_T_NULL, "null");
    case AVRO_BOOLEAN:
        return t->kind == JSON_T_TRUE || want(r, t, JSON_T_FALSE, "boolean");
    case AVRO_INT:
    case AVRO_LONG:
        return check_integer(r, t, type->kind == AVRO_INT);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return check_float(r, t, type->kind == AVRO_FLOAT);
    case AVRO_STRING:
        return want(r, t, JSON_T_STRING, "string");
    case AVRO_ENUM:
        return check_enum(r, t, type);
    default:
        return check_bytes(r, t, type);
    }
}

/* --- what holds others ---------------------------------------------------- */

static bool check(struct json_reader *r, const struct json_token *t,
                  const struct avro_type *type);

static bool check_next(struct json_reader *r, const struct avro_type *type)
{
    struct json_token t;

    json_scan_next(&r->scan, &t);
    return check(r, &t, type);
}

static bool skip_next(struct json_reader *r)
{
    struct json_token t;
    struct str value;

    json_scan_next(&r->scan, &t);
    return json_scan_skip(&r->scan, &t, &value) || mismatch(r, "a value", &t);
}

static bool check_array(struct json_reader *r, const struct avro_type *type)
{
    struct json_token t;

    while (json_scan_next(&r->scan, &t) != JSON_T_ARRAY_END)
        if (!check(r, &t, type->branches[0]))
            return false;
    return true;
}

static bool check_map(struct json_reader *r, const struct avro_type *type)
{
    struct json_token t;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY)
        if (!check_next(r, type->branches[0]))
            return false;
    return want(r, &t, JSON_T_OBJECT_END, "a member");
}

static bool check_members(struct json_reader *r, const struct avro_type *type,
                          bool *seen)
{
    struct json_token t;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY) {
        size_t i = 0;

        while (i < type->n && !json_text_eq(&t, type->fields[i].name))
            i++;
        if (i < type->n)
            seen[i] = true;
        if (i < type->n ? !check_next(r, type->fields[i].type) : !skip_next(r))
            return false;
    }
    if (!want(r, &t, JSON_T_OBJECT_END, "a member"))
        return false;
    for (size_t i = 0; i < type->n; i++)
        if (!seen[i])
            return json_reader_fail(r, "Field was not found in JSON object",
                                    type->fields[i].name);
    return true;
}

static bool check_record(struct json_reader *r, const struct avro_type *type)
{
    bool *seen = mem_alloc(type->n + 1);
    bool ok = check_members(r, type, seen);

    mem_free(seen);
    return ok;
}

static bool check_union(struct json_reader *r, const struct json_token *t,
                        const struct avro_type *type)
{
    struct json_token key, end;
    size_t i = 0;

    if (t->kind == JSON_T_NULL) {
        while (i < type->n && type->branches[i]->kind != AVRO_NULL)
            i++;
        return i < type->n || mismatch(r, "a branch of the union", t);
    }
    if (!want(r, t, JSON_T_OBJECT, "object of a union's type and value"))
        return false;
    if (json_scan_next(&r->scan, &key) != JSON_T_KEY)
        return mismatch(r, "a union's type", &key);
    while (i < type->n &&
           !json_text_eq(&key, avro_type_name(type->branches[i])))
        i++;
    if (i == type->n)
        return json_reader_fail(r, "Not a type of the union", key.text);
    if (!check_next(r, type->branches[i]))
        return false;
    json_scan_next(&r->scan, &end);
    return want(r, &end, JSON_T_OBJECT_END, "one value of a union");
}

static bool check(struct json_reader *r, const struct json_token *t,
                  const struct avro_type *type)
{
    bool ok;

    if (++r->depth > AVRO_MAX_DEPTH)
        return json_reader_fail(r, "Nested too deep in", avro_type_name(type));
    switch (type->kind) {
    case AVRO_ARRAY:
        ok = want(r, t, JSON_T_ARRAY, "array") && check_array(r, type);
        break;
    case AVRO_MAP:
        ok = want(r, t, JSON_T_OBJECT, "object") && check_map(r, type);
        break;
    case AVRO_RECORD:
        ok = want(r, t, JSON_T_OBJECT, "object") && check_record(r, type);
        break;
    case AVRO_UNION:
        ok = check_union(r, t, type);
        break;
    default:
        ok = check_scalar(r, t, type);
        break;
    }
    r->depth--;
    return ok;
}

int avro_check_json(const struct avro *a, struct str message, struct err *err)
{
    struct json_reader r = {.err = err};
    struct json_token end;
    bool ok;

    json_scan_init(&r.scan, message);
    ok = check_next(&r, avro_root(a));
    if (ok && json_scan_next(&r.scan, &end) != JSON_T_DONE)
        ok = mismatch(&r, "the end of the message", &end);
    json_scan_fini(&r.scan);
    return ok ? RC_OK : RC_INVALID;
}
