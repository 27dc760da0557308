/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/bigquery/partition.h"

#include <stdio.h>
#include <stdlib.h>

#include "emulator/bigquery/fields.h"
#include "emulator/bigquery/member.h"
#include "emulator/bigquery/sql/civil.h"
#include "emulator/bigquery/sql/part.h"

static const char ingestion[] = "_PARTITIONTIME";

static int find_column(struct partitioning *p, const struct sql_column *columns,
                       size_t n, struct fail *f)
{
    const struct sql_column *c;

    p->column = fields_find(columns, n, str_from(p->by));
    if (p->column < 0)
        return fail_set(f, "invalid",
                        "The field specified for partitioning cannot be found "
                        "in the schema");
    c = &columns[p->column];
    p->kind = c->type->kind;
    if (strcmp(p->type, "RANGE") == 0) {
        if (p->kind != T_INT64)
            return fail_set(f, "invalid",
                            "The field specified for range partitioning can "
                            "only be of type INTEGER");
        return RC_OK;
    }
    if (p->kind != T_TIMESTAMP && p->kind != T_DATE && p->kind != T_DATETIME)
        return fail_set(f, "invalid",
                        "The field specified for time partitioning can only "
                        "be of type TIMESTAMP, DATE or DATETIME. The type "
                        "found is: %s",
                        type_legacy_name(p->kind));
    if (p->kind == T_DATE && strcmp(p->type, "HOUR") == 0)
        return fail_set(f, "invalid",
                        "Cannot partition by hour a field of type DATE");
    return RC_OK;
}

static int parse_time(const json_t *time, struct arena *mem,
                      struct partitioning *out, struct fail *f)
{
    static const char *const types[] = {"DAY", "HOUR", "MONTH", "YEAR"};
    const char *type = json_string_value(json_object_get(time, "type"));
    const char *field = json_string_value(json_object_get(time, "field"));

    if (!type)
        return fail_set(f, "required",
                        "Required parameter is missing: timePartitioning.type");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            out->type = types[i];
    if (!out->type)
        return fail_set(f, "invalid",
                        "Invalid value for timePartitioning.type: %.40s is "
                        "not a valid value",
                        type);
    out->by = field ? arena_strndup(mem, field, strlen(field)) : ingestion;
    out->expiration_ms = member_number(time, "expirationMs");
    return RC_OK;
}

static int parse_range(const json_t *range, struct arena *mem,
                       struct partitioning *out, struct fail *f)
{
    const json_t *bounds = json_object_get(range, "range");
    const char *field = json_string_value(json_object_get(range, "field"));

    if (!field)
        return fail_set(
            f, "required",
            "Required parameter is missing: rangePartitioning.field");
    out->type = "RANGE";
    out->by = arena_strndup(mem, field, strlen(field));
    out->start = member_number(bounds, "start");
    out->end = member_number(bounds, "end");
    out->interval = member_number(bounds, "interval");
    if (out->interval <= 0 || out->start >= out->end)
        return fail_set(f, "invalid",
                        "Range partitioning wants start < end and an interval "
                        "above 0");
    return RC_OK;
}

int partition_parse(const json_t *body, struct arena *mem,
                    const struct sql_column *columns, size_t n,
                    struct partitioning *out, struct fail *f)
{
    const json_t *time = json_object_get(body, "timePartitioning");
    const json_t *range = json_object_get(body, "rangePartitioning");
    int rc = RC_OK;

    *out = (struct partitioning){.column = -1, .kind = T_TIMESTAMP};
    if (json_is_object(time) && json_is_object(range))
        return fail_set(f, "invalid",
                        "A table can have only one kind of partitioning");
    if (json_is_object(time))
        rc = parse_time(time, mem, out, f);
    else if (json_is_object(range))
        rc = parse_range(range, mem, out, f);
    if (rc || !out->by)
        return rc;
    out->require_filter =
        json_is_true(json_object_get(body, "requirePartitionFilter")) ||
        json_is_true(json_object_get(time, "requirePartitionFilter"));
    return partition_is_ingestion(out) ? RC_OK
                                       : find_column(out, columns, n, f);
}

bool partition_is_ingestion(const struct partitioning *p)
{
    return p->by && strcmp(p->by, ingestion) == 0;
}

/* Dates are days, the others microseconds. */
static int64_t unit(const struct partitioning *p)
{
    return p->kind == T_DATE ? US_A_DAY : 1;
}

int64_t partition_of(const struct partitioning *p, int64_t value)
{
    int64_t us, out;

    if (strcmp(p->type, "RANGE") == 0) {
        if (value < p->start || value >= p->end)
            return PARTITION_BEYOND;
        return value - (value - p->start) % p->interval;
    }
    /* the bounds of what no filter cuts are beyond all dates */
    if (__builtin_mul_overflow(value, unit(p), &us) ||
        part_trunc(us, str_from(p->type), &out))
        return PARTITION_BEYOND;
    return floor_div(out, unit(p));
}

int64_t partition_next(const struct partitioning *p, int64_t id)
{
    int64_t us, out;

    if (strcmp(p->type, "RANGE") == 0)
        return id + p->interval < p->end ? id + p->interval : p->end;
    if (__builtin_mul_overflow(id, unit(p), &us) ||
        part_add_civil(us, 1, str_from(p->type), &out))
        return INT64_MAX;
    return floor_div(out, unit(p));
}

size_t partition_name(const struct partitioning *p, int64_t id, char *out)
{
    struct civil c;
    int n;

    if (id == PARTITION_NULL || id == PARTITION_BEYOND)
        n = snprintf(out, PARTITION_NAME_MAX, "%s",
                     id == PARTITION_NULL ? "__NULL__" : "__UNPARTITIONED__");
    else if (strcmp(p->type, "RANGE") == 0)
        n = snprintf(out, PARTITION_NAME_MAX, "%lld", (long long)id);
    else {
        civil_split(id * unit(p), &c);
        n = snprintf(out, PARTITION_NAME_MAX, "%04lld%02u%02u%02d",
                     (long long)c.year, c.month, c.day,
                     (int)(c.of_day / 3600000000LL));
        n = p->type[0] == 'Y'   ? 4
            : p->type[0] == 'M' ? 6
            : p->type[0] == 'D' ? 8
                                : n;
        out[n] = '\0';
    }
    return (size_t)n;
}

static bool digits(struct str s, size_t at, size_t n, int64_t *out)
{
    *out = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.len || s.p[i] < '0' || s.p[i] > '9')
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return true;
}

int partition_decorator(const struct partitioning *p, struct str d, int64_t *id,
                        struct fail *f)
{
    static const size_t lens[] = {4, 6, 8, 10};
    int64_t y = 0, m = 1, day = 1, h = 0, days;
    size_t want = 0;

    if (!p->by)
        return fail_set(f, "invalid",
                        "Cannot write to a partition of a table that is not "
                        "partitioned: $%.*s",
                        (int)(d.len > 40 ? 40 : d.len), d.p);
    if (strcmp(p->type, "RANGE") == 0 && str_to_i64(d, id)) {
        *id = partition_of(p, *id);
        return RC_OK;
    }
    for (size_t i = 0; i < 4; i++)
        if (p->type[0] == "YMDH"[i])
            want = lens[i];
    if (d.len == want && digits(d, 0, 4, &y) &&
        (want < 6 || digits(d, 4, 2, &m)) &&
        (want < 8 || digits(d, 6, 2, &day)) &&
        (want < 10 || (digits(d, 8, 2, &h) && h < 24)) &&
        civil_date(y, m, day, &days)) {
        *id = floor_div(days * US_A_DAY + h * 3600000000LL, unit(p));
        return RC_OK;
    }
    return fail_set(f, "invalid",
                    "Invalid partition decorator: $%.*s does not name a "
                    "partition of a table partitioned by %s",
                    (int)(d.len > 40 ? 40 : d.len), d.p, p->type);
}

void partition_split(struct str table, struct str *name, struct str *decorator)
{
    struct str rest = table;

    *name = str_cut(&rest, '$');
    *decorator = rest;
}
