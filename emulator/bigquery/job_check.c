/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/job_check.h"

#include <stdio.h>
#include <string.h>

#include "emulator/bigquery/member.h"
#include "emulator/bigquery/partition.h"
#include "emulator/bigquery/table.h"

static const struct kind {
    const char *member, *type;
} kinds[] = {{"query", "QUERY"},
             {"load", "LOAD"},
             {"copy", "COPY"},
             {"extract", "EXTRACT"}};

enum {
    N_KINDS = sizeof(kinds) / sizeof(kinds[0])
};

static const struct kind *kind_of(const json_t *config, struct fail *f)
{
    const struct kind *found = NULL;
    char there[40] = "";
    int n = 0;

    for (size_t i = 0; i < N_KINDS; i++) {
        size_t len = strlen(there);

        if (!json_is_object(json_object_get(config, kinds[i].member)))
            continue;
        found = &kinds[i];
        snprintf(there + len, sizeof(there) - len, "%s%s", n++ ? "," : "",
                 found->member);
    }
    if (n == 1)
        return found;
    fail_set(f, "invalid",
             "Job configuration must contain exactly one job-specific "
             "configuration object (e.g., query, load, extract, "
             "spreadsheetExtract), but there were %d: %s",
             n, there);
    return NULL;
}

static int missing(struct fail *f, const char *kind, const char *member)
{
    return fail_set(f, "required",
                    "Required parameter is missing: configuration.%s.%s", kind,
                    member);
}

/* `is_new`: it may be made, so that its name counts. */
static int check_table(const json_t *ref, const char *kind, const char *member,
                       bool is_new, struct fail *f)
{
    const char *id = member_text(ref, "tableId");
    struct str name, decorator;

    if (!ref || json_is_null(ref))
        return missing(f, kind, member);
    if (!member_text(ref, "datasetId") || !id)
        return fail_set(f, "required",
                        "Required parameter is missing: configuration.%s.%s.%s",
                        kind, member, id ? "datasetId" : "tableId");
    partition_split(str_from(id), &name, &decorator);
    return is_new ? table_check_name(name, f) : RC_OK;
}

static int check_sources(const json_t *copy, struct fail *f)
{
    const json_t *list = json_object_get(copy, "sourceTables"), *one;
    size_t i;
    int rc = RC_OK;

    if (!json_array_size(list))
        return check_table(json_object_get(copy, "sourceTable"), "copy",
                           "sourceTable", false, f);
    json_array_foreach(list, i, one)
    {
        if (rc == RC_OK)
            rc = check_table(one, "copy", "sourceTables", false, f);
    }
    return rc;
}

static int check_kind(const struct kind *k, const json_t *c, struct fail *f)
{
    const json_t *to = json_object_get(c, "destinationTable");

    switch (k->type[0]) {
    case 'Q':
        return json_object_size(to)
                   ? check_table(to, k->member, "destinationTable", true, f)
                   : RC_OK;
    case 'L':
        return check_table(to, k->member, "destinationTable", true, f);
    case 'C':
        if (check_sources(c, f))
            return RC_INVALID;
        return check_table(to, k->member, "destinationTable", true, f);
    default:
        return check_table(json_object_get(c, "sourceTable"), k->member,
                           "sourceTable", false, f);
    }
}

const char *job_check(const json_t *config, struct fail *f)
{
    const struct kind *k = kind_of(config, f);

    if (!k || check_kind(k, json_object_get(config, k->member), f))
        return NULL;
    return k->type;
}
