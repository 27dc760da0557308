/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the way of a message (contract 4.1, 4.2, 4.4, 4.5), with a
 * writer, a subscriber and a dead-letter topic of the test's own. */
#include "ingest/pipeline.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "service.h"

enum {
    MOST = 3000
};

enum fate {
    FATE_HELD,
    FATE_ACKED,
    FATE_RETURNED
};

static struct loop *loop;
static struct schema *schema;
static struct pipeline pipeline;
static struct metrics *metrics;
static bool is_drained;

/* --- the subscriber: remembers what became of each message --------------- */

static struct {
    struct message message;
    enum fate fate;
    char id[16];
    char data[400];
} messages[MOST];
static unsigned n_messages, n_acked, n_returned, n_pauses, n_resumes;

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
    size_t i = (size_t)atoi(m->id.p);

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

static struct writer_put *pending[16];
static unsigned n_puts, n_put_calls;
static size_t last_rows;
static bool answers_at_once;                /* each call, with STORED */
static int store_rc;                        /* of calls answered at once */
static int (*judge)(const struct row *row); /* NULL: STORED */
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

static void answer_put(int rc)
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

static struct publish *letters[MOST];
static unsigned n_letters, n_published;
static int topic_rc;
static bool topic_waits;
static char last_error[32], last_field[300];
static size_t last_n_attributes;
static struct loop_timer letter_timer;

static void fake_publish(void *publisher, struct publish *publish)
{
    (void)publisher;
    letters[n_letters++] = publish;
    if (!topic_waits)
        loop_timer_arm(&letter_timer, 0);
}

static void on_letter_timer(struct loop_timer *timer)
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

static void setup(void)
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

static void teardown(void)
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

static unsigned deliver_data(const char *data, size_t len)
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
static unsigned deliver(const char *id)
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

static void deliver_n(unsigned n)
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
static void wait_for(unsigned *what, unsigned n)
{
    struct reach r = {what, n};

    run_until(loop, is_reached, &r);
}

/* Of "family{label=..." or "family". */
static double metric_of(const char *series)
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
    value = atof(strchr(at, ' ') + 1);
    buf_fini(&page);
    return value;
}

/* --- acknowledged only after the commit ----------------------------------- */

START_TEST(a_message_is_acknowledged_after_its_commit_not_before)
{
    deliver_n(1);
    ck_assert_uint_eq(n_puts, 1);
    run_for(loop, 20000);
    ck_assert_uint_eq(n_acked, 0);
    ck_assert_int_eq(pending[0]->published_us, 1736848800000000);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 1);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"stored\"") == 1);
}
END_TEST

START_TEST(an_idle_store_gets_a_row_at_once_and_a_busy_one_gets_batches)
{
    deliver_n(1);
    ck_assert_uint_eq(last_rows, 1);
    deliver_n(10);
    deliver_n(20);
    ck_assert_uint_eq(n_put_calls, 1);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 30);
}
END_TEST

START_TEST(rows_do_not_wait_long_for_a_slow_store)
{
    deliver_n(1);
    deliver_n(3);
    wait_for(&n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 3);
    ck_assert_uint_eq(n_acked, 0);
}
END_TEST

START_TEST(a_large_backlog_goes_in_full_batches)
{
    deliver_n(2500);
    ck_assert_uint_eq(n_put_calls, 2);
    ck_assert_uint_eq(last_rows, 1000);
    answer_put(RC_OK);
    answer_put(RC_OK);
    ck_assert_uint_eq(last_rows, 500);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 2500);
}
END_TEST

static int all_duplicates(const struct row *row)
{
    (void)row;
    return STORE_DUPLICATE;
}

START_TEST(a_repeat_is_acknowledged)
{
    judge = all_duplicates;
    deliver_n(2);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 2);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"duplicate\"") ==
              2);
}
END_TEST

START_TEST(one_id_twice_in_a_batch_settles_both)
{
    answers_at_once = true;
    deliver("same");
    deliver("same");
    receive_batch_end(&pipeline);
    wait_for(&n_acked, 2);
}
END_TEST

/* --- refused -----------------------------------------------------------------
 */

static char huge[1100000];

static const struct {
    const char *data; /* NULL: `huge` */
    size_t len;
    const char *error, *field;
} refusals[] = {
    {"", 0, "malformed", ""},
    {"{", 1, "malformed", ""},
    {"\xff\xfe", 2, "malformed", ""},
    {"{\"id\":\"1\xc3(\"}", 11, "malformed", ""},
    {"{\"id\":\"1\",\"id\":\"1\"}", 19, "malformed", NULL},
    {"{} x", 4, "malformed", ""},
    {"[]", 2, "schema", NULL},
    {"[{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\"}]", 47, "schema",
     NULL},
    {"7", 1, "schema", NULL},
    {"null", 4, "schema", NULL},
    {"{\"id\":\"1\"}", 10, "schema", "timestamp"},
    {"{\"id\":\"1\",\"timestamp\":\"2024-13-01T00:00:00Z\"}", 45, "schema",
     "timestamp"},
    {"{\"id\":\"1\",\"timestamp\":\"2025-01-14T10:00:00Z\",\"x\":1}", 51,
     "schema", "x"},
    {NULL, sizeof(huge), "too_large", NULL},
};

START_TEST(a_refused_message_goes_to_the_dead_letter_topic_with_its_reason)
{
    static const char start[] = "{\"id\":\"1\",\"timestamp\":"
                                "\"2025-01-14T10:00:00Z\",\"contenido\":\"";
    const char *data = refusals[_i].data;

    memset(huge, 'x', sizeof(huge));
    memcpy(huge, start, strlen(start));
    memcpy(huge + sizeof(huge) - 2, "\"}", 2);
    topic_waits = true;
    deliver_data(data ? data : huge, refusals[_i].len);
    ck_assert_uint_eq(n_put_calls, 0);
    ck_assert_uint_eq(n_acked, 0); /* not before the topic has it */
    ck_assert_uint_eq(n_letters, 1);
    ck_assert_uint_eq(letters[0]->data.len, refusals[_i].len);
    on_letter_timer(&letter_timer);
    ck_assert_uint_eq(n_acked, 1);
    ck_assert_str_eq(last_error, refusals[_i].error);
    if (refusals[_i].field)
        ck_assert_str_eq(last_field, refusals[_i].field);
    ck_assert(metric_of("datos_ingest_messages_total{outcome=\"rejected\"") ==
              1);
    ck_assert(metric_of("datos_ingest_errors_total{kind=\"permanent\"") == 1);
}
END_TEST

START_TEST(a_refused_message_does_not_hold_up_good_ones)
{
    answers_at_once = true;
    topic_rc = RC_UNAVAILABLE;
    deliver("bad");
    deliver_n(5);
    wait_for(&n_acked, 5);
    ck_assert_int_eq(messages[0].fate, FATE_HELD);
    ck_assert_uint_eq(n_returned, 0);
}
END_TEST

START_TEST(a_failed_dead_letter_is_kept_and_sent_again)
{
    topic_rc = RC_NOT_FOUND;
    deliver("bad");
    run_for(loop, 50000);
    ck_assert_uint_eq(n_published, 0);
    ck_assert_int_eq(messages[0].fate, FATE_HELD);
    topic_rc = RC_OK;
    wait_for(&n_acked, 1);
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

START_TEST(a_dead_letter_that_the_topic_refuses_goes_without_its_attributes)
{
    struct message_attribute own[] = {{STR("a"), STR("b")}};

    topic_waits = true;
    messages[0].message.attributes = own;
    messages[0].message.n_attributes = 1;
    deliver("bad");
    topic_rc = RC_INVALID;
    on_letter_timer(&letter_timer);
    ck_assert_uint_eq(last_n_attributes, 5);
    topic_rc = RC_OK;
    topic_waits = false;
    wait_for(&n_acked, 1);
    ck_assert_uint_eq(last_n_attributes, 4);
}
END_TEST

static int conflict_of_c(const struct row *row)
{
    return row->id.p[0] == 'c' ? STORE_CONFLICT : STORE_STORED;
}

START_TEST(a_conflict_goes_to_the_dead_letter_topic)
{
    judge = conflict_of_c;
    deliver("c1");
    deliver("ok");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked, 1);
    wait_for(&n_acked, 2);
    ck_assert_str_eq(last_error, "conflict");
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

static int reject_of_x(const struct row *row)
{
    return row->id.p[0] == 'x' ? STORE_REJECTED : STORE_STORED;
}

START_TEST(a_row_is_rejected_only_if_others_pass)
{
    judge = reject_of_x;
    deliver("x1");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    run_for(loop, 30000);
    ck_assert_uint_eq(n_letters + n_published, 0);
    ck_assert_uint_eq(n_acked, 0);
    ck_assert_uint_eq(n_pauses, 0); /* others are needed */
    deliver("good");
    receive_batch_end(&pipeline);
    while (n_acked < 2) {
        wait_for(&n_puts, 1);
        answer_put(RC_OK);
        run_for(loop, 2000);
    }
    ck_assert_str_eq(last_error, "rejected");
    ck_assert_uint_eq(n_published, 1);
}
END_TEST

START_TEST(a_store_that_rejects_everything_counts_as_down)
{
    judge = reject_of_x;
    for (int i = 0; i < 150; i++)
        deliver("x");
    receive_batch_end(&pipeline);
    answer_put(RC_OK);
    ck_assert_uint_eq(n_pauses, 1);
    answers_at_once = true;
    run_for(loop, 100000);
    ck_assert_uint_eq(n_acked + n_returned + n_published, 0);
    judge = NULL;
    wait_for(&n_acked, 150);
    ck_assert_uint_eq(n_resumes, 1);
}
END_TEST

/* --- the store is down -------------------------------------------------------
 */

START_TEST(while_the_store_is_down_nothing_is_pulled_returned_or_refused)
{
    deliver_n(10);
    answer_put(RC_UNAVAILABLE);
    ck_assert_uint_eq(n_pauses, 1);
    deliver_n(5); /* from a pull that was under way */
    answers_at_once = true;
    store_rc = RC_TIMEOUT;
    run_for(loop, 300000);
    ck_assert_uint_eq(n_acked + n_returned + n_published, 0);
    ck_assert_uint_gt(n_put_calls, 2);
    ck_assert_uint_eq(n_resumes, 0);
    ck_assert(metric_of("datos_dependency_up{dependency=\"store\"") == 0);
    store_rc = RC_OK;
    wait_for(&n_acked, 15);
    ck_assert_uint_eq(n_resumes, 1);
    ck_assert_uint_eq(n_pauses, 1);
    ck_assert(metric_of("datos_dependency_up{dependency=\"store\"") == 1);
}
END_TEST

START_TEST(one_call_at_a_time_finds_out_when_the_store_is_back)
{
    deliver_n(2500);
    ck_assert_uint_eq(n_puts, 2);
    answer_put(RC_UNAVAILABLE);
    answer_put(RC_UNAVAILABLE);
    wait_for(&n_puts, 1);
    run_for(loop, 30000);
    ck_assert_uint_eq(n_puts, 1);
    answers_at_once = true;
    answer_put(RC_OK);
    wait_for(&n_acked, 2500);
}
END_TEST

START_TEST(the_lag_is_the_age_of_the_oldest_message_held)
{
    deliver_n(1);
    run_for(loop, 1100000);
    ck_assert(metric_of("datos_ingest_lag_seconds") > 1000);
    answer_put(RC_OK);
    run_for(loop, 1100000);
    ck_assert(metric_of("datos_ingest_lag_seconds") == 0);
}
END_TEST

/* --- shutdown ----------------------------------------------------------------
 */

START_TEST(draining_commits_what_is_held_and_returns_what_comes)
{
    deliver_n(3);
    deliver_n(2);
    pipeline_drain(&pipeline);
    deliver_n(1);
    ck_assert_uint_eq(n_returned, 1);
    answers_at_once = true;
    answer_put(RC_OK);
    wait_for(&n_acked, 5);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 1);
}
END_TEST

START_TEST(draining_with_nothing_held_is_done_at_once)
{
    pipeline_drain(&pipeline);
    ck_assert(!is_drained);
    run_until(loop, flag_is_set, &is_drained);
}
END_TEST

START_TEST(draining_gives_back_what_a_dead_store_does_not_take)
{
    deliver_n(3);
    answer_put(RC_UNAVAILABLE);
    pipeline_drain(&pipeline);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 3);
    ck_assert_uint_eq(n_acked, 0);
}
END_TEST

START_TEST(draining_gives_back_a_letter_that_cannot_be_sent)
{
    topic_waits = true;
    topic_rc = RC_UNAVAILABLE;
    deliver("bad");
    pipeline_drain(&pipeline);
    on_letter_timer(&letter_timer);
    run_until(loop, flag_is_set, &is_drained);
    ck_assert_uint_eq(n_returned, 1);
}
END_TEST

START_TEST(a_store_call_that_outlives_the_messages_touches_none)
{
    deliver_n(3);
    pipeline_drain(&pipeline);
    pipeline_give_up(&pipeline);
    pipeline_close(&pipeline);
    for (int i = 0; i < 3; i++)
        memset(&messages[i].message, 0x5a, sizeof(messages[i].message));
    answer_put(RC_OK);
    ck_assert_uint_eq(n_acked + n_returned, 0);
    ck_assert(pipeline_is_idle(&pipeline));
}
END_TEST

static void add_refusals(TCase *tc)
{
    tcase_add_loop_test(
        tc, a_refused_message_goes_to_the_dead_letter_topic_with_its_reason, 0,
        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tc, a_refused_message_does_not_hold_up_good_ones);
    tcase_add_test(tc, a_failed_dead_letter_is_kept_and_sent_again);
    tcase_add_test(
        tc, a_dead_letter_that_the_topic_refuses_goes_without_its_attributes);
    tcase_add_test(tc, a_conflict_goes_to_the_dead_letter_topic);
    tcase_add_test(tc, a_row_is_rejected_only_if_others_pass);
    tcase_add_test(tc, a_store_that_rejects_everything_counts_as_down);
}

Suite *suite_pipeline(void)
{
    Suite *s = suite_create("pipeline");
    TCase *tc = tcase_create("pipeline");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_message_is_acknowledged_after_its_commit_not_before);
    tcase_add_test(
        tc, an_idle_store_gets_a_row_at_once_and_a_busy_one_gets_batches);
    tcase_add_test(tc, rows_do_not_wait_long_for_a_slow_store);
    tcase_add_test(tc, a_large_backlog_goes_in_full_batches);
    tcase_add_test(tc, a_repeat_is_acknowledged);
    tcase_add_test(tc, one_id_twice_in_a_batch_settles_both);
    add_refusals(tc);
    tcase_add_test(
        tc, while_the_store_is_down_nothing_is_pulled_returned_or_refused);
    tcase_add_test(tc, one_call_at_a_time_finds_out_when_the_store_is_back);
    tcase_add_test(tc, the_lag_is_the_age_of_the_oldest_message_held);
    tcase_add_test(tc, draining_commits_what_is_held_and_returns_what_comes);
    tcase_add_test(tc, draining_with_nothing_held_is_done_at_once);
    tcase_add_test(tc, draining_gives_back_what_a_dead_store_does_not_take);
    tcase_add_test(tc, draining_gives_back_a_letter_that_cannot_be_sent);
    tcase_add_test(tc, a_store_call_that_outlives_the_messages_touches_none);
    suite_add_tcase(s, tc);
    return s;
}
