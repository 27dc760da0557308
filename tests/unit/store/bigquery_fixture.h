/* SPDX-License-Identifier: Apache-2.0 */
/* A fake BigQuery, a store on it, and a loop to wait on. */
#ifndef UNIT_BIGQUERY_FIXTURE_H
#define UNIT_BIGQUERY_FIXTURE_H

#include "common/clock.h"
#include "fake_bigquery.h"
#include "store/store_bigquery.h"
#include "store_calls.h"

struct bigquery_fixture {
    struct loop *loop;
    struct schema *schema;
    struct store *store;
    struct fake fake;
};

static inline struct store *open_on_fake(struct bigquery_fixture *f,
                                         const char *redis_url)
{
    const struct bigquery_config config = {
        .project = "datos-local",
        .dataset = "latam_dataset",
        .table = "datos",
        .system = "unit",
        .emulator = f->fake.host,
        .redis_url = redis_url,
        .schema = f->schema,
        .max_bytes_billed = 1000000000,
    };
    struct store *store = NULL;
    struct err err;

    ck_assert_msg(store_open_bigquery(&config, &store, &err) == RC_OK, "%s",
                  err.text);
    return store;
}

static inline void fixture_begin(struct bigquery_fixture *f)
{
    ck_assert_int_eq(schema_load(NULL, &f->schema, NULL), RC_OK);
    f->loop = loop_new();
    fake_start(&f->fake);
    f->store = open_on_fake(f, NULL);
}

static inline void fixture_end(struct bigquery_fixture *f)
{
    store_close(f->store);
    fake_stop(&f->fake);
    loop_free(f->loop);
    schema_free(f->schema);
}

static inline bool is_insert(struct http_req *req)
{
    return str_ends(http_req_path(req), STR("/insertAll"));
}

static inline bool is_query(struct http_req *req)
{
    return str_ends(http_req_path(req), STR("/queries"));
}

#endif
