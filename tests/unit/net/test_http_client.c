/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_client.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "service.h"

static struct loop *loop;
static struct service service;
static struct http_client *client;
static unsigned n_requests;
static char seen[512];

static void on_request(struct http_req *req, void *arg)
{
    struct str path = http_req_path(req);
    struct str body = http_req_body(req);

    (void)arg;
    n_requests++;
    snprintf(seen, sizeof(seen), "%.*s %.*s expect=%d x=%.*s enc=%.*s type=%d",
             STR_ARG(http_req_method_name(req)), STR_ARG(path),
             http_req_field(req, STR("expect")).p != NULL,
             STR_ARG(http_req_field(req, STR("x-test"))),
             STR_ARG(http_req_field(req, STR("content-encoding"))),
             http_req_field(req, STR("content-type")).p != NULL);
    if (str_eq(path, STR("/never")))
        return;
    if (str_eq(path, STR("/busy"))) {
        const struct http_field f = {STR("retry-after"), STR("7")};
        http_reply(req, 429, &f, 1, STR(""));
    } else if (str_eq(path, STR("/moved"))) {
        const struct http_field f = {STR("location"), STR("/other")};
        http_reply(req, 302, &f, 1, STR(""));
    } else {
        http_reply(req, 200, NULL, 0, body);
    }
}

static void setup(void)
{
    /* no proxy may be asked for an address of this machine */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    loop = loop_new();
    service = (struct service){0};
    service_start(&service, loop, on_request, NULL);
    client = http_client_new(loop, 4);
    n_requests = 0;
}

static void teardown(void)
{
    http_client_free(client);
    service_stop(&service);
    loop_free(loop);
}

struct probe {
    struct http_call call;
    char url[128];
    bool is_done;
    unsigned n_done;
};

static void on_done(struct http_call *call)
{
    struct probe *p = LOOP_OWNER(call, struct probe, call);

    p->is_done = true;
    p->n_done++;
}

static void start(struct probe *p, const char *method, const char *path,
                  struct str body)
{
    snprintf(p->url, sizeof(p->url), "%s%s", service.base, path);
    p->call.method = method;
    p->call.url = p->url;
    p->call.body = body;
    if (!p->call.max_response)
        p->call.max_response = 1 << 20;
    p->call.done = on_done;
    p->is_done = false;
    http_call_start(client, &p->call);
    ck_assert(!p->is_done);
}

static void finish(struct probe *p)
{
    run_until(loop, flag_is_set, &p->is_done);
}

START_TEST(sends_a_request_and_gets_the_answer)
{
    struct probe p = {0};

    p.call.fields[0] = (struct http_call_field){"x-test", "yes"};
    p.call.n_fields = 1;
    start(&p, "POST", "/echo", STR("hello"));
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_OK);
    ck_assert_int_eq(p.call.status, 200);
    ck_assert(str_eq(buf_as_str(&p.call.response), STR("hello")));
    ck_assert_str_eq(seen, "POST /echo expect=0 x=yes enc= type=1");
    http_call_fini(&p.call);
}
END_TEST

START_TEST(fields_are_added_emptied_and_left_out)
{
    static const struct http_call_field more[] = {{"x-test", "more"},
                                                  {"content-encoding", ""}};
    struct probe p = {.call = {.more = more, .n_more = 2}};

    start(&p, "POST", "/one", STR("body"));
    finish(&p);
    ck_assert_str_eq(seen, "POST /one expect=0 x=more enc= type=1");
    http_call_fini(&p.call);
    p.call.n_more = 0;
    p.call.fields[0] = (struct http_call_field){"content-type", NULL};
    p.call.n_fields = 1;
    start(&p, "POST", "/two", STR("body"));
    finish(&p);
    ck_assert_str_eq(seen, "POST /two expect=0 x= enc= type=0");
    http_call_fini(&p.call);
}
END_TEST

START_TEST(large_bodies_pass_without_expect)
{
    static char big[3000000];
    struct probe p = {0};

    memset(big, 'x', sizeof(big));
    p.call.max_response = sizeof(big);
    start(&p, "POST", "/echo", str_of(big, sizeof(big)));
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_OK);
    ck_assert_uint_eq(p.call.response.len, sizeof(big));
    ck_assert_ptr_nonnull(strstr(seen, "expect=0"));
    http_call_fini(&p.call);
}
END_TEST

START_TEST(reuses_its_connection)
{
    struct probe p = {0};

    for (int i = 0; i < 50; i++) {
        start(&p, "GET", "/", STR_NULL);
        finish(&p);
        ck_assert_int_eq(p.call.status, 200);
    }
    ck_assert_uint_eq(http_server_counters(service.server, loop)->accepted, 1);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(an_answer_over_the_limit_is_too_large)
{
    struct probe p = {0};

    p.call.max_response = 4;
    start(&p, "POST", "/echo", STR("hello"));
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_TOO_LARGE);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(silence_ends_in_a_timeout)
{
    struct probe p = {0};

    p.call.first_byte_us = 30000;
    start(&p, "GET", "/never", STR_NULL);
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_TIMEOUT);
    p.call.first_byte_us = 0;
    p.call.total_us = 30000;
    start(&p, "GET", "/never", STR_NULL);
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_TIMEOUT);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(a_cancelled_call_is_told_once)
{
    struct probe p = {0};

    start(&p, "GET", "/never", STR_NULL);
    http_call_cancel(&p.call);
    http_call_cancel(&p.call);
    ck_assert(!p.is_done);
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_CANCELLED);
    run_for(loop, 20000);
    ck_assert_uint_eq(p.n_done, 1);
    ck_assert(!http_call_is_active(&p.call));
    http_call_fini(&p.call);
}
END_TEST

START_TEST(nobody_there_is_unavailable)
{
    struct probe p = {0};

    service_stop(&service);
    start(&p, "GET", "/", STR_NULL);
    finish(&p);
    ck_assert_int_eq(p.call.rc, RC_UNAVAILABLE);
    ck_assert(p.call.err.text[0]);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(what_the_server_asks_is_told_and_nothing_is_followed)
{
    struct probe p = {0};

    start(&p, "POST", "/busy", STR("{}"));
    finish(&p);
    ck_assert_int_eq(p.call.status, 429);
    ck_assert_int_eq(p.call.retry_after_us, 7 * US_PER_S);
    p.call.want_field = "Location";
    start(&p, "GET", "/moved", STR_NULL);
    finish(&p);
    ck_assert_int_eq(p.call.status, 302);
    ck_assert_str_eq(p.call.field, "/other");
    ck_assert_uint_eq(n_requests, 2);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(a_bad_url_is_an_error_not_a_crash)
{
    struct probe p = {0};

    p.call.url = "file:///etc/passwd";
    p.call.method = "GET";
    p.call.max_response = 100000;
    p.call.done = on_done;
    http_call_start(client, &p.call);
    finish(&p);
    ck_assert_int_ne(p.call.rc, RC_OK);
    ck_assert_uint_eq(p.call.response.len, 0);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(bodies_are_compressed_when_asked)
{
    static char big[100000];
    struct probe p = {0};

    memset(big, 'x', sizeof(big));
    p.call.gzip = true;
    start(&p, "POST", "/echo", str_of(big, sizeof(big)));
    finish(&p);
    ck_assert_ptr_nonnull(strstr(seen, "enc=gzip"));
    ck_assert_uint_lt(p.call.response.len, 1000);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(freeing_the_client_ends_what_is_in_flight)
{
    struct probe p = {0};

    start(&p, "GET", "/never", STR_NULL);
    http_client_free(client);
    client = NULL;
    ck_assert_uint_eq(p.n_done, 1);
    ck_assert_int_eq(p.call.rc, RC_CANCELLED);
    http_call_fini(&p.call);
}
END_TEST

START_TEST(many_calls_at_once_all_end)
{
    static struct probe p[40];

    memset(p, 0, sizeof(p));
    for (int i = 0; i < 40; i++)
        start(&p[i], "POST", "/echo", STR("x"));
    for (int i = 0; i < 40; i++) {
        finish(&p[i]);
        ck_assert_int_eq(p[i].call.rc, RC_OK);
        http_call_fini(&p[i].call);
    }
    ck_assert_uint_le(http_server_counters(service.server, loop)->accepted, 4);
}
END_TEST

Suite *suite_http_client(void)
{
    Suite *s = suite_create("http_client");
    TCase *tc = tcase_create("http_client");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, sends_a_request_and_gets_the_answer);
    tcase_add_test(tc, fields_are_added_emptied_and_left_out);
    tcase_add_test(tc, large_bodies_pass_without_expect);
    tcase_add_test(tc, reuses_its_connection);
    tcase_add_test(tc, an_answer_over_the_limit_is_too_large);
    tcase_add_test(tc, silence_ends_in_a_timeout);
    tcase_add_test(tc, a_cancelled_call_is_told_once);
    tcase_add_test(tc, nobody_there_is_unavailable);
    tcase_add_test(tc, what_the_server_asks_is_told_and_nothing_is_followed);
    tcase_add_test(tc, a_bad_url_is_an_error_not_a_crash);
    tcase_add_test(tc, bodies_are_compressed_when_asked);
    tcase_add_test(tc, freeing_the_client_ends_what_is_in_flight);
    tcase_add_test(tc, many_calls_at_once_all_end);
    suite_add_tcase(s, tc);
    return s;
}
