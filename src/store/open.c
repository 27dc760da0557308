/* SPDX-License-Identifier: Apache-2.0 */
#include "store/open.h"

#include "config/settings.h"
#include "store/store_bigquery.h"

static int open_bigquery(const struct settings *s, const struct schema *schema,
                         struct store **out, struct err *err)
{
    const struct bigquery_config config = {
        .project = s->project,
        .dataset = s->dataset,
        .table = s->table,
        .emulator = s->bigquery_emulator_host,
        .redis_url = s->redis_url,
        .redis_ca_file = s->redis_ca_file,
        .system = s->system,
        .schema = schema,
        .max_bytes_billed = s->max_bytes_billed,
    };

    return store_open_bigquery(&config, out, err);
}

int store_open(const struct settings *s, const struct schema *schema,
               struct store **out, struct err *err)
{
    struct str at = str_from(s->store);

    if (str_eq(at, STR("bigquery")))
        return open_bigquery(s, schema, out, err);
    if (str_starts(at, STR("sqlite:")) && at.len > 7)
        return store_open_sqlite(at.p + 7, schema, out, err);
    return err_set(err, RC_INVALID,
                   "DATOS_STORE is '%.200s': must be bigquery or sqlite:PATH",
                   s->store ? s->store : "");
}
