/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the pipeline stand on: a
 * writer, a subscriber and a dead-letter topic of the test's own. */
/* first: its parameters bear the names of the harness' variables */
#include "service.h"

#include "pipeline_harness.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"

struct loop *loop;
struct schema *schema;
struct pipeline pipeline;
static struct metrics *metrics;
bool is_drained;

/* --- the subscriber: remembers what became of each message --------------- */

struct given messages[MOST];
unsigned n_messages, n_acked, n_returned, n_pauses, n_resumes;

static void fake_pause(void *self)
{
    (void)self;
    n_pauses++;
}

static void fake_resume(void *self)
{
    (void)self;
    n_resumes++;
}

static size_t index_of(const struct message *m)
{
    size_t i = (size_t)strtoul(m->id.p, NULL, 10);

    ck_assert_ptr_eq(m, &messages[i].message);
    ck_assert_msg(messages[i].fate == FATE_HELD, "message %zu twice", i);
    return i;
}

static void fake_ack(void *self, struct message *m)
{
    (void)self;
    messages[index_of(m)].fate = FATE_ACKED;
    n_acked++;
}

static void fake_return(void *self, struct message *m)
{
    (void)self;
    messages[index_of(m)].fate = FATE_RETURNED;
    n_returned++;
}

static void fake_close(void *self, int64_t grace_us, void (*done)(void *arg),
                       void *arg)
{
    (void)self;
    (void)grace_us;
    (void)done;
    (void)arg;
}

static const struct subscriber_ops subscriber_ops = {
    .pause = fake_pause,
    .resume = fake_resume,
    .ack = fake_ack,
    .give_back = fake_return,
    .close = fake_close,
};

/* --- the writer: answers when the test says so --------------------------- */

struct writer_put *pending[16];
unsigned n_puts, n_put_calls;
size_t last_rows;
bool answers_at_once;                /* each call, with STORED */
int store_rc;                        /* of calls answered at once */
int (*judge)(const struct row *row); /* NULL: STORED */
static struct loop_timer put_timer;

void writer_put(struct writer *writer, struct writer_put *put)
{
    (void)writer;
    ck_assert_uint_lt(n_puts, 16);
    pending[n_puts++] = put;
    n_put_calls++;
    last_rows = put->insert.n_rows;
    if (answers_at_once)
        loop_timer_arm(&put_timer, 0);
}

void answer_put(int rc)
{
    struct writer_put *put = pending[0];

    ck_assert_uint_gt(n_puts, 0);
    memmove(pending, pending + 1, sizeof(pending[0]) * --n_puts);
    put->insert.rc = rc;
    if (rc != RC_OK)
        err_set(&put->insert.err, (enum rc)rc, "the disk is full");
    for (size_t i = 0; rc == RC_OK && i < put->insert.n_rows; i++)
        put->insert.results[i] =
            judge ? (enum store_result)judge(put->insert.rows[i])
                  : STORE_STORED;
    snprintf(put->insert.detail, sizeof(put->insert.detail), "no such column");
    put->done(put);
}

static void on_put_timer(struct loop_timer *timer)
{
    (void)timer;
    while (n_puts)
        answer_put(store_rc);
}

/* --- the dead-letter topic ------------------------------------------------ */

struct publish *letters[MOST];
unsigned n_letters, n_published;
int topic_rc;
bool topic_waits;
char last_error[32], last_field[300];
size_t last_n_attributes;
struct loop_timer letter_timer;

static void fake_publish(void *publisher, struct publish *publish)
{
    (void)publisher;
    letters[n_letters++] = publish;
    if (!topic_waits)
        loop_timer_arm(&letter_timer, 0);
}

void on_letter_timer(struct loop_timer *timer)
{
    struct err err = {RC_UNAVAILABLE, "topic is gone"};
    unsigned n = n_letters;

    (void)timer;
    n_letters = 0;
    for (unsigned i = 0; i < n; i++) {
        struct publish *p = letters[i];
        snprintf(last_error, sizeof(last_error), "%.*s",
                 STR_ARG(p->attributes[0].value));
        snprintf(last_field, sizeof(last_field), "%.*s",
                 STR_ARG(p->attributes[1].value));
        last_n_attributes = p->n_attributes;
        p->rc = topic_rc;
        p->err = topic_rc ? &err : NULL;
        n_published += topic_rc == RC_OK;
        p->done(p);
    }
}

/* --- frame -----------------------------------------------------------------
 */

static void on_drained(void *arg)
{
    (void)arg;
    is_drained = true;
}

void setup(void)
{
    struct pipeline_config config = {
        .max_future_s = 31536000,
        .publish = fake_publish,
        .dead_letter_topic = "projects/p/topics/dead",
        .limits = {1000, 1 << 20, 5000, 2},
        .on_drained = on_drained,
    };
    struct err err = {0};

    log_init(LOG_OFF, "test", "test");
    loop = loop_new();
    ck_assert_msg(schema_load(NULL, &schema, &err) == RC_OK, "%s", err.text);
    metrics = metrics_new("datos", "local");
    config.loop = loop;
    config.schema = schema;
    config.metrics = metrics;
    config.subscriber = subscriber_new(&subscriber_ops, NULL);
    pipeline_init(&pipeline, &config);
    loop_timer_init(&put_timer, loop, on_put_timer);
    loop_timer_init(&letter_timer, loop, on_letter_timer);
    memset(messages, 0, sizeof(messages));
    n_messages = n_acked = n_returned = n_pauses = n_resumes = 0;
    n_puts = n_put_calls = n_letters = n_published = 0;
    answers_at_once = topic_waits = is_drained = false;
    store_rc = topic_rc = 0;
    judge = NULL;
}

void teardown(void)
{
    pipeline_close(&pipeline);
    while (n_puts)
        answer_put(RC_UNAVAILABLE);
    ck_assert(pipeline_is_idle(&pipeline));
    subscriber_close(pipeline.config.subscriber, 0, NULL, NULL);
    pipeline_fini(&pipeline);
    loop_timer_fini(&put_timer);
    loop_timer_fini(&letter_timer);
    metrics_free(metrics);
    schema_free(schema);
    loop_free(loop);
}

unsigned deliver_data(const char *data, size_t len)
{
    unsigned i = n_messages++;
    struct message *m = &messages[i].message;

    snprintf(messages[i].id, sizeof(messages[i].id), "%u", i);
    m->id = str_from(messages[i].id);
    m->data = str_of(data, len);
    m->ordering_key = STR("");
    m->publish_us = 1736848800000000;
    receive_message(m, &pipeline);
    return i;
}

/* A message whose record has this id, or a bad one. */
unsigned deliver(const char *id)
{
    unsigned i = n_messages;

    if (strcmp(id, "bad") == 0)
        snprintf(messages[i].data, sizeof(messages[i].data), "{\"id\":7}");
    else
        snprintf(messages[i].data, sizeof(messages[i].data),
                 "{\"id\":\"%s\",\"contenido\":\"x\",\"timestamp\":"
                 "\"2025-01-14T10:00:00Z\"}",
                 id);
    return deliver_data(messages[i].data, strlen(messages[i].data));
}

void deliver_n(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char id[16];
        snprintf(id, sizeof(id), "r%u", n_messages);
        deliver(id);
    }
    receive_batch_end(&pipeline);
}

struct reach {
    unsigned *what;
    unsigned n;
};
static bool is_reached(void *arg)
{
    struct reach *r = arg;

    return *r->what >= r->n;
}
void wait_for(unsigned *what, unsigned n)
{
    struct reach r = {what, n};

    run_until(loop, is_reached, &r);
}

/* Of "family{label=..." or "family". */
double metric_of(const char *series)
{
    const char *label = strchr(series, '{');
    struct buf page;
    const char *at;
    char line[200];
    double value;

    snprintf(line, sizeof(line), "%.*s{system=\"datos\",region=\"local\"%s%s",
             (int)(label ? label - series : (long)strlen(series)), series,
             label ? "," : "", label ? label + 1 : "");

    buf_init(&page, 1 << 20);
    metrics_render(metrics, false, &page);
    at = strstr(page.data, line);
    ck_assert_msg(at != NULL, "%s in\n%s", line, page.data);
    value = strtod(strchr(at, ' ') + 1, NULL);
    buf_fini(&page);
    return value;
}
