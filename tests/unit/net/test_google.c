/* SPDX-License-Identifier: Apache-2.0 */
#include "net/google.h"

#include <check.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "net/token_kind.h"
#include "service.h"

static struct loop *loop;
static struct service service;
static struct google *google;
static struct token_source *tokens;
static unsigned n_fetches, n_requests;
static int refuse_token; /* the number in the token that gets a 401 */
static char last_authorization[64];

/* A kind of credential that hands out "token-1", "token-2", ... */
struct counter {
    struct token_source *source;
    struct loop_timer timer;
    bool fails;
    int64_t life_us;
};
static struct counter *counter;

static void deliver(struct loop_timer *timer)
{
    struct counter *c = LOOP_OWNER(timer, struct counter, timer);
    char text[32];
    struct err err;

    snprintf(text, sizeof(text), "token-%u", ++n_fetches);
    if (c->fails) {
        err_set(&err, RC_UNAVAILABLE, "no token today");
        token_deliver(c->source, RC_UNAVAILABLE, &err, STR_NULL, 0);
        return;
    }
    token_deliver(c->source, RC_OK, NULL, str_from(text), c->life_us);
}

static void counter_fetch(void *self)
{
    loop_timer_arm(&((struct counter *)self)->timer, 1000);
}

static void counter_free(void *self)
{
    loop_timer_fini(&((struct counter *)self)->timer);
    mem_free(self);
}

static const struct token_kind kind = {counter_fetch, counter_free};

static void on_request(struct http_req *req, void *arg)
{
    struct str auth = http_req_known(req, HTTP_H_AUTHORIZATION);
    char refused[32];

    (void)arg;
    n_requests++;
    snprintf(last_authorization, sizeof(last_authorization), "%.*s",
             STR_ARG(auth));
    snprintf(refused, sizeof(refused), "Bearer token-%d", refuse_token);
    if (auth.p && (refuse_token < 0 || str_eq(auth, str_from(refused))))
        service_reply(req, 401, STR("{\"error\":{\"message\":\"stale\"}}"));
    else if (str_eq(http_req_path(req), STR("/v1/none")))
        service_reply(req, 404, STR("{\"error\":{\"message\":\"no such\"}}"));
    else
        service_reply(req, 200, STR("{}"));
}

static void setup(void)
{
    struct endpoint e;
    struct err err;

    loop = loop_new();
    service = (struct service){0};
    service_start(&service, loop, on_request, NULL);
    counter = MEM_NEW(struct counter);
    counter->life_us = 3600000000;
    loop_timer_init(&counter->timer, loop, deliver);
    tokens = token_source_new(loop, &kind, counter, mem_strdup("a counter"),
                              NULL, NULL);
    counter->source = tokens;
    ck_assert_int_eq(endpoint_init(&e, "pubsub", service.base, "X", NULL, &err),
                     RC_OK);
    google = google_new(loop, &e, tokens, 4);
    n_fetches = n_requests = 0;
    refuse_token = 0;
}

static void teardown(void)
{
    google_free(google);
    token_source_free(tokens);
    service_stop(&service);
    loop_free(loop);
}

struct probe {
    struct google_call call;
    bool is_done;
};

static void on_done(struct google_call *call)
{
    LOOP_OWNER(call, struct probe, call)->is_done = true;
}

static void start(struct probe *p, const char *path)
{
    p->call.method = "POST";
    p->call.path = path;
    p->call.body = STR("{}");
    p->call.done = on_done;
    p->is_done = false;
    google_start(google, &p->call);
    ck_assert(!p->is_done);
}

static void ask(struct probe *p, const char *path)
{
    start(p, path);
    run_until(loop, flag_is_set, &p->is_done);
    google_call_fini(&p->call);
}

START_TEST(one_token_serves_many_calls)
{
    struct probe a = {0}, b = {0};

    start(&a, "/v1/x");
    start(&b, "/v1/x");
    run_until(loop, flag_is_set, &a.is_done);
    run_until(loop, flag_is_set, &b.is_done);
    ask(&a, "/v1/x");
    ck_assert_int_eq(a.call.rc, RC_OK);
    ck_assert_uint_eq(n_fetches, 1);
    ck_assert_str_eq(last_authorization, "Bearer token-1");
    google_call_fini(&b.call);
}
END_TEST

START_TEST(a_refused_token_is_replaced_once)
{
    struct probe p = {0};

    ask(&p, "/v1/x");
    refuse_token = 1;
    ask(&p, "/v1/x");
    ck_assert_int_eq(p.call.rc, RC_OK);
    ck_assert_uint_eq(n_fetches, 2);
    ck_assert_str_eq(last_authorization, "Bearer token-2");
}
END_TEST

START_TEST(a_second_refusal_is_final)
{
    struct probe p = {0};

    refuse_token = -1;
    ask(&p, "/v1/x");
    ck_assert_int_eq(p.call.rc, RC_DENIED);
    ck_assert_uint_eq(n_requests, 2);
    ck_assert_ptr_nonnull(strstr(p.call.err.text, "stale"));
    ck_assert_ptr_null(strstr(p.call.err.text, "token-"));
}
END_TEST

START_TEST(without_a_token_nothing_is_sent)
{
    struct probe p = {0};

    counter->fails = true;
    ask(&p, "/v1/x");
    ck_assert_int_eq(p.call.rc, RC_UNAVAILABLE);
    ck_assert_uint_eq(n_requests, 0);
    ck_assert_str_eq(p.call.err.text, "no token today");
}
END_TEST

static bool two_were_fetched(void *arg)
{
    (void)arg;
    return n_fetches >= 2;
}

START_TEST(a_token_is_renewed_ahead_of_its_end_and_unasked)
{
    struct probe p = {0};
    int64_t begun = clock_mono_us();

    counter->life_us = 400000;
    ask(&p, "/v1/x");
    ck_assert_uint_eq(n_fetches, 1);
    run_until(loop, two_were_fetched, NULL);
    /* a quarter of its life ahead, not at once */
    ck_assert_int_ge(clock_mono_us() - begun, 300000);
    ck_assert_uint_eq(n_requests, 1);
}
END_TEST

START_TEST(calls_at_once_wait_for_one_token)
{
    struct probe p[3] = {0};

    for (int i = 0; i < 3; i++)
        start(&p[i], "/v1/x");
    for (int i = 0; i < 3; i++) {
        run_until(loop, flag_is_set, &p[i].is_done);
        ck_assert_int_eq(p[i].call.rc, RC_OK);
        google_call_fini(&p[i].call);
    }
    ck_assert_uint_eq(n_fetches, 1);
    ck_assert_str_eq(last_authorization, "Bearer token-1");
}
END_TEST

START_TEST(tells_the_services_own_sentence)
{
    struct probe p = {0};

    ask(&p, "/v1/none");
    ck_assert_int_eq(p.call.rc, RC_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(p.call.err.text, "no such (HTTP 404)"));
}
END_TEST

START_TEST(can_be_cancelled_while_it_waits_for_a_token)
{
    struct probe p = {0};

    start(&p, "/v1/x");
    google_cancel(&p.call);
    ck_assert(!p.is_done);
    run_until(loop, flag_is_set, &p.is_done);
    ck_assert_int_eq(p.call.rc, RC_CANCELLED);
    run_for(loop, 10000);
    ck_assert_uint_eq(n_requests, 0);
}
END_TEST

START_TEST(freeing_it_ends_calls_at_every_stage)
{
    struct probe a = {0}, b = {0};

    ask(&a, "/v1/x");
    start(&a, "/v1/x");
    run_for(loop, 1);
    token_refused(tokens, STR("token-1"));
    start(&b, "/v1/x");
    google_free(google);
    google = NULL;
    ck_assert(a.is_done && b.is_done);
    ck_assert_int_eq(b.call.rc, RC_CANCELLED);
    google_call_fini(&a.call);
    google_call_fini(&b.call);
}
END_TEST

Suite *suite_google(void)
{
    Suite *s = suite_create("google");
    TCase *tc = tcase_create("google");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_token_serves_many_calls);
    tcase_add_test(tc, a_refused_token_is_replaced_once);
    tcase_add_test(tc, a_second_refusal_is_final);
    tcase_add_test(tc, without_a_token_nothing_is_sent);
    tcase_add_test(tc, a_token_is_renewed_ahead_of_its_end_and_unasked);
    tcase_add_test(tc, calls_at_once_wait_for_one_token);
    tcase_add_test(tc, tells_the_services_own_sentence);
    tcase_add_test(tc, can_be_cancelled_while_it_waits_for_a_token);
    tcase_add_test(tc, freeing_it_ends_calls_at_every_stage);
    suite_add_tcase(s, tc);
    return s;
}
