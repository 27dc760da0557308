/* SPDX-License-Identifier: Apache-2.0 */
/* The BigQuery store against a service in memory: the promises hold within one
 * process without Redis. */
#include "store_kinds.h"

#include "fake_bigquery.h"
#include "store/store_bigquery.h"

static struct fake fake;

static struct store *open_bigquery(const struct schema *schema)
{
    struct bigquery_config config = {
        .project = "datos-local",
        .dataset = "latam_dataset",
        .table = "datos",
        .system = "contract",
        .schema = schema,
    };
    struct store *store = NULL;
    struct err err;

    fake_start(&fake);
    config.emulator = fake.host;
    ck_assert_msg(store_open_bigquery(&config, &store, &err) == RC_OK, "%s",
                  err.text);
    return store;
}

static void clean_bigquery(void)
{
    fake_stop(&fake);
}

const struct store_kind store_kind_bigquery = {
    .name = "bigquery",
    .open = open_bigquery,
    .clean = clean_bigquery,
};
