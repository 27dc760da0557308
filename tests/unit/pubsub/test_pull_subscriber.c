/* SPDX-License-Identifier: Apache-2.0 */
/* The pull subscriber against a small Pub/Sub of our own: a counter of
 * messages to give out, a record of what is acknowledged. */
#include "pubsub/pull_subscriber.h"

#include <check.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/clock.h"
#include "net/google.h"
#include "service.h"

enum {
    MOST = 20000
};

static struct loop *loop;
static struct service service;
static struct google *google;
static struct subscriber *subscriber;

/* the service */
static unsigned backlog, given, n_pulls, n_acks, n_waiting, largest_ask;
static int pull_status, ack_status; /* 0: well */
static unsigned char acked[MOST], returned[MOST];
static unsigned n_acked, n_returned, n_extended;
static struct http_req *waiting[32];

/* the receiver */
static struct message *held[MOST];
static unsigned n_held, n_batches;
static bool is_up, ack_at_once;
static char why[800];

static void give(struct http_req *req, unsigned n)
{
    struct buf b;

    buf_init(&b, 8 << 20);
    buf_puts(&b, "{\"receivedMessages\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_printf(&b,
                   "%s{\"ackId\":\"%u\",\"message\":{\"data\":\"eHl6\","
                   "\"messageId\":\"%u\"}}",
                   i ? "," : "", given, given);
        given++;
    }
    buf_puts(&b, "]}");
    backlog -= n;
    service_reply(req, 200, buf_as_str(&b));
    buf_fini(&b);
}

static unsigned number_in(struct str body, const char *key)
{
    const char *at = memmem(body.p, body.len, key, strlen(key));

    return at ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

static void on_pull(struct http_req *req)
{
    struct str body = http_req_body(req);
    unsigned n = number_in(body, "\"maxMessages\":");

    n_pulls++;
    if (n > largest_ask)
        largest_ask = n;
    if (pull_status) {
        service_reply(req, pull_status,
                      STR("{\"error\":{\"message\":\"no luck\"}}"));
    } else if (backlog) {
        give(req, n < backlog ? n : backlog);
    } else if (memmem(body.p, body.len, "true", 4)) {
        service_reply(req, 200, STR("{}"));
    } else {
        waiting[n_waiting++] = req;
    }
}

static void mark(struct str body, unsigned char *marks, unsigned *n)
{
    const char *p = memchr(body.p, '[', body.len);

    while (*p != ']') {
        unsigned id = (unsigned)strtoul(p + 2, NULL, 10);
        ck_assert_uint_lt(id, MOST);
        *n += !marks[id];
        marks[id] = 1;
        p = strpbrk(p + 1, ",]");
    }
}

static void on_request(struct http_req *req, void *arg)
{
    struct str path = http_req_path(req);
    struct str body = http_req_body(req);

    (void)arg;
    if (str_ends(path, STR("subscriptions/s:pull"))) {
        on_pull(req);
        return;
    }
    if (str_ends(path, STR(":acknowledge"))) {
        n_acks++;
        if (ack_status) {
            service_reply(req, ack_status, STR("{}"));
            return;
        }
        mark(body, acked, &n_acked);
    } else if (memmem(body.p, body.len, "\"ackDeadlineSeconds\":0", 22)) {
        mark(body, returned, &n_returned);
    } else {
        n_extended++;
    }
    service_reply(req, 200, STR("{}"));
}

/* A reply to those who wait: with messages if there are any now. */
static void wake(void)
{
    unsigned n = n_waiting;

    n_waiting = 0;
    for (unsigned i = 0; i < n; i++) {
        if (backlog)
            give(waiting[i], backlog < 1000 ? backlog : 1000);
        else
            service_reply(waiting[i], 200, STR("{}"));
    }
}

static void on_message(struct message *message, void *arg)
{
    (void)arg;
    ck_assert(str_eq(message->data, STR("xyz")));
    if (ack_at_once)
        subscriber_ack(subscriber, message);
    else
        held[n_held++] = message;
}

static void on_batch(void *arg)
{
    (void)arg;
    n_batches++;
}

static void on_state(bool up, const char *text, void *arg)
{
    (void)arg;
    is_up = up;
    snprintf(why, sizeof(why), "%s", text);
}

static void setup(void)
{
    struct endpoint e;
    struct err err;

    loop = loop_new();
    service = (struct service){0};
    service_start(&service, loop, on_request, NULL);
    ck_assert_int_eq(endpoint_init(&e, "pubsub", service.base, "X", NULL, &err),
                     RC_OK);
    google = google_new(loop, &e, NULL, 16);
    backlog = given = n_pulls = n_acks = n_waiting = largest_ask = 0;
    n_acked = n_returned = n_extended = n_held = n_batches = 0;
    pull_status = ack_status = 0;
    memset(acked, 0, sizeof(acked));
    memset(returned, 0, sizeof(returned));
    is_up = ack_at_once = false;
    subscriber = NULL;
}

static void open_it(size_t max_messages)
{
    struct subscriber_config config = {
        .project = "p",
        .subscription = "s",
        .max_messages = max_messages,
        .max_bytes = 64 << 20,
        .pulls = 4,
        .on_message = on_message,
        .on_batch = on_batch,
        .on_state = on_state,
    };

    subscriber = pull_subscriber_new(loop, google, &config);
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void close_it(int64_t grace_us)
{
    bool closed = false;

    subscriber_close(subscriber, grace_us, on_closed, &closed);
    subscriber = NULL;
    ck_assert(!closed);
    run_until(loop, flag_is_set, &closed);
}

static void teardown(void)
{
    if (subscriber)
        close_it(1000000);
    google_free(google);
    service_stop(&service);
    loop_free(loop);
}

/* --- conditions ---------------------------------------------------------- */

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

START_TEST(a_backlog_is_drained_and_acknowledged_once)
{
    ack_at_once = true;
    backlog = 10000;
    open_it(8000);
    wait_for(&n_acked, 10000);
    ck_assert_uint_eq(given, 10000);
    ck_assert_uint_le(n_acks, 40);
    ck_assert(is_up);
    ck_assert_uint_eq(n_returned, 0);
    ck_assert_uint_gt(n_batches, 9);
}
END_TEST

START_TEST(several_pulls_wait_while_there_is_nothing)
{
    open_it(8000);
    wait_for(&n_waiting, 4);
    run_for(loop, 50000);
    ck_assert_uint_eq(n_waiting, 4);
    ck_assert(is_up);
    backlog = 1;
    wake();
    wait_for(&n_held, 1);
}
END_TEST

START_TEST(holds_no_more_than_it_may)
{
    backlog = 5000;
    open_it(2000);
    wait_for(&n_held, 2000);
    run_for(loop, 50000);
    ck_assert_uint_eq(n_held, 2000);
    ck_assert_uint_eq(given, 2000);
    for (unsigned i = 0; i < 2000; i++)
        subscriber_ack(subscriber, held[i]);
    wait_for(&n_held, 4000);
    run_for(loop, 50000);
    ck_assert_uint_eq(given, 4000);
}
END_TEST

START_TEST(pausing_stops_the_asking_and_resuming_goes_on)
{
    backlog = 1;
    open_it(8000);
    wait_for(&n_held, 1);
    wait_for(&n_waiting, 4);
    subscriber_pause(subscriber);
    wake();
    run_for(loop, 50000);
    ck_assert_uint_eq(n_waiting, 0);
    backlog = 10;
    run_for(loop, 50000);
    ck_assert_uint_eq(n_held, 1);
    subscriber_resume(subscriber);
    wait_for(&n_held, 11);
}
END_TEST

START_TEST(a_lost_acknowledgement_is_repeated)
{
    ack_at_once = true;
    ack_status = 503;
    backlog = 100;
    open_it(8000);
    wait_for(&n_acks, 3);
    ck_assert_uint_eq(n_acked, 0);
    ack_status = 0;
    wait_for(&n_acked, 100);
}
END_TEST

START_TEST(a_refused_acknowledgement_is_given_up)
{
    ack_at_once = true;
    ack_status = 400;
    backlog = 5;
    open_it(8000);
    wait_for(&n_acks, 1);
    run_for(loop, 100000);
    ck_assert_uint_eq(n_acks, 1);
    ack_status = 0;
    backlog = 1;
    wake();
    wait_for(&n_acked, 1);
}
END_TEST

START_TEST(a_missing_subscription_is_told_and_waited_for)
{
    pull_status = 404;
    open_it(8000);
    wait_for(&n_pulls, 3);
    ck_assert(!is_up);
    ck_assert_ptr_nonnull(
        strstr(why, "projects/p/subscriptions/s does not exist"));
    ck_assert_ptr_nonnull(strstr(why, "create it"));
    pull_status = 0;
    backlog = 1;
    wait_for(&n_held, 1);
    ck_assert(is_up);
}
END_TEST

START_TEST(a_service_that_comes_back_is_found_again)
{
    ack_at_once = true;
    backlog = 1;
    open_it(8000);
    wait_for(&n_acked, 1);
    wait_for(&n_waiting, 4);
    n_waiting = 0;
    service_stop(&service);
    run_for(loop, 200000);
    ck_assert(!is_up);
    backlog = 10;
    service_start(&service, loop, on_request, NULL);
    wait_for(&n_acked, 11);
    ck_assert(is_up);
}
END_TEST

START_TEST(what_is_held_stays_leased)
{
    backlog = 3000;
    open_it(8000);
    wait_for(&n_held, 3000);
    wait_for(&n_extended, 3); /* 3 s after they came, 1,000 a request */
    ck_assert_uint_eq(n_acked + n_returned, 0);
}
END_TEST

START_TEST(what_is_given_back_is_given_back_at_once)
{
    backlog = 10;
    open_it(8000);
    wait_for(&n_held, 10);
    for (unsigned i = 0; i < 10; i++)
        subscriber_return(subscriber, held[i]);
    wait_for(&n_returned, 10);
}
END_TEST

START_TEST(closing_flushes_acknowledgements)
{
    backlog = 50;
    open_it(8000);
    wait_for(&n_held, 50);
    for (unsigned i = 0; i < 40; i++)
        subscriber_ack(subscriber, held[i]);
    for (unsigned i = 40; i < 50; i++)
        subscriber_return(subscriber, held[i]);
    close_it(5000000);
    ck_assert_uint_eq(n_acked, 40);
    ck_assert_uint_eq(n_returned, 10);
}
END_TEST

START_TEST(closing_ends_though_the_service_fails)
{
    int64_t from;

    backlog = 50;
    open_it(8000);
    wait_for(&n_held, 50);
    ack_status = 503;
    for (unsigned i = 0; i < 40; i++)
        subscriber_ack(subscriber, held[i]);
    from = clock_mono_us();
    close_it(200000);
    ck_assert_int_lt(clock_mono_us() - from, 20000000);
}
END_TEST

Suite *suite_pull_subscriber(void)
{
    Suite *s = suite_create("pull_subscriber");
    TCase *tc = tcase_create("pull_subscriber");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_backlog_is_drained_and_acknowledged_once);
    tcase_add_test(tc, several_pulls_wait_while_there_is_nothing);
    tcase_add_test(tc, holds_no_more_than_it_may);
    tcase_add_test(tc, pausing_stops_the_asking_and_resuming_goes_on);
    tcase_add_test(tc, a_lost_acknowledgement_is_repeated);
    tcase_add_test(tc, a_refused_acknowledgement_is_given_up);
    tcase_add_test(tc, a_missing_subscription_is_told_and_waited_for);
    tcase_add_test(tc, a_service_that_comes_back_is_found_again);
    tcase_add_test(tc, what_is_held_stays_leased);
    tcase_add_test(tc, what_is_given_back_is_given_back_at_once);
    tcase_add_test(tc, closing_flushes_acknowledgements);
    tcase_add_test(tc, closing_ends_though_the_service_fails);
    suite_add_tcase(s, tc);
    return s;
}
