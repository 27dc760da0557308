/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/connection.h"

#include <string.h>

#include "emulator/bigquery/member.h"
#include "emulator/bigquery/sql/tz.h"

static bool is_zone(const char *name)
{
    struct tz_set zones = {NULL};
    bool found = tz_find(&zones, str_from(name)) != NULL;

    tz_set_fini(&zones);
    return found;
}

static int read_one(const char *key, const char *value, struct connection *out,
                    struct fail *f)
{
    static const char *const not_here[] = {"session_id", "query_label",
                                           "service_account"};

    for (size_t i = 0; i < sizeof(not_here) / sizeof(not_here[0]); i++)
        if (strcmp(key, not_here[i]) == 0)
            return fail_set(f, "notImplemented",
                            "The emulator does not carry out the connection "
                            "property %s: leave it out",
                            key);
    if (strcmp(key, "dataset_project_id") == 0) {
        out->project = value;
        return RC_OK;
    }
    if (strcmp(key, "time_zone") != 0)
        return fail_set(f, "invalid", "Invalid connection property: %.80s",
                        key);
    if (!is_zone(value))
        return fail_set(f, "invalid", "Invalid time zone: %.80s", value);
    /* what UTC is by default needs no second way */
    out->zone = strcasecmp(value, "UTC") == 0 ? NULL : value;
    return RC_OK;
}

int connection_read(const json_t *properties, struct connection *out,
                    struct fail *f)
{
    const json_t *one;
    size_t i;

    *out = (struct connection){NULL, NULL};
    json_array_foreach(properties, i, one)
    {
        const char *key = member_text(one, "key");
        const char *value = member_text(one, "value");

        if (!key || !value)
            return fail_set(f, "invalid",
                            "A connection property has a key and a value");
        if (read_one(key, value, out, f))
            return RC_INVALID;
    }
    return RC_OK;
}
