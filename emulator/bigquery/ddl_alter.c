/* SPDX-License-Identifier: Apache-2.0 */
/* ALTER TABLE, VIEW and SCHEMA: on the record and, where columns change, on
 * the rows. */
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/str.h"
#include "emulator/bigquery/dataset.h"
#include "emulator/bigquery/ddl.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/resource.h"

#define DAY_MS 86400000.0

/* --- options -------------------------------------------------------------- */

static json_t *labels_of(const struct sql_option *o)
{
    json_t *labels = json_object();

    for (size_t i = 0; i + 1 < o->n_items; i += 2) {
        char *key = mem_strndup(o->items[i].p, o->items[i].len);

        json_object_set_new(
            labels, key, json_stringn(o->items[i + 1].p, o->items[i + 1].len));
        mem_free(key);
    }
    return labels;
}

static json_t *days_as_ms(struct str text)
{
    char *copy = mem_strndup(text.p, text.len);
    double days = strtod(copy, NULL);

    mem_free(copy);
    return json_sprintf("%lld", (long long)(days * DAY_MS));
}

static json_t *time_as_ms(struct str text)
{
    int64_t us = 0;

    if (!str_to_i64(text, &us))
        return json_null();
    return json_sprintf("%lld", (long long)(us / 1000));
}

static json_t *option_value(const struct sql_option *o, bool as_ms)
{
    if (o->is_null)
        return json_null();
    if (as_ms)
        return days_as_ms(o->text);
    if (o->type && o->type->kind == T_BOOL)
        return json_boolean(str_eq(o->text, STR("true")));
    return json_stringn(o->text.p, o->text.len);
}

void ddl_put_options(const struct sql_option *options, size_t n, json_t *r)
{
    static const struct {
        const char *option, *member;
        bool as_ms;
    } plain[] = {
        {"description", "description", false},
        {"friendly_name", "friendlyName", false},
        {"location", "location", false},
        {"require_partition_filter", "requirePartitionFilter", false},
        {"default_table_expiration_days", "defaultTableExpirationMs", true},
        {"default_partition_expiration_days", "defaultPartitionExpirationMs",
         true},
        {"storage_billing_model", "storageBillingModel", false},
        {"max_time_travel_hours", "maxTimeTravelHours", false}};

    for (size_t i = 0; i < n; i++) {
        const struct sql_option *o = &options[i];
        json_t *time = json_object_get(r, "timePartitioning");

        for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]); k++)
            if (str_ieq(o->name, str_from(plain[k].option)))
                json_object_set_new(r, plain[k].member,
                                    option_value(o, plain[k].as_ms));
        if (str_ieq(o->name, STR("labels")))
            json_object_set_new(r, "labels",
                                o->is_null ? json_null() : labels_of(o));
        else if (str_ieq(o->name, STR("expiration_timestamp")))
            json_object_set_new(r, "expirationTime",
                                o->is_null ? json_null() : time_as_ms(o->text));
        else if (str_ieq(o->name, STR("partition_expiration_days")) && time)
            json_object_set_new(time, "expirationMs", option_value(o, true));
    }
}

/* --- columns -------------------------------------------------------------- */

static json_t *field_list(struct table *t)
{
    json_t *schema = json_object_get(t->body, "schema");

    if (!schema) {
        schema = json_pack("{s:[]}", "fields");
        json_object_set_new(t->body, "schema", schema);
    }
    return json_object_get(schema, "fields");
}

static int find_column(struct query *q, struct table *t,
                       const struct sql_alter *a, int *at)
{
    *at = fields_find(t->columns, t->n_columns, a->column);
    if (*at >= 0 || a->if_exists)
        return RC_OK;
    return fail_set(&q->job->fail, "invalidQuery", "Column not found: %.*s",
                    STR_ARG(a->column));
}

static int run(struct query *q, struct db *w, char *sql)
{
    struct err err = {0};
    int rc = db_exec(w, &err, sql);

    mem_free(sql);
    return rc ? fail_from_err(&q->job->fail, &err) : RC_OK;
}

static int drop_indexes(struct query *q, struct db *w, const struct table *t)
{
    return run(q, w,
               mem_printf("DROP INDEX IF EXISTS p%lld;"
                          "DROP INDEX IF EXISTS c%lld",
                          (long long)t->id, (long long)t->id));
}

static bool is_used(const struct table *t, struct str name)
{
    bool used = t->part.by && str_ieq(name, str_from(t->part.by));

    for (size_t i = 0; i < t->n_clustering; i++)
        used |= str_ieq(name, str_from(t->clustering[i]));
    return used;
}

static int add_column(struct query *q, struct db *w, struct table *t,
                      const struct sql_alter *a)
{
    json_t *one;

    if (fields_find(t->columns, t->n_columns, a->def.name) >= 0) {
        if (a->if_exists)
            return RC_OK;
        return fail_set(&q->job->fail, "invalidQuery",
                        "Column already exists: %.*s", STR_ARG(a->def.name));
    }
    if (a->def.required)
        return fail_set(&q->job->fail, "invalidQuery",
                        "Cannot add required fields to an existing schema. "
                        "(field: %.*s)",
                        STR_ARG(a->def.name));
    one = fields_json(&a->def, 1);
    json_array_extend(field_list(t), json_object_get(one, "fields"));
    json_decref(one);
    return run(q, w,
               mem_printf("ALTER TABLE %s ADD COLUMN \"%.*s\" %s", t->physical,
                          STR_ARG(a->def.name), type_sqlite(a->def.type)));
}

/* A column that the table does not lie by; `verb`: what is to be done to it. */
static int find_unused(struct query *q, struct table *t,
                       const struct sql_alter *a, const char *verb, int *at)
{
    int rc = find_column(q, t, a, at);

    if (rc || *at < 0 || !is_used(t, a->column))
        return rc;
    return fail_set(&q->job->fail, "invalidQuery",
                    "Cannot %s column %.*s: the table is partitioned or "
                    "clustered by it",
                    verb, STR_ARG(a->column));
}

static int drop_column(struct query *q, struct db *w, struct table *t,
                       const struct sql_alter *a)
{
    int at, rc = find_unused(q, t, a, "drop", &at);

    if (rc || at < 0)
        return rc;
    json_array_remove(field_list(t), (size_t)at);
    return run(q, w,
               mem_printf("ALTER TABLE %s DROP COLUMN \"%.*s\"", t->physical,
                          STR_ARG(a->column)));
}

static int rename_column(struct query *q, struct db *w, struct table *t,
                         const struct sql_alter *a)
{
    int at, rc = find_unused(q, t, a, "rename", &at);

    if (rc || at < 0)
        return rc;
    json_object_set_new(json_array_get(field_list(t), (size_t)at), "name",
                        json_stringn(a->new_name.p, a->new_name.len));
    return run(q, w,
               mem_printf("ALTER TABLE %s RENAME COLUMN \"%.*s\" TO \"%.*s\"",
                          t->physical, STR_ARG(a->column),
                          STR_ARG(a->new_name)));
}

/* INT64 widens to NUMERIC, BIGNUMERIC and FLOAT64, NUMERIC to the latter two;
 * lengths and precisions may grow. */
static int change_type(struct query *q, struct db *w, struct table *t,
                       const struct sql_alter *a)
{
    enum sql_type_kind from, to = a->def.type->kind;
    const char *cast = type_sqlite(a->def.type);
    int at, rc = find_column(q, t, a, &at);
    json_t *one, *field;

    if (rc || at < 0)
        return rc;
    from = t->columns[at].type->kind;
    if (from != to &&
        !(from == T_INT64 &&
          (to == T_NUMERIC || to == T_BIGNUMERIC || to == T_FLOAT64)) &&
        !(from == T_NUMERIC && (to == T_BIGNUMERIC || to == T_FLOAT64)))
        return fail_set(&q->job->fail, "invalidQuery",
                        "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that "
                        "the existing column type (%s) is assignable to the "
                        "new type (%s)",
                        type_legacy_name(from), type_legacy_name(to));
    one = fields_json(&a->def, 1);
    field = json_array_get(field_list(t), (size_t)at);
    json_object_del(field, "maxLength");
    json_object_del(field, "precision");
    json_object_del(field, "scale");
    json_object_del(json_array_get(json_object_get(one, "fields"), 0), "name");
    json_object_del(json_array_get(json_object_get(one, "fields"), 0), "mode");
    json_object_update(field,
                       json_array_get(json_object_get(one, "fields"), 0));
    json_decref(one);
    if (from == to)
        return RC_OK;
    /* SQLite's columns keep their type: a new one takes the name */
    return run(q, w,
               mem_printf("ALTER TABLE %s ADD COLUMN \"_new\" %s;"
                          "UPDATE %s SET \"_new\" = CAST(\"%.*s\" AS %s);"
                          "ALTER TABLE %s DROP COLUMN \"%.*s\";"
                          "ALTER TABLE %s RENAME COLUMN \"_new\" TO \"%.*s\"",
                          t->physical, cast, t->physical, STR_ARG(a->column),
                          cast, t->physical, STR_ARG(a->column), t->physical,
                          STR_ARG(a->column)));
}

static int change_field(struct query *q, struct table *t,
                        const struct sql_alter *a)
{
    int at, rc = find_column(q, t, a, &at);
    json_t *field;

    if (rc || at < 0)
        return rc;
    field = json_array_get(field_list(t), (size_t)at);
    switch (a->kind) {
    case ALTER_COLUMN_OPTIONS:
        ddl_put_options(a->options, a->n_options, field);
        if (json_is_null(json_object_get(field, "description")))
            json_object_del(field, "description");
        return RC_OK;
    case ALTER_DROP_NOT_NULL:
        json_object_set_new(field, "mode", json_string("NULLABLE"));
        return RC_OK;
    case ALTER_SET_DEFAULT:
        json_object_set_new(field, "defaultValueExpression",
                            json_string(a->def.default_sql));
        return RC_OK;
    default:
        json_object_del(field, "defaultValueExpression");
        return RC_OK;
    }
}

/* --- the whole ------------------------------------------------------------ */

static int rename_table(struct query *q, struct db *w, struct table *t,
                        const struct sql_alter *a)
{
    struct err err = {0};
    int rc = db_run(w, &err, "UPDATE tables SET name = ? WHERE id = ?", "si",
                    a->new_name, t->id);

    if (rc == RC_EXISTS)
        return fail_set(&q->job->fail, "duplicate",
                        "Already Exists: Table %s:%s.%.*s", t->project.p,
                        t->dataset.p, STR_ARG(a->new_name));
    if (rc)
        return fail_from_err(&q->job->fail, &err);
    t->name = arena_str(&t->mem, a->new_name);
    return RC_OK;
}

static int set_options(struct query *q, struct table *t,
                       const struct sql_alter *a)
{
    json_t *patch = json_object(), *merged, *body;

    for (size_t i = 0; !t->part.by && i < a->n_options; i++)
        if (str_ieq(a->options[i].name, STR("partition_expiration_days"))) {
            json_decref(patch);
            return fail_set(&q->job->fail, "invalidQuery",
                            "partition_expiration_days can only be set for a "
                            "table that is partitioned by time");
        }
    if (json_object_get(t->body, "timePartitioning"))
        json_object_set_new(patch, "timePartitioning", json_object());
    ddl_put_options(a->options, a->n_options, patch);
    merged = resource_merge(t->body, patch);
    body = table_body(merged, &q->job->fail);
    json_decref(patch);
    json_decref(merged);
    if (!body)
        return RC_INVALID;
    json_decref(t->body);
    t->body = body;
    return RC_OK;
}

static int apply(struct query *q, struct db *w, struct table *t,
                 const struct sql_alter *a)
{
    switch (a->kind) {
    case ALTER_ADD_COLUMN:
        return add_column(q, w, t, a);
    case ALTER_DROP_COLUMN:
        return drop_column(q, w, t, a);
    case ALTER_RENAME_COLUMN:
        return rename_column(q, w, t, a);
    case ALTER_COLUMN_TYPE:
        return change_type(q, w, t, a);
    case ALTER_RENAME_TABLE:
        return rename_table(q, w, t, a);
    case ALTER_SET_OPTIONS:
        return set_options(q, t, a);
    default:
        return change_field(q, t, a);
    }
}

int ddl_alter(struct query *q, struct db *w)
{
    const struct sql_ddl *d = q->stmt->ddl;
    struct fail *f = &q->job->fail;
    struct fail found = {0};
    struct table *t;
    int rc = table_load(w, d->project, d->dataset, d->table, &t, &found);

    if (rc == RC_NOT_FOUND && d->if_exists)
        return RC_OK;
    if (rc) {
        *f = found;
        return rc;
    }
    rc = drop_indexes(q, w, t); /* they stand in the way of columns */
    for (size_t i = 0; i < d->n_alters && rc == RC_OK; i++) {
        rc = apply(q, w, t, &d->alters[i]);
        if (rc == RC_OK)
            rc = table_derive(t, f);
    }
    if (rc == RC_OK && !t->view_sql)
        rc = table_make_indexes(w, t, f);
    if (rc == RC_OK)
        rc = table_store(w, t, q->job->created_us, f);
    if (rc == RC_OK && !t->view_sql)
        rc = partition_forget(w, t, q->job->created_us, f);
    table_free(t);
    return rc;
}

int ddl_alter_schema(struct query *q, struct db *w)
{
    const struct sql_ddl *d = q->stmt->ddl;
    json_t *patch = json_object();
    struct fail found = {0};
    int rc = RC_OK;

    for (size_t i = 0; i < d->n_alters; i++)
        ddl_put_options(d->alters[i].options, d->alters[i].n_options, patch);
    ddl_put_options(d->options, d->n_options, patch);
    rc = dataset_patch(w, d->project, d->dataset, patch, q->job->created_us,
                       &found);
    json_decref(patch);
    if (rc && !(rc == RC_NOT_FOUND && d->if_exists)) {
        q->job->fail = found;
        return rc;
    }
    return RC_OK;
}
