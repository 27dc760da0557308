/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "common/buf.h"
#include "common/trace.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

START_TEST(takes_what_the_standard_allows)
{
    ck_assert(trace_is_valid(STR(GOOD)));
    ck_assert(trace_is_sampled(STR(GOOD)));
    ck_assert(!trace_is_sampled(
        STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
}
END_TEST

static const char *const bad[] = {
    "",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
    "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01",
};

START_TEST(refuses_what_would_spoil_a_log)
{
    struct buf out;

    buf_init(&out, 1000);
    ck_assert(!trace_is_valid(str_from(bad[_i])));
    trace_put_log(&out, str_from(bad[_i]), "p");
    ck_assert_uint_eq(out.len, 0);
    buf_fini(&out);
}
END_TEST

START_TEST(names_trace_and_span_as_cloud_logging_does)
{
    struct buf out;

    buf_init(&out, 1000);
    trace_put_log(&out, STR(GOOD), "p");
    ck_assert(
        str_eq(buf_as_str(&out),
               STR("\"logging.googleapis.com/trace\":\"projects/p/traces/"
                   "4bf92f3577b34da6a3ce929d0e0e4736\","
                   "\"logging.googleapis.com/spanId\":\"00f067aa0ba902b7\"")));
    buf_fini(&out);
}
END_TEST

Suite *suite_trace(void)
{
    Suite *s = suite_create("trace");
    TCase *tc = tcase_create("trace");

    tcase_add_test(tc, takes_what_the_standard_allows);
    tcase_add_loop_test(tc, refuses_what_would_spoil_a_log, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, names_trace_and_span_as_cloud_logging_does);
    suite_add_tcase(s, tc);
    return s;
}
