/* SPDX-License-Identifier: Apache-2.0 */
/* The BigQuery store's thread: operations come in by its mailbox, and it ends
 * when all of them are answered. */
#include "store/store_bigquery.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/thread.h"
#include "store/bigquery_priv.h"
#include "store/bigquery_sql.h"

enum {
    THREAD_STACK = 512 * 1024,
    LEDGER_IDS = 65536,
    /* HTTP/2 to Google needs one; to an emulator each call under way has one */
    CONNECTIONS = 32,
    FIRST_LOOK_US = 3000000,
    /* what is under way may end well for so long after the closing began */
    CLOSE_US = 2000000
};

/* --- the interface
 * ------------------------------------------------------------
 */

static void run_insert(struct loop_task *task)
{
    struct store_insert *op = LOOP_OWNER(task, struct store_insert, task);

    bigquery_put_begin(store_self(op->store), op);
}

static void run_query(struct loop_task *task)
{
    struct store_query *op = LOOP_OWNER(task, struct store_query, task);

    bigquery_query_begin(store_self(op->store), op);
}

static void run_ping(struct loop_task *task)
{
    struct store_ping *op = LOOP_OWNER(task, struct store_ping, task);

    bigquery_table_ping(store_self(op->store), op);
}

static void post(struct bigquery *b, struct loop_task *task,
                 void (*run)(struct loop_task *task))
{
    task->run = run;
    loop_post(b->loop, task);
}

static void bigquery_insert(void *self, struct store_insert *op)
{
    post(self, &op->task, run_insert);
}

static void bigquery_query(void *self, struct store_query *op)
{
    post(self, &op->task, run_query);
}

static void bigquery_ping(void *self, struct store_ping *op)
{
    post(self, &op->task, run_ping);
}

/* --- closing
 * --------------------------------------------------------------------
 */

void bigquery_check_idle(struct bigquery *b)
{
    if (b->is_closing && !b->puts && !b->readers && !b->watch.is_running &&
        b->n_marks == 0 && b->n_cancels == 0)
        loop_stop(b->loop);
}

static void on_close_over(struct loop_timer *t)
{
    struct bigquery *b = LOOP_OWNER(t, struct bigquery, close_timer);

    b->is_cancelled = true;
    if (b->watch.is_running)
        google_cancel(&b->watch.call);
    bigquery_batch_cancel(b);
    bigquery_query_cancel(b);
}

static void run_close(struct loop_task *task)
{
    struct bigquery *b = LOOP_OWNER(task, struct bigquery, close_task);

    b->is_closing = true;
    loop_timer_arm(&b->close_timer, CLOSE_US);
    bigquery_batch_pump(b);
    bigquery_check_idle(b);
}

static void free_store(struct bigquery *b)
{
    bigquery_claims_close(b);
    google_free(b->google);
    token_source_free(b->tokens);
    bigquery_batch_fini(b);
    buf_fini(&b->watch.patch);
    loop_timer_fini(&b->close_timer);
    ledger_free(b->ledger);
    loop_free(b->loop);
    schema_free(b->newer_schema);
    mem_free(b->project);
    mem_free(b->dataset);
    mem_free(b->table);
    mem_free(b->system);
    mem_free(b->table_path);
    mem_free(b->insert_path);
    mem_free(b->queries_path);
    mem_free(b->redis_ca_file);
    mem_free(b);
}

static void bigquery_close(void *self)
{
    struct bigquery *b = self;

    post(b, &b->close_task, run_close);
    pthread_join(b->thread, NULL);
    free_store(b);
}

static const struct store_ops bigquery_ops = {
    .name = "bigquery",
    .insert = bigquery_insert,
    .query = bigquery_query,
    .ping = bigquery_ping,
    .close = bigquery_close,
};

/* --- opening
 * --------------------------------------------------------------------
 */

static bool is_name(const char *text, const char *beyond)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || strchr(beyond, c)))
            return false;
    }
    return len > 0 && len <= 1024;
}

/* The names stand in URLs and statements. */
static int check_names(const struct bigquery_config *c, struct err *err)
{
    const struct {
        const char *variable, *value, *beyond;
    } names[] = {
        {"GOOGLE_CLOUD_PROJECT", c->project, "-.:"},
        {"DATOS_DATASET", c->dataset, "_"},
        {"DATOS_TABLE", c->table, "_-"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!names[i].value || !is_name(names[i].value, names[i].beyond))
            return err_set(
                err, RC_INVALID, "%s is '%.100s': letters, digits and %s only",
                names[i].variable, names[i].value ? names[i].value : "",
                names[i].beyond);
    }
    return RC_OK;
}

static void set_names(struct bigquery *b, const struct bigquery_config *c)
{
    b->schema = c->schema;
    b->max_bytes_billed = c->max_bytes_billed;
    b->is_plain = bigquery_schema_is_plain(c->schema);
    b->project = mem_strdup(c->project);
    b->dataset = mem_strdup(c->dataset);
    b->table = mem_strdup(c->table);
    b->system = mem_strdup(c->system ? c->system : "");
    b->redis_ca_file = c->redis_ca_file ? mem_strdup(c->redis_ca_file) : NULL;
    b->table_path = mem_printf("/bigquery/v2/projects/%s/datasets/%s/tables/%s"
                               "?fields=creationTime,schema&prettyPrint=false",
                               c->project, c->dataset, c->table);
    b->insert_path = mem_printf("/bigquery/v2/projects/%s/datasets/%s/tables/"
                                "%s/insertAll?prettyPrint=false",
                                c->project, c->dataset, c->table);
    b->queries_path =
        mem_printf("/bigquery/v2/projects/%s/queries", c->project);
    snprintf(b->name, sizeof(b->name), "%s.%s.%s", c->project, c->dataset,
             c->table);
}

static int open_google(struct bigquery *b, const char *emulator,
                       struct err *err)
{
    int rc =
        google_open(b->loop, "bigquery", emulator, "BIGQUERY_EMULATOR_HOST",
                    CONNECTIONS, &b->tokens, &b->google, err);

    if (rc == RC_OK && b->tokens)
        LOG_I("credentials for BigQuery: %s", token_describe(b->tokens));
    return rc;
}

static int open_redis(struct bigquery *b, const char *url, struct err *err)
{
    int rc;

    if (!url || !url[0])
        return RC_OK;
    b->redis_url = MEM_NEW(struct redis_url);
    rc = redis_url_parse(str_from(url), b->redis_url, err);
    if (rc != RC_OK) {
        mem_free(b->redis_url);
        b->redis_url = NULL;
        return rc;
    }
    bigquery_claims_open(b);
    return RC_OK;
}

static void on_first_look(struct bigquery *b)
{
    loop_stop(b->loop);
}

static void on_no_look(struct loop_timer *t)
{
    loop_stop(t->loop);
}

/* The opener's thread runs the loop until the first look ends. */
static int look_first(struct bigquery *b, struct err *err)
{
    struct loop_timer limit;
    int rc;

    b->watch.rc = err_set(&b->watch.err, RC_TIMEOUT, "%s did not answer",
                          google_endpoint(b->google)->base);
    b->watch.on_first = on_first_look;
    bigquery_table_look(b);
    loop_timer_init(&limit, b->loop, on_no_look);
    loop_timer_arm(&limit, FIRST_LOOK_US);
    loop_run(b->loop);
    loop_timer_fini(&limit);
    b->watch.on_first = NULL;
    rc = b->watch.rc;
    if (rc == RC_INVALID) {
        *err = b->watch.err;
        return rc;
    }
    if (rc == RC_NOT_FOUND)
        LOG_W("%s: rows wait until the table is made (Terraform does)",
              b->watch.err.text);
    else if (rc != RC_OK)
        LOG_W("the table cannot be looked at yet, trying on: %s",
              b->watch.err.text);
    return RC_OK;
}

static void *run_thread(void *arg)
{
    loop_run(((struct bigquery *)arg)->loop);
    return NULL;
}

static void init(struct bigquery *b, const struct bigquery_config *config)
{
    uint64_t seed;

    rand_bytes(&seed, sizeof(seed));
    rand_seed(&b->rand, seed);
    b->loop = loop_new();
    b->opened_us = loop_now_us(b->loop);
    b->ledger = ledger_new(LEDGER_IDS);
    b->newer_schema = bigquery_newer_schema(config->schema);
    b->watch.last_ping = &b->watch.pings;
    loop_timer_init(&b->close_timer, b->loop, on_close_over);
    bigquery_batch_init(b);
    set_names(b, config);
}

int store_open_bigquery(const struct bigquery_config *config,
                        struct store **out, struct err *err)
{
    struct bigquery *b;
    int rc = check_names(config, err);

    if (rc != RC_OK)
        return rc;
    b = MEM_NEW(struct bigquery);
    init(b, config);
    rc = open_google(b, config->emulator, err);
    if (rc == RC_OK)
        rc = open_redis(b, config->redis_url, err);
    if (rc == RC_OK)
        rc = look_first(b, err);
    if (rc != RC_OK) {
        free_store(b);
        return rc;
    }
    b->store = store_new(&bigquery_ops, b);
    if (!thread_start(&b->thread, THREAD_STACK, run_thread, b))
        abort(); /* a thread that we chose: as with memory of our own */
    *out = b->store;
    return RC_OK;
}
