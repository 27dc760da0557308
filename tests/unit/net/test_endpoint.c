/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include <check.h>

static const struct {
    const char *emulator, *universe;
    const char *base; /* NULL: refused */
} cases[] = {
    {"127.0.0.1:8085", NULL, "http://127.0.0.1:8085"},
    {"http://localhost:8085/", NULL, "http://localhost:8085"},
    {"[::1]:8085", NULL, "http://[::1]:8085"},
    {"pubsub:8085", NULL, "http://pubsub:8085"},
    {" 127.0.0.1:8085 ", NULL, "http://127.0.0.1:8085"},
    {NULL, NULL, "https://pubsub.googleapis.com"},
    {"", "", "https://pubsub.googleapis.com"},
    {NULL, "example.org", "https://pubsub.example.org"},
    {"127.0.0.1", NULL, NULL},
    {"127.0.0.1:", NULL, NULL},
    {"127.0.0.1:0", NULL, NULL},
    {"127.0.0.1:65536", NULL, NULL},
    {":8085", NULL, NULL},
    {"::1:8085", NULL, NULL},
    {"user@127.0.0.1:8085", NULL, NULL},
    {"127.0.0.1:8085/path", NULL, NULL},
    {"127.0.0.1:80 85", NULL, NULL},
    {"https://127.0.0.1:8085", NULL, NULL},
    {NULL, "evil.org/x", NULL},
    {NULL, ".org", NULL},
};

START_TEST(finds_the_address_or_says_what_is_wrong)
{
    struct endpoint e;
    struct err err = {0};
    int rc = endpoint_init(&e, "pubsub", cases[_i].emulator,
                           "PUBSUB_EMULATOR_HOST", cases[_i].universe, &err);

    if (!cases[_i].base) {
        ck_assert_int_eq(rc, RC_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "must be"));
        return;
    }
    ck_assert_msg(rc == RC_OK, "%s", err.text);
    ck_assert_str_eq(e.base, cases[_i].base);
    ck_assert_int_eq(e.is_emulator,
                     cases[_i].emulator && cases[_i].emulator[0]);
}
END_TEST

static const struct {
    const char *url;
    bool is_safe;
} urls[] = {
    {"https://sts.googleapis.com/v1/token", true},
    {"http://127.0.0.1:9050/token", true},
    {"http://127.8.9.10/token", true},
    {"http://localhost/token", true},
    {"http://[::1]:80/token", true},
    {"http://127.0.0.1.evil.org/token", false},
    {"http://127.0.0.1@evil.org/token", false},
    {"http://evil.org/127.0.0.1", false},
    {"http://[::2]/", false},
    {"http://localhost.evil.org/", false},
    {"http://169.254.169.254/", false},
    {"https://", false},
    {"ftp://127.0.0.1/", false},
    {"file:///etc/passwd", false},
    {"http://127.0.0.1\n.evil.org/", false},
    {"http://evil.org\\@127.0.0.1/", false},
    {"", false},
};

START_TEST(plain_text_only_on_loopback)
{
    ck_assert_msg(endpoint_url_is_safe(str_from(urls[_i].url)) ==
                      urls[_i].is_safe,
                  "%s", urls[_i].url);
}
END_TEST

Suite *suite_endpoint(void)
{
    Suite *s = suite_create("endpoint");
    TCase *tc = tcase_create("endpoint");

    tcase_add_loop_test(tc, finds_the_address_or_says_what_is_wrong, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tc, plain_text_only_on_loopback, 0,
                        sizeof(urls) / sizeof(urls[0]));
    suite_add_tcase(s, tc);
    return s;
}
