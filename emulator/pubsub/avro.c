/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of Avro schemas. */
#include "emulator/pubsub/avro.h"

#include <ctype.h>
#include <jansson.h>

#include "common/mem.h"

struct avro {
    json_t *json; /* names, symbols are its strings */
    const struct avro_type *root;
    struct avro_type *all;
    struct avro_type plain[AVRO_STRING + 1];
};

struct parser {
    struct avro *a;
    unsigned depth;
    struct err *err;
};

static const char *const plain_names[] = {"null",  "boolean", "int",   "long",
                                          "float", "double",  "bytes", "string",
                                          "array", "map",     "union"};

struct str avro_type_name(const struct avro_type *t)
{
    return t->name.p ? t->name : str_from(plain_names[t->kind]);
}

static const struct avro_type *fail(struct parser *p, const char *what,
                                    struct str name)
{
    err_set(p->err, RC_INVALID, "Avro: %s: %.*s", what,
            name.len > 200 ? 200 : (int)name.len, name.p ? name.p : "");
    return NULL;
}

static struct str text_of(const json_t *v)
{
    return json_is_string(v)
               ? str_of(json_string_value(v), json_string_length(v))
               : STR("");
}

static struct str member(const json_t *object, const char *name)
{
    return text_of(json_object_get(object, name));
}

/* [A-Za-z_][A-Za-z0-9_]*, several with dots between if `dotted`. */
static bool is_name(struct str s, bool dotted)
{
    bool first = true;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.p[i];

        if (c == '.' && dotted && !first)
            first = true;
        else if (c < 0x80 && (isalpha(c) || c == '_' || (!first && isdigit(c))))
            first = false;
        else
            return false;
    }
    return s.len && !first;
}

static struct avro_type *type_new(struct parser *p, enum avro_kind kind)
{
    struct avro_type *t = MEM_NEW(struct avro_type);

    t->kind = kind;
    t->next = p->a->all;
    p->a->all = t;
    return t;
}

/* --- names ---------------------------------------------------------------- */

static bool has_dot(struct str s)
{
    return memchr(s.p, '.', s.len) != NULL;
}

static struct str namespace_of(struct str full)
{
    const char *dot = memrchr(full.p, '.', full.len);

    return dot ? str_of(full.p, (size_t)(dot - full.p)) : STR("");
}

/* Owned (mem_free of p). */
static struct str full_name(struct str name, struct str space)
{
    char *text;

    if (has_dot(name) || space.len == 0)
        text = mem_strndup(name.p, name.len);
    else
        text = mem_printf("%.*s.%.*s", STR_ARG(space), STR_ARG(name));
    return str_from(text);
}

static const struct avro_type *find_named(const struct avro *a, struct str full)
{
    for (const struct avro_type *t = a->all; t; t = t->next)
        if (t->name.p && str_eq(t->name, full))
            return t;
    return NULL;
}

static const struct avro_type *by_name(struct parser *p, struct str name,
                                       struct str space)
{
    const struct avro_type *t;
    struct str full;

    for (size_t i = 0; i <= AVRO_STRING; i++)
        if (str_eq(name, str_from(plain_names[i])))
            return &p->a->plain[i];
    if (!is_name(name, true))
        return fail(p, "not the name of a type", name);
    full = full_name(name, space);
    t = find_named(p->a, full);
    mem_free((void *)(uintptr_t)full.p);
    return t ? t : fail(p, "unknown type", name);
}

/* --- named types ---------------------------------------------------------- */

static const struct avro_type *parse(struct parser *p, const json_t *v,
                                     struct str space);

static bool is_default(const struct avro_type *t, const json_t *v,
                       unsigned depth);

static bool is_record_default(const struct avro_type *t, const json_t *v,
                              unsigned depth)
{
    if (!json_is_object(v))
        return false;
    for (size_t i = 0; i < t->n; i++) {
        char *key = mem_strndup(t->fields[i].name.p, t->fields[i].name.len);
        const json_t *field = json_object_get(v, key);
        bool ok = field ? is_default(t->fields[i].type, field, depth + 1)
                        : t->fields[i].has_default;

        mem_free(key);
        if (!ok)
            return false;
    }
    return true;
}

static bool are_defaults(const struct avro_type *t, const json_t *v,
                         unsigned depth)
{
    const json_t *item;
    const char *key;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)v, i,
                       item) if (!is_default(t, item, depth)) return false;
    json_object_foreach((json_t *)(uintptr_t)v, key,
                        item) if (!is_default(t, item, depth)) return false;
    return true;
}

/* A default's form is plain JSON; a union's is of its first branch. */
static bool is_default(const struct avro_type *t, const json_t *v,
                       unsigned depth)
{
    if (depth > AVRO_MAX_DEPTH)
        return false;
    switch (t->kind) {
    case AVRO_NULL:
        return json_is_null(v);
    case AVRO_BOOLEAN:
        return json_is_boolean(v);
    case AVRO_INT:
        return json_is_integer(v) && json_integer_value(v) >= INT32_MIN &&
               json_integer_value(v) <= INT32_MAX;
    case AVRO_LONG:
        return json_is_integer(v);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return json_is_number(v);
    case AVRO_ARRAY:
        return json_is_array(v) && are_defaults(t->branches[0], v, depth + 1);
    case AVRO_MAP:
        return json_is_object(v) && are_defaults(t->branches[0], v, depth + 1);
    case AVRO_UNION:
        return t->n && is_default(t->branches[0], v, depth + 1);
    case AVRO_RECORD:
        return is_record_default(t, v, depth);
    default:
        return json_is_string(v);
    }
}

static bool add_field(struct parser *p, struct avro_type *t, const json_t *v)
{
    struct str name = member(v, "name");
    const json_t *type = json_object_get(v, "type");
    const json_t *given = json_object_get(v, "default");
    struct avro_field *f = &t->fields[t->n];

    if (!is_name(name, false))
        return fail(p, "not a field's name", name) != NULL;
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->fields[i].name, name))
            return fail(p, "a field is there twice", name) != NULL;
    if (!type)
        return fail(p, "a field without type", name) != NULL;
    f->name = name;
    f->type = parse(p, type, namespace_of(t->name));
    if (!f->type)
        return false;
    f->has_default = given != NULL;
    t->n++;
    if (given && !is_default(f->type, given, 0))
        return fail(p, "the default is no value of the field", name) != NULL;
    return true;
}

static bool fill_record(struct parser *p, struct avro_type *t, const json_t *v)
{
    const json_t *fields = json_object_get(v, "fields"), *field;
    size_t i;

    if (!json_is_array(fields))
        return fail(p, "a record without fields", t->name) != NULL;
    t->fields = MEM_ARRAY(struct avro_field, json_array_size(fields) + 1);
    json_array_foreach(fields, i,
                       field) if (!add_field(p, t, field)) return false;
    return true;
}

static bool is_symbol(const struct avro_type *t, struct str symbol)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->symbols[i], symbol))
            return true;
    return false;
}

static bool fill_enum(struct parser *p, struct avro_type *t, const json_t *v)
{
    const json_t *symbols = json_object_get(v, "symbols"), *one;
    const json_t *given = json_object_get(v, "default");
    size_t i;

    if (!json_is_array(symbols) || json_array_size(symbols) == 0)
        return fail(p, "an enum without symbols", t->name) != NULL;
    t->symbols = MEM_ARRAY(struct str, json_array_size(symbols));
    json_array_foreach(symbols, i, one)
    {
        struct str symbol = text_of(one);

        if (!is_name(symbol, false) || is_symbol(t, symbol))
            return fail(p, "not a symbol, or there twice", symbol) != NULL;
        t->symbols[t->n++] = symbol;
    }
    t->has_default = given != NULL;
    if (given && !is_symbol(t, text_of(given)))
        return fail(p, "the default is none of the symbols", t->name) != NULL;
    return true;
}

static enum avro_logical logical_of(enum avro_kind kind, struct str name)
{
    static const struct {
        const char *name;
        enum avro_kind kind;
        enum avro_logical logical;
    } known[] = {
        {"date", AVRO_INT, AVRO_DATE},
        {"time-millis", AVRO_INT, AVRO_TIME_MILLIS},
        {"time-micros", AVRO_LONG, AVRO_TIME_MICROS},
        {"timestamp-millis", AVRO_LONG, AVRO_TIMESTAMP_MILLIS},
        {"timestamp-micros", AVRO_LONG, AVRO_TIMESTAMP_MICROS},
        {"local-timestamp-millis", AVRO_LONG, AVRO_LOCAL_MILLIS},
        {"local-timestamp-micros", AVRO_LONG, AVRO_LOCAL_MICROS},
        {"decimal", AVRO_BYTES, AVRO_DECIMAL},
        {"decimal", AVRO_FIXED, AVRO_DECIMAL},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (kind == known[i].kind && str_eq(name, str_from(known[i].name)))
            return known[i].logical;
    return AVRO_PLAIN;
}

static void set_logical(struct avro_type *t, const json_t *v)
{
    json_int_t scale = json_integer_value(json_object_get(v, "scale"));

    t->logical = logical_of(t->kind, member(v, "logicalType"));
    t->scale = scale > 0 && scale < 100 ? (unsigned)scale : 0;
}

static bool fill_fixed(struct parser *p, struct avro_type *t, const json_t *v)
{
    const json_t *size = json_object_get(v, "size");

    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > INT32_MAX)
        return fail(p, "a fixed without size", t->name) != NULL;
    t->size = (size_t)json_integer_value(size);
    set_logical(t, v);
    return true;
}

static const struct avro_type *parse_named(struct parser *p, const json_t *v,
                                           enum avro_kind kind,
                                           struct str space)
{
    struct str name = member(v, "name"), own = member(v, "namespace"), full;
    struct avro_type *t;
    bool ok;

    if (json_object_get(v, "namespace"))
        space = own;
    if (!is_name(name, true) || (space.len && !is_name(space, true)))
        return fail(p, "not the name of a type", name);
    for (size_t i = 0; i <= AVRO_STRING; i++)
        if (str_eq(name, str_from(plain_names[i])))
            return fail(p, "the name is a primitive type's", name);
    full = full_name(name, space);
    if (find_named(p->a, full)) {
        mem_free((void *)(uintptr_t)full.p);
        return fail(p, "the type is defined twice", name);
    }
    /* known from here on: its fields may name it */
    t = type_new(p, kind);
    t->name = full;
    ok = kind == AVRO_RECORD ? fill_record(p, t, v)
         : kind == AVRO_ENUM ? fill_enum(p, t, v)
                             : fill_fixed(p, t, v);
    return ok ? t : NULL;
}

/* --- the others ----------------------------------------------------------- */

static const struct avro_type *parse_items(struct parser *p, const json_t *v,
                                           enum avro_kind kind,
                                           struct str space)
{
    const char *what = kind == AVRO_ARRAY ? "items" : "values";
    const json_t *items = json_object_get(v, what);
    const struct avro_type *of;
    struct avro_type *t;

    if (!items)
        return fail(p, "missing", str_from(what));
    of = parse(p, items, space);
    if (!of)
        return NULL;
    t = type_new(p, kind);
    t->branches = MEM_ARRAY(const struct avro_type *, 1);
    t->branches[0] = of;
    t->n = 1;
    return t;
}

static const struct avro_type *parse_union(struct parser *p, const json_t *v,
                                           struct str space)
{
    struct avro_type *t = type_new(p, AVRO_UNION);
    const json_t *one;
    size_t i;

    t->branches = MEM_ARRAY(const struct avro_type *, json_array_size(v) + 1);
    json_array_foreach(v, i, one)
    {
        const struct avro_type *b = parse(p, one, space);

        if (!b)
            return NULL;
        if (b->kind == AVRO_UNION)
            return fail(p, "a union directly in a union", STR(""));
        for (size_t k = 0; k < t->n; k++)
            if (str_eq(avro_type_name(t->branches[k]), avro_type_name(b)))
                return fail(p, "a union holds a type twice", avro_type_name(b));
        t->branches[t->n++] = b;
    }
    return t;
}

/* {"type":"long","logicalType":...}: a type of its own. */
static const struct avro_type *parse_plain(struct parser *p, const json_t *v,
                                           struct str space)
{
    const struct avro_type *t = parse(p, json_object_get(v, "type"), space);
    struct avro_type *own;

    if (!t || t->kind > AVRO_STRING ||
        !logical_of(t->kind, member(v, "logicalType")))
        return t;
    own = type_new(p, t->kind);
    set_logical(own, v);
    return own;
}

static const struct avro_type *parse_object(struct parser *p, const json_t *v,
                                            struct str space)
{
    const json_t *type = json_object_get(v, "type");
    struct str name = text_of(type);

    if (!type)
        return fail(p, "an object without type", STR(""));
    if (str_eq(name, STR("record")) || str_eq(name, STR("error")))
        return parse_named(p, v, AVRO_RECORD, space);
    if (str_eq(name, STR("enum")))
        return parse_named(p, v, AVRO_ENUM, space);
    if (str_eq(name, STR("fixed")))
        return parse_named(p, v, AVRO_FIXED, space);
    if (str_eq(name, STR("array")))
        return parse_items(p, v, AVRO_ARRAY, space);
    if (str_eq(name, STR("map")))
        return parse_items(p, v, AVRO_MAP, space);
    return parse_plain(p, v, space);
}

static const struct avro_type *parse(struct parser *p, const json_t *v,
                                     struct str space)
{
    const struct avro_type *t;

    if (++p->depth > AVRO_MAX_DEPTH)
        return fail(p, "types are nested too deep", STR(""));
    if (json_is_string(v))
        t = by_name(p, text_of(v), space);
    else if (json_is_array(v))
        t = parse_union(p, v, space);
    else if (json_is_object(v))
        t = parse_object(p, v, space);
    else
        t = fail(p, "not a type", STR(""));
    p->depth--;
    return t;
}

/* --- begin and end -------------------------------------------------------- */

int avro_parse(struct str text, struct avro **out, struct err *err)
{
    struct avro *a = MEM_NEW(struct avro);
    struct parser p = {.a = a, .err = err};
    json_error_t why;

    for (size_t i = 0; i <= AVRO_STRING; i++)
        a->plain[i].kind = (enum avro_kind)i;
    a->json = json_loadb(text.p ? text.p : "", text.len, JSON_DECODE_ANY, &why);
    if (!a->json)
        err_set(err, RC_INVALID, "Avro: no JSON, line %d: %s", why.line,
                why.text);
    else
        a->root = parse(&p, a->json, STR(""));
    if (!a->root) {
        avro_free(a);
        return RC_INVALID;
    }
    *out = a;
    return RC_OK;
}

void avro_free(struct avro *a)
{
    struct avro_type *next;

    if (!a)
        return;
    for (struct avro_type *t = a->all; t; t = next) {
        next = t->next;
        mem_free((void *)(uintptr_t)t->name.p);
        mem_free(t->fields);
        mem_free(t->symbols);
        mem_free(t->branches);
        mem_free(t);
    }
    json_decref(a->json);
    mem_free(a);
}

const struct avro_type *avro_root(const struct avro *a)
{
    return a->root;
}
