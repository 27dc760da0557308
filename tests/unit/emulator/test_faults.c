/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "common/buf.h"
#include "emulator/faults.h"
#include "emulator/requests.h"
#include "grpc/grpc.h"

static struct faults *f;

static void setup(void)
{
    f = faults_new(7);
}

static void teardown(void)
{
    faults_free(f);
}

static void set(const char *json)
{
    struct err err = {0};

    ck_assert_msg(faults_set_json(f, str_from(json), &err) == RC_OK, "%s",
                  err.text);
}

static bool match(const char *method, const char *resource, struct fault *out)
{
    return faults_match(f, STR("pubsub"), str_from(method), str_from(resource),
                        out);
}

static const struct {
    const char *glob, *text;
    bool fits;
} globs[] = {
    {"*", "", true},        {"a*c", "abbc", true},
    {"a*c", "abb", false},  {"?", "", false},
    {"a?c", "abc", true},   {"*/t*", "p/topic", true},
    {"", "", true},         {"", "a", false},
    {"**b**", "abc", true}, {"a*b*c*d", "aXbXcX", false},
};

START_TEST(fits_globs)
{
    ck_assert(faults_glob(str_from(globs[_i].glob), str_from(globs[_i].text)) ==
              globs[_i].fits);
}
END_TEST

START_TEST(matches_method_in_all_its_spellings_and_counts_down)
{
    static const char *const spellings[] = {
        "google.pubsub.v1.Publisher/Publish", "Publisher/Publish", "Publish",
        "*r/Publish"};
    struct fault out;
    char json[200];

    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        snprintf(json, sizeof(json),
                 "{\"rules\":[{\"method\":\"%s\",\"match\":\"*/t\",\"code\":"
                 "\"ABORTED\",\"count\":1}]}",
                 spellings[i]);
        set(json);
        ck_assert(!match("google.pubsub.v1.Publisher/Publish", "a/x", &out));
        ck_assert(!match("google.pubsub.v1.Subscriber/Pull", "a/t", &out));
        ck_assert(match("google.pubsub.v1.Publisher/Publish", "a/t", &out));
        ck_assert_int_eq(out.action, FAULT_ERROR);
        ck_assert_int_eq(out.status, GRPC_ABORTED);
        ck_assert_int_eq(out.http_status, 409);
        ck_assert(!match("google.pubsub.v1.Publisher/Publish", "a/t", &out));
        ck_assert_int_eq(out.action, FAULT_NONE);
    }
}
END_TEST

START_TEST(guesses_the_action_from_what_is_given)
{
    struct fault out;

    set("{\"rules\":[{\"latency_ms\":1.5}]}");
    ck_assert(match("m", "", &out));
    ck_assert_int_eq(out.action, FAULT_DELAY);
    ck_assert_int_eq(out.latency_us, 1500);
    set("{\"rules\":[{}]}");
    ck_assert(match("m", "", &out));
    ck_assert_int_eq(out.action, FAULT_ERROR);
    ck_assert_int_eq(out.status, GRPC_UNAVAILABLE);
    set("{\"rules\":[{\"http_status\":503,\"latency_ms\":1}]}");
    ck_assert(match("m", "", &out));
    ck_assert_int_eq(out.action, FAULT_ERROR);
    ck_assert_int_eq(out.http_status, 503);
}
END_TEST

START_TEST(throws_the_same_dice_for_the_same_seed)
{
    struct faults *other = faults_new(7);
    struct fault a, b;
    int hits = 0;

    set("{\"rules\":[{\"probability\":0.5}]}");
    ck_assert_int_eq(faults_set_json(other,
                                     STR("{\"rules\":[{\"probability\":0.5}]}"),
                                     NULL),
                     RC_OK);
    for (int i = 0; i < 200; i++) {
        bool hit = match("m", "", &a);

        ck_assert(hit ==
                  faults_match(other, STR("pubsub"), STR("m"), STR(""), &b));
        hits += hit;
    }
    ck_assert(hits > 50 && hits < 150);
    faults_free(other);
}
END_TEST

static const struct {
    const char *json, *why;
} wrongs[] = {
    {"", NULL},
    {"[]", "{\"rules\":[...]} is wanted"},
    {"{\"rules\":[1]}", "rules[0]: an object is wanted"},
    {"{\"rules\":[{},{\"probability\":2}]}",
     "rules[1].probability: a number from 0 to 1 is wanted"},
    {"{\"rules\":[{\"nada\":1}]}", "rules[0].nada: there is no such member"},
    {"{\"rules\":[{\"code\":\"OK\"}]}",
     "rules[0].code: no status of gRPC other than OK"},
    {"{\"rules\":[{\"code\":0}]}",
     "rules[0].code: no status of gRPC other than OK"},
    {"{\"rules\":[{\"http_status\":200}]}",
     "rules[0].http_status: 400 to 599 is wanted (200, rows refused: with "
     "method tabledata.insertAll)"},
    {"{\"rules\":[{\"action\":\"delay\"}]}",
     "rules[0].latency_ms: a delay wants how long"},
    {"{\"rules\":[{\"action\":\"reset\",\"code\":\"ABORTED\"}]}",
     "rules[0].code: only an error has one"},
    {"{\"rules\":[{\"action\":\"duplicate\",\"http_status\":503}]}",
     "rules[0].http_status: only an error has one"},
    {"{\"rules\":[{\"action\":\"delay\",\"latency_ms\":1,\"message\":\"m\"}]}",
     "rules[0].message: only an error has one"},
    {"{\"rules\":[{\"message\":5}]}", "rules[0].message: a string is wanted"},
    {"{\"rules\":[{\"match\":\"[\"}]}",
     "rules[0].match: '[' fits no resource: all begin with projects/ "
     "(*/topics/t fits a topic)"},
    {"{\"rules\":[{\"match\":\"\"}]}", NULL},
    {"{\"rules\":[{\"match\":\"topics/t\"}]}", NULL},
    {"{\"rules\":[{\"match\":\"project/p*\"}]}", NULL},
    {"{\"rules\":[{\"method\":1}]}", "rules[0].method: a string is wanted"},
    {"{\"rules\":[{\"count\":-1}]}",
     "rules[0].count: an integer from 0 is wanted"},
};

START_TEST(refuses_wrong_rules_and_keeps_the_old)
{
    struct err err = {0};
    struct fault out;

    set("{\"rules\":[{}]}");
    ck_assert_int_eq(faults_set_json(f, str_from(wrongs[_i].json), &err),
                     RC_INVALID);
    if (wrongs[_i].why)
        ck_assert_str_eq(err.text, wrongs[_i].why);
    ck_assert(match("m", "", &out));
}
END_TEST

static const char *const matches[] = {
    "*",          "p*", "?rojects/*", "projects/p/topics/t",
    "projects?p", "*[", "projects/*"};

START_TEST(takes_what_may_fit_a_resource)
{
    char json[100];

    snprintf(json, sizeof(json), "{\"rules\":[{\"match\":\"%s\"}]}",
             matches[_i]);
    set(json);
}
END_TEST

START_TEST(shows_what_can_be_set_again)
{
    struct buf first, second;

    buf_init(&first, 10000);
    buf_init(&second, 10000);
    set("{\"rules\":[{\"service\":\"pubsub\",\"method\":\"M\",\"match\":\"*\","
        "\"code\":\"INTERNAL\",\"count\":3,\"latency_ms\":5}]}");
    faults_render_json(f, &first);
    set(first.data);
    faults_render_json(f, &second);
    ck_assert_str_eq(first.data, second.data);
    buf_fini(&first);
    buf_fini(&second);
}
END_TEST

Suite *suite_faults(void);
Suite *suite_faults(void)
{
    Suite *s = suite_create("faults");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, fits_globs, 0, sizeof(globs) / sizeof(globs[0]));
    tcase_add_test(tc, matches_method_in_all_its_spellings_and_counts_down);
    tcase_add_test(tc, guesses_the_action_from_what_is_given);
    tcase_add_test(tc, throws_the_same_dice_for_the_same_seed);
    tcase_add_loop_test(tc, refuses_wrong_rules_and_keeps_the_old, 0,
                        sizeof(wrongs) / sizeof(wrongs[0]));
    tcase_add_loop_test(tc, takes_what_may_fit_a_resource, 0,
                        sizeof(matches) / sizeof(matches[0]));
    tcase_add_test(tc, shows_what_can_be_set_again);
    suite_add_tcase(s, tc);
    return s;
}
