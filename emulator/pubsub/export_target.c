/* SPDX-License-Identifier: Apache-2.0 */
/* Where a BigQuery subscription writes: is there such a table, and do its
 * columns hold what would be written? Asked before a subscription is made or
 * changed, and again before each time that it begins to write. */
#include <jansson.h>

#include "common/mem.h"
#include "emulator/pubsub/export_decode.h"
#include "emulator/pubsub/export_priv.h"
#include "emulator/pubsub/schema.h"
#include "emulator/pubsub/transform.h"

/* "project.dataset.table", or with a colon behind the project. */
static bool split_table(const char *table, struct str part[3])
{
    struct str s = str_from(table), rest;
    const char *colon = memchr(s.p, ':', s.len);

    /* a project may have dots in front of a colon of its own */
    for (const char *p = colon; p;
         p = memchr(p + 1, ':', s.len - (size_t)(p + 1 - s.p)))
        colon = p;
    if (colon && !memchr(colon, '.', s.len - (size_t)(colon - s.p)))
        return false;
    part[0] = colon ? str_of(s.p, (size_t)(colon - s.p)) : str_cut(&s, '.');
    rest = colon ? str_of(colon + 1, s.len - (size_t)(colon + 1 - s.p)) : s;
    if (!rest.p)
        return false;
    part[1] = str_cut(&rest, '.');
    part[2] = rest;
    return part[0].len && part[1].len && rest.p && rest.len &&
           !memchr(rest.p, '.', rest.len);
}

static enum grpc_status invalid(struct err *err, const char *text)
{
    err_set(err, RC_INVALID, "%s", text);
    return GRPC_INVALID_ARGUMENT;
}

enum grpc_status bigquery_check(const PB(Subscription) * config,
                                const struct topic *t, struct err *err)
{
    const PB(BigQueryConfig) *b = config->bigquery_config;
    struct str part[3];

    if (!b)
        return GRPC_OK;
    if (!split_table(b->table, part)) {
        err_set(err, RC_INVALID,
                "Invalid BigQuery table given (table=%.300s): it must be "
                "{projectId}.{datasetId}.{tableId}.",
                b->table);
        return GRPC_INVALID_ARGUMENT;
    }
    if (b->use_topic_schema && b->use_table_schema)
        return invalid(err, "use_topic_schema and use_table_schema may not "
                            "both be set.");
    if (b->drop_unknown_fields && !b->use_topic_schema && !b->use_table_schema)
        return invalid(err, "drop_unknown_fields may be set only with "
                            "use_topic_schema or use_table_schema.");
    if (b->use_topic_schema && !t->config->schema_settings)
        return invalid(err, "use_topic_schema is set, but the topic has no "
                            "schema.");
    return GRPC_OK;
}

enum export_by bigquery_by(const PB(BigQueryConfig) * b)
{
    return b->use_topic_schema   ? EXPORT_BY_TOPIC
           : b->use_table_schema ? EXPORT_BY_TABLE
                                 : EXPORT_WHOLE;
}

char *bigquery_path(const char *table)
{
    struct str part[3];

    if (!split_table(table, part))
        return NULL;
    return mem_printf("/projects/%.*s/datasets/%.*s/tables/%.*s",
                      STR_ARG(part[0]), STR_ARG(part[1]), STR_ARG(part[2]));
}

/* --- the columns ---------------------------------------------------------- */

/* Has each field of the topic's schema its column? */
static int check_schema(struct pubsub *s, const struct topic *t,
                        const struct export_how *how, struct err *err)
{
    const struct export_into into = {how->columns, how->drop_unknown,
                                     how->metadata};
    const PB(SchemaSettings) *settings = t->config->schema_settings;
    const struct schema *schema =
        settings ? schema_find(s, str_from(settings->schema)) : NULL;
    const struct revision *r = schema ? schema_newest(schema) : NULL;

    if (!r)
        return err_set(err, RC_SCHEMA, "the topic has no schema any more");
    return r->avro ? export_avro_fits(r->avro, &into, err)
                   : export_proto_fits(r->proto, &into, err);
}

int bigquery_fits(struct pubsub *s, const struct topic *t,
                  struct export_how *how, struct str table, struct err *err)
{
    int rc = export_how_learn(how, table, err);

    return rc || how->by != EXPORT_BY_TOPIC ? rc : check_schema(s, t, how, err);
}

/* --- before the subscription is there ------------------------------------- */

/* A method that waits for BigQuery's word on a table. */
struct asked {
    struct transforms_call c;
    struct pubsub *service;
};

static void on_table(void *arg, int status, struct str table)
{
    struct asked *a = arg;
    struct pubsub *s = a->service;
    const struct table_answer answer = {a->c.call, status, table};

    s->table = &answer;
    a->c.run(a->c.call, a->c.in, s);
    s->table = NULL;
    mem_free(a);
}

static void refuse(const struct table_answer *answer, const char *table,
                   const char *why)
{
    if (answer->status == 200)
        rpc_fail(answer->call, GRPC_INVALID_ARGUMENT,
                 "Incompatible BigQuery table (table=%.300s): %s", table, why);
    else if (answer->status == 404)
        rpc_fail(answer->call, GRPC_NOT_FOUND,
                 "The BigQuery table or dataset specified cannot be found "
                 "(table=%.300s).",
                 table);
    else
        rpc_fail(answer->call,
                 answer->status == 403 ? GRPC_PERMISSION_DENIED
                                       : GRPC_UNAVAILABLE,
                 "The BigQuery table cannot be read (table=%.300s): BigQuery "
                 "answers %d.",
                 table, answer->status);
}

bool export_table_check(const struct transforms_call *c, struct pubsub *s,
                        const struct topic *t, const PB(Subscription) * config)
{
    const PB(BigQueryConfig) *b = config->bigquery_config;
    struct bigquery_door *door = &s->e->bigquery;
    struct err err = {0};
    bool fits;

    if (!b || config->detached || !is_strict(s) || !door->self)
        return true;
    if (s->table && s->table->call == c->call) {
        struct export_how how = {.by = bigquery_by(b),
                                 .drop_unknown = b->drop_unknown_fields,
                                 .metadata = b->write_metadata};

        fits = s->table->status == 200 &&
               !bigquery_fits(s, t, &how, s->table->body, &err);
        export_how_forget(&how);
        if (!fits)
            refuse(s->table, b->table, err.text);
    } else {
        struct asked *a = MEM_NEW(struct asked);
        char *path = bigquery_path(b->table);

        *a = (struct asked){*c, s};
        fits = false;
        door->ask(door->self, "GET", path, STR(""), on_table, a);
        mem_free(path);
    }
    return fits;
}
