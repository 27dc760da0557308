/* SPDX-License-Identifier: Apache-2.0 */
/* Date parts as arguments: DAY, WEEK(MONDAY), INTERVAL 3 HOUR, EXTRACT; and
 * which functions take which (Date, Datetime, Timestamp, Time functions). */
#include "emulator/bigquery/sql/bind_interval.h"

static const char *const parts[] = {
    "MICROSECOND", "MILLISECOND", "SECOND",    "MINUTE", "HOUR",
    "DAY",         "DAYOFWEEK",   "DAYOFYEAR", "WEEK",   "ISOWEEK",
    "MONTH",       "QUARTER",     "YEAR",      "ISOYEAR"};
enum {
    N_PARTS = sizeof(parts) / sizeof(*parts),
    N_TIME_PARTS = 5 /* the first ones */
};

static bool is_time_part(const char *part)
{
    for (size_t i = 0; i < N_TIME_PARTS; i++) {
        if (!strcmp(parts[i], part))
            return true;
    }
    return false;
}

static bool is_part(struct str part)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        if (str_eq(part, str_from(parts[i])))
            return true;
    }
    return str_starts(part, STR("WEEK("));
}

struct bexpr *bind_part(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e = bexpr_new(b, NULL, NULL, x->at);

    e->constant = true;
    if (x->kind == EX_CALL && str_eq(x->text, STR("WEEK")) && x->list &&
        x->list->kind == EX_NAME) {
        char *day = arena_strndup(b->mem, x->list->text.p, x->list->text.len);
        for (char *c = day; *c; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        e->sql = arena_cat(b->mem, "'WEEK(", day, ")'", NULL);
        return e;
    }
    for (size_t i = 0; x->kind == EX_NAME && i < N_PARTS; i++) {
        if (str_ieq(x->text, str_from(parts[i]))) {
            e->sql = arena_cat(b->mem, "'", parts[i], "'", NULL);
            return e;
        }
    }
    bind_fail(b, x->at, "A valid date part name is required%s%.*s",
              x->kind == EX_NAME ? " but found " : "", STR_ARG(x->text));
}

struct bexpr *bind_interval(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *n = bind_as(b, x->a, type_scalar(T_INT64), "INTERVAL"), *e;

    if (x->op)
        bind_refuse(b, x->at, "INTERVAL with a range of parts");
    if (!is_part(x->text))
        bind_fail(b, x->at, "A valid date part name is required but found %.*s",
                  STR_ARG(x->text));
    e = bexpr_new(b, type_scalar(T_INTERVAL),
                  arena_printf(b->mem, "%s,'%.*s'", n->sql, STR_ARG(x->text)),
                  x->at);
    e->part_pair = true;
    bexpr_merge(e, n);
    e->constant = n->constant;
    return e;
}

struct bexpr *bind_extract(struct binder *b, const struct ast_expr *x)
{
    struct bexpr *e = bind_expr(b, x->a), *zone = NULL, *out;
    enum sql_type_kind k = e->type->kind;
    const struct sql_type *t = type_scalar(T_INT64);

    if (k == T_INTERVAL && !x->b)
        return interval_extract(b, e, x->op, x->at);
    if (k != T_DATE && k != T_TIMESTAMP && k != T_DATETIME && k != T_TIME)
        bind_fail(b, x->at,
                  "No matching signature for function EXTRACT for "
                  "argument types: DATE_TIME_PART FROM %s",
                  bind_type_name(b, e->type));
    if (x->b) {
        if (k != T_TIMESTAMP)
            bind_fail(b, x->b->at,
                      "EXTRACT from %s does not support AT TIME "
                      "ZONE",
                      bind_type_name(b, e->type));
        zone = bind_as(b, x->b, type_scalar(T_STRING), "AT TIME ZONE");
    }
    if (!strcmp(x->op, "DATE") || !strcmp(x->op, "TIME") ||
        !strcmp(x->op, "DATETIME"))
        t = type_scalar(type_by_name(str_from(x->op)));
    if (!is_part(str_from(x->op)) && t->kind == T_INT64)
        bind_fail(b, x->at + strlen("EXTRACT("),
                  "A valid date part name is required but found %s", x->op);
    if ((k == T_DATE && (t->kind != T_INT64 || is_time_part(x->op))) ||
        (k == T_TIME && !is_time_part(x->op)))
        bind_fail(b, x->at,
                  "EXTRACT from %s does not support the %s date "
                  "part",
                  bind_type_name(b, e->type), x->op);
    out = bexpr_new(b, t,
                    arena_printf(b->mem, "bq_extract('%c','%s',%s,%s)",
                                 type_letter(e->type), x->op, e->sql,
                                 zone ? zone->sql : bind_zone(b)),
                    x->at);
    bexpr_merge(out, e);
    if (zone)
        bexpr_merge(out, zone);
    out->constant = e->constant && (!zone || zone->constant);
    return out;
}

/* The part in an argument's SQL: what its last pair of quotes holds. */
static const char *part_of(struct binder *b, const struct bexpr *e)
{
    const char *end = strrchr(e->sql, '\''), *from = end;

    while (from > e->sql && from[-1] != '\'')
        from--;
    return arena_strndup(b->mem, from, (size_t)(end - from));
}

static bool takes(struct str function, enum sql_type_kind k, const char *part)
{
    bool adds = str_ends(function, STR("_ADD")) ||
                str_ends(function, STR("_SUB")) ||
                str_starts(function, STR("GENERATE_"));
    bool instants =
        k == T_TIMESTAMP && (adds || str_ends(function, STR("_DIFF")));

    if (is_time_part(part))
        return k != T_DATE && !str_eq(function, STR("LAST_DAY"));
    if (k == T_TIME || !strncmp(part, "DAYOF", 5))
        return false;
    if (instants)
        return !strcmp(part, "DAY");
    return !adds || (strncmp(part, "ISO", 3) && !strchr(part, '('));
}

void check_parts(struct binder *b, const struct ast_expr *x,
                 struct bexpr *const *args, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct sql_type *t = args[0]->type;
        const char *part;
        if (!t || (args[i]->type && !args[i]->part_pair))
            continue;
        part = part_of(b, args[i]);
        if (t->kind == T_STRING || t->kind == T_NULLTYPE) /* a literal */
            continue;
        if (!takes(x->text, t->kind, part))
            bind_fail(b, x->at,
                      "%.*s does not support the %s date part when the "
                      "argument is %s type",
                      STR_ARG(x->text), part, bind_type_name(b, t));
    }
}
