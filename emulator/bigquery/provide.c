/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/provide.h"

#include "common/mem.h"
#include "emulator/bigquery/batch.h"
#include "emulator/bigquery/bigquery_priv.h"
#include "emulator/bigquery/dataset.h"
#include "emulator/clock.h"

struct providing {
    struct db *w;
    struct str project;
    int64_t now_us;
    struct fail fail;
};

/* "datasetId", or the short "id", or inside the reference. */
static const char *name_of(const json_t *o, const char *member,
                           const char *reference)
{
    const char *name = json_string_value(json_object_get(o, member));

    if (!name)
        name = json_string_value(
            json_object_get(json_object_get(o, reference), member));
    return name ? name : json_string_value(json_object_get(o, "id"));
}

static int add_rows(struct providing *p, const struct table *t,
                    const json_t *rows)
{
    char *text = json_dumps(rows, JSON_COMPACT);
    struct json_token token;
    struct json_scan scan;
    struct batch b;
    int rc = RC_OK;

    if (!text)
        return RC_OK;
    batch_init(&b, t, p->now_us);
    b.json_objects = true;
    b.db = p->w;
    json_scan_init(&scan, str_from(text));
    json_scan_next(&scan, &token);
    while (rc == RC_OK && json_scan_next(&scan, &token) != JSON_T_ARRAY_END) {
        struct batch_row *row = batch_row(&b);

        if (!row || !batch_read_json(&b, row, &scan, &token)) {
            rc = fail_set(&p->fail, "invalid", "a row is malformed");
            break;
        }
        batch_end_row(&b, row);
        if (row->error)
            rc = fail_set(&p->fail, "invalid", "row %zu: %s", b.n_rows - 1,
                          row->error->text);
    }
    if (rc == RC_OK)
        rc = batch_insert(&b, p->w, NULL, &p->fail);
    json_scan_fini(&scan);
    batch_fini(&b);
    mem_free(text);
    return rc;
}

static int add_table(struct providing *p, struct str dataset, json_t *o)
{
    const char *name = name_of(o, "tableId", "tableReference");
    struct fail found = {0};
    struct table *t;
    json_t *resource;
    int rc;

    if (!name)
        return fail_set(&p->fail, "invalid", "a table has no tableId");
    rc = table_load(p->w, p->project, dataset, str_from(name), &t, &found);
    if (rc == RC_OK) {
        table_free(t);
        return RC_OK;
    }
    resource = json_copy(o);
    json_object_set_new(resource, "tableReference",
                        json_pack("{s:s}", "tableId", name));
    rc = table_create(p->w, p->project, dataset, resource, p->now_us, &t,
                      &p->fail);
    json_decref(resource);
    if (rc)
        return rc;
    rc = add_rows(p, t, json_object_get(o, "rows"));
    table_free(t);
    return rc;
}

static int add_dataset(struct providing *p, const json_t *o)
{
    const char *name = json_is_string(o)
                           ? json_string_value(o)
                           : name_of(o, "datasetId", "datasetReference");
    const json_t *tables = json_object_get(o, "tables");
    json_t *table;
    size_t i;
    int rc;

    if (!name)
        return fail_set(&p->fail, "invalid", "a dataset has no datasetId");
    rc = dataset_create(p->w, p->project, str_from(name), o, p->now_us,
                        &p->fail);
    if (rc == RC_EXISTS)
        rc = RC_OK;
    json_array_foreach(tables, i, table)
    {
        if (rc == RC_OK)
            rc = add_table(p, str_from(name), table);
    }
    return rc;
}

static int add_set(struct providing *p, const json_t *set)
{
    const char *own = json_string_value(json_object_get(set, "project"));
    struct str was = p->project;
    json_t *dataset;
    size_t i;
    int rc = RC_OK;

    if (own)
        p->project = str_from(own);
    json_array_foreach(json_object_get(set, "datasets"), i, dataset)
    {
        if (rc == RC_OK)
            rc = add_dataset(p, dataset);
    }
    p->project = was;
    return rc;
}

int provide_resources(struct bigquery *bq, struct str json, struct err *err)
{
    struct providing p = {.project = str_from(bq->e->project),
                          .now_us = vclock_now_us(bq->e->clock)};
    json_error_t why;
    json_t *root = json_loadb(json.p, json.len, JSON_REJECT_DUPLICATES, &why);
    json_t *set;
    size_t i;
    int rc = RC_OK;

    if (!root)
        return err_set(err, RC_INVALID, "line %d: %s", why.line, why.text);
    p.w = db_begin(bq->dbs, true, err);
    if (!p.w) {
        json_decref(root);
        return RC_IO;
    }
    if (json_is_object(root))
        rc = add_set(&p, root);
    json_array_foreach(root, i, set)
    {
        if (rc == RC_OK)
            rc = add_set(&p, set);
    }
    json_decref(root);
    if (rc == RC_OK)
        return db_commit(p.w, err);
    db_rollback(p.w);
    return err_set(err, RC_INVALID, "BigQuery: %s", p.fail.text);
}
