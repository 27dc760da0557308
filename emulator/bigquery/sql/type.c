/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/type.h"

#include "common/buf.h"

static const struct {
    const char *name, *legacy, *sqlite;
    char letter;
} facts[] = {
#define SQLTYPE(name, letter, legacy, sqlite) {#name, legacy, sqlite, letter},
#include "emulator/bigquery/sql/type.def"
#undef SQLTYPE
    {"ARRAY", "ARRAY", "TEXT", 'A'},
    {"STRUCT", "RECORD", "TEXT", 'U'},
};

static const struct sql_type scalars[] = {
#define SQLTYPE(name, letter, legacy, sqlite) {.kind = T_##name},
#include "emulator/bigquery/sql/type.def"
#undef SQLTYPE
};

static const struct {
    const char *name;
    enum sql_type_kind kind;
} aliases[] = {
    {"INT", T_INT64},       {"SMALLINT", T_INT64},
    {"INTEGER", T_INT64},   {"BIGINT", T_INT64},
    {"TINYINT", T_INT64},   {"BYTEINT", T_INT64},
    {"FLOAT", T_FLOAT64},   {"BOOLEAN", T_BOOL},
    {"DECIMAL", T_NUMERIC}, {"BIGDECIMAL", T_BIGNUMERIC},
    {"RECORD", T_STRUCT},
};

const struct sql_type *type_scalar(enum sql_type_kind kind)
{
    return &scalars[kind];
}

const struct sql_type *type_array(struct arena *a, const struct sql_type *elem)
{
    struct sql_type *t = ARENA_NEW(a, struct sql_type);

    *t = (struct sql_type){.kind = T_ARRAY, .elem = elem};
    return t;
}

const struct sql_type *type_struct(struct arena *a,
                                   const struct sql_field *fields, size_t n)
{
    struct sql_type *t = ARENA_NEW(a, struct sql_type);

    *t = (struct sql_type){.kind = T_STRUCT, .fields = fields, .n_fields = n};
    return t;
}

const struct sql_type *type_settled(struct arena *a, const struct sql_type *t)
{
    struct sql_field *fields;
    bool same = true;

    if (t->kind == T_NULLTYPE)
        return type_scalar(T_INT64);
    if (t->kind == T_ARRAY) {
        const struct sql_type *elem = type_settled(a, t->elem);
        return elem == t->elem ? t : type_array(a, elem);
    }
    if (t->kind != T_STRUCT)
        return t;
    fields = ARENA_ARRAY(a, struct sql_field, t->n_fields);
    for (size_t i = 0; i < t->n_fields; i++) {
        fields[i].name = t->fields[i].name;
        fields[i].type = type_settled(a, t->fields[i].type);
        same &= fields[i].type == t->fields[i].type;
    }
    return same ? t : type_struct(a, fields, t->n_fields);
}

bool type_eq(const struct sql_type *a, const struct sql_type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind)
        return false;
    if (a->kind == T_ARRAY)
        return type_eq(a->elem, b->elem);
    if (a->kind != T_STRUCT)
        return true;
    if (a->n_fields != b->n_fields)
        return false;
    for (size_t i = 0; i < a->n_fields; i++) {
        if (!type_eq(a->fields[i].type, b->fields[i].type))
            return false;
    }
    return true;
}

enum sql_type_kind type_by_name(struct str name)
{
    for (int k = T_BOOL; k < T_N; k++) {
        if (str_ieq(name, str_from(facts[k].name)))
            return (enum sql_type_kind)k;
    }
    for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
        if (str_ieq(name, str_from(aliases[i].name)))
            return aliases[i].kind;
    }
    return T_N;
}

static const char *struct_name(struct arena *a, const struct sql_type *t)
{
    const char *out = "STRUCT<";

    for (size_t i = 0; i < t->n_fields; i++) {
        const struct sql_field *f = &t->fields[i];
        out = arena_printf(a, "%s%s%.*s%s%s", out, i ? ", " : "",
                           STR_ARG(f->name), f->name.len ? " " : "",
                           type_name(a, f->type));
    }
    return arena_cat(a, out, ">", NULL);
}

const char *type_name(struct arena *a, const struct sql_type *t)
{
    if (t->kind == T_ARRAY)
        return arena_cat(a, "ARRAY<", type_name(a, t->elem), ">", NULL);
    if (t->kind == T_STRUCT)
        return struct_name(a, t);
    return t->kind == T_NULLTYPE ? "INT64" : facts[t->kind].name;
}

static void put_type(struct arena *a, struct buf *out,
                     const struct sql_column *c, bool whole);

static void put_fields(struct arena *a, struct buf *out,
                       const struct sql_column *c, bool whole)
{
    buf_puts(out, "STRUCT<");
    for (size_t i = 0; i < c->n_fields; i++) {
        const struct sql_column *f = &c->fields[i];
        buf_printf(out, "%s%.*s ", i ? ", " : "", STR_ARG(f->name));
        put_type(a, out, f, whole);
        if (whole && f->required)
            buf_puts(out, " NOT NULL");
        if (whole && f->description.len) {
            buf_puts(out, " OPTIONS(description=");
            buf_json_str(out, f->description);
            buf_putc(out, ')');
        }
    }
    buf_putc(out, '>');
}

static void put_type(struct arena *a, struct buf *out,
                     const struct sql_column *c, bool whole)
{
    bool array = c->type->kind == T_ARRAY;
    const struct sql_type *t = array ? c->type->elem : c->type;

    buf_puts(out, array ? "ARRAY<" : "");
    if (t->kind == T_STRUCT && c->n_fields)
        put_fields(a, out, c, whole);
    else
        buf_puts(out, type_name(a, t));
    if (c->max_length)
        buf_printf(out, "(%lld)", (long long)c->max_length);
    else if (c->precision && c->scale)
        buf_printf(out, "(%d, %d)", c->precision, c->scale);
    else if (c->precision)
        buf_printf(out, "(%d)", c->precision);
    buf_puts(out, array ? ">" : "");
}

const char *column_type_text(struct arena *a, const struct sql_column *c,
                             bool whole)
{
    struct buf *out = arena_buf(a);

    put_type(a, out, c, whole);
    return arena_buf_take(a, out);
}

const char *type_legacy_name(enum sql_type_kind kind)
{
    return facts[kind].legacy;
}

char type_letter(const struct sql_type *t)
{
    return facts[t->kind].letter;
}

const char *type_sqlite(const struct sql_type *t)
{
    return facts[t->kind].sqlite;
}

bool type_is_orderable(const struct sql_type *t)
{
    return t->kind != T_ARRAY && t->kind != T_STRUCT && t->kind != T_JSON &&
           t->kind != T_INTERVAL;
}

bool type_is_groupable(const struct sql_type *t)
{
    if (t->kind == T_ARRAY)
        return type_is_groupable(t->elem);
    if (t->kind == T_STRUCT) {
        for (size_t i = 0; i < t->n_fields; i++) {
            if (!type_is_groupable(t->fields[i].type))
                return false;
        }
        return true;
    }
    return t->kind != T_JSON && t->kind != T_INTERVAL;
}

bool name_is_reserved(struct str name)
{
    static const char *const prefixes[] = {"_TABLE_",    "_FILE_",
                                           "_PARTITION", "_ROW_TIMESTAMP",
                                           "__ROOT__",   "_COLIDENTIFIER"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        size_t n = strlen(prefixes[i]);

        if (name.len >= n && str_ieq(str_of(name.p, n), str_from(prefixes[i])))
            return true;
    }
    return false;
}
