/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a signature cannot describe: conditionals, the clock, and what
 * the answer depends on each time. */
#include "emulator/bigquery/sql/bind_interval.h"

static struct bexpr *bind_if(struct binder *b, const struct ast_expr *x)
{
    struct ast_expr branch[2], as_case = *x;

    if (x->n != 3)
        bind_fail(b, x->at,
                  "Number of arguments does not match for function "
                  "IF. Supported signature: IF(BOOL, ANY, ANY)");
    branch[0] = *x->list;
    branch[1] = *x->list->next;
    as_case.kind = EX_CASE;
    as_case.a = NULL;
    as_case.list = &branch[0];
    branch[0].next = &branch[1];
    branch[1].next = NULL;
    as_case.b = x->list->next->next;
    return bind_expr(b, &as_case);
}

static const char *zone_arg(struct binder *b, const struct ast_expr *x)
{
    if (!x->list)
        return bind_zone(b);
    return bind_as(b, x->list, type_scalar(T_STRING), "Time zone")->sql;
}

static struct bexpr *now_call(struct binder *b, const struct ast_expr *x)
{
    static const struct {
        const char *name, *sql;
        enum sql_type_kind kind;
    } table[] = {{"CURRENT_DATE", "bq_ts_date", T_DATE},
                 {"CURRENT_DATETIME", "bq_ts_dt", T_DATETIME},
                 {"CURRENT_TIME", "bq_ts_time", T_TIME}};
    long long now = (long long)b->options->now_us;
    struct bexpr *e = NULL;

    if (str_ieq(x->text, STR("CURRENT_TIMESTAMP")))
        e = bexpr_new(b, type_scalar(T_TIMESTAMP),
                      arena_printf(b->mem, "%lld", now), x->at);
    for (size_t i = 0; !e && i < 3; i++) {
        if (str_ieq(x->text, str_from(table[i].name)))
            e = bexpr_new(b, type_scalar(table[i].kind),
                          arena_printf(b->mem, "%s(%lld,%s)", table[i].sql, now,
                                       zone_arg(b, x)),
                          x->at);
    }
    if (!e)
        return NULL;
    b->stmt->deterministic = false;
    e->constant = true;
    return e;
}

static struct bexpr *nullif(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e[2], *eq, *out;
    const struct sql_type *t;

    if (x->n != 2)
        bind_fail(b, x->at,
                  "Number of arguments does not match for function "
                  "NULLIF. Supported signature: NULLIF(ANY, ANY)");
    e[0] = bind_expr(b, x->list);
    e[1] = bind_expr(b, x->list->next);
    t = super_of(b, e, 2);
    eq = bind_compare(b, "=", e[0], e[1], x->at);
    e[0] = coerce(b, e[0], t);
    out = bexpr_new(b, t,
                    arena_cat(b->mem, "CASE WHEN ", eq->sql, " THEN NULL ELSE ",
                              e[0]->sql, " END", NULL),
                    x->at);
    bexpr_merge(out, eq);
    out->constant = eq->constant;
    return out;
}

static struct bexpr *json_object(struct binder *b, const struct ast_expr *x)
{
    bool object = str_eq(x->text, STR("JSON_OBJECT"));
    const char *sql = object ? "bq_json_object(" : "bq_json_array(";
    struct bexpr *out = bexpr_new(b, type_scalar(T_JSON), NULL, x->at);
    int n = 0;

    if (object && x->n % 2)
        bind_refuse(b, x->at, "JSON_OBJECT of two arrays");
    if (x->n > 60)
        bind_refuse(b, x->at, "%.*s of more than 60 arguments",
                    STR_ARG(x->text));
    for (const struct ast_expr *a = x->list; a; a = a->next, n++) {
        struct bexpr *e =
            object && n % 2 == 0
                ? bind_as(b, a, type_scalar(T_STRING), "JSON_OBJECT key")
                : bind_expr(b, a);
        const char *d = type_descriptor(b->mem, e->type);
        bexpr_merge(out, e);
        sql = arena_cat(b->mem, sql, n ? "," : "",
                        quote_sql(b->mem, str_from(d)), ",", e->sql, NULL);
    }
    out->sql = arena_cat(b->mem, sql, ")", NULL);
    return out;
}

struct bexpr *bind_special(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e;

    if (str_eq(x->text, STR("IF")))
        return bind_if(b, x);
    if (str_eq(x->text, STR("NULLIF")))
        return nullif(b, x);
    if (str_eq(x->text, STR("GROUPING")))
        return bind_grouping(b, x);
    if (str_eq(x->text, STR("JSON_OBJECT")) ||
        str_eq(x->text, STR("JSON_ARRAY")))
        return json_object(b, x);
    if (str_eq(x->text, STR("MAKE_INTERVAL")))
        return make_interval(b, x);
    if (str_starts(x->text, STR("JSON_"))) {
        e = bind_json(b, x);
        if (e)
            return e;
    }
    if (str_starts(x->text, STR("CURRENT_"))) {
        e = now_call(b, x);
        if (e)
            return e;
    }
    if (str_eq(x->text, STR("RAND")) || str_eq(x->text, STR("GENERATE_UUID")) ||
        str_eq(x->text, STR("SESSION_USER")))
        b->stmt->deterministic = false;
    return NULL;
}
