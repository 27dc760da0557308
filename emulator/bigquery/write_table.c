/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/write_table.h"

#include <stdio.h>

#include "common/buf.h"
#include "common/mem.h"
#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/partition_stats.h"
#include "emulator/bigquery/reshape.h"
#include "emulator/bigquery/stream.h"
#include "emulator/bigquery/write_schema.h"

/* --- the table ------------------------------------------------------------ */

static bool may_be(const json_t *like, const char *option)
{
    const json_t *list = json_object_get(like, "schemaUpdateOptions");
    bool found = false;

    for (size_t i = 0; i < json_array_size(list); i++)
        found |=
            json_string_value(json_array_get(list, i)) &&
            strcmp(json_string_value(json_array_get(list, i)), option) == 0;
    return found;
}

static json_t *new_resource(const struct write_target *to, struct str name,
                            const json_t *schema)
{
    static const char *const taken[] = {"timePartitioning", "rangePartitioning",
                                        "clustering"};
    json_t *r = json_pack("{s:{s:o}, s:O}", "tableReference", "tableId",
                          json_stringn(name.p, name.len), "schema", schema);
    const json_t *more =
        json_object_get(to->like, "destinationTableProperties");
    static const char *const properties[] = {"friendlyName", "description",
                                             "labels"};

    for (size_t i = 0; i < 3; i++) {
        json_t *v = json_object_get(to->like, taken[i]);

        if (v)
            json_object_set(r, taken[i], v);
        v = json_object_get(more, properties[i]);
        if (v)
            json_object_set(r, properties[i], v);
    }
    return r;
}

/* WRITE_TRUNCATE of a whole table: it begins anew, what users said of it
 * stays. */
static int renew(struct db *w, struct write_stage *s, struct fail *f)
{
    const struct write_target *to = s->to;
    struct table *old = s->table;
    json_t *r = new_resource(to, old->name, s->schema), *kept;
    int rc;

    kept = json_copy(old->body);
    json_object_update(kept, r);
    rc = table_drop(w, old, f);
    s->table = NULL;
    if (rc == RC_OK)
        rc = table_create(w, old->project, old->dataset, kept, to->now_us,
                          &s->table, f);
    json_decref(r);
    json_decref(kept);
    table_free(old);
    return rc;
}

/* WRITE_APPEND with ALLOW_FIELD_ADDITION, ALLOW_FIELD_RELAXATION. */
static int widen(struct db *w, const struct write_target *to,
                 struct write_stage *s, struct fail *f)
{
    struct write_may may = {.add = may_be(to->like, "ALLOW_FIELD_ADDITION"),
                            .relax =
                                may_be(to->like, "ALLOW_FIELD_RELAXATION")};
    json_t *body = json_deep_copy(s->table->body);
    int rc;

    if (!write_schema_widen(
            json_object_get(json_object_get(body, "schema"), "fields"),
            json_object_get(s->schema, "fields"), may)) {
        json_decref(body);
        return RC_OK;
    }
    rc = table_change(w, s->table, body, to->now_us, f);
    if (rc == RC_OK) {
        struct table *fresh;

        rc = table_load(w, s->table->project, s->table->dataset, s->table->name,
                        &fresh, f);
        if (rc == RC_OK) {
            table_free(s->table);
            s->table = fresh;
        }
    }
    return rc;
}

static int check_existing(struct db *w, const struct write_target *to,
                          struct write_stage *s, struct fail *f)
{
    const char *how = json_string_value(to->write);
    const struct table *t = s->table;

    how = how ? how : to->write_default;
    if (t->view_sql)
        return fail_set(f, "invalid",
                        "%s:%s.%s is not a table: rows cannot be written to "
                        "it",
                        t->project.p, t->dataset.p, t->name.p);
    if (partition_count(w, s->table, f))
        return RC_INVALID;
    if (strcmp(how, "WRITE_EMPTY") == 0 && t->n_rows > 0)
        return fail_set(f, "duplicate", "Already Exists: Table %s:%s.%s",
                        t->project.p, t->dataset.p, t->name.p);
    s->truncate = strncmp(how, "WRITE_TRUNCATE", 14) == 0;
    return s->truncate && !s->has_part ? RC_OK : widen(w, to, s, f);
}

static int find_or_make(struct db *w, const struct write_target *to,
                        struct write_stage *s, struct fail *f)
{
    const char *project = member_text(to->table, "projectId");
    const char *dataset = member_text(to->table, "datasetId");
    const char *id = member_text(to->table, "tableId");
    const char *create = json_string_value(to->create);
    struct str name, decorator, owner;
    struct fail found = {0};
    json_t *resource;
    int rc;

    if (!dataset || !id)
        return fail_set(f, "required",
                        "Required parameter is missing: the destination "
                        "table's datasetId and tableId");
    owner = project ? str_from(project) : to->project;
    partition_split(str_from(id), &name, &decorator);
    rc = dataset_check_in(w, owner, str_from(dataset), to->location, f);
    if (rc)
        return rc;
    rc = table_load(w, owner, str_from(dataset), name, &s->table, &found);
    s->has_part = decorator.p != NULL;
    if (rc == RC_OK) {
        if (decorator.p &&
            partition_decorator(&s->table->part, decorator, &s->part, f))
            return RC_INVALID;
        return check_existing(w, to, s, f);
    }
    if (rc != RC_NOT_FOUND || (create && strcmp(create, "CREATE_NEVER") == 0)) {
        *f = found;
        return rc;
    }
    resource = new_resource(to, name, s->schema);
    rc = table_create(w, owner, str_from(dataset), resource, to->now_us,
                      &s->table, f);
    json_decref(resource);
    if (rc == RC_OK && decorator.p)
        rc = partition_decorator(&s->table->part, decorator, &s->part, f);
    return rc;
}

/* --- the stage ------------------------------------------------------------ */

static int run_sql(struct db *w, struct buf *sql, struct fail *f)
{
    struct err err = {0};
    int rc = sql->failed ? err_set(&err, RC_NOMEM, "out of memory")
                         : db_exec(w, &err, sql->data);

    buf_fini(sql);
    return rc ? fail_from_err(f, &err) : RC_OK;
}

static int make_stage(struct db *w, struct write_stage *s, struct fail *f)
{
    struct sql_column *columns;
    struct arena mem;
    struct buf sql;
    size_t n;
    int rc;

    arena_init(&mem);
    rc = fields_parse(s->schema, &mem, &columns, &n, f);
    if (rc == RC_OK && (!s->truncate || s->has_part))
        rc = write_schema_check(s->table, columns, n, f);
    snprintf(s->physical, sizeof(s->physical), "stage%lld",
             (long long)s->table->id);
    buf_init(&sql, 4 << 20);
    buf_printf(&sql, "CREATE TABLE %s(", s->physical);
    for (size_t i = 0; rc == RC_OK && i < n; i++)
        buf_printf(&sql, "%s\"%.*s\" %s", i ? "," : "",
                   STR_ARG(columns[i].name), type_sqlite(columns[i].type));
    buf_putc(&sql, ')');
    if (rc == RC_OK)
        rc = run_sql(w, &sql, f);
    else
        buf_fini(&sql);
    arena_fini(&mem);
    return rc;
}

/* With the names that tables.get shows: INTEGER for INT64. */
static int normal_schema(const json_t *schema, json_t **out, struct fail *f)
{
    struct sql_column *columns;
    struct arena mem;
    size_t n;
    int rc;

    arena_init(&mem);
    rc = fields_parse(schema, &mem, &columns, &n, f);
    if (rc == RC_OK)
        *out = fields_json(columns, n);
    arena_fini(&mem);
    return rc;
}

int write_table_open(struct db *w, const struct write_target *to,
                     const json_t *schema, struct write_stage *s,
                     struct fail *f)
{
    int rc;

    s->to = to;
    rc = normal_schema(schema, &s->schema, f);
    if (rc == RC_OK)
        rc = find_or_make(w, to, s, f);
    if (rc == RC_OK)
        rc = stream_flush(w, s->table, f);
    return rc ? rc : make_stage(w, s, f);
}

static void put_names(struct buf *sql, const json_t *fields)
{
    const json_t *field;
    size_t i;

    json_array_foreach(fields, i, field)
        buf_printf(sql, "%s\"%s\"", i ? "," : "", member_text(field, "name"));
}

/* Rows beyond the partition that the decorator names do not go there. */
static void put_bounds(struct buf *sql, const struct write_stage *s)
{
    const struct partitioning *p = &s->table->part;

    buf_printf(sql, " \"%s\" >= %lld AND \"%s\" < %lld", p->by,
               (long long)s->part, p->by,
               (long long)partition_next(p, s->part));
}

/* Records are stored by position: the table's, from here on. */
static int reshape_stage(struct db *w, const struct write_stage *s,
                         struct fail *f)
{
    struct sql_column *columns;
    struct arena mem;
    size_t n;
    int rc;

    arena_init(&mem);
    rc = fields_parse(s->schema, &mem, &columns, &n, f);
    if (rc == RC_OK)
        rc = reshape_columns(
            w, &(struct reshape){s->physical, s->table->rowid, columns, n},
            s->table->columns, s->table->n_columns, f);
    arena_fini(&mem);
    return rc;
}

int write_table_close(struct db *w, struct write_stage *s, int64_t now_us,
                      struct fail *f)
{
    const json_t *fields = json_object_get(s->schema, "fields");
    int64_t last = INT64_MAX;
    bool ingestion;
    struct buf sql;
    int rc;

    /* only now: the query may have read the table that it replaces */
    if (s->truncate && !s->has_part && renew(w, s, f))
        return RC_INVALID;
    if (!s->truncate && table_last_row(w, s->table, &last, f))
        return RC_INVALID;
    if (reshape_stage(w, s, f))
        return RC_INVALID;
    ingestion = partition_is_ingestion(&s->table->part);
    buf_init(&sql, 8 << 20);
    if (s->truncate && s->has_part) {
        buf_printf(&sql, "DELETE FROM %s WHERE", s->table->physical);
        put_bounds(&sql, s);
        buf_putc(&sql, ';');
    }
    buf_printf(&sql, "INSERT INTO %s(", s->table->physical);
    put_names(&sql, fields);
    buf_puts(&sql, ingestion ? ",\"_PARTITIONTIME\") SELECT " : ") SELECT ");
    put_names(&sql, fields);
    if (ingestion)
        buf_printf(&sql, ",%lld",
                   (long long)(s->has_part
                                   ? s->part
                                   : partition_of(&s->table->part, now_us)));
    buf_printf(&sql, " FROM %s ORDER BY %s; DROP TABLE %s", s->physical,
               s->table->rowid, s->physical);
    rc = run_sql(w, &sql, f);
    return rc ? rc : partition_grown(w, s->table, last, now_us, f);
}

void write_table_fini(struct write_stage *s)
{
    json_decref(s->schema);
    table_free(s->table);
}
