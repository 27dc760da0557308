/* SPDX-License-Identifier: Apache-2.0 */
#include "store/open.h"

#include "common/clock.h"
#include "common/mem.h"
#include "config/settings.h"
#include "net/metadata.h"
#include "store/store_bigquery.h"

#define METADATA_US (3 * US_PER_S)

/* `*found` is owned by the caller if the metadata server told it. */
static int find_project(const struct settings *s, char **found,
                        const char **project, struct err *err)
{
    struct err why;

    *project = s->project;
    if ((s->bigquery_emulator_host && s->bigquery_emulator_host[0]) ||
        !str_eq(str_from(s->project), STR("datos-local")))
        return RC_OK;
    if (metadata_read("project/project-id", METADATA_US, found, &why))
        return err_set(err, RC_INVALID,
                       "GOOGLE_CLOUD_PROJECT is not set and the metadata "
                       "server does not tell it (%.200s): set it, or "
                       "BIGQUERY_EMULATOR_HOST for an emulator, or "
                       "DATOS_STORE=sqlite:PATH",
                       why.text);
    *project = *found;
    return RC_OK;
}

static int open_bigquery(const struct settings *s, const char *project,
                         const struct schema *schema, struct store **out,
                         struct err *err)
{
    char *found = NULL;
    int rc = project ? RC_OK : find_project(s, &found, &project, err);
    const struct bigquery_config config = {
        .project = project,
        .dataset = s->dataset,
        .table = s->table,
        .emulator = s->bigquery_emulator_host,
        .redis_url = s->redis_url,
        .redis_ca_file = s->redis_ca_file,
        .system = s->system,
        .schema = schema,
    };

    if (rc == RC_OK)
        rc = store_open_bigquery(&config, out, err);
    mem_free(found);
    return rc;
}

int store_open(const struct settings *s, const char *project,
               const struct schema *schema, struct store **out, struct err *err)
{
    struct str at = str_from(s->store);

    if (str_eq(at, STR("bigquery")))
        return open_bigquery(s, project, schema, out, err);
    if (str_starts(at, STR("sqlite:")) && at.len > 7)
        return store_open_sqlite(at.p + 7, schema, out, err);
    return err_set(err, RC_INVALID,
                   "DATOS_STORE is '%.200s': must be bigquery or sqlite:PATH",
                   s->store ? s->store : "");
}
