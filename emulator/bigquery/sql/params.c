/* SPDX-License-Identifier: Apache-2.0 */
/* queryParameters of the REST API, typed and stored as SQLite will hold
 * them. Clients differ: numbers come as JSON numbers or texts, dates with T
 * or a blank, Z or none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/decimal.h"
#include "emulator/bigquery/sql/fn.h"
#include "emulator/bigquery/sql/json_norm.h"
#include "emulator/bigquery/sql/plan.h"
#include "emulator/bigquery/sql/real_text.h"

struct reading {
    struct arena *mem;
    struct sql_error *err;
    struct str name; /* of the parameter, for errors */
    jmp_buf *on_error;
};

static _Noreturn void fail(struct reading *r, const char *what,
                           struct str value)
{
    *r->err = (struct sql_error){.reason = "invalidQuery"};
    snprintf(r->err->text, sizeof(r->err->text),
             "Invalid query parameter %s%.*s%s: %s%s%.*s",
             r->name.len ? "'" : "", STR_ARG(r->name), r->name.len ? "'" : "",
             what, value.len ? " " : "",
             (int)(value.len < 200 ? value.len : 200), value.p ? value.p : "");
    longjmp(*r->on_error, 1);
}

static bool member(struct str object, const char *name, struct str *out)
{
    return json_member(object, str_from(name), out) && out->len &&
           out->p[0] != 'n';
}

/* A string's value, or the text of any other scalar. */
static struct str text_of(struct reading *r, struct str v)
{
    char *copy;
    size_t n;

    if (!v.len || v.p[0] != '"')
        return v;
    copy = arena_alloc(r->mem, v.len);
    n = json_decode(copy, str_of(v.p + 1, v.len - 2));
    return str_of(copy, n);
}

static const struct sql_type *read_type(struct reading *r, struct str t,
                                        int depth);

static const struct sql_type *struct_type(struct reading *r, struct str list,
                                          int depth)
{
    struct sql_field fields[256] = {0};
    struct sql_field *copy;
    struct str item, v;
    size_t n = 0;

    while (json_element(list, (int64_t)n, &item)) {
        if (n == 256)
            fail(r, "more than 256 fields", STR_NULL);
        fields[n].name = member(item, "name", &v) ? text_of(r, v) : STR_NULL;
        if (!member(item, "type", &v))
            fail(r, "a field without a type", STR_NULL);
        fields[n++].type = read_type(r, v, depth + 1);
    }
    copy = ARENA_ARRAY(r->mem, struct sql_field, n);
    memcpy(copy, fields, n * sizeof(*copy));
    return type_struct(r->mem, copy, n);
}

static const struct sql_type *read_type(struct reading *r, struct str t,
                                        int depth)
{
    enum sql_type_kind kind;
    struct str v;

    if (depth > 15 || !member(t, "type", &v))
        fail(r, "the type is missing", STR_NULL);
    v = text_of(r, v);
    if (str_ieq(v, STR("ARRAY"))) {
        if (!member(t, "arrayType", &v))
            fail(r, "arrayType is missing", STR_NULL);
        return type_array(r->mem, read_type(r, v, depth + 1));
    }
    kind = type_by_name(v);
    if (kind == T_N || kind == T_INTERVAL)
        fail(r, "unknown type", v);
    if (kind != T_STRUCT)
        return type_scalar(kind);
    if (!member(t, "structTypes", &v))
        fail(r, "structTypes is missing", STR_NULL);
    return struct_type(r, v, depth);
}

static double read_real(struct reading *r, struct str s)
{
    char text[64], *end;
    double v;

    if (str_ieq(s, STR("NaN")))
        return NAN;
    if (str_ieq(s, STR("Infinity")) || str_ieq(s, STR("+inf")) ||
        str_ieq(s, STR("inf")))
        return INFINITY;
    if (str_ieq(s, STR("-Infinity")) || str_ieq(s, STR("-inf")))
        return -INFINITY;
    if (s.len == 0 || s.len >= sizeof(text))
        fail(r, "not a FLOAT64:", s);
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    v = strtod(text, &end);
    if (*end)
        fail(r, "not a FLOAT64:", s);
    return v;
}

static int64_t read_time(struct reading *r, struct str s,
                         enum sql_type_kind kind)
{
    struct tz_set zones = {NULL};
    int64_t v = 0;
    bool ok = kind == T_DATE       ? civil_parse_date(s, &v)
              : kind == T_TIME     ? civil_parse_time(s, &v)
              : kind == T_DATETIME ? civil_parse_datetime(s, &v)
                                   : civil_parse_timestamp(s, NULL, &zones, &v);
    tz_set_fini(&zones);
    if (!ok)
        fail(r, "not a date or time of its type:", s);
    return v;
}

static struct str read_decimal(struct reading *r, struct str s, int scale)
{
    char out[DEC_TEXT_MAX];
    struct dec d;

    if (dec_parse(&d, s, scale))
        fail(r, "not a number of its type:", s);
    return arena_str(r->mem, str_of(out, dec_format(out, &d, scale)));
}

static struct str read_json(struct reading *r, struct str s)
{
    const char *why;
    struct buf *out;
    struct str v, number;
    size_t at;

    if (json_check_same_keys(s, &why, &at) != RC_OK)
        fail(r, "not JSON:", s);
    if (json_number_lost(s, &number))
        fail(r, "a number that JSON cannot keep:", number);
    out = arena_buf(r->mem);
    json_normalize(s, out);
    v = str_from(arena_buf_take(r->mem, out));
    return v;
}

static void read_scalar(struct reading *r, const struct sql_type *t,
                        struct str s, struct value *v)
{
    char *bytes;
    size_t n;

    switch (t->kind) {
    case T_INT64:
        v->kind = FN_INT;
        if (!str_to_i64(s, &v->i))
            fail(r, "not an INT64:", s);
        break;
    case T_BOOL:
        v->kind = FN_INT;
        v->i = str_ieq(s, STR("true"));
        if (!v->i && !str_ieq(s, STR("false")))
            fail(r, "not a BOOL:", s);
        break;
    case T_FLOAT64:
        v->kind = FN_REAL;
        v->d = read_real(r, s);
        break;
    case T_NUMERIC:
    case T_BIGNUMERIC:
        v->kind = FN_TEXT;
        v->s = read_decimal(
            r, s, t->kind == T_NUMERIC ? DEC_NUMERIC : DEC_BIGNUMERIC);
        break;
    case T_BYTES:
        bytes = arena_alloc(r->mem, base64_decoded_max(s.len));
        if (!base64_decode(s, bytes, &n))
            fail(r, "not base64:", s);
        v->kind = FN_BLOB;
        v->s = str_of(bytes, n);
        break;
    case T_STRING:
        v->kind = FN_TEXT;
        v->s = s;
        break;
    case T_JSON:
        v->kind = FN_TEXT;
        v->s = read_json(r, s);
        break;
    default:
        v->kind = FN_INT;
        v->i = read_time(r, s, t->kind);
    }
}

static void read_value(struct reading *r, const struct sql_type *t,
                       struct str json, struct value *v);

static void read_list(struct reading *r, const struct sql_type *t,
                      struct str json, struct value *v)
{
    bool is_array = t->kind == T_ARRAY;
    struct str list = STR_NULL, item;
    struct value e;
    struct buf *out;
    size_t i = 0;

    if (!member(json, is_array ? "arrayValues" : "structValues", &list) &&
        !is_array)
        return;
    out = arena_buf(r->mem);
    buf_putc(out, '[');
    for (;; i++) {
        if (is_array ? !list.len || !json_element(list, (int64_t)i, &item)
                     : i == t->n_fields)
            break;
        if (!is_array && !json_member(list, t->fields[i].name, &item))
            item = STR("null");
        if (i)
            buf_putc(out, ',');
        read_value(r, is_array ? t->elem : t->fields[i].type, item, &e);
        value_put(out, &e);
    }
    buf_putc(out, ']');
    v->kind = FN_TEXT;
    v->nested = true;
    v->s = str_from(arena_buf_take(r->mem, out));
}

/* `json` is a parameterValue. */
static void read_value(struct reading *r, const struct sql_type *t,
                       struct str json, struct value *v)
{
    struct str s;

    *v = (struct value){FN_NULL, 0, 0, STR_NULL, false};
    if (json.len == 0 || json.p[0] != '{')
        return;
    if (t->kind == T_ARRAY || t->kind == T_STRUCT)
        read_list(r, t, json, v);
    else if (member(json, "value", &s))
        read_scalar(r, t, text_of(r, s), v);
}

static void read_param(struct reading *r, struct str json, struct param *p)
{
    static const int kinds[] = {PARAM_NULL, PARAM_INT, PARAM_REAL, PARAM_TEXT,
                                PARAM_BLOB};
    struct str t, v = STR_NULL;
    struct value value;

    if (member(json, "name", &v))
        p->name = text_of(r, v);
    r->name = p->name;
    if (!member(json, "parameterType", &t))
        fail(r, "parameterType is missing", STR_NULL);
    p->type = read_type(r, t, 0);
    v = STR_NULL;
    member(json, "parameterValue", &v);
    read_value(r, p->type, v, &value);
    p->kind = kinds[value.kind];
    p->i = value.i;
    p->d = value.d;
    p->s = value.s;
}

/* By address: a value in a register would be one that longjmp may clobber. */
static void read_params(struct reading *r, const struct str *json,
                        struct sql_params *ps)
{
    struct str item, text;
    const char *why;
    size_t n = 0, at;

    if (json->len && json_check(*json, &why, &at) != RC_OK)
        fail(r, "the list is not JSON", STR_NULL);
    text = json->len ? arena_str(&ps->mem, *json) : STR_NULL;
    while (text.len && json_element(text, (int64_t)n, &item))
        n++;
    ps->list = ARENA_ARRAY(&ps->mem, struct param, n);
    for (size_t i = 0; i < n; i++) {
        json_element(text, (int64_t)i, &item);
        read_param(r, item, &ps->list[i]);
        ps->n = i + 1;
        ps->named |= ps->list[i].name.len > 0;
    }
}

int sql_params_parse(struct str json, struct sql_params **out,
                     struct sql_error *err)
{
    struct sql_params *volatile ps = MEM_NEW(struct sql_params);
    struct reading r = {.mem = &ps->mem, .err = err};
    jmp_buf on_error;

    arena_init(&ps->mem);
    r.on_error = &on_error;
    if (setjmp(on_error)) {
        sql_params_free(ps);
        return RC_INVALID;
    }
    ps->mem.on_full = &on_error;
    *err = (struct sql_error){.reason = "invalidQuery",
                              .text = "Query parameters are too large"};
    read_params(&r, &json, ps);
    ps->mem.on_full = NULL;
    *out = ps;
    return RC_OK;
}

void sql_params_free(struct sql_params *ps)
{
    if (!ps)
        return;
    arena_fini(&ps->mem);
    mem_free(ps);
}
