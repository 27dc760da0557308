/* SPDX-License-Identifier: Apache-2.0 */
/* JSON functions that a signature cannot describe: values of any type in
 * pairs, and named arguments. */
#include "emulator/bigquery/sql/bind_expr.h"

enum {
    PAIRS_MAX = 40 /* SQLite's functions take 127 arguments */
};

static const struct edit {
    const char *name, *runtime, *option;
} edits[] = {
    {"JSON_SET", "bq_json_set", "create_if_missing"},
    {"JSON_ARRAY_APPEND", "bq_json_array_append", "append_each_element"},
    {"JSON_ARRAY_INSERT", "bq_json_array_insert", "insert_each_element"},
};

/* SAFE.f: the run-time function without errors. */
static const char *runtime_name(struct binder *b, const struct ast_expr *x,
                                const char *name)
{
    return x->call->safe ? arena_cat(b->mem, "bqs_", name + 3, NULL) : name;
}

/* The value of a named argument, as a BOOL; they stand behind the others. */
static const char *option_sql(struct binder *b, const struct ast_expr *x,
                              const char *name, const char *otherwise,
                              struct bexpr *out)
{
    const char *sql = otherwise;
    bool seen = false;

    for (const struct ast_expr *a = x->list; a; a = a->next) {
        struct bexpr *e;
        if (a->kind != EX_NAMED || !str_ieq(a->text, str_from(name)))
            continue;
        if (seen)
            bind_fail(b, a->at, "Duplicate named argument %s", name);
        seen = true;
        e = bind_as(b, a->a, type_scalar(T_BOOL), name);
        bexpr_merge(out, e);
        out->constant &= e->constant;
        sql = e->sql;
    }
    return sql;
}

/* Counts the positional arguments; the named ones are among `known`. */
static int positional(struct binder *b, const struct ast_expr *x,
                      const char *const *known, size_t n_known)
{
    bool named = false;
    int n = 0;

    for (const struct ast_expr *a = x->list; a; a = a->next) {
        bool hit = false;
        if (a->kind != EX_NAMED) {
            if (named)
                bind_fail(b, a->at,
                          "Call to function %.*s must not specify positional "
                          "arguments after named arguments",
                          STR_ARG(x->text));
            n++;
            continue;
        }
        named = true;
        for (size_t i = 0; i < n_known; i++)
            hit |= str_ieq(a->text, str_from(known[i]));
        if (!hit)
            bind_fail(b, a->at,
                      "Named argument %.*s not found in signature for call to "
                      "function %.*s",
                      STR_ARG(a->text), STR_ARG(x->text));
    }
    return n;
}

static struct bexpr *argument(struct binder *b, const struct ast_expr *a,
                              enum sql_type_kind kind, const char *what,
                              struct bexpr *out)
{
    struct bexpr *e =
        kind == T_N ? bind_expr(b, a) : bind_as(b, a, type_scalar(kind), what);

    bexpr_merge(out, e);
    out->constant &= e->constant;
    return e;
}

static struct bexpr *edit(struct binder *b, const struct ast_expr *x,
                          const struct edit *f)
{
    struct bexpr *out = bexpr_new(b, type_scalar(T_JSON), NULL, x->at);
    int n = positional(b, x, &f->option, 1);
    const struct ast_expr *a = x->list;
    const char *sql;

    if (n < 3 || n % 2 == 0)
        bind_fail(b, x->at,
                  "Number of arguments does not match for function %s. "
                  "Supported signature: %s(JSON, STRING, ANY, ..., [%s => "
                  "BOOL])",
                  f->name, f->name, f->option);
    if (n > 1 + 2 * PAIRS_MAX)
        bind_refuse(b, x->at, "%s of more than %d values", f->name, PAIRS_MAX);
    out->constant = true;
    sql = arena_cat(b->mem, runtime_name(b, x, f->runtime), "(",
                    argument(b, a, T_JSON, f->name, out)->sql, ",",
                    option_sql(b, x, f->option, "1", out), NULL);
    for (a = a->next; a && a->kind != EX_NAMED; a = a->next->next) {
        const struct bexpr *path = argument(b, a, T_STRING, "JSONPath", out);
        const struct bexpr *v = argument(b, a->next, T_N, NULL, out);
        const char *d = type_descriptor(b->mem, v->type);
        sql = arena_cat(b->mem, sql, ",", path->sql, ",",
                        quote_sql(b->mem, str_from(d)), ",", v->sql, NULL);
    }
    out->sql = arena_cat(b->mem, sql, ")", NULL);
    return out;
}

static struct bexpr *json_remove(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *out = bexpr_new(b, type_scalar(T_JSON), NULL, x->at);
    const char *sql = runtime_name(b, x, "bq_json_remove");
    int n = positional(b, x, NULL, 0);

    if (n < 2)
        bind_fail(b, x->at,
                  "Number of arguments does not match for function "
                  "JSON_REMOVE. Supported signature: JSON_REMOVE(JSON, STRING, "
                  "...)");
    if (n > 2 * PAIRS_MAX)
        bind_refuse(b, x->at, "JSON_REMOVE of more than %d paths",
                    2 * PAIRS_MAX - 1);
    out->constant = true;
    sql =
        arena_cat(b->mem, sql, "(",
                  argument(b, x->list, T_JSON, "JSON_REMOVE", out)->sql, NULL);
    for (const struct ast_expr *a = x->list->next; a; a = a->next)
        sql = arena_cat(b->mem, sql, ",",
                        argument(b, a, T_STRING, "JSONPath", out)->sql, NULL);
    out->sql = arena_cat(b->mem, sql, ")", NULL);
    return out;
}

static struct bexpr *strip_nulls(struct binder *b, const struct ast_expr *x)
{
    static const char *const known[] = {"include_arrays", "remove_empty"};
    struct bexpr *out = bexpr_new(b, type_scalar(T_JSON), NULL, x->at);
    int n = positional(b, x, known, 2);
    const char *json, *path = "'$'";

    if (n < 1 || n > 2)
        bind_fail(b, x->at,
                  "Number of arguments does not match for function "
                  "JSON_STRIP_NULLS. Supported signature: "
                  "JSON_STRIP_NULLS(JSON, [STRING], [include_arrays => BOOL], "
                  "[remove_empty => BOOL])");
    out->constant = true;
    json = argument(b, x->list, T_JSON, "JSON_STRIP_NULLS", out)->sql;
    if (n == 2)
        path = argument(b, x->list->next, T_STRING, "JSONPath", out)->sql;
    out->sql =
        arena_cat(b->mem, runtime_name(b, x, "bq_json_strip_nulls"), "(", json,
                  ",", path, ",", option_sql(b, x, known[0], "1", out), ",",
                  option_sql(b, x, known[1], "0", out), ")", NULL);
    return out;
}

struct bexpr *bind_json(struct binder *b, const struct ast_expr *x)
{
    for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
        if (str_eq(x->text, str_from(edits[i].name)))
            return edit(b, x, &edits[i]);
    }
    if (str_eq(x->text, STR("JSON_REMOVE")))
        return json_remove(b, x);
    if (str_eq(x->text, STR("JSON_STRIP_NULLS")))
        return strip_nulls(b, x);
    return NULL;
}
