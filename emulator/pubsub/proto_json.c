/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in protocol buffers' JSON form (protobuf.dev, "ProtoJSON"). */
#include <math.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/pubsub/json_reader.h"
#include "emulator/pubsub/proto_schema.h"

enum {
    NUMBER_MAX = 400 /* characters of a number */
};

static bool mismatch(struct json_reader *r, const struct json_token *t,
                     const struct proto_field *f)
{
    if (t->kind == JSON_T_ERROR)
        return json_reader_fail(r, "Not valid JSON", str_from(r->scan.error));
    return json_reader_fail(r, "Not a value of the field's type",
                            str_from(f->name));
}

/* --- scalars -------------------------------------------------------------- */

/* Only what JSON's numbers are made of: strtod takes more. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!text.p[i] || !strchr("+-.eE0123456789", text.p[i]))
            return false;
    return true;
}

/* "12", "1.0", "1e3": a whole number between the bounds. */
static bool is_whole(struct str text, double min, double max)
{
    char copy[NUMBER_MAX], *end;
    double v;

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    v = strtod(copy, &end);
    return !*end && is_plain(text) && v == floor(v) && v >= min && v <= max;
}

static bool is_integer(struct str text, enum proto_kind kind)
{
    int64_t i;
    uint64_t u;

    /* a string's value: only what a number may look like */
    if (text.len == 0 || !*text.p || !strchr("-0123456789", *text.p))
        return false;
    switch (kind) {
    case PROTO_INT32:
    case PROTO_SINT32:
    case PROTO_SFIXED32:
        return is_whole(text, INT32_MIN, INT32_MAX);
    case PROTO_UINT32:
    case PROTO_FIXED32:
        return is_whole(text, 0, UINT32_MAX);
    case PROTO_UINT64:
    case PROTO_FIXED64:
        return str_to_u64(text, &u) ||
               is_whole(text, 0, 18446744073709549568.0);
    default:
        return str_to_i64(text, &i) ||
               is_whole(text, -9223372036854775808.0, 9223372036854774784.0);
    }
}

/* A number that is finite in the field's own type, its reading rounded. */
static bool is_finite(struct str text, enum proto_kind kind)
{
    char small[NUMBER_MAX], *end = NULL;
    char *copy = text.len < sizeof(small) ? small : mem_try_alloc(text.len + 1);
    bool ok;

    if (!copy)
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    ok = kind == PROTO_FLOAT ? isfinite(strtof(copy, &end))
                             : isfinite(strtod(copy, &end));
    ok = ok && !*end && is_plain(text);
    if (copy != small)
        mem_free(copy);
    return ok;
}

static bool is_float(const struct json_token *t, enum proto_kind kind)
{
    if (t->kind == JSON_T_NUMBER)
        return is_finite(t->text, kind);
    if (t->kind != JSON_T_STRING || t->escaped || t->text.len == 0)
        return false;
    if (str_eq(t->text, STR("NaN")) || str_eq(t->text, STR("Infinity")) ||
        str_eq(t->text, STR("-Infinity")))
        return true;
    return t->text.len < NUMBER_MAX && strchr("-0123456789", *t->text.p) &&
           is_finite(t->text, kind);
}

static bool is_base64(struct str text)
{
    void *scratch = mem_try_alloc(base64_decoded_max(text.len));
    size_t len;
    bool ok = scratch && base64_decode(text, scratch, &len);

    mem_free(scratch);
    return ok;
}

static bool is_enum(const struct json_token *t, const struct proto_type *type)
{
    if (t->kind == JSON_T_NUMBER)
        return is_integer(t->text, PROTO_INT32);
    if (t->kind != JSON_T_STRING)
        return false;
    for (size_t i = 0; i < type->n_values; i++)
        if (json_text_eq(t, str_from(type->values[i].name)))
            return true;
    return false;
}

static bool is_scalar(const struct json_token *t, const struct proto_field *f)
{
    switch (f->kind) {
    case PROTO_BOOL:
        return t->kind == JSON_T_TRUE || t->kind == JSON_T_FALSE;
    case PROTO_DOUBLE:
    case PROTO_FLOAT:
        return is_float(t, f->kind);
    case PROTO_STRING:
        return t->kind == JSON_T_STRING;
    case PROTO_BYTES:
        return t->kind == JSON_T_STRING && is_base64(t->text);
    case PROTO_ENUM:
        return is_enum(t, f->type);
    default:
        return (t->kind == JSON_T_NUMBER ||
                (t->kind == JSON_T_STRING && !t->escaped)) &&
               is_integer(t->text, f->kind);
    }
}

/* --- what holds others ---------------------------------------------------- */

static bool check_message(struct json_reader *r, const struct proto_type *t);

static bool check_value(struct json_reader *r, const struct json_token *t,
                        const struct proto_field *f)
{
    if (f->kind == PROTO_MESSAGE)
        return t->kind == JSON_T_OBJECT ? check_message(r, f->type)
                                        : mismatch(r, t, f);
    return is_scalar(t, f) || mismatch(r, t, f);
}

static bool check_array(struct json_reader *r, const struct proto_field *f)
{
    struct json_token t;

    while (json_scan_next(&r->scan, &t) != JSON_T_ARRAY_END)
        if (!check_value(r, &t, f))
            return false;
    return true;
}

/* A key is a string, whatever its type. */
static bool is_key(const struct json_token *t, enum proto_kind kind)
{
    if (kind == PROTO_STRING)
        return true;
    if (kind == PROTO_BOOL)
        return json_text_eq(t, STR("true")) || json_text_eq(t, STR("false"));
    return !t->escaped && is_integer(t->text, kind);
}

static bool check_map(struct json_reader *r, const struct proto_field *f)
{
    struct json_token t, value;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY) {
        if (!is_key(&t, f->type->fields[0].kind))
            return mismatch(r, &t, f);
        json_scan_next(&r->scan, &value);
        if (!check_value(r, &value, &f->type->fields[1]))
            return false;
    }
    return t.kind == JSON_T_OBJECT_END || mismatch(r, &t, f);
}

/* `*is_set`: it has a value; null stands for the absence of one. */
static bool check_field(struct json_reader *r, const struct proto_field *f,
                        bool *is_set)
{
    struct json_token t;

    json_scan_next(&r->scan, &t);
    *is_set = t.kind != JSON_T_NULL;
    if (!*is_set)
        return true;
    if (f->is_map)
        return t.kind == JSON_T_OBJECT ? check_map(r, f) : mismatch(r, &t, f);
    if (f->label == PROTO_REPEATED)
        return t.kind == JSON_T_ARRAY ? check_array(r, f) : mismatch(r, &t, f);
    return check_value(r, &t, f);
}

static bool check_sets(struct json_reader *r, const struct proto_type *t,
                       const bool *set)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct proto_field *f = &t->fields[i];

        if (f->label == PROTO_REQUIRED && !set[i])
            return json_reader_fail(r, "A required field is missing",
                                    str_from(f->name));
        if (!set[i] || !f->oneof)
            continue;
        for (size_t k = 0; k < i; k++)
            if (set[k] && t->fields[k].oneof == f->oneof)
                return json_reader_fail(r,
                                        "Another field of the oneof is set too",
                                        str_from(f->name));
    }
    return true;
}

static bool check_members(struct json_reader *r, const struct proto_type *type,
                          bool *seen, bool *set)
{
    struct json_token t;

    while (json_scan_next(&r->scan, &t) == JSON_T_KEY) {
        size_t i = 0;

        while (i < type->n_fields &&
               !json_text_eq(&t, str_from(type->fields[i].json_name)) &&
               !json_text_eq(&t, str_from(type->fields[i].name)))
            i++;
        if (i == type->n_fields)
            return json_reader_fail(
                r, "The message has a field that the schema has not", t.text);
        if (seen[i])
            return json_reader_fail(r, "A field is there twice", t.text);
        seen[i] = true;
        if (!check_field(r, &type->fields[i], &set[i]))
            return false;
    }
    if (t.kind != JSON_T_OBJECT_END)
        return json_reader_fail(r, "Not valid JSON", str_from(r->scan.error));
    return check_sets(r, type, set);
}

static bool check_message(struct json_reader *r, const struct proto_type *t)
{
    bool *flags, ok;

    if (++r->depth > PROTO_MAX_DEPTH)
        return json_reader_fail(r, "The message is nested too deep",
                                str_from(t->name));
    flags = mem_alloc(2 * t->n_fields + 1);
    ok = check_members(r, t, flags, flags + t->n_fields);
    mem_free(flags);
    r->depth--;
    return ok;
}

static bool check_whole(struct json_reader *r, const struct proto_type *root)
{
    struct json_token t;

    if (json_scan_next(&r->scan, &t) != JSON_T_OBJECT)
        return json_reader_fail(
            r, "Not a JSON object",
            str_from(r->scan.error ? r->scan.error : root->name));
    if (!check_message(r, root))
        return false;
    return json_scan_next(&r->scan, &t) == JSON_T_DONE ||
           json_reader_fail(
               r, "Not valid JSON",
               str_from(r->scan.error ? r->scan.error : "more than a value"));
}

int proto_check_json(const struct proto_schema *s, struct str message,
                     struct err *err)
{
    struct json_reader r = {.err = err};
    bool ok;

    json_scan_init(&r.scan, message);
    ok = check_whole(&r, s->root);
    json_scan_fini(&r.scan);
    return ok ? RC_OK : RC_INVALID;
}
