/* SPDX-License-Identifier: Apache-2.0 */
#include "pubsub/publisher.h"

#include <check.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/mem.h"
#include "net/google.h"
#include "service.h"

static struct loop *loop;
static struct service service;
static struct google *google;
static struct publisher *publisher;

static unsigned n_requests, n_fail; /* the next so many answer 503 */
static unsigned in_flight, most_in_flight;
static int status_for_bad; /* answered to a request that holds "BAD" */
static size_t largest;     /* messages in one request */
static char order[4096];   /* data of all accepted messages */

static size_t count(struct str body, const char *what)
{
    size_t n = 0;
    const char *p = body.p;

    while (
        (p = memmem(p, (size_t)(body.p + body.len - p), what, strlen(what)))) {
        p++;
        n++;
    }
    return n;
}

static void on_request(struct http_req *req, void *arg)
{
    struct str body = http_req_body(req);
    size_t n = count(body, "\"data\"");
    struct buf reply;

    (void)arg;
    n_requests++;
    if (n_fail) {
        n_fail--;
        service_reply(req, 503, STR("{}"));
        return;
    }
    if (status_for_bad && count(body, "\"QkFE\"")) { /* BAD */
        service_reply(req, status_for_bad,
                      STR("{\"error\":{\"message\":\"bad one\"}}"));
        return;
    }
    if (n > largest)
        largest = n;
    buf_init(&reply, 1 << 20);
    buf_puts(&reply, "{\"messageIds\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&reply, "%s\"%zu\"", i ? "," : "", i);
    buf_puts(&reply, "]}");
    for (const char *p = body.p; (p = strstr(p, "\"orderingKey\":\"k"));)
        strncat(order, (p += 16) - 1, 1);
    service_reply(req, 200, buf_as_str(&reply));
    buf_fini(&reply);
}

static void setup(void)
{
    struct publisher_config config = {.project = "p", .topic = "t"};
    struct endpoint e;
    struct err err;

    loop = loop_new();
    service = (struct service){0};
    service_start(&service, loop, on_request, NULL);
    ck_assert_int_eq(endpoint_init(&e, "pubsub", service.base, "X", NULL, &err),
                     RC_OK);
    google = google_new(loop, &e, NULL, 8);
    publisher = publisher_new(loop, google, &config);
    n_requests = n_fail = in_flight = most_in_flight = 0;
    status_for_bad = 0;
    largest = 0;
    order[0] = '\0';
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void close_publisher(void)
{
    bool closed = false;

    publisher_close(publisher, on_closed, &closed);
    ck_assert(!closed);
    run_until(loop, flag_is_set, &closed);
    publisher = NULL;
}

static void teardown(void)
{
    if (publisher)
        close_publisher();
    google_free(google);
    service_stop(&service);
    loop_free(loop);
}

struct sent {
    struct publish publish;
    bool is_done;
    char why[480];
};

static void on_done(struct publish *publish)
{
    struct sent *s = LOOP_OWNER(publish, struct sent, publish);

    ck_assert(!s->is_done);
    s->is_done = true;
    if (publish->err)
        snprintf(s->why, sizeof(s->why), "%s", publish->err->text);
}

static void give(struct sent *s, const char *data, const char *key)
{
    *s = (struct sent){.publish = {.data = str_from(data),
                                   .ordering_key = str_from(key),
                                   .done = on_done}};
    publisher_send(publisher, &s->publish);
    ck_assert(!s->is_done);
}

START_TEST(what_is_sent_in_one_turn_shares_a_request)
{
    static struct sent s[2500];

    for (int i = 0; i < 2500; i++)
        give(&s[i], "x", NULL);
    for (int i = 0; i < 2500; i++) {
        run_until(loop, flag_is_set, &s[i].is_done);
        ck_assert_int_eq(s[i].publish.rc, RC_OK);
    }
    ck_assert_uint_eq(n_requests, 3);
    ck_assert_uint_eq(largest, 1000);
    ck_assert_str_eq(s[1001].publish.id, "1");
    ck_assert_uint_eq(publisher_pending(publisher), 0);
}
END_TEST

START_TEST(a_failing_service_is_tried_again)
{
    struct sent s;

    n_fail = 3;
    give(&s, "x", NULL);
    run_until(loop, flag_is_set, &s.is_done);
    ck_assert_int_eq(s.publish.rc, RC_OK);
    ck_assert_uint_eq(n_requests, 4);
}
END_TEST

START_TEST(one_bad_message_fails_alone)
{
    static struct sent s[5];

    status_for_bad = 400;
    for (int i = 0; i < 5; i++)
        give(&s[i], i == 2 ? "BAD" : "x", NULL);
    for (int i = 0; i < 5; i++) {
        run_until(loop, flag_is_set, &s[i].is_done);
        ck_assert_int_eq(s[i].publish.rc, i == 2 ? RC_INVALID : RC_OK);
    }
    ck_assert_ptr_nonnull(strstr(s[2].why, "bad one"));
}
END_TEST

START_TEST(a_missing_topic_is_told_at_once)
{
    struct sent s;

    status_for_bad = 404;
    give(&s, "BAD", NULL);
    run_until(loop, flag_is_set, &s.is_done);
    ck_assert_int_eq(s.publish.rc, RC_NOT_FOUND);
    ck_assert_uint_eq(n_requests, 1);
}
END_TEST

START_TEST(messages_of_a_key_keep_their_order)
{
    static struct sent s[9];

    n_fail = 2;
    for (int i = 0; i < 9; i++) {
        static const char *const keys[] = {"k1", "k2", "k3", "k4", "k5",
                                           "k6", "k7", "k8", "k9"};
        give(&s[i], "x", i < 6 ? "k1" : keys[i - 4]);
    }
    for (int i = 0; i < 9; i++) {
        run_until(loop, flag_is_set, &s[i].is_done);
        ck_assert_int_eq(s[i].publish.rc, RC_OK);
    }
    /* a request holds one key */
    ck_assert_uint_eq(strlen(order), 9);
    ck_assert_uint_eq(n_requests, 2 + 4);
    ck_assert_uint_eq(largest, 6);
}
END_TEST

START_TEST(closing_ends_what_is_not_answered)
{
    static struct sent s[3];

    n_fail = 1000000;
    for (int i = 0; i < 3; i++)
        give(&s[i], "x", NULL);
    run_for(loop, 20000);
    close_publisher();
    for (int i = 0; i < 3; i++) {
        ck_assert(s[i].is_done);
        ck_assert_int_eq(s[i].publish.rc, RC_CANCELLED);
    }
}
END_TEST

Suite *suite_publisher(void)
{
    Suite *s = suite_create("publisher");
    TCase *tc = tcase_create("publisher");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_sent_in_one_turn_shares_a_request);
    tcase_add_test(tc, a_failing_service_is_tried_again);
    tcase_add_test(tc, one_bad_message_fails_alone);
    tcase_add_test(tc, a_missing_topic_is_told_at_once);
    tcase_add_test(tc, messages_of_a_key_keep_their_order);
    tcase_add_test(tc, closing_ends_what_is_not_answered);
    suite_add_tcase(s, tc);
    return s;
}
