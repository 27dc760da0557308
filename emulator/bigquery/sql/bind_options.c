/* SPDX-License-Identifier: Apache-2.0 */
/* OPTIONS(...) of DDL: names that are known where they stand, of their type. */
#include "emulator/bigquery/sql/bind_expr.h"
#include "emulator/bigquery/sql/bind_stmt.h"
#include "emulator/bigquery/sql/ddl.h"

static const struct known {
    const char *name, *places;
    char type;
} known[] = {
#define OPTION(name, places, type) {name, places, type},
#include "emulator/bigquery/sql/options.def"
#undef OPTION
};

/* A TIMESTAMP has many spellings; the binder's is microseconds. */
static struct str typed_text(struct binder *b, const struct ast_expr *x,
                             const struct sql_type **type)
{
    *type = type_scalar(type_by_name(str_from(x->op)));
    if ((*type)->kind == T_TIMESTAMP)
        return str_from(bind_expr(b, x)->sql);
    return x->text;
}

static struct str scalar_text(struct binder *b, const struct ast_expr *x,
                              const struct sql_type **type)
{
    *type = type_scalar(T_STRING);
    switch (x->kind) {
    case EX_STRING:
        return x->text;
    case EX_INT:
    case EX_FLOAT:
        *type = type_scalar(x->kind == EX_INT ? T_INT64 : T_FLOAT64);
        return x->text;
    case EX_BOOL:
        *type = type_scalar(T_BOOL);
        return x->flag ? STR("true") : STR("false");
    case EX_TYPED:
        return typed_text(b, x, type);
    case EX_UNARY:
        return str_from(arena_cat(
            b->mem, x->op, arena_strndup(b->mem, x->a->text.p, x->a->text.len),
            NULL));
    default:
        bind_refuse(b, x->at, "An OPTIONS value that is not a literal");
    }
}

static void option_items(struct binder *b, const struct ast_expr *list,
                         struct sql_option *o)
{
    struct str *items;
    size_t n = 0;
    const struct sql_type *t;

    for (const struct ast_expr *x = list; x; x = x->next)
        n += 2;
    items = ARENA_ARRAY(b->mem, struct str, n);
    n = 0;
    for (const struct ast_expr *x = list; x; x = x->next) {
        if (x->kind == EX_TUPLE || x->kind == EX_STRUCT) {
            if (!x->list || !x->list->next || x->list->next->next)
                bind_fail(b, x->at, "OPTIONS: a label is a pair of strings");
            items[n++] = scalar_text(b, x->list, &t);
            items[n++] = scalar_text(b, x->list->next, &t);
        } else {
            items[n++] = scalar_text(b, x, &t);
        }
    }
    o->items = items;
    o->n_items = n;
}

static void option_value(struct binder *b, const struct ast_expr *x,
                         struct sql_option *o)
{
    if (x->kind == EX_NULL) {
        o->is_null = true;
        o->type = type_scalar(T_NULLTYPE);
    } else if (x->kind == EX_ARRAY) {
        o->type = type_array(b->mem, type_scalar(T_STRING));
        option_items(b, x->list, o);
    } else {
        o->text = scalar_text(b, x, &o->type);
    }
}

static const struct sql_type *expected(char type)
{
    switch (type) {
    case 'I':
        return type_scalar(T_INT64);
    case 'F':
        return type_scalar(T_FLOAT64);
    case 'B':
        return type_scalar(T_BOOL);
    case 'T':
        return type_scalar(T_TIMESTAMP);
    default:
        return type_scalar(T_STRING);
    }
}

static const struct known *find(struct binder *b, const struct ast_option *o,
                                char place)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!str_ieq(o->name, str_from(known[i].name)) ||
            !strchr(known[i].places, place))
            continue;
        if (known[i].type == '!')
            bind_refuse(b, o->at, "Option %s", known[i].name);
        return &known[i];
    }
    bind_fail(b, o->at, "Unknown option: %.*s", STR_ARG(o->name));
}

static void wrong_type(struct binder *b, const struct ast_option *o,
                       const struct sql_type *is, const char *wants)
{
    bind_fail(b, o->value->at,
              "Option %.*s value has type %s which cannot be coerced to "
              "expected type %s",
              STR_ARG(o->name), bind_type_name(b, is), wants);
}

static void check_type(struct binder *b, const struct ast_option *o,
                       const struct known *k, const struct sql_option *is)
{
    const struct sql_type *t = expected(k->type);
    bool list = o->value->kind == EX_ARRAY;

    if (is->is_null)
        return;
    if (k->type == 'L' && !list)
        wrong_type(b, o, is->type, "ARRAY<STRUCT<STRING, STRING>>");
    if (k->type == 'L') {
        for (const struct ast_expr *x = o->value->list; x; x = x->next)
            if (x->kind != EX_TUPLE && x->kind != EX_STRUCT)
                wrong_type(b, o, is->type, "ARRAY<STRUCT<STRING, STRING>>");
        return;
    }
    if (list || (!type_eq(is->type, t) &&
                 !(k->type == 'F' && is->type->kind == T_INT64)))
        wrong_type(b, o, is->type, bind_type_name(b, t));
}

const struct sql_option *bind_options(struct binder *b,
                                      const struct ast_option *list, char place,
                                      size_t *n)
{
    struct sql_option *out;

    *n = 0;
    for (const struct ast_option *o = list; o; o = o->next)
        ++*n;
    out = ARENA_ARRAY(b->mem, struct sql_option, *n);
    *n = 0;
    for (const struct ast_option *o = list; o; o = o->next) {
        const struct known *k = find(b, o, place);
        struct sql_option *one = &out[(*n)++];

        for (const struct ast_option *p = list; p != o; p = p->next)
            if (str_ieq(p->name, o->name))
                bind_fail(b, o->at, "Duplicate option: %.*s", STR_ARG(o->name));
        one->name = o->name;
        option_value(b, o->value, one);
        check_type(b, o, k, one);
    }
    return out;
}

struct str bind_description(struct binder *b, const struct ast_option *list)
{
    size_t n;
    const struct sql_option *o = bind_options(b, list, 'C', &n);

    for (size_t i = 0; i < n; i++) {
        if (str_ieq(o[i].name, STR("description")) && !o[i].is_null)
            return o[i].text;
    }
    return STR_NULL;
}
