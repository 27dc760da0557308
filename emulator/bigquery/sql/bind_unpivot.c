/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/sql/bind_pivot.h"

static size_t count_names(const struct ast_name *n)
{
    size_t count = 0;

    for (; n; n = n->next)
        count++;
    return count;
}

static size_t input_column(struct pivoting *r, const struct ast_name *n)
{
    bool shared = false;

    for (size_t i = 0; i < r->n_input; i++) {
        if (str_ieq(r->input[i].name, n->text))
            return i;
        shared |= str_ieq(r->names[i], n->text);
    }
    bind_fail(r->b, n->at,
              shared ? "Column name %.*s is ambiguous"
                     : "Unrecognized name: %.*s",
              STR_ARG(n->text));
}

static void check_set(struct pivoting *r, const struct ast_unpivot_set *set)
{
    const struct ast_name *first = r->v->sets->columns;

    if (count_names(set->columns) != count_names(r->v->columns))
        bind_fail(r->b, set->at,
                  "The number of new columns introduced as value columns must "
                  "be the same as the number of columns in the column groups "
                  "of UNPIVOT IN clause");
    for (const struct ast_name *n = set->columns; n;
         n = n->next, first = first->next) {
        const struct sql_type *want = r->input[input_column(r, first)].type;
        const struct sql_type *t = r->input[input_column(r, n)].type;
        for (const struct ast_name *m = set->columns; m != n; m = m->next) {
            if (str_ieq(m->text, n->text))
                bind_fail(r->b, n->at,
                          "Column names can only appear once inside each "
                          "column group in UNPIVOT IN clause. Duplicate "
                          "column %.*s",
                          STR_ARG(n->text));
        }
        if (!type_eq(want, t))
            bind_fail(r->b, n->at,
                      "The datatype of column does not match with other "
                      "datatypes in the IN clause. Expected type %s, Found "
                      "type %s",
                      bind_type_name(r->b, want), bind_type_name(r->b, t));
    }
}

static bool among(const struct ast_name *list, struct str name)
{
    for (; list; list = list->next) {
        if (str_ieq(list->text, name))
            return true;
    }
    return false;
}

static bool in_sets(const struct pivoting *r, struct str name)
{
    for (const struct ast_unpivot_set *s = r->v->sets; s; s = s->next) {
        if (among(s->columns, name))
            return true;
    }
    return false;
}

/* Names of the new columns are not those of columns that go. */
static void check_new_names(struct pivoting *r)
{
    for (const struct ast_name *n = r->v->columns; n; n = n->next) {
        if (among(n->next, n->text) || str_ieq(r->v->name->text, n->text) ||
            in_sets(r, n->text))
            bind_fail(r->b, n->at, "Duplicate column name %.*s in UNPIVOT",
                      STR_ARG(n->text));
    }
    if (in_sets(r, r->v->name->text))
        bind_fail(r->b, r->v->name->at, "Duplicate column name %.*s in UNPIVOT",
                  STR_ARG(r->v->name->text));
}

static void check_labels(struct pivoting *r)
{
    bool ints = false;

    for (const struct ast_unpivot_set *s = r->v->sets; s; s = s->next)
        ints |= s->label && s->label->kind == EX_INT;
    for (const struct ast_unpivot_set *s = r->v->sets; ints && s; s = s->next) {
        if (!s->label || s->label->kind != EX_INT)
            bind_fail(r->b, s->at,
                      "All labels in UNPIVOT IN clause must be the same type; "
                      "when common label type is INT64, all columns must have "
                      "a label");
    }
}

/* CASE row WHEN 0 THEN ... WHEN 1 THEN ...: `column` of each set, or (-1) its
 * label. */
static struct ast_expr *by_row(struct pivoting *r, struct str row, int column)
{
    struct ast_expr *e = pivot_node(r, EX_CASE, r->v->at), **tail = &e->list;
    size_t k = 0;

    e->a = pivot_text(r, EX_NAME, row, r->v->at);
    for (const struct ast_unpivot_set *s = r->v->sets; s; s = s->next, k++) {
        const struct ast_name *n = s->columns;
        struct ast_expr *then;
        for (int i = 0; i < column; i++)
            n = n->next;
        if (column >= 0) {
            then = pivot_text(r, EX_NAME, n->text, n->at);
        } else if (s->label) {
            then = pivot_node(r, s->label->kind, s->label->at);
            then->text = s->label->text;
        } else {
            struct str label = STR_NULL;
            for (; n; n = n->next)
                label = pivot_join_names(r, label, n->text);
            then = pivot_text(r, EX_STRING, label, s->at);
        }
        *tail = pivot_int(r, k, r->v->at);
        (*tail)->next = then;
        tail = &then->next;
        e->n += 2;
    }
    return e;
}

/* FROM input, UNNEST([0, 1, ...]) AS row */
static void add_rows(struct pivoting *r, struct str row)
{
    struct ast_from *join = ARENA_NEW(r->b->mem, struct ast_from);
    struct ast_from *rows = ARENA_NEW(r->b->mem, struct ast_from);
    struct ast_expr *array = pivot_node(r, EX_ARRAY, r->v->at),
                    **tail = &array->list;
    size_t k = 0;

    for (const struct ast_unpivot_set *s = r->v->sets; s; s = s->next) {
        *tail = pivot_int(r, k++, r->v->at);
        tail = &(*tail)->next;
    }
    array->n = (int)k;
    *rows = (struct ast_from){
        .kind = FROM_UNNEST, .at = r->v->at, .alias = row, .expr = array};
    *join = (struct ast_from){.kind = FROM_JOIN,
                              .at = r->v->at,
                              .join = JOIN_CROSS,
                              .left = r->from,
                              .right = rows};
    r->from = join;
}

/* One of the values at least is there. */
static struct ast_expr *any_value(struct pivoting *r, struct str row)
{
    struct ast_expr *all = NULL, **tail = &all, *x;
    int n = (int)count_names(r->v->columns);

    for (int i = 0; i < n; i++) {
        x = pivot_node(r, EX_IS, r->v->at);
        x->a = by_row(r, row, i);
        x->op = "NULL";
        x->flag = true;
        *tail = x;
        tail = &x->next;
    }
    if (n == 1)
        return all;
    x = pivot_node(r, EX_BINARY, r->v->at);
    x->op = "OR";
    x->list = all;
    return x;
}

struct ast_expr *unpivot_items(struct pivoting *r)
{
    struct str row =
        str_from(arena_printf(r->b->mem, "\001row%d", ++r->b->next_id));
    int column = 0;

    for (const struct ast_unpivot_set *s = r->v->sets; s; s = s->next)
        check_set(r, s);
    check_new_names(r);
    check_labels(r);
    add_rows(r, row);
    for (size_t i = 0; i < r->n_input; i++) {
        if (!in_sets(r, r->input[i].name))
            pivot_add_item(r,
                           pivot_text(r, EX_NAME, r->input[i].name, r->v->at),
                           STR_NULL);
    }
    for (const struct ast_name *n = r->v->columns; n; n = n->next)
        pivot_add_item(r, by_row(r, row, column++), n->text);
    pivot_add_item(r, by_row(r, row, -1), r->v->name->text);
    return r->v->include_nulls ? NULL : any_value(r, row);
}
