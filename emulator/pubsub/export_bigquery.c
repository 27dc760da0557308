/* SPDX-License-Identifier: Apache-2.0 */
/* BigQuery subscriptions: rows go to the BigQuery service of this process, a
 * batch at a time; what it refuses goes the way of every message that fails. */
#include <jansson.h>

#include "common/log.h"
#include "common/mem.h"
#include "emulator/pubsub/export_priv.h"
#include "emulator/pubsub/export_row.h"
#include "emulator/pubsub/schema.h"

enum {
    BATCH_MESSAGES = 500,
    BATCH_BYTES = 4 << 20,
    REST_SHIFT_MAX = 6
};
#define LEASE_US (600 * US_PER_S)
#define REST_US  (US_PER_S) /* doubled up to a minute */

enum phase {
    IDLE,
    LOOKING,   /* at the table */
    INSERTING, /* the batch */
    RESTING    /* before the next try */
};

struct export
{
    struct sub *sub; /* NULL: it has gone while BigQuery was asked */
    struct loop_timer rest;
    enum phase phase;
    bool knows_table;
    bool is_probe; /* LOOKING only to show the state */
    char *table, *path;
    struct export_how how;
    unsigned fails;
    struct export_batch batch;
    struct buf body;
};

static void export_free(struct export *x)
{
    buf_fini(&x->body);
    export_how_forget(&x->how);
    mem_free(x->table);
    mem_free(x->path);
    mem_free(x);
}

/* --- the configuration ---------------------------------------------------- */

static bool is_same(const struct export *x, const PB(BigQueryConfig) * b)
{
    return strcmp(x->table, b->table) == 0 && x->how.by == bigquery_by(b) &&
           x->how.metadata == (bool)b->write_metadata &&
           x->how.drop_unknown == (bool)b->drop_unknown_fields;
}

static void on_rest_over(struct loop_timer *timer);
static void show_state(struct sub *sub,
                       Google__Pubsub__V1__BigQueryConfig__State state);

void bigquery_apply(struct sub *sub)
{
    const PB(BigQueryConfig) *b = sub->config->bigquery_config;
    struct export *x = sub->export;
    char *path;

    if (x && b && !sub->config->detached && is_same(x, b))
        return;
    bigquery_end(sub);
    path = b && !sub->config->detached ? bigquery_path(b->table) : NULL;
    if (!path)
        return;
    x = MEM_NEW(struct export);
    x->sub = sub;
    export_batch_init(&x->batch, sub);
    x->table = mem_strdup(b->table);
    x->path = path;
    x->how.by = bigquery_by(b);
    x->how.metadata = b->write_metadata;
    x->how.drop_unknown = b->drop_unknown_fields;
    buf_init(&x->body, SIZE_MAX / 4);
    loop_timer_init(&x->rest, sub->service->e->loop, on_rest_over);
    sub->export = x;
    show_state(sub, GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__ACTIVE);
    x->is_probe = true; /* is the table there? Nobody has to publish for that */
    x->phase = RESTING;
    loop_timer_arm(&x->rest, 0);
}

void bigquery_end(struct sub *sub)
{
    struct export *x = sub->export;

    if (!x)
        return;
    sub->export = NULL;
    loop_timer_fini(&x->rest);
    export_batch_fini(&x->batch); /* what it holds comes back at once */
    x->sub = NULL;
    if (x->phase != LOOKING && x->phase != INSERTING)
        export_free(x);
}

static void show_state(struct sub *sub,
                       Google__Pubsub__V1__BigQueryConfig__State state)
{
    sub->config->bigquery_config->state = state;
    export_show(sub,
                state == GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__ACTIVE);
}

/* --- trouble -------------------------------------------------------------- */

/* The batch stays leased, and is tried again. */
static void rest(struct export *x,
                 Google__Pubsub__V1__BigQueryConfig__State state)
{
    struct sub *sub = x->sub;
    unsigned shift = x->fails < REST_SHIFT_MAX ? x->fails : REST_SHIFT_MAX;

    show_state(sub, state);
    x->knows_table = false;
    if (x->is_probe) {
        x->is_probe = false;
        x->phase = IDLE;
        sub_due(sub);
        return;
    }
    x->fails++;
    x->phase = RESTING;
    loop_timer_arm(&x->rest, (int64_t)((uint64_t)REST_US << shift));
}

static void look(struct export *x);

static void on_rest_over(struct loop_timer *timer)
{
    struct export *x = LOOP_OWNER(timer, struct export, rest);
    struct pubsub *s = x->sub->service;

    if (!s->e->bigquery.self || s->draining) {
        x->phase = IDLE;
        return;
    }
    export_batch_extend(&x->batch, LEASE_US);
    look(x);
    deliver_due(s);
}

/* --- insert --------------------------------------------------------------- */

/* The first error of a row, with the column. */
static const char *reason_of(const json_t *row, struct err *why)
{
    const json_t *first = json_array_get(json_object_get(row, "errors"), 0);
    const char *column = json_string_value(json_object_get(first, "location"));
    const char *text = json_string_value(json_object_get(first, "message"));

    err_set(why, RC_INVALID, "%s%s%s", column && *column ? column : "",
            column && *column ? ": " : "", text ? text : "BigQuery refused it");
    return why->text;
}

static void mark_refused(struct export *x, const json_t *answer)
{
    const json_t *errors = json_object_get(answer, "insertErrors"), *e;
    struct err why;
    size_t i;

    json_array_foreach(errors, i, e)
    {
        json_int_t at = json_integer_value(json_object_get(e, "index"));

        if (at >= 0 && (size_t)at < x->batch.n)
            export_batch_mark(&x->batch, (size_t)at, reason_of(e, &why));
    }
}

/* What BigQuery took is done with; what it refuses is given back. */
static void settle(struct export *x)
{
    struct sub *sub = x->sub;

    export_batch_settle(&x->batch);
    x->fails = 0;
    x->phase = IDLE;
    show_state(sub, GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__ACTIVE);
}

static void on_inserted(void *arg, int status, struct str answer)
{
    struct export *x = arg;
    struct pubsub *s;
    json_t *json;

    if (!x->sub) {
        export_free(x);
        return;
    }
    s = x->sub->service;
    if (status == 200) {
        json = json_loadb(answer.p, answer.len, 0, NULL);
        mark_refused(x, json);
        json_decref(json);
        settle(x);
    } else {
        rest(
            x,
            status == 404
                ? GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__NOT_FOUND
            : status == 403
                ? GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__PERMISSION_DENIED
                : GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__SCHEMA_MISMATCH);
    }
    deliver_due(s);
}

static void insert(struct export *x)
{
    struct bigquery_door *door = &x->sub->service->e->bigquery;
    char *path = mem_printf("%s/insertAll", x->path);
    struct buf body;

    buf_init(&body, SIZE_MAX / 4);
    buf_printf(&body,
               "{\"skipInvalidRows\":true,\"ignoreUnknownValues\":%s,"
               "\"rows\":[",
               x->how.drop_unknown ? "true" : "false");
    buf_str(&body, buf_as_str(&x->body));
    buf_puts(&body, "]}");
    x->phase = INSERTING;
    door->ask(door->self, "POST", path, buf_as_str(&body), on_inserted, x);
    buf_fini(&body);
    mem_free(path);
}

/* --- the batch ------------------------------------------------------------ */

static void take_one(struct export *x, const struct delivery *d)
{
    struct export_message m = {d->message, d->id, d->publish_us};
    struct err err;

    if (x->how.by == EXPORT_BY_TOPIC) {
        const struct revision *r =
            schema_of_message(x->sub->service, d->message);

        m.avro = r ? r->avro : NULL;
        m.proto = r ? r->proto : NULL;
        m.is_json = schema_is_json(d->message);
    }
    x->how.subscription = x->sub->name;
    if (export_row_write(&x->body, &m, &x->how, &err))
        export_batch_refuse(&x->batch, d, err.text);
    else
        export_batch_add(&x->batch, d);
}

static void collect(struct export *x)
{
    struct delivery d;

    buf_reset(&x->body);
    while (x->batch.n < BATCH_MESSAGES && x->body.len < BATCH_BYTES &&
           export_batch_next(&x->batch, LEASE_US, &d))
        take_one(x, &d);
    if (x->batch.n)
        insert(x);
}

/* --- the table ------------------------------------------------------------ */

/* What keeps the rows from the table as it is. */
static void mismatch(struct export *x, const char *why)
{
    LOG_W("%s: nothing is written into %s: %s", x->sub->name, x->table, why);
    rest(x, GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__SCHEMA_MISMATCH);
}

static void on_table(void *arg, int status, struct str answer)
{
    struct export *x = arg;
    struct pubsub *s;
    struct err err;

    if (!x->sub) {
        export_free(x);
        return;
    }
    s = x->sub->service;
    if (status == 404) {
        rest(x, GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__NOT_FOUND);
    } else if (status != 200) {
        mismatch(x, "the table cannot be read");
    } else if (bigquery_fits(s, x->sub->topic, &x->how, answer, &err)) {
        mismatch(x, err.text);
    } else {
        x->is_probe = false;
        x->knows_table = true;
        x->phase = IDLE;
        show_state(x->sub, GOOGLE__PUBSUB__V1__BIG_QUERY_CONFIG__STATE__ACTIVE);
        if (x->batch.n)
            insert(x); /* what an earlier try left */
        else
            sub_due(x->sub);
    }
    deliver_due(s);
}

static void look(struct export *x)
{
    struct bigquery_door *door = &x->sub->service->e->bigquery;

    x->phase = LOOKING;
    door->ask(door->self, "GET", x->path, STR(""), on_table, x);
}

void bigquery_look(struct sub *sub)
{
    struct export *x = sub->export;

    if (!x || sub->service->draining || !sub->service->e->bigquery.self)
        return;
    if (x->phase == RESTING) {
        loop_timer_arm(&x->rest, 0);
    } else if (x->phase == IDLE) {
        x->is_probe = true;
        look(x);
    }
}

void bigquery_serve(struct sub *sub)
{
    struct export *x = sub->export;

    if (!x || x->phase != IDLE || sub->service->draining ||
        !sub->service->e->bigquery.self)
        return;
    sub_touch(sub); /* it is in use */
    if (x->knows_table)
        collect(x);
    else
        look(x);
}
